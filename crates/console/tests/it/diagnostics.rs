use bytes::Bytes;
use ringback_model::{Auth, Redacted, Role};
use ringback_service::{ApplicationDraft, Change, EndpointDraft, HeaderDraft, HeadersChange, MessageDraft};

use crate::harness::{ORG, World};

#[tokio::test]
async fn whoever_helps_gets_one_file_without_secrets_and_numbers() {
    let world = World::new();
    let actor = world.actor();
    let draft =
        ApplicationDraft { name: "Acme".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    let app = world.service.create_application(&actor, draft, false, None).await.unwrap().item.application.id;
    let mut endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    endpoint.messaging.auth = Change::Replace(Some(Auth::Bearer { token: Redacted::new("hush-token".to_owned()) }));
    endpoint.headers = HeadersChange::Replace(vec![HeaderDraft {
        name: "x-key".to_owned(),
        value: Redacted::new("hush-header".to_owned()),
        secret: true,
    }]);
    let endpoint = world.service.create_endpoint(&actor, "acme", endpoint, None).await.unwrap().endpoint.id.to_string();
    let secret = world.service.get_secret(&actor, "acme", &endpoint).await.unwrap();
    let payload = Bytes::from_static(br#"{"to":"254712345678"}"#);
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    let message = world.service.create_message(&actor, "acme", &draft, None).await.unwrap().id.to_string();
    let attempt = world.delivered(&app.to_string(), &endpoint, &message).await;
    let mut viewer = world.signed_in(Role::Viewer).await;
    let page = format!("/console/{ORG}/{app}/webhooks/{endpoint}");
    viewer.get(&page).await.expect(200).holds(&format!("{page}/diagnostics"));
    let file = viewer.get(&format!("{page}/diagnostics")).await.expect(200);
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let told: serde_json::Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!(told["webhook"]["id"], endpoint.as_str());
    assert_eq!(told["condition"]["state"], "Active");
    assert_eq!(told["attempts"][0]["id"], attempt.as_str());
    assert_eq!(told["attempts"][0]["url"], "https://hooks.example/");
    assert!(told["server"]["version"].is_string() && told["settings"].as_array().unwrap().len() > 3);
    for hidden in ["hush-token", "hush-header", "254712345678", secret.reveal()] {
        assert!(!file.text.contains(hidden), "{hidden}: {}", file.text);
    }
    viewer.get(&format!("/console/{ORG}/{app}/webhooks/ep_1srOrx2ZWZBpBUvZwXKQmoEYga2/diagnostics")).await.expect(404);
}
