//! Issuers that organizations name themselves: their keys are found by their name, and one organization's are nothing to
//! another.

use ringback_model::OrgId;
use ringback_service::IssuerSource;
use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::{Value, json};

use super::authority::{
    AUDIENCE, INTROSPECT, KEYS, Signer, claims, furnish, not_now, publish, refusal, settings, subscribe, subscribe_in,
    target,
};
use crate::harness::World;

const OPENID: &str = "/.well-known/openid-configuration";

/// An issuer that says of itself where its keys are.
async fn issuer(signers: &[&Signer]) -> Receiver {
    let server = Receiver::start().await.unwrap();
    publish(&server, signers);
    say(&server, OPENID, &name(&server));
    server
}

fn name(server: &Receiver) -> String {
    server.url("/").trim_end_matches('/').to_owned()
}

fn say(server: &Receiver, path: &str, issuer: &str) {
    let metadata = json!({ "issuer": issuer, "jwks_uri": server.url(KEYS), "token_endpoint": server.url("/token") });
    server.answer(path, Reply::status(200).body(metadata.to_string()));
}

async fn world(jql: &Value) -> World {
    let world = World::new();
    furnish(&world).await;
    world.patch("/organization", json!({ "jql": jql })).await.expect(200);
    world
}

#[tokio::test]
async fn keys_are_found_by_the_name_of_the_issuer_and_again_when_a_token_names_another() {
    let signer = Signer::ed("a");
    let server = issuer(&[&signer]).await;
    let name = name(&server);
    let world = world(&json!({ "issuer": name, "audience": AUDIENCE })).await;
    let good = claims(&json!({ "iss": name }));
    for _ in 0..3 {
        subscribe(&world, &signer.sign(&good), "oauth2").await.expect(200);
    }
    assert_eq!(server.requests().len(), 2, "what it says of itself, and its keys, once");
    let next = Signer::ec("b");
    publish(&server, &[&signer, &next]);
    refusal(&subscribe(&world, &next.sign(&good), "oauth2").await);
    assert_eq!(server.requests().len(), 2, "not twice within 30 s");
    world.advance(31);
    subscribe(&world, &next.sign(&good), "oauth2").await.expect(200);
    assert_eq!(server.requests().len(), 4);
    assert!(
        refusal(&subscribe(&world, &next.sign(&claims(&json!({ "iss": name, "aud": "x" }))), "oauth2").await)
            .contains("aud")
    );
}

#[tokio::test]
async fn an_issuer_with_a_path_may_say_it_as_an_oauth_server() {
    let signer = Signer::ed("a");
    let server = Receiver::start().await.unwrap();
    publish(&server, &[&signer]);
    let name = server.url("/tenant");
    server.answer(&format!("/tenant{OPENID}"), Reply::status(404));
    say(&server, "/.well-known/oauth-authorization-server/tenant", &name);
    let world = world(&json!({ "issuer": name, "audience": AUDIENCE, "scope": "hooks", "appClaim": "azp" })).await;
    let token = signer.sign(&claims(&json!({ "iss": name, "scope": "hooks", "azp": "acme", "client_id": null })));
    subscribe(&world, &token, "oauth2").await.expect(200);
}

#[tokio::test]
async fn what_speaks_in_the_name_of_another_is_not_believed() {
    let signer = Signer::ed("a");
    let server = Receiver::start().await.unwrap();
    publish(&server, &[&signer]);
    say(&server, OPENID, "https://elsewhere.example");
    let world = world(&json!({ "issuer": name(&server), "audience": AUDIENCE })).await;
    let token = signer.sign(&claims(&json!({ "iss": name(&server) })));
    not_now(&subscribe(&world, &token, "oauth2").await, 5);
    assert!(server.requests().iter().all(|request| request.path() != KEYS), "its keys are not even fetched");
}

#[tokio::test]
async fn keys_may_be_named_and_stand_in_place_of_the_installations() {
    let (own, usual) = (Signer::ed("own"), Signer::ed("usual"));
    let (own_server, usual_server) = (issuer(&[&own]).await, issuer(&[&usual]).await);
    let keys = IssuerSource::Keys { url: target(&usual_server.url(KEYS)), algorithms: vec!["EdDSA".parse().unwrap()] };
    let world = World::with_issuer(settings(keys));
    furnish(&world).await;
    let of_the_installation = usual.sign(&claims(&json!({})));
    let named = own.sign(&claims(&json!({ "iss": "urn:own" })));
    subscribe(&world, &of_the_installation, "oauth2").await.expect(200);
    refusal(&subscribe(&world, &named, "oauth2").await);
    let jql =
        json!({ "issuer": "urn:own", "audience": AUDIENCE, "jwksUrl": own_server.url(KEYS), "algorithms": ["EdDSA"] });
    let set = world.patch("/organization", json!({ "jql": jql })).await.expect(200);
    assert_eq!((&set["jql"]["jwksUrl"], &set["jql"]["scope"]), (&jql["jwksUrl"], &json!("webhooks:write")));
    world.advance(1);
    subscribe(&world, &named, "oauth2").await.expect(200);
    refusal(&subscribe(&world, &of_the_installation, "oauth2").await);
    world.patch("/organization", json!({ "timeZone": "Africa/Nairobi" })).await.expect(200);
    subscribe(&world, &named, "oauth2").await.expect(200);
    world.patch("/organization", json!({ "jql": null })).await.expect(200);
    world.advance(1);
    subscribe(&world, &of_the_installation, "oauth2").await.expect(200);
    refusal(&subscribe(&world, &named, "oauth2").await);
}

#[tokio::test]
async fn an_issuer_that_is_asked_is_that_of_the_organization_that_the_url_names() {
    let server = Receiver::start().await.unwrap();
    let said = json!({ "active": true, "scope": "webhooks:write", "client_id": "acme" });
    server.answer(INTROSPECT, Reply::status(200).body(said.to_string()));
    let asked = |secret: Option<&str>| json!({ "introspection": { "url": server.url(INTROSPECT), "clientId": "r", "clientSecret": secret } });
    let world = world(&asked(Some("hidden"))).await;
    let shown = world.get("/organization").await;
    assert!(!shown.text.contains("hidden"), "{}", shown.text);
    refusal(&subscribe(&world, "opaque", "oauth2").await);
    assert!(server.requests().is_empty(), "nobody knows whose it is, so nobody is asked");
    let org = ringback_model::DEFAULT_ORGANIZATION;
    subscribe_in(&world, "opaque", org).await.expect(200);
    let basic = |at: usize| server.requests()[at].header("authorization").unwrap().to_owned();
    let before = basic(0);
    // What is shown can be sent back, and the secret stays; it does not follow to another server.
    world.patch("/organization", json!({ "jql": shown.json()["jql"] })).await.expect(200);
    let mut elsewhere = asked(None);
    elsewhere["introspection"]["url"] = json!(server.url("/elsewhere"));
    let refused = world.patch("/organization", json!({ "jql": elsewhere })).await;
    assert_eq!(refused.faults(), ["body.jql.introspection.clientSecret"]);
    world.advance(61);
    subscribe_in(&world, "opaque", org).await.expect(200);
    assert_eq!(basic(1), before);
    world.patch("/organization", json!({ "jql": asked(Some("other")) })).await.expect(200);
    world.advance(61);
    subscribe_in(&world, "opaque", org).await.expect(200);
    assert_ne!(basic(2), before, "a new secret holds at once");
}

#[tokio::test]
async fn two_organizations_with_one_issuer_are_told_apart_by_their_applications_or_by_name() {
    let signer = Signer::ed("a");
    let server = issuer(&[&signer]).await;
    let jql = json!({ "jql": { "issuer": name(&server), "audience": AUDIENCE } });
    let world = world(&jql["jql"]).await;
    let other = OrgId::from_bytes([9; 20]);
    let token = world.token_of(other);
    world.ask(&token, "PATCH", "/organization", &[], jql.to_string()).await.expect(200);
    world.advance(1);
    let shown = signer.sign(&claims(&json!({ "iss": name(&server) })));
    subscribe(&world, &shown, "oauth2").await.expect(200);
    world.ask(&token, "POST", "/app", &[], json!({ "name": "n", "uid": "acme" }).to_string()).await.expect(201);
    assert!(refusal(&subscribe(&world, &shown, "oauth2").await).contains("organization=org_"));
    subscribe_in(&world, &shown, ringback_model::DEFAULT_ORGANIZATION).await.expect(200);
    let elsewhere = subscribe_in(&world, &shown, &other.to_string()).await;
    assert_eq!(elsewhere.expect(422)["error"]["code"], "unknown_trigger", "it has no such type of event");
    assert_eq!(subscribe_in(&world, &shown, "org_x").await.expect(422)["error"]["field"], "organization");
}

#[tokio::test]
async fn what_is_wrong_with_an_issuer_is_told_at_its_member() {
    let world = World::new();
    let good = "https://login.example.com";
    for (jql, place, said) in [
        (json!({}), "body.jql.issuer", "`iss`"),
        (json!({ "issuer": good }), "body.jql.audience", "`aud`"),
        (json!({ "issuer": "http://login.example.com", "audience": "a" }), "body.jql.issuer", "https://"),
        (json!({ "issuer": "login", "audience": "a" }), "body.jql.issuer", "URL"),
        (json!({ "issuer": "https://login.example.com/?a", "audience": "a" }), "body.jql.issuer", "no query"),
        (json!({ "issuer": good, "audience": "a", "jwksUrl": "ftp://x" }), "body.jql.jwksUrl", "URL"),
        (json!({ "issuer": good, "audience": "a", "jwksUrl": "https://forbidden/" }), "body.jql.jwksUrl", "registered"),
        (json!({ "issuer": good, "audience": "a", "algorithms": ["HS256"] }), "body.jql.algorithms", "`RS256`"),
        (json!({ "issuer": good, "audience": "a", "scope": "" }), "body.jql.scope", "1 to 1024"),
        (json!({ "introspection": { "url": good, "clientId": "c" } }), "body.jql.introspection.clientSecret", "needed"),
        (json!({ "introspection": { "url": good } }), "body.jql.introspection.clientId", ""),
        (json!({ "issuer": 7 }), "body.jql.issuer", "a text"),
    ] {
        let answer = world.patch("/organization", json!({ "jql": jql })).await;
        assert_eq!(answer.faults().first().map(String::as_str), Some(place), "{jql}: {}", answer.text);
        assert!(answer.text.contains(said), "{jql}: {}", answer.text);
    }
    assert_eq!(world.get("/organization").await.expect(200)["jql"], json!(null));
}
