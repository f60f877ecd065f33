use base64::Engine as _;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{Answer, World};

/// A world with an application, the entity `profile.Customer`, and a token of the application.
async fn world() -> (World, String) {
    let world = World::new();
    let app = world.app("a").await;
    world.event_type("profile.Customer:create").await;
    let token = world.app_token(&app);
    (world, token)
}

fn query(token: &str) -> Value {
    json!({
        "__meta__": {
            "namespace": "system.Webhook", "schema": "controller", "intent": "subscribeToWebhook",
            "authenticationClass": "oauth2", "authenticationToken": token,
        },
        "prefix": "YourAppPrefix", "trigger": "profile.Customer:create", "webhookUrl": "https://a.example/hook",
    })
}

async fn send(world: &World, body: &str, token: Option<&str>) -> Answer {
    let request = Request::post("/jql");
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    world.send(request.body(body.to_owned().into()).unwrap()).await
}

async fn ask(world: &World, query: &Value) -> Answer {
    send(world, &query.to_string(), None).await
}

#[track_caller]
fn refused(answer: &Answer, status: u16, field: &str, word: &str) {
    let body = answer.expect(status);
    assert_eq!((&body["status"], &body["error"]["field"]), (&json!("error"), &json!(field)), "{body}");
    assert!(body["error"]["message"].as_str().unwrap().contains(word), "{body}");
}

/// Vectors J1 and J3.
#[tokio::test]
async fn a_subscription_is_one_endpoint_however_often_it_is_asked_for() {
    let (world, token) = world().await;
    let first = ask(&world, &query(&token)).await.expect(200);
    assert_eq!(ask(&world, &query(&token)).await.expect(200), first);
    let id = first["result"]["id"].as_str().unwrap();
    let endpoint = world.get(&format!("/app/a/endpoint/{id}")).await.expect(200);
    assert_eq!((&endpoint["dialect"], &endpoint["prefix"]), (&json!("antly"), &json!("YourAppPrefix")));
    let mut other = query(&token);
    other["prefix"] = json!("Other");
    assert_ne!(ask(&world, &other).await.expect(200)["result"]["id"], first["result"]["id"]);
    let mut gone = query(&token);
    gone["__meta__"]["intent"] = json!("unsubscribeFromWebhook");
    for removed in [1, 0] {
        assert_eq!(ask(&world, &gone).await.expect(200), json!({"status":"success","result":{"removed":removed}}));
    }
    world.get(&format!("/app/a/endpoint/{id}")).await.expect(404);
    assert_eq!(world.get("/app/a/endpoint").await.expect(200)["data"].as_array().unwrap().len(), 1, "the other stands");
}

#[tokio::test]
async fn all_actions_of_a_registered_entity_can_be_subscribed_to() {
    let (world, token) = world().await;
    for action in ["update", "delete"] {
        let mut asked = query(&token);
        asked["trigger"] = json!(format!("profile.Customer:{action}"));
        ask(&world, &asked).await.expect(200);
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused_with_what_was_probably_meant() {
    let (world, token) = world().await;
    for (pointer, value, field, word) in [
        ("/trigger", "profile.Customr:create", "trigger", "profile.Customer:create"),
        ("/trigger", "profile.Customer", "trigger", "namespace.Entity:action"),
        ("/trigger", "", "trigger", "namespace.Entity:action"),
        ("/prefix", "a b", "prefix", "1 to 64 characters"),
        ("/prefix", "", "prefix", "1 to 64 characters"),
        ("/webhookUrl", "ftp://a.example/", "webhookUrl", "cannot be registered"),
        ("/webhookUrl", "", "webhookUrl", "begins with"),
        ("/__meta__/namespace", "system.Webhok", "__meta__.namespace", "system.Webhook"),
        ("/__meta__/schema", "x", "__meta__.schema", "controller"),
        ("/__meta__/intent", "subscribe", "__meta__.intent", "subscribeToWebhook"),
        ("/__meta__/authenticationClass", "oauth", "__meta__.authenticationClass", "oauth2"),
    ] {
        let mut asked = query(&token);
        *asked.pointer_mut(pointer).unwrap() = json!(value);
        refused(&ask(&world, &asked).await, 422, field, word);
    }
    for (body, word) in [
        ("{", "ends too early (line 1, column 1)"),
        ("{\"prefix\":\"hunter2\" \"", "`,` or `}`"),
        ("", "ends too early"),
        ("[1]", "an object"),
        ("[]", "an object"),
        ("\"x\"", "an object"),
        ("{}{}", "trailing"),
    ] {
        let answer = send(&world, body, Some(&token)).await;
        refused(&answer, 422, "", "no JQL query");
        refused(&answer, 422, "", word);
        assert!(!answer.text.contains("hunter2"));
    }
    for (pointer, wrong, field, word) in [
        ("/prefix", json!(7), "prefix", "a text"),
        ("/prefix", json!(null), "prefix", "a text"),
        ("/trigger", json!(["a"]), "trigger", "a text"),
        ("/webhookUrl", json!({}), "webhookUrl", "a text"),
        ("/__meta__", json!("x"), "__meta__", "an object"),
        ("/__meta__", json!([]), "__meta__", "an object"),
        ("/__meta__", json!({}), "__meta__.namespace", "has to be there: `system.Webhook`"),
        ("/__meta__/intent", json!(true), "__meta__.intent", "a text"),
        ("/__meta__/authenticationToken", json!(12_345_678), "__meta__.authenticationToken", "a text"),
    ] {
        let mut asked = query(&token);
        *asked.pointer_mut(pointer).unwrap() = wrong;
        let answer = ask(&world, &asked).await;
        refused(&answer, 422, field, word);
        assert!(!answer.text.contains("12345678"), "{}", answer.text);
    }
    assert_eq!(world.get("/app/a/endpoint").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_word_that_is_near_two_is_never_taken_for_its_opposite_alone() {
    let (world, token) = world().await;
    let both = "is it `unsubscribeFromWebhook` or `subscribeToWebhook`?";
    for (intent, word) in [
        ("unsubscribeToWebhook", both),
        ("unsubscribeWebhook", both),
        ("unsubscribefromwebhook", "is it `unsubscribeFromWebhook`"),
        ("SubscribeToWebhook", "is it `subscribeToWebhook`"),
        ("", "has to be there: `subscribeToWebhook` or `unsubscribeFromWebhook`"),
    ] {
        let mut asked = query(&token);
        asked["__meta__"]["intent"] = json!(intent);
        refused(&ask(&world, &asked).await, 422, "__meta__.intent", word);
    }
}

#[tokio::test]
async fn a_member_that_is_given_twice_and_a_token_that_is_not_given_are_named() {
    let (world, token) = world().await;
    let text = query(&token).to_string();
    let twice = text.replacen("\"prefix\"", "\"prefix\":\"hunter2\",\"prefix\"", 1);
    refused(&send(&world, &twice, None).await, 422, "prefix", "twice");
    let twice = text.replacen("\"intent\"", "\"intent\":\"hunter2\",\"intent\"", 1);
    let answer = send(&world, &twice, None).await;
    refused(&answer, 422, "__meta__.intent", "twice");
    assert!(!answer.text.contains("hunter2"));
    refused(&ask(&world, &query("")).await, 401, "__meta__.authenticationToken", "There is no token");
}

/// Vector J4.
#[tokio::test]
async fn a_wrong_token_is_refused_and_never_repeated() {
    let (world, token) = world().await;
    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let of_the_organization = world.token.clone();
    for wrong in ["", "hunter2", &forged, &of_the_organization] {
        let answer = ask(&world, &query(wrong)).await;
        refused(&answer, 401, "__meta__.authenticationToken", "");
        assert!(wrong.is_empty() || !answer.text.contains(wrong), "{}", answer.text);
    }
    world.delete("/app/a").await.expect(204);
    refused(&ask(&world, &query(&token)).await, 401, "__meta__.authenticationToken", "does not exist");
}

#[tokio::test]
async fn a_token_may_stand_in_the_header_and_an_api_key_in_its_place() {
    let (world, token) = world().await;
    let mut bare = query("");
    bare["__meta__"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("authentication"));
    send(&world, &bare.to_string(), Some(&token)).await.expect(200);
    let mut by_key = query(&token);
    by_key["__meta__"]["authenticationClass"] = json!("apiKey");
    ask(&world, &by_key).await.expect(200);
}

#[tokio::test]
async fn a_client_gets_a_token_for_its_secret_until_it_is_removed() {
    let (world, _) = world().await;
    let client = world.post("/app/a/oauth-client", json!({ "name": "crm" })).await.expect(201);
    let (id, secret) = (client["clientId"].as_str().unwrap(), client["clientSecret"].as_str().unwrap());
    let grant = async |id: &str, secret: &str| {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        world.send(Request::post("/oauth/token").body(form.into()).unwrap()).await
    };
    let granted = grant(id, secret).await.expect(200);
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let token = granted["access_token"].as_str().unwrap();
    ask(&world, &query(token)).await.expect(200);
    world.advance(3_700);
    refused(&ask(&world, &query(token)).await, 401, "__meta__.authenticationToken", "");
    for (id, secret) in [(id, "wrong"), ("unknown", secret), ("", "")] {
        assert_eq!(grant(id, secret).await.expect(401)["error"], "invalid_client");
    }
    for form in [
        format!("grant_type=client_credentials&grant_type=client_credentials&client_id={id}&client_secret={secret}"),
        format!("grant_type=client_credentials&client_id={id}&client_id={id}&client_secret={secret}"),
    ] {
        let answer = world.send(Request::post("/oauth/token").body(form.into()).unwrap()).await;
        assert_eq!(answer.expect(400)["error"], "invalid_request");
    }
    let token = grant(id, secret).await.expect(200)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.ask(&token, "GET", "/app/a/endpoint", &[], Vec::new()).await.status, 200);
    let listed = world.get("/app/a/oauth-client").await;
    assert!(listed.text.contains(id) && !listed.text.contains(secret), "{}", listed.text);
    world.delete(&format!("/app/a/oauth-client/{id}")).await.expect(204);
    grant(id, secret).await.expect(401);
    refused(&ask(&world, &query(&token)).await, 401, "__meta__.authenticationToken", "was removed");
    assert_eq!(world.ask(&token, "GET", "/app/a/endpoint", &[], Vec::new()).await.status, 401);
}

#[tokio::test]
async fn a_url_is_the_same_subscription_however_it_is_written() {
    let (world, token) = world().await;
    let with = |url: &str, intent: &str| {
        let mut asked = query(&token);
        (asked["webhookUrl"], asked["__meta__"]["intent"]) = (json!(url), json!(intent));
        asked
    };
    let id = async |url: &str| {
        ask(&world, &with(url, "subscribeToWebhook")).await.expect(200)["result"]["id"].as_str().unwrap().to_owned()
    };
    for (one, others) in [
        (
            "https://a.example/hook~x?q=%2F",
            [
                "https://A.Example/hook~x?q=%2F",
                "HTTPS://a.example:443/hook%7Ex?q=%2f",
                "https://a.example/%68ook~x?q=%2F#top",
            ],
        ),
        ("https://b.example", ["https://b.example/", "https://b.example:443", "https://B.EXAMPLE:443/"]),
    ] {
        let first = id(one).await;
        for other in others {
            assert_eq!(id(other).await, first, "{other}");
        }
        let gone = ask(&world, &with(others[1], "unsubscribeFromWebhook")).await.expect(200);
        assert_eq!(gone["result"]["removed"], 1);
    }
    let base = id("https://a.example/hook").await;
    for other in [
        "https://a.example/hook/",
        "https://a.example/Hook",
        "http://a.example/hook",
        "https://a.example:8443/hook",
        "https://a.example/hook?",
        "https://a.example/hook%2F",
    ] {
        assert_ne!(id(other).await, base, "{other}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_query_is_said_in_the_shape_of_jql() {
    let (world, token) = world().await;
    let shaped = |answer: &Answer, status: u16, code: &str| {
        let body = answer.expect(status);
        let error = body["error"].as_object().unwrap();
        assert_eq!((&body["status"], &error["code"], &error["field"]), (&json!("error"), &json!(code), &json!("")));
        assert!(!error["message"].as_str().unwrap().is_empty() && body.as_object().unwrap().len() == 2, "{body}");
        assert_eq!(answer.headers["content-type"], "application/json");
    };
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let request = Request::builder().method(method).uri("/jql/").body(Vec::new().into()).unwrap();
        let answer = world.send(request).await;
        shaped(&answer, 405, "method_not_allowed");
        assert!(answer.headers["allow"].to_str().unwrap().contains("POST"), "{:?}", answer.headers);
    }
    let mut long = query(&token);
    long["more"] = json!("x".repeat(64 * 1_024));
    for body in [long.to_string(), "x".repeat(3 << 20), "x".repeat(9 << 20)] {
        let answer = send(&world, &body, None).await;
        shaped(&answer, 413, "payload_too_large");
        assert!(answer.text.contains("64 KiB"), "{}", answer.text);
        assert_eq!(answer.headers["connection"], "close");
    }
    // Nothing is refused for what it is called: a query says itself what it is.
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        let request = Request::post("/jql").header("content-type", kind);
        world.send(request.body(query(&token).to_string().into()).unwrap()).await.expect(200);
        let request = Request::post("/jql").header("content-type", kind);
        shaped(&world.send(request.body("<jql/>".into()).unwrap()).await, 422, "invalid_query");
    }
}

#[tokio::test]
async fn a_token_that_says_nothing_here_is_told_what_is_wrong_with_it() {
    let (world, token) = world().await;
    let part = |claims: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
    let of_another = format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(r#"{"iss":"https://else.example"}"#));
    let changed = format!("{token}x");
    for (class, path, wrong, word) in [
        ("oauth2", "/jql", "hunter2", "`POST /jql?organization=org_...`"),
        ("oauth2", "/jql", &of_another, "`iss`"),
        (
            "oauth2",
            "/jql?organization=org_23rb8YdGqMT0qIzpgGwdXfHirMu",
            "hunter2",
            "The organization that the URL names",
        ),
        ("apiKey", "/jql", "hunter2", "no token of this server"),
        ("apiKey", "/jql", &changed, "changed on the way"),
        ("apiKey", "/jql", &of_another, "class `oauth2`"),
    ] {
        let mut asked = query(wrong);
        asked["__meta__"]["authenticationClass"] = json!(class);
        let answer = world.send(Request::post(path).body(asked.to_string().into()).unwrap()).await;
        refused(&answer, 401, "__meta__.authenticationToken", word);
        assert!(!answer.text.contains(wrong) && !answer.text.contains("else.example"), "{}", answer.text);
    }
    let mut asked = query(&token);
    asked["__meta__"]["authenticationClass"] = json!("apiKey");
    ask(&world, &asked).await.expect(200);
}

#[tokio::test]
async fn user_and_password_of_the_same_url_replace_each_other_and_make_no_second_subscription() {
    let (world, token) = world().await;
    let with = |url: &str, intent: &str| {
        let mut asked = query(&token);
        (asked["webhookUrl"], asked["__meta__"]["intent"]) = (json!(url), json!(intent));
        asked
    };
    let (bare, first, second) = ("https://a.example/in", "https://u:one@a.example/in", "https://v:two@a.example/in");
    let mut ids = Vec::new();
    for (url, user) in [(first, "u"), (second, "v"), (bare, "v"), (first, "u")] {
        let answer = ask(&world, &with(url, "subscribeToWebhook")).await.expect(200);
        assert_eq!(answer["result"]["webhookUrl"], bare);
        ids.push(answer["result"]["id"].as_str().unwrap().to_owned());
        let path = format!("/app/a/endpoint/{}", ids[0]);
        let endpoint = world.get(&path).await.expect(200);
        assert_eq!((&endpoint["url"], &endpoint["auth"]["username"]), (&json!(bare), &json!(user)), "{endpoint}");
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let gone = ask(&world, &with(second, "unsubscribeFromWebhook")).await.expect(200);
    assert_eq!(gone["result"]["removed"], 1);
    let gone = ask(&world, &with(bare, "unsubscribeFromWebhook")).await.expect(200);
    assert_eq!(gone["result"]["removed"], 0);
    ask(&world, &with(bare, "subscribeToWebhook")).await.expect(200);
    let gone = ask(&world, &with(first, "unsubscribeFromWebhook")).await.expect(200);
    assert_eq!(gone["result"]["removed"], 1);
}

#[tokio::test]
async fn a_trigger_is_known_however_many_event_types_there_are_and_not_once_it_is_archived() {
    let (world, token) = world().await;
    let with = |trigger: &str| {
        let mut asked = query(&token);
        asked["trigger"] = json!(trigger);
        asked
    };
    for at in 0..1_005 {
        world.event_type(&format!("a.E{at:04}:made")).await;
    }
    let known =
        ["profile.Customer:create", "profile.Customer:delete", "profile.*:*", "a.E1004:made", "*.Customer:create"];
    for trigger in known {
        ask(&world, &with(trigger)).await.expect(200);
    }
    world.event_type("shop.Order").await;
    ask(&world, &with("shop.Order:update")).await.expect(200);
    world.patch("/event-type/shop.Order", json!({ "archived": true })).await.expect(200);
    refused(&ask(&world, &with("shop.Order:update")).await, 422, "trigger", "no trigger");
    refused(&ask(&world, &with("a.E1005:made")).await, 422, "trigger", "no trigger");
    world.patch("/event-type/profile.Customer:create", json!({ "archived": true })).await.expect(200);
    for trigger in ["profile.Customer:create", "profile.Customer:update", "profile.*:*"] {
        refused(&ask(&world, &with(trigger)).await, 422, "trigger", "no trigger");
    }
}

#[tokio::test]
async fn subscribing_again_puts_a_subscription_in_force_that_was_disabled_or_paused() {
    let (world, token) = world().await;
    let first = ask(&world, &query(&token)).await.expect(200);
    let path = format!("/app/a/endpoint/{}", first["result"]["id"].as_str().unwrap());
    for off in [json!({ "disabled": true }), json!({ "paused": true })] {
        world.patch(&path, off.clone()).await.expect(200);
        assert_eq!(ask(&world, &query(&token)).await.expect(200), first);
        let now = world.get(&path).await.expect(200);
        assert_eq!((&now["disabled"], &now["paused"]), (&json!(false), &json!(false)), "{off}");
    }
}

#[tokio::test]
async fn an_endpoint_that_was_given_another_url_is_the_subscription_there_and_no_more_the_one_before() {
    let (world, token) = world().await;
    let with = |url: &str, intent: &str| {
        let mut asked = query(&token);
        (asked["webhookUrl"], asked["__meta__"]["intent"]) = (json!(url), json!(intent));
        asked
    };
    let (here, elsewhere) = ("https://a.example/hook", "https://a.example/elsewhere");
    let id = async |url: &str| {
        ask(&world, &with(url, "subscribeToWebhook")).await.expect(200)["result"]["id"].as_str().unwrap().to_owned()
    };
    let removed = async |url: &str| {
        ask(&world, &with(url, "unsubscribeFromWebhook")).await.expect(200)["result"]["removed"].clone()
    };
    let moved = id(here).await;
    world.patch(&format!("/app/a/endpoint/{moved}"), json!({ "url": elsewhere })).await.expect(200);
    assert_eq!(removed(here).await, 0, "what is elsewhere now is not removed");
    assert_eq!(id(elsewhere).await, moved);
    let new = id(here).await;
    assert_ne!(new, moved);
    assert_eq!((id(here).await, id(elsewhere).await), (new.clone(), moved.clone()));
    assert_eq!((removed(here).await, removed(here).await), (json!(1), json!(0)));
    world.get(&format!("/app/a/endpoint/{moved}")).await.expect(200);
    let new = id(here).await;
    world
        .patch(&format!("/app/a/endpoint/{new}"), json!({ "eventTypes": ["profile.Customer:update"] }))
        .await
        .expect(200);
    assert_ne!(id(here).await, new, "it gets other events");
    assert_eq!(removed(elsewhere).await, 1);
}

#[tokio::test]
async fn a_scope_that_is_asked_for_is_granted_and_told_or_refused() {
    let (world, _) = world().await;
    let client = world.post("/app/a/oauth-client", json!({ "name": "crm" })).await.expect(201);
    let (id, secret) = (client["clientId"].as_str().unwrap(), client["clientSecret"].as_str().unwrap());
    let grant = async |scope: &str| {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}{scope}");
        world.send(Request::post("/oauth/token").body(form.into()).unwrap()).await
    };
    assert_eq!(grant("&scope=webhooks%3Awrite").await.expect(200)["scope"], "webhooks:write");
    for none in ["", "&scope="] {
        assert_eq!(grant(none).await.expect(200).get("scope"), None);
    }
    for other in ["&scope=webhooks%3Aread", "&scope=webhooks%3Awrite+admin"] {
        let refused = grant(other).await.expect(400);
        assert_eq!(refused["error"], "invalid_scope");
        assert!(refused["error_description"].as_str().unwrap().contains("`webhooks:write`"));
    }
}
