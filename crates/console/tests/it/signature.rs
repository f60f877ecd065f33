use bytes::Bytes;
use ringback_model::{Redacted, Role};
use ringback_service::{ApplicationDraft, Change, CustomParameterDraft, EndpointDraft, MessageDraft};

use crate::harness::{ORG, World};

/// What somebody sends who likes to be read as markup.
const PAYLOAD: &str = r#"{"a":"<img src=x onerror=alert(1)>"}"#;

/// An attempt at a webhook that says this: the path of its message, its id, and the id of the webhook.
async fn attempt(world: &World, change: impl FnOnce(&mut EndpointDraft)) -> (String, String, String) {
    let actor = world.actor();
    let draft =
        ApplicationDraft { name: "Acme".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    let app = world.service.create_application(&actor, draft, false, None).await.unwrap().item.application.id;
    let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    change(&mut endpoint);
    let endpoint = world.service.create_endpoint(&actor, "acme", endpoint, None).await.unwrap().endpoint.id.to_string();
    let payload = Bytes::from_static(PAYLOAD.as_bytes());
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    let message = world.service.create_message(&actor, "acme", &draft, None).await.unwrap().id.to_string();
    let id = world.delivered(&app.to_string(), &endpoint, &message).await;
    (format!("/console/{ORG}/{app}/messages/{message}"), id, endpoint)
}

#[tokio::test]
async fn the_signed_text_is_shown_and_the_secret_only_to_whoever_may_see_it() {
    let world = World::new();
    let (message, id, endpoint) = attempt(&world, |_| ()).await;
    let secret = world.service.get_secret(&world.actor(), "acme", &endpoint).await.unwrap();
    let path = format!("{message}/attempts/{id}/signature");
    let mut editor = world.signed_in(Role::Editor).await;
    editor.get(&message).await.expect(200).holds(&path);
    let page = editor.get(&path).await.expect(200);
    page.holds("HMAC-SHA256");
    page.holds("{webhook-id}.{webhook-timestamp}.{body}");
    page.holds(".1800000000.{&#34;a&#34;:&#34;&#60;img");
    page.holds("<dt>webhook-signature</dt><dd>v1,");
    page.holds(secret.reveal());
    let raw = editor.get(&format!("{path}/0")).await.expect(200);
    let name = message.rsplit('/').next().unwrap();
    assert_eq!(raw.text, format!("{name}.1800000000.{PAYLOAD}"));
    assert_eq!(raw.headers["content-type"], "text/plain; charset=utf-8");
    editor.get(&format!("{path}/1")).await.expect(404);
    let mut viewer = world.signed_in(Role::Viewer).await;
    let page = viewer.get(&path).await.expect(200);
    page.holds("SECRET=&#39;whsec_…&#39;");
    assert!(!page.text.contains(secret.reveal()), "a viewer sees no secret");
    viewer.get(&path.replace(&id, "atmpt_1srOrx2ZWZBpBUvZwXKQmoEYga2")).await.expect(404);
}

#[tokio::test]
async fn secret_values_of_the_webhook_stay_secret_and_a_change_since_is_told() {
    let world = World::new();
    let (message, id, endpoint) = attempt(&world, |draft| {
        let hush = Redacted::new("hush-hush".to_owned());
        draft.messaging.shape.dialect = Some("standard-webhooks".to_owned());
        draft.messaging.custom_parameters =
            Change::Replace(vec![CustomParameterDraft { name: "key".to_owned(), value: hush, secret: true }]);
    })
    .await;
    let path = format!("{message}/attempts/{id}/signature");
    let mut editor = world.signed_in(Role::Editor).await;
    let page = editor.get(&path).await.expect(200);
    page.holds("&#34;key&#34;:&#34;****&#34;");
    page.holds("Asterisks stand for them");
    let raw = editor.get(&format!("{path}/0")).await.expect(200);
    assert!(!page.text.contains("hush-hush") && !raw.text.contains("hush-hush"), "{}", page.text);
    assert!(!page.text.contains("was changed after this attempt"));
    world.clock.advance(std::time::Duration::from_secs(60));
    let change = |draft: &mut EndpointDraft| draft.description = "other".to_owned();
    world.service.update_endpoint(&world.actor(), "acme", &endpoint, change).await.unwrap();
    editor.get(&path).await.expect(200).holds("was changed after this attempt");
}
