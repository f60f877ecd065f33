use std::time::Duration;

use bytes::Bytes;
use ringback_model::Role;
use ringback_service::{ApplicationDraft, EndpointDraft, MessageDraft};

use crate::harness::{ORG, World};

#[tokio::test]
async fn a_webhook_whose_attempts_fail_is_shown_as_failing_and_found_as_such() {
    let world = World::new();
    let draft = ApplicationDraft { name: "A".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    let app = world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let app = app.item.application.id.to_string();
    let mut ids = Vec::new();
    for url in ["https://well.example/", "https://failing.example/"] {
        let made =
            world.service.create_endpoint(&world.actor(), "acme", EndpointDraft::new(url.to_owned()), None).await;
        ids.push(made.unwrap().endpoint.id.to_string());
    }
    let (list, failing) = (format!("/console/{ORG}/{app}/webhooks"), &ids[1]);
    let mut viewer = world.signed_in(Role::Viewer).await;
    let shown = viewer.get(&list).await.expect(200);
    assert_eq!(shown.text.matches(">Active</span>").count(), 2);
    viewer.get(&format!("{list}?state=Failing")).await.expect(200).holds("No webhook fits these filters");

    let payload = Bytes::from_static(b"{}");
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    let message = world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap().id.to_string();
    world.failed(&app, failing, &message).await;
    viewer.get(&list).await.expect(200).holds("title=\"Its attempts have failed since 2027-01-15 08:00:00 UTC");
    for (state, there, absent) in [("Failing", "failing", "well"), ("Active", "well", "failing")] {
        let shown = viewer.get(&format!("{list}?state={state}")).await.expect(200);
        assert!(shown.text.contains(&format!("https://{there}.example/")), "{state}");
        assert!(!shown.text.contains(&format!("https://{absent}.example/")), "{state}");
    }
    let page = format!("{list}/{failing}");
    let shown = viewer.get(&page).await.expect(200);
    shown.holds("<span class=\"tag bad\">Failing</span>");
    shown.holds("The next one may go at 2027-01-15 09:00:00 UTC.");
    shown.holds(&format!("href=\"/console/{ORG}/{app}/overview/{failing}\">Overview</a>"));
    // A time that is over says nothing.
    world.clock.advance(Duration::from_secs(7_200));
    let mut viewer = world.signed_in(Role::Viewer).await;
    let shown = viewer.get(&page).await.expect(200);
    shown.holds("The next one goes as soon as something is due.");
    assert!(!shown.text.contains("may go at"));
    // Nothing is sent by one that is paused, whatever its attempts did.
    let pause = |draft: &mut EndpointDraft| draft.paused = true;
    world.service.update_endpoint(&world.actor(), "acme", failing, pause).await.unwrap();
    let shown = viewer.get(&page).await.expect(200);
    shown.holds("<span class=\"tag warn\">Paused</span>");
    shown.holds("Its attempts have failed since");
}
