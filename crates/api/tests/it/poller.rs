//! Polling endpoints, and reading from them.

use serde_json::{Value, json};

use crate::harness::{Answer, World};

/// A world with an application and a polling endpoint.
async fn furnished(more: Value) -> World {
    let world = World::new();
    world.app("a").await;
    world.event_type("sms.dlr").await;
    world.event_type("sms.mo").await;
    let mut body = json!({ "type": "pollingEndpoint", "uid": "sink", "config": {} });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/app/a/destination", body).await.expect(201);
    world
}

async fn send(world: &World, event_type: &str, channels: &[&str]) -> String {
    let mut body = json!({ "eventType": event_type, "payload": { "a": 1 } });
    if !channels.is_empty() {
        body["channels"] = json!(channels);
    }
    world.post("/app/a/msg", body).await.text_of("id")
}

async fn send_many(world: &World, count: usize) -> Vec<String> {
    let mut sent = Vec::new();
    for _ in 0..count {
        sent.push(send(world, "sms.dlr", &[]).await);
    }
    sent
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn last_offset(page: &Value) -> i64 {
    page["data"].as_array().unwrap().last().unwrap()["offset"].as_i64().unwrap()
}

async fn lease(world: &World, more: &str) -> Answer {
    world.get(&format!("/app/a/polling-endpoint/sink/consumer/c?{more}")).await
}

async fn commit(world: &World, offset: i64) -> Answer {
    world.post("/app/a/polling-endpoint/sink/consumer/c/commit", json!({ "offset": offset })).await
}

#[tokio::test]
async fn a_polling_endpoint_is_made_changed_listed_and_deleted() {
    let world = furnished(json!({ "eventTypes": ["sms.*"], "metadata": { "team": "x" } })).await;
    let made = world.get("/app/a/destination/sink").await.expect(200);
    assert!(made["id"].as_str().unwrap().starts_with("poll_"));
    assert_eq!(
        (&made["type"], made.get("config"), &made["status"]),
        (&json!("pollingEndpoint"), None, &json!("enabled"))
    );
    assert_eq!((&made["eventTypes"], &made["channels"]), (&json!(["sms.*"]), &Value::Null));

    let path = format!("/app/a/destination/{}", made["id"].as_str().unwrap());
    let patched =
        world.patch(&path, json!({ "status": "disabled", "eventTypes": [], "channels": ["eu"] })).await.expect(200);
    assert_eq!((&patched["status"], &patched["eventTypes"]), (&json!("disabled"), &Value::Null));
    assert_eq!((&patched["channels"], &patched["metadata"]), (&json!(["eu"]), &json!({ "team": "x" })));
    let put = world.put(&path, json!({ "type": "pollingEndpoint" })).await.expect(200);
    assert_eq!((&put["id"], &put["uid"], &put["channels"]), (&made["id"], &Value::Null, &Value::Null));
    let second = world.put("/app/a/destination/other", json!({ "type": "pollingEndpoint", "uid": "other" })).await;
    let second = second.expect(201)["id"].clone();
    let listed = world.get("/app/a/destination?order=ascending").await.expect(200);
    assert_eq!(ids(&listed), [made["id"].as_str().unwrap(), second.as_str().unwrap()]);
    world.delete(&path).await.expect(204);
    assert_eq!(world.get(&path).await.expect(404)["code"], "not_found");
    let taken = world.post("/app/a/destination", json!({ "type": "pollingEndpoint", "uid": "other" })).await;
    assert_eq!(taken.expect(409)["code"], "conflict");
}

#[tokio::test]
async fn messages_are_read_in_their_order_by_type_and_channel_page_by_page() {
    let world = furnished(json!({ "eventTypes": ["sms.dlr"], "channels": ["eu", "us"] })).await;
    let mut sent = Vec::new();
    for at in 0..7 {
        sent.push(send(&world, "sms.dlr", &[if at % 2 == 0 { "eu" } else { "us" }]).await);
        send(&world, "sms.mo", &["eu"]).await;
        send(&world, "sms.dlr", &["asia"]).await;
    }
    let (mut read, mut iterator) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page = world.get(&format!("/app/a/poller/sink?limit=3&iterator={iterator}")).await.expect(200);
        assert!(page["data"].as_array().unwrap().iter().all(|message| message["payload"] == json!({ "a": 1 })));
        read.extend(ids(&page));
        assert_eq!(page["done"], read.len() == 7, "{page}");
        page["iterator"].as_str().unwrap().clone_into(&mut iterator);
    }
    assert_eq!(read, sent);
    let later = send(&world, "sms.dlr", &["eu"]).await;
    let page = world.get(&format!("/app/a/poller/sink?iterator={iterator}")).await.expect(200);
    assert_eq!(ids(&page), [later]);
    let narrowed = world.get("/app/a/poller/sink?channel=us&event_type=sms.dlr").await.expect(200);
    assert_eq!(ids(&narrowed), [sent[1].clone(), sent[3].clone(), sent[5].clone()]);
    let other = world.get("/app/a/poller/sink?event_type=sms.mo").await.expect(200);
    assert_eq!((ids(&other).len(), &other["done"]), (0, &json!(true)));
}

#[tokio::test]
async fn a_time_leads_to_the_first_message_that_was_accepted_then() {
    let world = furnished(json!({})).await;
    let mut sent = Vec::new();
    for _ in 0..30 {
        world.advance(10);
        sent.push((world.service.clock().now().to_string(), send(&world, "sms.dlr", &[]).await));
    }
    let all: Vec<_> = sent.iter().map(|(_, id)| id.clone()).collect();
    for at in [0, 1, 13, 29] {
        let (mut read, mut query) = (Vec::new(), format!("after={}", sent[at].0));
        // The pages before that time are empty, and lead on.
        loop {
            let page = world.get(&format!("/app/a/poller/sink?limit=4&{query}")).await.expect(200);
            read.extend(ids(&page));
            query = format!("iterator={}", page["iterator"].as_str().unwrap());
            if page["done"] == json!(true) {
                break;
            }
        }
        assert_eq!(read, all[at..]);
    }
    let path = "/app/a/poller/sink/consumer/c";
    world.post(&format!("{path}/seek"), json!({ "after": sent[20].0 })).await.expect(200);
    assert_eq!(ids(&world.get(path).await.expect(200)), all[20..]);
    let place = world.post(&format!("{path}/seek"), json!({ "after": sent[5].0 })).await.text_of("iterator");
    assert_eq!(ids(&world.get(&format!("{path}?iterator={place}")).await.expect(200)), all[5..]);
    world.advance(600);
    let now = world.service.clock().now().to_string();
    world.post(&format!("{path}/seek"), json!({ "after": now })).await.expect(200);
    assert_eq!(ids(&world.get(path).await.expect(200)).len(), 0);
    let next = send(&world, "sms.dlr", &[]).await;
    assert_eq!(ids(&world.get(path).await.expect(200)), [next]);
}

#[tokio::test]
async fn a_consumer_goes_on_behind_what_it_gave_back_and_gets_the_rest_again() {
    let world = furnished(json!({})).await;
    let sent = send_many(&world, 5).await;
    let path = "/app/a/poller/sink/consumer/c";
    let first = world.get(&format!("{path}?limit=2")).await.expect(200);
    assert_eq!(ids(&first), sent[..2]);
    assert_eq!(ids(&world.get(&format!("{path}?limit=2")).await.expect(200)), sent[..2], "nothing was acknowledged");
    let iterator = first["iterator"].as_str().unwrap();
    let second = world.get(&format!("{path}?limit=2&iterator={iterator}")).await.expect(200);
    assert_eq!(ids(&second), sent[2..4]);
    assert_eq!(ids(&world.get(path).await.expect(200)), sent[2..], "the first two were");
    // Somebody slower under the same name does not take it back.
    world.get(&format!("{path}?iterator=0")).await.expect(200);
    assert_eq!(ids(&world.get(path).await.expect(200)), sent[2..]);
    let other = world.get("/app/a/poller/sink/consumer/other").await.expect(200);
    assert_eq!(ids(&other), sent, "each consumer has a place of its own");
}

#[tokio::test]
async fn what_is_leased_is_given_to_nobody_else_until_it_is_committed_or_the_lease_ends() {
    let world = furnished(json!({})).await;
    let sent = send_many(&world, 5).await;
    let first = lease(&world, "limit=2&lease_duration_ms=10000").await.expect(200);
    assert_eq!((ids(&first), &first["done"]), (sent[..2].to_vec(), &json!(false)));
    assert_eq!(lease(&world, "").await.expect(409)["code"], "leased");
    commit(&world, last_offset(&first)).await.expect(204);
    commit(&world, last_offset(&first)).await.expect(204);

    let second = lease(&world, "limit=3&lease_duration_ms=10000").await.expect(200);
    assert_eq!((ids(&second), &second["done"]), (sent[2..].to_vec(), &json!(false)));
    let in_the_middle = second["data"][1]["offset"].as_i64().unwrap();
    commit(&world, in_the_middle).await.expect(204);
    assert_eq!(lease(&world, "").await.expect(409)["code"], "leased", "one is still out");
    world.advance(10);
    let third = lease(&world, "").await.expect(200);
    assert_eq!((ids(&third), &third["done"]), (sent[4..].to_vec(), &json!(true)));
    let beyond = commit(&world, last_offset(&third) + 1).await;
    assert_eq!(beyond.expect(409)["code"], "not_leased");
    commit(&world, last_offset(&third)).await.expect(204);
    let nothing = lease(&world, "").await.expect(200);
    assert_eq!(nothing, json!({ "data": [], "done": true }));
    assert_eq!(lease(&world, "").await.expect(200), nothing, "nothing holds nobody up");
}

#[tokio::test]
async fn a_consumer_that_is_new_begins_with_what_there_is_or_with_what_comes() {
    let world = furnished(json!({})).await;
    let sent = send_many(&world, 2).await;
    world.advance(1);
    let latest = lease(&world, "starting_position=latest").await.expect(200);
    assert_eq!(latest, json!({ "data": [], "done": true }));
    let next = send(&world, "sms.dlr", &[]).await;
    assert_eq!(ids(&lease(&world, "starting_position=latest").await.expect(200)), std::slice::from_ref(&next));
    let path = "/app/a/polling-endpoint/sink/consumer/other?starting_position=earliest";
    assert_eq!(ids(&world.get(path).await.expect(200)), [sent[0].clone(), sent[1].clone(), next]);
}

#[tokio::test]
async fn of_many_that_ask_at_once_under_one_name_one_is_given_messages() {
    let world = std::sync::Arc::new(furnished(json!({})).await);
    let sent = send_many(&world, 3).await;
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { lease(&world, "limit=3").await })
        })
        .collect();
    let mut given = Vec::new();
    for one in asking {
        let answer = one.await.unwrap();
        match answer.status.as_u16() {
            200 => given.push(ids(&answer.json())),
            _ => assert_eq!(answer.expect(409)["code"], "leased"),
        }
    }
    assert_eq!(given, [sent]);
}

#[tokio::test]
async fn a_disabled_one_is_not_read_from_and_gets_what_comes_all_the_same() {
    let world = furnished(json!({ "status": "disabled" })).await;
    let sent = send_many(&world, 2).await;
    for path in ["poller/sink", "poller/sink/consumer/c", "polling-endpoint/sink/consumer/c"] {
        assert_eq!(world.get(&format!("/app/a/{path}")).await.expect(409)["code"], "poller_disabled");
    }
    world.patch("/app/a/destination/sink", json!({ "status": "enabled" })).await.expect(200);
    assert_eq!(ids(&world.get("/app/a/poller/sink").await.expect(200)), sent);
}

#[tokio::test]
async fn a_payload_that_is_gone_is_told_and_large_ones_come_a_few_at_a_time() {
    let world = furnished(json!({})).await;
    let mut sent = Vec::new();
    for _ in 0..6 {
        let body = json!({ "eventType": "sms.dlr", "payload": { "x": "x".repeat(1_500_000) } });
        sent.push(world.post("/app/a/msg", body).await.text_of("id"));
    }
    world.delete(&format!("/app/a/msg/{}/content", sent[0])).await.expect(204);
    let (mut read, mut iterator, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = world.get(&format!("/app/a/poller/sink?iterator={iterator}")).await.expect(200);
        if pages == 0 {
            assert_eq!(page["data"][0]["payload"], json!({ "expired": true }));
        }
        pages += 1;
        read.extend(ids(&page));
        page["iterator"].as_str().unwrap().clone_into(&mut iterator);
        if page["done"] == json!(true) {
            break;
        }
    }
    assert_eq!((read, pages), (sent, 3));
}

#[tokio::test]
async fn a_message_with_nobody_else_to_take_it_is_taken_by_a_poller() {
    let world = furnished(json!({ "eventTypes": ["sms.dlr"] })).await;
    let active = async |event_type: &str| {
        let asked = json!({ "eventType": event_type });
        world.post("/app/a/msg/precheck/active", asked).await.expect(200)["active"].clone()
    };
    assert_eq!((active("sms.dlr").await, active("sms.mo").await), (json!(true), json!(false)));
}

#[tokio::test]
async fn a_place_in_one_poller_is_refused_by_another_and_nothing_is_passed_over() {
    let world = furnished(json!({})).await;
    world.post("/app/a/destination", json!({ "type": "pollingEndpoint", "uid": "other" })).await.expect(201);
    let sent = send_many(&world, 3).await;
    let place = world.get("/app/a/poller/sink").await.text_of("iterator");
    for path in ["/app/a/poller/other", "/app/a/poller/other/consumer/c"] {
        assert_eq!(world.get(&format!("{path}?iterator={place}")).await.faults(), ["query.iterator"], "{path}");
        assert_eq!(ids(&world.get(path).await.expect(200)), sent);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_place() {
    let world = furnished(json!({})).await;
    for (body, fault) in [
        (json!({}), "body.type"),
        (json!({ "type": "sqs", "config": {} }), "body.type"),
        (json!({ "type": "pollingEndpoint", "uid": "poll_1" }), "body.uid"),
        (json!({ "type": "pollingEndpoint", "eventTypes": ["a b"] }), "body.eventTypes.0"),
        (json!({ "type": "pollingEndpoint", "eventTypes": ["sms.dl"] }), "body.eventTypes.0"),
        (json!({ "type": "pollingEndpoint", "channels": ["a b"] }), "body.channels.0"),
    ] {
        assert_eq!(world.post("/app/a/destination", body.clone()).await.faults(), [fault], "{body}");
    }
    for (query, fault) in [
        ("limit=0", "query.limit"),
        ("limit=251", "query.limit"),
        ("iterator=x", "query.iterator"),
        ("iterator=-1", "query.iterator"),
        ("iterator=9223372036854775807", "query.iterator"),
        ("iterator=1.x", "query.iterator"),
        ("after=yesterday", "query.after"),
    ] {
        assert_eq!(world.get(&format!("/app/a/poller/sink?{query}")).await.faults(), [fault], "{query}");
    }
    for (query, fault) in [
        ("lease_duration_ms=999", "query.lease_duration_ms"),
        ("lease_duration_ms=43200001", "query.lease_duration_ms"),
        ("starting_position=middle", "query.starting_position"),
    ] {
        assert_eq!(lease(&world, query).await.faults(), [fault], "{query}");
    }
    let named = world.get("/app/a/poller/sink/consumer/a%20b").await;
    assert_eq!(named.faults(), ["path.consumer_id"]);
    assert_eq!(world.get("/app/a/poller/none").await.expect(404)["code"], "not_found");
    assert_eq!(commit(&world, -1).await.faults(), ["body.offset"]);
    for _ in 1..50 {
        world.post("/app/a/destination", json!({ "type": "pollingEndpoint" })).await.expect(201);
    }
    assert_eq!(world.post("/app/a/destination", json!({ "type": "pollingEndpoint" })).await.faults(), ["body.type"]);
}
