//! Tokens that the issuer is asked about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringback_model::Redacted;
use ringback_service::IssuerSource;
use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::{Value, json};

use super::authority::{INTROSPECT, claims, furnish, not_now, refusal, settings, subscribe, target};
use crate::harness::World;

const TOKEN: &str = "opaque-2YotnFZFEjr1zCsicMWpAA";

pub(super) async fn world() -> (World, Receiver) {
    let server = Receiver::start().await.unwrap();
    let source = IssuerSource::Introspection {
        url: target(&server.url(INTROSPECT)),
        client_id: "ring:back".to_owned(),
        client_secret: Redacted::new("hush hush".to_owned()),
    };
    let world = World::with_issuer(settings(source));
    furnish(&world).await;
    (world, server)
}

fn answer(server: &Receiver, body: &Value) {
    server.answer(INTROSPECT, Reply::status(200).body(body.to_string()));
}

#[tokio::test]
async fn the_issuer_is_asked_as_rfc_7662_says_and_believed_for_a_minute() {
    let (world, server) = world().await;
    answer(&server, &claims(&json!({"active": true})));
    for _ in 0..3 {
        subscribe(&world, TOKEN, "oauth2").await.expect(200);
    }
    world.advance(59);
    subscribe(&world, TOKEN, "oauth2").await.expect(200);
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", INTROSPECT));
    assert_eq!(requests[0].text(), format!("token={TOKEN}&token_type_hint=access_token"));
    assert_eq!(requests[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    let shown = requests[0].header("authorization").unwrap().strip_prefix("Basic ").unwrap();
    assert_eq!(STANDARD.decode(shown).unwrap(), b"ring%3Aback:hush+hush");
    answer(&server, &json!({"active": false}));
    world.advance(1);
    assert!(refusal(&subscribe(&world, TOKEN, "oauth2").await).contains("not active"), "it was taken back");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_is_not_active_is_refused_and_looked_at_again_soon() {
    let (world, server) = world().await;
    // Whatever else it says.
    answer(&server, &claims(&json!({"active": false})));
    for _ in 0..3 {
        assert!(refusal(&subscribe(&world, TOKEN, "oauth2").await).contains("not active"));
    }
    assert_eq!(server.requests().len(), 1);
    answer(&server, &claims(&json!({"active": true})));
    subscribe(&world, "another", "oauth2").await.expect(200);
    world.advance(10);
    subscribe(&world, TOKEN, "oauth2").await.expect(200);
}

#[tokio::test]
async fn what_the_issuer_says_is_checked_like_the_claims_of_a_jwt() {
    let (world, server) = world().await;
    for (number, (changes, told)) in [
        (json!({"aud": "elsewhere"}), "`aud`"),
        (json!({"iss": "elsewhere"}), "`iss`"),
        (json!({"exp": 1}), "has expired"),
        (json!({"exp": "soon"}), "`exp`"),
        (json!({"scope": null}), "the scope `webhooks:write`"),
        (json!({"client_id": null}), "names no application"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = claims(&changes);
        body["active"] = json!(true);
        answer(&server, &body);
        let message = refusal(&subscribe(&world, &format!("token-{number}"), "oauth2").await);
        assert!(message.contains(told), "{changes}: {message}");
    }
    // An end is not required of one who was asked just now, but one that is named counts although the answer is kept.
    answer(&server, &claims(&json!({"active": true, "exp": null})));
    subscribe(&world, "endless", "oauth2").await.expect(200);
    let soon = world.service.clock().wall().as_seconds() - 55;
    answer(&server, &claims(&json!({"active": true, "exp": soon})));
    subscribe(&world, "short", "oauth2").await.expect(200);
    world.advance(5);
    assert!(refusal(&subscribe(&world, "short", "oauth2").await).contains("has expired"));
}

#[tokio::test]
async fn without_a_clear_answer_nobody_knows() {
    let (world, server) = world().await;
    let large = claims(&json!({"active": true, "filler": "x".repeat(70_000)})).to_string();
    for bad in [
        Reply::status(401),
        Reply::status(500),
        Reply::status(302).header("location", "/elsewhere"),
        Reply::status(200).body("yes"),
        Reply::status(200).body(r#"{"active":"true"}"#),
        Reply::status(200).body(large),
        Reply::cut_after_head(),
    ] {
        server.answer(INTROSPECT, bad);
        not_now(&subscribe(&world, TOKEN, "oauth2").await, 1);
    }
    server.answer(INTROSPECT, Reply::close());
    not_now(&subscribe(&world, TOKEN, "oauth2").await, 1);
    answer(&server, &claims(&json!({"active": true})));
    let asked = server.requests().len();
    not_now(&subscribe(&world, TOKEN, "oauth2").await, 1);
    assert_eq!(server.requests().len(), asked, "one that is silent is left alone for a second");
    world.advance(1);
    subscribe(&world, TOKEN, "oauth2").await.expect(200);
}

#[tokio::test]
async fn what_can_be_no_token_is_not_passed_on() {
    let (world, server) = world().await;
    for token in ["a b", "a&active=true", "é", "a\nb", &"x".repeat(8_193)] {
        assert!(refusal(&subscribe(&world, token, "oauth2").await).contains("no access token"));
    }
    refusal(&subscribe(&world, "a secret of the tests", "oauth2").await);
    assert!(server.requests().is_empty());
}
