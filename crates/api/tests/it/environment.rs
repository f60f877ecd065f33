//! What an organization is set up with, out of one place and into another; and event types out of an OpenAPI document.

use serde_json::{Value, json};

use crate::harness::World;

async fn names(world: &World, query: &str) -> Vec<String> {
    let listed = world.get(&format!("/event-type{query}")).await.expect(200);
    listed["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "webhooks": {
            "order.paid": { "post": {
                "summary": "Paid", "description": "An order was paid", "x-feature-flag": "beta",
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
            } },
            "order.gone": { "post": { "summary": "Gone", "deprecated": true } },
        },
        "components": { "schemas": { "Order": { "type": "object", "required": ["id"] } } },
    })
}

#[tokio::test]
async fn webhooks_of_a_document_become_event_types_and_are_changed_by_the_next_one() {
    let world = World::new();
    world.event_type("order.old").await;
    let dry = world.post("/event-type/import/openapi", json!({ "spec": document(), "dryRun": true })).await.expect(200);
    assert_eq!((&dry["data"]["modified"], &dry["data"]["to_modify"][0]["name"]), (&json!([]), &json!("order.paid")));
    assert_eq!(names(&world, "").await, ["order.old"]);

    let text = json!({ "specRaw": document().to_string() });
    let done = world.post("/event-type/import/openapi", text).await.expect(200);
    assert_eq!(done["data"]["modified"], json!(["order.paid", "order.gone"]));
    let paid = world.get("/event-type/order.paid").await.expect(200);
    assert_eq!((&paid["description"], &paid["featureFlag"]), (&json!("An order was paid"), &json!("beta")));
    assert_eq!(paid["schemas"]["1"]["$defs"]["Order"]["required"], json!(["id"]));
    let gone = world.get("/event-type/order.gone").await.expect(200);
    assert_eq!((&gone["deprecated"], &gone["description"]), (&json!(true), &json!("Gone")));
    assert_eq!(names(&world, "").await, ["order.gone", "order.old", "order.paid"]);

    // What the operator has said beside stays, and what the document no longer has is archived when that is asked for.
    world.patch("/event-type/order.paid", json!({ "reportMapping": { "message.id": "id" } })).await.expect(200);
    let smaller = json!({ "x-webhooks": { "order.paid": { "post": { "description": "Now" } } } });
    world.post("/event-type/import/openapi", json!({ "spec": smaller, "replaceAll": true })).await.expect(200);
    assert_eq!(names(&world, "").await, ["order.paid"]);
    assert_eq!(names(&world, "?include_archived=true").await.len(), 3);
    let paid = world.get("/event-type/order.paid").await.expect(200);
    assert_eq!((&paid["description"], &paid["reportMapping"]["message.id"]), (&json!("Now"), &json!("id")));
}

#[tokio::test]
async fn nothing_is_kept_of_a_document_of_which_a_part_is_refused() {
    let world = World::new();
    let mut half_bad = document();
    half_bad["webhooks"]["not a name"] = json!({ "post": {} });
    half_bad["webhooks"]["flagged"] = json!({ "post": { "x-feature-flag": "not a flag" } });
    let answer = world.post("/event-type/import/openapi", json!({ "spec": half_bad })).await;
    assert_eq!(answer.faults(), ["body.spec.webhooks.not a name.name", "body.spec.webhooks.flagged.featureFlag"]);
    assert!(names(&world, "").await.is_empty());
    for (body, fault) in [
        (json!({}), "body.spec"),
        (json!({ "spec": {} }), "body.spec"),
        (json!({ "specRaw": "openapi: 3.1.0" }), "body.specRaw"),
        (json!({ "spec": {}, "specRaw": "{}" }), "body.specRaw"),
    ] {
        assert_eq!(world.post("/event-type/import/openapi", body).await.faults(), [fault]);
    }
}

#[tokio::test]
async fn what_a_document_does_not_say_of_an_event_type_stays_and_what_is_no_webhook_is_told_with_its_place() {
    let world = World::new();
    world.post("/event-type/import/openapi", json!({ "spec": document() })).await.expect(200);
    let before = world.get("/event-type/order.paid").await.expect(200);
    let webhooks = json!({
        "order.paid": {}, "a": 5, "b": { "post": 5 }, "c": { "$ref": "#/components/pathItems/Nope" },
        "d": { "post": { "requestBody": { "content": { "text/plain": {} } } } },
        "e": { "post": { "requestBody": { "content": { "application/json": { "schema": {
            "properties": { "x": { "$ref": "#/components/schemas/NOPE" } } } } } } } },
        "f": { "post": { "requestBody": { "content": { "application/json": { "schema": { "type": "strng" } } } } } },
        "g": { "post": { "description": 5 } },
        "h": { "post": { "requestBody": { "$ref": "other.json" } } },
    });
    let answer = world.post("/event-type/import/openapi", json!({ "spec": { "webhooks": webhooks } })).await;
    let at = "body.spec.webhooks";
    let content = "post.requestBody.content";
    assert_eq!(
        answer.faults(),
        [
            format!("{at}.order.paid"),
            format!("{at}.a"),
            format!("{at}.b.post"),
            format!("{at}.c.$ref"),
            format!("{at}.d.{content}"),
            format!("{at}.e.{content}.application/json.schema.properties.x.$ref"),
            format!("{at}.g.post.description"),
            format!("{at}.h.post.requestBody.$ref"),
            format!("{at}.f.schemas.1.type"),
        ]
    );
    let quiet = json!({ "webhooks": { "order.paid": { "post": {} } } });
    world.post("/event-type/import/openapi", json!({ "spec": quiet })).await.expect(200);
    let after = world.get("/event-type/order.paid").await.expect(200);
    for kept in ["description", "featureFlag", "schemas"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
}

#[tokio::test]
async fn an_event_type_out_of_a_document_has_the_examples_that_stand_there() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let webhook = |media: Value| json!({ "post": { "requestBody": { "content": { "application/json; charset=utf-8": media } } } });
    let order = json!({ "$ref": "#/components/schemas/Order" });
    let spec = json!({
        "webhooks": {
            "by.component": webhook(json!({ "schema": order })),
            "by.media": webhook(json!({ "schema": order, "examples": { "one": { "value": { "id": 2 } } } })),
            "by.item": { "$ref": "#/components/pathItems/Item" },
        },
        "components": {
            "pathItems": { "Item": webhook(json!({ "schema": order, "example": { "id": 3 } })) },
            "schemas": { "Order": { "type": "object", "example": { "id": 1 } } },
        },
    });
    world.post("/event-type/import/openapi", json!({ "spec": spec })).await.expect(200);
    for (name, id) in [("by.component", 1), ("by.media", 2), ("by.item", 3)] {
        let sent = world.post("/app/a/endpoint/e/send-example", json!({ "eventType": name })).await.expect(200);
        assert_eq!(sent["payload"], json!({ "id": id }), "{name}");
    }
}

#[tokio::test]
async fn what_one_organization_is_set_up_with_sets_up_another() {
    let world = World::new();
    world.post("/event-type/import/openapi", json!({ "spec": document() })).await.expect(200);
    world.delete("/event-type/order.gone").await.expect(204);
    world.patch("/organization", json!({ "strictEventTypes": true, "timeZone": "Africa/Nairobi" })).await.expect(200);
    let exported = world.post("/environment/export", json!({})).await.expect(200);
    assert_eq!((&exported["version"], &exported["connectors"]), (&json!(1), &json!([])));

    let other = World::new();
    other.event_type("order.own").await;
    other.post("/environment/import", exported.clone()).await.expect(204);
    let again = other.post("/environment/export", json!({})).await.expect(200);
    for (name, archived) in [("order.gone", true), ("order.own", false), ("order.paid", false)] {
        let one = again["eventTypes"].as_array().unwrap().iter().find(|one| one["name"] == name).expect(name);
        assert_eq!(one["archived"], archived, "{name}");
    }
    assert_eq!(
        (&again["settings"]["strictEventTypes"], &again["settings"]["timeZone"]),
        (&json!(true), &json!("Africa/Nairobi"))
    );
}

#[tokio::test]
async fn an_environment_of_which_a_part_is_refused_leaves_nothing_behind() {
    let world = World::new();
    let good = json!({ "name": "a", "description": "" });
    for (body, faults) in [
        (json!({ "eventTypes": [good, { "name": "b c", "description": "" }] }), vec!["body.eventTypes.b c.name"]),
        (
            json!({ "eventTypes": [good, { "name": "b", "description": "", "schemas": [] }] }),
            vec!["body.eventTypes.b.schemas"],
        ),
        (json!({ "eventTypes": [good], "settings": { "timeZone": "Mars" } }), vec!["body.settings.timeZone"]),
        (json!({ "version": 99, "eventTypes": [good] }), vec!["body.version"]),
        (json!({ "eventTypes": [good, good] }), vec!["body.eventTypes.a"]),
        // All that is wrong is told at once, of items that are none as well.
        (
            json!({ "eventTypes": [good, 5, { "name": "b" }, { "name": 7, "description": "" }], "settings": { "timeZone": 1 } }),
            vec![
                "body.eventTypes.1",
                "body.eventTypes.2.description",
                "body.eventTypes.3.name",
                "body.settings.timeZone",
            ],
        ),
        (
            json!({
                "eventTypes": [
                    good, { "name": "b", "description": "", "schemas": { "1": { "type": "strng" } } },
                    { "name": "c d", "description": "" },
                ],
                "settings": { "retentionDays": 1 },
            }),
            vec!["body.eventTypes.b.schemas.1.type", "body.eventTypes.c d.name", "body.settings.retentionDays"],
        ),
    ] {
        assert_eq!(world.post("/environment/import", body).await.faults(), faults);
        assert!(names(&world, "").await.is_empty());
    }
}

#[tokio::test]
async fn a_precheck_tells_whether_anybody_would_get_a_message() {
    let world = World::new();
    world.app("a").await;
    world.event_type("order.paid").await;
    let active = async |body: Value| world.post("/app/a/msg/precheck/active", body).await.expect(200)["active"].clone();
    assert_eq!(active(json!({ "eventType": "order.paid" })).await, false);
    let endpoint = json!({ "url": "https://a.example/", "uid": "e", "eventTypes": ["order.paid"], "channels": ["eu"] });
    world.endpoint("a", endpoint).await;
    assert_eq!(active(json!({ "eventType": "order.paid" })).await, false);
    assert_eq!(active(json!({ "eventType": "order.paid", "channels": ["eu"] })).await, true);
    assert_eq!(active(json!({ "eventType": "order.other", "channels": ["eu"] })).await, false);
    world.patch("/app/a/endpoint/e", json!({ "disabled": true })).await.expect(200);
    assert_eq!(active(json!({ "eventType": "order.paid", "channels": ["eu"] })).await, false);
    world.post("/app/none/msg/precheck/active", json!({ "eventType": "order.paid" })).await.expect(404);
    assert_eq!(world.post("/app/a/msg/precheck/active", json!({ "eventType": "" })).await.faults(), ["body.eventType"]);
}
