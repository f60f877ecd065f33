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
