//! Several messages in one request, to the byte.

mod kit;

use bytes::Bytes;
use ringback_model::{Message, Timestamp};
use ringback_wire::{
    BATCH_BODY_MAX, Prepared, RenderError, batch_element_length, check_batch_element, prepare, prepare_batch,
};
use serde_json::{Value, json};

use crate::kit::{WALL, message, recipe, refused};

const IDS: [&str; 3] =
    ["msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpl", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpm"];

fn gathers() -> Value {
    json!({ "batch": { "maxMessages": 10, "maxWaitMs": 100 } })
}

fn numbered(at: usize, payload: &str) -> Message {
    let accepted_at = Timestamp::from_micros(WALL.as_micros() + at as i64 * 1_500);
    Message { id: IDS[at].parse().expect("it is an id"), accepted_at, ..message("sms.dlr", payload) }
}

fn request(payloads: &[&str]) -> Prepared {
    let messages: Vec<_> = payloads.iter().enumerate().map(|(at, payload)| numbered(at, payload)).collect();
    let messages: Vec<_> = messages.iter().collect();
    let recipe = recipe(&gathers()).expect("it is an endpoint");
    prepare_batch(&recipe, &messages, WALL).expect("each can be an element")
}

#[test]
fn payloads_stand_in_it_to_the_byte_in_their_order() {
    let odd = "{ \"b\":1.0,\"a\":1,\"a\":2 ,\n \"n\": 1e400, \"é\":\"\\u00e9\"}";
    let made = request(&[odd, "[]", "7"]);
    let expected = format!(
        concat!(
            r#"[{{"id":"{}","eventType":"sms.dlr","timestamp":"2024-08-21T10:15:00Z","payload":{}}},"#,
            r#"{{"id":"{}","eventType":"sms.dlr","timestamp":"2024-08-21T10:15:00.0015Z","payload":[]}},"#,
            r#"{{"id":"{}","eventType":"sms.dlr","timestamp":"2024-08-21T10:15:00.003Z","payload":7}}]"#,
        ),
        IDS[0], odd, IDS[1], IDS[2]
    );
    assert_eq!(std::str::from_utf8(&made.body).unwrap(), expected);
}

/// The signature was made by `openssl dgst -sha256 -mac HMAC` over `id.timestamp.body`.
#[test]
fn it_is_signed_as_a_whole_under_the_id_of_the_first() {
    let made = request(&[r#"{"n":1}"#, r#"{"n":2}"#]);
    let header = |name: &str| made.headers[name].to_str().unwrap().to_owned();
    assert_eq!(made.method, "POST");
    assert_eq!((header("webhook-id"), header("svix-id")), (IDS[0].to_owned(), IDS[0].to_owned()));
    assert_eq!((header("webhook-timestamp"), header("webhook-batch-size")), ("1724235300".to_owned(), "2".to_owned()));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("webhook-signature"), SIGNATURE);
    assert_eq!(header("svix-signature"), SIGNATURE);
}

const SIGNATURE: &str = "v1,t8yonqCbS6KcSoxlVrmduYwXHM7lqlu0eREiXXq0DQM=";

#[test]
fn one_message_is_an_array_of_one_by_either_way() {
    let (recipe, one) = (recipe(&gathers()).unwrap(), numbered(0, r#"{"n":1}"#));
    let made = prepare(&recipe, &one, WALL).unwrap();
    let batch = prepare_batch(&recipe, &[&one], WALL).unwrap();
    assert_eq!((&made.body, &made.headers), (&batch.body, &batch.headers));
    let body: Value = serde_json::from_slice(&made.body).unwrap();
    assert_eq!((body.as_array().unwrap().len(), &body[0]["payload"]), (1, &json!({ "n": 1 })));
}

#[test]
fn a_length_is_never_told_too_short() {
    let made = request(&[r#"{"n":1}"#, "[]", r#""a text""#]);
    let payloads = [r#"{"n":1}"#, "[]", r#""a text""#];
    let told = payloads.iter().enumerate().map(|(at, payload)| batch_element_length(&numbered(at, payload)));
    let told: usize = told.sum();
    assert!(made.body.len() <= told + 2 && told < made.body.len() + 3 * 64, "{told} for {}", made.body.len());
    assert_eq!(BATCH_BODY_MAX, 1_048_576);
}

#[test]
fn what_can_be_no_element_is_told_before() {
    let recipe = recipe(&gathers()).unwrap();
    let gone = Message { payload: None, ..numbered(0, "{}") };
    assert_eq!(check_batch_element(&recipe, &gone), Err(RenderError::PayloadGone));
    let raw = Message { raw: Some(Bytes::from_static(b"<a/>")), ..numbered(1, "{}") };
    assert_eq!(check_batch_element(&recipe, &raw), Err(RenderError::RawInBatch));
    assert_eq!(prepare_batch(&recipe, &[&numbered(0, "{}"), &raw], WALL).unwrap_err(), RenderError::RawInBatch);
    assert_eq!(check_batch_element(&recipe, &numbered(2, "{}")), Ok(()));
}

#[test]
fn a_quote_in_a_type_breaks_no_array() {
    let odd = Message { event_type: r#"a"b"#.to_owned(), ..numbered(0, "{}") };
    let made = prepare_batch(&recipe(&gathers()).unwrap(), &[&odd], WALL).unwrap();
    let body: Value = serde_json::from_slice(&made.body).unwrap();
    assert_eq!(body[0]["eventType"], r#"a"b"#);
}

#[test]
fn who_writes_a_request_of_each_gathers_none() {
    for (name, value) in [
        ("dialect", json!("console")),
        ("sendMethod", json!("post")),
        ("template", json!({ "contentType": "text/plain", "body": "x" })),
        ("customParameters", json!({ "k": "v" })),
        ("url", json!("https://h.example/{{message.id}}")),
        ("transformation", json!("function handler(webhook) { return webhook }")),
    ] {
        let mut said = gathers();
        said[name] = value;
        assert_eq!(refused(&said).as_deref(), Some("batch"), "{name}");
    }
    assert_eq!(refused(&gathers()), None);
}
