//! Figures of all applications.

use std::time::Duration;

use ringback_model::{EndpointNo, Tally};
use ringback_store::{Count, Store as _};
use serde_json::{Value, json};

use crate::harness::World;

/// Counts deliveries of an endpoint as the engine does.
async fn count(world: &World, app: &str, endpoint: &str, delivered: u64, given_up: u64) {
    let (app, no): (_, EndpointNo) = (world.app_no(app).await, world.endpoint_no(app, endpoint).await);
    let mut tally = Tally { given_up, failed: 7 * given_up, ..Tally::default() };
    (0..delivered).for_each(|_| tally.deliver(Duration::from_millis(7)));
    world.store.tally(Count { at: world.service.clock().now(), endpoints: vec![(no, app, tally)] }).await.unwrap();
}

/// Does the task to its end; what it has found out.
async fn finished(world: &World, task: &Value) -> Value {
    while world.service.work_on_tasks().await.unwrap() {}
    let done = world.get(&format!("/background-task/{}", task["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(done["status"], "finished", "{done}");
    done["data"].clone()
}

#[tokio::test]
async fn deliveries_that_ended_in_the_range_are_counted_for_each_application() {
    let world = World::new();
    let (first, second) = (world.app("a").await, world.app("b").await);
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    count(&world, &first, &endpoint, 100, 0).await;
    // Before that long, days are told apart; later, hours.
    for (days, delivered, given_up) in [(30, 10, 1), (20, 3, 2)] {
        world.advance(days * 86_400);
        count(&world, &first, &endpoint, delivered, given_up).await;
    }
    let now = world.service.clock().now();
    let ago = |days: u64| (now - Duration::from_secs(days * 86_400)).to_string();
    for (since, until, deliveries) in [(60, 0, 116), (40, 0, 16), (40, 10, 11), (1, 0, 5), (15, 10, 0)] {
        let body = json!({ "since": ago(since), "until": ago(until) });
        let task = world.post("/stats/usage/app", body).await.expect(202);
        assert_eq!((&task["task"], &task["status"]), (&json!("application.stats"), &json!("running")));
        assert_eq!(task["unresolvedAppIds"], json!([]));
        let found = finished(&world, &task).await;
        assert_eq!(
            found["appStats"],
            json!([
                { "appId": first, "appUid": "a", "messageDestinations": deliveries },
                { "appId": second, "appUid": "b", "messageDestinations": 0 },
            ]),
            "{since} to {until} days ago",
        );
    }
}

#[tokio::test]
async fn applications_are_named_by_id_or_uid_and_names_of_none_are_told() {
    let world = World::new();
    let (first, second) = (world.app("a").await, world.app("b").await);
    world.app("c").await;
    let ask = |names: Value| {
        let body = json!({ "since": "2027-01-01T00:00:00Z", "until": "2027-02-01T00:00:00Z", "appIds": names });
        world.post("/stats/usage/app", body)
    };
    let task = ask(json!(["b", "nobody", first, "b"])).await.expect(202);
    assert_eq!(task["unresolvedAppIds"], json!(["nobody"]));
    let found = finished(&world, &task).await;
    let apps: Vec<_> = found["appStats"].as_array().unwrap().iter().map(|one| one["appId"].clone()).collect();
    assert_eq!(apps, [json!(first), json!(second)]);
    assert_eq!(found["applicationsLookedAt"], 2);
    assert_eq!(ask(json!(["nobody"])).await.faults(), ["body.appIds"]);
    assert_eq!(ask(json!([])).await.faults(), ["body.appIds"]);
    let backwards = json!({ "since": "2027-02-01T00:00:00Z", "until": "2027-01-01T00:00:00Z" });
    assert_eq!(world.post("/stats/usage/app", backwards).await.faults(), ["body.until"]);

    let listed = world.get("/background-task?task=application.stats").await.expect(200);
    assert_eq!(listed["data"][0]["data"]["appStats"], Value::Null, "a list tells how far each is");
    let token = world.app_token(&first);
    let path = format!("/background-task/{}", task["id"].as_str().unwrap());
    assert_eq!(world.ask(&token, "GET", &path, &[], "").await.status, 404, "it is about others too");
    let seen = world.ask(&token, "GET", "/background-task", &[], "").await.expect(200);
    assert_eq!(seen["data"], json!([]));
}

#[tokio::test]
async fn more_applications_than_one_part_looks_at_are_all_told_after_a_restart_too() {
    let world = World::new();
    let mut apps = Vec::new();
    for at in 0..405 {
        apps.push(json!(world.app(&format!("a{at}")).await));
    }
    let task = world.put("/stats/usage/event-types", json!({})).await.expect(202);
    let named = json!({ "since": "2027-01-01T00:00:00Z", "until": "2027-02-01T00:00:00Z", "appIds": apps });
    let other = world.post("/stats/usage/app", named).await.expect(202);
    assert!(world.service.work_on_tasks().await.unwrap());
    let restarted = world.other_service();
    while restarted.work_on_tasks().await.unwrap() {}
    for (task, member) in [(task, "event_types"), (other, "appStats")] {
        let found = finished(&world, &task).await;
        let told: Vec<_> = found[member].as_array().unwrap().iter().map(|one| one["appId"].clone()).collect();
        assert_eq!(told, apps);
    }
}

#[tokio::test]
async fn the_event_types_that_endpoints_name_are_gathered_and_those_that_get_all_are_told() {
    let world = World::new();
    for name in ["user.signup", "user.deleted", "sms.dlr"] {
        world.event_type(name).await;
    }
    let (first, second) = (world.app("a").await, world.app("b").await);
    let (third, fourth) = (world.app("c").await, world.app("d").await);
    for (app, more) in [
        ("a", json!({ "eventTypes": ["user.signup", "user.deleted"] })),
        ("a", json!({ "eventTypes": ["user.deleted", "sms.*"] })),
        ("b", json!({ "eventTypes": null })),
        ("c", json!({ "product": "sms", "reportType": "dlr" })),
    ] {
        let mut body = more;
        body["url"] = json!("https://example.com/");
        world.endpoint(app, body).await;
    }
    let task = world.put("/stats/usage/event-types", json!({})).await.expect(202);
    assert_eq!(task["task"], "event-type.aggregate");
    let found = finished(&world, &task).await;
    let of = |app: &str, named: Value, all: bool| json!({ "appId": app, "explicitlySubscribedEventTypes": named, "hasCatchAllEndpoint": all });
    assert_eq!(
        found["event_types"],
        json!([
            of(&first, json!(["sms.*", "user.deleted", "user.signup"]), false),
            of(&second, json!([]), true),
            of(&third, json!([]), false),
            of(&fourth, json!([]), false),
        ])
    );
}
