use ringback_model::LeftOut;
use serde_json::{Value, json};

use crate::harness::World;

fn report(status: &str) -> Value {
    json!({ "product": "sms", "category": "otp", "message": { "id": "m-1", "to": "+254712345678", "status": status } })
}

#[tokio::test]
async fn the_story_of_a_message_tells_where_it_went_and_what_kept_it_from_elsewhere() {
    let world = World::new();
    let app = world.app("a").await;
    world.event_type("order.created").await;
    for (uid, more) in [
        ("all", json!({})),
        ("paused", json!({ "paused": true })),
        ("disabled", json!({ "disabled": true })),
        ("types", json!({ "eventTypes": ["order.created"] })),
        ("channels", json!({ "channels": ["c"] })),
        ("product", json!({ "product": "whatsapp" })),
        ("type", json!({ "reportType": "mo" })),
        ("number", json!({ "productUniqueId": "254700000001" })),
        ("category", json!({ "category": "marketing" })),
        ("final", json!({ "statusPolicy": "final_only" })),
        ("ant", json!({ "dialect": "ant" })),
        ("changed", json!({ "product": "voice" })),
    ] {
        let mut body = json!({ "url": "https://example.com/", "uid": uid });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.endpoint("a", body).await;
    }
    world.advance(1);
    let message = world.post("/app/a/msg", json!({ "eventType": "sms.dlr", "payload": report("sent") })).await;
    let message = message.text_of("id");
    world.advance(1);
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "later" })).await;
    world.patch("/app/a/endpoint/changed", json!({ "product": "sms" })).await.expect(200);
    let all = world.get("/app/a/endpoint/all").await.text_of("id");
    world.attempt(&app, &all, &message, 500).await;
    let story = world.get(&format!("/app/a/msg/{message}/story")).await.expect(200);
    assert_eq!(
        (&story["id"], &story["eventType"], &story["orderingKey"]),
        (&json!(message), &json!("sms.dlr"), &json!("m-1"))
    );
    let chapter = |uid: &str| {
        let found = story["endpoints"].as_array().unwrap().iter().find(|chapter| chapter["endpointUid"] == uid);
        found.unwrap().clone()
    };
    assert_eq!(story["endpoints"].as_array().unwrap().len(), 13);
    let went = chapter("all");
    assert_eq!(
        (&went["matched"], &went["statusText"], &went["changedSince"]),
        (&json!(true), &json!("pending"), &json!(false))
    );
    assert!(went["nextAttempt"].is_string(), "{went}");
    let paused = chapter("paused");
    assert_eq!((&paused["matched"], &paused["reason"]), (&json!(true), &json!("the endpoint is paused")));
    for (uid, filter, reason) in [
        ("disabled", json!("disabled"), "the endpoint is disabled"),
        ("types", json!("eventTypes"), "the event type is none of its `eventTypes`"),
        ("channels", json!("channels"), "the message carries none of its `channels`"),
        ("product", json!("product"), "the report is of another product"),
        ("type", json!("reportType"), "the report is of another type"),
        ("number", json!("productUniqueId"), "the report is of another number"),
        ("category", json!("category"), "the report is of another category"),
        ("final", json!("statusPolicy"), "its status policy leaves this state out"),
        ("ant", json!("statusPolicy"), "its status policy leaves this state out"),
        ("later", json!(null), "the endpoint did not exist yet when the message was accepted"),
        (
            "changed",
            json!(null),
            "its settings kept it away when the message was accepted; by the present ones it would get it",
        ),
    ] {
        let chapter = chapter(uid);
        assert_eq!(
            (&chapter["matched"], &chapter["filter"], &chapter["reason"]),
            (&json!(false), &filter, &json!(reason)),
            "{uid}"
        );
        assert_eq!(chapter["changedSince"], json!(["later", "changed"].contains(&uid)), "{uid}");
    }
}

#[tokio::test]
async fn an_endpoint_that_was_deleted_stays_in_the_story_of_what_it_got() {
    let world = World::new();
    world.app("a").await;
    for uid in ["got", "did-not"] {
        let types = if uid == "got" { json!(null) } else { json!(["sms.dlr"]) };
        world.endpoint("a", json!({ "url": "https://example.com/", "uid": uid, "eventTypes": types })).await;
    }
    let message = world.message("a", "t").await;
    for uid in ["got", "did-not"] {
        world.delete(&format!("/app/a/endpoint/{uid}")).await.expect(204);
    }
    let story = world.get(&format!("/app/a/msg/{message}/story")).await.expect(200);
    let chapters = story["endpoints"].as_array().unwrap();
    assert_eq!(chapters.len(), 1);
    let chapter = &chapters[0];
    assert_eq!(
        (&chapter["endpointUid"], &chapter["deleted"], &chapter["statusText"]),
        (&json!("got"), &json!(true), &json!("canceled"))
    );
    world.get("/app/a/msg/none/story").await.expect(404);
}

#[tokio::test]
async fn what_a_request_went_without_is_told_by_the_attempt_and_by_the_story() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = json!({ "url": "https://example.com/", "uid": "e", "dialect": "console", "sendMethod": "get" });
    let endpoint = world.endpoint("a", endpoint).await;
    let message = json!({ "eventType": "whatsapp.mo", "payload": { "inbound": { "messages": [] } } });
    let message = world.post("/app/a/msg", message).await.text_of("id");
    let note = async || {
        let attempts = world.get(&format!("/app/a/attempt/msg/{message}")).await.expect(200);
        let story = world.get(&format!("/app/a/msg/{message}/story")).await.expect(200);
        let notes: Vec<_> =
            attempts["data"].as_array().unwrap().iter().map(|attempt| attempt.get("note").is_some()).collect();
        (notes, story["endpoints"][0].get("note").cloned())
    };
    world.attempt(&app, &endpoint, &message, 500).await;
    assert_eq!(note().await, (vec![false], None));
    world.advance(1);
    world.attempt_without(&app, &endpoint, &message, 500, Some(LeftOut::Payload)).await;
    let (attempts, story) = note().await;
    assert_eq!(attempts.iter().filter(|has| **has).count(), 1);
    assert!(story.unwrap().as_str().unwrap().starts_with("`payload` was left out"));
    world.advance(1);
    world.attempt(&app, &endpoint, &message, 500).await;
    assert_eq!(note().await.1, None, "the last request counts");
}

#[tokio::test]
async fn what_no_request_can_be_made_of_is_held_and_the_story_names_the_field() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e", "dialect": "ant" })).await;
    let message = world.post("/app/a/msg", json!({ "eventType": "sms.dlr", "payload": report("delivered") })).await;
    let message = message.text_of("id");
    world.not_rendered(&app, &endpoint, &message, "The value of `message.parts` cannot be written.").await;
    let story = world.get(&format!("/app/a/msg/{message}/story")).await.expect(200);
    let chapter = &story["endpoints"][0];
    assert_eq!(chapter["statusText"], "pending");
    assert!(
        chapter["reason"].as_str().unwrap().ends_with("The value of `message.parts` cannot be written."),
        "{chapter}"
    );
    world.advance(1);
    world.attempt(&app, &endpoint, &message, 500).await;
    let story = world.get(&format!("/app/a/msg/{message}/story")).await.expect(200);
    assert_eq!(story["endpoints"][0].get("reason"), None, "the last attempt counts");
}

#[tokio::test]
async fn a_report_that_names_another_product_goes_by_its_event_type_and_the_story_says_so() {
    let world = World::new();
    world.app("a").await;
    for product in ["sms", "whatsapp"] {
        let said = json!({ "url": "https://example.com/", "uid": product, "product": product, "dialect": "rich-dlr" });
        world.endpoint("a", said).await;
    }
    for (product, told) in
        [(json!("SMS"), "`SMS`"), (json!("whatsapp"), "`whatsapp`"), (json!(5), "`5`"), (json!("sms"), "")]
    {
        let mut payload = report("delivered");
        payload["product"] = product;
        let sent = world.post("/app/a/msg", json!({ "eventType": "sms.dlr", "payload": payload })).await;
        let story = world.get(&format!("/app/a/msg/{}/story", sent.text_of("id"))).await.expect(200);
        let matched = |uid: &str| {
            let chapters = story["endpoints"].as_array().unwrap();
            chapters.iter().find(|one| one["endpointUid"] == uid).unwrap()["matched"].clone()
        };
        assert_eq!((matched("sms"), matched("whatsapp")), (json!(true), json!(false)), "{story}");
        let note = story["note"].as_str().unwrap_or_default();
        assert!(note.contains(told) && note.is_empty() == told.is_empty(), "{story}");
    }
}
