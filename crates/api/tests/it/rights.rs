//! Who may do what: every operation with a token of the organization, of the application, and with none that counts.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use ringback_model::{DEFAULT_ORGANIZATION, Redacted, SeededRandom};
use ringback_service::{TokenKey, TokenSubject};
use serde_json::json;

use crate::harness::{START, World};

/// Every operation: method, path with `{}` names, and whether a token of the application itself may do it.
const OPERATIONS: &[(&str, &str, bool)] = &[
    ("GET", "/app", false),
    ("POST", "/app", false),
    ("GET", "/app/{app_id}", true),
    ("PUT", "/app/{app_id}", false),
    ("PATCH", "/app/{app_id}", false),
    ("DELETE", "/app/{app_id}", false),
    ("GET", "/app/{app_id}/endpoint", true),
    ("POST", "/app/{app_id}/endpoint", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}", true),
    ("PUT", "/app/{app_id}/endpoint/{endpoint_id}", true),
    ("PATCH", "/app/{app_id}/endpoint/{endpoint_id}", true),
    ("DELETE", "/app/{app_id}/endpoint/{endpoint_id}", true),
    ("GET", "/app/{app_id}/deleted-endpoint", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/restore", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/secret", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/headers", true),
    ("PUT", "/app/{app_id}/endpoint/{endpoint_id}/headers", true),
    ("PATCH", "/app/{app_id}/endpoint/{endpoint_id}/headers", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/recover", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/replay-missing", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/bulk-replay", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/cancel", true),
    ("POST", "/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/cancel", true),
    ("POST", "/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/skip", true),
    ("GET", "/background-task", true),
    ("GET", "/background-task/{task_id}", true),
    ("POST", "/background-task/{task_id}/cancel", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/verify", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/transformation", true),
    ("PATCH", "/app/{app_id}/endpoint/{endpoint_id}/transformation", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/transformation/simulate", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/msg", true),
    ("POST", "/app/{app_id}/endpoint/{endpoint_id}/send-example", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/stats", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/attempt-stats", true),
    ("GET", "/app/{app_id}/endpoint/{endpoint_id}/statistics", true),
    ("GET", "/app/{app_id}/statistics", true),
    ("GET", "/statistics", false),
    ("POST", "/stats/usage/app", false),
    ("PUT", "/stats/usage/event-types", false),
    ("POST", "/endpoint/import/csv", false),
    ("POST", "/app/{app_id}/endpoint/test", true),
    ("POST", "/app/{app_id}/endpoint/preview", true),
    ("GET", "/app/{app_id}/msg", true),
    ("POST", "/app/{app_id}/msg", false),
    ("POST", "/app/{app_id}/msg/batch", false),
    ("POST", "/app/{app_id}/msg/bulk-expunge", false),
    ("POST", "/app/{app_id}/msg/expunge-all-contents", false),
    ("POST", "/app/{app_id}/msg/precheck/active", false),
    ("GET", "/app/{app_id}/msg/{msg_id}", true),
    ("GET", "/app/{app_id}/msg/{msg_id}/story", true),
    ("POST", "/app/{app_id}/msg/{msg_id}/filter", true),
    ("GET", "/app/{app_id}/msg/{msg_id}/endpoint", true),
    ("POST", "/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend", true),
    ("GET", "/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}", true),
    ("GET", "/app/{app_id}/attempt/endpoint/{endpoint_id}", true),
    ("GET", "/app/{app_id}/attempt/msg/{msg_id}", true),
    ("DELETE", "/app/{app_id}/msg/{msg_id}/content", false),
    ("DELETE", "/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content", false),
    ("GET", "/app/{app_id}/oauth-client", true),
    ("POST", "/app/{app_id}/oauth-client", true),
    ("DELETE", "/app/{app_id}/oauth-client/{client_id}", true),
    ("GET", "/app/{app_id}/integration", true),
    ("POST", "/app/{app_id}/integration", true),
    ("GET", "/app/{app_id}/integration/{integ_id}", true),
    ("PUT", "/app/{app_id}/integration/{integ_id}", true),
    ("DELETE", "/app/{app_id}/integration/{integ_id}", true),
    ("GET", "/app/{app_id}/integration/{integ_id}/key", true),
    ("POST", "/app/{app_id}/integration/{integ_id}/key/rotate", true),
    ("GET", "/app/{app_id}/destination", true),
    ("POST", "/app/{app_id}/destination", true),
    ("GET", "/app/{app_id}/destination/{destination_id}", true),
    ("PUT", "/app/{app_id}/destination/{destination_id}", true),
    ("PATCH", "/app/{app_id}/destination/{destination_id}", true),
    ("DELETE", "/app/{app_id}/destination/{destination_id}", true),
    ("GET", "/app/{app_id}/poller/{sink_id}", true),
    ("GET", "/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}", true),
    ("POST", "/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek", true),
    ("GET", "/app/{app_id}/polling-endpoint/{sink_id}/consumer/{consumer_id}", true),
    ("POST", "/app/{app_id}/polling-endpoint/{sink_id}/consumer/{consumer_id}/commit", true),
    ("GET", "/operational-webhook/endpoint", false),
    ("POST", "/operational-webhook/endpoint", false),
    ("GET", "/operational-webhook/endpoint/{webhook_id}", false),
    ("PUT", "/operational-webhook/endpoint/{webhook_id}", false),
    ("GET", "/operational-webhook/endpoint/{webhook_id}/secret", false),
    ("POST", "/operational-webhook/endpoint/{webhook_id}/secret/rotate", false),
    ("GET", "/operational-webhook/endpoint/{webhook_id}/headers", false),
    ("PUT", "/operational-webhook/endpoint/{webhook_id}/headers", false),
    ("PATCH", "/operational-webhook/endpoint/{webhook_id}/headers", false),
    ("DELETE", "/operational-webhook/endpoint/{webhook_id}", false),
    ("POST", "/auth/app-portal-access/{app_id}", false),
    ("POST", "/auth/dashboard-access/{app_id}", false),
    ("POST", "/auth/app/{app_id}/expire-all", false),
    ("POST", "/auth/logout", true),
    ("GET", "/auth/whoami", true),
    ("GET", "/organization", false),
    ("PATCH", "/organization", false),
    ("GET", "/event-type", true),
    ("POST", "/event-type", false),
    ("POST", "/event-type/import/openapi", false),
    ("POST", "/environment/export", false),
    ("POST", "/environment/import", false),
    ("GET", "/event-type/{event_type_name}", true),
    ("PUT", "/event-type/{event_type_name}", false),
    ("PATCH", "/event-type/{event_type_name}", false),
    ("DELETE", "/event-type/{event_type_name}", false),
];

#[test]
fn every_operation_of_the_document_has_its_row_in_this_table() {
    let document: serde_json::Value = serde_json::from_str(ringback_api::openapi_document()).unwrap();
    let mut documented = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        for method in item.as_object().unwrap().keys().filter(|_| !path.starts_with("/health")) {
            documented.push((method.to_uppercase(), path.to_owned()));
        }
    }
    let mut tabled: Vec<_> = OPERATIONS.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    documented.sort_unstable();
    tabled.sort_unstable();
    assert_eq!(documented, tabled);
}

fn body_of(method: &str, path: &str) -> String {
    match (method, path) {
        ("GET" | "DELETE", _) => String::new(),
        (_, path) if path.ends_with("/precheck/active") => json!({ "eventType": "t" }).to_string(),
        (_, path) if path.ends_with("/bulk-expunge") => json!({ "ids": [] }).to_string(),
        (_, path) if path.ends_with("/import/openapi") => {
            json!({ "spec": { "webhooks": { "new": { "post": {} } } } }).to_string()
        }
        (_, path) if path.ends_with("/import/csv") => {
            json!({ "csv": "application,url\na,https://example.com/new" }).to_string()
        }
        (_, path) if path.ends_with("/simulate") => {
            let code = "const handler = (webhook) => webhook";
            json!({ "code": code, "eventType": "t", "payload": {} }).to_string()
        }
        (_, path) if path.ends_with("/filter") => json!({ "filter": { "type": "t" } }).to_string(),
        (_, path) if path.ends_with("/send-example") => json!({ "eventType": "svix.ping" }).to_string(),
        (_, path) if path.ends_with("/msg") => json!({ "eventType": "t", "payload": {} }).to_string(),
        (_, path) if path.ends_with("/recover") || path.ends_with("-missing") || path.ends_with("-replay") => {
            json!({ "since": "2027-01-01T00:00:00Z" }).to_string()
        }
        (_, path) if path.ends_with("/cancel") || path.ends_with("/skip") => "{}".to_owned(),
        (_, path) if path.ends_with("/batch") => {
            json!({ "messages": [{ "eventType": "t", "payload": {} }] }).to_string()
        }
        (_, path) if path.ends_with("/headers") => json!({ "headers": {} }).to_string(),
        (_, path) if path.ends_with("/test") || path.ends_with("/preview") => {
            json!({ "url": "https://example.com/", "eventType": "t", "payload": {} }).to_string()
        }
        (_, path) if path.starts_with("/auth/") => "{}".to_owned(),
        (_, path) if path.ends_with("/rotate") || path.ends_with("/resend") => "{}".to_owned(),
        (_, path) if path.ends_with("/usage/app") => {
            json!({ "since": "2027-01-01T00:00:00Z", "until": "2027-02-01T00:00:00Z" }).to_string()
        }
        ("POST" | "PUT", path) if path.contains("/destination") => json!({ "type": "pollingEndpoint" }).to_string(),
        (_, path) if path.ends_with("/seek") => json!({ "after": "2027-01-01T00:00:00Z" }).to_string(),
        (_, path) if path.ends_with("/commit") => json!({ "offset": 0 }).to_string(),
        ("PATCH", _) => "{}".to_owned(),
        (_, path) if path.starts_with("/event-type") => json!({ "name": "new", "description": "" }).to_string(),
        (_, path) if path.contains("/endpoint") => json!({ "url": "https://example.com/" }).to_string(),
        _ => json!({ "name": "n" }).to_string(),
    }
}

/// A world with one of each thing, and the path of an operation in it.
async fn furnished() -> (World, String, impl Fn(&str, &str) -> String) {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    world.rewrite("a", &endpoint, json!({ "verification": { "kind": "ping" } }), None).await;
    world.event_type("t").await;
    let message = world.message("a", "t").await;
    let attempt = world.attempt(&app, &endpoint, &message, 200).await.to_string();
    let client = world.post("/app/a/oauth-client", json!({ "name": "n" })).await.text_of("clientId");
    let integration = world.post("/app/a/integration", json!({ "name": "n" })).await.text_of("id");
    let polling = json!({ "type": "pollingEndpoint" });
    let destination = world.post("/app/a/destination", polling).await.text_of("id");
    let webhook =
        world.post("/operational-webhook/endpoint", json!({ "url": "https://example.com/" })).await.text_of("id");
    // What is pending is asked for by hand, so that it can be called off.
    world.post(&format!("/app/a/msg/{message}/endpoint/{endpoint}/resend"), json!({})).await.expect(202);
    let task = world.post(&format!("/app/a/endpoint/{endpoint}/cancel"), json!({})).await.text_of("id");
    let fill = move |path: &str, app: &str| {
        path.replace("{app_id}", app)
            .replace("{endpoint_id}", &endpoint)
            .replace("{msg_id}", &message)
            .replace("{attempt_id}", &attempt)
            .replace("{client_id}", &client)
            .replace("{integ_id}", &integration)
            .replace("{destination_id}", &destination)
            .replace("{sink_id}", &destination)
            .replace("{consumer_id}", "c")
            .replace("{webhook_id}", &webhook)
            .replace("{task_id}", &task)
            .replace("{event_type_name}", "t")
    };
    (world, app, fill)
}

#[tokio::test]
async fn each_operation_is_open_to_the_tokens_that_it_is_for_and_to_no_other() {
    for (method, path, for_applications) in OPERATIONS {
        let (world, app, fill) = furnished().await;
        let token = world.app_token(&app);
        let other = world.app("b").await;
        let body = body_of(method, path);
        let own = world.ask(&token, method, &fill(path, &app), &[], body.clone()).await;
        if !for_applications {
            assert_eq!(own.expect(403)["code"], "insufficient access", "{method} {path}");
        } else {
            assert!(own.status.is_success(), "{method} {path}: {}", own.text);
            if path.contains("{app_id}") {
                let foreign = world.ask(&token, method, &fill(path, &other), &[], body.clone()).await;
                let missing = world.ask(&token, method, &fill(path, "none"), &[], body.clone()).await;
                assert_eq!(foreign.expect(404)["code"], "not_found", "{method} {path}");
                assert_eq!(foreign.text, missing.text, "{method} {path}");
            }
        }
    }
    let document: serde_json::Value = serde_json::from_str(ringback_api::openapi_document()).unwrap();
    for (method, path, _) in OPERATIONS {
        let (world, app, fill) = furnished().await;
        let answer = world.ask(&world.token, method, &fill(path, &app), &[], body_of(method, path)).await;
        // The organization's own token is not logged out.
        let taken = [("POST", "/event-type"), ("POST", "/auth/logout")].contains(&(*method, *path));
        assert!(answer.status.is_success() || taken, "{method} {path}: {}", answer.text);
        // Clients that are made of the document take no other answer for a success.
        let named = &document["paths"][format!("/api/v1{path}")][method.to_lowercase()]["responses"];
        let status = answer.status.as_str();
        assert!(
            taken || named.get(status).is_some(),
            "{method} {path} answers {status}, which the document does not name"
        );
        let has_body = named[status].get("content").is_some();
        assert!(taken || has_body != answer.text.is_empty(), "{method} {path} {status}: {}", answer.text);
    }
}

#[tokio::test]
async fn without_a_token_that_counts_every_operation_answers_401_before_all_else() {
    let world = World::new();
    let expired = world.token_of(DEFAULT_ORGANIZATION.parse().unwrap());
    world.advance(86_400 * 2);
    let foreign = TokenKey::new(Redacted::new("another secret".to_owned()));
    let subject = TokenSubject::Organization(DEFAULT_ORGANIZATION.parse().unwrap());
    let foreign = foreign.mint(&subject, START, Duration::from_secs(86_400 * 30), &SeededRandom::new(3)).unwrap();
    let forged = format!("{}x", world.token);
    for (method, path, _) in OPERATIONS {
        for token in ["", "garbage", &expired, foreign.reveal(), &forged, "a.b.c"] {
            let answer = world.ask(token, method, &path.replace(['{', '}'], ""), &[], "not json").await;
            assert_eq!(answer.expect(401)["code"], "authentication_failed", "{method} {path} {token:.20}");
        }
        for header in [None, Some("Basic dTpw"), Some("Bearer"), Some("\u{1}")] {
            let request = Request::builder().method(*method).uri(format!("/api/v1{path}").replace(['{', '}'], ""));
            let request = match header {
                Some(header) => request.header("authorization", header.as_bytes().to_vec()),
                None => request,
            };
            let Ok(request) = request.body(Body::from("not json")) else { continue };
            assert_eq!(world.send(request).await.expect(401)["code"], "authentication_failed", "{method} {path}");
        }
    }
    let secret = world.ask("a secret of the tests", "GET", "/app", &[], "").await;
    let detail = secret.expect(401)["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("Authentication failed. JWT signing secrets can not be used as tokens"), "{detail}");
}

#[tokio::test]
async fn a_401_names_the_scheme_and_a_header_given_twice_is_refused() {
    let world = World::new();
    let bare = world.send(Request::get("/api/v1/app").body(Body::empty()).unwrap()).await;
    assert_eq!(bare.status, 401);
    assert_eq!(bare.headers["www-authenticate"], "Bearer");
    let good = format!("Bearer {}", world.token);
    let twice = world.ask(&world.token, "GET", "/app", &[("authorization", &good)], Body::empty()).await;
    assert!(twice.expect(401)["detail"].as_str().unwrap().contains("twice"), "{}", twice.text);
}
