use bytes::Bytes;
use ringback_model::{EndpointNo, MessageNo};
use ringback_store::{MessageRef, Store as _, Take};
use serde_json::json;

use crate::harness::{START, World};

impl World {
    async fn kept(&self, app: &str, id: &str) -> ringback_model::Message {
        self.store.message(self.app_no(app).await, MessageRef::Id(id.parse().unwrap())).await.unwrap().unwrap()
    }

    async fn due(&self, endpoint: EndpointNo) -> Vec<(MessageNo, u8, bool)> {
        let take = Take { endpoint, now: START, limit: 100, max_bytes: 1 << 20, held: Vec::new() };
        let rows = self.store.take(take).await.unwrap().rows;
        rows.iter().map(|row| (row.message.no, row.priority.0, row.queue.is_some())).collect()
    }
}

#[tokio::test]
async fn a_message_is_accepted_read_and_listed() {
    let world = World::new();
    world.app("a").await;
    let body = json!({ "eventType": "sms.dlr", "payload": { "b": 1, "a": 2 }, "eventId": "e1", "channels": ["c"] });
    let made = world.post("/app/a/msg", body).await;
    let id = made.text_of("id");
    assert!(id.starts_with("msg_") && id.len() == 31, "{id}");
    let expected = json!({
        "id": id, "eventId": "e1", "eventType": "sms.dlr", "channels": ["c"], "payload": { "b": 1, "a": 2 },
        "timestamp": "2027-01-15T08:00:00Z",
    });
    assert_eq!(made.expect(202), expected);
    for path in [format!("/app/a/msg/{id}"), "/app/a/msg/e1".to_owned()] {
        assert_eq!(world.get(&path).await.expect(200), expected);
    }
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"], json!([expected]));
    assert_eq!(world.get("/app/a/msg/e1?with_content=false").await.expect(200)["payload"], json!({}));
    assert_eq!(world.get("/app/a/msg?with_content=false").await.expect(200)["data"][0]["payload"], json!({}));
    let bare = world.post("/app/a/msg?with_content=false", json!({ "eventType": "t", "payload": { "a": 1 } })).await;
    assert_eq!(bare.expect(202)["payload"], json!({}));
    assert_eq!((&bare.json()["eventId"], &bare.json()["channels"]), (&json!(null), &json!(null)));
    let taken = world.post("/app/a/msg", json!({ "eventType": "t", "payload": {}, "eventId": "e1" })).await;
    assert_eq!(taken.expect(409)["code"], "conflict");
}

#[tokio::test]
async fn tags_are_kept_shown_and_narrow_every_list() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let body = json!({ "eventType": "t", "payload": {}, "tags": ["campaign 7", "ümlaut"] });
    let made = world.post("/app/a/msg", body).await.expect(202);
    let (id, tags) = (made["id"].as_str().unwrap().to_owned(), json!(["campaign 7", "ümlaut"]));
    assert_eq!(made["tags"], tags);
    let none = world.post("/app/a/msg", json!({ "eventType": "t", "payload": {}, "tags": [] })).await.expect(202);
    assert_eq!(none.get("tags"), None);
    for id in [&id, none["id"].as_str().unwrap()] {
        world.attempt(&app, &endpoint, id, 200).await;
    }
    assert_eq!(world.get(&format!("/app/a/msg/{id}")).await.expect(200)["tags"], tags);
    for path in [
        "/app/a/msg".to_owned(),
        format!("/app/a/endpoint/{endpoint}/msg"),
        format!("/app/a/attempt/endpoint/{endpoint}"),
    ] {
        for (query, count) in [("", 2), ("?tag=campaign%207", 1), ("?tag=%C3%BCmlaut", 1), ("?tag=campaign", 0)] {
            let listed = world.get(&format!("{path}{query}")).await.expect(200);
            assert_eq!(listed["data"].as_array().unwrap().len(), count, "{path}{query}");
        }
    }
    let attempts = format!("/app/a/attempt/msg/{id}?tag=");
    for (tag, count) in [("campaign%207", 1), ("x", 0)] {
        let listed = world.get(&format!("{attempts}{tag}")).await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn messages_are_listed_by_where_their_deliveries_stand() {
    let world = World::new();
    let app = world.app("a").await;
    world.event_type("t").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let (done, failed, waiting) =
        (world.message("a", "t").await, world.message("a", "t").await, world.message("a", "t").await);
    world.attempt(&app, &endpoint, &done, 200).await;
    world.give_up(&app, &endpoint, &failed, 500).await;
    for (status, message) in [(0, &done), (1, &waiting), (2, &failed)] {
        let listed = world.get(&format!("/app/a/msg?status={status}")).await.expect(200);
        let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [message], "{status}");
    }
    assert_eq!(world.get("/app/a/msg?status=9").await.faults(), ["query.status"]);
    assert_eq!(world.get("/app/a/msg?channel=$$bad").await.faults(), ["query.channel"]);
}

#[tokio::test]
async fn the_exact_bytes_of_a_payload_are_kept_and_given_back() {
    let world = World::new();
    let app = world.app("a").await;
    let payloads = [
        r#"{"a":1,"a":2}"#,
        r#"{ "z" : 1.0,	"a":1e400 , "n": 18446744073709551616,"x":-0}"#,
        r#"{"u":"\u0000\ud83d\ude00\/é😀","s":"\\\"}{"}"#,
        "{\r\n  \"a\": [ ]\n}",
        "{}",
    ];
    for payload in payloads {
        for name in ["payload", "data"] {
            let body = format!(r#" {{ "{name}" :{payload} , "eventType":"t"}}"#);
            let answer = world.ask(&world.token, "POST", "/app/a/msg", &[], body).await;
            assert_eq!(answer.status, 202, "{}", answer.text);
            let id =
                serde_json::from_str::<serde_json::Value>(&answer.text.replace(payload, "{}")).unwrap()["id"].clone();
            let kept = world.kept(&app, id.as_str().unwrap()).await;
            assert_eq!(kept.payload.unwrap(), Bytes::from_static(payload.as_bytes()));
            assert!(answer.text.contains(payload), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_a_message_adds_to_the_payload_is_kept() {
    let world = World::new();
    let app = world.app("a").await;
    let body = json!({
        "eventType": "t", "payload": {}, "orderingKey": "k", "class": "otp", "occurredAt": "2027-01-15T09:00:00+01:00",
        "payloadRetentionPeriod": 5,
        "transformationsParams": { "rawPayload": "a=\"1\"", "headers": { "content-type": "text/plain" } },
    });
    let made = world.post("/app/a/msg", body).await;
    let shown = made.expect(202);
    assert_eq!((&shown["orderingKey"], &shown["occurredAt"]), (&json!("k"), &json!("2027-01-15T08:00:00Z")));
    let kept = world.kept(&app, &made.text_of("id")).await;
    assert_eq!(kept.body(), Some((&Bytes::from_static(b"a=\"1\""), "text/plain")));
    assert_eq!(kept.expires_at.since(START).as_secs(), 5 * 86_400);
    assert_eq!(world.get(&format!("/app/a/msg/{}", made.text_of("id"))).await.expect(200), shown);
    let made = world.post("/app/a/msg", json!({ "eventType": "t", "payload": {} })).await;
    assert_eq!(world.kept(&app, &made.text_of("id")).await.expires_at.since(START).as_secs(), 90 * 86_400);
}

#[tokio::test]
async fn a_message_goes_to_the_endpoints_that_match_in_their_queues_and_by_its_urgency() {
    let world = World::new();
    let app = world.app("a").await;
    for name in ["sms.dlr", "sms.mo"] {
        world.event_type(name).await;
    }
    let mut endpoints = Vec::new();
    for more in [
        json!({}),
        json!({ "eventTypes": ["sms.dlr"] }),
        json!({ "channels": ["c"] }),
        json!({ "ordering": "per_key" }),
        json!({ "ordering": "fifo" }),
        json!({ "paused": true }),
        json!({ "disabled": true }),
    ] {
        let mut body = json!({ "url": "https://example.com/" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = world.endpoint("a", body).await;
        endpoints.push(world.endpoint_no(&app, &id).await);
    }
    let first = world.message("a", "sms.mo").await;
    let body =
        json!({ "eventType": "sms.dlr", "payload": {}, "channels": ["c", "d"], "orderingKey": "k", "class": "otp" });
    let second = world.post("/app/a/msg", body).await.text_of("id");
    let (first, second) = (world.message_no(&app, &first).await, world.message_no(&app, &second).await);
    let mut due = Vec::new();
    for endpoint in endpoints {
        let mut rows = world.due(endpoint).await;
        rows.sort_unstable();
        due.push(rows);
    }
    // otp 1, transactional inbound 4. The head of the fifo queue alone is due.
    assert_eq!(
        due,
        [
            vec![(first, 4, false), (second, 1, false)],
            vec![(second, 1, false)],
            vec![(second, 1, false)],
            vec![(first, 4, false), (second, 1, true)],
            vec![(first, 4, true)],
            vec![(first, 4, false), (second, 1, false)],
            vec![],
        ]
    );
}

#[tokio::test]
async fn an_answered_change_of_an_endpoint_holds_for_every_later_message() {
    let world = World::new();
    let app = world.app("a").await;
    world.message("a", "t").await;
    let id = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let endpoint = world.endpoint_no(&app, &id).await;
    for round in 1..=5 {
        let counts = (world.due(endpoint).await.len(), round);
        world.patch(&format!("/app/a/endpoint/{id}"), json!({ "disabled": true })).await.expect(200);
        world.message("a", "t").await;
        assert_eq!(world.due(endpoint).await.len(), counts.0, "round {round}");
        world.patch(&format!("/app/a/endpoint/{id}"), json!({ "disabled": false })).await.expect(200);
        world.message("a", "t").await;
        assert_eq!(world.due(endpoint).await.len(), counts.1, "round {round}");
    }
}

#[tokio::test]
async fn a_change_made_through_another_node_holds_for_the_next_message_and_for_the_next_change() {
    let mut world = World::new();
    let app = world.app("a").await;
    let path = format!("/app/a/endpoint/{}", world.endpoint("a", json!({ "url": "https://example.com/" })).await);
    let endpoint = world.endpoint_no(&app, path.rsplit('/').next().unwrap()).await;
    world.message("a", "t").await;
    let mut other = world.other_node();
    for round in 0..4 {
        // Both nodes know the endpoint as it stood before the other one has changed it.
        std::mem::swap(&mut world.api, &mut other);
        let paused = world.patch(&path, json!({ "disabled": round % 2 == 0, "description": round.to_string() })).await;
        assert_eq!(paused.expect(200)["version"], 1);
        std::mem::swap(&mut world.api, &mut other);
        let before = world.due(endpoint).await.len();
        world.message("a", "t").await;
        assert_eq!(world.due(endpoint).await.len() - before, round % 2, "round {round}");
        let changed = world.patch(&path, json!({ "paused": true })).await.expect(200);
        assert_eq!(changed["description"], json!(round.to_string()), "what the other node wrote is still there");
    }
}

#[tokio::test]
async fn an_application_comes_along_with_its_first_message() {
    let world = World::new();
    let body =
        |uid: serde_json::Value| json!({ "eventType": "t", "payload": {}, "application": { "name": "N", "uid": uid } });
    assert_eq!(
        world.post("/app/new/msg", json!({ "eventType": "t", "payload": {} })).await.expect(404)["code"],
        "not_found"
    );
    for (uid, kind) in [(json!("other"), "application_uid_mismatch"), (json!(null), "application_uid_missing")] {
        let answer = world.post("/app/new/msg", body(uid)).await;
        assert_eq!(answer.faults(), ["body.application.uid"]);
        assert_eq!(answer.json()["detail"][0]["type"], kind);
    }
    assert_eq!(world.get("/app").await.expect(200)["data"], json!([]));
    world.post("/app/new/msg", body(json!("new"))).await.expect(202);
    let made = world.get("/app/new").await;
    assert_eq!(made.expect(200)["name"], "N");
    // Beside one that is there it means nothing, whichever name that is addressed by.
    for name in ["new".to_owned(), made.text_of("id")] {
        for uid in [json!("new"), json!("other"), json!(null)] {
            world.post(&format!("/app/{name}/msg"), body(uid)).await.expect(202);
        }
    }
    assert_eq!(world.get("/app").await.expect(200)["data"], json!([made.json()]));
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told() {
    let world = World::new();
    world.app("a").await;
    let raw = async |body: &str| world.ask(&world.token, "POST", "/app/a/msg", &[], body.to_owned()).await.faults();
    assert_eq!(raw(r#"{"payload":{}}"#).await, ["body.eventType"]);
    assert_eq!(raw(r#"{"eventType":"t"}"#).await, ["body.payload"]);
    assert_eq!(raw(r#"{"eventType":"t","payload":{},"payload":{}}"#).await.len(), 1);
    assert_eq!(raw(r#"{"eventType":"t","payload":{},"data":{}}"#).await.len(), 1);
    assert_eq!(raw(r#"{"eventType":"t","data":{},"data":{}}"#).await.len(), 1);
    for payload in ["[]", "1", "null", "\"{}\"", "true"] {
        assert_eq!(raw(&format!(r#"{{"eventType":"t","payload":{payload}}}"#)).await, ["body.payload"], "{payload}");
    }
    for (member, value, place) in [
        ("eventId", "\"\"", "eventId"),
        ("eventId", "\"msg_1\"", "eventId"),
        ("channels", "[]", "channels"),
        ("channels", r#"["a","b","c","d","e","f"]"#, "channels"),
        ("channels", r#"["a b"]"#, "channels.0"),
        ("tags", &format!("[{}\"a\"]", "\"a\",".repeat(10)), "tags"),
        ("tags", r#"["a",""]"#, "tags.1"),
        ("tags", r#"["a\u0000"]"#, "tags.0"),
        ("tags", &format!("[\"{}\"]", "t".repeat(129)), "tags.0"),
        ("tags", r#"[7]"#, "tags.0"),
        ("orderingKey", "\"\"", "orderingKey"),
        ("orderingKey", &format!("\"{}\"", "k".repeat(257)), "orderingKey"),
        ("class", "\"urgent\"", "class"),
        ("occurredAt", "\"yesterday\"", "occurredAt"),
        ("occurredAt", "\"10000-01-01T00:00:00Z\"", "occurredAt"),
        ("payloadRetentionPeriod", "4", "payloadRetentionPeriod"),
        ("payloadRetentionPeriod", "91", "payloadRetentionPeriod"),
        ("payloadRetentionHours", "0", "payloadRetentionHours"),
        ("payloadRetentionHours", "2161", "payloadRetentionHours"),
        ("payloadRetentionHours", r#"1,"payloadRetentionPeriod":5"#, "payloadRetentionHours"),
        ("transformationsParams", r#"{"rawPayload":"","headers":{"content-type":"a\r\nb"}}"#, "transformationsParams"),
    ] {
        let faults = raw(&format!(r#"{{"eventType":"t","payload":{{}},"{member}":{value}}}"#)).await;
        assert_eq!(faults, [format!("body.{place}")], "{member} {value}");
    }
    for event_type in ["", "*", "a b", "a\\u0000", &"t".repeat(257)] {
        assert_eq!(raw(&format!(r#"{{"eventType":"{event_type}","payload":{{}}}}"#)).await, ["body.eventType"]);
    }
}
