use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::{Value, json};

use crate::harness::World;

const TEST: &str = "/app/a/endpoint/test";
const PREVIEW: &str = "/app/a/endpoint/preview";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn world() -> (World, Receiver) {
    let world = World::new();
    world.app("a").await;
    (world, Receiver::start().await.unwrap())
}

fn event(url: &str) -> Value {
    json!({ "url": url, "eventType": "x.y", "payload": { "b": 1.0, "a": "é" } })
}

#[tokio::test]
async fn what_is_tried_may_have_the_payloads_that_messages_may_and_no_others() {
    let (world, _receiver) = world().await;
    let with = |payload: &str| format!(r#"{{"url":"https://example.com/","eventType":"x.y","payload":{payload}}}"#);
    for payload in [r#"{"a":1e400}"#, r#"{"a":"\ud800"}"#, r#"{"a":1,"a":2}"#] {
        let shown = world.ask(&world.token, "POST", PREVIEW, &[], with(payload)).await.expect(200);
        assert_eq!(shown["request"]["body"], payload);
    }
    for payload in [r#""x""#, "[1]", "5"] {
        let refused = world.ask(&world.token, "POST", PREVIEW, &[], with(payload)).await;
        assert_eq!(refused.faults(), ["body.payload"], "{payload}");
    }
    let twice = r#"{"url":"https://example.com/","payload":{},"url":"https://example.com/"}"#;
    assert_eq!(world.ask(&world.token, "POST", PREVIEW, &[], twice.to_owned()).await.faults(), ["body.url"]);
}

/// Vector C15.
#[tokio::test]
async fn a_test_of_an_unsaved_endpoint_is_the_request_of_a_delivery_and_leaves_nothing_behind() {
    let (world, receiver) = world().await;
    receiver.answer("/hook", Reply::status(201).header("x-seen", "yes").body("ok"));
    let body = format!(
        r#"{{"url":"{}","secret":"{SECRET}","headers":{{"X-Env":"prod"}},"eventType":"x.y","payload":{{ "b":1.0,"a":"é"}}}}"#,
        receiver.url("/hook?k=1")
    );
    let answer = world.ask(&world.token, "POST", TEST, &[], body).await.expect(200);
    let requests = receiver.requests();
    assert_eq!((requests.len(), requests[0].method.as_str()), (1, "POST"));
    assert_eq!((requests[0].target.as_str(), requests[0].text().as_str()), ("/hook?k=1", r#"{ "b":1.0,"a":"é"}"#));
    assert_eq!((requests[0].header("x-webhook-test"), requests[0].header("x-env")), (Some("true"), Some("prod")));
    requests[0].verify(SECRET).unwrap();
    assert_eq!(answer["request"]["method"], "POST");
    assert_eq!(answer["request"]["url"], receiver.url("/hook?k=1"));
    assert_eq!(answer["request"]["body"], r#"{ "b":1.0,"a":"é"}"#);
    assert_eq!(answer["request"]["headers"]["x-webhook-test"], "true");
    assert_eq!(answer["response"]["status"], 201);
    assert_eq!((&answer["response"]["body"], &answer["response"]["headers"]["x-seen"]), (&json!("ok"), &json!("yes")));
    assert_eq!((&answer["verdict"]["class"], &answer["verdict"]["advice"]), (&json!("success"), &json!("")));
    assert!(answer["timings"]["firstByte"].as_f64().unwrap() > 0.0 && answer["timings"]["connect"].is_number());
    assert_eq!(world.get("/app/a/endpoint").await.expect(200)["data"], json!([]));
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_test_goes_without_its_header_where_it_is_asked_to() {
    let (world, receiver) = world().await;
    let mut body = event(&receiver.url("/hook"));
    for (said, header) in [(json!(null), Some("true")), (json!(true), Some("true")), (json!(false), None)] {
        body["testHeader"] = said;
        let answer = world.post(TEST, body.clone()).await.expect(200);
        assert_eq!(receiver.requests().last().unwrap().header("x-webhook-test"), header);
        assert_eq!(answer["request"]["headers"].get("x-webhook-test").is_some(), header.is_some());
    }
    body["testHeader"] = json!("no");
    assert_eq!(world.post(TEST, body).await.faults(), ["body.testHeader"]);
}

#[tokio::test]
async fn a_payload_that_is_given_is_held_against_the_filter() {
    let (world, receiver) = world().await;
    let mut body = event(&receiver.url("/hook"));
    body["filter"] = json!({ "payload": { "b": 2 } });
    let answer = world.post(PREVIEW, body.clone()).await.expect(200);
    assert!(answer["warnings"][0].as_str().unwrap().contains("`filter`"), "{answer}");
    body["filter"] = json!({ "payload": { "b": 1 } });
    assert_eq!(world.post(PREVIEW, body).await.expect(200).get("warnings"), None);
}

#[tokio::test]
async fn a_preview_is_the_same_without_being_sent() {
    let (world, receiver) = world().await;
    let preview = world.post(PREVIEW, event(&receiver.url("/hook"))).await.expect(200);
    let test = world.post(TEST, event(&receiver.url("/hook"))).await.expect(200);
    assert_eq!(receiver.requests().len(), 1, "only the test was sent");
    for member in ["method", "url", "body"] {
        assert_eq!(preview["request"][member], test["request"][member]);
    }
    let names = |answer: &Value| answer["request"]["headers"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&preview), names(&test));
    assert!(preview.get("response").is_none());
}

#[tokio::test]
async fn a_saved_endpoint_is_tested_with_what_is_changed_for_this_once() {
    let (world, receiver) = world().await;
    let saved =
        json!({ "url": receiver.url("/saved"), "uid": "e", "headers": { "authorization": "Bearer hush-hush" } });
    world.endpoint("a", saved).await;
    receiver.answer("/saved", Reply::status(200).body("I saw Bearer hush-hush"));
    let ask = json!({ "endpointId": "e", "eventType": "x.y", "payload": {} });
    let answer = world.post(TEST, ask).await.expect(200);
    assert_eq!(receiver.requests()[0].header("authorization"), Some("Bearer hush-hush"));
    assert_eq!(answer["request"]["headers"]["authorization"], "Bearer ****");
    assert!(!answer.to_string().contains("hush-hush"), "{answer}");
    let ask = json!({ "endpointId": "e", "url": receiver.url("/other"), "eventType": "x.y", "payload": {} });
    world.post(TEST, ask).await.expect(200);
    assert_eq!(receiver.requests()[1].target, "/other");
    assert_eq!(world.get("/app/a/endpoint/e").await.expect(200)["url"], receiver.url("/saved"));
}

#[tokio::test]
async fn a_token_that_was_fetched_is_shown_masked_and_no_form_of_it_comes_back() {
    let (world, receiver) = world().await;
    let server = r#"{"access_token":"t0k/en+7","token_type":"Bearer"}"#;
    receiver.answer("/token", Reply::status(200).body(server));
    let echo = r#"{"seen":"Bearer t0k\/en+7","again":"t0k%2Fen%2B7","basic":"bWU6czNjcmV0LTE="}"#;
    receiver.answer("/hook", Reply::status(401).header("www-authenticate", "t0k/en+7").body(echo));
    let auth =
        json!({ "type": "oauth2", "tokenUrl": receiver.url("/token"), "clientId": "me", "clientSecret": "s3cret-1" });
    let mut ask = event(&receiver.url("/hook"));
    ask["auth"] = auth;
    let preview = world.post(PREVIEW, ask.clone()).await.expect(200);
    assert_eq!(preview["request"]["headers"]["authorization"], "Bearer ****");
    let answer = world.post(TEST, ask).await.expect(200);
    assert_eq!(receiver.requests_to("/hook")[0].header("authorization"), Some("Bearer t0k/en+7"));
    assert_eq!(answer["request"]["headers"]["authorization"], "Bearer ****");
    assert_eq!(answer["response"]["body"], r#"{"seen":"Bearer ****","again":"****","basic":"****="}"#);
    let advice = answer["verdict"]["advice"].as_str().unwrap();
    assert!(advice.starts_with("Compare the secret in `auth`") && !advice.contains("t0k"), "{advice}");
}

/// Vector A9: what the test says of 405.
#[tokio::test]
async fn a_receiver_that_takes_get_alone_gets_the_advice_to_switch_to_it() {
    let (world, receiver) = world().await;
    receiver.answer("/hook", Reply::status(405).header("allow", "GET"));
    let verdict = &world.post(TEST, event(&receiver.url("/hook"))).await.expect(200)["verdict"];
    assert_eq!(verdict["class"], "method");
    assert_eq!(verdict["advice"], "Switch the send method to GET.");
    receiver.answer("/hook", Reply::status(302).header("location", "https://b.example/"));
    let verdict = &world.post(TEST, event(&receiver.url("/hook"))).await.expect(200)["verdict"];
    assert_eq!(verdict["class"], "redirect");
    assert!(verdict["advice"].as_str().unwrap().contains("https://b.example/"));
    assert_eq!(receiver.requests().len(), 2, "a redirect is not followed");
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_is_a_verdict_and_no_error() {
    let (world, _) = world().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, class) in [
        (format!("http://{gone}/"), "connect"),
        ("http://nowhere.example/".to_owned(), "dns"),
        ("http://10.0.0.1/".to_owned(), "denied"),
    ] {
        let answer = world.post(TEST, event(&url)).await.expect(200);
        assert_eq!(answer["verdict"]["class"], class, "{answer}");
        assert!(answer["response"].is_null());
    }
}

#[tokio::test]
async fn ten_tests_a_minute_are_allowed_and_the_eleventh_is_told_when_to_come_back() {
    let (world, receiver) = world().await;
    let body = event(&receiver.url("/hook"));
    for _ in 0..10 {
        world.post(TEST, body.clone()).await.expect(200);
    }
    let refused = world.post(TEST, body.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "60"));
    assert_eq!(refused.text_of("code"), "rate_limited");
    world.post(PREVIEW, body.clone()).await.expect(200);
    world.app("b").await;
    world.post("/app/b/endpoint/test", body.clone()).await.expect(200);
    world.advance(60);
    world.post(TEST, body).await.expect(200);
    assert_eq!(receiver.requests().len(), 12);
}

#[tokio::test]
async fn what_cannot_be_tested_is_told_with_the_member_at_fault() {
    let (world, receiver) = world().await;
    let url = receiver.url("/hook");
    for (body, fault) in [
        (json!({ "eventType": "x.y", "payload": {} }), "body.url"),
        (json!({ "url": "ftp://a/", "eventType": "x.y", "payload": {} }), "body.url"),
        (json!({ "url": url, "payload": {} }), "body.eventType"),
        (json!({ "url": url, "eventType": "x y", "payload": {} }), "body.eventType"),
        (json!({ "url": url, "eventType": "x.y" }), "body.payload"),
        (json!({ "url": url, "dialect": "ant", "eventType": "whatsapp.mo" }), "body.eventType"),
        (json!({ "url": url, "dialect": "ant", "eventType": "x.y", "payload": {} }), "body.eventType"),
        (json!({ "url": url, "dialect": "ant", "eventType": "sms.dlr", "payload": {} }), "body.payload"),
        (json!({ "url": url, "eventType": "x.y", "payload": {}, "timeout": "0s" }), "body.timeout"),
        (json!({ "endpointId": "nobody", "eventType": "x.y", "payload": {} }), "body.endpointId"),
    ] {
        assert_eq!(world.post(TEST, body.clone()).await.faults(), [fault], "{body}");
        assert_eq!(world.post(PREVIEW, body).await.faults(), [fault]);
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn an_endpoint_may_be_called_test_and_no_other_takes_a_post() {
    let (world, _) = world().await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "test" })).await;
    assert_eq!(world.get("/app/a/endpoint/test").await.expect(200)["uid"], "test");
    let refused = world.post("/app/a/endpoint/other", json!({})).await;
    refused.expect(405);
    assert_eq!(refused.headers["allow"], "GET,HEAD,PUT,PATCH,DELETE");
}

#[tokio::test]
async fn a_test_needs_a_token_of_the_application() {
    let (world, receiver) = world().await;
    let other = world.app("b").await;
    let token = world.app_token(&other);
    let body = event(&receiver.url("/hook")).to_string();
    assert_eq!(world.ask(&token, "POST", TEST, &[], body).await.status.as_u16(), 404);
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn a_state_that_the_endpoint_would_not_get_by_itself_is_tried_and_said_to_be_one() {
    let (world, receiver) = world().await;
    let event = |dialect: &str, policy: Value, status: Value| {
        let payload = json!({ "product": "sms", "message": { "id": "1", "to": "1", "status": status } });
        json!({ "url": receiver.url("/hook"), "dialect": dialect, "statusPolicy": policy, "eventType": "sms.dlr", "payload": payload })
    };
    let sentence = "The endpoint would not get this event by itself: its status policy leaves this state out.";
    let left_out = event("standard-webhooks", json!("final_only"), json!("sent"));
    let preview = world.post(PREVIEW, left_out.clone()).await.expect(200);
    assert_eq!(preview["warnings"], json!([sentence]));
    let test = world.post(TEST, left_out).await.expect(200);
    assert_eq!(test["warnings"], json!([sentence]));
    assert_eq!(test["verdict"]["class"], "success");
    assert!(test["verdict"]["text"].as_str().unwrap().ends_with(sentence), "{test}");
    let test = world.post(TEST, event("ant", json!("all"), json!("sent"))).await.expect(200);
    assert_eq!((test.get("warnings"), receiver.requests().len()), (None, 2));
    for (dialect, status) in [("ant", json!("queued")), ("ant", json!(null)), ("standard-webhooks", json!("pending"))] {
        let refused = world.post(PREVIEW, event(dialect, json!("final_only"), status.clone())).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "payload"]), "{dialect} {status}");
    }
}

#[tokio::test]
async fn an_event_that_the_endpoint_would_never_get_is_told_where_it_is_tried() {
    let (world, receiver) = world().await;
    world.event_type("order.created").await;
    let report = json!({
        "product": "whatsapp", "productUniqueId": "254", "category": "otp",
        "message": { "id": "1", "to": "254712345678", "status": "delivered" },
    });
    for (more, word) in [
        (json!({ "product": "sms" }), "of another product"),
        (json!({ "reportType": "mo" }), "of another type"),
        (json!({ "category": "marketing" }), "of another category"),
        (json!({ "product": "whatsapp", "productUniqueId": "255" }), "of another number"),
        (json!({ "eventTypes": ["order.created"] }), "none of its `eventTypes`"),
        (json!({ "category": "OTP", "disabled": true, "channels": ["c"] }), ""),
    ] {
        let mut body = json!({ "url": receiver.url("/hook"), "eventType": "whatsapp.dlr", "payload": report });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for path in [PREVIEW, TEST] {
            let answer = world.post(path, body.clone()).await.expect(200);
            let warned = answer["warnings"].to_string().contains("would not get this event");
            assert_eq!((warned, answer["warnings"].to_string().contains(word)), (!word.is_empty(), true), "{answer}");
            assert!(
                answer["verdict"].is_null() || answer["verdict"]["text"].as_str().unwrap().contains(word),
                "{answer}"
            );
        }
    }
    // A sample of ours has numbers and a category of its own.
    let own = json!({ "url": receiver.url("/hook"), "product": "whatsapp", "reportType": "dlr", "productUniqueId": "255", "category": "x" });
    let answer = world.post(PREVIEW, own).await.expect(200);
    assert!(!answer["warnings"].to_string().contains("would not get"), "{answer}");
}

#[tokio::test]
async fn an_event_type_that_does_not_exist_is_told_with_what_was_meant() {
    let (world, receiver) = world().await;
    world.event_type("order.created").await;
    for (name, place, word) in [
        ("sms.dlrr", "body.eventType", "is it `sms.dlr`?"),
        ("order.craeted", "body.eventType", "is it `order.created`?"),
        ("nothing.like.it", "body.payload", "give a payload"),
        ("order.created", "body.payload", "give a payload"),
    ] {
        let refused = world.post(TEST, json!({ "url": receiver.url("/hook"), "eventType": name })).await;
        assert_eq!(refused.faults(), [place], "{name}");
        assert!(refused.text.contains(word), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_test_and_a_preview_of_an_endpoint_that_gets_nothing_now_say_so() {
    let (world, receiver) = world().await;
    for (off, word) in [(json!({ "disabled": true }), "disabled"), (json!({ "paused": true }), "paused")] {
        let mut asked = event(&receiver.url("/hook"));
        asked.as_object_mut().unwrap().extend(off.as_object().unwrap().clone());
        let id = world.endpoint("a", json!({ "url": receiver.url("/hook"), word: true })).await;
        let saved = json!({ "endpointId": id, "eventType": "x.y", "payload": {} });
        for path in [TEST, PREVIEW] {
            for asked in [&asked, &saved] {
                let said = world.post(path, asked.clone()).await.expect(200)["warnings"].to_string();
                assert!(said.contains(word), "{path} {asked}: {said}");
            }
        }
    }
    let unverified = json!({ "url": "https://h.example/", "verification": { "kind": "ping" } });
    let id = world.endpoint("a", unverified).await;
    let saved = json!({ "endpointId": id, "eventType": "x.y", "payload": {} });
    let said = world.post(PREVIEW, saved).await.expect(200)["warnings"].to_string();
    assert!(said.contains("handshake"), "{said}");
    let said = world.post(PREVIEW, event("https://h.example/")).await.expect(200)["warnings"].to_string();
    assert!(!said.contains("deliver"), "{said}");
}
