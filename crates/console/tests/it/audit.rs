use bytes::Bytes;
use ringback_model::{Auth, Redacted, Role};
use ringback_service::{ApplicationDraft, Change, EndpointDraft, Leftovers, MessageDraft, PortalLinkDraft};

use crate::harness::{ORG, World};

/// An application of the uid `acme` with a webhook that has secrets.
async fn webhook(world: &World) -> String {
    let (name, uid) = ("Acme".to_owned(), Some("acme".to_owned()));
    let draft = ApplicationDraft { name, uid, ..ApplicationDraft::default() };
    world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    let mut draft = EndpointDraft::new("https://hooks.example/in".to_owned());
    draft.messaging.auth =
        Change::Replace(Some(Auth::Bearer { token: Redacted::new("the-secret-of-acme".to_owned()) }));
    world.service.create_endpoint(&world.actor(), "acme", draft, None).await.unwrap().endpoint.id.to_string()
}

#[tokio::test]
async fn a_change_is_told_with_who_made_it_and_what_differs_and_without_secrets() {
    let world = World::new();
    let id = webhook(&world).await;
    let page = format!("/console/{ORG}/audit");
    let mut editor = world.signed_in(Role::Editor).await;
    let link =
        world.service.create_portal_link(&world.actor(), "acme", &PortalLinkDraft::default(), None).await.unwrap();
    let customer = world.service.authenticate(link.token.reveal()).await.unwrap();
    let change = |draft: &mut EndpointDraft| {
        draft.description = "<b>the shop</b>".to_owned();
        let token = Redacted::new("another-secret".to_owned());
        draft.messaging.auth = Change::Replace(Some(Auth::Bearer { token }));
    };
    world.service.update_endpoint(&customer, "acme", &id, change).await.unwrap();
    // Nothing differs: nothing to tell.
    world.service.update_endpoint(&customer, "acme", &id, |_| ()).await.unwrap();
    world.service.delete_endpoint(&customer, "acme", &id, Leftovers::CallOff).await.unwrap();
    let shown = editor.get(&page).await.expect(200);
    for text in [">added<", ">changed<", ">deleted<", "changed; never shown", "the server", "portal link "] {
        shown.holds(text);
    }
    shown.holds("&#60;b&#62;the shop&#60;/b&#62;");
    assert!(!shown.text.contains("secret-of-acme") && !shown.text.contains("another-secret"), "{}", shown.text);
    assert_eq!(shown.text.matches(">changed<").count(), 1);
    let only = editor.get(&format!("{page}?thing=webhook&subject={id}&app=acme")).await.expect(200);
    assert_eq!(only.text.matches("class=\"audit-line\"").count(), 3);
    editor.get(&format!("{page}?by=nobody")).await.expect(200).holds("No change fits these filters");
}

#[tokio::test]
async fn what_is_done_in_the_console_is_told_under_the_users_name_and_users_to_admins_alone() {
    let world = World::new();
    webhook(&world).await;
    let (mut admin, mut viewer) = (world.signed_in(Role::Admin).await, world.signed_in(Role::Viewer).await);
    let settings = format!("/console/{ORG}/settings");
    admin.post(&settings, &settings, &[("timeZone", "Africa/Nairobi")]).await.expect(303);
    let users = "/console/users";
    admin.post(users, users, &[("email", "new@example.com"), ("role", "viewer")]).await.expect(200);
    let access = format!("/console/{ORG}/access");
    let fields = [("app", "acme"), ("label", "Jo"), ("life", "24")];
    admin.post(&access, &format!("{access}/link"), &fields).await.expect(200);
    let page = format!("/console/{ORG}/audit?by=admin@example.com");
    let shown = admin.get(&page).await.expect(200);
    for text in ["Africa/Nairobi", "new@example.com", ">given<", ">Jo<"] {
        shown.holds(text);
    }
    let seen = viewer.get(&page).await.expect(200);
    seen.holds("Africa/Nairobi");
    assert!(!seen.text.contains("new@example.com"), "{}", seen.text);
}

#[tokio::test]
async fn what_is_sent_again_called_off_or_skipped_is_told_and_never_what_it_says() {
    let world = World::new();
    let id = webhook(&world).await;
    let payload = Bytes::from_static(br#"{"to":"+254712345678"}"#);
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    let message = world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap().id.to_string();
    let mut editor = world.signed_in(Role::Editor).await;
    let app = world.service.get_application(&world.actor(), "acme").await.unwrap().application.id;
    let page = format!("/console/{ORG}/{app}/messages/{message}");
    let endpoint = ("endpoint", id.as_str());
    for (path, how) in [("resend", ""), ("call-off", "cancel"), ("resend", ""), ("call-off", "skip")] {
        editor.post(&page, &format!("{page}/{path}"), &[endpoint, ("do", how)]).await.expect(303);
    }
    // Nothing is pending any more: nothing was done, and nothing is told.
    editor.post(&page, &format!("{page}/call-off"), &[endpoint, ("do", "cancel")]).await.expect(409);
    let shown = editor.get(&format!("/console/{ORG}/audit?thing=message&by=editor@example.com")).await.expect(200);
    for (deed, count) in [(">resent<", 2), (">called off<", 1), (">skipped<", 1)] {
        assert_eq!(shown.text.matches(deed).count(), count, "{deed} in {}", shown.text);
    }
    shown.holds("order.created to https://hooks.example/in");
    shown.holds(&format!("href=\"{page}\""));
    assert!(!shown.text.contains("254712345678"), "{}", shown.text);
}

#[tokio::test]
async fn the_log_is_read_in_pages() {
    let world = World::new();
    let id = webhook(&world).await;
    for turn in 0..60 {
        let change = move |draft: &mut EndpointDraft| draft.description = format!("turn {turn};");
        world.service.update_endpoint(&world.actor(), "acme", &id, change).await.unwrap();
    }
    let page = format!("/console/{ORG}/audit?thing=webhook");
    let mut viewer = world.signed_in(Role::Viewer).await;
    let first = viewer.get(&page).await.expect(200);
    first.holds("turn 59;");
    let older = first.text.split("/audit?").find(|part| part.contains("before=")).unwrap();
    let older = older.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let second = viewer.get(&format!("/console/{ORG}/audit?{older}")).await.expect(200);
    second.holds("turn 0;");
    assert!(!second.text.contains("turn 59;") && first.text.matches("audit-line").count() == 50);
}
