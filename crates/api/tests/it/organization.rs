use std::time::Duration;

use ringback_store::Store as _;
use ringback_testkit::Receiver;
use serde_json::{Value, json};

use crate::harness::{START, World};

#[tokio::test]
async fn what_holds_for_an_organization_is_read_and_changed() {
    let world = World::new();
    let before = world.get("/organization").await.expect(200);
    assert_eq!(
        before,
        json!({
            "id": ringback_model::DEFAULT_ORGANIZATION, "timeZone": null, "retrySchedule": null, "retentionDays": null,
            "attemptRetentionDays": null, "messageRetentionDays": null,
            "requireVerification": false, "strictEventTypes": false, "validatePayloads": false, "maskNumbers": false, "products": {},
            "branding": { "name": null, "logoUrl": null, "accentColor": null, "frameAncestors": [] }, "supportUrl": null,
            "jql": null,
        })
    );
    let change = json!({
        "timeZone": "Africa/Nairobi", "retrySchedule": ["1s", "2m"], "retentionDays": 7, "attemptRetentionDays": 30,
        "messageRetentionDays": 365, "requireVerification": true,
        "strictEventTypes": true, "validatePayloads": true, "products": { "sms": ["dlr", "mo"], "rcs": ["dlr"] }, "supportUrl": "mailto:help@example.com",
        "branding": {
            "name": "Acme", "logoUrl": "https://acme.example/logo.svg", "accentColor": "#aA0033",
            "frameAncestors": ["https://app.acme.example", "http://localhost:3000"],
        },
    });
    let changed = world.patch("/organization", change.clone()).await.expect(200);
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert_eq!(world.get("/organization").await.expect(200), changed);
    assert_eq!(
        world.patch("/organization", json!({ "retentionDays": 8 })).await.expect(200)["timeZone"],
        "Africa/Nairobi"
    );
    assert_eq!(
        world.patch("/organization", changed.clone()).await.expect(200),
        changed,
        "it can be sent back as it is"
    );
    let nulls = json!({
        "timeZone": null, "retrySchedule": null, "retentionDays": null, "attemptRetentionDays": null,
        "messageRetentionDays": null, "requireVerification": null,
        "strictEventTypes": null, "validatePayloads": null, "products": null, "branding": null, "supportUrl": null, "jql": null,
    });
    assert_eq!(world.patch("/organization", nulls).await.expect(200), before);
}

#[tokio::test]
async fn what_is_wrong_with_the_settings_is_told_and_changes_nothing() {
    let world = World::new();
    for (name, value, place, said) in [
        ("timeZone", json!("Africa/Nairoby"), "body.timeZone", "Africa/Nairobi"),
        ("timeZone", json!(3), "body.timeZone", "a text"),
        ("retrySchedule", json!(vec!["1s"; 51]), "body.retrySchedule", "At most 50"),
        ("retrySchedule", json!(["31d"]), "body.retrySchedule.0", "at most 30d"),
        ("retentionDays", json!(4), "body.retentionDays", "5 to 90"),
        ("retentionDays", json!(91), "body.retentionDays", "5 to 90"),
        ("attemptRetentionDays", json!(4), "body.attemptRetentionDays", "5 to 3650"),
        ("messageRetentionDays", json!(3651), "body.messageRetentionDays", "5 to 3650"),
        ("supportUrl", json!("javascript:alert(1)"), "body.supportUrl", "mailto:"),
        ("branding", json!({ "name": "" }), "body.branding.name", "1 to 100"),
        ("branding", json!({ "logoUrl": "http://acme.example/a.png" }), "body.branding.logoUrl", "https"),
        ("branding", json!({ "accentColor": "red" }), "body.branding.accentColor", "#2450c4"),
        ("branding", json!({ "frameAncestors": ["https://a.example/x"] }), "body.branding.frameAncestors.0", "origin"),
        ("branding", json!({ "frameAncestors": ["*"] }), "body.branding.frameAncestors.0", "origin"),
        ("branding", json!({ "frameAncestors": ["https://a.example; x"] }), "body.branding.frameAncestors.0", "origin"),
        ("products", json!({ "SMS": ["dlr"] }), "body.products.SMS", "a-z"),
        ("products", json!({ "rcs": [] }), "body.products.rcs", "1 to 20"),
        ("products", json!({ "rcs": ["d l r"] }), "body.products.rcs", "a-z"),
    ] {
        let answer = world.patch("/organization", json!({ name: value })).await;
        assert_eq!(answer.faults(), [place], "{name} {value}");
        assert!(answer.text.contains(said), "{}", answer.text);
    }
    assert_eq!(world.get("/organization").await.expect(200)["timeZone"], json!(null));
}

#[tokio::test]
async fn the_operators_products_are_known_in_filters_and_have_mo_where_it_says_so() {
    let world = World::new();
    world.app("a").await;
    let make = async |body: Value| {
        let mut endpoint = json!({ "url": "https://example.com/" });
        endpoint.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        world.post("/app/a/endpoint", endpoint).await
    };
    let sms_mo = json!({ "product": "sms", "reportType": "mo" });
    let expected = json!({ "detail": [{
        "loc": ["body", "reportType"], "msg": "MO is not available for the SMS product.", "type": "value_error",
    }] });
    assert_eq!(make(sms_mo.clone()).await.expect(422), expected);
    assert_eq!(make(json!({ "product": "rcs" })).await.faults(), ["body.product"]);
    let products = json!({ "products": { "sms": ["dlr", "mo"], "rcs": ["dlr"] } });
    world.patch("/organization", products).await.expect(200);
    make(sms_mo).await.expect(201);
    make(json!({ "product": "sms", "productUniqueId": "254" })).await.expect(201);
    make(json!({ "product": "rcs", "reportType": "dlr", "eventTypes": ["rcs.dlr", "sms.mo"] })).await.expect(201);
}

#[tokio::test]
async fn where_a_handshake_is_asked_of_everybody_a_new_endpoint_waits_for_it_and_an_old_one_does_not() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "old" })).await;
    world.patch("/organization", json!({ "requireVerification": true })).await.expect(200);
    let made = world.post("/app/a/endpoint", json!({ "url": "https://example.com/", "uid": "new" })).await.expect(201);
    assert_eq!(
        made["verification"],
        json!({ "kind": "token", "mode": "default", "state": "unverified", "reason": null, "checkedAt": null })
    );
    let null = json!({ "url": "https://example.com/", "verification": null });
    assert_eq!(world.post("/app/a/endpoint", null).await.expect(201)["verification"]["kind"], "token");
    let old = world.patch("/app/a/endpoint/old", json!({ "description": "changed" })).await.expect(200);
    assert_eq!(old["verification"], json!(null));
    let moved = world.patch("/app/a/endpoint/old", json!({ "url": "https://example.com/elsewhere" })).await.expect(200);
    assert_eq!(moved["verification"]["state"], "unverified", "nothing goes to another URL before it has passed");
    let taken_away = world.patch("/app/a/endpoint/new", json!({ "verification": null })).await;
    assert_eq!(taken_away.faults(), ["body.verification"]);
    assert!(taken_away.text.contains("it can be another one, and not none"), "{}", taken_away.text);
    let other = world.patch("/app/a/endpoint/new", json!({ "verification": { "kind": "ping" } })).await.expect(200);
    assert_eq!(other["verification"]["kind"], "ping");
    world.patch("/organization", json!({ "requireVerification": false })).await.expect(200);
    let free = world.patch("/app/a/endpoint/new", json!({ "verification": null })).await.expect(200);
    assert_eq!(free["verification"], json!(null));
}

#[tokio::test]
async fn where_event_types_are_strict_a_message_of_an_unknown_one_is_refused_with_what_was_meant() {
    let world = World::new();
    world.app("a").await;
    world.event_type("order.created").await;
    let send =
        async |event_type: &str| world.post("/app/a/msg", json!({ "eventType": event_type, "payload": {} })).await;
    send("order.craeted").await.expect(202);
    world.patch("/organization", json!({ "strictEventTypes": true })).await.expect(200);
    for (event_type, said) in [
        ("order.craeted", "is it `order.created`? If not, this organization takes registered ones only"),
        ("nothing.like.it", "There is no event type `nothing.like.it`: this organization takes registered ones only"),
    ] {
        let refused = send(event_type).await;
        assert_eq!(refused.faults(), ["body.eventType"]);
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    send("order.created").await.expect(202);
    send("sms.dlr").await.expect(202);
}

#[tokio::test]
async fn payloads_are_kept_for_as_long_as_the_organization_says_where_the_message_does_not() {
    let world = World::new();
    let app = world.app("a").await;
    world.patch("/organization", json!({ "retentionDays": 7 })).await.expect(200);
    let days = async |more: Value| {
        let mut body = json!({ "eventType": "t", "payload": {} });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = world.post("/app/a/msg", body).await.text_of("id").parse().unwrap();
        let kept = world.store.message(world.app_no(&app).await, ringback_store::MessageRef::Id(id)).await;
        kept.unwrap().unwrap().expires_at.since(START).as_secs() / 86_400
    };
    assert_eq!((days(json!({})).await, days(json!({ "payloadRetentionPeriod": 30 })).await), (7, 30));
}

#[tokio::test]
async fn a_change_holds_for_the_next_request_on_another_node() {
    let world = World::new();
    world.app("a").await;
    let other = world.other_node();
    let send = async || {
        let request = http::Request::post("/api/v1/app/a/msg")
            .header("authorization", format!("Bearer {}", world.token))
            .body(axum::body::Body::from(r#"{"eventType":"unknown","payload":{}}"#));
        other.answer(request.unwrap()).await.status().as_u16()
    };
    assert_eq!(send().await, 202);
    // The other node has the application in its memory; its store refuses what was decided by old settings.
    world.patch("/organization", json!({ "strictEventTypes": true })).await.expect(200);
    assert_eq!(send().await, 422);
}

#[tokio::test]
async fn a_change_reaches_what_is_being_delivered() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    world.app("a").await;
    let endpoint =
        json!({ "url": receiver.url("/hook"), "product": "sms", "reportType": "dlr", "dialect": "rich-dlr" });
    world.endpoint("a", endpoint).await;
    let sent_time = async |at: usize| {
        let message =
            json!({ "id": "1", "to": "+254712345678", "status": "delivered", "acceptedAt": "2021-04-09T10:57:35Z" });
        let body = json!({ "eventType": "sms.dlr", "payload": { "product": "sms", "message": message } });
        world.post("/app/a/msg", body).await.expect(202);
        let arrived = receiver.wait_for(at, Duration::from_secs(10)).await.unwrap();
        let body: Value = serde_json::from_slice(&arrived[at - 1].body).unwrap();
        body["sent_time"].as_str().unwrap().to_owned()
    };
    assert_eq!(sent_time(1).await, "2021-04-09 10:57:35");
    world.patch("/organization", json!({ "timeZone": "Asia/Kolkata" })).await.expect(200);
    assert_eq!(sent_time(2).await, "2021-04-09 16:27:35", "the next message goes by it");
}
