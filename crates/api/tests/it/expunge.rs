//! Removing the contents of many messages.

use serde_json::{Value, json};

use crate::harness::World;

async fn work(world: &World) {
    while world.service.work_on_tasks().await.unwrap() {}
}

async fn payload(world: &World, app: &str, id: &str) -> Value {
    world.get(&format!("/app/{app}/msg/{id}")).await.expect(200)["payload"].clone()
}

async fn start(world: &World, app: &str) -> String {
    let task = world.post(&format!("/app/{app}/msg/expunge-all-contents"), json!({})).await.expect(202);
    assert_eq!((&task["task"], &task["status"]), (&json!("application.purge_content"), &json!("running")));
    task["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_payloads_of_named_messages_go_and_each_name_is_told_what_became_of_it() {
    let world = World::new();
    world.app("a").await;
    world.app("b").await;
    let (gone, kept, foreign) =
        (world.message("a", "t").await, world.message("a", "t").await, world.message("b", "t").await);
    let by_event = json!({ "eventType": "t", "payload": { "a": 1 }, "eventId": "order-7" });
    world.post("/app/a/msg", by_event).await.expect(202);
    let ids = json!({ "ids": [gone, "order-7", foreign, "nothing", gone] });
    let results = world.post("/app/a/msg/bulk-expunge", ids).await.expect(200);
    let expected = json!({ "results": {
        gone.clone(): "expunged", "order-7": "expunged", foreign.clone(): "not-found", "nothing": "not-found",
    }});
    assert_eq!(results, expected);
    for (app, id, is_gone) in [("a", &*gone, true), ("a", "order-7", true), ("a", &kept, false), ("b", &foreign, false)]
    {
        let expected = if is_gone { json!({ "expired": true }) } else { json!({ "a": 1 }) };
        assert_eq!(payload(&world, app, id).await, expected, "{app} {id}");
    }
    for nobody in [json!({}), json!({ "msgIds": ["m"] })] {
        assert_eq!(world.post("/app/a/msg/bulk-expunge", nobody).await.faults(), ["body.ids"]);
    }
    let many: Vec<_> = (0..501).map(|at| at.to_string()).collect();
    assert_eq!(world.post("/app/a/msg/bulk-expunge", json!({ "ids": many })).await.faults(), ["body.ids"]);
}

#[tokio::test]
async fn all_payloads_that_are_there_go_in_the_background_over_a_restart_and_none_that_comes_later() {
    let world = World::new();
    let app = world.app("a").await;
    world.app("b").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let messages: Vec<_> = (0..250).map(|_| json!({ "eventType": "t", "payload": { "a": 1 } })).collect();
    let accepted = world.post("/app/a/msg/batch", json!({ "messages": messages })).await.expect(202);
    let ids: Vec<_> =
        accepted["data"].as_array().unwrap().iter().map(|one| one["message"]["id"].as_str().unwrap()).collect();
    let foreign = world.message("b", "t").await;
    world.attempt(&app, &endpoint, ids[0], 200).await;
    world.delete(&format!("/app/a/msg/{}/content", ids[1])).await.expect(204);
    let task = start(&world, "a").await;
    world.advance(1);
    let later = world.message("a", "t").await;

    assert!(world.service.work_on_tasks().await.unwrap());
    let path = format!("/background-task/{task}");
    let half = world.get(&path).await.expect(200);
    assert_eq!((&half["status"], &half["data"]["messagesPurged"]), (&json!("running"), &json!(99)));
    let restarted = world.other_service();
    while restarted.work_on_tasks().await.unwrap() {}

    let done = world.get(&path).await.expect(200);
    assert_eq!(
        (&done["status"], &done["data"]["messagesPurged"], &done["data"]["messagesLookedAt"]),
        (&json!("finished"), &json!(249), &json!(250))
    );
    for id in &ids {
        assert_eq!(payload(&world, "a", id).await, json!({ "expired": true }), "{id}");
    }
    assert_eq!(payload(&world, "a", &later).await, json!({ "a": 1 }));
    assert_eq!(payload(&world, "b", &foreign).await, json!({ "a": 1 }));
    // What was sent is still told; what was not has failed.
    let status = async |id: &str| {
        let list = world.get(&format!("/app/a/msg/{id}/endpoint")).await.expect(200);
        list["data"][0]["statusText"].as_str().unwrap().to_owned()
    };
    assert_eq!((&*status(ids[0]).await, &*status(ids[2]).await), ("success", "fail"));
}

#[tokio::test]
async fn nothing_of_what_was_removed_is_found_by_a_search_however_large_the_payloads_are() {
    let world = World::new();
    world.app("a").await;
    let send = async |id: &str| {
        let report = json!({
            "product": "sms",
            "message": { "id": id, "to": "+41790000000", "status": "delivered" },
            "padding": "x".repeat(1_500_000),
        });
        world.post("/app/a/msg", json!({ "eventType": "sms.dlr", "payload": report })).await.text_of("id")
    };
    let all = ["m-1", "m-2", "m-3", "m-4", "m-5"];
    for id in all {
        send(id).await;
    }
    world.advance(6);
    while world.service.read_some_words().await.unwrap() > 0 {}
    let found = async |word: &str| {
        let list = world.get(&format!("/app/a/msg?search={word}&with_content=false")).await.expect(200);
        list["data"].as_array().unwrap().len()
    };
    assert_eq!((found("m-1").await, found("m-5").await), (1, 1));
    let task = start(&world, "a").await;
    work(&world).await;
    let done = world.get(&format!("/background-task/{task}")).await.expect(200);
    assert_eq!((&done["status"], &done["data"]["messagesPurged"]), (&json!("finished"), &json!(5)));
    for word in all {
        assert_eq!(found(word).await, 0, "{word}");
    }
}

#[tokio::test]
async fn a_task_of_an_application_that_is_deleted_says_so_and_a_request_is_carried_out_once() {
    let world = World::new();
    world.app("a").await;
    let headers = [("idempotency-key", "once")];
    let ask = || world.ask(&world.token, "POST", "/app/a/msg/expunge-all-contents", &headers, "");
    let (task, again) = (ask().await.text_of("id"), ask().await.text_of("id"));
    assert_eq!(task, again);
    world.delete("/app/a").await.expect(204);
    work(&world).await;
    let failed = world.get(&format!("/background-task/{task}")).await.expect(200);
    assert_eq!(
        (&failed["status"], &failed["data"]["failure"]),
        (&json!("failed"), &json!("the application was deleted"))
    );
}
