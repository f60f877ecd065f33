use ringback_model::Role;
use ringback_service::ApplicationDraft;

use crate::harness::{ORG, World};

const SCHEMAS: &str = r#"{"1":{"type":"object","examples":[{"a":"</pre><script>alert(1)</script>"}]}}"#;

#[tokio::test]
async fn an_event_type_is_added_shown_changed_and_archived() {
    let world = World::new();
    let list = format!("/console/{ORG}/event-types");
    let mut editor = world.signed_in(Role::Editor).await;
    editor.get(&list).await.expect(200).holds(&format!("{list}/sms.dlr"));
    editor.get(&format!("{list}/sms.dlr")).await.expect(200).holds("built in");
    editor.get(&format!("{list}/no.such")).await.expect(404);
    editor.post(&list, &list, &[("name", "a b")]).await.expect(422).holds("id=\"name-fault\"");
    let fields = [("name", "order.created"), ("schemas", "[1]")];
    editor.post(&list, &list, &fields).await.expect(422).holds("id=\"schemas-fault\"");
    let fields = [("name", "order.created"), ("description", "An order"), ("schemas", SCHEMAS)];
    let added = editor.post(&list, &list, &fields).await.expect(303);
    let page = editor.get(added.location()).await.expect(200);
    page.holds("&#60;script&#62;alert(1)");
    assert!(!page.text.contains("<script>alert"));
    let path = format!("{list}/order.created");
    let fields = [("description", "All orders"), ("archived", "yes")];
    editor.post(&path, &path, &fields).await.expect(303);
    editor.get(&list).await.expect(200).holds("archived");
    let kept = world.service.get_event_type(&world.actor(), "order.created").await.unwrap();
    assert_eq!((kept.description.as_str(), kept.archived, kept.schemas), ("All orders", true, None));
}

#[tokio::test]
async fn the_send_form_makes_a_real_message() {
    let world = World::new();
    let draft = ApplicationDraft { name: "A".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let path = format!("/console/{ORG}/event-types/sms.dlr");
    let send = format!("{path}/send");
    let mut editor = world.signed_in(Role::Editor).await;
    for (fields, fault) in [
        ([("app", ""), ("payload", "{}")], "app-fault"),
        ([("app", "nobody"), ("payload", "{}")], "app-fault"),
        ([("app", "acme"), ("payload", "[]")], "payload-fault"),
    ] {
        editor.post(&path, &send, &fields).await.expect(422).holds(fault);
    }
    let payload = r#"{"id":"x", "n":1.50}"#;
    let fields = [("app", "acme"), ("payload", payload), ("event_id", "e-1"), ("channels", "a, b")];
    let sent = editor.post(&path, &send, &fields).await.expect(303);
    editor.get(sent.location()).await.expect(200).holds("The event is accepted");
    let message = world.service.get_message(&world.actor(), "acme", "e-1").await.unwrap();
    assert_eq!((message.event_type.as_str(), message.channels.len()), ("sms.dlr", 2));
    assert_eq!(message.payload.as_deref(), Some(payload.as_bytes()), "byte for byte");
    editor.post(&path, &send, &fields).await.expect(422);
    let mut viewer = world.signed_in(Role::Viewer).await;
    assert!(!viewer.get(&path).await.expect(200).text.contains("Send an event"));
    viewer.post("/console/account", &send, &fields).await.expect(403);
}
