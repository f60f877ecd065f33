use ringback_model::Role;

use crate::browser::Browser;
use crate::harness::{PASSWORD, World};

const PAGE: &str = "/console/set-up";

fn fields<'a>(token: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("token", token), ("name", "Asha"), ("email", "Asha@Example.com"), ("password", password)]
}

#[tokio::test]
async fn the_token_makes_one_admin_once_and_a_stranger_none() {
    let world = World::new();
    let token = world.service.setup_token().await.unwrap().unwrap();
    let mut stranger = Browser::new(&world);
    assert_eq!(stranger.get("/console").await.expect(303).location(), "/console/sign-in");
    assert_eq!(stranger.get("/console/sign-in").await.expect(303).location(), PAGE);
    stranger.post(PAGE, PAGE, &fields("guess", PASSWORD)).await.expect(422).holds("not the setup token");

    let mut admin = Browser::new(&world);
    let short = admin.post(PAGE, PAGE, &fields(token.reveal(), "short")).await.expect(422);
    short.holds("at least 12 characters");
    short.holds("value=\"Asha\"");
    assert!(!short.text.contains("value=\"short\""), "a password is never sent back");
    admin.post(PAGE, PAGE, &fields(token.reveal(), PASSWORD)).await.expect(303);
    admin.get("/console/users").await.expect(200).holds("asha@example.com");

    assert_eq!(stranger.get(PAGE).await.expect(303).location(), "/console/sign-in");
    assert!(world.service.setup_token().await.unwrap().is_none());
    let again = stranger.post("/console/sign-in", PAGE, &fields(token.reveal(), PASSWORD)).await;
    again.expect(422).holds("There is a user already");
}

#[tokio::test]
async fn a_later_start_puts_the_token_of_an_earlier_one_out_of_force() {
    let world = World::new();
    let old = world.service.setup_token().await.unwrap().unwrap();
    let new = world.service.setup_token().await.unwrap().unwrap();
    let mut browser = Browser::new(&world);
    browser.post(PAGE, PAGE, &fields(old.reveal(), PASSWORD)).await.expect(422);
    browser.post(PAGE, PAGE, &fields(new.reveal(), PASSWORD)).await.expect(303);
}

#[tokio::test]
async fn guesses_of_the_token_become_slow() {
    let world = World::new();
    world.service.setup_token().await.unwrap();
    let mut browser = Browser::new(&world);
    let mut refused = false;
    for _ in 0..10 {
        refused |= browser.post(PAGE, PAGE, &fields("guess", PASSWORD)).await.text.contains("Too many tries");
    }
    assert!(refused);
    assert!(world.service.has_no_user().await.unwrap());
    world.user("a@example.com", Role::Admin).await;
}
