use std::time::Duration;

use ringback_model::{AppNo, EndpointNo, OrgId, Role, Tally};
use ringback_service::{Actor, ApplicationDraft, Backlog, EndpointDraft, JointBacklog, MessageDraft};
use ringback_store::{Count, DocumentKind, Store as _};

use crate::harness::{ORG, World};

/// An application with a webhook of this name: the path of its pages, and both of their ids.
async fn webhook(world: &World, uid: &str, name: &str) -> (String, String) {
    let draft = ApplicationDraft { name: uid.to_owned(), uid: Some(uid.to_owned()), ..ApplicationDraft::default() };
    let app = world.service.create_application(&world.actor(), draft, false, None).await.unwrap().item.application;
    let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    endpoint.description = name.to_owned();
    let endpoint = world.service.create_endpoint(&world.actor(), uid, endpoint, None).await.unwrap().endpoint;
    (format!("/console/{ORG}/{}", app.id), endpoint.id.to_string())
}

/// Counts attempts as the engine does: so many delivered, so many failed.
async fn count(world: &World, app: &str, endpoint: &str, delivered: u64, failed: u64) {
    let number = async |kind, parent, key: &str| {
        world.store.document_by_key(kind, parent, key.to_owned()).await.unwrap().unwrap().no
    };
    let org = number(DocumentKind::Organization, 0, ORG).await;
    let app = number(DocumentKind::Application, org, app.rsplit('/').next().unwrap()).await;
    let endpoint = number(DocumentKind::Endpoint, app, endpoint).await;
    let mut tally = Tally { failed, exchange_us: 40_000 * (delivered + failed), ..Tally::default() };
    (0..delivered).for_each(|_| tally.deliver(Duration::from_millis(30)));
    let at = ringback_model::Clock::now(&*world.clock);
    world.store.tally(Count { at, endpoints: vec![(EndpointNo(endpoint), AppNo(app), tally)] }).await.unwrap();
}

#[tokio::test]
async fn what_was_counted_is_shown_for_the_organization_an_application_and_a_webhook() {
    let world = World::new();
    let (first, good) = webhook(&world, "first", "The good one").await;
    let (second, bad) = webhook(&world, "second", "<i>The bad one</i>").await;
    count(&world, &first, &good, 1_999, 1).await;
    count(&world, &second, &bad, 0, 7).await;
    let mut viewer = world.signed_in(Role::Viewer).await;

    let all = viewer.get(&format!("/console/{ORG}/overview")).await.expect(200);
    all.holds("1\u{202f}999");
    all.holds("99.6 %");
    all.holds("1999 delivered, 8 failed, 0 not sent");
    all.holds("class=\"line p99\"");
    all.holds("&#60;i&#62;The bad one&#60;/i&#62;");
    let (failing, slowest) = all.text.split_once("Slowest webhooks").unwrap();
    let failing = failing.split_once("Failing webhooks").unwrap().1;
    let place = |text: &str, id: &str| text.find(&format!("/overview/{id}"));
    assert!(place(failing, &bad) < place(failing, &good) && place(failing, &bad).is_some(), "the worst is first");
    assert!(place(slowest, &good).is_some());

    let one = viewer.get(&format!("{first}/overview?window=1h")).await.expect(200);
    one.holds("99.9 %");
    one.holds("in the last hour");
    assert!(!one.text.contains("The bad one"), "an application knows of its own webhooks alone");
    let endpoint = viewer.get(&format!("{second}/overview/{bad}?window=7d")).await.expect(200);
    endpoint.holds("0.0 %");
    endpoint.holds("nothing waits");
    viewer.get(&format!("{first}/overview/{bad}")).await.expect(404);
}

#[tokio::test]
async fn an_overview_says_what_waits_and_since_when_and_that_nothing_was_delivered() {
    let world = World::new();
    let (base, _) = webhook(&world, "acme", "").await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    let page = format!("{base}/overview");
    viewer.get(&page).await.expect(200).holds("Nothing was delivered in the last 24 hours");
    let payload = bytes::Bytes::from_static(b"{}");
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap();
    world.clock.advance(Duration::from_secs(600));
    let shown = viewer.get(&page).await.expect(200);
    shown.holds("oldest from 10 minutes ago");
    shown.holds("<dt>Pending now</dt><dd class=\"\">1<small>");
}

/// What waits in the organization, once it has been counted.
async fn counted(world: &World) -> JointBacklog {
    loop {
        if let Some((counted, _)) = world.service.organization_backlog(&world.actor()).await.unwrap() {
            return counted;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_overview_says_what_waits_in_all_applications_and_which_webhooks_are_held_back() {
    let world = World::new();
    let (acme, endpoint) = webhook(&world, "acme", "").await;
    let other = OrgId::from_bytes([9; 20]);
    let draft = ApplicationDraft { name: "theirs".to_owned(), ..ApplicationDraft::default() };
    let theirs = Actor::organization(other);
    let app = world.service.create_application(&theirs, draft, false, None).await.unwrap().item.application.id;
    let draft = EndpointDraft::new("https://hooks.example/in".to_owned());
    world.service.create_endpoint(&theirs, &app.to_string(), draft, None).await.unwrap();
    let send = async |actor: &Actor, app: &str| {
        let payload = bytes::Bytes::from_static(b"{}");
        let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
        world.service.create_message(actor, app, &draft, None).await.unwrap().id.to_string()
    };
    let message = send(&world.actor(), "acme").await;
    send(&theirs, &app.to_string()).await;
    send(&theirs, &app.to_string()).await;
    world.clock.advance(Duration::from_secs(600));
    world.failed(acme.rsplit('/').next().unwrap(), &endpoint, &message).await;

    assert_eq!(counted(&world).await.backlog.pending, 1);
    let mut viewer = world.signed_in(Role::Viewer).await;
    let shown = viewer.get(&format!("/console/{ORG}/overview")).await.expect(200);
    shown.holds("<dt>Pending now</dt><dd class=\"\">1<small>oldest from 10 minutes ago</small>");
    shown.holds("<dt>Open breakers</dt><dd class=\"bad\">1<small>");
    viewer.get(&format!("{acme}/overview")).await.expect(200).holds("<dt>Open breakers</dt><dd class=\"bad\">1<small>");
    let of_one = viewer.get(&format!("{acme}/overview/{endpoint}")).await.expect(200);
    of_one.holds("<dt>Breaker</dt><dd class=\"bad\">Open<small>");
    // A count that is old says so, and a new one is made for whoever comes next.
    world.clock.advance(Duration::from_secs(31));
    let theirs = world.service.organization_backlog(&theirs).await.unwrap().unwrap().0;
    assert_eq!((theirs.backlog.pending, theirs.open_breakers), (2, 0));
}

#[tokio::test]
async fn an_application_with_many_webhooks_says_what_waits_as_it_was_last_counted() {
    let world = World::new();
    let (acme, endpoint) = webhook(&world, "acme", "").await;
    for at in 0..50 {
        let mut draft = EndpointDraft::new(format!("https://hooks.example/{at}"));
        draft.channels = Some(vec!["nothing.comes".to_owned()]);
        world.service.create_endpoint(&world.actor(), "acme", draft, None).await.unwrap();
    }
    webhook(&world, "other", "").await;
    let payload = bytes::Bytes::from_static(b"{}");
    let draft = || MessageDraft { event_type: "order.created", payload: payload.clone(), ..MessageDraft::default() };
    let message = world.service.create_message(&world.actor(), "acme", &draft(), None).await.unwrap().id;
    world.service.create_message(&world.actor(), "acme", &draft(), None).await.unwrap();
    world.service.create_message(&world.actor(), "other", &draft(), None).await.unwrap();
    world.failed(acme.rsplit('/').next().unwrap(), &endpoint, &message.to_string()).await;
    world.clock.advance(Duration::from_secs(600));
    counted(&world).await;
    world.clock.advance(Duration::from_secs(5));

    let mut viewer = world.signed_in(Role::Viewer).await;
    let shown = viewer.get(&format!("{acme}/overview")).await.expect(200);
    shown.holds("<dt>Pending now</dt><dd class=\"\">2<small>oldest from 10 minutes ago</small>");
    shown.holds("<dt>Open breakers</dt><dd class=\"bad\">1<small>");
    viewer.get(&format!("{acme}/overview/{endpoint}")).await.expect(200).holds("Open<small>");
}

#[tokio::test]
async fn the_oldest_of_many_that_wait_is_the_oldest_and_not_the_first_that_is_due() {
    let world = World::new();
    let (acme, endpoint) = webhook(&world, "acme", "").await;
    let send = async |many: usize| {
        let payload = bytes::Bytes::from_static(b"{}");
        let one = || MessageDraft { event_type: "order.created", payload: payload.clone(), ..MessageDraft::default() };
        let drafts: Vec<_> = std::iter::repeat_with(one).take(many).collect();
        world.service.create_messages(&world.actor(), "acme", &drafts, None).await.unwrap()
    };
    let payload = bytes::Bytes::from_static(b"{}");
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    let first = world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap().id;
    let oldest = ringback_model::Clock::now(&*world.clock);
    let app = acme.rsplit('/').next().unwrap();
    let no = world.failed(app, &endpoint, &first.to_string()).await;
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..11 {
        send(100).await;
    }
    let count = world.service.pending_count();
    let backlog = loop {
        let backlog = count.backlog(no, 1_000).await.unwrap();
        if backlog.oldest.is_some() {
            break backlog;
        }
        // It is being counted.
        assert_eq!((backlog.pending, backlog.more), (1_000, true));
        tokio::task::yield_now().await;
    };
    assert_eq!(backlog, Backlog { pending: 1_101, oldest: Some(oldest), more: false });
}

#[tokio::test]
async fn the_table_of_webhooks_says_how_each_went_lately() {
    let world = World::new();
    let (base, id) = webhook(&world, "acme", "").await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    let page = format!("{base}/webhooks");
    viewer.get(&page).await.expect(200).holds("No attempts in the last 24 hours");
    count(&world, &base, &id, 1, 3).await;
    world.clock.advance(Duration::from_secs(600));
    let shown = viewer.get(&page).await.expect(200);
    shown.holds("25.0 %");
    shown.holds("1 delivered, 3 failed in the last 24 hours");
    shown.holds("9 minutes ago");
    world.clock.advance(Duration::from_secs(3 * 86_400));
    let later = world.signed_in(Role::Viewer).await.get(&page).await.expect(200);
    later.holds("No attempts in the last 24 hours");
    later.holds("2 days ago");
}
