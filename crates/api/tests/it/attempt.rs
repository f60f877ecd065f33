use serde_json::{Value, json};

use crate::harness::World;

#[tokio::test]
async fn deliveries_of_a_message_show_where_each_endpoint_stands() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoints = [
        world.endpoint("a", json!({ "url": "https://example.com/1" })).await,
        world.endpoint("a", json!({ "url": "https://example.com/2" })).await,
        world.endpoint("a", json!({ "url": "https://example.com/3" })).await,
    ];
    let message = world.message("a", "t").await;
    world.attempt(&app, &endpoints[0], &message, 200).await;
    world.attempt(&app, &endpoints[1], &message, 500).await;
    world.delete(&format!("/app/a/endpoint/{}", endpoints[2])).await.expect(204);
    let path = format!("/app/a/msg/{message}/endpoint");
    let shown = async |path: &str| {
        let list = world.get(path).await.expect(200);
        let members = |d: &Value| json!([d["id"], d["status"], d["statusText"], d["nextAttempt"]]);
        Value::from_iter(list["data"].as_array().unwrap().iter().map(members))
    };
    assert_eq!(
        shown(&path).await,
        json!([
            [endpoints[0], 0, "success", null],
            [endpoints[1], 1, "pending", "2027-01-15T08:01:00Z"],
            [endpoints[2], 2, "fail", null],
        ])
    );
    let expanded = shown(&format!("{path}?expanded_statuses=true")).await;
    assert_eq!(expanded[2], json!([endpoints[2], 4, "canceled", null]));
    assert_eq!(shown(&format!("{path}?limit=1&iterator={}", endpoints[0])).await[0][0], json!(endpoints[1]));
    world.get("/app/a/msg/none/endpoint").await.expect(404);
}

#[tokio::test]
async fn a_delivery_that_waits_or_has_ended_says_why() {
    let world = World::new();
    let fifo = json!({ "url": "https://example.com/", "uid": "e", "ordering": "fifo" });
    world.app("a").await;
    world.endpoint("a", fifo).await;
    let (first, second) = (world.message("a", "t").await, world.message("a", "t").await);
    let shown = async |message: &str| {
        let list = world.get(&format!("/app/a/msg/{message}/endpoint?expanded_statuses=true")).await.expect(200);
        let delivery = &list["data"][0];
        (delivery["statusText"].clone(), delivery["reason"].clone(), delivery["nextAttempt"].is_null())
    };
    assert_eq!(shown(&first).await, (json!("pending"), Value::Null, false));
    assert_eq!(shown(&second).await, (json!("pending"), json!("it waits behind an earlier message"), true));
    world.patch("/app/a/endpoint/e", json!({ "paused": true })).await.expect(200);
    assert_eq!(shown(&first).await, (json!("pending"), json!("the endpoint is paused"), true));
    world.patch("/app/a/endpoint/e", json!({ "paused": false, "disabled": true })).await.expect(200);
    assert_eq!(shown(&first).await, (json!("pending"), json!("the endpoint is disabled"), true));
    world.delete("/app/a/endpoint/e").await.expect(204);
    assert_eq!(shown(&first).await, (json!("canceled"), json!("the endpoint was deleted"), true));
}

#[tokio::test]
async fn attempts_are_listed_by_message_and_by_endpoint_and_read_alone() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let other = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let message = world.message("a", "t").await;
    let mut ids = Vec::new();
    for status in [500, 0, 204] {
        world.advance(1);
        ids.push(world.attempt(&app, &endpoint, &message, status).await.to_string());
    }
    let last = json!({
        "id": ids[2], "msgId": message, "endpointId": endpoint, "url": "https://example.com/", "response": "thanks",
        "responseStatusCode": 204, "responseDurationMs": 12,
        "timings": { "dns": 0.0, "connect": 0.0, "tls": 0.0, "firstByte": 0.0, "total": 12.0 }, "status": 0, "statusText": "success", "triggerType": 0,
        "timestamp": "2027-01-15T08:00:03Z",
    });
    assert_eq!(world.get(&format!("/app/a/msg/{message}/attempt/{}", ids[2])).await.expect(200), last);
    let listed = async |path: &str| {
        let list = world.get(path).await.expect(200);
        list["data"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    for path in [
        format!("/app/a/attempt/msg/{message}"),
        format!("/app/a/attempt/msg/{message}?endpoint_id={endpoint}"),
        format!("/app/a/attempt/endpoint/{endpoint}"),
        format!("/app/a/msg/{message}/attempt"),
        format!("/app/a/msg/{message}/endpoint/{endpoint}/attempt"),
        format!("/app/a/attempt/endpoint/{endpoint}?event_types[]=t,u&after=2027-01-15T08:00:00Z"),
    ] {
        assert_eq!(listed(&path).await, newest_first, "{path}");
    }
    let by_endpoint = format!("/app/a/attempt/endpoint/{endpoint}");
    for (filter, expected) in [
        ("status=0", vec![&ids[2]]),
        ("status=2", vec![&ids[1], &ids[0]]),
        ("status=1", vec![]),
        ("status_code_class=500", vec![&ids[0]]),
        ("status_code_class=0", vec![&ids[1]]),
        ("channel=c", vec![]),
        ("event_types=u", vec![]),
        ("limit=1&status=2", vec![&ids[1]]),
        ("before=2027-01-15T08:00:02Z", vec![&ids[0]]),
    ] {
        let found = listed(&format!("{by_endpoint}?{filter}")).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    assert!(listed(&format!("/app/a/attempt/endpoint/{other}")).await.is_empty());
    let timeout = world.get(&format!("/app/a/msg/{message}/attempt/{}", ids[1])).await.expect(200);
    assert_eq!(
        (&timeout["responseStatusCode"], &timeout["status"], &timeout["statusText"]),
        (&json!(0), &json!(2), &json!("fail"))
    );
    assert_eq!(timeout["response"], "the receiver did not answer in time");
    assert_eq!(timeout["reason"], timeout["response"]);
    let refused = world.get(&format!("/app/a/msg/{message}/attempt/{}", ids[0])).await.expect(200);
    assert_eq!((&refused["response"], &refused["reason"]), (&json!("thanks"), &json!("the receiver answered 500")));
    let bare = world.get(&format!("{by_endpoint}?with_content=false")).await.expect(200);
    assert_eq!(bare["data"][0]["response"], "");
    assert_eq!(bare["data"][0].get("msg"), None);
    let with_message = world.get(&format!("{by_endpoint}?with_msg=true")).await.expect(200);
    let mut about = world.get(&format!("/app/a/msg/{message}")).await.expect(200);
    about["payload"] = json!({});
    assert_eq!(with_message["data"][0]["msg"], about, "all of it but for the payload");
    for wrong in [
        "with_msg=x",
        "channel=$$bad",
        "status=9",
        "status=x",
        "status_code_class=250",
        "before=soon",
        "after=2040-01-01T00:00:00Z",
    ] {
        assert_eq!(world.get(&format!("{by_endpoint}?{wrong}")).await.faults().len(), 1, "{wrong}");
    }
    for missing in ["atmpt_000000000000000000000000000", "none"] {
        world.get(&format!("/app/a/msg/{message}/attempt/{missing}")).await.expect(404);
    }
}

#[tokio::test]
async fn a_resend_is_accepted_once_it_is_durable() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let message = world.message("a", "t").await;
    world.attempt(&app, &endpoint, &message, 200).await;
    let path = format!("/app/a/msg/{message}/endpoint/e/resend");
    let answer = world.ask(&world.token, "POST", &path, &[("idempotency-key", "k")], "").await;
    assert_eq!(answer.expect(202), json!({}));
    let repeated = world.ask(&world.token, "POST", &path, &[("idempotency-key", "k")], "").await;
    assert_eq!(repeated.text, answer.text);
    let other = world.ask(&world.token, "POST", &path, &[("idempotency-key", "k")], "{}").await;
    assert_eq!(other.expect(409)["code"], "idempotency_key_reused");
    world.post(&format!("/app/a/msg/{message}/endpoint/none/resend"), json!({})).await.expect(404);
    world.post("/app/a/msg/none/endpoint/e/resend", json!({})).await.expect(404);
}

#[tokio::test]
async fn a_resend_that_the_endpoint_would_not_get_by_itself_is_made_and_says_so() {
    let world = World::new();
    world.app("a").await;
    for (uid, more) in [
        ("final", json!({ "statusPolicy": "final_only" })),
        ("mask", json!({ "statusPolicy": "mask", "statusMask": 1 })),
        ("all", json!({ "statusPolicy": "all" })),
        ("ant", json!({ "dialect": "ant", "statusPolicy": "all" })),
        ("product", json!({ "product": "whatsapp" })),
    ] {
        let mut body = json!({ "url": "https://example.com/", "uid": uid });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.endpoint("a", body).await;
    }
    let send = async |status: &str| {
        let payload = json!({ "product": "sms", "message": { "id": "1", "to": "1", "status": status } });
        world.post("/app/a/msg", json!({ "eventType": "sms.dlr", "payload": payload })).await.text_of("id")
    };
    let (sent, queued) = (send("sent").await, send("queued").await);
    let resend = async |message: &str, uid: &str| {
        world.post(&format!("/app/a/msg/{message}/endpoint/{uid}/resend"), json!({})).await
    };
    let beside =
        |why: &str| json!({ "warnings": [format!("The endpoint would not get this event by itself: {why}.")] });
    let by_policy = beside("its status policy leaves this state out");
    assert_eq!(resend(&sent, "final").await.expect(202), by_policy);
    assert_eq!(resend(&sent, "mask").await.expect(202), by_policy);
    assert_eq!(resend(&sent, "product").await.expect(202), beside("the report is of another product"));
    assert_eq!(resend(&sent, "all").await.expect(202), json!({}));
    assert_eq!(resend(&sent, "ant").await.expect(202), json!({}));
    assert_eq!(resend(&queued, "ant").await.expect(400)["code"], "early_state");
    let story = world.get(&format!("/app/a/msg/{sent}/story")).await.expect(200);
    let chapters = story["endpoints"].as_array().unwrap();
    for (uid, note) in [("final", Some(&by_policy["warnings"][0])), ("all", None)] {
        let chapter = chapters.iter().find(|chapter| chapter["endpointUid"] == uid).unwrap();
        assert_eq!((&chapter["matched"], chapter.get("note")), (&json!(true), note), "{uid}");
    }
}
