use ringback_model::Role;

use crate::browser::Browser;
use crate::harness::{ORG, World};

const PAGE: &str = "/console/users";

#[tokio::test]
async fn an_admin_adds_a_user_who_signs_in_by_the_link_and_chooses_a_password() {
    let world = World::new();
    let mut admin = world.signed_in(Role::Admin).await;
    let fields = [("name", "Ben"), ("email", "ben@example.com"), ("role", "viewer")];
    let answer = admin.post(PAGE, PAGE, &fields).await.expect(200);
    let link = answer.text.split("data-link=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let key = link.split("key=").nth(1).unwrap();
    let mut ben = Browser::new(&world);
    ben.post(&link, "/console/sign-in/link", &[("key", key)]).await.expect(303);
    ben.get("/console/account").await.expect(200).holds("ben@example.com");
    ben.get(PAGE).await.expect(403);

    admin.post(PAGE, PAGE, &fields).await.expect(422).holds("There is a user with this address already");
    admin.post(PAGE, PAGE, &[("email", "nobody"), ("role", "viewer")]).await.expect(422).holds("e-mail address");
}

#[tokio::test]
async fn a_user_who_is_removed_is_out_at_once_and_the_last_admin_stays() {
    let world = World::new();
    let mut admin = world.signed_in(Role::Admin).await;
    let mut editor = world.signed_in(Role::Editor).await;
    let users = admin.get(PAGE).await.text;
    let id = |email: &str| {
        let row = users.split("<tr>").find(|row| row.contains("/role\"") && row.contains(email)).unwrap();
        row.split("/console/users/").nth(1).unwrap().split('/').next().unwrap().to_owned()
    };
    let (admin_id, editor_id) = (id("admin@"), id("editor@"));
    editor.post("/console/account", &format!("{PAGE}/{editor_id}/role"), &[("role", "admin")]).await.expect(403);
    let last = admin.post(PAGE, &format!("{PAGE}/{admin_id}/role"), &[("role", "viewer")]).await;
    last.expect(422).holds("the only admin");
    editor.get("/console/account").await.expect(200);
    admin.post(PAGE, &format!("{PAGE}/{editor_id}/delete"), &[]).await.expect(303);
    editor.get("/console/account").await.expect(303);
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let world = World::new();
    let mut viewer = world.signed_in(Role::Viewer).await;
    let page = format!("/console/{ORG}");
    assert!(!viewer.get(&page).await.expect(200).text.contains("Add an application"));
    viewer.post("/console/account", &page, &[("name", "mine")]).await.expect(403);
}

#[tokio::test]
async fn without_scripts_a_page_asks_before_what_cannot_be_taken_back() {
    let world = World::new();
    let mut admin = world.signed_in(Role::Admin).await;
    let path = "/console/users";
    admin.post(path, path, &[("email", "what?now@example.com"), ("role", "viewer")]).await;
    let page = admin.get(path).await.expect(200).text;
    let form = page.split("<form").find(|form| form.contains("/delete\"")).unwrap();
    let value = |name: &str| {
        let field = form.split("<input").find(|input| input.contains(&format!("name=\"{name}\""))).unwrap();
        field.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let delete = form.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let question = value("ask");
    assert_eq!(question, "Remove what?now@example.com? The user is signed out at once.");
    let asked = admin.post(path, &delete, &[("ask", &question), ("other", "<i>")]).await.expect(200);
    asked.holds("<h1>Remove what?now@example.com?</h1>");
    asked.holds("<p>The user is signed out at once.</p>");
    asked.holds(&format!("action=\"{delete}\""));
    asked.holds("name=\"other\" value=\"&#60;i&#62;\"");
    assert!(!asked.text.contains("name=\"ask\""), "it is asked once");
    admin.get(path).await.expect(200).holds("what?now@example.com");
    admin.post(path, &delete, &[]).await.expect(303);
    assert!(!admin.get(path).await.expect(200).text.contains("what?now@example.com"));
}

#[tokio::test]
async fn pages_about_users_keep_the_navigation_of_the_organization_that_one_comes_from() {
    let world = World::new();
    let mut admin = world.signed_in(Role::Admin).await;
    for page in [PAGE, "/console/account"] {
        let shown = admin.get(page).await.expect(200);
        for path in ["", "/overview", "/event-types", "/settings", "/audit"] {
            shown.holds(&format!("href=\"/console/{ORG}{path}\""));
        }
    }
    admin.get(PAGE).await.holds("<a href=\"/console/users\" aria-current=\"page\">");
    let other = "org_1srOrx2ZWZBpBUvZwXKQmoEYga2";
    let settings = admin.get(&format!("/console/{other}/settings")).await.expect(200);
    let (users, account) = (format!("{PAGE}?org={other}"), format!("/console/account?org={other}"));
    settings.holds(&format!("href=\"{users}\""));
    settings.holds(&format!("href=\"{account}\""));
    admin.get(&users).await.expect(200).holds(&format!("href=\"/console/{other}/event-types\""));
    let out = format!("/console/account/sessions?org={other}");
    admin.get(&account).await.expect(200).holds(&format!("action=\"{out}\""));
    let gone = admin.post(&account, &out, &[]).await.expect(303);
    assert_eq!(gone.location(), format!("{account}&said=sessions"));
}
