//! Phone numbers where the organization has them masked.

use bytes::Bytes;
use ringback_model::Role;
use ringback_service::{ApplicationDraft, EndpointDraft, MessageDraft, PortalCapability, PortalLinkDraft};

use crate::harness::{ORG, World};

const NUMBER: &str = "254712345678";
const PAYLOAD: &str = r#"{"reportType":"dlr","message":{"to":"+254712345678"}}"#;

/// The paths of a message and of its attempt below the application's pages.
async fn message(world: &World) -> (String, [String; 5]) {
    let actor = world.actor();
    let draft =
        ApplicationDraft { name: "Acme".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    let app = world.service.create_application(&actor, draft, false, None).await.unwrap().item.application.id;
    let endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    let endpoint = world.service.create_endpoint(&actor, "acme", endpoint, None).await.unwrap().endpoint.id.to_string();
    let event_id = format!("sms-{NUMBER}");
    let draft = MessageDraft {
        event_type: "order.created",
        payload: Bytes::from_static(PAYLOAD.as_bytes()),
        event_id: Some(&event_id),
        ..MessageDraft::default()
    };
    let id = world.service.create_message(&actor, "acme", &draft, None).await.unwrap().id.to_string();
    let attempt = world.delivered(&app.to_string(), &endpoint, &id).await;
    let message = format!("/messages/{id}");
    let paths = [
        "/messages".to_owned(),
        message.clone(),
        format!("{message}/payload"),
        format!("{message}/attempts/{attempt}/answer"),
        format!("{message}/attempts/{attempt}/signature"),
    ];
    (format!("{ORG}/{app}"), paths)
}

async fn mask(world: &World) {
    world.service.update_organization(&world.actor(), |draft| draft.mask_numbers = true).await.unwrap();
}

#[tokio::test]
async fn numbers_are_masked_for_viewers_and_shown_to_editors() {
    let world = World::new();
    let (app, [list, message, payload, answer, signature]) = message(&world).await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    let path = |tail: &str| format!("/console/{app}{tail}");
    viewer.get(&path(&message)).await.expect(200).holds(NUMBER);
    mask(&world).await;
    for page in [&list, &message] {
        let shown = viewer.get(&path(page)).await.expect(200);
        shown.holds("••••••78");
        assert!(!shown.text.contains(NUMBER), "{page}: {}", shown.text);
    }
    let shown = viewer.get(&path(&message)).await;
    assert!(!shown.text.contains("/payload") && !shown.text.contains("/signature"), "what is refused is not offered");
    for refused in [&payload, &answer, &signature, &format!("{signature}/0")] {
        viewer.get(&path(refused)).await.expect(403).holds("masked for you");
    }
    let mut editor = world.signed_in(Role::Editor).await;
    for page in [&list, &message, &payload, &signature] {
        editor.get(&path(page)).await.expect(200).holds(NUMBER);
    }
}

#[tokio::test]
async fn a_link_shows_numbers_where_it_shows_secrets() {
    let world = World::new();
    let (app, [_, message, payload, ..]) = message(&world).await;
    mask(&world).await;
    for (capability, seen) in [(PortalCapability::CreateAttempts, false), (PortalCapability::ViewEndpointSecret, true)]
    {
        let draft = PortalLinkDraft { capabilities: Some(vec![capability]), ..PortalLinkDraft::default() };
        let link = world.service.create_portal_link(&world.actor(), "acme", &draft, None).await.unwrap();
        let token = link.token.reveal();
        let page = crate::portal::get(&world, token, &format!("/portal/{app}{message}")).await.expect(200);
        assert_eq!(page.text.contains(NUMBER), seen, "{capability:?}");
        let status = if seen { 200 } else { 403 };
        crate::portal::get(&world, token, &format!("/portal/{app}{payload}")).await.expect(status);
    }
}
