use std::time::Duration;

use ringback_model::{Redacted, Role};

use crate::browser::Browser;
use crate::harness::{ORG, PASSWORD, World};

const COOKIE: &str = "ringback-8071";

#[tokio::test]
async fn the_key_of_a_session_is_drawn_at_sign_in_and_dies_at_sign_out() {
    let world = World::new();
    world.user("a@example.com", Role::Admin).await;
    let mut browser = Browser::new(&world);
    browser.get("/console/sign-in").await.expect(200);
    let guest = browser.cookies[COOKIE].clone();
    browser.sign_in("A@example.com ", PASSWORD).await.expect(303);
    let key = browser.cookies[COOKIE].clone();
    assert_ne!(guest, key, "a cookie that somebody planted before is of no use");
    assert_eq!(browser.get("/console").await.expect(303).location(), format!("/console/{ORG}"));

    let mut thief = browser.clone();
    browser.post("/console/account", "/console/sign-out", &[]).await.expect(303);
    assert!(browser.cookies.is_empty());
    assert_eq!(thief.get("/console/account").await.expect(303).location(), "/console/sign-in?to=%2Fconsole%2Faccount");
}

#[tokio::test]
async fn cookies_are_kept_to_tls_but_on_loopback() {
    let world = World::new();
    world.user("a@example.com", Role::Admin).await;
    let mut browser = Browser { host: "console.example", ..Browser::new(&world) };
    let answer = browser.sign_in("a@example.com", PASSWORD).await.expect(303);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-ringback=user_"), "{cookie}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let mut plain = Browser { host: "console.example", ..Browser::new(&world) };
    let csrf = plain.get("/console/sign-in").await.hidden("csrf");
    let fields = [("csrf", csrf.as_str()), ("email", "a@example.com"), ("password", PASSWORD)];
    plain.post_from("http://console.example", "/console/sign-in", &fields).await.expect(401).holds("over https");
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_told_alike() {
    let world = World::new();
    world.user("a@example.com", Role::Viewer).await;
    let mut browser = Browser::new(&world);
    let told = |answer: crate::harness::Answer| {
        answer.text.split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let wrong = told(browser.sign_in("a@example.com", "a wrong password").await.expect(401));
    let unknown = told(browser.sign_in("b@example.com", "a wrong password").await.expect(401));
    assert_eq!(wrong, unknown);
    // Nobody can sign in whose account has no password.
    let draft = ringback_service::UserDraft {
        email: "c@example.com".to_owned(),
        name: String::new(),
        role: Role::Admin,
        password: None,
    };
    world.service.ensure_user(draft).await.unwrap();
    assert_eq!(told(browser.sign_in("c@example.com", "").await.expect(401)), wrong);
}

#[tokio::test]
async fn guesses_become_slow_for_their_address_and_nobody_else() {
    let world = World::new();
    world.user("a@example.com", Role::Admin).await;
    let mut guesser = Browser { address: "192.0.2.1", ..Browser::new(&world) };
    for _ in 0..5 {
        guesser.sign_in("a@example.com", "a wrong password").await.expect(401);
    }
    guesser.sign_in("a@example.com", PASSWORD).await.expect(429).holds("free again in");
    Browser::new(&world).sign_in("a@example.com", PASSWORD).await.expect(303);
    world.clock.advance(Duration::from_secs(6));
    guesser.sign_in("a@example.com", PASSWORD).await.expect(303);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_the_password_is_changed_elsewhere() {
    let world = World::new();
    let mut browser = world.signed_in(Role::Editor).await;
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(11 * 3_600));
        browser.get("/console/account").await.expect(200);
    }
    let mut other = Browser::new(&world);
    other.sign_in("editor@example.com", PASSWORD).await.expect(303);
    let change = [("current", "not it"), ("password", "another good password")];
    other.post("/console/account", "/console/account/password", &change).await.expect(422).holds("not your present");
    let change = [("current", PASSWORD), ("password", "another good password")];
    other.post("/console/account", "/console/account/password", &change).await.expect(303);
    other.get("/console/account").await.expect(200);
    browser.get("/console/account").await.expect(303);
    other.sign_in("editor@example.com", PASSWORD).await;
    Browser::new(&world).sign_in("editor@example.com", PASSWORD).await.expect(401);
    world.clock.advance(Duration::from_secs(12 * 3_600));
    other.get("/console/account").await.expect(303);
}

#[tokio::test]
async fn a_link_signs_in_once_within_its_time_and_not_by_being_looked_at() {
    let world = World::new();
    world.user("a@example.com", Role::Viewer).await;
    let user = world.service.ensure_user(ringback_service::UserDraft {
        email: "a@example.com".to_owned(),
        name: String::new(),
        role: Role::Viewer,
        password: None,
    });
    let id = user.await.unwrap().id;
    let key = world.service.sign_in_link(id).await.unwrap();
    let page = format!("/console/sign-in/link?key={}", key.reveal());
    let mut browser = Browser::new(&world);
    browser.get(&page).await.expect(200);
    assert!(world.service.signed_in(&Redacted::new(browser.cookies[COOKIE].clone())).await.unwrap().is_none());
    let mut second = browser.clone();
    browser.post(&page, "/console/sign-in/link", &[("key", key.reveal())]).await.expect(303);
    browser.get("/console/account").await.expect(200);
    second.post(&page, "/console/sign-in/link", &[("key", key.reveal())]).await.expect(401).holds("used already");

    let late = world.service.sign_in_link(id).await.unwrap();
    world.clock.advance(ringback_service::SIGN_IN_LINK_LIFE);
    second.post(&page, "/console/sign-in/link", &[("key", late.reveal())]).await.expect(401);
}

#[tokio::test]
async fn signing_in_leads_on_to_pages_of_the_console_alone() {
    let world = World::new();
    world.user("a@example.com", Role::Viewer).await;
    for (to, leads) in [
        ("/console/account", "/console/account"),
        ("//evil.example", "/console"),
        ("https://evil.example/", "/console"),
        ("/console/../\\evil.example", "/console"),
        ("/console//evil.example", "/console"),
        ("/console/a\r\nset-cookie: x", "/console"),
    ] {
        let fields = [("email", "a@example.com"), ("password", PASSWORD), ("to", to)];
        let answer = Browser::new(&world).post("/console/sign-in", "/console/sign-in", &fields).await;
        assert_eq!(answer.expect(303).location(), leads);
    }
}
