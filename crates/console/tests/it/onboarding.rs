use bytes::Bytes;
use ringback_model::Role;
use ringback_service::{EndpointDraft, MessageDraft};

use crate::harness::{ORG, World};

const STEPS: &str = "aria-label=\"First steps\"";

#[tokio::test]
async fn three_steps_lead_to_the_first_event_and_are_gone_when_they_are_taken() {
    let world = World::new();
    let mut editor = world.signed_in(Role::Editor).await;
    let page = format!("/console/{ORG}");
    let first = editor.get(&page).await.expect(200);
    first.holds(STEPS);
    assert_eq!(first.text.matches("class=\"done\"").count(), 0);
    let added = editor.post(&page, &page, &[("name", "Acme"), ("uid", "acme")]).await.expect(303);
    assert!(!editor.get(&page).await.text.contains(STEPS), "there is an application");
    let webhooks = added.location().split('?').next().unwrap().to_owned();
    let done = async |editor: &mut crate::browser::Browser<'_>| {
        let text = editor.get(&webhooks).await.expect(200).text;
        text.contains(STEPS).then(|| text.matches("class=\"done\"").count())
    };
    assert_eq!(done(&mut editor).await, Some(1));
    let endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    world.service.create_endpoint(&world.actor(), "acme", endpoint, None).await.unwrap();
    assert_eq!(done(&mut editor).await, Some(2));
    let mut viewer = world.signed_in(Role::Viewer).await;
    assert_eq!(done(&mut viewer).await, None, "there is nothing that a viewer could do");
    let draft =
        MessageDraft { event_type: "order.created", payload: Bytes::from_static(b"{}"), ..MessageDraft::default() };
    world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap();
    assert_eq!(done(&mut editor).await, None);
}
