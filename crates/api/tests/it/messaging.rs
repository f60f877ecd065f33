//! What an endpoint of a messaging platform may say: how requests look, how the two sides know each other, and every
//! sentence that refuses it.

use ringback_model::{Auth, EndpointSecrets};
use serde_json::{Value, json};

use crate::harness::{Answer, World};

async fn world() -> World {
    let world = World::new();
    world.app("a").await;
    world
}

/// Makes an endpoint that says this beside its URL.
async fn make(world: &World, more: Value) -> Answer {
    let mut body = json!({ "url": "https://example.com/hook" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/app/a/endpoint", body).await
}

/// Whether a refusal is at this place and says this.
#[track_caller]
fn refused(answer: &Answer, place: &str, said: &str) {
    assert_eq!(answer.faults(), [place], "{}", answer.text);
    let told = answer.json()["detail"][0]["msg"].as_str().unwrap().to_owned();
    assert!(told.contains(said) && (told.ends_with('.') || told.ends_with('?')), "{told}");
}

impl World {
    async fn secrets(&self, endpoint: &str) -> EndpointSecrets {
        let app = self.get("/app/a").await.text_of("id");
        let id = self.get(&format!("/app/a/endpoint/{endpoint}")).await.text_of("id");
        let (app_no, no) = (self.app_no(&app).await, self.endpoint_no(&app, &id).await);
        self.directory.endpoint(app_no, no).await.unwrap().unwrap().secrets.clone()
    }
}

const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const KEY_PEM: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

#[tokio::test]
async fn the_form_of_the_console_is_kept_in_its_order_and_shown_but_for_its_secrets() {
    let world = world().await;
    let said = json!({
        "product": "whatsapp", "reportType": "dlr", "productUniqueId": "254700000001", "category": "otp",
        "dialect": "console", "sendMethod": "xml",
        "parameters": { "mobile": "msisdn", "transactionId": "txn_id", "readTime": "", "status": "st" },
        "customParameters": [
            { "name": "z", "value": "{{message.status}}", "secret": false }, { "name": "a", "secret": true },
        ],
        "customParametersEnabled": false, "customHeadersEnabled": false, "timeFormat": "YYYY-MM-DD HH:MM:SS",
        "timeZone": "Africa/Nairobi", "numberFormat": "00_prefix", "mask": true, "emptyValue": "omit", "nested": true,
        "xmlRoot": "report", "template": { "contentType": "text/xml", "body": "<a>{{message.id}}</a>" },
        "standardSignature": false, "success": { "status": ["200", "2xx"], "body": { "rule": "nonEmpty" } },
        "statusPolicy": "mask", "statusMask": 19, "registeredBy": "Asha of support",
        "auth": { "type": "oauth2", "tokenUrl": "https://id.example.com/token", "clientId": "c", "scope": "hooks" },
        "verification": { "kind": "token", "mode": "strict", "parameter": "key", "state": "unverified", "reason": null, "checkedAt": null },
    });
    let mut body = said.clone();
    body["customParameters"][1]["value"] = json!("hidden value");
    body["auth"]["clientSecret"] = json!("hidden secret");
    body["verification"]["validationKey"] = json!("hidden-key");
    body["providerSecret"] = json!("hidden token");
    body["uid"] = json!("e");
    let made = make(&world, body).await;
    let shown = made.expect(201);
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    let order = ["\"mobile\"", "\"transactionId\"", "\"readTime\"", "\"status\":\"st\""]
        .map(|name| made.text.find(name).unwrap());
    assert!(order.is_sorted(), "{}", made.text);
    let before = world.secrets("e").await;
    let put = world.put("/app/a/endpoint/e", shown.clone()).await;
    // Where the handshake stands may have changed meanwhile.
    let still = |mut endpoint: Value| {
        endpoint["verification"]
            .as_object_mut()
            .unwrap()
            .retain(|name, _| ["kind", "mode", "parameter"].contains(&&**name));
        endpoint
    };
    assert_eq!(still(put.expect(200)), still(shown), "what was read can be sent back as it is");
    assert_eq!(world.secrets("e").await, before, "and its secrets stay");
    for answer in [&made, &put, &world.get("/app/a/endpoint").await] {
        assert!(!answer.text.contains("hidden"), "{}", answer.text);
    }
    let secrets = world.secrets("e").await;
    assert_eq!(secrets.provider_secret.unwrap().reveal(), "hidden token");
    assert_eq!(secrets.custom_values.iter().map(|value| value.reveal()).collect::<Vec<_>>(), ["", "hidden value"]);
}

#[tokio::test]
async fn absent_stays_null_goes_back_and_a_put_replaces() {
    let world = world().await;
    let said = json!({
        "uid": "e", "product": "sms", "reportType": "dlr", "category": "otp", "dialect": "ant", "sendMethod": "json",
        "timeFormat": "epoch_s", "timeZone": "Asia/Kolkata", "numberFormat": "digits", "emptyValue": "null",
        "mask": true, "standardSignature": false, "customParameters": { "b": "2", "a": "1" }, "statusPolicy": "all",
        "success": { "status": ["200"] }, "auth": { "type": "bearer", "token": "t-1" }, "providerSecret": "p",
    });
    let before = make(&world, said.clone()).await.expect(201);
    assert_eq!(
        before["customParameters"],
        json!([{ "name": "b", "value": "2", "secret": false }, { "name": "a", "value": "1", "secret": false }])
    );
    assert_eq!(world.patch("/app/a/endpoint/e", json!({})).await.expect(200), before);
    for (name, default) in [
        ("reportType", json!(null)),
        ("product", json!(null)),
        ("category", json!(null)),
        ("sendMethod", json!("get")),
        ("timeFormat", json!(null)),
        ("timeZone", json!(null)),
        ("numberFormat", json!(null)),
        ("emptyValue", json!(null)),
        ("mask", json!(null)),
        ("standardSignature", json!(null)),
        ("customParameters", json!(null)),
        ("statusPolicy", json!(null)),
        ("success", json!(null)),
        ("auth", json!(null)),
        ("dialect", json!("standard-webhooks")),
    ] {
        let patched = world.patch("/app/a/endpoint/e", json!({ name: null })).await.expect(200);
        assert_eq!(patched[name], default, "{name}");
    }
    assert_eq!(world.secrets("e").await.provider_secret.unwrap().reveal(), "p", "what was not named stays");
    world
        .put("/app/a/endpoint/e", {
            let mut all = said.clone();
            all["url"] = json!("https://example.com/hook");
            all
        })
        .await
        .expect(200);
    let bare =
        world.put("/app/a/endpoint/e", json!({ "url": "https://example.com/hook", "uid": "e" })).await.expect(200);
    assert_eq!((&bare["dialect"], &bare["customParameters"]), (&json!("standard-webhooks"), &json!(null)));
    assert_eq!(
        bare["auth"],
        json!({ "type": "bearer" }),
        "secrets stay: they cannot be read, so they cannot be sent back"
    );
    assert!(world.secrets("e").await.custom_values.is_empty());
}

/// Vector C14.
#[tokio::test]
async fn the_rules_of_products_are_told_in_their_sentences() {
    let world = world().await;
    let expected = json!({ "detail": [{
        "loc": ["body", "reportType"], "msg": "MO is not available for the SMS product.", "type": "value_error",
    }] });
    assert_eq!(make(&world, json!({ "product": "sms", "reportType": "mo" })).await.expect(422), expected);
    let number = make(&world, json!({ "product": "sms", "productUniqueId": "254700000001" })).await;
    refused(&number, "body.productUniqueId", "The SMS product has no numbers to choose from: leave it out.");
    refused(
        &make(&world, json!({ "product": "watsapp" })).await,
        "body.product",
        "There is no product `watsapp`; is it `whatsapp`?",
    );
    refused(
        &make(&world, json!({ "product": "fax" })).await,
        "body.product",
        "there are lookup, otp, sms, voice, whatsapp.",
    );
    refused(&make(&world, json!({ "reportType": "DLR" })).await, "body.reportType", "is it `dlr`?");
    let ivr = make(&world, json!({ "product": "whatsapp", "reportType": "ivr" })).await;
    refused(&ivr, "body.reportType", "IVR is not available for the WhatsApp product.");
    make(&world, json!({ "product": "whatsapp", "reportType": "mo" })).await.expect(201);
    for name in ["productUniqueId", "category", "registeredBy"] {
        refused(&make(&world, json!({ name: "" })).await, &format!("body.{name}"), "1 to 256 bytes are allowed");
        refused(
            &make(&world, json!({ name: "x".repeat(257) })).await,
            &format!("body.{name}"),
            "1 to 256 bytes are allowed",
        );
    }
}

#[tokio::test]
async fn a_number_that_the_application_does_not_list_comes_with_a_warning() {
    let world = world().await;
    let on = async |number: &str| {
        make(&world, json!({ "product": "whatsapp", "productUniqueId": number })).await.expect(201)["warnings"].clone()
    };
    assert_eq!(on("1").await, json!(null), "there is no list");
    world.patch("/app/a", json!({ "productUniqueIds": { "whatsapp": [{ "id": "254" }] } })).await.expect(200);
    assert_eq!(on("254").await, json!(null));
    assert_eq!(on("255").await, json!(["`255` is none of the numbers that the application lists"]));
}

/// Vector C14: the form says so.
#[tokio::test]
async fn who_saves_an_endpoint_of_a_number_and_one_of_all_numbers_is_told_that_both_get_the_same() {
    let world = world().await;
    let saved = async |uid: &str, more: Value| {
        let mut body = json!({ "uid": uid, "product": "whatsapp", "reportType": "mo" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        make(&world, body).await.expect(201)["warnings"].clone()
    };
    assert_eq!(saved("all", json!({})).await, json!(null));
    let told = json!([
        "the WhatsApp endpoint `https://example.com/hook` (`all`) for all numbers will get the messages to `254`, too"
    ]);
    assert_eq!(saved("one", json!({ "productUniqueId": "254" })).await, told);
    let path = "/app/a/endpoint/one";
    assert_eq!(world.patch(path, json!({ "description": "x" })).await.expect(200)["warnings"], told, "each time");
    for more in [json!({ "reportType": "dlr", "productUniqueId": "254" }), json!({ "disabled": true })] {
        assert_eq!(saved("other", more).await, json!(null));
        world.delete("/app/a/endpoint/other").await.expect(204);
    }
    saved("two", json!({ "productUniqueId": "255", "category": "otp" })).await;
    let one = "`https://example.com/hook` (`one`)";
    let told = json!([format!("the WhatsApp endpoint {one} for single numbers will get the messages to these, too")]);
    assert_eq!(saved("marketing", json!({ "category": "marketing" })).await, told, "`two` gets none of them");
    let both = format!("the WhatsApp endpoints {one} and {}", one.replace("one", "two"));
    let told = json!([format!("{both} for single numbers will get the messages to these, too")]);
    assert_eq!(world.patch("/app/a/endpoint/all", json!({ "description": "x" })).await.expect(200)["warnings"], told);
}

/// Whether a refusal is at this place, or in it, and says this.
async fn told(world: &World, body: &Value, place: &str, said: &str) {
    let answer = make(world, body.clone()).await;
    assert_eq!(answer.status, 422, "{body}");
    let places = answer.faults();
    assert!(places[0].starts_with(place) && places.len() == 1, "{body}: {}", answer.text);
    assert!(answer.json()["detail"][0]["msg"].as_str().unwrap().contains(said), "{body}: {}", answer.text);
}

/// Vector C14: two parameters of one name.
#[tokio::test]
async fn what_no_request_can_be_made_from_is_told_at_its_member() {
    let world = world().await;
    let console = |more: Value| {
        let mut body = json!({ "dialect": "console" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, place, said) in [
        (json!({ "dialect": "rich_dlr" }), "body.dialect", "is it `rich-dlr`?"),
        (json!({ "dialect": "carrier-pigeon" }), "body.dialect", "There is no dialect"),
        (json!({ "sendMethod": "put" }), "body.sendMethod", "one of `get`, `post`, `json`, `xml`"),
        (console(json!({ "parameters": { "mobile": "" } })), "body.parameters.mobile", "always sent"),
        (console(json!({ "parameters": { "mobil": "m" } })), "body.parameters.mobil", "`mobile`"),
        (console(json!({ "parameters": { "mobile": "a", "messageId": "a" } })), "body.parameters", "rename one"),
        (json!({ "parameters": { "mobile": "m" } }), "body.parameters", "no parameters to rename"),
        (console(json!({ "customParameters": { "mobile": "1" } })), "body.customParameters.0", "rename one"),
        (
            console(json!({ "customParameters": [{ "name": "a", "value": "{{message.idd}}" }] })),
            "body.customParameters.0.value",
            "message.id",
        ),
        (
            json!({ "customParameters": [{ "name": "a", "secret": true }] }),
            "body.customParameters.0.value",
            "needs a value",
        ),
        (json!({ "customParameters": [{ "name": "", "value": "" }] }), "body.customParameters.0.name", "needs a name"),
        (json!({ "mask": true }), "body.mask", "`{{message.to}}`"),
        (
            json!({ "dialect": "ant", "product": "whatsapp", "reportType": "mo" }),
            "body.dialect",
            "no form for `whatsapp` `mo`",
        ),
        (
            json!({ "customParameters": [{ "name": "x", "valu": "s" }] }),
            "body.customParameters.0.valu",
            "only `name`, `value`",
        ),
        (
            json!({ "customParameters": [{ "name": "x", "value": null }] }),
            "body.customParameters.0.value",
            "has to be there",
        ),
        (
            json!({ "customParameters": [{ "name": "a", "value": "x".repeat(4_097) }] }),
            "body.customParameters.0.value",
            "At most 4096",
        ),
        (
            json!({ "customParameters": vec![json!({ "name": "a", "value": "" }); 51] }),
            "body.customParameters",
            "At most 50",
        ),
    ] {
        told(&world, &body, place, said).await;
    }
}

#[tokio::test]
async fn formats_and_templates_that_do_not_fit_are_told_at_their_member() {
    let world = world().await;
    for (body, place, said) in [
        (json!({ "timeZone": "Asia/Calcuta" }), "body.timeZone", "is it `Asia/Calcutta`"),
        (json!({ "timeFormat": "unix" }), "body.timeFormat", "one of `epoch_ms`"),
        (json!({ "numberFormat": "E164" }), "body.numberFormat", "one of `e164_plus`"),
        (json!({ "emptyValue": "skip" }), "body.emptyValue", "one of `empty`"),
        (json!({ "sendMethod": "get", "nested": true }), "body.nested", "Only JSON and XML"),
        (
            json!({ "dialect": "console", "sendMethod": "xml", "xmlRoot": "1st" }),
            "body.xmlRoot",
            "no name of an XML element",
        ),
        (
            json!({ "dialect": "console", "sendMethod": "xml", "parameters": { "mobile": "a b" } }),
            "body.parameters.mobile",
            "no name of an XML element",
        ),
        (
            json!({ "sendMethod": "get", "template": { "contentType": "text/plain", "body": "" } }),
            "body.template",
            "A GET has no body",
        ),
        (json!({ "template": { "contentType": "json", "body": "" } }), "body.template.contentType", "media type"),
        (
            json!({ "template": { "contentType": "application/json", "body": "{{{message.id}}" } }),
            "body.template.body",
            "",
        ),
        (
            json!({ "template": { "contentType": "text/plain", "body": "x".repeat(65_537) } }),
            "body.template.body",
            "At most 65536",
        ),
        (json!({ "template": { "body": "" } }), "body.template.contentType", "has to be there"),
        (
            json!({ "template": { "contentType": "text/xml", "body": "<a>\n<b></a>" } }),
            "body.template.body",
            "Line 2, column 4: `<b>` is open",
        ),
        (
            json!({ "template": { "contentType": "text/html", "body": "<a b={{message.id}}>" } }),
            "body.template.body",
            "Line 1, column 6: Put quotes",
        ),
        (
            json!({ "url": "https://example.com/?mobile=1", "dialect": "console", "sendMethod": "get" }),
            "body.url",
            "`mobile`",
        ),
        (
            json!({ "dialect": "console", "product": "whatsapp", "reportType": "mo", "parameters": { "mobile": "m" } }),
            "body.parameters.mobile",
            "leave it out",
        ),
        (json!({ "url": "https://example.com/{{message.idd}}" }), "body.url", "message.id"),
        (
            json!({ "url": "https://example.com/?m={mobil}", "dialect": "rich-dlr", "sendMethod": "get" }),
            "body.url",
            "mobile",
        ),
    ] {
        told(&world, &body, place, said).await;
    }
}

#[tokio::test]
async fn policies_that_cannot_be_are_told_at_their_member() {
    let world = world().await;
    for (body, place, said) in [
        (json!({ "statusPolicy": "some" }), "body.statusPolicy", "one of `all`"),
        (json!({ "statusPolicy": "mask" }), "body.statusMask", "needs a mask of 1 to 31"),
        (json!({ "statusPolicy": "mask", "statusMask": null }), "body.statusMask", "needs a mask of 1 to 31"),
        (json!({ "statusPolicy": "mask", "statusMask": 0 }), "body.statusMask", "It is 1 to 31"),
        (json!({ "statusPolicy": "mask", "statusMask": 32 }), "body.statusMask", "It is 1 to 31"),
        (json!({ "statusPolicy": "mask", "statusMask": 300 }), "body.statusMask", "It is 1 to 31"),
        (json!({ "statusPolicy": "mask", "statusMask": -1 }), "body.statusMask", "It is 1 to 31"),
        (json!({ "retrySchedule": ["5s", "5000d"] }), "body.retrySchedule", "at most 30d"),
        (json!({ "retrySchedule": "5s,5000d" }), "body.retrySchedule", "at most 30d"),
        (json!({ "statusPolicy": "all", "statusMask": 3 }), "body.statusMask", "leave one of the two out"),
        (json!({ "providerSecret": "" }), "body.providerSecret", "1 to 4096 bytes"),
    ] {
        told(&world, &body, place, said).await;
    }
}

#[tokio::test]
async fn places_for_values_in_a_url_are_kept_to_the_byte() {
    let world = world().await;
    for (url, more) in [
        ("https://example.com/{{message.id}}/x?a=%2F&to={{message.to}}&d=%d", json!({})),
        (
            "https://example.com/cb?mobile={mobile}&at={deliv_time}",
            json!({ "dialect": "rich-dlr", "sendMethod": "get" }),
        ),
    ] {
        let mut body = more.clone();
        body["url"] = json!(url);
        assert_eq!(make(&world, body).await.expect(201)["url"], url);
    }
}

#[tokio::test]
async fn a_mask_is_changed_without_naming_its_policy_again() {
    let world = world().await;
    let of = |endpoint: Value| (endpoint["statusPolicy"].clone(), endpoint["statusMask"].clone());
    let masked = |mask: u8| (json!("mask"), json!(mask));
    assert_eq!(of(make(&world, json!({ "uid": "e", "statusMask": 3 })).await.expect(201)), masked(3));
    let patch = async |body: Value| of(world.patch("/app/a/endpoint/e", body).await.expect(200));
    assert_eq!(patch(json!({ "statusMask": 19 })).await, masked(19));
    assert_eq!(patch(json!({ "statusPolicy": "mask" })).await, masked(19));
    assert_eq!(patch(json!({ "statusPolicy": "final_only" })).await, (json!("final_only"), json!(null)));
    assert_eq!(patch(json!({ "statusMask": 1 })).await, masked(1));
    assert_eq!(patch(json!({ "statusMask": null })).await, (json!(null), json!(null)));
}

/// A certificate of nobody's, and its key.
fn certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["ringback.example".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn every_way_to_authenticate_is_kept_and_shows_its_public_part() {
    let world = world().await;
    let (certificate, key) = certificate();
    for (given, shown) in [
        (json!({ "type": "bearer", "token": "hidden" }), json!({ "type": "bearer" })),
        (
            json!({ "type": "basic", "username": "u", "password": "hidden" }),
            json!({ "type": "basic", "username": "u" }),
        ),
        (
            json!({ "type": "apiKey", "header": "X-Api-Key", "value": "hidden" }),
            json!({ "type": "apiKey", "header": "X-Api-Key" }),
        ),
        (
            json!({ "type": "oauth2", "tokenUrl": "https://id.example.com/t", "clientId": "c", "clientSecret": "hidden" }),
            json!({ "type": "oauth2", "tokenUrl": "https://id.example.com/t", "clientId": "c" }),
        ),
        (
            json!({ "type": "mtls", "certificate": certificate, "key": key, "ca": certificate }),
            json!({ "type": "mtls", "certificate": certificate, "ca": certificate }),
        ),
    ] {
        let made = make(&world, json!({ "auth": given, "uid": given["type"] })).await;
        assert_eq!(made.expect(201)["auth"], shown);
        assert!(!made.text.contains("hidden") && !made.text.contains("PRIVATE"), "{}", made.text);
        let path = format!("/app/a/endpoint/{}", given["type"].as_str().unwrap());
        let before = world.secrets(given["type"].as_str().unwrap()).await.auth;
        world.patch(&path, json!({ "auth": shown })).await.expect(200);
        assert_eq!(world.secrets(given["type"].as_str().unwrap()).await.auth, before, "it can be sent back as it is");
        assert_eq!(world.patch(&path, json!({ "auth": null })).await.expect(200)["auth"], json!(null));
    }
}

#[tokio::test]
async fn a_certificate_is_for_https_alone() {
    let world = world().await;
    let (certificate, key) = certificate();
    let auth = json!({ "type": "mtls", "certificate": certificate, "key": key });
    told(&world, &json!({ "url": "http://example.com/in", "auth": auth }), "body.auth", "`https://`").await;
    make(&world, json!({ "uid": "e", "url": "https://example.com/in", "auth": auth })).await.expect(201);
    let moved = world.patch("/app/a/endpoint/e", json!({ "url": "http://example.com/in" })).await;
    assert!(moved.faults()[0].starts_with("body.auth"), "{}", moved.text);
}

#[tokio::test]
async fn an_authority_of_the_receiver_goes_with_every_authentication_and_is_never_passed_over() {
    let world = world().await;
    let (ca, _) = certificate();
    let oauth2 =
        json!({ "type": "oauth2", "tokenUrl": "https://id.example.com/t", "clientId": "c", "clientSecret": "s" });
    let auths = [
        json!(null),
        json!({ "type": "bearer", "token": "t" }),
        json!({ "type": "basic", "username": "u", "password": "p" }),
        json!({ "type": "apiKey", "header": "X-Api-Key", "value": "v" }),
        oauth2.clone(),
    ];
    for (at, auth) in auths.iter().enumerate() {
        let uid = format!("e{at}");
        let made = make(&world, json!({ "uid": uid, "url": "https://example.com/in", "auth": auth, "ca": ca })).await;
        assert_eq!(made.expect(201)["ca"], json!(ca));
        let changed = world.patch(&format!("/app/a/endpoint/{uid}"), json!({ "auth": null })).await;
        assert_eq!(changed.expect(200)["ca"], json!(ca), "it is no part of the authentication");
        let shown = world.patch(&format!("/app/a/endpoint/{uid}"), json!({ "ca": null })).await;
        assert_eq!(shown.expect(200)["ca"], json!(null));
        let mut inside = auth.clone();
        if let Some(members) = inside.as_object_mut() {
            members.insert("ca".to_owned(), json!(ca));
            refused(&make(&world, json!({ "auth": inside })).await, "body.auth.ca", "beside `auth`");
        }
    }
    for (body, place, said) in [
        (json!({ "ca": "x" }), "body.ca", "as PEM"),
        (json!({ "ca": PEM }), "body.ca", "certificate of an authority"),
        (json!({ "url": "http://example.com/in", "ca": ca }), "body.ca", "`https://`"),
    ] {
        told(&world, &body, place, said).await;
    }
    let plain = json!({ "url": "http://example.com/in", "auth": oauth2, "ca": ca });
    make(&world, plain).await.expect(201);
}

#[tokio::test]
async fn a_list_stands_for_no_object_of_an_endpoint() {
    let world = world().await;
    for (body, place) in [
        (json!({ "auth": ["bearer", "t"] }), "body.auth"),
        (json!({ "template": ["application/json", "{}"] }), "body.template"),
        (json!({ "success": [["200"], null] }), "body.success"),
        (json!({ "success": { "body": ["equals", "ok"] } }), "body.success.body"),
        (json!({ "verification": ["token", null, null, null] }), "body.verification"),
        (json!({ "batch": [5, 5] }), "body.batch"),
        (json!({ "customParameters": [["a", "b", false]] }), "body.customParameters.0"),
        (json!({ "headers": [["a", "b", false]] }), "body.headers.0"),
    ] {
        refused(&make(&world, body).await, place, "It has to be an object, not sequence.");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_authentication_is_told_at_its_member() {
    let world = world().await;
    let oauth2 = |url: &str, id: &str, secret: &str| json!({ "type": "oauth2", "tokenUrl": url, "clientId": id, "clientSecret": secret });
    for (auth, place, said) in [
        (json!({ "type": "digest" }), "body.auth.type", "one of `bearer`"),
        (json!({}), "body.auth.type", "has to be there"),
        (json!({ "type": "bearer" }), "body.auth.token", "1 to 4096 bytes"),
        (json!({ "type": "bearer", "token": "a\nb" }), "body.auth.token", "no control characters"),
        (json!({ "type": "bearer", "token": "ü" }), "body.auth.token", "no header can carry"),
        (json!({ "type": "basic", "username": "a:b", "password": "p" }), "body.auth.username", "no colon"),
        (
            json!({ "type": "basic", "username": "a", "password": "\u{7}" }),
            "body.auth.password",
            "no control characters",
        ),
        (json!({ "type": "apiKey", "header": "content-type", "value": "v" }), "body.auth.header", "cannot be chosen"),
        (json!({ "type": "apiKey", "header": "a b", "value": "v" }), "body.auth.header", "without spaces"),
        (json!({ "type": "apiKey", "header": "x-key", "value": "" }), "body.auth.value", "1 to 4096 bytes"),
        (json!({ "type": "apiKey", "header": "x-key", "value": "a\r\nb" }), "body.auth.value", "on one line"),
        (oauth2("id.example.com", "c", "s"), "body.auth.tokenUrl", "`https://`"),
        (oauth2("https://forbidden/", "c", "s"), "body.auth.tokenUrl", "cannot be registered"),
        (oauth2("https://u:p@id.example.com/", "c", "s"), "body.auth.tokenUrl", "Leave user and password out"),
        (oauth2("https://id.example.com/", "", "s"), "body.auth.clientId", "1 to 1024 bytes"),
        (oauth2("https://id.example.com/", "c", ""), "body.auth.clientSecret", "1 to 4096 bytes"),
        (json!({ "type": "mtls", "certificate": "x", "key": KEY_PEM }), "body.auth.certificate", "as PEM"),
        (json!({ "type": "mtls", "certificate": PEM, "key": PEM }), "body.auth.key", "as PEM"),
    ] {
        refused(&make(&world, json!({ "auth": auth })).await, place, said);
    }
    let both =
        make(&world, json!({ "auth": { "type": "bearer", "token": "t" }, "headers": { "Authorization": "x" } })).await;
    refused(&both, "body.headers", "`authorization` is sent for `auth` already: keep one of the two.");
    let off = json!({
        "auth": { "type": "bearer", "token": "t" }, "headers": { "Authorization": "x" }, "customHeadersEnabled": false, "uid": "off",
    });
    make(&world, off).await.expect(201);
    let on = world.patch("/app/a/endpoint/off", json!({ "customHeadersEnabled": true })).await;
    refused(&on, "body.headers", "keep one of the two");
    let key = json!({ "auth": { "type": "apiKey", "header": "X-Key", "value": "v" }, "headers": { "x-key": "x" } });
    refused(&make(&world, key).await, "body.headers", "`X-Key` is sent for `auth` already");
    let twice = json!({ "url": "https://u:p@example.com/", "auth": { "type": "bearer", "token": "t" } });
    refused(&make(&world, twice).await, "body.auth", "The URL has a user and a password of its own");
    refused(
        &make(&world, json!({ "headers": { "Content-Type": "x" } })).await,
        "body.headers.Content-Type",
        "cannot be chosen",
    );
}

#[tokio::test]
async fn an_old_bearer_secret_stays_good_for_a_day() {
    let world = world().await;
    make(&world, json!({ "uid": "e", "auth": { "type": "bearer", "token": "one" } })).await.expect(201);
    let patch = async |auth: Value| world.patch("/app/a/endpoint/e", json!({ "auth": auth })).await.expect(200);
    let token = |auth: &Auth| match auth {
        Auth::Bearer { token } => token.reveal().to_owned(),
        other => panic!("{}", other.kind()),
    };
    patch(json!({ "type": "bearer", "token": "two" })).await;
    let secrets = world.secrets("e").await;
    let retired = secrets.retired_auth.unwrap();
    assert_eq!((token(&secrets.auth.unwrap()), token(&retired.auth)), ("two".to_owned(), "one".to_owned()));
    assert_eq!(retired.expires_at.to_string(), "2027-01-16T08:00:00Z");
    patch(json!({ "type": "bearer", "token": "two" })).await;
    assert!(world.secrets("e").await.retired_auth.is_some(), "the same again is no change");
    patch(json!({ "type": "basic", "username": "u", "password": "p" })).await;
    assert_eq!(world.secrets("e").await.retired_auth, None, "an old secret of another kind helps nobody");
}

#[tokio::test]
async fn an_endpoint_made_with_a_handshake_starts_unverified_with_a_key_of_its_own() {
    let world = world().await;
    let made = make(&world, json!({ "uid": "e", "verification": { "kind": "token" } })).await.expect(201);
    assert_eq!(made["verification"]["state"], "unverified");
    let drawn = world.secrets("e").await.validation_key.unwrap();
    assert_eq!(drawn.reveal().len(), 24);
    let other = make(&world, json!({ "uid": "f", "verification": { "kind": "token" } })).await;
    other.expect(201);
    assert_ne!(world.secrets("f").await.validation_key.unwrap(), drawn);
    for (verification, place, said) in [
        (json!({ "kind": "secret" }), "body.verification.kind", "one of `token`"),
        (json!({}), "body.verification.kind", "has to be there"),
        (json!({ "kind": "token", "mode": "loose" }), "body.verification.mode", "one of `default`"),
        (json!({ "kind": "token", "validationKey": "abc" }), "body.verification.validationKey", "4 to 128 visible"),
        (json!({ "kind": "token", "validationKey": "a b c d" }), "body.verification.validationKey", "4 to 128 visible"),
        (json!({ "kind": "token", "parameter": "a b" }), "body.verification.parameter", "1 to 64 characters"),
    ] {
        refused(&make(&world, json!({ "verification": verification })).await, place, said);
    }
    let same = json!({ "auth": { "type": "bearer", "token": "1233XXX" }, "verification": { "kind": "token", "validationKey": "1233XXX" } });
    refused(
        &make(&world, same).await,
        "body.verification.validationKey",
        "The key must be another than the bearer secret.",
    );
    let keyed = json!({ "uid": "g", "verification": { "kind": "token", "validationKey": "1233XXX" } });
    make(&world, keyed).await.expect(201);
    let later = world.patch("/app/a/endpoint/g", json!({ "auth": { "type": "bearer", "token": "1233XXX" } })).await;
    refused(&later, "body.verification.validationKey", "another than the bearer secret");
}

#[tokio::test]
async fn a_parameter_of_the_url_is_refused_only_where_the_handshake_needs_its_name() {
    let world = world().await;
    let with = async |url: &str, verification: Value| {
        world.post("/app/a/endpoint", json!({ "url": url, "verification": verification })).await
    };
    let own = "https://example.com/?a=1&token=mine";
    refused(
        &with(own, json!({ "kind": "token" })).await,
        "body.url",
        "The URL has a parameter `token`, which the handshake needs",
    );
    with(own, json!({ "kind": "token", "parameter": "key" })).await.expect(201);
    with(own, json!({ "kind": "ping" })).await.expect(201);
    with(own, json!(null)).await.expect(201);
    let renamed = with("https://example.com/?key=1", json!({ "kind": "token", "parameter": "key" })).await;
    refused(&renamed, "body.url", "a parameter `key`");
    refused(&with("example.com/hook", json!(null)).await, "body.url", "`https://` or `http://`");
}

#[tokio::test]
async fn a_url_that_has_passed_keeps_receiving_until_the_new_one_has_passed_too() {
    let world = world().await;
    let id = make(&world, json!({ "uid": "e" })).await.text_of("id");
    let passed = json!({ "verification": { "kind": "token", "state": "verified" } });
    world.rewrite("a", &id, passed.clone(), Some("9012XX")).await;
    let patch = async |body: Value| world.patch("/app/a/endpoint/e", body).await.expect(200);
    let stand = |endpoint: &Value| {
        let verification = &endpoint["verification"];
        (endpoint["url"].clone(), verification["pendingUrl"].clone(), verification["state"].clone())
    };
    let (old, new) = (json!("https://example.com/hook"), json!("https://new.example/hook"));
    let moving = patch(json!({ "url": new })).await;
    assert_eq!(stand(&moving), (old.clone(), new.clone(), json!("verified")));
    assert_eq!(stand(&patch(json!({ "description": "d" })).await), (old.clone(), new.clone(), json!("verified")));
    assert_eq!(stand(&patch(json!({ "url": old })).await), (old.clone(), json!(null), json!("verified")), "called off");
    patch(json!({ "url": new })).await;
    let other = patch(json!({ "verification": { "kind": "ping" } })).await;
    assert_eq!(stand(&other), (new.clone(), json!(null), json!("unverified")), "a new handshake is one of the new URL");
    world.rewrite("a", &id, passed, Some("9012XX")).await;
    patch(json!({ "url": old })).await;
    let free = patch(json!({ "verification": null })).await;
    assert_eq!((free["url"].clone(), free["verification"].clone()), (old, json!(null)));
}

#[tokio::test]
async fn no_password_goes_to_a_server_that_it_was_not_given_for() {
    let world = world().await;
    let made = world.post("/app/a/endpoint", json!({ "url": "https://u:p@example.com/", "uid": "e" })).await;
    let id = made.text_of("id");
    let moved = world.patch("/app/a/endpoint/e", json!({ "url": "https://new.example/" })).await.expect(200);
    assert_eq!(moved["auth"], json!(null));
    assert!(moved["warnings"][0].as_str().unwrap().contains("no longer sent"), "{moved}");
    world.patch("/app/a/endpoint/e", json!({ "url": "https://u:p@new.example/" })).await.expect(200);
    world.rewrite("a", &id, json!({ "verification": { "kind": "token", "state": "verified" } }), Some("9012XX")).await;
    let elsewhere = world.patch("/app/a/endpoint/e", json!({ "url": "https://other.example/" })).await;
    refused(&elsewhere, "body.auth", "User and password were given for the server of the present URL");
    let with_password = world.patch("/app/a/endpoint/e", json!({ "url": "https://v:q@other.example/" })).await;
    refused(&with_password, "body.url", "must not get the password of another server");
    let named = json!({ "url": "https://other.example/", "auth": null });
    assert_eq!(
        world.patch("/app/a/endpoint/e", named).await.expect(200)["verification"]["pendingUrl"],
        "https://other.example/"
    );
}

#[tokio::test]
async fn only_the_operator_says_who_registered_an_endpoint() {
    let world = world().await;
    let app = world.get("/app/a").await.text_of("id");
    let token = world.app_token(&app);
    let as_customer =
        async |method: &str, path: &str, body: Value| world.ask(&token, method, path, &[], body.to_string()).await;
    let body = json!({ "url": "https://example.com/", "uid": "e", "registeredBy": "support" });
    let refused = as_customer("POST", "/app/a/endpoint", body.clone()).await;
    assert!(
        refused.expect(403)["detail"].as_str().unwrap().contains("`registeredBy` needs a token of the organization")
    );
    let made = world.post("/app/a/endpoint", body).await.expect(201);
    assert_eq!(made["registeredBy"], "support");
    let path = "/app/a/endpoint/e";
    as_customer("PATCH", path, json!({ "registeredBy": "me" })).await.expect(403);
    as_customer("PATCH", path, json!({ "registeredBy": null })).await.expect(403);
    assert_eq!(as_customer("PATCH", path, json!({ "paused": true })).await.expect(200)["registeredBy"], "support");
    assert_eq!(as_customer("PUT", path, made).await.expect(200)["registeredBy"], "support");
    let bare = json!({ "url": "https://example.com/", "uid": "e" });
    assert_eq!(as_customer("PUT", path, bare.clone()).await.expect(200)["registeredBy"], "support");
    assert_eq!(world.put(path, bare).await.expect(200)["registeredBy"], json!(null));
}

#[tokio::test]
async fn a_member_that_is_none_is_refused_within_what_is_ours_and_told_at_the_top() {
    let world = world().await;
    for (body, place, known) in [
        (
            json!({ "customParameters": [{ "name": "a", "value": "b", "secrt": true }] }),
            "body.customParameters.0.secrt",
            "`secret`",
        ),
        (json!({ "headers": [{ "name": "X-A", "value": "b", "secrt": true }] }), "body.headers.0.secrt", "`secret`"),
        (
            json!({ "template": { "contentType": "text/plain", "body": "x", "typ": "y" } }),
            "body.template.typ",
            "`contentType`",
        ),
        (json!({ "success": { "statuses": ["2xx"] } }), "body.success.statuses", "`status`"),
        (json!({ "success": { "body": { "rule": "nonEmpty", "vale": "x" } } }), "body.success.body.vale", "`value`"),
        (
            json!({ "verification": { "kind": "ping", "validationkey": "12345" } }),
            "body.verification.validationkey",
            "`validationKey`",
        ),
        (json!({ "batch": { "maxMessages": 10, "maxWait": 5 } }), "body.batch.maxWait", "`maxWaitMs`"),
        (json!({ "maxConcurrency": 70_000 }), "body.maxConcurrency", "1 to 2048"),
        (json!({ "maxConcurrency": -1 }), "body.maxConcurrency", "1 to 2048"),
    ] {
        told(&world, &body, place, known).await;
    }
    let made = make(&world, json!({ "uid": "e", "sendMetod": "xml", "colour": "red" })).await.expect(201);
    assert_eq!(made["warnings"].as_array().unwrap().len(), 1, "{made}");
    assert!(made["warnings"][0].as_str().unwrap().contains("is it `sendMethod`?"), "{made}");
    let patched = world.patch("/app/a/endpoint/e", json!({ "send_method": "xml" })).await.expect(200);
    assert!(patched["warnings"][0].as_str().unwrap().contains("is it `sendMethod`?"), "{patched}");
    let mut whole = world.get("/app/a/endpoint/e").await.expect(200);
    whole["verification"] =
        json!({ "kind": "ping", "state": "verified", "reason": null, "checkedAt": null, "pendingUrl": null });
    let put = world.put("/app/a/endpoint/e", whole).await.expect(200);
    assert!(put["warnings"].is_null(), "what was read may be sent back: {put}");
}

#[tokio::test]
async fn an_endpoint_tells_that_it_has_a_provider_secret_and_where_one_does_nothing() {
    let world = world().await;
    let key = "12345678901234567890123456789012";
    let made = make(&world, json!({ "uid": "t", "dialect": "twilio", "providerSecret": key })).await.expect(201);
    assert_eq!((&made["hasProviderSecret"], &made["warnings"]), (&json!(true), &json!(null)), "{made}");
    assert_eq!(world.get("/app/a/endpoint/t").await.expect(200)["hasProviderSecret"], json!(true));
    let made = make(&world, json!({ "dialect": "ant", "providerSecret": key })).await.expect(201);
    assert!(made["warnings"][0].as_str().unwrap().contains("`providerSecret` changes nothing"), "{made}");
    assert!(make(&world, json!({})).await.expect(201)["hasProviderSecret"].is_null());
    let ping = json!({ "verification": { "kind": "ping", "mode": "strict" } });
    let made = make(&world, ping).await.expect(201);
    assert!(made["warnings"][0].as_str().unwrap().contains("`verification.mode` changes nothing"), "{made}");
}

#[tokio::test]
async fn filters_that_let_nothing_through_together_are_told() {
    let world = world().await;
    world.event_type("order.created").await;
    for (body, word) in [
        (json!({ "product": "sms", "eventTypes": ["whatsapp.dlr"] }), "`product` and `eventTypes` exclude each other"),
        (json!({ "reportType": "mo", "eventTypes": ["sms.dlr"] }), "`reportType` and `eventTypes` exclude each other"),
        (
            json!({ "product": "sms", "eventTypes": ["sms.dlr", "whatsapp.dlr"] }),
            "`whatsapp.dlr` in `eventTypes` never comes",
        ),
        (json!({ "category": "marketting" }), "is it `marketing`?"),
        (json!({ "category": "OTP", "product": "sms", "eventTypes": ["sms.dlr", "order.created"] }), ""),
        (json!({ "category": "promotions" }), ""),
    ] {
        let made = make(&world, body.clone()).await.expect(201);
        let warnings = made["warnings"].to_string();
        assert!(warnings.contains(word) && (made["warnings"].is_null() == word.is_empty()), "{body}: {warnings}");
    }
}
