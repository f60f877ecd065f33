use http::Request;
use serde_json::{Value, json};

use crate::harness::World;

/// What a customer of ANT sends, without a token of ours.
async fn say(world: &World, secret: &str, id: &str, result: &str) -> Value {
    let body = json!({ "authSecret": secret, "smsId": id, "validateResult": result });
    said(world, &body.to_string()).await
}

async fn said(world: &World, body: &str) -> Value {
    let request = Request::post("/sms/verifyCode/validate").body(body.to_owned().into()).unwrap();
    let answer = world.send(request).await;
    for secret in ["good-secret", "next-secret", "bad-secret"] {
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    answer.expect(200)
}

fn taken() -> Value {
    json!({ "msg": "SUCCESS", "code": 200 })
}

fn wrong_secret() -> Value {
    json!({ "msg": "auth secret error!", "code": -22 })
}

async fn events(world: &World, app: &str) -> Vec<Value> {
    let list = world.get(&format!("/app/{app}/msg?with_content=true")).await.expect(200);
    let mut payloads: Vec<_> = list["data"].as_array().unwrap().iter().map(|m| m["payload"].clone()).collect();
    payloads.reverse();
    payloads
}

/// Vector A12.
#[tokio::test]
async fn what_a_customer_says_of_an_otp_is_one_event_however_often_it_is_said() {
    let world = World::new();
    world.post("/app", json!({ "name": "A", "uid": "a", "feedbackSecret": "good-secret" })).await.expect(201);
    for _ in 0..3 {
        assert_eq!(say(&world, "good-secret", "d3b0", "SUCCESS").await, taken());
    }
    assert_eq!(say(&world, "bad-secret", "d3b0", "SUCCESS").await, wrong_secret());
    assert_eq!(say(&world, "good-secret", "d3b0", "FAILURE").await, taken(), "the last word comes last");
    assert_eq!(say(&world, "good-secret", "d3b1", "SUCCESS").await, taken());
    for _ in 0..2 {
        assert_eq!(say(&world, "good-secret", "d3b0", "SUCCESS").await, taken(), "also when it was said before");
    }
    let event =
        |id: &str, result: &str| json!({ "product": "otp", "message": { "id": id }, "feedback": { "result": result } });
    let expected = [("d3b0", "SUCCESS"), ("d3b0", "FAILURE"), ("d3b1", "SUCCESS"), ("d3b0", "SUCCESS")]
        .map(|(id, result)| event(id, result));
    assert_eq!(events(&world, "a").await, expected);
}

#[tokio::test]
async fn a_secret_is_of_one_application_until_it_gives_it_up() {
    let world = World::new();
    let named = |uid: &str| json!({ "name": "n", "uid": uid, "feedbackSecret": "good-secret" });
    world.post("/app", named("a")).await.expect(201);
    assert_eq!(world.post("/app", named("b")).await.faults(), ["body.feedbackSecret"]);
    world.get("/app/b").await.expect(404);
    world.app("b").await;
    let take = || world.patch("/app/b", json!({ "feedbackSecret": "good-secret" }));
    assert_eq!(take().await.faults(), ["body.feedbackSecret"]);
    world.patch("/app/a", json!({ "name": "other" })).await.expect(200);
    assert_eq!(say(&world, "good-secret", "1", "SUCCESS").await, taken());
    // Another secret takes the place of the first, which is free.
    world.patch("/app/a", json!({ "feedbackSecret": "next-secret" })).await.expect(200);
    assert_eq!(say(&world, "good-secret", "2", "SUCCESS").await, wrong_secret());
    assert_eq!(say(&world, "next-secret", "2", "SUCCESS").await, taken());
    take().await.expect(200);
    assert_eq!(say(&world, "good-secret", "3", "SUCCESS").await, taken());
    assert_eq!((events(&world, "a").await.len(), events(&world, "b").await.len()), (2, 1));
    // What is deleted or taken away says nothing any more.
    world.delete("/app/a").await.expect(204);
    world.patch("/app/b", json!({ "feedbackSecret": null })).await.expect(200);
    for secret in ["good-secret", "next-secret"] {
        assert_eq!(say(&world, secret, "4", "SUCCESS").await, wrong_secret());
    }
}

#[tokio::test]
async fn an_application_that_is_made_again_with_its_key_keeps_its_secret() {
    let world = World::new();
    let body = json!({ "name": "A", "uid": "a", "feedbackSecret": "good-secret" });
    let ask = || world.ask(&world.token, "POST", "/app", &[("idempotency-key", "k")], body.to_string());
    let made = ask().await;
    assert_eq!(ask().await.expect(201), made.expect(201));
    assert_eq!(say(&world, "good-secret", "1", "SUCCESS").await, taken());
}

#[tokio::test]
async fn what_makes_no_sense_is_told_in_the_words_of_the_interface() {
    let world = World::new();
    world.post("/app", json!({ "name": "A", "uid": "a", "feedbackSecret": "good-secret" })).await.expect(201);
    for (body, word) in [
        ("", "JSON"),
        (r#"["good-secret","1","SUCCESS"]"#, "JSON"),
        (r#"{"authSecret":7}"#, "authSecret is a text"),
        (r#"{"authSecret":"good-secret","smsId":"1","validateResult":"success"}"#, "SUCCESS or FAILURE"),
        (r#"{"authSecret":"good-secret","validateResult":"SUCCESS"}"#, "smsId"),
    ] {
        let answer = said(&world, body).await;
        assert_eq!(answer["code"], -1, "{answer}");
        assert!(answer["msg"].as_str().unwrap().contains(word), "{answer}");
    }
    assert_eq!(said(&world, &" ".repeat(20_000)).await["code"], -1, "too long");
    assert_eq!(events(&world, "a").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_wrong_is_told_by_name_and_in_the_form_of_this_path() {
    let world = World::new();
    for (body, word) in [
        (r#"{"authSecret":"good-secret","smsId":5,"validateResult":"SUCCESS"}"#, "smsId is a text"),
        (r#"{"authSecret":5,"smsId":"1","validateResult":"SUCCESS"}"#, "authSecret is a text"),
        (r#"{"authSecret":"good-secret","smsId":"1","smsId":"1","validateResult":"SUCCESS"}"#, "smsId"),
        (r#"{"authSecret":"good-secret""#, "no JSON of this shape"),
    ] {
        let answer = said(&world, body).await;
        assert_eq!(answer["code"], -1, "{body}");
        assert!(answer["msg"].as_str().unwrap().contains(word), "{answer}");
    }
    let answer = world.send(Request::get("/sms/verifyCode/validate").body(Vec::new().into()).unwrap()).await;
    let body = answer.expect(405);
    assert_eq!((&body["code"], answer.headers["allow"].to_str().unwrap()), (&json!(-1), "POST"));
    let answer = world.send(Request::get("/oauth/token").body(Vec::new().into()).unwrap()).await;
    let body = answer.expect(405);
    assert_eq!((&body["error"], answer.headers["allow"].to_str().unwrap()), (&json!("invalid_request"), "POST"));
    assert!(body["error_description"].as_str().unwrap().contains("POST"), "{body}");
}
