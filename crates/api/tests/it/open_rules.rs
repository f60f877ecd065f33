//! What the documents of the platforms leave open, how it is decided here, and the test of each decision.

use std::path::Path;

use http::Request;
use serde_json::{Value, json};

use crate::harness::{Answer, World};

const WIRE: &str = "wire/tests/open_rules.rs";
const HANDSHAKE: &str = "wire/src/handshake/tests.rs";
const MESSAGING: &str = "api/tests/it/messaging.rs";
const HERE: &str = "api/tests/it/open_rules.rs";
const JQL: &str = "api/tests/it/jql.rs";

/// A rule, the file of its test below `crates/`, and the name of the test.
const RULES: &[(&str, &str, &str)] = &[
    // ANT's callbacks of messages.
    (
        "all six parameters are sent, the empty ones too, once each and in their order",
        WIRE,
        "ant_gets_all_six_in_every_state_that_it_has_words_for_and_only_a_refused_submission_is_a_failure",
    ),
    ("`+` is `%2B` and a space `%20` in a query", WIRE, "no_value_adds_a_parameter_an_element_or_a_member"),
    (
        "`dr` is there always, and empty until the state is final",
        WIRE,
        "ant_gets_all_six_in_every_state_that_it_has_words_for_and_only_a_refused_submission_is_a_failure",
    ),
    (
        "`sendResult` is SUCCESS, and FAILURE for what was refused and never sent",
        WIRE,
        "ant_gets_all_six_in_every_state_that_it_has_words_for_and_only_a_refused_submission_is_a_failure",
    ),
    (
        "the samples of the documents go out byte for byte",
        "wire/tests/vectors.rs",
        "every_sample_of_the_documents_goes_out_byte_for_byte",
    ),
    // Antly's subscriptions.
    (
        "the same three again are the same subscription",
        JQL,
        "a_subscription_is_one_endpoint_however_often_it_is_asked_for",
    ),
    ("a subscription that was asked for twice gets each event once", HERE, "what_was_asked_for_twice_arrives_once"),
    (
        "what is removed is exactly the three of the token's account, and nothing is no error",
        HERE,
        "only_the_very_subscription_is_removed",
    ),
    (
        "a prefix is 1 to 64 letters, digits, dots, lines; it may have several triggers and URLs",
        HERE,
        "a_prefix_has_many_subscriptions",
    ),
    (
        "triggers are told by their case, and parts of them may be `*`",
        HERE,
        "triggers_are_told_by_their_case_and_may_have_stars",
    ),
    (
        "an unknown trigger is refused with near matches",
        JQL,
        "what_is_not_known_is_refused_with_what_was_probably_meant",
    ),
    (
        "create, update and delete exist for what is registered",
        JQL,
        "all_actions_of_a_registered_entity_can_be_subscribed_to",
    ),
    // Handshake and secret.
    (
        "a `token` of the URL's own is refused where the handshake has that name, which can be another",
        MESSAGING,
        "a_parameter_of_the_url_is_refused_only_where_the_handshake_needs_its_name",
    ),
    (
        "an endpoint that gets events by GET gets its handshake so",
        HANDSHAKE,
        "an_endpoint_that_gets_events_by_get_gets_its_handshake_by_get",
    ),
    ("any other gets a POST with JSON", HANDSHAKE, "the_handshake_of_the_source_document_is_made_to_the_byte"),
    (
        "challenge or key passes, whatever stands around it",
        HANDSHAKE,
        "an_answer_with_challenge_or_key_passes_whatever_stands_around_it",
    ),
    (
        "a value that is there and wrong fails, and so does any status but 200",
        HANDSHAKE,
        "an_answer_that_is_wrong_in_any_way_is_refused_with_what_is_wrong",
    ),
    (
        "strict wants both, lenient takes the bare challenge",
        HANDSHAKE,
        "strict_wants_both_and_lenient_takes_the_bare_challenge_too",
    ),
    (
        "a secret and a header `Authorization` of the owner's cannot both be",
        MESSAGING,
        "what_is_wrong_with_an_authentication_is_told_at_its_member",
    ),
    (
        "no secret goes where a redirect leads",
        "engine/tests/outbound/ssrf.rs",
        "redirects_are_failures_and_are_not_followed",
    ),
    (
        "what comes for an unverified URL waits and leaves in order",
        "api/tests/it/verification.rs",
        "messages_are_held_until_the_handshake_passes_and_then_arrive_in_order",
    ),
    (
        "a new URL is verified while the old one keeps receiving",
        MESSAGING,
        "a_url_that_has_passed_keeps_receiving_until_the_new_one_has_passed_too",
    ),
    (
        "within the grace a secret from before a rotation is tried once more at once",
        "engine/tests/endpoints/rotation.rs",
        "within_the_grace_a_401_is_tried_once_more_with_the_old_secret_as_an_attempt_of_its_own",
    ),
    // The rich delivery report.
    (
        "an id is opaque; batch and place are values of their own",
        WIRE,
        "an_id_is_what_it_was_and_its_batch_and_place_are_values_of_their_own",
    ),
    (
        "times are in the endpoint's zone, then the organization's, then UTC; without one the value is empty",
        WIRE,
        "a_time_is_in_the_zone_of_the_endpoint_then_of_the_organization_then_utc_and_a_missing_one_is_empty",
    ),
    // The console's form.
    (
        "POST is a form, GET a query, JSON and XML a POST of their kind",
        WIRE,
        "post_is_a_form_get_a_query_json_and_xml_a_post_of_their_kind",
    ),
    (
        "the root of XML can be chosen; what XML forbids is U+FFFD",
        WIRE,
        "xml_has_the_root_of_the_endpoints_choice_and_keeps_digits_and_empty_elements",
    ),
    (
        "names are names of XML only where XML is chosen",
        WIRE,
        "names_of_elements_are_checked_where_xml_is_chosen_and_nowhere_else",
    ),
    (
        "without a number an endpoint gets those of all, beside the one of that number",
        "api/tests/it/matching.rs",
        "everything_that_matches_fires_and_filters_are_joined_by_and",
    ),
    (
        "the code is sent always, and the state where it is asked for",
        WIRE,
        "the_outcome_is_always_sent_and_the_state_where_somebody_asks_for_it",
    ),
    (
        "six names, each there, short, and unlike all others",
        WIRE,
        "the_six_names_are_there_short_and_unlike_each_other_and_the_owners",
    ),
    (
        "names that differ in case alone come with a warning",
        HERE,
        "names_that_differ_in_case_alone_come_with_a_warning",
    ),
    ("times are milliseconds unless told otherwise", WIRE, "the_console_writes_milliseconds_unless_told_otherwise"),
    ("a dot in a name is a letter unless names are nested", WIRE, "dots_in_names_are_letters_unless_names_are_nested"),
    (
        "an inbound message is flat by GET and POST, with its whole behind; a medium is id and link",
        WIRE,
        "an_inbound_message_is_flat_with_the_whole_behind_it_and_a_medium_is_its_id_and_link",
    ),
    (
        "what is too long for a URL goes without the whole",
        WIRE,
        "an_inbound_message_that_is_too_long_for_a_url_goes_without_the_whole_and_never_under_another_name",
    ),
    (
        "a URL without a protocol is refused",
        MESSAGING,
        "a_parameter_of_the_url_is_refused_only_where_the_handshake_needs_its_name",
    ),
    (
        "user and password of a URL become basic authentication",
        "api/tests/it/endpoint.rs",
        "user_and_password_leave_the_url_and_go_with_its_origin",
    ),
];

#[test]
fn every_rule_has_its_test() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (rule, file, test) in RULES {
        let text = std::fs::read_to_string(crates.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{rule}: there is no {test} in {file}");
    }
}

/// A world with an application, the entity `profile.Customer`, and a token of the application.
async fn world() -> (World, String) {
    let world = World::new();
    let app = world.app("a").await;
    world.event_type("profile.Customer:create").await;
    let token = world.app_token(&app);
    (world, token)
}

const THREE: [&str; 3] = ["App", "profile.Customer:create", "https://a.example/hook"];

async fn jql(world: &World, token: &str, intent: &str, [prefix, trigger, url]: [&str; 3]) -> Answer {
    let query = json!({
        "__meta__": {
            "namespace": "system.Webhook", "schema": "controller", "intent": intent,
            "authenticationClass": "oauth2", "authenticationToken": token,
        },
        "prefix": prefix, "trigger": trigger, "webhookUrl": url,
    });
    world.send(Request::post("/jql").body(query.to_string().into()).unwrap()).await
}

async fn subscribe(world: &World, token: &str, three: [&str; 3]) -> String {
    let answer = jql(world, token, "subscribeToWebhook", three).await.expect(200);
    answer["result"]["id"].as_str().unwrap().to_owned()
}

async fn removed(world: &World, token: &str, three: [&str; 3]) -> Value {
    jql(world, token, "unsubscribeFromWebhook", three).await.expect(200)["result"]["removed"].clone()
}

/// How many deliveries an event of this type makes.
async fn deliveries(world: &World, event_type: &str) -> usize {
    let id = world.message("a", event_type).await;
    let story = world.get(&format!("/app/a/msg/{id}/story")).await.expect(200);
    story["endpoints"].as_array().unwrap().iter().filter(|chapter| chapter["matched"] == true).count()
}

#[tokio::test]
async fn what_was_asked_for_twice_arrives_once() {
    let (world, token) = world().await;
    let (first, second) = tokio::join!(subscribe(&world, &token, THREE), subscribe(&world, &token, THREE));
    assert_eq!(first, second);
    assert_eq!(deliveries(&world, THREE[1]).await, 1);
    assert_eq!(removed(&world, &token, THREE).await, 1);
    assert_eq!(deliveries(&world, THREE[1]).await, 0);
    assert_ne!(subscribe(&world, &token, THREE).await, first, "once removed it is a new one");
    assert_eq!(deliveries(&world, THREE[1]).await, 1);
}

/// Vector J3: no other is removed.
#[tokio::test]
async fn only_the_very_subscription_is_removed() {
    let (world, token) = world().await;
    let other_app = world.app("b").await;
    let other = world.app_token(&other_app);
    subscribe(&world, &token, THREE).await;
    for (token, three) in [
        (&token, ["app", THREE[1], THREE[2]]),
        (&token, [THREE[0], "profile.Customer:update", THREE[2]]),
        (&token, [THREE[0], "profile.Customer:*", THREE[2]]),
        (&token, [THREE[0], THREE[1], "https://a.example/hook/"]),
        (&token, [THREE[0], THREE[1], "https://a.example/Hook"]),
        (&other, THREE),
    ] {
        assert_eq!(removed(&world, token, three).await, 0, "{three:?}");
    }
    assert_eq!(deliveries(&world, THREE[1]).await, 1);
    assert_eq!(removed(&world, &token, THREE).await, 1);
}

#[tokio::test]
async fn a_prefix_has_many_subscriptions() {
    let (world, token) = world().await;
    let mut ids = vec![
        subscribe(&world, &token, THREE).await,
        subscribe(&world, &token, [THREE[0], "profile.Customer:update", THREE[2]]).await,
        subscribe(&world, &token, [THREE[0], THREE[1], "https://b.example/hook"]).await,
        subscribe(&world, &token, ["Other", THREE[1], THREE[2]]).await,
    ];
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let long = "x".repeat(64);
    for prefix in ["a", "A.b_c-9", long.as_str()] {
        subscribe(&world, &token, [prefix, THREE[1], THREE[2]]).await;
    }
    for prefix in ["", "a b", "é", "a/b", &format!("{long}x")] {
        for intent in ["subscribeToWebhook", "unsubscribeFromWebhook"] {
            let answer = jql(&world, &token, intent, [prefix, THREE[1], THREE[2]]).await;
            assert_eq!(answer.expect(422)["error"]["field"], "prefix", "{prefix}");
        }
    }
}

#[tokio::test]
async fn triggers_are_told_by_their_case_and_may_have_stars() {
    let (world, token) = world().await;
    for trigger in ["profile.customer:create", "Profile.Customer:create", "profile.Customer:CREATE", "shop.*:*"] {
        let answer = jql(&world, &token, "subscribeToWebhook", [THREE[0], trigger, THREE[2]]).await;
        assert_eq!(answer.expect(422)["error"]["field"], "trigger", "{trigger}");
    }
    subscribe(&world, &token, [THREE[0], "profile.Customer:*", THREE[2]]).await;
    assert_eq!(deliveries(&world, "profile.Customer:delete").await, 1);
    subscribe(&world, &token, [THREE[0], "profile.*:*", THREE[2]]).await;
    assert_eq!(deliveries(&world, "profile.Customer:create").await, 2);
    assert_eq!(deliveries(&world, "profile.Order:create").await, 1);
    assert_eq!(deliveries(&world, "profile.sub.Customer:create").await, 0, "a star is one part");
}

#[tokio::test]
async fn names_that_differ_in_case_alone_come_with_a_warning() {
    let (world, _) = world().await;
    let warnings = async |more: Value| {
        let mut body = json!({ "url": "https://example.com/", "dialect": "console" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("/app/a/endpoint", body).await.expect(201)["warnings"].clone()
    };
    let told = |one: &str, other: &str| {
        json!([format!("`{one}` and `{other}` differ in case alone, which many receivers do not tell")])
    };
    assert_eq!(warnings(json!({ "parameters": { "mobile": "MSGID" } })).await, told("msgId", "MSGID"));
    assert_eq!(warnings(json!({ "customParameters": { "Mobile": "1" } })).await, told("mobile", "Mobile"));
    assert_eq!(warnings(json!({ "customParameters": { "a": "1", "A": "2" } })).await, told("a", "A"));
    let plain = json!({ "dialect": "standard-webhooks", "customParameters": { "a": "1", "A": "2" } });
    assert_eq!(warnings(plain).await, told("a", "A"));
    assert_eq!(
        warnings(json!({ "parameters": { "mobile": "to" }, "customParameters": { "a": "1" } })).await,
        json!(null)
    );
}
