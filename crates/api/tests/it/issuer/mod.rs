//! Tokens of another issuer in JQL: who is believed, who is not, and what happens while the issuer cannot be asked.

mod authority;
mod introspection;
mod log;
mod organization;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ringback_service::{IssuerSource, SignatureAlgorithm};
use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::{Value, json};

use crate::harness::{START, World};
use authority::{KEYS, Signer, claims, furnish, not_now, publish, refusal, settings, subscribe, target, unsigned};

async fn world(server: &Receiver, algorithms: &[SignatureAlgorithm]) -> (World, String) {
    let url = target(&server.url(KEYS));
    let world = World::with_issuer(settings(IssuerSource::Keys { url, algorithms: algorithms.to_vec() }));
    let app = furnish(&world).await;
    (world, app)
}

/// A world whose issuer publishes one key.
async fn world_of(signer: &Signer) -> (World, Receiver) {
    let server = Receiver::start().await.unwrap();
    publish(&server, &[signer]);
    (world(&server, &SignatureAlgorithm::ALL).await.0, server)
}

#[tokio::test]
async fn a_token_of_each_kind_of_key_subscribes_for_the_application_that_it_names() {
    let server = Receiver::start().await.unwrap();
    let signers = [Signer::rsa("r"), Signer::ec("c"), Signer::ed("d")];
    publish(&server, &signers.each_ref());
    let (world, app) = world(&server, &SignatureAlgorithm::ALL).await;
    for signer in &signers {
        let answer = subscribe(&world, &signer.sign(&claims(&json!({}))), "oauth2").await;
        assert_eq!(answer.expect(200)["result"]["state"], "active");
        let by_id = signer.sign(&claims(&json!({"client_id": app})));
        subscribe(&world, &by_id, "oauth2").await.expect(200);
    }
    assert_eq!(server.requests().len(), 1, "the keys were fetched once");
    let endpoints = world.get("/app/acme/endpoint").await.expect(200);
    assert_eq!(endpoints["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn our_own_tokens_stay_good_and_are_shown_to_nobody() {
    let (world, server) = world_of(&Signer::ed("d")).await;
    let app = world.get("/app/acme").await.text_of("id");
    for class in ["oauth2", "apiKey"] {
        subscribe(&world, &world.app_token(&app), class).await.expect(200);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_token_of_the_issuer_is_good_for_nothing_else() {
    let signer = Signer::ed("d");
    let (world, server) = world_of(&signer).await;
    let token = signer.sign(&claims(&json!({})));
    refusal(&subscribe(&world, &token, "apiKey").await);
    world.ask(&token, "GET", "/app/acme", &[], "").await.expect(401);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn each_claim_that_is_wrong_is_refused_with_what_to_do() {
    let signer = Signer::ec("c");
    let (world, _server) = world_of(&signer).await;
    let now = START.as_seconds();
    for (changes, told) in [
        (json!({"aud": "https://elsewhere.example"}), "another audience (`aud`)"),
        (json!({"iss": "https://elsewhere.example"}), "another issuer (`iss`)"),
        (json!({"exp": now - 60}), "has expired"),
        (json!({"exp": null}), "has no end (`exp`)"),
        (json!({"nbf": now + 61}), "not valid yet (`nbf`)"),
        (json!({"scope": "openid"}), "the scope `webhooks:write`"),
        (json!({"client_id": null}), "names no application"),
        (json!({"client_id": "nobody"}), "There is no application"),
    ] {
        let message = refusal(&subscribe(&world, &signer.sign(&claims(&changes)), "oauth2").await);
        assert!(message.contains(told), "{changes}: {message}");
    }
}

#[tokio::test]
async fn a_token_ends_by_the_clock_of_the_server_however_often_it_was_shown() {
    let signer = Signer::ed("d");
    let (world, _server) = world_of(&signer).await;
    let token = signer.sign(&claims(&json!({})));
    subscribe(&world, &token, "oauth2").await.expect(200);
    world.advance(3_659);
    subscribe(&world, &token, "oauth2").await.expect(200);
    world.advance(1);
    assert!(refusal(&subscribe(&world, &token, "oauth2").await).contains("has expired"));
}

#[tokio::test]
async fn a_signature_that_is_none_or_of_another_kind_is_refused() {
    let signer = Signer::ec("c");
    let (world, _server) = world_of(&signer).await;
    let good = claims(&json!({}));
    let wrong_key = Signer::ec("c").sign(&good);
    assert!(refusal(&subscribe(&world, &wrong_key, "oauth2").await).contains("signature"));
    // The public key is known to everybody: as the secret of an HMAC it must be worth nothing, in whatever spelling.
    let public = &signer.published;
    for secret in [public["x"].as_str().unwrap().to_owned(), public.to_string()] {
        let header = Header { kid: Some("c".to_owned()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        assert!(refusal(&subscribe(&world, &token, "oauth2").await).contains("Accepted are RS256, ES256, EdDSA"));
    }
    for (alg, signature) in [("none", &b""[..]), ("None", b""), ("PS256", b"x"), ("ES384", b"x"), ("", b"x")] {
        let token = unsigned(&json!({"alg": alg, "kid": "c"}), &good, signature);
        assert!(refusal(&subscribe(&world, &token, "oauth2").await).contains("`alg`"), "{alg}");
    }
    for (header, signature) in
        [(json!({"alg": "ES256", "kid": "c"}), &b""[..]), (json!({"alg": "EdDSA", "kid": "c"}), b"x")]
    {
        refusal(&subscribe(&world, &unsigned(&header, &good, signature), "oauth2").await);
    }
    let critical = unsigned(&json!({"alg": "ES256", "kid": "c", "crit": ["exp"]}), &good, b"x");
    for token in [critical.as_str(), "a.b", "a.b.c", "a b", "é", &"x".repeat(9_000)] {
        assert!(refusal(&subscribe(&world, token, "oauth2").await).contains("no access token"), "{token:.40}");
    }
}

#[tokio::test]
async fn only_the_kinds_that_the_operator_allows_are_accepted() {
    let server = Receiver::start().await.unwrap();
    let (rsa, ed) = (Signer::rsa("r"), Signer::ed("d"));
    publish(&server, &[&rsa, &ed]);
    let (world, _) = world(&server, &[SignatureAlgorithm::EdDsa]).await;
    subscribe(&world, &ed.sign(&claims(&json!({}))), "oauth2").await.expect(200);
    assert!(
        refusal(&subscribe(&world, &rsa.sign(&claims(&json!({}))), "oauth2").await).contains("Accepted are EdDSA.")
    );
}

#[tokio::test]
async fn an_unknown_key_makes_us_look_again_and_not_more_than_twice_a_minute() {
    let (old, new) = (Signer::ec("old"), Signer::ed("new"));
    let (world, server) = world_of(&old).await;
    let (by_old, by_new) = (old.sign(&claims(&json!({}))), new.sign(&claims(&json!({}))));
    subscribe(&world, &by_old, "oauth2").await.expect(200);
    publish(&server, &[&new]);
    for _ in 0..5 {
        assert!(refusal(&subscribe(&world, &by_new, "oauth2").await).contains("`kid`"));
    }
    assert_eq!(server.requests().len(), 1);
    world.advance(30);
    subscribe(&world, &by_new, "oauth2").await.expect(200);
    assert!(
        refusal(&subscribe(&world, &by_old, "oauth2").await).contains("`kid`"),
        "a key that is gone counts no more"
    );
    assert_eq!(server.requests().len(), 2);
    // Without any need, they are fetched again after five minutes.
    world.advance(301);
    subscribe(&world, &by_new, "oauth2").await.expect(200);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn many_that_miss_the_keys_at_once_wait_for_one_fetch() {
    let signer = Signer::ed("d");
    let (world, server) = world_of(&signer).await;
    let token = signer.sign(&claims(&json!({})));
    let all = (0..20).map(|_| subscribe(&world, &token, "oauth2"));
    for answer in futures_util::future::join_all(all).await {
        answer.expect(200);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_the_issuer_nobody_knows_and_keys_that_are_known_serve_for_an_hour() {
    let signer = Signer::ed("d");
    let (world, server) = world_of(&signer).await;
    let token = signer.sign(&claims(&json!({"exp": START.as_seconds() + 86_400})));
    for broken in [Reply::status(500), Reply::status(302), Reply::close(), Reply::status(200).body("<html>")] {
        server.answer(KEYS, broken);
        assert!(not_now(&subscribe(&world, &token, "oauth2").await, 5).contains("again in 5 s"));
        // Nobody is asked again at once.
        let asked = server.requests().len();
        world.advance(2);
        not_now(&subscribe(&world, &token, "oauth2").await, 3);
        assert_eq!(server.requests().len(), asked);
        world.advance(3);
    }
    publish(&server, &[&signer]);
    subscribe(&world, &token, "oauth2").await.expect(200);
    server.answer(KEYS, Reply::status(503));
    world.advance(3_599);
    subscribe(&world, &token, "oauth2").await.expect(200);
    let other = Signer::ed("other").sign(&claims(&json!({"exp": START.as_seconds() + 86_400})));
    not_now(&subscribe(&world, &other, "oauth2").await, 5);
    world.advance(5);
    not_now(&subscribe(&world, &token, "oauth2").await, 5);
}

#[tokio::test]
async fn an_issuer_where_nobody_listens_or_that_may_not_be_called_is_no_reason_for_a_401() {
    let token = Signer::ed("d").sign(&claims(&json!({})));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Loopback is allowed in these tests, and no other inner network: the second is refused before anything is dialled.
    for url in [format!("http://{closed}{KEYS}"), "http://10.0.0.1/keys".to_owned()] {
        let source = IssuerSource::Keys { url: target(&url), algorithms: SignatureAlgorithm::ALL.to_vec() };
        let world = World::with_issuer(settings(source));
        furnish(&world).await;
        not_now(&subscribe(&world, &token, "oauth2").await, 5);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_none() {
    let signer = Signer::ed("d");
    let (world, server) = world_of(&signer).await;
    let set = json!({"keys": [signer.published], "filler": "x".repeat(70_000)});
    server.answer(KEYS, Reply::status(200).body(set.to_string()));
    not_now(&subscribe(&world, &signer.sign(&claims(&json!({}))), "oauth2").await, 5);
}

#[tokio::test]
async fn a_token_may_come_in_the_header() {
    let signer = Signer::ed("d");
    let (world, _server) = world_of(&signer).await;
    let query: Value = json!({
        "__meta__": {"namespace": "system.Webhook", "schema": "controller", "intent": "unsubscribeFromWebhook"},
        "prefix": "p", "trigger": "profile.Customer:create", "webhookUrl": "https://example.com/hook",
    });
    let request = http::Request::post("/jql")
        .header("authorization", format!("Bearer {}", signer.sign(&claims(&json!({})))))
        .body(query.to_string().into())
        .unwrap();
    assert_eq!(world.send(request).await.expect(200)["result"]["removed"], 0);
}
