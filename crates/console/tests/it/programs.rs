use ringback_model::Role;

use crate::browser::Browser;
use crate::harness::{ORG, World};

/// The path of the page of programs of a new application.
async fn programs(world: &World, admin: &mut Browser<'_>) -> String {
    let page = format!("/console/{ORG}");
    let added = admin.post(&page, &page, &[("name", "Acme"), ("uid", "acme")]).await.expect(303);
    assert!(world.service.get_application(&world.actor(), "acme").await.is_ok());
    added.location().split('?').next().unwrap().replace("/webhooks", "/programs")
}

/// The key that a page shows.
fn key(text: &str) -> String {
    let from = text.find("integsk_").expect("a key is shown");
    text[from..].split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_is_made_shown_rotated_and_deleted() {
    let world = World::new();
    let mut admin = world.signed_in(Role::Admin).await;
    let page = programs(&world, &mut admin).await;
    admin.get(&page).await.expect(200).holds("No program has a key yet");
    let add = format!("{page}/integration");
    admin.post(&page, &add, &[("name", "")]).await.expect(422).holds("id=\"name-fault\"");
    let made = admin.post(&page, &add, &[("name", "<b>billing</b>")]).await.expect(200);
    made.holds("&#60;b&#62;billing&#60;/b&#62;");
    let first = key(&made.text);
    assert!(world.service.authenticate(&first).await.is_ok());
    let shown = admin.get(&page).await.expect(200);
    assert!(!shown.text.contains("integsk_"), "a key is shown to whoever asks for it, and not by the way");
    let id = shown.text.split("programs/integration/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let one = format!("{page}/integration/{id}");
    assert_eq!(key(&admin.post(&page, &one, &[("do", "show")]).await.expect(200).text), first);
    let second = key(&admin.post(&page, &one, &[("do", "rotate")]).await.expect(200).text);
    assert_ne!(first, second);
    world.clock.advance(std::time::Duration::from_secs(2));
    assert!(world.service.authenticate(&first).await.is_err(), "the old one counts no more");
    let mut viewer = world.signed_in(Role::Viewer).await;
    assert!(!viewer.get(&page).await.expect(200).text.contains("Show key"));
    for what in ["show", "rotate", "delete"] {
        viewer.post("/console/account", &one, &[("do", what)]).await.expect(403);
    }
    admin.post(&page, &one, &[("do", "else")]).await.expect(400);
    let gone = admin.post(&page, &one, &[("do", "delete")]).await.expect(303);
    admin.get(gone.location()).await.expect(200).holds("No program has a key yet");
}

#[tokio::test]
async fn a_polling_endpoint_is_added_changed_and_deleted() {
    let world = World::new();
    let mut editor = world.signed_in(Role::Editor).await;
    let page = programs(&world, &mut editor).await;
    let add = format!("{page}/poller");
    let refused = editor.post(&page, &add, &[("uid", "a b"), ("eventTypes", "no such")]).await.expect(422);
    refused.holds("id=\"uid-fault\"");
    refused.holds("id=\"eventTypes-fault\"");
    let added = editor.post(&page, &add, &[("uid", "nightly"), ("channels", "a, b")]).await.expect(303);
    let one = added.location().split('?').next().unwrap().to_owned();
    let shown = editor.get(added.location()).await.expect(200);
    shown.holds("value=\"a, b\"");
    shown.holds("/poller/poll_");
    editor.get(&page).await.expect(200).holds("nightly");
    let fields = [("uid", "nightly"), ("channels", ""), ("disabled", "on"), ("do", "save")];
    let saved = editor.post(&one, &one, &fields).await.expect(303);
    editor.get(saved.location()).await.expect(200).holds("Disabled");
    let kept = world.service.get_poller(&world.actor(), "acme", "nightly").await.unwrap();
    assert_eq!((kept.disabled, kept.channels), (true, None));
    let mut viewer = world.signed_in(Role::Viewer).await;
    viewer.get(&one).await.expect(200).holds("<fieldset disabled>");
    viewer.post("/console/account", &one, &[("do", "delete")]).await.expect(403);
    let gone = editor.post(&one, &one, &[("do", "delete")]).await.expect(303);
    editor.get(gone.location()).await.expect(200).holds("The polling endpoint is deleted");
    editor.get(&one).await.expect(404);
}
