use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const PAYLOAD: &str = r#"{"message": {"status": "failed", "parts": 2, "price": 0.8, "to": "+254712345678", "error": null},
    "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 5}], "tags": ["x", "y"], "none": [], "big": 9007199254740993}"#;

fn matches(filter: Value) -> bool {
    let channels = ["north".to_owned(), "south".to_owned()];
    let subject = FilterSubject::new("sms.dlr", &channels, Some("text/plain"), Some(PAYLOAD.as_bytes()));
    let filter = Filter::compile(filter).unwrap();
    let matches = filter.matches(&subject);
    assert_eq!(filter.explain(&subject).iter().all(|finding| finding.met), matches, "{filter:?}");
    matches
}

#[expect(clippy::needless_pass_by_value, reason = "so that cases read as JSON")]
#[track_caller]
fn holds(payload: Value) {
    assert!(matches(json!({ "payload": payload })), "{payload}");
    assert!(!matches(json!({ "$not": { "payload": payload } })), "{payload}");
}

#[expect(clippy::needless_pass_by_value, reason = "so that cases read as JSON")]
#[track_caller]
fn fails(payload: Value) {
    assert!(!matches(json!({ "payload": payload })), "{payload}");
}

#[test]
fn every_operator_says_yes_and_no() {
    let of = |name: &str, condition: Value| json!({ "message": { name: condition } });
    for (name, yes, no) in [
        ("status", json!("failed"), json!("Failed")),
        ("status", json!({"$eq": "failed"}), json!({"$eq": "sent"})),
        ("status", json!({"$neq": "sent"}), json!({"$neq": "failed"})),
        ("status", json!({"$in": ["sent", "failed"]}), json!({"$in": ["sent"]})),
        ("status", json!({"$nin": ["sent"]}), json!({"$nin": ["sent", "failed"]})),
        ("status", json!({"$startsWith": "fa"}), json!({"$startsWith": "ai"})),
        ("status", json!({"$endsWith": "ed"}), json!({"$endsWith": "fa"})),
        ("status", json!({"$gt": "a"}), json!({"$gt": 1})),
        ("parts", json!(2), json!("2")),
        ("parts", json!(2.0), json!(2.1)),
        ("parts", json!({"$gt": 1}), json!({"$gt": 2})),
        ("parts", json!({"$gte": 2}), json!({"$gte": 2.5})),
        ("parts", json!({"$lt": 3}), json!({"$lt": 2})),
        ("parts", json!({"$lte": 2}), json!({"$lte": -1})),
        ("parts", json!({"$gt": 1, "$lt": 3}), json!({"$gt": 1, "$lt": 2})),
        ("price", json!({"$lt": 1}), json!({"$lt": 0.8})),
        ("error", json!(null), json!({"$exist": false})),
        ("other", json!({"$exist": false}), json!(null)),
        ("other", json!({"$neq": 1}), json!({"$gt": 0})),
        ("status", json!({"$or": ["sent", "failed"]}), json!({"$or": ["sent", {"$startsWith": "x"}]})),
        ("status", json!({"$and": [{"$neq": "sent"}, {"$endsWith": "ed"}]}), json!({"$and": ["failed", "sent"]})),
        ("status", json!({"$not": "sent"}), json!({"$not": {"$in": ["failed"]}})),
    ] {
        holds(of(name, yes));
        fails(of(name, no));
    }
}

#[test]
fn a_list_has_what_one_of_its_items_has_and_objects_in_it_are_looked_at_one_by_one() {
    holds(json!({"tags": "x"}));
    holds(json!({"tags": {"$eq": ["x", "y"]}}));
    fails(json!({"tags": {"$eq": ["y", "x"]}}));
    fails(json!({"tags": {"$neq": "y"}}));
    holds(json!({"items": {"sku": "b", "qty": {"$gt": 1}}}));
    fails(json!({"items": {"sku": "a", "qty": {"$gt": 1}}}));
    fails(json!({"none": {"sku": {"$exist": true}}}));
    holds(json!({"none": {"sku": {"$exist": false}}}));
    holds(json!({"items": {"$eq": [{"qty": 1, "sku": "a"}, {"qty": 5, "sku": "b"}]}}));
}

#[test]
fn all_parts_of_a_message_can_be_asked_of() {
    for (filter, wanted) in [
        (json!({"type": "sms.dlr"}), true),
        (json!({"type": {"$startsWith": "sms."}}), true),
        (json!({"eventType": "sms.mo"}), false),
        (json!({"channel": "north"}), true),
        (json!({"channel": {"$nin": ["south"]}}), false),
        (json!({"channel": {"$eq": ["north", "south"]}}), true),
        (json!({"channel": {"$exist": true}}), true),
        (json!({"headers": {"Content-Type": {"$startsWith": "text/"}}}), true),
        (json!({"headers": {"Content-Type": {"$exist": false}}}), false),
        (json!({"data": {"message": {"parts": 2}}, "type": "sms.dlr"}), true),
        (json!({"$or": [{"type": "sms.mo"}, {"payload": {"message": {"status": "failed"}}}]}), true),
        (json!({"$or": [{"type": "sms.mo"}, {"channel": "east"}]}), false),
        (json!({"$not": {"type": "sms.mo"}}), true),
    ] {
        assert_eq!(matches(filter.clone()), wanted, "{filter}");
    }
}

#[test]
fn a_filter_that_was_kept_when_more_was_allowed_is_read_and_asks_the_same() {
    let kept: Filter = serde_json::from_value(json!({"headers": {"x-tenant": {"$exist": true}}})).unwrap();
    assert!(!kept.matches(&FilterSubject::new("t", &[], Some("text/plain"), None)));
    let kept: Filter = serde_json::from_value(json!({"type": 5, "channel": {"a": "b"}})).unwrap();
    assert!(!kept.matches(&FilterSubject::new("t", &[], None, None)));
}

#[test]
fn whole_numbers_are_not_rounded() {
    fails(json!({"big": 9_007_199_254_740_992_i64}));
    holds(json!({"big": 9_007_199_254_740_993_i64}));
}

#[test]
fn a_payload_that_is_gone_has_nothing() {
    let subject = FilterSubject::new("t", &[], None, None);
    let matches = |filter: Value| Filter::compile(filter).unwrap().matches(&subject);
    assert!(!matches(json!({"payload": {"a": 1}})) && !matches(json!({"channel": "a"})));
    assert!(matches(json!({"payload": {"a": {"$exist": false}}})));
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_was_meant() {
    for (filter, path, says) in [
        (json!([]), "", "object"),
        (json!({}), "", "leave it out"),
        (json!({"paylaod": {"a": 1}}), "paylaod", "is it `payload`?"),
        (json!({"status": "failed"}), "status", "inside `payload`"),
        (json!({"payload": {"a": {"$gtr": 1}}}), "payload.a.$gtr", "is it `$gt`?"),
        (json!({"payload": {"a": {"$startswith": "x"}}}), "payload.a.$startswith", "is it `$startsWith`?"),
        (json!({"payload": {"a": {"$ne": 1}}}), "payload.a.$ne", "is it `$neq`?"),
        (json!({"payload": {"a": {"$regularExpression": 1}}}), "payload.a.$regularExpression", "they are `$eq`"),
        (json!({"payload": {"a": ["x"]}}), "payload.a", "$in"),
        (json!({"payload": {"a": {"$in": "x"}}}), "payload.a.$in", "list"),
        (json!({"payload": {"a": {"$or": [1, {"$lt": true}]}}}), "payload.a.$or.1.$lt", "number"),
        (json!({"payload": {"a": {"$exist": "yes"}}}), "payload.a.$exist", "true or false"),
        (json!({"payload": {"a": {}}}), "payload.a", "asks for nothing"),
        (json!({"$eq": 1}), "$eq", "for a value"),
        (json!({"headers": "x"}), "headers", "object"),
        (json!({"headers": {"X-Tenant": "a"}}), "headers.X-Tenant", "`content-type` is the one"),
        (json!({"headers": {"$or": [{"content-type": "a"}, {"host": "b"}]}}), "headers.$or.1.host", "no header `host`"),
        (json!({"type": 5}), "type", "always a text"),
        (json!({"type": null}), "type", "always a text"),
        (json!({"channel": {"$in": ["north", 5]}}), "channel.$in", "always a text"),
        (json!({"channel": {"$or": ["north", {"$gt": 5}]}}), "channel.$or.1.$gt", "always a text"),
        (json!({"type": {"name": "a"}}), "type.name", "no members"),
        (json!({"headers": {"content-type": true}}), "headers.content-type", "always a text"),
        (json!({"payload": {"a": {"$in": vec![1; 300]}}}), "payload.a.$in", "256"),
    ] {
        let error = Filter::compile(filter.clone()).unwrap_err();
        assert_eq!(error.path.join("."), path, "{filter}");
        assert!(error.message.contains(says), "{filter}: {}", error.message);
    }
}

#[test]
fn a_finding_shows_what_is_there() {
    let filter =
        json!({"payload": {"message": {"status": {"$in": ["sent"]}}}, "$or": [{"type": "a"}, {"channel": "b"}]});
    let subject = FilterSubject::new("sms.dlr", &[], None, Some(PAYLOAD.as_bytes()));
    let findings = Filter::compile(filter).unwrap().explain(&subject);
    assert_eq!(findings[0].condition, r#"payload.message.status $in ["sent"]"#);
    assert_eq!(findings[0].found.as_deref(), Some(r#""failed""#));
    let obstacle = Finding::obstacle(&findings).unwrap();
    assert_eq!(obstacle, r#"`payload.message.status $in ["sent"]` is not met: it is "failed""#);
    let obstacle = Finding::obstacle(&findings[1..]).unwrap();
    assert_eq!(obstacle, r#"none of `type $eq "a"`, `channel $eq "b"` is met"#);
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from)
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn matches_in(payload: &str, condition: &Value) -> bool {
    let filter = Filter::compile(json!({ "payload": { "a": condition } })).unwrap();
    let subject = FilterSubject::new("t", &[], None, Some(payload.as_bytes()));
    let matches = filter.matches(&subject);
    assert_eq!(filter.explain(&subject).iter().all(|finding| finding.met), matches);
    matches
}

proptest! {
    #[test]
    fn opposites_are_opposites_and_a_value_equals_itself(payload in value(), wanted in value(), number in -3..3) {
        let text = json!({ "a": payload }).to_string();
        let is = |condition: Value| matches_in(&text, &condition);
        let equals_itself = is(json!({ "$eq": payload }));
        prop_assert!(equals_itself);
        prop_assert_ne!(is(json!({ "$eq": wanted })), is(json!({ "$neq": wanted })));
        prop_assert_ne!(is(json!({ "$in": [wanted] })), is(json!({ "$nin": [wanted] })));
        prop_assert_eq!(is(json!({ "$in": [wanted] })), is(json!({ "$eq": wanted })));
        prop_assert_ne!(is(json!({ "$not": { "$eq": wanted } })), is(json!({ "$eq": wanted })));
        prop_assert_eq!(
            is(json!({ "$gte": number })),
            is(json!({ "$or": [{ "$gt": number }, { "$eq": number }] }))
        );
    }

    #[test]
    fn whatever_filter_and_payload_are_what_is_told_of_them_is_what_holds(filter in value(), payload in any::<String>()) {
        if let Ok(filter) = Filter::compile(json!({ "payload": { "a": filter } })) {
            let subject = FilterSubject::new("t", &[], None, Some(payload.as_bytes()));
            prop_assert_eq!(filter.explain(&subject).iter().all(|one| one.met), filter.matches(&subject));
        }
    }
}
