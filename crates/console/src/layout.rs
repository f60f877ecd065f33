//! The frame around every page: navigation, where one is, and what was just done.

use ringback_service::{OrganizationView, Right, Service};

use crate::accent;
use crate::asset;
use crate::error::PageError;
use crate::flash;
use crate::visit::{AppVisit, Face, User, Visit, place};

/// Organizations that the switch lists.
const ORGANIZATIONS_SHOWN: usize = 200;

/// What `base.html` shows around a page.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The name of the page.
    pub(crate) title: String,
    /// Whose console it is.
    pub(crate) brand: String,
    /// Its logo, for the portal: a URL; empty if there is none.
    pub(crate) logo: String,
    /// Path of the style sheet with its colour; empty if it has none.
    pub(crate) accent: String,
    /// Where whoever needs help is led; empty if nowhere.
    pub(crate) support: String,
    /// The page of event types, for whoever is asked for one; empty in the portal, which has none.
    pub(crate) event_types: String,
    /// What the paths of pages about users end with.
    pub(crate) place: String,
    /// Where the brand leads.
    pub(crate) home: String,
    /// The navigation, in groups.
    pub(crate) groups: Vec<Group>,
    /// The organizations to switch between, if there are several.
    pub(crate) organizations: Vec<Link>,
    /// Who is signed in; empty in the portal.
    pub(crate) user: String,
    /// What the user may do.
    pub(crate) role: String,
    /// The token of forms.
    pub(crate) csrf: String,
    /// What was just done.
    pub(crate) flash: Option<&'static str>,
    /// Whether it is the portal.
    pub(crate) portal: bool,
    /// Paths of what is embedded.
    pub(crate) assets: Assets,
}

/// Paths of what the frame loads.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    pub(crate) style: String,
    pub(crate) form: String,
    pub(crate) message: String,
    pub(crate) overview: String,
    pub(crate) script: String,
    pub(crate) live: String,
    pub(crate) import: String,
    pub(crate) form_script: String,
    pub(crate) icon: String,
}

/// Lines of the navigation that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// What they are about; may be empty.
    pub(crate) title: String,
    /// The lines.
    pub(crate) links: Vec<Link>,
}

/// One line of the navigation.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Where it leads.
    pub(crate) path: String,
    /// What it says.
    pub(crate) label: String,
    /// The picture before it, a name in `icon.html`.
    pub(crate) icon: &'static str,
    /// One is there.
    pub(crate) current: bool,
}

fn link(base: &str, tail: &str, label: &str, icon: &'static str, here: &str) -> Link {
    Link { path: format!("{base}{tail}"), label: label.to_owned(), icon, current: tail == here }
}

impl Layout {
    /// The frame of a page that nobody has to sign in for.
    pub(crate) fn bare(title: &str, csrf: String) -> Self {
        Self {
            title: title.to_owned(),
            brand: "Ringback".to_owned(),
            logo: String::new(),
            accent: String::new(),
            support: String::new(),
            event_types: String::new(),
            place: String::new(),
            home: "/console".to_owned(),
            groups: Vec::new(),
            organizations: Vec::new(),
            user: String::new(),
            role: String::new(),
            csrf,
            flash: None,
            portal: false,
            assets: Assets {
                style: asset::path("style.css"),
                form: asset::path("form.css"),
                message: asset::path("message.css"),
                overview: asset::path("overview.css"),
                script: asset::path("console.js"),
                live: asset::path("live.js"),
                import: asset::path("import.js"),
                form_script: asset::path("form.js"),
                icon: asset::path("icon.svg"),
            },
        }
    }

    /// The frame of a page about the user, or about all users: that of the organization that one comes from.
    pub(crate) async fn of_user(service: &Service, user: &User, title: &str, here: &str) -> Result<Self, PageError> {
        Self::of_organization(service, &user.visit(), title, here).await
    }

    /// The frame of a page about an organization; `here` is the page's path behind that of the organization.
    pub(crate) async fn of_organization(
        service: &Service,
        visit: &Visit,
        title: &str,
        here: &str,
    ) -> Result<Self, PageError> {
        let mut layout = Self::bare(title, visit.csrf.clone());
        layout.portal = visit.is_portal();
        let (branding, support) = service.branding(visit.org).await?;
        if visit.is_portal() {
            layout.brand = "Webhooks".to_owned();
            layout.logo = branding.logo_url.unwrap_or_default();
        }
        if let Some(name) = branding.name {
            layout.brand = name;
        }
        layout.accent = branding.accent_color.as_deref().map(accent::path).unwrap_or_default();
        layout.support = support.unwrap_or_default();
        layout.home.clone_from(&visit.base);
        if let Face::Console(signed_in) = &visit.face {
            layout.event_types = format!("{}/event-types", visit.base);
            layout.place = place(visit.org);
            layout.name_user(signed_in);
            let listed = service.list_organizations(ORGANIZATIONS_SHOWN).await?;
            if listed.len() > 1 {
                layout.organizations = listed.iter().map(|one| organization(one, visit)).collect();
            }
            let mut links = vec![
                link(&visit.base, "", "Applications", "apps", here),
                link(&visit.base, "/overview", "Overview", "chart", here),
                link(&visit.base, "/event-types", "Event types", "tag", here),
                link(&visit.base, "/settings", "Settings", "gear", here),
            ];
            links.push(link(&visit.base, "/audit", "Audit log", "clock", here));
            if visit.may(Right::GrantAccess) {
                links.insert(3, link(&visit.base, "/access", "Access", "key", here));
            }
            if visit.is_admin() {
                let path = format!("/console/users{}", layout.place);
                links.push(Link { path, ..link("", "/users", "Users", "people", here) });
            }
            layout.groups.push(Group { title: String::new(), links });
        }
        Ok(layout)
    }

    /// The frame of a page about an application; `here` is the page's path behind that of the application.
    pub(crate) async fn of_app(
        service: &Service,
        visit: &AppVisit,
        title: &str,
        here: &str,
    ) -> Result<Self, PageError> {
        // No line of the organization's is the current one.
        let mut layout = Self::of_organization(service, &visit.visit, title, "-").await?;
        let base = &visit.base;
        layout.home.clone_from(base);
        let mut links = Vec::new();
        if visit.may(Right::ReadEndpoints) {
            links.push(link(base, "/webhooks", "Webhooks", "webhook", here));
        }
        links.push(link(base, "/messages", "Messages", "list", here));
        links.push(link(base, "/overview", "Overview", "chart", here));
        links.push(link(base, "/tasks", "Tasks", "repeat", here));
        if visit.may(Right::ReadEndpoints) {
            links.push(link(base, "/programs", "Programs", "key", here));
        }
        links.push(link(base, "/application", "Application", "gear", here));
        let title = visit.app.application.name.clone();
        layout.groups.insert(0, Group { title, links });
        Ok(layout)
    }

    /// The same frame with what the query says was just done.
    pub(crate) fn after(mut self, query: Option<&str>) -> Self {
        self.flash = flash::of_query(query);
        self
    }

    fn name_user(&mut self, signed_in: &ringback_service::SignedIn) {
        let user = &signed_in.user;
        self.user = if user.name.is_empty() { user.email.clone() } else { user.name.clone() };
        self.role = user.role.text().to_owned();
    }
}

fn organization(one: &OrganizationView, visit: &Visit) -> Link {
    let path = format!("/console/{}", one.id);
    Link { path, label: one.id.to_string(), icon: "apps", current: one.id == visit.org }
}
