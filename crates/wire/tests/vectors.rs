//! Every sample of the documents that dialects were made from, byte for byte: `vectors.txt`.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use ringback_model::{Message, OrganizationSettings, Timestamp};
use ringback_wire::{Acknowledgement, Prepared, Recipe, prepare};
use serde_json::value::RawValue;

/// One case of the text.
#[derive(Debug, Default)]
struct Case {
    name: &'static str,
    endpoint: &'static str,
    event: &'static str,
    request: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let lines = include_str!("vectors.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap();
        if word == "==" {
            cases.push(Case { name: rest, ..Case::default() });
            continue;
        }
        let case = cases.last_mut().unwrap();
        match word {
            "endpoint" => case.endpoint = rest,
            "event" => case.event = rest,
            "arrives" => case.request = rest,
            "header" => case.headers.push(rest.split_once(": ").unwrap()),
            "body" => case.body = rest,
            other => panic!("{other}"),
        }
    }
    cases
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    event_type: String,
    occurred_at: Option<Timestamp>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

fn message(text: &str) -> Message {
    let event: Event<'_> = serde_json::from_str(text).unwrap();
    Message { occurred_at: event.occurred_at, ..kit::message(&event.event_type, event.payload.get()) }
}

fn render(case: &Case) -> Prepared {
    let said = case.endpoint.replace("H/", "https://h.example/");
    let (endpoint, secrets) = kit::endpoint(&serde_json::from_str(&said).unwrap());
    let recipe = Recipe::new(&endpoint, &secrets, &OrganizationSettings::default());
    let recipe = recipe.unwrap_or_else(|error| panic!("{}: {error}", case.name));
    prepare(&recipe, &message(case.event), Timestamp::from_seconds(1_614_265_330))
        .unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

#[test]
fn every_sample_of_the_documents_goes_out_byte_for_byte() {
    let cases = cases();
    assert_eq!(cases.len(), 41);
    for case in &cases {
        let request = render(case);
        let name = case.name;
        assert_eq!(format!("{} {}", request.method, request.target), case.request, "{name}");
        assert_eq!(String::from_utf8_lossy(&request.body), case.body, "{name}");
        for (header, value) in &case.headers {
            let sent = match *header {
                "content-length" => request.body.len().to_string(),
                header => request.headers[header].to_str().unwrap().to_owned(),
            };
            assert_eq!(sent, *value, "{name}: {header}");
        }
        assert!(request.headers.contains_key("webhook-signature"), "{name}");
        let has_kind = request.headers.contains_key("content-type");
        assert_eq!(has_kind, request.method != "GET", "{name}: only a body has a type");
    }
}

#[test]
fn the_same_event_makes_the_same_bytes() {
    for case in &cases() {
        let (first, second) = (render(case), render(case));
        assert_eq!((first.target, first.headers, first.body), (second.target, second.headers, second.body));
    }
}

/// R6: what this dialect takes for success, whatever the body says.
#[test]
fn a_rich_dlr_has_arrived_with_200_and_202_alone() {
    let said = serde_json::json!({ "dialect": "rich-dlr", "product": "sms", "reportType": "dlr" });
    let (endpoint, secrets) = kit::endpoint(&said);
    let recipe = Recipe::new(&endpoint, &secrets, &OrganizationSettings::default()).unwrap();
    for status in (200..600).filter(|status| *status < 299 || status % 100 < 10) {
        let is_success = recipe.success().judge(status, b"ACK") == Acknowledgement::Given;
        assert_eq!(is_success, matches!(status, 200 | 202), "{status}");
    }
}
