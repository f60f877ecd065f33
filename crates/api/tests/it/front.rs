//! What is the same for every request.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use serde_json::json;

use crate::harness::World;

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn health_needs_no_token_and_answers_204() {
    let world = World::new();
    for path in ["/api/v1/health", "/api/v1/health/ping", "/api/v1/health/"] {
        for method in ["GET", "HEAD"] {
            let answer = world.send(request(method, path).body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn slashes_at_the_end_of_a_path_make_no_difference() {
    let world = World::new();
    world.app("a").await;
    let plain = world.get("/app/a").await;
    assert_eq!(world.get("/app/a/").await.text, plain.text);
    assert_eq!(world.get("/app/?limit=1").await.text, world.get("/app?limit=1").await.text);
    world.post("/app/a/msg/", json!({ "eventType": "t", "payload": {} })).await.expect(202);
}

#[tokio::test]
async fn methods_that_a_path_does_not_know_are_405_as_json() {
    let world = World::new();
    for (method, path) in
        [("PATCH", "/app"), ("DELETE", "/app/a/msg"), ("POST", "/app/a"), ("TRACE", "/app"), ("PUT", "/health")]
    {
        let answer = world.ask(&world.token, method, path, &[("x-http-method-override", "GET")], "").await;
        assert_eq!(answer.expect(405)["code"], "method_not_allowed", "{method} {path}");
        assert!(answer.headers.contains_key("allow"), "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = World::new();
    world.app("a").await;
    let (get, head) = (world.get("/app/a").await, world.ask(&world.token, "HEAD", "/app/a", &[], "").await);
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(head.headers["content-length"].to_str().unwrap(), get.text.len().to_string());
}

#[tokio::test]
async fn pages_of_any_origin_may_ask() {
    let world = World::new();
    let preflight = request("OPTIONS", "/api/v1/app")
        .header("origin", "https://customer.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,idempotency-key");
    let answer = world.send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization,idempotency-key");
    assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    let refused = request("GET", "/api/v1/app").header("origin", "https://customer.example");
    let answer = world.send(refused.body(Body::empty()).unwrap()).await;
    answer.expect(401);
    assert_eq!(answer.headers["access-control-allow-origin"], "*", "a page has to be able to read the error");
}

#[tokio::test]
async fn the_documentation_is_served_and_asks_nobody_else() {
    let world = World::new();
    for (path, kind) in
        [("/docs", "text/html"), ("/docs/style.css", "text/css"), ("/docs/script.js", "text/javascript")]
    {
        let answer = world.send(request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with(kind));
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!answer.text.contains("http://") && !answer.text.contains("https://"), "{path}");
        assert!(!answer.text.contains(" style=") && !answer.text.contains("innerHTML"), "{path}");
    }
    for path in ["/openapi.json", "/api/v1/openapi.json"] {
        let answer = world.send(request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.expect(200)["openapi"], "3.1.0");
    }
}

#[tokio::test]
async fn the_pages_of_the_documentation_are_served_as_markdown() {
    let world = World::new();
    let get = async |path: &str, accept: &str| {
        world.send(request("GET", path).header("accept", accept).body(Body::empty()).unwrap()).await
    };
    let index = get("/docs/index.md", "*/*").await;
    assert_eq!(index.headers["content-type"], "text/markdown; charset=utf-8");
    assert_eq!(get("/docs", "text/markdown, text/html;q=0.5").await.text, index.text);
    assert!(get("/docs", "text/html").await.text.starts_with("<!doctype html>"));
    assert_eq!(get("/llms.txt", "*/*").await.text, index.text);
    let links: Vec<_> =
        index.text.lines().filter_map(|line| line.strip_prefix("- [")?.split(['(', ')']).nth(1)).collect();
    assert!(links.len() >= 18, "{links:?}");
    for path in links {
        let page = get(path, "*/*").await;
        assert!(page.status == 200 && page.text.starts_with("# "), "{path}");
        assert_eq!(page.headers["content-type"], "text/markdown; charset=utf-8");
    }
    assert_eq!(get("/docs/nothing.md", "*/*").await.status, 404);
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_own_request_alone() {
    let mut world = World::new();
    let routes =
        Router::new().route("/boom", get(async || -> () { panic!("in a test") })).route("/ok", get(async || "ok"));
    world.api = world.api.with_routes(routes);
    let answer = world.send(request("GET", "/boom").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.expect(500)["code"], "internal");
    let id = answer.json()["detail"].as_str().unwrap().rsplit(' ').next().unwrap().trim_end_matches('.').to_owned();
    assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{}", answer.text);
    assert_eq!(world.send(request("GET", "/ok").body(Body::empty()).unwrap()).await.text, "ok");
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_where_the_server_has_names() {
    let mut world = World::new();
    world.api = world.api.for_hosts(ringback_api::Hosts::new(["hooks.example".to_owned()]));
    let ask = |host: &str| request("GET", "/api/v1/health").header("host", host).body(Body::empty()).unwrap();
    assert_eq!(world.send(ask("hooks.example:443")).await.status, 204);
    let refused = world.send(ask("evil.example")).await;
    assert_eq!(refused.expect(421)["code"], "misdirected_request");
}
