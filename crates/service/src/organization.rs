//! Organizations: known by their number once something is kept for them, and what holds for all of their applications.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ringback_model::{
    Branding, DEFAULT_ORGANIZATION, Endpoint, EndpointSecrets, OrgId, OrgNo, OrganizationSettings, ProductList,
    SigningKey, SigningSecret, has_numbers, products,
};
use ringback_store::{Direction, Document, DocumentKind, DocumentPage, Expect, Paging, Put, PutResult, StoreError};
use ringback_wire::Recipe;

use crate::audit::Note;
use crate::branding;
use crate::check::Faults;
use crate::issuer::OrganizationSecrets;
use crate::retention::{PAYLOAD_DAYS, RECORD_DAYS, Retention};
use crate::service::TRIES;
use crate::{Actor, JqlIssuerDraft, Right, Service, ServiceError};

/// Numbers that are remembered at most.
const REMEMBERED: usize = 20_000;
/// Products that an operator may have of its own, and types of report of each.
const PRODUCTS_MAX: usize = 50;
const REPORT_TYPES_MAX: usize = 20;
/// The longest word for a product or a type of report, in bytes.
const WORD_MAX: usize = 32;

/// An organization as users of the console see it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationView {
    /// Its id.
    pub id: OrgId,
    /// What holds for all of its applications.
    pub settings: OrganizationSettings,
}

/// What a caller may say of what holds for all applications of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationDraft {
    /// See [`OrganizationSettings::time_zone`].
    pub time_zone: Option<String>,
    /// See [`OrganizationSettings::retry_schedule`].
    pub retry_schedule: Option<Vec<Duration>>,
    /// See [`OrganizationSettings::retention_days`].
    pub retention_days: Option<u16>,
    /// See [`OrganizationSettings::attempt_retention_days`].
    pub attempt_retention_days: Option<u16>,
    /// See [`OrganizationSettings::message_retention_days`].
    pub message_retention_days: Option<u16>,
    /// See [`OrganizationSettings::require_verification`].
    pub require_verification: bool,
    /// See [`OrganizationSettings::strict_event_types`].
    pub strict_event_types: bool,
    /// See [`OrganizationSettings::validate_payloads`].
    pub validate_payloads: bool,
    /// See [`OrganizationSettings::mask_numbers`].
    pub mask_numbers: bool,
    /// See [`OrganizationSettings::products`].
    pub products: ProductList,
    /// See [`OrganizationSettings::branding`].
    pub branding: Branding,
    /// See [`OrganizationSettings::support_url`].
    pub support_url: Option<String>,
    /// See [`OrganizationSettings::jql`].
    pub jql: Option<JqlIssuerDraft>,
}

impl OrganizationDraft {
    /// What holds now: the draft that changes nothing.
    #[must_use]
    pub fn of(settings: &OrganizationSettings) -> Self {
        Self {
            time_zone: settings.time_zone.clone(),
            retry_schedule: settings.retry_schedule(),
            retention_days: settings.retention_days,
            attempt_retention_days: settings.attempt_retention_days,
            message_retention_days: settings.message_retention_days,
            require_verification: settings.require_verification,
            strict_event_types: settings.strict_event_types,
            validate_payloads: settings.validate_payloads,
            mask_numbers: settings.mask_numbers,
            products: settings.products.clone(),
            branding: settings.branding.clone(),
            support_url: settings.support_url.clone(),
            jql: settings.jql.as_ref().map(JqlIssuerDraft::of),
        }
    }

    fn write_to(self, settings: &mut OrganizationSettings) {
        let micros = |delay: Duration| u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        settings.time_zone = self.time_zone;
        settings.retry_schedule_micros = self.retry_schedule.map(|delays| delays.into_iter().map(micros).collect());
        settings.retention_days = self.retention_days;
        settings.attempt_retention_days = self.attempt_retention_days;
        settings.message_retention_days = self.message_retention_days;
        settings.require_verification = self.require_verification;
        settings.strict_event_types = self.strict_event_types;
        settings.validate_payloads = self.validate_payloads;
        settings.mask_numbers = self.mask_numbers;
        settings.products = self.products;
        settings.branding = self.branding;
        settings.support_url = self.support_url;
    }

    /// Notes what makes no sense by itself.
    pub(crate) fn check(&self, faults: &mut Faults) {
        faults.retry_schedule(self.retry_schedule.as_deref());
        for (name, days, allowed) in [
            ("retentionDays", self.retention_days, PAYLOAD_DAYS),
            ("attemptRetentionDays", self.attempt_retention_days, RECORD_DAYS),
            ("messageRetentionDays", self.message_retention_days, RECORD_DAYS),
        ] {
            if days.is_some_and(|days| !allowed.contains(&days)) {
                let rule = format!("It is {} to {} days; leave it out for 90.", allowed.start(), allowed.end());
                faults.note(name, rule);
            }
        }
        branding::check(&self.branding, self.support_url.as_deref(), faults);
        if self.products.len() > PRODUCTS_MAX {
            faults.note("products", format!("At most {PRODUCTS_MAX} products are allowed."));
        }
        for (product, types) in self.products.iter().take(PRODUCTS_MAX) {
            if !is_word(product) {
                faults.note_item("products", product, WORD_RULE);
            } else if !(1..=REPORT_TYPES_MAX).contains(&types.len()) || !types.iter().all(|word| is_word(word)) {
                let rule = format!("A product has 1 to {REPORT_TYPES_MAX} types of report, such as `dlr`. {WORD_RULE}");
                faults.note_item("products", product, rule);
            } else if let Some((_, twice)) = types.iter().enumerate().find(|(at, word)| types[..*at].contains(word)) {
                faults.note_item("products", product, format!("`{twice}` stands there twice: name it once."));
            }
        }
    }
}

const WORD_RULE: &str = "A word has 1 to 32 characters of a-z, 0-9, `-` and `_`.";

fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// The numbers of organizations. A number never changes, so nothing in here is ever old.
#[derive(Debug, Default)]
pub(crate) struct Organizations(RwLock<HashMap<OrgId, OrgNo>>);

impl Organizations {
    fn get(&self, id: OrgId) -> Option<OrgNo> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn remember(&self, id: OrgId, no: OrgNo) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(id, no);
    }
}

impl Service {
    /// The number of an organization; `None` if nothing was ever kept for it.
    pub(crate) async fn organization(&self, id: OrgId) -> Result<Option<OrgNo>, ServiceError> {
        if let Some(no) = self.organizations.get(id) {
            return Ok(Some(no));
        }
        let Some(found) = self.store.document_by_key(DocumentKind::Organization, 0, id.to_string()).await? else {
            return Ok(None);
        };
        self.organizations.remember(id, OrgNo(found.no));
        Ok(Some(OrgNo(found.no)))
    }

    /// The number of an organization, drawn now if this is the first thing kept for it.
    pub(crate) async fn ensure_organization(&self, id: OrgId) -> Result<OrgNo, ServiceError> {
        if let Some(no) = self.organization(id).await? {
            return Ok(no);
        }
        let put = Put::new(DocumentKind::Organization, 0, id.to_string(), "{}".to_owned());
        match self.store.put(put).await? {
            PutResult::Stored(written) => {
                self.organizations.remember(id, OrgNo(written.no));
                Ok(OrgNo(written.no))
            }
            // Somebody else was faster: theirs is the one.
            PutResult::KeyTaken
            | PutResult::UidTaken
            | PutResult::Stale
            | PutResult::Replayed { .. }
            | PutResult::KeyReused => self.organization(id).await?.ok_or_else(ServiceError::contended),
        }
    }

    /// The organizations that something is kept for, at most `limit`, and always the one that is meant when none is
    /// named. For users of the console, who see all.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_organizations(&self, limit: usize) -> Result<Vec<OrganizationView>, ServiceError> {
        let paging = Paging { limit, after: None, direction: Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::Organization, parent: 0, paging };
        let mut listed = Vec::new();
        for document in self.store.documents(page).await? {
            if let Ok(id) = document.key.parse() {
                listed.push(OrganizationView { id, settings: read(&document)? });
            }
        }
        let default = DEFAULT_ORGANIZATION.parse();
        if let Ok(id) = default
            && listed.iter().all(|one| one.id != id)
        {
            listed.insert(0, OrganizationView { id, settings: OrganizationSettings::default() });
        }
        Ok(listed)
    }

    /// What holds for all applications of the caller's organization.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::ReadOrganization`].
    pub async fn get_organization(&self, actor: &Actor) -> Result<OrganizationSettings, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        self.settings_of(actor).await
    }

    pub(crate) async fn settings_of(&self, actor: &Actor) -> Result<OrganizationSettings, ServiceError> {
        match self.organization(actor.org).await? {
            Some(org) => Ok((*self.directory.settings(org).await?).clone()),
            None => Ok(OrganizationSettings::default()),
        }
    }

    /// How pages about an organization look, and where they lead whoever needs help: for everybody who may open one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn branding(&self, org: OrgId) -> Result<(Branding, Option<String>), ServiceError> {
        let Some(org) = self.organization(org).await? else { return Ok((Branding::default(), None)) };
        let settings = self.directory.settings(org).await?;
        Ok((settings.branding.clone(), settings.support_url.clone()))
    }

    /// The products that customers of the organization have numbers of, by their words.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn products_with_numbers(&self, actor: &Actor) -> Result<Vec<String>, ServiceError> {
        let mut all = self.list_products(actor).await?;
        let own = all.clone();
        all.retain(|product, _| has_numbers(&own, product));
        Ok(all.into_keys().collect())
    }

    /// All products with their types of report, as the organization has them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_products(&self, actor: &Actor) -> Result<ProductList, ServiceError> {
        let own = match self.organization(actor.org).await? {
            Some(org) => self.directory.settings(org).await?.products.clone(),
            None => ProductList::new(),
        };
        Ok(products(&own))
    }

    /// Changes what holds for all applications of the caller's organization. `change` may be called more than once,
    /// each time with what holds then.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::ManageOrganization`], and [`ServiceError::Invalid`].
    pub async fn update_organization(
        &self,
        actor: &Actor,
        change: impl Fn(&mut OrganizationDraft) + Send + Sync,
    ) -> Result<OrganizationSettings, ServiceError> {
        self.save_organization(actor, |_| true, change).await
    }

    /// The same, as long as what holds is still what was `seen`.
    ///
    /// # Errors
    /// Those of [`Service::update_organization`], and [`ServiceError::Conflict`] with `changed` when it is not.
    pub async fn save_organization(
        &self,
        actor: &Actor,
        seen: impl Fn(&OrganizationDraft) -> bool + Send + Sync,
        change: impl Fn(&mut OrganizationDraft) + Send + Sync,
    ) -> Result<OrganizationSettings, ServiceError> {
        actor.require(Right::ManageOrganization)?;
        let rewrite = |mut settings: OrganizationSettings, secrets: &mut OrganizationSecrets| {
            let mut draft = OrganizationDraft::of(&settings);
            if !seen(&draft) {
                return Err(ServiceError::changed("settings"));
            }
            change(&mut draft);
            let mut faults = Faults::default();
            draft.check(&mut faults);
            // One that stays as it was may name what is not allowed any more.
            if let Some(jql) =
                draft.jql.as_ref().filter(|jql| settings.jql.as_ref().map(JqlIssuerDraft::of).as_ref() != Some(jql))
            {
                jql.check(settings.jql.as_ref(), secrets, &*self.urls, &mut faults);
            }
            faults.finish()?;
            let mut faults = Faults::default();
            settings.jql = match draft.jql.take() {
                Some(jql) => Some(jql.write(settings.jql.as_ref(), secrets, self.clock.wall(), &mut faults)),
                None => {
                    secrets.jql_client_secret = None;
                    None
                }
            };
            draft.write_to(&mut settings);
            self.check_time_zone(&settings, &mut faults);
            faults.finish().map(|()| settings)
        };
        let before = Retention::of(&self.settings_of(actor).await?);
        let settings = self.rewrite_organization(actor, rewrite).await?;
        if Retention::of(&settings) != before {
            self.store.revisit().await?;
        }
        Ok(settings)
    }

    /// Writes the settings as they are: what is read beside them has changed.
    pub(crate) async fn touch_organization(&self, actor: &Actor) -> Result<(), ServiceError> {
        self.rewrite_organization(actor, |settings, _| Ok(settings)).await.map(drop)
    }

    async fn rewrite_organization(
        &self,
        actor: &Actor,
        rewrite: impl Fn(OrganizationSettings, &mut OrganizationSecrets) -> Result<OrganizationSettings, ServiceError>,
    ) -> Result<OrganizationSettings, ServiceError> {
        let org = self.ensure_organization(actor.org).await?;
        for _ in 0..TRIES {
            let document = self.store.document(org.0).await?.ok_or_else(ServiceError::contended)?;
            let mut secrets = OrganizationSecrets::read(document.secret.as_ref())?;
            let settings = rewrite(read(&document)?, &mut secrets)?;
            let mut put = Put {
                secret: secrets.to_sealed()?,
                expect: Expect::Version { no: document.no, version: document.version },
                ..Put::new(DocumentKind::Organization, 0, document.key, serde_json::to_string(&settings)?)
            };
            let sealed = document.secret != put.secret;
            let title = put.key.clone();
            let note =
                Note { org: org.0, by: &actor.by, thing: "settings", app: None, subject: title.clone(), title: &title };
            put.audit = note.changed(self.clock.now(), &document.body, &put.body, sealed);
            let result = self.store.put(put).await?;
            self.directory.forget_all();
            if matches!(result, PutResult::Stored(_)) {
                return Ok(settings);
            }
        }
        Err(ServiceError::contended())
    }

    /// A zone is known if times can be written in it: asked of the part that writes them.
    fn check_time_zone(&self, settings: &OrganizationSettings, faults: &mut Faults) {
        let now = self.clock.now();
        let endpoint = Endpoint::new(self.ids.make(now, &*self.random), "https://example.com/".to_owned(), now);
        let key = SigningKey { secret: SigningSecret::generate(&*self.random), expires_at: None };
        let secrets = EndpointSecrets { keys: vec![key], ..EndpointSecrets::default() };
        if let Err(error) = Recipe::new(&endpoint, &secrets, settings) {
            faults.note_path(&error.field, error.message);
        }
    }
}

fn read(document: &Document) -> Result<OrganizationSettings, StoreError> {
    serde_json::from_str(&document.body)
        .map_err(|source| StoreError::Corrupt { what: "organization", source: source.into() })
}
