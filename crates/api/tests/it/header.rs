use serde_json::{Value, json};

use crate::harness::World;

#[tokio::test]
async fn headers_are_set_replaced_changed_and_sensitive_ones_are_never_returned() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e", "headers": { "X-First": "1" } })).await;
    let path = "/app/a/endpoint/e/headers";
    assert_eq!(world.get(path).await.expect(200), json!({ "headers": { "X-First": "1" }, "sensitive": [] }));
    let body = json!({ "headers": { "X-A": "1", "Authorization": "Bearer canary" } });
    assert_eq!(world.put(path, body).await.expect(204), json!(null));
    let shown = world.get(path).await;
    assert_eq!(shown.expect(200), json!({ "headers": { "X-A": "1" }, "sensitive": ["Authorization"] }));
    assert!(!shown.text.contains("canary"));
    world.patch(path, json!({ "headers": { "x-a": "2", "X-B": "3", "X-None": null } })).await.expect(204);
    let expected = json!({ "headers": { "X-A": "2", "X-B": "3" }, "sensitive": ["Authorization"] });
    assert_eq!(world.get(path).await.expect(200), expected);
    world.patch(path, json!({ "headers": { "authorization": null }, "deleteHeaders": ["x-b"] })).await.expect(204);
    assert_eq!(world.get(path).await.expect(200), json!({ "headers": { "X-A": "2" }, "sensitive": [] }));
    let list = json!({ "headers": [{ "name": "X-S", "value": "s", "secret": true }, { "name": "X-T", "value": "t" }] });
    world.put(path, list).await.expect(204);
    assert_eq!(world.get(path).await.expect(200), json!({ "headers": { "X-T": "t" }, "sensitive": ["X-S"] }));
}

#[tokio::test]
async fn headers_that_could_do_harm_are_refused_by_every_way_in() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let path = "/app/a/endpoint/e";
    for (name, value) in
        [("x", "a\r\nb: c"), ("x", "a\0"), ("content-type", "text/html"), ("svix-id", "1"), ("a b", "c")]
    {
        let headers = json!({ "headers": { name: value } });
        let expected = [format!("body.headers.{name}")];
        assert_eq!(world.put(&format!("{path}/headers"), headers.clone()).await.faults(), expected);
        assert_eq!(world.patch(&format!("{path}/headers"), headers.clone()).await.faults(), expected);
        assert_eq!(world.patch(path, headers).await.faults(), expected);
    }
    let twice = json!({ "headers": { "X-A": "1", "x-a": "2" } });
    assert_eq!(world.put(&format!("{path}/headers"), twice.clone()).await.faults().len(), 1);
    assert_eq!(world.patch(&format!("{path}/headers"), twice).await.faults().len(), 1);
    assert_eq!(world.put(&format!("{path}/headers"), json!({})).await.faults(), ["body.headers"]);
    assert_eq!(
        world.put(&format!("{path}/headers"), json!({ "headers": { "x": 1 } })).await.faults(),
        ["body.headers.x"]
    );
}

#[tokio::test]
async fn a_header_that_the_dialect_signs_with_is_nobody_elses() {
    let world = World::new();
    world.app("a").await;
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (dialect, names) in
        [("twilio", &["X-Twilio-Signature"][..]), ("telnyx", &["telnyx-timestamp", "telnyx-signature-ed25519"])]
    {
        for name in names {
            for own in [name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
                let endpoint = |more: Value| {
                    let mut body = json!({ "url": "https://example.com/", "dialect": dialect, "providerSecret": key });
                    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                    body
                };
                let headers = json!({ "headers": { own.clone(): "forged" } });
                let refused = world.post("/app/a/endpoint", endpoint(headers)).await.expect(422);
                assert_eq!(refused["detail"][0]["loc"], json!(["body", "headers", own]));
                let said = refused["detail"][0]["msg"].as_str().unwrap();
                assert!(said.contains(name) && said.contains(dialect), "{said}");
                let auth = json!({ "auth": { "type": "apiKey", "header": own, "value": "forged" } });
                let refused = world.post("/app/a/endpoint", endpoint(auth)).await.expect(422);
                assert_eq!(refused["detail"][0]["loc"], json!(["body", "auth", "header"]));
                let kept = json!({ "headers": { own.clone(): "kept" }, "customHeadersEnabled": false });
                let made = world.post("/app/a/endpoint", endpoint(kept)).await.expect(201);
                let path = format!("/app/a/endpoint/{}", made["id"].as_str().unwrap());
                world.patch(&path, json!({ "customHeadersEnabled": true })).await.expect(422);
                world.patch(&format!("{path}/headers"), json!({ "headers": { own.clone(): "x" } })).await.expect(204);
                let plain = json!({ "url": "https://example.com/", "headers": { own: "mine" } });
                world.post("/app/a/endpoint", plain).await.expect(201);
            }
        }
    }
}
