use ringback_model::Role;
use ringback_service::EventTypeDraft;

use crate::harness::World;
use crate::webhook::{customer, dlr, in_order};

/// The headings of the folded parts of a form that stand open.
fn unfolded(page: &str) -> Vec<&str> {
    let parts = page.split("<details class=\"card more\"").skip(1).filter(|part| part.starts_with(" open>"));
    parts.filter_map(|part| part.split("<h2>").nth(1)?.split("</h2>").next()).collect()
}

#[tokio::test]
async fn a_test_that_is_refused_says_where_something_is_wrong_and_unfolds_that_alone() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    for (field, value, place, open) in [
        ("timeout", "soon", "timeout", vec!["Delivery"]),
        ("success.rule", "contains", "success.value", vec!["Delivery"]),
        ("timeZone", "Mars/Olympus", "timeZone", vec!["How values are written"]),
        ("ca", "no certificate", "ca", vec!["Authentication and verification"]),
        ("filter", "{", "filter", vec!["Filter"]),
    ] {
        let fields = [dlr("https://a.example/", "test"), vec![(field, value)]].concat();
        let page = browser.post(&form, &form, &fields).await.expect(422);
        in_order(&page.text, &["id=\"faults\"", "something has to be changed.", &format!("<a href=\"#{place}\">")]);
        page.holds(&format!("aria-invalid=\"true\" aria-describedby=\"{place}-fault\""));
        assert_eq!(unfolded(&page.text), open, "{field}");
    }
    let row = vec![("customParametersEnabled", "on"), ("parameter-2-name", "err"), ("parameter-2-value", "x")];
    let page = browser.post(&form, &form, &[dlr("https://a.example/", "test"), row].concat()).await.expect(422);
    in_order(&page.text, &["<a href=\"#parameter-2-name\">Custom parameter 1</a>", "id=\"parameter-2-fault\""]);
    // What concerns the form as a whole asks for no change of it.
    for _ in 0..10 {
        browser.post(&form, &form, &dlr("http://127.0.0.1:1/", "test")).await.expect(200);
    }
    let page = browser.post(&form, &form, &dlr("http://127.0.0.1:1/", "test")).await.expect(422);
    page.holds("Nothing was sent or saved yet. At most 10 tests a minute");
    assert!(!page.text.contains("something has to be changed"));
}

#[tokio::test]
async fn a_webhook_for_events_has_a_preview_before_an_event_type_is_named() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/event");
    let first = browser.get(&form).await.expect(200);
    first.holds("Of an event <code>sms.dlr</code>, for a sample.");
    first.holds("/event-types\">Event types</a>");
    let schemas = |text: &str| EventTypeDraft { schemas: Some(text.to_owned()), ..EventTypeDraft::default() };
    let with = schemas(r#"{"1":{"type":"object","examples":[{"invoice":"in_1"}]}}"#);
    for (name, draft) in [("invoice.draft", EventTypeDraft::default()), ("invoice.paid", with)] {
        world.service.create_event_type(&world.actor(), name, draft, None).await.unwrap();
    }
    let shown = browser.get(&form).await.expect(200);
    in_order(&shown.text, &["Of an event <code>invoice.paid</code>", "&#34;invoice&#34;:&#34;in_1&#34;"]);
    let fields = |types| {
        let fields = [("do", "preview"), ("url", "https://a.example/"), ("dialect", "standard-webhooks")];
        [fields.to_vec(), vec![("sendMethod", "json"), ("eventTypes", types)]].concat()
    };
    let shown = browser.post(&form, &form, &fields("invoice.*")).await.expect(200);
    shown.holds("Of an event <code>invoice.paid<");
    let shown = browser.post(&form, &form, &fields("invoice.draft")).await.expect(200);
    shown.holds("Sample payload: There is no sample of this event type");
}

#[tokio::test]
async fn a_webhook_that_was_deleted_while_its_form_was_open_is_restored_or_saved_as_a_new_one() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/dlr");
    let added = browser.post(&add, &add, &dlr("https://a.example/hook", "save")).await.expect(303);
    let hook = added.location().split('?').next().unwrap().to_owned();
    let edit = format!("{hook}/edit");
    let version = browser.get(&edit).await.expect(200).hidden("version");
    browser.post(&format!("{hook}/delete"), &format!("{hook}/delete"), &[]).await.expect(303);
    let entered = |what| [dlr("https://b.example/entered", what), vec![("version", version.as_str())]].concat();
    for what in ["save", "preview", "add-header"] {
        let told = browser.post("/console/account", &edit, &entered(what)).await.expect(200);
        told.holds("This webhook was deleted after you had opened it.");
        told.holds("value=\"https://b.example/entered\"");
        told.holds("value=\"restore\"");
        assert!(!told.text.contains("value=\"save\""));
    }
    browser.get(&hook).await.expect(404);
    let new = browser.post("/console/account", &edit, &entered("save-new")).await.expect(303);
    let new = new.location().split('?').next().unwrap().to_owned();
    assert_ne!(new, hook);
    browser.get(&new).await.expect(200).holds("https://b.example/entered");
    let restored = browser.post("/console/account", &edit, &entered("restore")).await.expect(303);
    assert!(restored.location().starts_with(&hook));
    browser.get(&hook).await.expect(200).holds("https://b.example/entered");
    // What never was, or is erased by now, is not found.
    let other = edit.replace("ep_", "ep_0");
    browser.post("/console/account", &other, &entered("save")).await.expect(404);
    browser.post(&format!("{hook}/delete"), &format!("{hook}/delete"), &[]).await.expect(303);
    world.clock.advance(std::time::Duration::from_secs(31 * 86_400));
    let mut browser = world.signed_in(Role::Editor).await;
    browser.post("/console/account", &edit, &entered("restore")).await.expect(404);
}
