use ringback_model::Role;
use ringback_service::{ApplicationDraft, EndpointDraft};

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
    editor.post(&path, &path, &[("description", "All orders")]).await.expect(303);
    let ask = format!("{path}/delete");
    editor.get(&ask).await.expect(200).holds("no webhook");
    let archived = editor.post(&ask, &ask, &[("how", "archive")]).await.expect(303);
    editor.get(archived.location()).await.expect(200).holds("It is archived");
    editor.get(&list).await.expect(200).holds("archived");
    // A change of what it says leaves it archived.
    editor.post(&path, &path, &[("description", "Every order")]).await.expect(303);
    let kept = world.service.get_event_type(&world.actor(), "order.created").await.unwrap();
    assert_eq!((kept.description.as_str(), kept.archived, kept.schemas), ("Every order", true, None));
    editor.post(&path, &format!("{path}/restore"), &[]).await.expect(303);
    assert!(!world.service.get_event_type(&world.actor(), "order.created").await.unwrap().archived);
}

#[tokio::test]
async fn what_has_to_do_with_an_event_type_is_told_before_it_is_deleted() {
    let world = World::new();
    let draft = ApplicationDraft { name: "A".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let list = format!("/console/{ORG}/event-types");
    let mut editor = world.signed_in(Role::Editor).await;
    editor.post(&list, &list, &[("name", "order.created")]).await.expect(303);
    for types in [Some("order.*"), Some("order.paid"), None] {
        let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
        endpoint.event_types = types.map(|types| vec![types.to_owned()]);
        if types == Some("order.paid") {
            editor.post(&list, &list, &[("name", "order.paid")]).await.expect(303);
        }
        world.service.create_endpoint(&world.actor(), "acme", endpoint, None).await.unwrap();
    }
    let (path, ask) = (format!("{list}/order.created"), format!("{list}/order.created/delete"));
    editor.get(&path).await.expect(200).holds(&ask);
    let asked = editor.get(&ask).await.expect(200);
    asked.holds("<b>1 webhook</b>");
    asked.holds("still accepted");
    editor.post(&ask, &ask, &[]).await.expect(400);
    let mut viewer = world.signed_in(Role::Viewer).await;
    viewer.get(&ask).await.expect(403);
    viewer.post("/console/account", &ask, &[("how", "delete")]).await.expect(403);
    let gone = editor.post(&ask, &ask, &[("how", "delete")]).await.expect(303);
    editor.get(gone.location()).await.expect(200).holds("The event type is deleted");
    editor.get(&path).await.expect(404);
    editor.get(&ask).await.expect(404);
    editor.get(&format!("{list}/sms.dlr/delete")).await.expect(404);
    editor.get(&format!("/console/{ORG}/audit")).await.expect(200).holds("deleted");
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

#[tokio::test]
async fn the_second_of_two_who_change_an_event_type_sees_what_differs_first() {
    let world = World::new();
    let list = format!("/console/{ORG}/event-types");
    let mut editor = world.signed_in(Role::Editor).await;
    editor.post(&list, &list, &[("name", "order.created"), ("schemas", SCHEMAS)]).await.expect(303);
    let path = format!("{list}/order.created");
    let seen = editor.get(&path).await.hidden("seen");
    let fields = |description, schemas| [("seen", seen.as_str()), ("description", description), ("schemas", schemas)];
    editor.post(&path, &path, &fields("An order", SCHEMAS)).await.expect(303);
    let told = editor.post(&path, &path, &fields("All orders", SCHEMAS)).await.expect(200);
    told.holds("Somebody else has changed this since you opened it.");
    told.holds(">Description</th><td>An order</td><td>All orders</td>");
    assert_eq!(told.text.matches("<th scope=\"row\"").count(), 1, "how the schemas are laid out is no difference");
    told.holds("value=\"All orders\"");
    let kept = async || world.service.get_event_type(&world.actor(), "order.created").await.unwrap().description;
    assert_eq!(kept().await, "An order");
    let seen = told.hidden("seen");
    editor.post(&path, &path, &[("seen", seen.as_str()), ("description", "All orders")]).await.expect(303);
    assert_eq!(kept().await, "All orders");
    // One that is built in is kept as one's own by the first; the second is told.
    let path = format!("{list}/sms.dlr");
    let seen = editor.get(&path).await.hidden("seen");
    let fields = |description| [("seen", seen.as_str()), ("description", description)];
    editor.post(&path, &path, &fields("Ours")).await.expect(303);
    editor.post(&path, &path, &fields("Mine")).await.expect(200).holds("<td>Ours</td><td>Mine</td>");
}
