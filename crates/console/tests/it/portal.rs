//! The portal: one application's pages for whoever has its link, and nothing of any other.

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use ringback_model::{Branding, ListedNumber, Role};
use ringback_service::{ApplicationDraft, EndpointDraft, MessageDraft, PortalCapability, PortalLinkDraft};

use crate::harness::{Answer, ORG, World};

/// What an application has: its pages in the portal, a link's token, a webhook and a message.
struct Customer {
    base: String,
    token: String,
    endpoint: String,
    message: String,
}

async fn customer(world: &World, name: &str, capabilities: Option<Vec<PortalCapability>>) -> Customer {
    let uid = Some(name.to_owned());
    let draft = ApplicationDraft { name: format!("Customer {name}"), uid, ..ApplicationDraft::default() };
    let actor = world.actor();
    let app = world.service.create_application(&actor, draft, false, None).await.unwrap().item.application.id;
    let endpoint = EndpointDraft::new(format!("https://{name}.example/in"));
    let endpoint = world.service.create_endpoint(&actor, name, endpoint, None).await.unwrap().endpoint.id.to_string();
    let payload = Bytes::from(format!("{{\"of\":\"{name}\"}}"));
    let draft = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    let message = world.service.create_message(&actor, name, &draft, None).await.unwrap().id.to_string();
    let token = link(world, name, capabilities).await;
    Customer { base: format!("/portal/{ORG}/{app}"), token, endpoint, message }
}

async fn link(world: &World, name: &str, capabilities: Option<Vec<PortalCapability>>) -> String {
    let draft = PortalLinkDraft { capabilities, ..PortalLinkDraft::default() };
    let link = world.service.create_portal_link(&world.actor(), name, &draft, None).await.unwrap();
    link.token.reveal().to_owned()
}

pub(crate) async fn get(world: &World, token: &str, path: &str) -> Answer {
    let request =
        Request::get(path).header("host", "localhost:8071").header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap(), "127.0.0.1").await
}

async fn post(world: &World, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header("host", "localhost:8071")
        .header("origin", "http://localhost:8071")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::from(body)).unwrap(), "127.0.0.1").await
}

/// All pages of an application that are looked at.
fn pages(of: &Customer) -> Vec<String> {
    let Customer { endpoint, message, .. } = of;
    [
        "/webhooks".to_owned(),
        format!("/webhooks/{endpoint}"),
        format!("/webhooks/{endpoint}/edit"),
        format!("/webhooks/{endpoint}/secret"),
        format!("/webhooks/{endpoint}/delete"),
        format!("/webhooks/{endpoint}/again"),
        format!("/webhooks/{endpoint}/diagnostics"),
        "/tasks".to_owned(),
        "/programs".to_owned(),
        "/webhooks/add/dlr".to_owned(),
        "/messages".to_owned(),
        format!("/messages/{message}"),
        format!("/messages/{message}/payload"),
        "/overview".to_owned(),
        format!("/overview/{endpoint}"),
        "/application".to_owned(),
    ]
    .into()
}

#[tokio::test]
async fn what_a_browser_asks_for_by_itself_is_an_empty_page_and_sets_no_cookie() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    for path in pages(&one) {
        let request = Request::get(format!("{}{path}", one.base)).header("host", "localhost:8071");
        let answer = world.send(request.body(Body::empty()).unwrap(), "127.0.0.1").await.expect(200);
        answer.holds("One moment");
        assert!(!answer.text.contains("Customer") && !answer.headers.contains_key("set-cookie"), "{path}");
        assert_eq!(answer.headers["vary"], "authorization");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn a_link_shows_every_page_of_its_application_and_leads_nowhere_else() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    for path in pages(&one) {
        let answer = get(&world, &one.token, &format!("{}{path}", one.base)).await.expect(200);
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        for target in answer.text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let ours = target.starts_with(&one.base) || target.starts_with("/console/assets/") || target == "#main";
            assert!(ours, "{path}: {target}");
        }
        assert!(!answer.text.contains("action=\"/console"), "{path}");
    }
    assert_eq!(get(&world, &one.token, &one.base).await.expect(303).location(), format!("{}/webhooks", one.base));
}

#[tokio::test]
async fn a_link_shows_nothing_of_another_application_under_either_path() {
    let world = World::new();
    let (one, other) = (customer(&world, "one", None).await, customer(&world, "other", None).await);
    for (path, own) in pages(&other).iter().zip(pages(&one)) {
        // The other's pages, and the other's ids below the own path.
        let foreign = get(&world, &one.token, &format!("{}{path}", other.base)).await.expect(404);
        assert!(!foreign.text.contains("other"), "{path}: {}", foreign.text);
        if *path != own {
            let mixed = get(&world, &one.token, &format!("{}{path}", one.base)).await.expect(404);
            assert!(!mixed.text.contains("other.example"), "{path}: {}", mixed.text);
        }
    }
    let (hook, message) = (format!("/webhooks/{}", other.endpoint), format!("/messages/{}", other.message));
    for base in [&one.base, &other.base] {
        for step in ["/delete", "/verify", "/secret", "/edit"] {
            post(&world, &one.token, &format!("{base}{hook}{step}"), &[("do", "save")]).await.expect(404);
        }
        let fields = [("endpoint", other.endpoint.as_str())];
        post(&world, &one.token, &format!("{base}{message}/resend"), &fields).await.expect(404);
        let fields = [("endpoint", other.endpoint.as_str())];
        let own = format!("{base}/messages/{}/resend", one.message);
        post(&world, &one.token, &own, &fields).await.expect(404);
    }
    let kept = world.service.get_endpoint(&world.actor(), "other", &other.endpoint).await.unwrap();
    assert_eq!(kept.endpoint.url, "https://other.example/in");
    // The live parts of a page are the page itself, asked for again.
    let live = get(&world, &one.token, &format!("{}/messages/{}", one.base, one.message)).await.expect(200);
    assert!(live.text.contains("data-live") && !live.text.contains("other"), "{}", live.text);
}

#[tokio::test]
async fn pages_of_the_operator_do_not_open_with_a_link_and_the_portal_not_with_a_session() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    for path in ["", "/settings", "/event-types", "/overview"] {
        get(&world, &one.token, &format!("/console/{ORG}{path}")).await.expect(303);
    }
    for path in ["/console/users", "/console/account"] {
        get(&world, &one.token, path).await.expect(303);
    }
    let mut admin = world.signed_in(Role::Admin).await;
    admin.get(&format!("{}/webhooks", one.base)).await.expect(200).holds("One moment");
    let refused = admin.post("/console/account", &format!("{}/webhooks/{}/delete", one.base, one.endpoint), &[]).await;
    refused.expect(401).holds("This link is over");
}

#[tokio::test]
async fn a_link_that_is_forged_over_ended_or_the_organizations_own_opens_nothing() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    let page = format!("{}/webhooks", one.base);
    let key = ringback_service::TokenKey::new(ringback_model::Redacted::new("a secret of the tests".to_owned()));
    let whole = ringback_service::TokenSubject::Organization(ORG.parse().unwrap());
    let day = std::time::Duration::from_secs(86_400);
    let whole = key.mint(&whole, crate::harness::START, day, &ringback_model::SeededRandom::new(1)).unwrap();
    for token in ["", "x.y.z", &format!("{}x", one.token), whole.reveal()] {
        let answer = get(&world, token, &page).await.expect(401);
        answer.holds("This link is over");
        assert!(!answer.text.contains("/console\""), "no way into the console: {}", answer.text);
    }
    get(&world, &one.token, &page).await.expect(200);
    world.service.log_out(&one.token).await.unwrap();
    get(&world, &one.token, &page).await.expect(401);
    let later = link(&world, "one", None).await;
    get(&world, &later, &page).await.expect(200);
    world.clock.advance(day * 7);
    get(&world, &later, &page).await.expect(401);
}

#[tokio::test]
async fn each_capability_that_is_off_is_neither_offered_nor_carried_out() {
    use PortalCapability::{CreateAttempts, ManageEndpoint, ManageEndpointSecret, ViewEndpointSecret};
    let world = World::new();
    let one = customer(&world, "one", None).await;
    let (hook, message) =
        (format!("{}/webhooks/{}", one.base, one.endpoint), format!("{}/messages/{}", one.base, one.message));
    let all = [ManageEndpoint, ViewEndpointSecret, ManageEndpointSecret, CreateAttempts];
    for given in std::iter::once(None).chain(all.into_iter().map(Some)) {
        let token = &link(&world, "one", Some(given.into_iter().collect())).await;
        let has = |one| given == Some(one);
        let (list, details) =
            (get(&world, token, &format!("{}/webhooks", one.base)).await, get(&world, token, &hook).await);
        let story = get(&world, token, &message).await.expect(200);
        assert_eq!(list.text.contains("Add Webhook"), has(ManageEndpoint), "{given:?}");
        assert_eq!(details.text.contains(">Edit</a>"), has(ManageEndpoint), "{given:?}");
        assert_eq!(story.text.contains("/resend\""), has(CreateAttempts), "{given:?}");
        let secret = has(ViewEndpointSecret) || has(ManageEndpointSecret);
        assert_eq!(details.text.contains("Signing secret"), secret, "{given:?}");
        let shown = get(&world, token, &format!("{hook}/secret")).await;
        assert_eq!(shown.status, if secret { 200 } else { 403 }, "{given:?}");
        assert_eq!(shown.text.contains("whsec_"), has(ViewEndpointSecret), "{given:?}");
        let status = |allowed: bool, good: u16| if allowed { good } else { 403 };
        for form in ["edit".to_owned(), "../add/event".to_owned()] {
            let path = format!("{hook}/{form}").replace(&format!("{}/../", one.endpoint), "");
            get(&world, token, &path).await.expect(status(has(ManageEndpoint), 200));
            for what in ["save", "test", "preview"] {
                let answer = post(&world, token, &path, &[("do", what), ("url", "https://n.example/")]).await;
                assert_eq!(answer.status == 403, !has(ManageEndpoint), "{given:?} {path} {what}: {}", answer.text);
            }
        }
        post(&world, token, &format!("{hook}/secret"), &[]).await.expect(status(has(ManageEndpointSecret), 303));
        let fields = [("endpoint", one.endpoint.as_str())];
        post(&world, token, &format!("{message}/resend"), &fields).await.expect(status(has(CreateAttempts), 303));
        // The application's own settings are the operator's.
        post(&world, token, &format!("{}/application", one.base), &[("name", "Mine")]).await.expect(403);
    }
    let viewer = link(&world, "one", Some(Vec::new())).await;
    post(&world, &viewer, &format!("{hook}/delete"), &[]).await.expect(403);
    get(&world, &viewer, &format!("{hook}/delete")).await.expect(403);
}

#[tokio::test]
async fn numbers_that_a_link_cannot_change_are_shown_with_whom_to_ask() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    let numbers = ListedNumber { id: "254700000001".to_owned(), name: Some("Sales".to_owned()) };
    let write = |draft: &mut ApplicationDraft| {
        draft.product_unique_ids.insert("whatsapp".to_owned(), vec![numbers.clone()]);
    };
    world.service.update_application(&world.actor(), "one", write).await.unwrap();
    let page = get(&world, &one.token, &format!("{}/application", one.base)).await.expect(200);
    page.holds("<dt>WhatsApp numbers</dt><dd>254700000001 Sales</dd>");
    page.holds("The list is kept by your provider: ask for one");
    assert!(
        !page.text.contains("<textarea") && !page.text.contains("disabled"),
        "nothing looks as if it could be written"
    );
    let viewer = world
        .signed_in(Role::Viewer)
        .await
        .get(&format!("{}/application", one.base.replace("/portal", "/console")))
        .await;
    viewer.expect(200).holds("editors and admins change them");
}

#[tokio::test]
async fn a_change_has_to_come_from_a_page_of_this_server_here_too() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    let path = format!("{}/webhooks/{}/delete", one.base, one.endpoint);
    for origin in ["https://evil.example", "null"] {
        let request = Request::post(&path)
            .header("host", "localhost:8071")
            .header("origin", origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Bearer {}", one.token));
        world.send(request.body(Body::empty()).unwrap(), "127.0.0.1").await.expect(403);
    }
    let request = Request::options(&path).header("origin", "https://evil.example");
    let answer = world.send(request.body(Body::empty()).unwrap(), "127.0.0.1").await;
    assert!(!answer.headers.contains_key("access-control-allow-headers"), "no other site may send the header");
}

#[tokio::test]
async fn only_the_origins_of_the_branding_may_frame_the_portal_and_nobody_anything_else() {
    let world = World::new();
    let one = customer(&world, "one", None).await;
    let page = format!("{}/webhooks", one.base);
    let policy = |answer: &Answer| answer.headers["content-security-policy"].to_str().unwrap().to_owned();
    let closed = get(&world, &one.token, &page).await.expect(200);
    assert!(policy(&closed).contains("frame-ancestors 'none'") && closed.headers.contains_key("x-frame-options"));
    let branding = Branding {
        name: Some("Acme <b>Cloud</b>".to_owned()),
        logo_url: Some("https://cdn.acme.example/logo.svg".to_owned()),
        accent_color: Some("#b3261e".to_owned()),
        frame_ancestors: vec!["https://app.acme.example".to_owned()],
    };
    let change = |draft: &mut ringback_service::OrganizationDraft| draft.branding.clone_from(&branding);
    world.service.update_organization(&world.actor(), change).await.unwrap();
    let shell = Request::get(&page).header("host", "localhost:8071").body(Body::empty()).unwrap();
    let shell = world.send(shell, "127.0.0.1").await.expect(200);
    let open = get(&world, &one.token, &page).await.expect(200);
    let over = get(&world, "x", &page).await.expect(401);
    for answer in [&shell, &open, &over] {
        let policy = policy(answer);
        assert!(policy.contains("frame-ancestors https://app.acme.example;"), "{policy}");
        assert!(policy.contains("img-src 'self' https://cdn.acme.example;") && !policy.contains("unsafe"), "{policy}");
        assert!(!answer.headers.contains_key("x-frame-options"));
    }
    open.holds("Acme &#60;b&#62;Cloud&#60;/b&#62;");
    open.holds("src=\"https://cdn.acme.example/logo.svg\"");
    open.holds("/console/assets/accent/b3261e.css");
    let sheet = get(&world, "", "/console/assets/accent/b3261e.css").await.expect(200);
    sheet.holds("--accent:#b3261e");
    get(&world, "", "/console/assets/accent/red.css").await.expect(404);
    // Another organization's pages, and the console, stay closed.
    let elsewhere = get(&world, "x", "/portal/org_000000000000000000000000000/app_x/webhooks").await;
    assert!(policy(&elsewhere).contains("frame-ancestors 'none'"));
    let mut admin = world.signed_in(Role::Admin).await;
    let console = admin.get(&format!("/console/{ORG}")).await.expect(200);
    assert!(policy(&console).contains("frame-ancestors 'none'") && policy(&console).contains("img-src 'self';"));
}
