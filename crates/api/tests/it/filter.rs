//! Filters of endpoints by what a message says.

use serde_json::{Value, json};

use crate::harness::World;

const FILTER: &str = r#"{"payload": {"message": {"status": {"$in": ["delivered", "failed"]}}}, "channel": "north"}"#;

fn filter() -> Value {
    serde_json::from_str(FILTER).unwrap()
}

async fn send(world: &World, status: &str, channel: &str) -> String {
    let payload = json!({ "message": { "status": status } });
    let body = json!({ "eventType": "sms.dlr", "payload": payload, "channels": [channel] });
    world.post("/app/a/msg", body).await.text_of("id")
}

async fn chapter(world: &World, message: &str) -> Value {
    world.get(&format!("/app/a/msg/{message}/story")).await.expect(200)["endpoints"][0].clone()
}

async fn world() -> World {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://a.example/", "uid": "e", "filter": filter() })).await;
    world
}

#[tokio::test]
async fn a_message_goes_where_the_filter_lets_it_through_and_the_story_tells_each_condition() {
    let world = world().await;
    let through = chapter(&world, &send(&world, "failed", "north").await).await;
    assert_eq!(through["matched"], true);
    assert_eq!(through["conditions"][0]["found"], r#""failed""#);

    let kept_away = chapter(&world, &send(&world, "sent", "north").await).await;
    assert_eq!((&kept_away["matched"], &kept_away["filter"]), (&json!(false), &json!("filter")));
    let reason = kept_away["reason"].as_str().unwrap();
    let says = r#"`payload.message.status $in ["delivered","failed"]` is not met: it is "sent""#;
    assert!(reason.contains(says), "{reason}");
    let met: Vec<_> = kept_away["conditions"].as_array().unwrap().iter().map(|c| c["met"].clone()).collect();
    assert_eq!(met, [json!(false), json!(true)]);

    assert_eq!(chapter(&world, &send(&world, "failed", "south").await).await["matched"], false);
}

#[tokio::test]
async fn a_filter_is_shown_as_it_was_written_and_null_takes_it_away() {
    let world = world().await;
    let get = async || world.get("/app/a/endpoint/e").await.expect(200)["filter"].clone();
    assert_eq!(get().await.to_string(), FILTER.replace(": ", ":").replace(", ", ","));
    world.patch("/app/a/endpoint/e", json!({ "description": "d" })).await.expect(200);
    assert_eq!(get().await, filter(), "what is not named stays");
    world.patch("/app/a/endpoint/e", json!({ "filter": null })).await.expect(200);
    assert_eq!(get().await, Value::Null);
    assert_eq!(chapter(&world, &send(&world, "sent", "south").await).await["matched"], true);
}

#[tokio::test]
async fn what_is_no_filter_is_refused_with_its_place() {
    let world = world().await;
    let wrong = json!({ "payload": { "a": { "$gtt": 1 } } });
    let answer = world.patch("/app/a/endpoint/e", json!({ "filter": wrong })).await;
    assert_eq!(answer.faults(), ["body.filter.payload.a.$gtt"]);
    assert!(answer.text.contains("is it `$gt`?"), "{}", answer.text);
    let answer = world.patch("/app/a/endpoint/e", json!({ "filter": "all" })).await;
    assert_eq!(answer.faults(), ["body.filter"]);
    let long = json!({ "payload": { "a": "x".repeat(20_000) } });
    assert_eq!(world.patch("/app/a/endpoint/e", json!({ "filter": long })).await.faults(), ["body.filter"]);
}

#[tokio::test]
async fn a_filter_can_be_tried_on_a_message_before_it_is_kept() {
    let world = world().await;
    let message = send(&world, "failed", "south").await;
    let path = format!("/app/a/msg/{message}/filter");
    let tried = world.post(&path, json!({ "filter": filter() })).await.expect(200);
    assert_eq!(tried["matched"], false);
    assert_eq!(
        tried["conditions"][1],
        json!({"condition": "channel $eq \"north\"", "found": "[\"south\"]", "met": false})
    );
    let either = json!({ "$or": [filter(), { "type": "sms.dlr" }] });
    assert_eq!(world.post(&path, json!({ "filter": either })).await.expect(200)["matched"], true);
    world.post("/app/a/msg/none/filter", json!({ "filter": filter() })).await.expect(404);
    assert_eq!(world.post(&path, json!({ "filter": { "a": 1 } })).await.faults(), ["body.filter.a"]);
    assert_eq!(world.post(&path, json!({})).await.faults(), ["body.filter"]);
    assert_eq!(world.get("/app/a/endpoint/e").await.expect(200)["filter"], filter(), "nothing is kept of it");
}

#[tokio::test]
async fn what_a_filter_kept_away_comes_with_replay_missing_when_the_filter_has_changed() {
    let world = world().await;
    send(&world, "sent", "north").await;
    let replay = async || {
        let task = world.post("/app/a/endpoint/e/replay-missing", json!({ "since": "2027-01-01T00:00:00Z" })).await;
        task.expect(202);
        while world.service.work_on_tasks().await.unwrap() {}
        let task = world.get(&format!("/background-task/{}", task.text_of("id"))).await.expect(200);
        task["data"]["deliveriesChanged"].clone()
    };
    assert_eq!(replay().await, 0);
    world.patch("/app/a/endpoint/e", json!({ "filter": { "channel": "north" } })).await.expect(200);
    assert_eq!(replay().await, 1);
}
