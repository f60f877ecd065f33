use serde_json::{Value, json};

use crate::harness::World;

async fn world() -> World {
    let world = World::new();
    world.app("a").await;
    world
}

#[tokio::test]
async fn an_endpoint_of_the_plainest_kind_has_every_member() {
    let world = world().await;
    let made = world.post("/app/a/endpoint", json!({ "url": "https://example.com/hook" })).await;
    let id = made.text_of("id");
    assert!(id.starts_with("ep_") && id.len() == 30, "{id}");
    let expected = json!({
        "id": id, "uid": null, "url": "https://example.com/hook", "description": "", "version": 1, "disabled": false,
        "paused": false, "eventTypes": null, "filterTypes": null, "channels": null, "throttleRate": null,
        "rateLimit": null, "maxConcurrency": null, "timeout": null, "retrySchedule": null, "ordering": "none",
        "onExhausted": "skip", "dialect": "standard-webhooks", "sendMethod": "json", "metadata": {}, "createdAt": "2027-01-15T08:00:00Z", "updatedAt": "2027-01-15T08:00:00Z",
    });
    assert_eq!(made.expect(201), expected);
    assert_eq!(world.get(&format!("/app/a/endpoint/{id}")).await.expect(200), expected);
    assert_eq!(world.get("/app/a/endpoint").await.expect(200)["data"], json!([expected]));
}

#[tokio::test]
async fn every_setting_is_kept_in_both_generations_of_names() {
    let world = world().await;
    world.event_type("sms.dlr").await;
    let newer = json!({
        "url": "https://example.com/", "uid": "e", "description": "d", "version": 3, "disabled": true, "paused": true,
        "eventTypes": ["sms.dlr", "sms.dlr"], "channels": ["c1"], "throttleRate": 9, "maxConcurrency": 64, "timeout": 20,
        "retrySchedule": ["200ms", 0.5, "5m"], "ordering": "per_message", "onExhausted": "pause", "metadata": { "k": "v" },
    });
    let made = world.post("/app/a/endpoint", newer).await.expect(201);
    let settings = |endpoint: &Value| {
        let names = [
            "uid",
            "description",
            "version",
            "disabled",
            "paused",
            "eventTypes",
            "filterTypes",
            "channels",
            "throttleRate",
            "rateLimit",
            "maxConcurrency",
            "timeout",
            "retrySchedule",
            "ordering",
            "onExhausted",
            "metadata",
        ];
        Value::from_iter(names.map(|name| (name, endpoint[name].clone())))
    };
    assert_eq!(
        settings(&made),
        json!({
            "uid": "e", "description": "d", "version": 3, "disabled": true, "paused": true, "eventTypes": ["sms.dlr"],
            "filterTypes": ["sms.dlr"], "channels": ["c1"], "throttleRate": 9, "rateLimit": 9, "maxConcurrency": 64,
            "timeout": "20s", "retrySchedule": ["200ms", "500ms", "5m"], "ordering": "per_key", "onExhausted": "pause",
            "metadata": { "k": "v" },
        })
    );
    let returned = world.put("/app/a/endpoint/e", made.clone()).await.expect(200);
    assert_eq!(settings(&returned), settings(&made), "what was read can be sent back as it is");

    let older =
        json!({ "url": "https://example.com/", "filterTypes": ["sms.dlr"], "rateLimit": 4, "retrySchedule": "1s,2s" });
    let made = world.post("/app/a/endpoint", older).await.expect(201);
    assert_eq!((&made["eventTypes"], &made["throttleRate"]), (&json!(["sms.dlr"]), &json!(4)));
    assert_eq!(made["retrySchedule"], json!(["1s", "2s"]));
}

#[tokio::test]
async fn patch_changes_what_is_named_and_null_unsets() {
    let world = world().await;
    world.event_type("t").await;
    let body =
        json!({ "url": "https://example.com/", "uid": "e", "eventTypes": ["t"], "timeout": "5s", "description": "d" });
    let before = world.post("/app/a/endpoint", body).await.expect(201);
    world.advance(1);
    let mut expected = before.clone();
    expected["updatedAt"] = json!("2027-01-15T08:00:01Z");
    assert_eq!(world.patch("/app/a/endpoint/e", json!({})).await.expect(200), expected);
    expected["paused"] = json!(true);
    assert_eq!(world.patch("/app/a/endpoint/e", json!({ "paused": true })).await.expect(200), expected);
    for (name, default) in
        [("eventTypes", json!(null)), ("timeout", json!(null)), ("channels", json!(null)), ("paused", json!(false))]
    {
        let patched = world.patch("/app/a/endpoint/e", json!({ name: null })).await.expect(200);
        assert_eq!(patched[name], default, "{name}");
    }
    // What always has a value is not taken back to some by null: that would switch a disabled endpoint on.
    world.patch("/app/a/endpoint/e", json!({ "disabled": true })).await.expect(200);
    for name in ["url", "description", "version", "disabled", "metadata"] {
        let faults = world.patch("/app/a/endpoint/e", json!({ name: null })).await.faults();
        assert_eq!(faults, [format!("body.{name}")]);
    }
    assert_eq!(world.get("/app/a/endpoint/e").await.expect(200)["disabled"], true);
    world.patch("/app/a/endpoint/none", json!({})).await.expect(404);
}

#[tokio::test]
async fn put_replaces_an_endpoint_or_makes_it_and_keeps_its_secret_and_headers() {
    let world = world().await;
    let made =
        world.put("/app/a/endpoint/e", json!({ "url": "https://example.com/", "uid": "e", "paused": true })).await;
    made.expect(201);
    let secret = world.get("/app/a/endpoint/e/secret").await.expect(200);
    world.put("/app/a/endpoint/e/headers", json!({ "headers": { "X-A": "1" } })).await.expect(204);
    let put = world.put("/app/a/endpoint/e", json!({ "url": "https://example.com/2", "uid": "e" })).await.expect(200);
    assert_eq!((put["id"].as_str().unwrap(), &put["paused"]), (&*made.text_of("id"), &json!(false)));
    assert_eq!(world.get("/app/a/endpoint/e/secret").await.expect(200), secret);
    assert_eq!(world.get("/app/a/endpoint/e/headers").await.expect(200)["headers"], json!({ "X-A": "1" }));
    world.post("/app/a/endpoint", json!({ "url": "https://example.com/", "uid": "e" })).await.expect(409);
    world.delete("/app/a/endpoint/e").await.expect(204);
    world.get("/app/a/endpoint/e").await.expect(404);
    world.post("/app/a/endpoint", json!({ "url": "https://example.com/", "uid": "e" })).await.expect(201);
}

#[tokio::test]
async fn user_and_password_leave_the_url_and_go_with_its_origin() {
    let world = world().await;
    let app = world.get("/app/a").await.text_of("id");
    let made = world.post("/app/a/endpoint", json!({ "url": "https://u:p@example.com/x#part", "uid": "e" })).await;
    assert_eq!(made.expect(201)["url"], "https://example.com/x");
    assert_eq!(made.json()["warnings"], json!(["the password was taken out", "the fragment was taken off"]));
    let no = world.endpoint_no(&app, &made.text_of("id")).await;
    let directory = ringback_store::Directory::new(world.store.clone());
    let app_no = world.app_no(&app).await;
    let user = async || {
        directory.forget(app_no);
        let config = directory.endpoint(app_no, no).await.unwrap().unwrap();
        match &config.secrets.auth {
            Some(ringback_model::Auth::Basic(basic)) => Some(basic.username.clone()),
            _ => None,
        }
    };
    assert_eq!(user().await.as_deref(), Some("u"));
    assert!(!made.text.contains("u:p"));
    world.patch("/app/a/endpoint/e", json!({ "url": "https://example.com/y" })).await.expect(200);
    assert_eq!(user().await.as_deref(), Some("u"), "another path of the same server");
    let headers = json!({ "headers": { "Authorization": "Bearer x" } });
    assert_eq!(world.put("/app/a/endpoint/e/headers", headers).await.faults(), ["body.headers"]);
    world.patch("/app/a/endpoint/e", json!({ "url": "https://elsewhere.example/y" })).await.expect(200);
    assert_eq!(user().await, None, "a password is for the server that it was given for");
    world.patch("/app/a/endpoint/e", json!({ "url": "https://v:q@elsewhere.example/y" })).await.expect(200);
    assert_eq!(user().await.as_deref(), Some("v"));
    world.patch("/app/a/endpoint/e", json!({ "auth": null })).await.expect(200);
    assert_eq!(user().await, None);
}

/// Vector C14: a URL without a protocol.
#[tokio::test]
async fn what_is_wrong_with_an_endpoint_is_told() {
    let world = world().await;
    let faults = async |name: &str, value: Value| {
        let mut body = json!({ "url": "https://example.com/" });
        body[name] = value;
        world.post("/app/a/endpoint", body).await.faults()
    };
    assert_eq!(world.post("/app/a/endpoint", json!({})).await.faults(), ["body.url"]);
    for url in
        ["", "example.com", "ftp://example.com", "https://forbidden", &format!("https://e.com/{}", "x".repeat(3_000))]
    {
        assert_eq!(faults("url", json!(url)).await, ["body.url"], "{url}");
    }
    assert_eq!(faults("eventTypes", json!([])).await, ["body.eventTypes"]);
    assert_eq!(faults("filterTypes", json!([])).await, ["body.eventTypes"]);
    assert_eq!(faults("eventTypes", json!(["unknown"])).await, ["body.eventTypes.0"]);
    assert_eq!(faults("eventTypes", json!(["*"])).await, ["body.eventTypes.0"]);
    assert_eq!(faults("eventTypes", json!("t")).await, ["body.eventTypes"]);
    assert_eq!(faults("channels", json!([])).await, ["body.channels"]);
    assert_eq!(faults("channels", json!(["a b"])).await, ["body.channels.0"]);
    assert_eq!(faults("channels", json!(vec!["c"; 11])).await, ["body.channels"]);
    assert_eq!(faults("ordering", json!("random")).await, ["body.ordering"]);
    assert_eq!(faults("onExhausted", json!("stop")).await, ["body.onExhausted"]);
    for timeout in [json!("0s"), json!("31s"), json!(0.5)] {
        assert_eq!(faults("timeout", timeout).await, ["body.timeout"]);
    }
    for nonsense in [json!("soon"), json!(-1), json!(1e300), json!(true), json!(["5s"])] {
        assert_eq!(faults("timeout", nonsense).await, ["body.timeout"]);
    }
    assert_eq!(faults("retrySchedule", json!(["5s", "soon"])).await, ["body.retrySchedule.1"]);
    assert_eq!(faults("retrySchedule", json!("5s,soon")).await, ["body.retrySchedule"]);
    assert_eq!(faults("retrySchedule", json!(vec!["1s"; 51])).await, ["body.retrySchedule"]);
    assert_eq!(faults("retrySchedule", json!([1_000_000_000_000_000_000_u64])).await, ["body.retrySchedule.0"]);
    assert_eq!(faults("maxConcurrency", json!(0)).await, ["body.maxConcurrency"]);
    assert_eq!(faults("secret", json!("whsec_short")).await, ["body.secret"]);
    assert_eq!(faults("uid", json!("ep_1")).await, ["body.uid"]);
    assert_eq!(faults("description", json!("d".repeat(8_193))).await, ["body.description"]);
    assert_eq!(faults("headers", json!({ "host": "x" })).await, ["body.headers.host"]);
}

#[tokio::test]
async fn settings_of_later_versions_are_refused_rather_than_ignored() {
    let world = world().await;
    for (name, value) in [
        ("dedupeWindow", json!("5m")),
        ("multipart", json!("parts")),
        ("eventTtl", json!("1h")),
        ("statusPolicy", json!("monotonic")),
    ] {
        let answer = world.post("/app/a/endpoint", json!({ "url": "https://example.com/", name: value })).await;
        assert_eq!(answer.faults(), [format!("body.{name}")]);
        assert!(answer.text.contains("not supported"), "{}", answer.text);
    }
    let placeholder = world.post("/app/a/endpoint", json!({ "url": "https://example.com/{{message.idd}}" })).await;
    assert_eq!(placeholder.faults(), ["body.url"]);
    assert!(placeholder.text.contains("message.id"), "{}", placeholder.text);
    let harmless = json!({
        "url": "https://example.com/", "dialect": "standard-webhooks", "sendMethod": "json", "multipart": null,
        "unheardOf": 1, "id": "ep_1", "createdAt": "x",
    });
    world.post("/app/a/endpoint", harmless).await.expect(201);
}

#[tokio::test]
async fn a_filter_by_event_type_takes_whole_parts_for_anything_and_the_actions_of_an_entity() {
    let world = world().await;
    world.event_type("profile.Customer:create").await;
    let made = async |types: Value| {
        world.post("/app/a/endpoint", json!({ "url": "https://example.com/", "eventTypes": types })).await
    };
    for good in [
        json!(["profile.Customer:*"]),
        json!(["profile.*:delete"]),
        json!(["profile.Customer:update", "profile.Customer:delete"]),
        // What products are known everywhere for needs no registration.
        json!(["sms.dlr", "whatsapp.mo"]),
    ] {
        made(good.clone()).await.expect(201);
    }
    for (bad, said) in [
        ("*", "leave `eventTypes` out"),
        ("profile.*", "Create it first"),
        ("profile.Cust*", "A whole part"),
        ("profile.Customer:remove", "is it `profile.Customer:create`?"),
        ("profile.Custmer:create", "is it `profile.Customer:create`?"),
        ("order.Item:update", "create it first"),
        ("sms.mo", "create it first"),
    ] {
        let answer = made(json!(["sms.dlr", bad])).await;
        assert_eq!(answer.faults(), ["body.eventTypes.1"], "{bad}");
        assert!(answer.text.to_lowercase().contains(&said.to_lowercase()), "{bad}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_secret_does_not_go_along_to_another_server() {
    let world = world().await;
    let at = |url: &str| json!({ "url": url });
    for (given, fault) in [
        (json!({ "auth": { "type": "bearer", "token": "s3cret-token" } }), "body.auth"),
        (json!({ "auth": { "type": "apiKey", "header": "x-key", "value": "s3cret-token" } }), "body.auth"),
        (json!({ "headers": { "Authorization": "Basic s3cret-token" } }), "body.headers.Authorization"),
        (json!({ "customParameters": [{ "name": "k", "value": "s3cret", "secret": true }] }), "body.customParameters"),
    ] {
        let mut endpoint = at("https://example.com/x");
        endpoint.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let id = world.post("/app/a/endpoint", endpoint).await.expect(201)["id"].as_str().unwrap().to_owned();
        let path = format!("/app/a/endpoint/{id}");
        world.patch(&path, at("https://example.com/another/path")).await.expect(200);
        assert_eq!(world.patch(&path, at("https://elsewhere.example/x")).await.faults(), [fault], "{given}");
        let tried = json!({ "endpointId": id, "url": "https://elsewhere.example/x" });
        assert_eq!(world.post("/app/a/endpoint/preview", tried).await.faults(), [fault], "{given}");
        let mut again = at("https://elsewhere.example/x");
        again.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        world.patch(&path, again).await.expect(200);
    }
    let id = world
        .post("/app/a/endpoint", json!({ "url": "https://example.com/", "auth": { "type": "bearer", "token": "t" } }));
    let path = format!("/app/a/endpoint/{}", id.await.text_of("id"));
    world.patch(&path, json!({ "url": "https://elsewhere.example/", "auth": null })).await.expect(200);
}
