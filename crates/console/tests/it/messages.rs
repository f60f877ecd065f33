use bytes::Bytes;
use ringback_model::Role;
use ringback_service::{ApplicationDraft, EndpointDraft, MessageDraft};

use crate::browser::Browser;
use crate::harness::{Answer, ORG, World};

/// Markup that must never become any.
const HOSTILE: &str = r#"{"a":"<img src=x onerror=alert(1)>","b": 1.50,"c":"\u202e"}"#;

/// An application with a webhook for `order.created`: the path of its pages, and the webhook's id.
async fn application(world: &World) -> (String, String) {
    let draft =
        ApplicationDraft { name: "Acme".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    let made = world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    endpoint.channels = Some(vec!["orders".to_owned()]);
    let endpoint = world.service.create_endpoint(&world.actor(), "acme", endpoint, None).await.unwrap();
    (format!("/console/{ORG}/{}", made.item.application.id), endpoint.endpoint.id.to_string())
}

async fn send(world: &World, event_type: &str, channels: Option<&'static str>) -> String {
    let draft = MessageDraft {
        event_type,
        payload: Bytes::from_static(HOSTILE.as_bytes()),
        channels: channels.map(|one| vec![one.into()]),
        tags: channels.map(|_| vec!["campaign <7>".into()]),
        ..MessageDraft::default()
    };
    world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap().id.to_string()
}

async fn open(browser: &mut Browser<'_>, path: &str) -> Answer {
    browser.get(path).await.expect(200)
}

#[tokio::test]
async fn the_list_says_where_each_message_stands_and_is_searched_and_filtered() {
    let world = World::new();
    let (base, _) = application(&world).await;
    let mut browser = world.signed_in(Role::Viewer).await;
    let list = format!("{base}/messages");
    open(&mut browser, &list).await.holds("No messages yet");
    let matched = send(&world, "order.created", Some("orders")).await;
    let other = send(&world, "order.closed", None).await;
    let page = open(&mut browser, &list).await;
    page.holds(&matched);
    page.holds("Pending");
    page.holds("No webhook");
    let found = open(&mut browser, &format!("{list}?search={matched}")).await;
    found.holds(&matched);
    assert!(!found.text.contains(&other));
    let filtered = open(&mut browser, &format!("{list}?type=order.closed")).await;
    assert!(filtered.text.contains(&other) && !filtered.text.contains(&matched));
    let pending = open(&mut browser, &format!("{list}?state=pending")).await;
    assert!(pending.text.contains(&matched) && !pending.text.contains(&other));
    open(&mut browser, &format!("{list}?state=failed")).await.holds("No message is like this");
    let tagged = open(&mut browser, &format!("{list}?tag=campaign+%3C7%3E")).await;
    assert!(tagged.text.contains(&matched) && !tagged.text.contains(&other));
    open(&mut browser, &format!("{list}/{matched}")).await.holds("campaign &#60;7&#62;");
    open(&mut browser, &format!("{list}?search=nothing")).await.holds("No message is like this");
    open(&mut browser, &format!("{list}?after=2099-01-01T00:00")).await.holds("in the future");
}

#[tokio::test]
async fn a_message_tells_its_story_in_four_stages_and_nothing_in_it_becomes_markup() {
    let world = World::new();
    let (base, _) = application(&world).await;
    let mut browser = world.signed_in(Role::Viewer).await;
    let message = send(&world, "order.created", Some("orders")).await;
    let path = format!("{base}/messages/{message}");
    let page = open(&mut browser, &path).await;
    for stage in ["Event Trigger", "Webhook Registration", "Payload Delivery", "Receiver Handling"] {
        page.holds(stage);
    }
    page.holds("Matched");
    page.holds("https://<wbr>hooks<wbr>.example<wbr>/<wbr>in");
    page.holds("The next attempt is due at");
    page.holds("Nothing has been sent yet.");
    page.holds("&#34;b&#34;: 1.50");
    assert!(!page.text.contains("<img src=x"), "the payload is text");
    assert!(!page.text.contains('\u{202e}'), "what turns the direction of reading is shown");
    assert!(!page.text.contains("/resend"), "a viewer changes nothing");
    let unmatched = send(&world, "order.created", None).await;
    let page = open(&mut browser, &format!("{base}/messages/{unmatched}")).await;
    page.holds("the message carries none of its <code>channels</code>");
    browser.get(&format!("{base}/messages/msg_1srOrx2ZWZBpBUvZwXKQmoEYga2")).await.expect(404);
}

#[tokio::test]
async fn a_message_whose_report_names_another_product_says_which_one_counts() {
    let world = World::new();
    let (base, _) = application(&world).await;
    let mut browser = world.signed_in(Role::Viewer).await;
    let payload = Bytes::from_static(br#"{"product":"SMS","message":{"id":"1","status":"delivered"}}"#);
    let draft = MessageDraft { event_type: "sms.dlr", payload, ..MessageDraft::default() };
    let sent = world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap();
    let page = open(&mut browser, &format!("{base}/messages/{}", sent.id)).await;
    page.holds("The report names the product <code>SMS</code>");
}

#[tokio::test]
async fn a_payload_is_downloaded_as_it_is_and_is_never_a_page() {
    let world = World::new();
    let (base, _) = application(&world).await;
    let mut browser = world.signed_in(Role::Viewer).await;
    let message = send(&world, "order.created", None).await;
    let raw = open(&mut browser, &format!("{base}/messages/{message}/payload")).await;
    assert_eq!(raw.text, HOSTILE);
    let header = |name: &str| raw.headers[name].to_str().unwrap();
    assert_eq!((header("content-type"), header("x-content-type-options")), ("text/plain; charset=utf-8", "nosniff"));
    assert!(header("content-disposition").starts_with("attachment"));
    assert!(header("content-security-policy").contains("sandbox"));
}

#[tokio::test]
async fn whoever_may_sends_a_message_once_more() {
    let world = World::new();
    let (base, endpoint) = application(&world).await;
    let message = send(&world, "order.created", Some("orders")).await;
    let page = format!("{base}/messages/{message}");
    let fields = [("endpoint", endpoint.as_str())];
    let mut editor = world.signed_in(Role::Editor).await;
    open(&mut editor, &page).await.holds("Resend");
    let sent = editor.post(&page, &format!("{page}/resend"), &fields).await.expect(303);
    open(&mut editor, sent.location()).await.holds("on its way once more");
    let mut viewer = world.signed_in(Role::Viewer).await;
    viewer.post(&page, &format!("{page}/resend"), &fields).await.expect(403);
}

#[tokio::test]
async fn names_that_somebody_else_has_chosen_hide_nothing_and_fields_keep_them_as_they_are() {
    let world = World::new();
    let draft = ApplicationDraft { name: "Acme\u{202e}gnp.exe".to_owned(), ..ApplicationDraft::default() };
    let app = world.service.create_application(&world.actor(), draft, false, None).await.unwrap().item.application.id;
    let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    endpoint.description = "for\u{200b} \u{2066}Jo".to_owned();
    world.service.create_endpoint(&world.actor(), &app.to_string(), endpoint, None).await.unwrap();
    let mut editor = world.signed_in(Role::Editor).await;
    for path in [format!("/console/{ORG}"), format!("/console/{ORG}/{app}/webhooks")] {
        let page = open(&mut editor, &path).await;
        assert!(!page.text.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{path}");
        page.holds("Acme\\u{202e}gnp.exe");
    }
    open(&mut editor, &format!("/console/{ORG}/{app}/webhooks")).await.holds("for\\u{200b} \\u{2066}Jo");
    let page = open(&mut editor, &format!("/console/{ORG}/{app}/application")).await;
    page.holds("<h1>Acme\\u{202e}gnp.exe</h1>");
    page.holds("name=\"name\" value=\"Acme\u{202e}gnp.exe\"");
}

#[tokio::test]
async fn what_became_of_a_webhook_since_is_told_in_the_words_of_the_pages() {
    let world = World::new();
    let (base, endpoint) = application(&world).await;
    let mut browser = world.signed_in(Role::Viewer).await;
    let message = send(&world, "order.created", None).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let later = EndpointDraft::new("https://later.example/".to_owned());
    world.service.create_endpoint(&world.actor(), "acme", later, None).await.unwrap();
    let change = |draft: &mut EndpointDraft| draft.channels = None;
    world.service.update_endpoint(&world.actor(), "acme", &endpoint, change).await.unwrap();
    let page = open(&mut browser, &format!("{base}/messages/{message}")).await;
    page.holds("Why: the webhook did not exist yet when the message was accepted.");
    page.holds("Why: its settings kept it away when the message was accepted; by the present ones it would get it.");
    let changed = "The settings of this webhook were changed at 2027-01-15 08:01:00 UTC, after the message had come";
    assert_eq!(page.text.matches(changed).count(), 1, "of one that was not there nothing else is told");
    assert!(!page.text.contains("endpoint "), "{}", page.text);
}
