use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn an_application_is_made_read_replaced_changed_and_deleted() {
    let world = World::new();
    let made = world
        .post("/app", json!({ "name": "A", "uid": "a", "throttleRate": 5, "metadata": { "z": "1", "a": "2" } }))
        .await;
    let id = made.text_of("id");
    assert!(id.starts_with("app_") && id.len() == 31, "{id}");
    let expected = json!({
        "id": id, "uid": "a", "name": "A", "throttleRate": 5, "rateLimit": 5,
        "ingestRate": null, "storageQuota": null, "metadata": { "z": "1", "a": "2" },
        "productUniqueIds": {}, "hasFeedbackSecret": false, "callbackAllowList": [], "createdAt": "2027-01-15T08:00:00Z", "updatedAt": "2027-01-15T08:00:00Z",
    });
    assert_eq!(made.expect(201), expected);
    assert!(made.text.find("\"z\"") < made.text.find("\"a\":\"2\""), "metadata keep their order: {}", made.text);
    assert_eq!(world.get(&format!("/app/{id}")).await.expect(200), expected);
    assert_eq!(world.get("/app/a").await.expect(200), expected);

    world.advance(1);
    let put = world.put("/app/a", json!({ "name": "B" })).await.expect(200);
    assert_eq!(put["uid"], json!(null), "PUT replaces all of it");
    assert_eq!((&put["name"], &put["throttleRate"], &put["metadata"]), (&json!("B"), &json!(null), &json!({})));
    assert_eq!(put["updatedAt"], "2027-01-15T08:00:01Z");
    world.get("/app/a").await.expect(404);

    let path = format!("/app/{id}");
    let patched = world.patch(&path, json!({ "uid": "c", "rateLimit": 7 })).await.expect(200);
    assert_eq!((&patched["name"], &patched["uid"], &patched["throttleRate"]), (&json!("B"), &json!("c"), &json!(7)));
    let patched = world.patch("/app/c", json!({ "throttleRate": null })).await.expect(200);
    assert_eq!(patched["rateLimit"], json!(null));

    assert_eq!(world.delete("/app/c").await.expect(204), json!(null));
    world.get(&path).await.expect(404);
    world.delete(&path).await.expect(404);
    let again = world.post("/app", json!({ "name": "C", "uid": "c" })).await;
    again.expect(201);
    assert_ne!(again.text_of("id"), id);
}

#[tokio::test]
async fn a_uid_belongs_to_one_living_application() {
    let world = World::new();
    let first = world.app("a").await;
    let answer = world.post("/app", json!({ "name": "other", "uid": "a" })).await;
    assert_eq!(answer.expect(409)["code"], "conflict");
    let existing = world.post("/app?get_if_exists=true", json!({ "name": "other", "uid": "a" })).await;
    assert_eq!(existing.expect(200)["id"], json!(first));
    world.post("/app?get_if_exists=true", json!({ "name": "new", "uid": "b" })).await.expect(201);
    world.patch("/app/b", json!({ "uid": "a" })).await.expect(409);
    world.post("/app?get_if_exists=perhaps", json!({ "name": "n" })).await.expect(422);
}

#[tokio::test]
async fn put_makes_what_is_not_there_and_the_path_does_not_become_its_uid() {
    let world = World::new();
    let made = world.put("/app/new", json!({ "name": "N" })).await;
    assert_eq!(made.expect(201)["uid"], json!(null));
    world.get("/app/new").await.expect(404);
    world.get(&format!("/app/{}", made.text_of("id"))).await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_with_an_application_is_told() {
    let world = World::new();
    let faults = async |body| world.post("/app", body).await.faults();
    assert_eq!(faults(json!({})).await, ["body.name"]);
    assert_eq!(faults(json!({ "name": "" })).await, ["body.name"]);
    assert_eq!(faults(json!({ "name": "n".repeat(1_025) })).await, ["body.name"]);
    assert_eq!(faults(json!({ "name": "n\0" })).await, ["body.name"]);
    assert_eq!(faults(json!({ "name": 1 })).await, ["body.name"]);
    assert_eq!(faults(json!({ "name": "n", "uid": "app_1" })).await, ["body.uid"]);
    assert_eq!(
        faults(json!({ "name": "n", "uid": "a b", "throttleRate": 0 })).await,
        ["body.uid", "body.throttleRate"]
    );
    assert_eq!(faults(json!({ "name": "n", "throttleRate": 65_536 })).await, ["body.throttleRate"]);
    assert_eq!(faults(json!({ "name": "n", "throttleRate": 1, "rateLimit": 2 })).await, ["body.throttleRate"]);
    assert_eq!(faults(json!({ "name": "n", "metadata": { "a": 1 } })).await, ["body.metadata.a"]);
    assert_eq!(faults(json!({ "name": "n", "metadata": { "a": "x".repeat(20_000) } })).await, ["body.metadata"]);
    let listed = |ids: &[&str]| json!(ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>());
    for (lists, place) in [
        (json!({ "sms": [] }), "body.productUniqueIds.sms"),
        (json!({ "watsapp": [] }), "body.productUniqueIds.watsapp"),
        (json!({ "whatsapp": listed(&["1", "2", "1"]) }), "body.productUniqueIds.whatsapp.2"),
        (json!({ "whatsapp": listed(&[""]) }), "body.productUniqueIds.whatsapp.0"),
        (json!({ "whatsapp": ["254"] }), "body.productUniqueIds.whatsapp.0"),
    ] {
        assert_eq!(faults(json!({ "name": "n", "productUniqueIds": lists })).await, [place]);
    }
    for secret in ["short", "with space", "geheim-ü-geheim"] {
        assert_eq!(faults(json!({ "name": "n", "feedbackSecret": secret })).await, ["body.feedbackSecret"]);
    }
    for prefix in
        ["example.com", "https://forbidden/", "https://u:p@a.example/", "https://a.example/?x", "https://a.example/{x}"]
    {
        let body = json!({ "name": "n", "callbackAllowList": ["https://b.example/", prefix] });
        assert_eq!(faults(body).await, ["body.callbackAllowList.1"], "{prefix}");
    }
    let both = world.post("/app", json!({ "name": "n", "throttleRate": 2, "rateLimit": 2 })).await;
    assert_eq!(both.expect(201)["throttleRate"], 2);
}

#[tokio::test]
async fn numbers_allow_list_and_feedback_secret_are_kept_and_the_secret_is_never_told() {
    let world = World::new();
    let numbers =
        json!({ "whatsapp": [{ "id": "254700000001", "name": "Shop" }, { "id": "254700000002", "name": null }] });
    let body = json!({
        "name": "A", "uid": "a", "productUniqueIds": numbers, "feedbackSecret": "good-secret",
        "callbackAllowList": ["https://a.example/hooks/"],
    });
    let made = world.post("/app", body).await;
    let shown = made.expect(201);
    assert_eq!((&shown["productUniqueIds"], &shown["hasFeedbackSecret"]), (&numbers, &json!(true)));
    assert_eq!(shown["callbackAllowList"], json!(["https://a.example/hooks/"]));
    let list = world.get("/app").await;
    assert_eq!(list.expect(200)["data"], json!([shown]));
    let put = world.put("/app/a", shown.clone()).await;
    assert_eq!(put.expect(200), shown, "what was read can be sent back as it is, and the secret stays");
    for answer in [&made, &list, &put] {
        assert!(!answer.text.contains("good-secret"), "{}", answer.text);
    }
    let kept = async || {
        let app = world.app_no(&made.text_of("id")).await;
        world.directory.app(app).await.unwrap().unwrap().secrets.feedback_secret.clone()
    };
    assert_eq!(kept().await.unwrap().reveal(), "good-secret");
    let patched = world.patch("/app/a", json!({ "feedbackSecret": "other-secret", "callbackAllowList": null })).await;
    assert_eq!(patched.expect(200)["callbackAllowList"], json!([]));
    assert_eq!(kept().await.unwrap().reveal(), "other-secret");
    let without = world.patch("/app/a", json!({ "feedbackSecret": null, "productUniqueIds": null })).await.expect(200);
    assert_eq!((&without["hasFeedbackSecret"], &without["productUniqueIds"]), (&json!(false), &json!({})));
    assert_eq!(kept().await, None);
}

#[tokio::test]
async fn applications_are_left_out_by_what_endpoints_they_have() {
    let world = World::new();
    let play = "https://play.svix.com/in/e_x/";
    for (uid, endpoints) in [
        ("none", vec![]),
        ("off", vec![("https://example.com/", true)]),
        ("half", vec![("https://example.com/", true), ("https://example.com/2", false)]),
        ("play", vec![(play, false)]),
        ("both", vec![(play, false), ("https://example.com/", false)]),
    ] {
        world.app(uid).await;
        for (url, disabled) in endpoints {
            world.endpoint(uid, json!({ "url": url, "disabled": disabled })).await;
        }
    }
    let listed = async |query: &str| {
        let list = world.get(&format!("/app?{query}")).await.expect(200);
        let uids = list["data"].as_array().unwrap().iter().map(|app| app["uid"].as_str().unwrap().to_owned());
        (
            uids.collect::<Vec<_>>(),
            list["done"].as_bool().unwrap(),
            list["iterator"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let no_endpoints = "exclude_apps_with_no_endpoints=true";
    for (query, left) in [
        (no_endpoints, vec!["off", "half", "play", "both"]),
        ("exclude_apps_with_disabled_endpoints=true", vec!["none", "half", "play", "both"]),
        ("exclude_apps_with_svix_play_endpoints=true", vec!["none", "off", "half", "both"]),
        ("exclude_apps_with_no_endpoints=false", vec!["none", "off", "half", "play", "both"]),
    ] {
        assert_eq!(listed(query).await.0, left, "{query}");
    }
    let (first, done, iterator) = listed(&format!("{no_endpoints}&limit=3")).await;
    assert_eq!((first, done), (["off", "half", "play"].map(str::to_owned).to_vec(), false));
    let (rest, done, last) = listed(&format!("{no_endpoints}&limit=3&iterator={iterator}")).await;
    assert_eq!((rest, done), (vec!["both".to_owned()], true));
    assert_eq!(listed(&format!("{no_endpoints}&limit=2&iterator=-{last}")).await.0, ["half", "play"]);
    world.get("/app?exclude_apps_with_no_endpoints=perhaps").await.expect(422);
}
