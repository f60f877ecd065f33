use ringback_model::Role;

use crate::browser::Browser;
use crate::harness::{ORG, World};

#[tokio::test]
async fn a_form_of_another_site_or_without_its_token_changes_nothing() {
    let world = World::new();
    let mut browser = world.signed_in(Role::Admin).await;
    let path = format!("/console/{ORG}");
    let csrf = browser.get(&path).await.hidden("csrf");
    let fields = [("csrf", csrf.as_str()), ("name", "forged")];
    for origin in ["https://evil.example", "null", "http://localhost:9999", "http://127.0.0.1:8071"] {
        browser.post_from(origin, &path, &fields).await.expect(403);
    }
    let ours = "http://localhost:8071";
    browser.post_from(ours, &path, &[("name", "forged")]).await.expect(403);
    browser.post_from(ours, &path, &[("csrf", "0123"), ("name", "forged")]).await.expect(403);
    let stranger = Browser::new(&world).get("/console/sign-in").await.hidden("csrf");
    browser.post_from(ours, &path, &[("csrf", &stranger), ("name", "forged")]).await.expect(403);
    browser.get(&path).await.holds("No applications yet");
    browser.post_from(ours, &path, &fields).await.expect(303);
}

#[tokio::test]
async fn every_page_forbids_code_frames_and_guessing() {
    let world = World::new();
    let mut browser = world.signed_in(Role::Admin).await;
    let org = format!("/console/{ORG}");
    for path in ["/console", "/console/account", "/console/users", &org, "/console/no/such/page", "/console/assets/x"] {
        let answer = browser.get(path).await;
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in ["default-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        if answer.headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html")) {
            assert_eq!(header("cache-control"), "no-store");
            assert!(!answer.text.contains(" style=") && !answer.text.contains(" onclick"), "{path}");
            assert!(!answer.text.contains("<script>") && !answer.text.contains("<style"), "{path}");
        }
    }
}

#[tokio::test]
async fn pages_of_others_are_not_let_in_by_cross_origin_rules() {
    let world = World::new();
    let request = http::Request::get("/console/sign-in").header("origin", "https://evil.example");
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap(), "127.0.0.1").await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let request = http::Request::options("/console").header("origin", "https://evil.example");
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap(), "127.0.0.1").await;
    assert!(!answer.headers.contains_key("access-control-allow-methods"));
}

#[tokio::test]
async fn assets_are_kept_for_long_under_the_name_of_their_contents() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    assert_eq!(browser.get("/").await.expect(303).location(), "/console");
    world.user("a@example.com", Role::Viewer).await;
    let page = browser.get("/console/sign-in").await.expect(200);
    let assets: Vec<&str> =
        page.text.split("\"/console/assets/").skip(1).map(|s| s.split('"').next().unwrap()).collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for name in assets {
        let asset = browser.get(&format!("/console/assets/{name}")).await.expect(200);
        assert!(asset.headers["cache-control"].to_str().unwrap().contains("immutable"));
    }
    browser.get("/console/assets/style.css").await.expect(404);
}
