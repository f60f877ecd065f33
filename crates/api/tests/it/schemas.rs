use axum::body::Body;
use http::Request;
use ringback_model::DEFAULT_ORGANIZATION;
use ringback_service::TokenSubject;
use serde_json::{Value, json};

use crate::harness::{Answer, World};

const PREVIEW: &str = "/app/a/endpoint/preview";

/// What anybody gets who has no token.
async fn public(world: &World, path: &str) -> Answer {
    world.send(Request::get(path).body(Body::empty()).unwrap()).await
}

fn preview(more: &Value) -> Value {
    let mut body = json!({ "url": "https://example.com/in", "dialect": "standard-webhooks" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The body that a test would send.
async fn sample(world: &World, more: &Value) -> Value {
    let answer = world.post(PREVIEW, preview(more)).await.expect(200);
    serde_json::from_str(answer["request"]["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_schemas_of_the_built_in_event_types_are_there_for_everybody() {
    let world = World::new();
    let list = public(&world, "/schemas").await.expect(200);
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|row| row["eventType"].as_str().unwrap()).collect();
    let expected =
        ["sms.dlr", "whatsapp.dlr", "whatsapp.mo", "voice.ivr", "voice.call", "otp.feedback", "lookup.result"];
    assert_eq!(names, expected);
    for row in list["data"].as_array().unwrap() {
        let schema = public(&world, row["schema"].as_str().unwrap()).await;
        assert_eq!(schema.headers["content-type"], "application/schema+json");
        let schema = schema.expect(200);
        assert_eq!((&schema["title"], &schema["examples"][0]), (&row["eventType"], &row["example"]));
        assert_eq!(schema["description"], row["description"]);
    }
    for path in ["/schemas/sms.dlr", "/schemas/sms.mo.json", "/schemas/.json", "/schemas/..%2Fdocs.json"] {
        assert_eq!(public(&world, path).await.expect(404)["code"], "not_found", "{path}");
    }
}

#[tokio::test]
async fn an_event_type_of_a_built_in_name_has_its_schema_unless_it_has_one_of_its_own() {
    let world = World::new();
    world.event_type("sms.dlr").await;
    let built_in = public(&world, "/schemas/sms.dlr.json").await.expect(200);
    let read = world.get("/event-type/sms.dlr").await.expect(200);
    assert_eq!(read["schemas"], json!({ "1": built_in }));
    assert_eq!(world.get("/event-type?with_content=true").await.expect(200)["data"][0]["schemas"]["1"], built_in);
    assert_eq!(world.get("/event-type").await.expect(200)["data"][0]["schemas"], json!(null));

    let own = json!({ "3": { "type": "object" } });
    let patched = world.patch("/event-type/sms.dlr", json!({ "schemas": own })).await.expect(200);
    assert_eq!(patched["schemas"], own);
    assert_eq!(world.get("/event-type/sms.dlr").await.expect(200)["schemas"], own);
    let back = world.patch("/event-type/sms.dlr", json!({ "schemas": null })).await.expect(200);
    assert_eq!(back["schemas"]["1"], built_in);
    world.put("/event-type/sms.dlr", read.clone()).await.expect(200);
    assert_eq!(world.get("/event-type/sms.dlr").await.expect(200)["schemas"], read["schemas"]);

    let mapping = json!({ "reportMapping": { "message.id": "id" } });
    let mapped = world.patch("/event-type/sms.dlr", mapping).await.expect(200);
    assert_eq!(mapped["schemas"], json!(null), "its payloads have a form of their own");
    world.event_type("shop.order").await;
    assert_eq!(world.get("/event-type/shop.order").await.expect(200)["schemas"], json!(null));
}

#[tokio::test]
async fn a_test_without_a_payload_sends_the_example_of_the_schema() {
    let world = World::new();
    world.app("a").await;
    let list = public(&world, "/schemas").await.expect(200);
    for row in list["data"].as_array().unwrap() {
        let (product, report_type) = row["eventType"].as_str().unwrap().split_once('.').unwrap();
        let filters = json!({ "product": product, "reportType": report_type });
        assert_eq!(sample(&world, &filters).await, row["example"], "{filters}");
    }
    let form = json!({ "product": "sms", "reportType": "dlr", "dialect": "console", "sendMethod": "json" });
    let body = sample(&world, &form).await;
    assert_eq!((&body["msgId"], &body["errorCode"]), (&list["data"][0]["example"]["message"]["id"], &json!("000")));

    let own = json!({ "name": "sms.dlr", "description": "", "schemas": { "1": { "examples": [{ "own": 1 }] } } });
    world.post("/event-type", own).await.expect(201);
    assert_eq!(sample(&world, &json!({ "eventType": "sms.dlr" })).await, json!({ "own": 1 }));
    let shop = json!({ "name": "shop.order", "description": "", "schemas": { "1": { "examples": [{ "n": 7 }] } } });
    world.post("/event-type", shop).await.expect(201);
    assert_eq!(sample(&world, &json!({ "eventType": "shop.order" })).await, json!({ "n": 7 }));

    world.event_type("shop.bare").await;
    for name in ["shop.bare", "shop.unheard"] {
        let answer = world.post(PREVIEW, preview(&json!({ "eventType": name }))).await;
        assert_eq!(answer.faults(), ["body.payload"], "{name}");
        assert!(answer.text.contains("`examples`"), "{}", answer.text);
    }
}

#[tokio::test]
async fn the_example_of_an_event_type_behind_a_flag_is_not_shown_to_who_may_not_see_it() {
    let world = World::new();
    let app = world.app("a").await;
    let flagged = json!({
        "name": "sms.dlr", "description": "", "featureFlag": "f", "schemas": { "1": { "examples": [{ "hidden": 1 }] } },
    });
    world.post("/event-type", flagged).await.expect(201);
    let org = DEFAULT_ORGANIZATION.parse().unwrap();
    let token =
        |feature_flags| world.mint(&TokenSubject::Application { org, app: app.parse().unwrap(), feature_flags });
    let body = preview(&json!({ "eventType": "sms.dlr" })).to_string();
    for (token, is_shown) in [(token(Vec::new()), false), (token(vec!["f".to_owned()]), true)] {
        let answer = world.ask(&token, "POST", PREVIEW, &[], body.clone()).await;
        answer.expect(200);
        assert_eq!(answer.text.contains("hidden"), is_shown, "{}", answer.text);
    }
}
