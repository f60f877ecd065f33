//! Operational webhooks: what happens to endpoints and deliveries, told to the organization.

use std::time::Duration;

use ringback_model::{DEFAULT_ORGANIZATION, SeededRandom};
use ringback_service::{Service, TokenSubject};
use ringback_store::Store as _;
use ringback_testkit::{Answer, Receiver};
use serde_json::{Value, json};

use crate::harness::{START, World};

const MANAGEMENT: &str = "org_00000000000SvixManagement00";

/// What was told so far, the oldest first. What was noticed is told now.
async fn told(world: &World) -> Vec<(String, Value)> {
    told_by(world, &world.service).await
}

async fn told_by(world: &World, service: &Service) -> Vec<(String, Value)> {
    while service.tell_some_notices().await.unwrap() > 0 {}
    let subject = TokenSubject::Organization(MANAGEMENT.parse().unwrap());
    // These stories last for days.
    let token = world.key.mint(&subject, START, Duration::from_secs(86_400 * 365), &SeededRandom::new(9)).unwrap();
    let path = format!("/app/{DEFAULT_ORGANIZATION}/msg?limit=250");
    let list = world.ask(token.reveal(), "GET", &path, &[], "").await.expect(200);
    let mut told: Vec<_> = list["data"].as_array().unwrap().clone();
    told.reverse();
    told.into_iter()
        .map(|message| {
            assert_eq!(message["eventType"], message["payload"]["type"]);
            (message["eventType"].as_str().unwrap().to_owned(), message["payload"]["data"].clone())
        })
        .collect()
}

async fn types(world: &World) -> Vec<String> {
    told(world).await.into_iter().map(|(event_type, _)| event_type).collect()
}

/// Turns the clock until so much was told.
async fn wait_for(world: &World, event_type: &str) -> Vec<(String, Value)> {
    for _ in 0..600 {
        let told = told(world).await;
        if told.iter().any(|(found, _)| found == event_type) {
            return told;
        }
        world.advance(1_800);
        // Asked how it stands, the engine looks at the clock. An attempt that is under way goes on meanwhile.
        let watch = world.running.as_ref().unwrap().0.watch();
        while watch.state().await.unwrap().load.uncommitted + watch.state().await.unwrap().load.running > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    panic!("{event_type} was never told: {:?}", types(world).await);
}

async fn listening() -> (World, Receiver) {
    let world = World::running();
    let receiver = Receiver::start().await.unwrap();
    let webhook =
        json!({"url": receiver.url("/operations"), "filterTypes": ["endpoint.created", "message.attempt.exhausted"]});
    world.post("/operational-webhook/endpoint", webhook).await.expect(201);
    (world, receiver)
}

#[tokio::test]
async fn a_type_that_operational_webhooks_do_not_have_is_not_one_to_be_made() {
    let world = World::running();
    let webhook = json!({"url": "https://example.com/", "filterTypes": ["endpoint.dsabled"]});
    let refused = world.post("/operational-webhook/endpoint", webhook).await.expect(422);
    let words = refused["detail"][0]["msg"].as_str().unwrap();
    assert!(words.contains("`endpoint.disabled`") && !words.contains("POST"), "{words}");
}

#[tokio::test]
async fn types_of_operational_webhooks_are_there_however_their_application_was_made() {
    let world = World::running();
    let manager = world.token_of(ringback_service::MANAGEMENT_ORGANIZATION.parse().unwrap());
    let app = json!({"name": "op", "uid": DEFAULT_ORGANIZATION});
    world.ask(&manager, "POST", "/app", &[], app.to_string()).await.expect(201);
    let webhook = json!({"url": "https://example.com/", "filterTypes": ["endpoint.disabled"]});
    world.post("/operational-webhook/endpoint", webhook).await.expect(201);
    let types = world.ask(&manager, "GET", "/event-type", &[], "").await.expect(200);
    assert!(types["data"].as_array().unwrap().iter().any(|known| known["name"] == "endpoint.disabled"), "{types}");
}

#[tokio::test]
async fn what_becomes_of_an_endpoint_is_told_once_each_and_delivered_like_any_message() {
    let (world, receiver) = listening().await;
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({"url": "https://example.com/", "uid": "hook"})).await;
    let path = "/app/a/endpoint/hook";
    world.patch(path, json!({"description": "x"})).await.expect(200);
    world.patch(path, json!({"disabled": true})).await.expect(200);
    world.patch(path, json!({"disabled": false})).await.expect(200);
    world.delete(path).await.expect(204);
    let told = told(&world).await;
    let types: Vec<_> = told.iter().map(|(event_type, _)| event_type.as_str()).collect();
    let expected = [
        "endpoint.created",
        "endpoint.updated",
        "endpoint.updated",
        "endpoint.disabled",
        "endpoint.updated",
        "endpoint.enabled",
        "endpoint.deleted",
    ];
    assert_eq!(types, expected);
    let of = json!({"appId": app, "appUid": "a", "endpointId": endpoint, "endpointUid": "hook"});
    assert_eq!((&told[0].1, &told[6].1), (&of, &of));
    assert_eq!(told[3].1["trigger"], "manual");
    assert!(told[3].1["failSince"].as_str().is_some_and(|at| at.starts_with("2027-01-15T")), "{}", told[3].1);
    let arrived = receiver.wait_for(1, Duration::from_secs(10)).await.unwrap();
    let body: Value = serde_json::from_slice(&arrived[0].body).unwrap();
    assert_eq!(body, json!({"type": "endpoint.created", "data": of}));
    assert!(arrived[0].headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn a_delivery_that_fails_is_told_when_it_is_failing_and_when_it_is_given_up_and_the_endpoint_when_it_is_disabled()
{
    let (world, receiver) = listening().await;
    receiver.answer("/bad", Answer::status(500));
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({"url": receiver.url("/bad")})).await;
    let message = world.message("a", "t").await;
    let told = wait_for(&world, "message.attempt.exhausted").await;
    let of = |wanted: &str| told.iter().filter(|(found, _)| found == wanted).map(|(_, data)| data).collect::<Vec<_>>();
    for event_type in ["message.attempt.failing", "message.attempt.exhausted"] {
        let [data] = of(event_type)[..] else { panic!("{event_type}: {told:?}") };
        assert_eq!(
            (&data["appId"], &data["endpointId"], &data["msgId"]),
            (&json!(app), &json!(endpoint), &json!(message))
        );
        assert_eq!(data["lastAttempt"]["responseStatusCode"], 500);
        assert!(data["lastAttempt"]["id"].as_str().unwrap().starts_with("atmpt_"));
    }
    world.advance(86_400 * 6);
    world.message("a", "t").await;
    let told = wait_for(&world, "endpoint.disabled").await;
    let disabled = &told.iter().find(|(found, _)| found == "endpoint.disabled").unwrap().1;
    assert_eq!((&disabled["endpointId"], &disabled["trigger"]), (&json!(endpoint), &json!("automatic")));
}

#[tokio::test]
async fn a_delivery_that_comes_through_after_it_was_failing_is_told() {
    let (world, receiver) = listening().await;
    receiver.fail_then_succeed("/late", 4, 503);
    world.app("a").await;
    world.endpoint("a", json!({"url": receiver.url("/late")})).await;
    world.message("a", "t").await;
    wait_for(&world, "message.attempt.recovered").await;
    let count = |types: &[String], wanted: &str| types.iter().filter(|found| *found == wanted).count();
    let types = types(&world).await;
    assert_eq!(
        (count(&types, "message.attempt.failing"), count(&types, "message.attempt.recovered")),
        (1, 1),
        "{types:?}"
    );
}

#[tokio::test]
async fn what_was_noticed_before_a_crash_is_told_after_it() {
    let (world, receiver) = listening().await;
    receiver.answer("/gone", Answer::status(410));
    world.app("a").await;
    let endpoint = world.endpoint("a", json!({"url": receiver.url("/gone")})).await;
    world.message("a", "t").await;
    // That of the operational webhook itself, which nobody is told of, and three more.
    while world.store.notices(10).await.unwrap().len() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Another process on the same store: nothing of what this one had in memory.
    let other = world.other_service();
    // Both tell what neither has let go of yet, and each thing is told once.
    let (one, two) = tokio::join!(other.tell_some_notices(), world.service.tell_some_notices());
    assert_eq!((one.unwrap(), two.unwrap()), (4, 4));
    let mut told = told_by(&world, &other).await;
    // Two that tell at once may overtake each other.
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    let types: Vec<_> = told.iter().map(|(event_type, _)| event_type.as_str()).collect();
    assert_eq!(types, ["endpoint.created", "endpoint.disabled", "message.attempt.exhausted"]);
    assert_eq!((&told[1].1["trigger"], &told[1].1["endpointId"]), (&json!("automatic"), &json!(endpoint)));
    assert_eq!(world.store.notices(10).await.unwrap(), []);
}

#[tokio::test]
async fn nobody_is_told_who_has_not_asked_and_nothing_of_the_webhooks_themselves() {
    let world = World::running();
    world.app("a").await;
    world.endpoint("a", json!({"url": "https://example.com/"})).await;
    assert_eq!(world.service.tell_some_notices().await.unwrap(), 1, "it is let go of");
    let list = world.get("/operational-webhook/endpoint").await.expect(200);
    assert_eq!(list, json!({"data": [], "iterator": null, "prevIterator": null, "done": true}));
    let webhook =
        world.post("/operational-webhook/endpoint", json!({"url": "https://example.com/"})).await.text_of("id");
    assert_eq!(types(&world).await, Vec::<String>::new());
    assert_eq!(world.get("/operational-webhook/endpoint").await.expect(200)["data"][0]["id"], json!(webhook));
    let other = world.token_of("org_000000000000000000000000001".parse().unwrap());
    let path = format!("/operational-webhook/endpoint/{webhook}");
    assert_eq!(world.ask(&other, "GET", &path, &[], "").await.status, 404, "of another organization");
    world.delete(&path).await.expect(204);
}
