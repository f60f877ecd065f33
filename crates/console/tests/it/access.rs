use std::time::Duration;

use axum::body::Body;
use http::Request;
use ringback_model::Role;
use ringback_service::ApplicationDraft;

use crate::harness::{ORG, World};

/// An application of the uid `acme`; its id.
async fn application(world: &World) -> String {
    let (name, uid) = ("Acme".to_owned(), Some("acme".to_owned()));
    let draft = ApplicationDraft { name, uid, ..ApplicationDraft::default() };
    let made = world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    made.item.application.id.to_string()
}

/// The status with which the API takes a token.
async fn status(world: &World, token: &str, path: &str) -> u16 {
    let request = Request::get(format!("/api/v1{path}")).header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap(), "127.0.0.1").await.status.as_u16()
}

/// What a page shows once, between these texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split(from).nth(1).unwrap_or_else(|| panic!("no {from:?} in {text}")).split(to).next().unwrap()
}

#[tokio::test]
async fn a_link_is_made_shown_once_listed_and_revoked() {
    let world = World::new();
    let app = application(&world).await;
    let page = format!("/console/{ORG}/access");
    let mut editor = world.signed_in(Role::Editor).await;
    editor.get(&page).await.expect(200).holds("Nothing is given out");
    let fields = [("app", "acme"), ("label", "<b>Jo</b>"), ("resend", "yes"), ("life", "24")];
    let made = editor.post(&page, &format!("{page}/link"), &fields).await.expect(200);
    let link = between(&made.text, "data-link=\"", "\"").to_owned();
    let (path, token) = link.split_once("#token=").unwrap();
    assert_eq!(path, format!("/portal/{ORG}/{app}"));
    let listed = editor.get(&page).await.expect(200);
    listed.holds("&#60;b&#62;Jo&#60;/b&#62;");
    listed.holds("Link: view, resend");
    listed.holds("by editor@example.com");
    assert!(!listed.text.contains(token), "shown once");
    assert_eq!(status(&world, token, "/app/acme").await, 200);
    let fields = [("app", app.as_str()), ("id", &listed.hidden("id"))];
    editor.post(&page, &format!("{page}/revoke"), &fields).await.expect(303);
    assert_eq!(status(&world, token, "/app/acme").await, 401);
    editor.get(&page).await.expect(200).holds("Nothing is given out");
    editor.post(&page, &format!("{page}/revoke"), &fields).await.expect(404);
}

#[tokio::test]
async fn a_token_of_the_organization_is_for_admins_to_make_and_to_revoke() {
    let world = World::new();
    let app = application(&world).await;
    let page = format!("/console/{ORG}/access");
    let (mut admin, mut editor) = (world.signed_in(Role::Admin).await, world.signed_in(Role::Editor).await);
    let make = format!("{page}/token");
    let fields = [("token-label", "our platform"), ("life", "720")];
    editor.post(&page, &make, &fields).await.expect(403);
    let made = admin.post(&page, &make, &fields).await.expect(200);
    let whole = between(&made.text, "<code>", "<").to_owned();
    assert_eq!(status(&world, &whole, "/app").await, 200);
    let id = editor.get(&page).await.expect(200);
    assert!(!id.text.contains("/access/revoke"), "an editor does not revoke it");
    let id = admin.get(&page).await.hidden("id");
    editor.post(&page, &format!("{page}/revoke"), &[("id", &id)]).await.expect(403);
    // One of an application ends with all of it, listed or not.
    let fields = [("token-app", "acme"), ("token-label", "their shop"), ("life", "720")];
    let made = editor.post(&page, &make, &fields).await.expect(200);
    let own = between(&made.text, "<code>", "<").to_owned();
    assert_eq!((status(&world, &own, "/app").await, status(&world, &own, "/app/acme").await), (403, 200));
    world.clock.advance(Duration::from_millis(1));
    editor.post(&page, &format!("{page}/end"), &[("end-app", &app)]).await.expect(303);
    assert_eq!((status(&world, &own, "/app/acme").await, status(&world, &whole, "/app").await), (401, 200));
    assert_eq!(admin.get(&page).await.text.matches("/access/revoke").count(), 1);
    admin.post(&page, &format!("{page}/revoke"), &[("id", &id)]).await.expect(303);
    assert_eq!(status(&world, &whole, "/app").await, 401);
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field_and_a_viewer_gives_nothing() {
    let world = World::new();
    application(&world).await;
    let page = format!("/console/{ORG}/access");
    let mut editor = world.signed_in(Role::Editor).await;
    for (step, fields, told) in [
        ("link", vec![("app", "none"), ("label", "x"), ("life", "24")], "id=\"app-fault\""),
        ("link", vec![("app", "acme"), ("label", " "), ("life", "24")], "id=\"label-fault\""),
        ("link", vec![("app", "acme"), ("label", "x"), ("life", "2400")], "an hour to 7 days"),
        ("token", vec![("token-app", "none"), ("token-label", "x"), ("life", "24")], "id=\"token-app-fault\""),
        ("token", vec![("token-app", "acme"), ("life", "24")], "id=\"token-label-fault\""),
        ("token", vec![("token-app", "acme"), ("token-label", "x"), ("life", "0")], "an hour to five years"),
        ("end", vec![("end-app", "none")], "id=\"end-app-fault\""),
    ] {
        editor.post(&page, &format!("{page}/{step}"), &fields).await.expect(422).holds(told);
    }
    editor.get(&page).await.expect(200).holds("Nothing is given out");
    let mut viewer = world.signed_in(Role::Viewer).await;
    viewer.get(&page).await.expect(403);
    assert!(!viewer.get(&format!("/console/{ORG}")).await.text.contains("/access\""));
    let fields = [("app", "acme"), ("label", "x"), ("life", "24")];
    viewer.post("/console/account", &format!("{page}/link"), &fields).await.expect(403);
}

#[tokio::test]
async fn forms_offer_the_applications_by_name_and_the_page_of_one_leads_to_its_link() {
    let world = World::new();
    let app = application(&world).await;
    let offer = format!("<option value=\"{app}\">Acme · {app}</option>");
    let chosen = format!("<option value=\"{app}\" selected>Acme · {app}</option>");
    let mut editor = world.signed_in(Role::Editor).await;
    let settings = format!("/console/{ORG}/{app}/application");
    let path = format!("/console/{ORG}/access?app={app}");
    editor.get(&settings).await.expect(200).holds(&format!("href=\"{path}\""));
    let page = editor.get(&path).await.expect(200);
    page.holds(&offer);
    page.holds("<select id=\"app\" name=\"app\"");
    page.holds(&chosen);
    // Whoever has one customer need not name it to send an event.
    let send = format!("/console/{ORG}/event-types/sms.dlr");
    editor.get(&send).await.expect(200).holds(&chosen);
    let draft = ApplicationDraft { name: "Other".to_owned(), ..ApplicationDraft::default() };
    world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let two = editor.get(&send).await.expect(200);
    two.holds(&offer);
    assert!(!two.text.contains(&chosen), "which of them is not known");
    let viewed = world.signed_in(Role::Viewer).await.get(&settings).await.expect(200);
    assert!(!viewed.text.contains("/access?app="), "a viewer makes no links");
}

#[tokio::test]
async fn where_there_are_too_many_applications_to_choose_from_one_is_named() {
    let world = World::new();
    application(&world).await;
    for at in 0..100 {
        let draft = ApplicationDraft { name: format!("Customer {at}"), ..ApplicationDraft::default() };
        world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    }
    let page = format!("/console/{ORG}/access");
    let mut editor = world.signed_in(Role::Editor).await;
    let shown = editor.get(&page).await.expect(200);
    shown.holds("id=\"app\" name=\"app\" value=\"\" list=\"applications\"");
    assert_eq!(shown.text.matches("<option value=\"app_").count(), 100, "the newest are offered");
    let fields = [("app", "acme"), ("label", "Jo"), ("life", "24")];
    editor.post(&page, &format!("{page}/link"), &fields).await.expect(200).holds("Hand this link");
}
