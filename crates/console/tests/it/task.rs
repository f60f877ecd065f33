use bytes::Bytes;
use ringback_model::{Ordering, Role};
use ringback_service::{ApplicationDraft, EndpointDraft, MessageDraft};

use crate::browser::Browser;
use crate::harness::{Answer, ORG, World};

/// An application with a webhook for one channel, and messages with and without it.
struct Customer {
    base: String,
    webhook: String,
}

async fn customer(world: &World, uid: &str, ordering: Ordering) -> Customer {
    let draft = ApplicationDraft { name: "Acme".to_owned(), uid: Some(uid.to_owned()), ..ApplicationDraft::default() };
    let made = world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    endpoint.channels = Some(vec!["orders".to_owned()]);
    endpoint.ordering = ordering;
    let endpoint = world.service.create_endpoint(&world.actor(), uid, endpoint, None).await.unwrap();
    Customer { base: format!("/console/{ORG}/{}", made.item.application.id), webhook: endpoint.endpoint.id.to_string() }
}

async fn send(world: &World, uid: &str, channel: Option<&'static str>) -> String {
    let draft = MessageDraft {
        event_type: "order.created",
        payload: Bytes::from_static(b"{}"),
        channels: channel.map(|one| vec![one.into()]),
        ..MessageDraft::default()
    };
    world.service.create_message(&world.actor(), uid, &draft, None).await.unwrap().id.to_string()
}

/// Three messages that were not meant for the webhook, and now are.
async fn three_missing(world: &World) -> Customer {
    let acme = customer(world, "acme", Ordering::None).await;
    for _ in 0..3 {
        send(world, "acme", None).await;
    }
    let open = |draft: &mut EndpointDraft| draft.channels = None;
    world.service.update_endpoint(&world.actor(), "acme", &acme.webhook, open).await.unwrap();
    acme
}

async fn pending(world: &World, acme: &Customer) -> u64 {
    world.service.backlog(&world.actor(), "acme", &acme.webhook).await.unwrap().pending
}

async fn ask(browser: &mut Browser<'_>, acme: &Customer, fields: &[(&str, &str)]) -> Answer {
    let page = format!("{}/webhooks/{}/again", acme.base, acme.webhook);
    browser.post(&page, &page, fields).await
}

const MISSING: [(&str, &str); 2] = [("what", "missing"), ("since", "2027-01-15T07:00")];

#[tokio::test]
async fn how_many_are_sent_is_said_first_and_the_task_tells_how_far_it_is() {
    let world = World::new();
    let acme = three_missing(&world).await;
    let mut editor = world.signed_in(Role::Editor).await;
    editor.get(&format!("{}/tasks", acme.base)).await.expect(200).holds("No tasks yet");
    let look = [MISSING[0], MISSING[1], ("do", "look")];
    let page = ask(&mut editor, &acme, &look).await.expect(200);
    page.holds("3 messages are sent for the first time.");
    page.holds("value=\"2027-01-15T07:00\"");
    assert_eq!(pending(&world, &acme).await, 0, "it was only looked");
    let start = [MISSING[0], MISSING[1], ("do", "start")];
    let started = ask(&mut editor, &acme, &start).await.expect(303);
    let task = started.location().to_owned();
    let page = editor.get(&task).await.expect(200);
    page.holds("The task has started.");
    page.holds("Running");
    page.holds("data-live");
    while world.service.work_on_tasks().await.unwrap() {}
    assert_eq!(pending(&world, &acme).await, 3);
    let page = editor.get(&task).await.expect(200);
    page.holds("Finished");
    page.holds("<dt>Sent again</dt><dd>3</dd>");
    assert!(!page.text.contains("data-live") && !page.text.contains("/end"), "it is over");
    editor.get(&format!("{}/tasks", acme.base)).await.expect(200).holds("Send what was never sent");
    ask(&mut editor, &acme, &look).await.expect(200).holds("There is nothing to do");
}

#[tokio::test]
async fn what_is_pending_is_counted_and_called_off_and_a_task_is_too() {
    let world = World::new();
    let acme = customer(&world, "acme", Ordering::None).await;
    for _ in 0..2 {
        send(&world, "acme", Some("orders")).await;
    }
    let mut editor = world.signed_in(Role::Editor).await;
    let page = ask(&mut editor, &acme, &[("what", "call-off"), ("do", "look")]).await.expect(200);
    page.holds("2 pending deliveries are called off.");
    let started = ask(&mut editor, &acme, &[("what", "call-off"), ("do", "start")]).await.expect(303);
    let task = started.location().split('?').next().unwrap().to_owned();
    let ended = editor.post(&task, &format!("{task}/end"), &[]).await.expect(303);
    editor.get(ended.location()).await.expect(200).holds("Called off");
    while world.service.work_on_tasks().await.unwrap() {}
    assert_eq!(pending(&world, &acme).await, 2, "the task was called off before it began");
    let page = format!("{}/webhooks/{}/again", acme.base, acme.webhook);
    editor.post(&page, &format!("{task}/end"), &[]).await.expect(409);
    ask(&mut editor, &acme, &[("what", "call-off"), ("do", "start")]).await.expect(303);
    while world.service.work_on_tasks().await.unwrap() {}
    assert_eq!(pending(&world, &acme).await, 0);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_at_its_field_and_viewers_start_nothing() {
    let world = World::new();
    let acme = three_missing(&world).await;
    let other = customer(&world, "other", Ordering::None).await;
    let mut editor = world.signed_in(Role::Editor).await;
    for (since, fault) in [("", "Say since when"), ("soon", "Write a date"), ("2099-01-01T00:00", "in the future")] {
        let page = ask(&mut editor, &acme, &[("what", "missing"), ("since", since), ("do", "start")]).await.expect(422);
        page.holds("id=\"since-fault\"");
        page.holds(fault);
    }
    ask(&mut editor, &acme, &[("what", "else"), ("do", "start")]).await.expect(422).holds("Choose what is to be done");
    let started = ask(&mut editor, &acme, &[MISSING[0], MISSING[1], ("do", "start")]).await.expect(303);
    let foreign = started.location().replace(&acme.base, &other.base);
    editor.get(&foreign).await.expect(404);
    editor.get(&format!("{}/tasks", other.base)).await.expect(200).holds("No tasks yet");
    let mut viewer = world.signed_in(Role::Viewer).await;
    let webhook = format!("{}/webhooks/{}", acme.base, acme.webhook);
    assert!(!viewer.get(&webhook).await.text.contains("/again"));
    viewer.get(&format!("{webhook}/again")).await.expect(403);
    let task = started.location().split('?').next().unwrap();
    assert!(!viewer.get(task).await.expect(200).text.contains("/end"));
    viewer.post(task, &format!("{task}/end"), &[]).await.expect(403);
}

#[tokio::test]
async fn one_delivery_is_called_off_or_skipped_where_others_wait_behind_it() {
    let world = World::new();
    for (uid, ordering, button, said) in [
        ("acme", Ordering::None, "value=\"cancel\"", "is called off"),
        ("fifo", Ordering::Fifo, "value=\"skip\"", "goes on"),
    ] {
        let acme = customer(&world, uid, ordering).await;
        let page = format!("{}/messages/{}", acme.base, send(&world, uid, Some("orders")).await);
        let mut editor = world.signed_in(Role::Editor).await;
        let shown = editor.get(&page).await.expect(200);
        shown.holds(button);
        let what = button.split('"').nth(1).unwrap();
        let fields = [("endpoint", acme.webhook.as_str()), ("do", what)];
        let done = editor.post(&page, &format!("{page}/call-off"), &fields).await.expect(303);
        let shown = editor.get(done.location()).await.expect(200);
        shown.holds(said);
        shown.holds("Canceled");
        assert!(!shown.text.contains("/call-off"), "nothing is pending");
        editor.post(&page, &format!("{page}/call-off"), &fields).await.expect(409);
    }
}
