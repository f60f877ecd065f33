use bytes::Bytes;
use ringback_model::Role;
use ringback_service::{MessageDraft, OrganizationDraft};
use ringback_testkit::{Answer, Receiver};

use crate::browser::Browser;
use crate::harness::{ORG, World};

/// A browser and the path of an application's webhooks.
pub(crate) async fn customer(world: &World, role: Role) -> (Browser<'_>, String) {
    let mut admin = world.signed_in(Role::Admin).await;
    let page = format!("/console/{ORG}");
    let fields = [("name", "Acme"), ("uid", "acme")];
    let added = admin.post(&page, &page, &fields).await.expect(303);
    let path = added.location().split('?').next().unwrap().to_owned();
    let numbers = [("name", "Acme"), ("uid", "acme"), ("numbers-whatsapp", "254700000001 Sales")];
    let settings = path.replace("/webhooks", "/application");
    admin.post(&settings, &settings, &numbers).await.expect(303);
    (world.signed_in(role).await, path)
}

/// The fields of the form for DLRs, as it is sent when nothing but the URL is filled in.
pub(crate) fn dlr<'a>(url: &'a str, what: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("do", what),
        ("product", "sms"),
        ("sendMethod", "post"),
        ("reportType", "dlr"),
        ("dialect", "console"),
        ("dialectBefore", "console"),
        ("url", url),
        ("parameters.transactionId", "transId"),
        ("parameters.messageId", "msgId"),
        ("parameters.errorCode", "err"),
        ("parameters.mobile", "mobile"),
        ("parameters.receivedTime", "receivedTime"),
        ("parameters.deliveredTime", "dlrTime"),
        ("ordering", "none"),
        ("onExhausted", "skip"),
    ]
}

/// The position of each text in a page, which has to have them in this order.
#[track_caller]
pub(crate) fn in_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let at = rest.find(text).unwrap_or_else(|| panic!("no {text:?} behind those before it in {page}"));
        rest = &rest[at + text.len()..];
    }
}

#[tokio::test]
async fn the_two_forms_have_their_labels_in_their_order() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let page = browser.get(&format!("{path}/add/dlr")).await.expect(200).text;
    in_order(
        &page,
        &[
            "<h1>Add Webhook for DLR (SMS/WhatsApp)</h1>",
            ">Product<",
            ">Webhook Server Send Method<",
            ">POST<",
            ">GET<",
            ">JSON<",
            ">XML<",
            ">Webhook Report Type<",
            ">DLR<",
            ">MO<",
            "MO is not available for the SMS product.",
            ">Webhook (URL Endpoint)<",
            ">Required Parameters<",
            "<code>{{message.status}}</code>",
            ">Transaction ID Parameter<",
            ">Message ID Parameter<",
            ">Error Code Parameter<",
            ">Mobile Number Parameter<",
            ">Received Time Parameter<",
            ">Delivered Time Parameter<",
            "Custom Parameters &amp; Headers (Optional)",
            "Add Custom Parameters",
            "Add Custom Headers",
            ">Test Webhook<",
            ">Save<",
            ">Webhook Test Response<",
        ],
    );
    for absent in ["Waba Number", "Read Time Parameter", "Status Parameter"] {
        assert!(!page.contains(absent), "{absent}");
    }
    let page = browser.get(&format!("{path}/add/mo")).await.expect(200).text;
    in_order(
        &page,
        &[
            "<h1>Add Webhook for WhatsApp’s MO Response</h1>",
            ">Product<",
            ">Webhook Server Send Method<",
            ">Webhook Report Type<",
            ">Waba Number<",
            "254700000001 · Sales",
            ">Webhook (URL Endpoint)<",
            "Add Custom Parameters",
            "Add Custom Headers",
            ">Test Webhook<",
            ">Save Changes<",
            ">Webhook Test Response<",
        ],
    );
    assert!(!page.contains("Required Parameters"));
    browser.get(&format!("{path}/add/other")).await.expect(404);
}

#[tokio::test]
async fn whatsapp_has_a_number_and_two_parameters_more_and_sms_no_mo() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let mut fields = dlr("", "refresh");
    fields[1].1 = "whatsapp";
    let page = browser.post(&form, &form, &fields).await.expect(200).text;
    in_order(
        &page,
        &[">Webhook Report Type<", ">Waba Number<", ">Webhook (URL Endpoint)<", "Read Time", "Status Parameter"],
    );
    let mut fields = dlr("", "refresh");
    fields[3].1 = "mo";
    let page = browser.post(&form, &form, &fields).await.expect(200);
    page.holds("The report type is DLR now");
    let mut fields = dlr("https://a.example/", "save");
    fields[3].1 = "mo";
    browser.post(&form, &form, &fields).await.expect(422).holds("MO is not available for the SMS product.");
}

#[tokio::test]
async fn a_url_without_a_protocol_is_offered_with_one() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let page = browser.post(&form, &form, &dlr("a.example:8443/hook?k=1", "save")).await.expect(422);
    page.holds("value=\"whole-url\"");
    page.holds("Use <code>https://a.example:8443/hook?k=1</code>");
    let page = browser.post(&form, &form, &dlr("a.example:8443/hook?k=1", "whole-url")).await.expect(200);
    page.holds("value=\"https://a.example:8443/hook?k=1\"");
    for other in ["ftp://a.example/", "not a url"] {
        let page = browser.post(&form, &form, &dlr(other, "save")).await.expect(422);
        assert!(!page.text.contains("whole-url"), "{other}: a protocol is not all that is wrong with it");
    }
}

#[tokio::test]
async fn names_of_parameters_outlive_a_look_at_another_type_of_report() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let mut fields = dlr("https://a.example/", "refresh");
    (fields[1].1, fields[3].1) = ("whatsapp", "mo");
    fields.push(("parameters.readTime", "seen"));
    let page = browser.post(&form, &form, &fields).await.expect(200);
    assert!(!page.text.contains("Error Code Parameter"));
    assert_eq!(page.hidden("parameters.errorCode"), "err");
    assert_eq!(page.hidden("parameters.readTime"), "seen");
    // What has no field is not saved.
    let mut fields = dlr("https://a.example/", "save");
    fields.push(("parameters.readTime", "seen"));
    let added = browser.post(&form, &form, &fields).await.expect(303);
    let id = added.location().split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let kept = world.service.get_endpoint(&world.actor(), "acme", &id).await.unwrap().endpoint;
    assert!(!kept.shape.unwrap().parameters.contains_key("readTime"));
}

#[tokio::test]
async fn the_preview_is_the_request_of_a_delivery_and_says_what_is_wrong_in_the_words_of_the_form() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let mut fields = dlr("https://a.example/", "preview");
    fields.push(("testHeader", "on"));
    let page = browser.post(&form, &form, &fields).await.expect(200);
    page.holds("webhook-id");
    assert!(!page.text.contains("x-webhook-test"), "a delivery is not marked as a test");
    let fields = [("customParametersEnabled", "on"), ("parameter-0-name", "err"), ("parameter-0-value", "x")];
    let page = browser.post(&form, &form, &[dlr("https://a.example/", "preview"), fields.into()].concat()).await;
    page.expect(200).holds("Custom parameter 1: There is another parameter");
}

#[tokio::test]
async fn a_list_ends_at_fifty_rows_and_details_say_what_is_kept_and_not_sent() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let names: Vec<_> = (0..50).map(|at| (format!("parameter-{at}-name"), format!("own{at}"))).collect();
    let rows: Vec<_> = names.iter().map(|(field, name)| (field.as_str(), name.as_str())).collect();
    let page = browser.post(&form, &form, &[dlr("https://a.example/", "refresh"), rows].concat()).await.expect(200);
    page.holds("There can be 50 at most.");
    assert!(!page.text.contains("add-parameter"));
    let row = vec![("parameter-0-name", "team"), ("parameter-0-value", "blue")];
    let added = browser.post(&form, &form, &[dlr("https://a.example/", "save"), row].concat()).await.expect(303);
    let one = added.location().split('?').next().unwrap().to_owned();
    browser.get(&one).await.expect(200).holds("<dt>Custom parameter team</dt><dd>blue (kept, not sent)</dd>");
}

#[tokio::test]
async fn an_operator_with_inbound_sms_has_mo_and_numbers_for_it_and_names_for_products_of_its_own() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let words = |types: &[&str]| types.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let write = |draft: &mut OrganizationDraft| {
        draft.products.insert("sms".to_owned(), words(&["dlr", "mo"]));
        draft.products.insert("rcs".to_owned(), words(&["dlr", "seen"]));
    };
    world.service.update_organization(&world.actor(), write).await.unwrap();
    let form = format!("{path}/add/dlr");
    let page = browser.get(&form).await.expect(200);
    assert!(!page.text.contains("MO is not available"), "it is");
    page.holds("<option value=\"rcs\">RCS</option>");
    page.holds("id=\"productUniqueId\"");
    let mut fields = dlr("https://a.example/", "refresh");
    fields[3].1 = "mo";
    let page = browser.post(&form, &form, &fields).await.expect(200);
    page.holds("<option value=\"mo\" selected>MO</option>");
    assert!(!page.text.contains("Required Parameters"));
    page.holds("254712345678");
    assert!(!page.text.contains("id=\"samplePayload\""), "there is an example");
    fields[0].1 = "save";
    browser.post(&form, &form, &fields).await.expect(303);
    let mut own = dlr("https://a.example/", "test");
    (own[1].1, own[3].1) = ("rcs", "seen");
    own.retain(|(name, _)| !name.starts_with("parameters."));
    browser.post(&form, &form, &own).await.expect(422).holds("id=\"dialect-fault\"");
    (own[2].1, own[4].1, own[5].1) = ("json", "standard-webhooks", "standard-webhooks");
    let asked = browser.post(&form, &form, &own).await.expect(422);
    in_order(&asked.text, &["<h2>Sample</h2>", "id=\"samplePayload\"", "id=\"samplePayload-fault\"", ">Test Webhook<"]);
    own.extend([
        ("samplePayload", "{\"product\":\"rcs\",\"message\":{\"id\":\"r-7\"}}"),
        ("template.contentType", "text/plain"),
    ]);
    own.push(("template.body", "seen {{message.id}}"));
    own[0].1 = "preview";
    browser.post(&form, &form, &own).await.expect(200).holds("seen r-7");
    let mut fields = dlr("https://a.example/", "refresh");
    (fields[1].1, fields[3].1) = ("rcs", "mo");
    let page = browser.post(&form, &form, &fields).await.expect(200);
    page.holds("MO is not available for the RCS product. The report type is DLR now.");
}

#[tokio::test]
async fn a_webhook_is_added_listed_changed_and_deleted() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let empty = browser.get(&path).await.expect(200);
    empty.holds("No webhooks configured yet.");
    empty.holds(">Add Webhook</a>");
    let form = format!("{path}/add/dlr");
    let mut fields = dlr("a.example/hook", "save");
    fields[10].1 = "";
    let page = browser.post(&form, &form, &fields).await.expect(422);
    page.holds("id=\"parameters.mobile-fault\"");
    let page = browser.post(&form, &form, &dlr("a.example/hook", "save")).await.expect(422);
    page.holds("https://");
    page.holds("id=\"url-fault\"");
    page.holds("value=\"a.example/hook\"");

    let mut fields = dlr("https://a.example/hook", "save");
    fields.push(("description", "<script>alert(1)</script>"));
    fields.extend([("customParametersEnabled", "on"), ("parameter-0-name", "team"), ("parameter-0-value", "blue")]);
    fields.extend([("customHeadersEnabled", "on"), ("header-3-name", "X-Key"), ("header-3-value", "hush-hush")]);
    fields.push(("header-3-secret", "on"));
    let added = browser.post(&form, &form, &fields).await.expect(303);
    let one = added.location().split('?').next().unwrap().to_owned();
    let table = browser.get(&path).await.expect(200).text;
    in_order(
        &table,
        &[
            ">ID<",
            ">Product<",
            ">Webhook<",
            ">Report Type<",
            ">Server Method<",
            ">Product Unique ID<",
            ">Action<",
            ">State<",
            ">SMS<",
            "https://a.example/hook",
            "&#60;script&#62;",
            ">DLR<",
            ">POST<",
            "—",
            ">Edit<",
            ">Delete<",
            ">View Details<",
            ">Active<",
        ],
    );
    browser.get(&format!("{path}?product=WhatsApp")).await.holds("No webhook fits these filters");
    browser.get(&format!("{path}?find=A.EXAMPLE")).await.holds("View Details");

    let details = browser.get(&one).await.expect(200);
    details.holds("curl -X POST");
    details.holds("****");
    let edit = format!("{one}/edit");
    let page = browser.get(&edit).await.expect(200);
    page.holds("value=\"blue\"");
    for answer in [&details, &page] {
        assert!(!answer.text.contains("hush-hush") && !answer.text.contains("<script>"), "{}", answer.text);
    }
    let version = page.hidden("version");
    // The header's value is kept on the server that it was given for, and goes to no other.
    let changed = |url| {
        let mut fields = dlr(url, "save");
        fields.push(("version", version.as_str()));
        fields.extend([("customHeadersEnabled", "on"), ("header-0-name", "X-Key"), ("header-0-secret", "on")]);
        fields
    };
    let refused = browser.post(&edit, &edit, &changed("https://b.example/")).await;
    refused.holds("It was given for the server of the present URL");
    browser.post(&edit, &edit, &changed("https://a.example/other")).await.expect(303);
    browser.get(&one).await.holds("X-Key");

    browser.get(&format!("{one}/delete")).await.expect(200).holds("Nothing is pending for it");
    browser.post(&edit, &format!("{one}/delete"), &[]).await.expect(303);
    browser.get(&path).await.holds("No webhooks configured yet.");
    browser.get(&one).await.expect(404);
}

#[tokio::test]
async fn the_second_of_two_who_change_one_webhook_sees_what_differs_first() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let added = browser.post(&form, &form, &dlr("https://a.example/", "save")).await.expect(303);
    let edit = format!("{}/edit", added.location().split('?').next().unwrap());
    let version = browser.get(&edit).await.hidden("version");
    world.clock.advance(std::time::Duration::from_secs(1));
    let mut first = dlr("https://first.example/", "save");
    first.push(("version", &version));
    browser.post(&edit, &edit, &first).await.expect(303);
    let mut second = dlr("https://second.example/", "save");
    second.push(("version", &version));
    let told = browser.post(&edit, &edit, &second).await.expect(200);
    told.holds("Somebody else has changed this webhook");
    in_order(&told.text, &[">url<", "https://first.example/", "https://second.example/"]);
    let version = told.hidden("version");
    let mut again = dlr("https://second.example/", "save");
    again.push(("version", &version));
    browser.post(&edit, &edit, &again).await.expect(303);
    browser.get(&path).await.holds("https://second.example/");
}

#[tokio::test]
async fn a_test_of_the_unsaved_form_shows_what_was_sent_and_what_came_back_and_keeps_nothing() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/dlr", Answer::status(201).body("<img src=x onerror=alert(1)>"));
    let form = format!("{path}/add/dlr");
    let url = receiver.url("/dlr");
    let mut fields = dlr(&url, "test");
    fields.extend([("customParametersEnabled", "on"), ("parameter-0-name", "key"), ("parameter-0-value", "hush-hush")]);
    fields.extend([("parameter-0-secret", "on"), ("testHeader", "on")]);
    let page = browser.post(&form, &form, &fields).await.expect(200);
    let response = page.text.split("Webhook Test Response").nth(1).unwrap();
    for part in ["answered 201", "&#60;img src=x", "Request as sent", "x-webhook-test", "First byte"] {
        assert!(response.contains(part), "no {part} in {response}");
    }
    assert!(!response.contains("hush-hush") && !response.contains("<img src=x"));
    assert_eq!(receiver.requests().len(), 1);
    browser.get(&path).await.holds("No webhooks configured yet.");
    // A test that fails does not keep anybody from saving.
    let gone = "http://127.0.0.1:1/";
    browser.post(&form, &form, &dlr(gone, "test")).await.expect(200).holds("alert bad");
    browser.post(&form, &form, &dlr(gone, "save")).await.expect(303);
}

#[tokio::test]
async fn rows_are_added_and_removed_and_a_format_fills_in_the_form() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/dlr");
    let mut fields = dlr("", "add-parameter");
    fields.extend([("customParametersEnabled", "on"), ("parameter-4-name", "team"), ("parameter-4-value", "blue")]);
    let page = browser.post(&form, &form, &fields).await.expect(200);
    page.holds("name=\"parameter-5-name\"");
    page.holds("value=\"team\"");
    fields[0].1 = "remove-parameter-4";
    let page = browser.post(&form, &form, &fields).await.expect(200);
    assert!(!page.text.contains("value=\"team\""));
    let mut fields = dlr("", "refresh");
    fields[4].1 = "rich-dlr";
    let page = browser.post(&form, &form, &fields).await.expect(200);
    page.holds("The form is filled in as");
    assert!(!page.text.contains("Required Parameters"));
}

#[tokio::test]
async fn a_filter_and_a_body_of_its_own_are_asked_for_in_the_form() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/dlr");
    let with =
        |more: &[(&'static str, &'static str)], what| [dlr("https://a.example/hook", what), more.to_vec()].concat();
    let body = ("template.body", "\r\n{\r\n  \"sms\": \"{{message.id}}\"\r\n}");
    let kind = ("template.contentType", "application/json");
    let filter = ("filter", r#"{"payload":{"message":{"status":{"$in":["delivered"]}}}}"#);
    let preview = browser.post(&add, &add, &with(&[body, kind, filter], "preview")).await.expect(200).text;
    assert!(preview.contains("content-type</dt><dd>application/json"), "{preview}");
    assert!(
        preview.contains("{\n  &#34;sms&#34;: &#34;") && !preview.contains("{{message.id}}&#34;\n}</pre>"),
        "{preview}"
    );

    for (wrong, says) in [
        (vec![body], "Say what the body is"),
        (vec![("template.contentType", "json"), body], "It is a media type such as"),
        (vec![kind, ("template.body", "{{{message.id}}")], "aria-describedby=\"template.body-fault\""),
        (vec![kind, body, ("sendMethod", "get")], "A GET has no body"),
        (vec![("filter", "{")], "This is no JSON: EOF while parsing an object at line 1 column 1."),
        (vec![("filter", r#"{"type":"a","type":"b"}"#)], "is given twice"),
        (vec![("filter", r#"{"payload":{"a":{"$inn":[1]}}}"#)], "<code>$in</code>"),
        (vec![("filter", r#"{"payload":{"a":[1]}}"#)], "aria-describedby=\"filter-fault\""),
    ] {
        // The first of a name counts.
        let fields = [wrong, dlr("https://a.example/hook", "save")].concat();
        browser.post(&add, &add, &fields).await.expect(422).holds(says);
    }

    let saved = browser.post(&add, &add, &with(&[body, kind, filter], "save")).await.expect(303);
    let page = saved.location().split('?').next().unwrap().to_owned();
    browser.get(&page).await.expect(200).holds("A body of its own");
    let edit = browser.get(&format!("{page}/edit")).await.expect(200).text;
    // A browser passes over the first end of a line.
    assert!(edit.contains(">\n\n{\n  &#34;sms&#34;: &#34;{{message.id}}&#34;\n}</textarea>"), "{edit}");
    in_order(&edit, &["id=\"filter\"", "&#34;$in&#34;: [", "&#34;delivered&#34;"]);
    let id = page.rsplit('/').next().unwrap();
    let kept = world.service.get_endpoint(&world.actor(), "acme", id).await.unwrap().endpoint;
    assert_eq!(kept.shape.unwrap().template.unwrap().body, "\n{\n  \"sms\": \"{{message.id}}\"\n}");
}

#[tokio::test]
async fn a_sample_that_somebody_writes_is_held_against_the_filter_of_the_form() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/event");
    let with = |sample| {
        [
            ("do", "preview"),
            ("url", "https://a.example/"),
            ("dialect", "standard-webhooks"),
            ("filter", r#"{"payload":{"amount":{"$gt":100}}}"#),
            ("sampleType", "order.paid"),
            ("samplePayload", sample),
        ]
    };
    let told = "its <code>filter</code> does not let the message through";
    browser.post(&add, &add, &with(r#"{"amount":7}"#)).await.expect(200).holds(told);
    assert!(!browser.post(&add, &add, &with(r#"{"amount":700}"#)).await.expect(200).text.contains(told));
}

#[tokio::test]
async fn a_test_goes_without_its_header_where_the_form_says_so() {
    let world = World::new();
    let receiver = Receiver::start().await.unwrap();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/dlr");
    browser.get(&add).await.expect(200).holds("name=\"testHeader\" checked");
    let url = receiver.url("/hook");
    for (more, header) in [(vec![("testHeader", "on")], Some("true")), (vec![], None)] {
        browser.post(&add, &add, &[dlr(&url, "test"), more].concat()).await.expect(200);
        assert_eq!(receiver.requests().last().unwrap().header("x-webhook-test"), header);
    }
}

#[tokio::test]
async fn events_go_to_a_general_webhook_by_type_and_channel() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/event");
    let fields = [
        ("do", "save"),
        ("url", "https://a.example/"),
        ("sendMethod", "json"),
        ("dialect", "standard-webhooks"),
        ("eventTypes", "sms.dlr\nwhatsapp.mo"),
        ("channels", "a, b"),
        ("timeout", "5s"),
        ("retrySchedule", "5s, 1m"),
        ("auth", "bearer"),
        ("auth.token", "hush-hush"),
        ("verification", "ping"),
        ("ordering", "fifo"),
    ];
    let added = browser.post(&form, &form, &fields).await.expect(303);
    let one = added.location().split('?').next().unwrap().to_owned();
    let id = one.rsplit('/').next().unwrap();
    let kept = world.service.get_endpoint(&world.actor(), "acme", id).await.unwrap().endpoint;
    assert_eq!(kept.event_types, Some(vec!["sms.dlr".to_owned(), "whatsapp.mo".to_owned()]));
    assert_eq!(kept.channels, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(kept.timeout(), std::time::Duration::from_secs(5));
    let details = browser.get(&one).await.expect(200);
    for part in ["Verify again", "<dd>Bearer token</dd>", "<dd>One after the other, all</dd>", "5s, 1m"] {
        details.holds(part);
    }
    assert!(!details.text.contains("hush-hush"));
    assert!(!details.text.contains("as the format has it"), "what is not said is not told");
    // Secrets that are left empty stay.
    let edit = format!("{one}/edit");
    let version = browser.get(&edit).await.hidden("version");
    let fields = [
        ("do", "save"),
        ("version", &version),
        ("url", "https://a.example/"),
        ("sendMethod", "json"),
        ("dialect", "standard-webhooks"),
        ("eventTypes", "sms.dlr"),
        ("auth", "bearer"),
        ("verification", "ping"),
    ];
    browser.post(&edit, &edit, &fields).await.expect(303);
    browser.get(&one).await.holds("Bearer token");
}

#[tokio::test]
async fn the_authority_of_a_receiver_is_asked_for_whatever_the_authentication_is() {
    const PEM: &str = "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----";
    /// The certificate of an authority; nobody has its key.
    const CA: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBfzCCASWgAwIBAgIURHFh5H/MtStuTRPBDcmynOhPJvcwCgYIKoZIzj0EAwIw\n\
FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyODA4MzYyNVoYDzIxMjYxMTA0\n\
MDgzNjI1WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO\n\
PQMBBwNCAATR4ec3ttV1Xf7f/LRVfmttuOKnGgSBgGsLYNGIOS0sfz4C6dT0Ve56\n\
RSeWURQR5Epj0euLIJJa1VvtjV/r5OeSo1MwUTAdBgNVHQ4EFgQUgpQK5O+FZvT5\n\
11o9g1PQgLf71v4wHwYDVR0jBBgwFoAUgpQK5O+FZvT511o9g1PQgLf71v4wDwYD\n\
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAAhvqr2ZS+gZTpSmmRZBWP\n\
UC2mX3Gunh++uhfmXyxsiwIhAJqIBZOEQovMu0f5VuxoAAg8skLqC5/OHexfrnIt\n\
O+yx\n\
-----END CERTIFICATE-----";
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/dlr");
    for auth in [vec![], vec![("auth", "bearer"), ("auth.token", "hush-hush")]] {
        let with = |more: &[(&'static str, &'static str)]| [dlr("https://a.example/", "save"), more.to_vec()].concat();
        let broken = browser.post(&add, &add, &[with(&auth), vec![("ca", PEM)]].concat()).await.expect(422);
        broken.holds("aria-describedby=\"ca-fault");
        broken.holds("certificate of an authority");
        let added = browser.post(&add, &add, &[with(&auth), vec![("ca", CA)]].concat()).await.expect(303);
        let page = added.location().split('?').next().unwrap().to_owned();
        browser.get(&page).await.expect(200).holds("one of its own, beside the public ones");
        let edit = format!("{page}/edit");
        browser.get(&edit).await.holds("-----BEGIN CERTIFICATE-----");
        let id = page.rsplit('/').next().unwrap();
        let kept = world.service.get_endpoint(&world.actor(), "acme", id).await.unwrap();
        assert_eq!(kept.endpoint.ca.as_deref(), Some(CA));
        assert_eq!(kept.auth.map(|auth| auth.kind), auth.first().map(|_| "bearer"));
    }
}

#[tokio::test]
async fn several_messages_in_one_request_are_asked_for_in_the_form() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let form = format!("{path}/add/event");
    let mut fields = vec![
        ("do", "save"),
        ("url", "https://a.example/"),
        ("sendMethod", "json"),
        ("dialect", "standard-webhooks"),
        ("eventTypes", "sms.dlr"),
        ("ordering", "fifo"),
        ("batch.maxMessages", "many"),
    ];
    browser.post(&form, &form, &fields).await.expect(422).holds("Write a number of messages, 2 to 1000.");
    fields[6].1 = "1";
    browser.post(&form, &form, &fields).await.expect(422).holds("It is 2 to 1000; leave");
    fields[6].1 = "50";
    let added = browser.post(&form, &form, &fields).await.expect(303);
    let one = added.location().split('?').next().unwrap().to_owned();
    let id = one.rsplit('/').next().unwrap();
    let kept = world.service.get_endpoint(&world.actor(), "acme", id).await.unwrap().endpoint;
    assert_eq!(kept.batch, Some(ringback_model::Batching { max_messages: 50, max_wait_ms: 1_000 }));
    let details = browser.get(&one).await.expect(200);
    for part in ["Messages in one request", ">50<", ">1000<"] {
        details.holds(part);
    }
    let page = browser.get(&format!("{one}/edit")).await.expect(200);
    page.holds(r#"name="batch.maxMessages" value="50""#);
    page.holds("webhook-batch-size");
}

#[tokio::test]
async fn a_viewer_sees_webhooks_and_changes_none() {
    let world = World::new();
    let (mut viewer, path) = customer(&world, Role::Viewer).await;
    let page = viewer.get(&path).await.expect(200);
    assert!(!page.text.contains(">Add Webhook<"));
    let form = format!("{path}/add/dlr");
    viewer.get(&form).await.expect(403);
    for what in ["save", "test"] {
        viewer.post("/console/account", &form, &dlr("https://a.example/", what)).await.expect(403);
    }
}

#[tokio::test]
async fn a_deleted_webhook_is_listed_and_restored() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let added = browser
        .post(&format!("{path}/add/dlr"), &format!("{path}/add/dlr"), &dlr("https://a.example/hook", "save"))
        .await;
    let hook = added.expect(303).location().split('?').next().unwrap().to_owned();
    let id = browser.get(&path).await.expect(200).text;
    let id = id.split("/webhooks/ep_").nth(1).unwrap().split(['"', '/']).next().unwrap().to_owned();
    let (hook, _) = (format!("{path}/ep_{id}"), hook);
    assert!(browser.get(&format!("{path}/deleted")).await.expect(200).text.contains("No webhook was deleted"));
    browser.get(&format!("{hook}/delete")).await.expect(200).holds("for 30 days, until 2027-02-14 08:00:00 UTC");
    browser.post(&format!("{hook}/delete"), &format!("{hook}/delete"), &[]).await.expect(303);
    browser.get(&hook).await.expect(404);
    let page = browser.get(&format!("{path}/deleted")).await.expect(200).text;
    let until = "restorable until 2027-02-14 08:00:00 UTC";
    in_order(&page, &["<h1>Deleted webhooks</h1>", &format!("ep_{id}"), "https://a.example/hook", until, ">Restore<"]);
    let restore = format!("{path}/deleted/ep_{id}/restore");
    let restored = browser.post(&format!("{path}/deleted"), &restore, &[]).await.expect(303);
    assert!(restored.location().starts_with(&hook), "{}", restored.location());
    assert!(browser.get(&hook).await.expect(200).text.contains("https://a.example/hook"));
}

#[tokio::test]
async fn deleting_a_webhook_asks_what_becomes_of_what_is_pending() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/event");
    let fields = [("do", "save"), ("url", "https://a.example/hook"), ("dialect", "standard-webhooks")];
    let added = browser.post(&add, &add, &fields).await.expect(303);
    let hook = added.location().split('?').next().unwrap().to_owned();
    let ask = format!("{hook}/delete");
    let nothing = browser.get(&ask).await.expect(200);
    nothing.holds("Nothing is pending for it");
    assert!(!nothing.text.contains("type=\"radio\""), "there is nothing to choose");
    let payload = Bytes::from_static(b"{}");
    let message = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    world.service.create_message(&world.actor(), "acme", &message, None).await.unwrap();
    let asked = browser.get(&ask).await.expect(200).text;
    in_order(&asked, &["1 delivery is pending for it", "Call it off", "Send it first", ">Delete webhook<"]);
    let gone = browser.post(&ask, &ask, &[("pending", "send")]).await.expect(303);
    let deleted = format!("{path}/deleted");
    assert!(gone.location().starts_with(&deleted), "{}", gone.location());
    let page = browser.get(&deleted).await.expect(200).text;
    in_order(&page, &["Still to send", "https://a.example/hook", ">1<", ">Call off the rest<"]);
    let id = hook.rsplit('/').next().unwrap();
    browser.post(&deleted, &format!("{deleted}/{id}/call-off"), &[]).await.expect(303);
    let page = browser.get(&deleted).await.expect(200).text;
    assert!(page.contains(">Restore<") && !page.contains("Call off the rest"), "{page}");

    browser.post(&deleted, &format!("{deleted}/{id}/restore"), &[]).await.expect(303);
    let paused =
        [("do", "save"), ("url", "https://a.example/hook"), ("dialect", "standard-webhooks"), ("paused", "on")];
    let edit = format!("{hook}/edit");
    let version = browser.get(&edit).await.hidden("version");
    let paused: Vec<_> = paused.into_iter().chain([("version", version.as_str())]).collect();
    browser.post(&edit, &edit, &paused).await.expect(303);
    world.service.create_message(&world.actor(), "acme", &message, None).await.unwrap();
    let asked = browser.get(&ask).await.expect(200).text;
    assert!(!asked.contains("type=\"radio\""), "what sends nothing cannot send it first: {asked}");
    let refused = browser.post(&ask, &ask, &[("pending", "send")]).await.expect(422);
    refused.holds("let it go on first");
}

#[tokio::test]
async fn two_webhooks_that_get_the_same_are_told_before_and_after_they_are_saved() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/mo");
    let mo = |what, number| {
        [
            ("do", what),
            ("product", "whatsapp"),
            ("sendMethod", "json"),
            ("reportType", "mo"),
            ("dialect", "console"),
            ("dialectBefore", "console"),
            ("url", "https://hooks.example/mo"),
            ("productUniqueId", number),
        ]
    };
    let told = "for all numbers will get the messages to <code>254700000001</code>, too.";
    browser.post(&add, &add, &mo("save", "")).await.expect(303);
    browser.post(&add, &add, &mo("preview", "254700000001")).await.expect(200).holds(told);
    let saved = browser.post(&add, &add, &mo("save", "254700000001")).await.expect(303);
    let page = saved.location().to_owned();
    let page = browser.get(&page).await.expect(200);
    page.holds(told);
    page.holds("The WhatsApp webhook <code>https://hooks.example/mo</code> (<code>ep_");
}

#[tokio::test]
async fn how_values_are_written_and_what_counts_as_success_is_kept_and_shown_again() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/dlr");
    let mut fields = dlr("https://hooks.example/in", "preview");
    fields.retain(|(name, _)| *name != "sendMethod");
    fields.extend([
        ("sendMethod", "xml"),
        ("xmlRoot", "report"),
        ("nested", "on"),
        ("emptyValue", "omit"),
        ("success.status", "200, 202"),
        ("success.rule", "contains"),
        ("success.value", "ACK/Jasmin"),
        ("category", "otp"),
    ]);
    browser.post(&add, &add, &fields).await.expect(200).holds("&#60;report&#62;");
    fields[0].1 = "save";
    let page = browser.post(&add, &add, &fields).await.expect(303).location().to_owned();
    let id = page.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let kept = world.service.get_endpoint(&world.actor(), "acme", &id).await.unwrap().endpoint;
    let (shape, success) = (kept.shape.as_deref().unwrap(), kept.success.as_deref().unwrap());
    assert_eq!(
        (shape.xml_root.as_deref(), shape.nested, kept.category.as_deref()),
        (Some("report"), true, Some("otp"))
    );
    assert_eq!((success.status.len(), success.body.as_ref().unwrap().value.as_deref()), (2, Some("ACK/Jasmin")));
    let shown = browser.get(&format!("{path}/{id}/edit")).await.expect(200);
    for value in ["value=\"report\"", "value=\"200, 202\"", "value=\"ACK/Jasmin\"", "name=\"nested\" checked"] {
        shown.holds(value);
    }
    browser.get(&page).await.expect(200).holds("ACK/Jasmin");
    let mut wrong = fields.clone();
    wrong.retain(|(name, _)| *name != "success.status");
    wrong.push(("success.status", "fine"));
    browser.post(&add, &add, &wrong).await.expect(422).holds("id=\"success.status-fault\"");
}

#[tokio::test]
async fn the_key_of_a_handshake_is_shown_to_whoever_may_see_secrets() {
    let world = World::new();
    let (mut editor, path) = customer(&world, Role::Editor).await;
    let add = format!("{path}/add/dlr");
    let mut fields = dlr("https://hooks.example/in", "save");
    fields.extend([("verification", "token"), ("verification.validationKey", "key-of-acme")]);
    let page = editor.post(&add, &add, &fields).await.expect(303).location().to_owned();
    editor.get(&page).await.expect(200).holds("<code class=\"secret\">key-of-acme</code>");
    let mut viewer = world.signed_in(Role::Viewer).await;
    let seen = viewer.get(&page).await.expect(200);
    seen.holds("Verification");
    assert!(!seen.text.contains("key-of-acme"), "{}", seen.text);
}

#[tokio::test]
async fn a_webhook_for_all_events_shows_a_sample_of_what_came_last_or_of_a_report() {
    let world = World::new();
    let (mut browser, path) = customer(&world, Role::Editor).await;
    let fields = [("do", "save"), ("url", "http://127.0.0.1:1/all"), ("sendMethod", "json"), ("ordering", "none")];
    let saved = browser.post(&format!("{path}/add/event"), &format!("{path}/add/event"), &fields).await.expect(303);
    let page = saved.location().split('?').next().unwrap().to_owned();
    let shown = browser.get(&page).await.expect(200);
    shown.holds("&#34;product&#34;:&#34;sms&#34;");
    shown.holds("curl -X POST");
    let payload = Bytes::from_static(b"{}");
    let draft = MessageDraft { event_type: "order.paid", payload, ..MessageDraft::default() };
    world.service.create_message(&world.actor(), "acme", &draft, None).await.unwrap();
    // An event type without an example has a payload that says what it is.
    browser.get(&page).await.expect(200).holds("{&#34;example&#34;:true}");
}
