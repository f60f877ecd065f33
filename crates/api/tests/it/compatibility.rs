//! The page about compatibility is held against what the server has and what the reference's clients know.

use std::collections::BTreeMap;
use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::World;

/// Operations that the clients of the reference know: who knows it, method, path.
const REFERENCE: &str = include_str!("../data/reference_operations.txt");
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Method and path, with every parameter as `{}`: documents name them each in their own way.
type Operation = (String, String);

fn operation(method: &str, path: &str) -> Operation {
    let mut parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    let first = parts.next().unwrap_or_default().to_owned();
    (method.to_owned(), parts.fold(first, |path, part| path + "/" + part))
}

fn reference() -> Vec<Operation> {
    let lines = REFERENCE.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [who, method, path] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(["server", "sdk"].contains(&who) && METHODS.contains(&method), "{line}");
            operation(method, path)
        })
        .collect()
}

/// The operations of this server. Whatever answers GET answers HEAD.
fn own() -> Vec<Operation> {
    let document: Value = serde_json::from_str(ringback_api::openapi_document()).unwrap();
    let mut own = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        own.extend(item.as_object().unwrap().keys().map(|method| operation(&method.to_uppercase(), path)));
    }
    own
}

fn answers((method, path): &Operation, own: &[Operation]) -> bool {
    let method = if method == "HEAD" { "GET" } else { method };
    own.contains(&operation(method, path))
}

/// State and difference of each operation on the page.
fn page() -> BTreeMap<Operation, (String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut page = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let [_, name, state, difference, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("not three cells: {line}")
        };
        let (method, path) = name.trim_matches('`').split_once(' ').expect(line);
        let path = if path.starts_with("/ingest") { path.to_owned() } else { format!("/api/v1{path}") };
        let twice = page.insert(operation(method, &path), (state.to_owned(), difference.to_owned()));
        assert!(twice.is_none(), "twice: {line}");
    }
    page
}

#[test]
fn the_page_names_every_operation_with_the_state_that_it_is_in() {
    let (reference, own, mut page) = (reference(), own(), page());
    for operation in &reference {
        let (state, difference) = page.remove(operation).unwrap_or_else(|| panic!("is not on the page: {operation:?}"));
        let right: &[_] = if answers(operation, &own) { &["same", "differs"] } else { &["not yet", "not offered"] };
        assert!(right.contains(&state.as_str()), "{operation:?} is one of {right:?}, and not {state}");
        assert!(state != "same" || difference.is_empty(), "the same, and yet a difference: {operation:?}");
        assert!(!["differs", "not offered"].contains(&state.as_str()) || !difference.is_empty(), "why? {operation:?}");
    }
    for operation in own.iter().filter(|operation| !reference.contains(operation)) {
        let (state, _) = page.remove(operation).unwrap_or_else(|| panic!("is not on the page: {operation:?}"));
        assert_eq!(state, "added", "{operation:?}");
    }
    assert!(page.is_empty(), "neither this server nor the reference has {:?}", page.keys());
}

/// A request for each operation that the reference's clients know: it has a route exactly where the page says so.
#[tokio::test]
async fn what_the_page_says_is_there_has_a_route_and_the_rest_is_answered_in_json() {
    let world = World::new();
    let own = own();
    for operation in reference() {
        let (method, path) = &operation;
        let path = path.replace("{}", "none");
        let request = http::Request::builder()
            .method(method.as_str())
            .uri(&path)
            .header("authorization", format!("Bearer {}", world.token))
            .body(json!({}).to_string().into());
        let answer = world.send(request.unwrap()).await;
        let is_routed =
            answer.status != StatusCode::METHOD_NOT_ALLOWED && !answer.text.contains("nothing at this path");
        assert_eq!(is_routed, answers(&operation, &own), "{method} {path}: {} {}", answer.status, answer.text);
        if !is_routed {
            assert!(answer.json()["code"].is_string(), "{method} {path}: {}", answer.text);
        }
    }
}
