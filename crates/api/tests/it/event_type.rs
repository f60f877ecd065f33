use axum::body::Body;
use http::Request;
use ringback_model::DEFAULT_ORGANIZATION;
use ringback_service::TokenSubject;
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn an_event_type_is_made_read_replaced_changed_archived_and_removed() {
    let world = World::new();
    let schemas = json!({ "1": { "type": "object", "properties": { "b": {}, "a": {} } } });
    let body = json!({ "name": "sms.dlr", "description": "d", "schemas": schemas });
    let made = world.post("/event-type", body).await;
    let expected = json!({
        "name": "sms.dlr", "description": "d", "archived": false, "deprecated": false, "featureFlag": null,
        "schemas": schemas, "createdAt": "2027-01-15T08:00:00Z", "updatedAt": "2027-01-15T08:00:00Z",
    });
    assert_eq!(made.expect(201), expected);
    assert_eq!(world.get("/event-type/sms.dlr").await.expect(200), expected);
    let again = world.post("/event-type", json!({ "name": "sms.dlr", "description": "" })).await;
    assert_eq!(again.expect(409)["code"], "event_type_exists");

    // Without schemas of its own it has those that are built in.
    let page = Request::get("/schemas/sms.dlr.json").body(Body::empty()).unwrap();
    let built_in = json!({ "1": world.send(page).await.expect(200) });
    let put = world.put("/event-type/sms.dlr", json!({ "description": "e", "deprecated": true })).await.expect(200);
    assert_eq!((&put["description"], &put["deprecated"], &put["schemas"]), (&json!("e"), &json!(true), &built_in));
    let patched = world.patch("/event-type/sms.dlr", json!({ "schemas": schemas })).await.expect(200);
    assert_eq!((&patched["description"], &patched["schemas"]), (&json!("e"), &schemas));
    for (query, shown) in [("", json!(null)), ("?with_content=false", json!(null)), ("?with_content=true", schemas)] {
        let listed = world.get(&format!("/event-type{query}")).await.expect(200);
        assert_eq!(listed["data"][0]["schemas"], shown, "{query}");
    }

    world.delete("/event-type/sms.dlr").await.expect(204);
    assert_eq!(world.get("/event-type").await.expect(200)["data"], json!([]));
    assert_eq!(world.get("/event-type?include_archived=true").await.expect(200)["data"][0]["archived"], true);
    assert_eq!(world.get("/event-type/sms.dlr").await.expect(200)["archived"], true);
    let revived = world.post("/event-type", json!({ "name": "sms.dlr", "description": "f" })).await;
    assert_eq!(revived.expect(201)["archived"], false);

    world.delete("/event-type/sms.dlr?expunge=true").await.expect(204);
    world.get("/event-type/sms.dlr").await.expect(404);
    world.delete("/event-type/sms.dlr").await.expect(404);
    world.put("/event-type/profile.Customer:create", json!({ "description": "" })).await.expect(201);
    world.get("/event-type/profile.Customer:create").await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_with_an_event_type_is_told() {
    let world = World::new();
    let faults = async |body| world.post("/event-type", body).await.faults();
    assert_eq!(faults(json!({ "name": "a" })).await, ["body.description"]);
    for name in ["", "*", "a b", "é", &"x".repeat(257)] {
        assert_eq!(faults(json!({ "name": name, "description": "" })).await, ["body.name"]);
    }
    for (schemas, place) in [
        (json!([]), "body.schemas"),
        (json!("{}"), "body.schemas"),
        (json!({ "1": 1 }), "body.schemas.1"),
        (json!({ "1": { "properties": { "a.b": { "type": "strng" } } } }), "body.schemas.1.properties.a.b.type"),
    ] {
        let body = json!({ "name": "a", "description": "", "schemas": schemas });
        assert_eq!(faults(body).await, [place], "{schemas}");
        world.put("/event-type/b", json!({ "description": "" })).await;
        assert_eq!(world.patch("/event-type/b", json!({ "schemas": schemas })).await.faults(), [place], "{schemas}");
    }
    world.put("/event-type/a%20b", json!({ "description": "" })).await.faults();
}

#[tokio::test]
async fn flagged_event_types_are_for_applications_that_carry_the_flag() {
    let world = World::new();
    let app = world.app("a").await;
    world.post("/event-type", json!({ "name": "beta", "description": "", "featureFlag": "f" })).await.expect(201);
    world.event_type("open").await;
    // The newest client libraries have a list of flags.
    let changed = world.patch("/event-type/beta", json!({ "featureFlags": ["g"] })).await.expect(200);
    assert_eq!((&changed["featureFlag"], &changed["featureFlags"]), (&json!("g"), &json!(["g"])));
    assert_eq!(
        world.patch("/event-type/beta", json!({ "featureFlags": [] })).await.expect(200)["featureFlag"],
        json!(null)
    );
    let both = json!({ "description": "", "featureFlag": "f", "featureFlags": ["f"] });
    let put = world.put("/event-type/beta", both).await;
    assert_eq!(world.put("/event-type/beta", put.expect(200)).await.expect(200)["featureFlag"], "f");
    for wrong in [json!({ "featureFlags": ["f", "g"] }), json!({ "featureFlag": "f", "featureFlags": ["g"] })] {
        assert_eq!(world.patch("/event-type/beta", wrong).await.faults(), ["body.featureFlags"]);
    }
    let listed = json!({ "eventTypes": [{ "name": "a", "description": "", "featureFlags": ["f", "g"] }] });
    assert_eq!(world.post("/environment/import", listed).await.faults(), ["body.eventTypes.a.featureFlags"]);
    let org = DEFAULT_ORGANIZATION.parse().unwrap();
    let token = |flags: Vec<String>| {
        world.mint(&TokenSubject::Application { org, app: app.parse().unwrap(), feature_flags: flags })
    };
    let (plain, flagged) = (token(Vec::new()), token(vec!["f".to_owned()]));
    for (token, names, status) in
        [(&plain, vec!["open"], 404), (&flagged, vec!["beta", "open"], 200), (&world.token, vec!["beta", "open"], 200)]
    {
        let list = world.ask(token, "GET", "/event-type", &[], "").await.expect(200);
        let listed: Vec<&str> = list["data"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert_eq!(listed, names);
        world.ask(token, "GET", "/event-type/beta", &[], "").await.expect(status);
    }
}

#[tokio::test]
async fn a_mapping_makes_a_report_of_the_producers_own_json_from_the_next_message_on() {
    let world = World::new();
    world.app("a").await;
    world.event_type("shop.note").await;
    let endpoint = json!({ "url": "https://example.com/", "category": "otp" });
    world.endpoint("a", endpoint).await;
    let matches = async || {
        let body = json!({ "eventType": "shop.note", "payload": { "data": { "kind": "otp", "sms": { "id": "7" } } } });
        let id = world.post("/app/a/msg", body).await.text_of("id");
        let story = world.get(&format!("/app/a/msg/{id}/story")).await.expect(200);
        (story["endpoints"][0]["matched"].as_bool().unwrap(), story["orderingKey"].clone())
    };
    assert_eq!(matches().await, (false, json!(null)));
    let mapping = json!({
        "message.id": "data.sms.id", "category": "data.kind",
        "message.status": { "path": "data.state", "words": { "fine": "delivered" } },
        "message.sentAt": { "path": "data.sent", "format": "epoch_ms", "timeZone": "Africa/Nairobi" },
    });
    let patched = world.patch("/event-type/shop.note", json!({ "reportMapping": mapping })).await.expect(200);
    assert_eq!(patched["reportMapping"], mapping);
    assert_eq!(matches().await, (true, json!("7")));
    let put = world.put("/event-type/shop.note", patched).await.expect(200);
    assert_eq!(put["reportMapping"], mapping, "what was read can be sent back as it is");
    world.delete("/event-type/shop.note").await.expect(204);
    assert_eq!(matches().await, (false, json!(null)), "a type that was deleted says nothing any more");
    world.patch("/event-type/shop.note", json!({ "archived": false })).await.expect(200);
    assert_eq!(matches().await, (true, json!("7")));
    world.patch("/event-type/shop.note", json!({ "reportMapping": null })).await.expect(200);
    assert!(!matches().await.0);
    let body = json!({ "name": "shop.other", "description": "", "reportMapping": { "message.idd": "id" } });
    let wrong = world.post("/event-type", body).await;
    assert_eq!(wrong.faults(), ["body.reportMapping.message.idd"]);
    assert_eq!(wrong.json()["detail"][0]["loc"], json!(["body", "reportMapping", "message.idd"]));
    assert!(wrong.text.contains("`message.id`"), "{}", wrong.text);
    for (mapping, place) in [
        (json!({ "message.id": "" }), "body.reportMapping.message.id"),
        (json!({ "message.id": "a".repeat(257) }), "body.reportMapping.message.id"),
        (json!({ "message.id": 1 }), "body.reportMapping.message.id"),
        (
            json!({ "message.status": { "path": "s", "words": { "ok": "deliverd" } } }),
            "body.reportMapping.message.status",
        ),
        (json!({ "message.status": { "word": {} } }), "body.reportMapping.message.status.word"),
        (json!({ "message.sentAt": { "path": "s", "format": "ms" } }), "body.reportMapping.message.sentAt.format"),
        (json!(["message.id"]), "body.reportMapping"),
    ] {
        let body = json!({ "name": "shop.other", "description": "", "reportMapping": mapping });
        assert_eq!(world.post("/event-type", body).await.faults(), [place], "{mapping}");
    }
}

#[tokio::test]
async fn a_pattern_may_stand_for_types_of_reports_that_nobody_has_made() {
    let world = World::new();
    world.app("a").await;
    for pattern in ["sms.*", "*.dlr", "voice.*", "*.call"] {
        world.endpoint("a", json!({ "url": "https://h.example/", "eventTypes": [pattern] })).await;
    }
    for pattern in ["smss.*", "*.dlrs", "sms.*.x"] {
        let asked = json!({ "url": "https://h.example/", "eventTypes": [pattern] });
        assert_eq!(world.post("/app/a/endpoint", asked).await.faults(), ["body.eventTypes.0"], "{pattern}");
    }
}
