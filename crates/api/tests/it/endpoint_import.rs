//! Endpoints out of a CSV: told first, made like those made by hand, and never twice.

use serde_json::{Value, json};

use crate::harness::World;

const PATH: &str = "/endpoint/import/csv";

async fn world() -> World {
    let world = World::new();
    world.event_type("sms.mo").await;
    for uid in ["acme", "zenith"] {
        world.post("/app", json!({"name": uid, "uid": uid})).await.expect(201);
    }
    world
}

async fn urls(world: &World, app: &str) -> Vec<String> {
    let listed = world.get(&format!("/app/{app}/endpoint?order=ascending")).await.expect(200);
    listed["data"].as_array().unwrap().iter().map(|one| one["url"].as_str().unwrap().to_owned()).collect()
}

fn results(answer: &Value) -> Vec<(u64, String)> {
    let rows = answer["data"].as_array().unwrap();
    rows.iter().map(|row| (row["row"].as_u64().unwrap(), row["result"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn each_row_makes_the_endpoint_that_it_describes() {
    let world = world().await;
    let csv = "Application;Webhook;Product;Report Type;Server Method;dialect;parameters.mobile;customParameters.team;\
               headers.X-Env;Event Types;throttleRate;retrySchedule;auth.token;uid\n\
               acme;https://a.example/dlr;SMS;DLR;GET;console;msisdn;blue & <b>;prod;;5;5s 5m;s3cret;main\n\n\
               zenith;https://z.example/in;;;;;;;;\"sms.dlr,sms.mo\";;;;\n";
    let told = world.post(PATH, json!({"csv": csv, "dryRun": true})).await.expect(200);
    assert_eq!(results(&told), [(2, "fine".to_owned()), (4, "fine".to_owned())], "{told}");
    assert!(urls(&world, "acme").await.is_empty(), "a dry run keeps nothing");
    let made = world.post(PATH, json!({"csv": csv})).await.expect(200);
    assert_eq!((&made["added"], &made["refused"]), (&json!(2), &json!(0)), "{made}");
    let one = world.get("/app/acme/endpoint/main").await.expect(200);
    assert_eq!(one["id"], made["data"][0]["endpointId"]);
    for (member, value) in [
        ("url", json!("https://a.example/dlr")),
        ("product", json!("sms")),
        ("reportType", json!("dlr")),
        ("sendMethod", json!("get")),
        ("dialect", json!("console")),
        ("throttleRate", json!(5)),
    ] {
        assert_eq!(one[member], value, "{member} of {one}");
    }
    assert_eq!(one["parameters"]["mobile"], "msisdn");
    assert_eq!(one["auth"]["type"], "bearer");
    let other = world.get("/app/zenith/endpoint").await.expect(200);
    assert_eq!(other["data"][0]["eventTypes"], json!(["sms.dlr", "sms.mo"]));
}

#[tokio::test]
async fn a_table_can_be_sent_again_and_adds_nothing_twice() {
    let world = world().await;
    let row = "acme,https://a.example/,sms.dlr\n";
    let csv = format!("application,url,eventTypes\n{row}{row}acme,https://a.example/,sms.mo\n");
    let made = world.post(PATH, json!({"csv": csv})).await.expect(200);
    assert_eq!(made["added"], 2, "the second row is the first one again: {made}");
    assert_eq!(made["data"][1]["warnings"], json!(["it is the same as row 2"]));
    let again = world.post(PATH, json!({"csv": csv})).await.expect(200);
    assert_eq!((&again["added"], &again["known"]), (&json!(0), &json!(3)), "{again}");
    assert_eq!(again["data"][0]["endpointId"], made["data"][0]["endpointId"]);
    assert_eq!(urls(&world, "acme").await.len(), 2);
}

#[tokio::test]
async fn nothing_is_kept_beside_a_bad_row_unless_that_is_asked_for() {
    let world = world().await;
    let csv = "application,url,product,reportType,throttleRate,uid\n\
               acme,https://a.example/,,,,one\n\
               acme,ftp://a.example/,sms,mo,fast,\n\
               nobody,https://n.example/,,,,\n\
               acme,https://b.example/,,,,one\n\
               ,https://c.example/,,,,,too much\n";
    let refused = world.post(PATH, json!({"csv": csv})).await;
    assert_eq!(
        refused.faults(),
        [
            "body.csv.3.throttleRate",
            "body.csv.3.reportType",
            "body.csv.3.url",
            "body.csv.4.application",
            "body.csv.5.uid",
            "body.csv.6",
            "body.csv.6.application",
        ]
    );
    assert!(refused.text.contains("MO is not available for the SMS product."), "{}", refused.text);
    assert!(urls(&world, "acme").await.is_empty());
    let told = world.post(PATH, json!({"csv": csv, "dryRun": true})).await.expect(200);
    assert_eq!((&told["added"], &told["refused"]), (&json!(1), &json!(4)), "{told}");
    let made = world.post(PATH, json!({"csv": csv, "goodOnly": true})).await.expect(200);
    assert_eq!((&made["added"], &made["refused"]), (&json!(1), &json!(4)), "{made}");
    assert_eq!(made["data"][2]["errors"][0]["column"], "application");
    assert_eq!(urls(&world, "acme").await, ["https://a.example/"]);
}

#[tokio::test]
async fn a_table_that_makes_no_sense_is_refused_whole() {
    let world = world().await;
    for (csv, said) in [
        ("", "The first row names the columns"),
        ("application,url\n", "no row below"),
        ("application,urll\nacme,https://a.example/\n", "did you mean `url`?"),
        ("url\nhttps://a.example/\n", "There has to be a column `application`."),
        ("application,url\nacme,\"https://a.example/\n", "Row 2: a quotation mark"),
    ] {
        let refused = world.post(PATH, json!({"csv": csv})).await;
        assert_eq!(refused.faults()[0], "body.csv", "{csv}");
        assert!(refused.text.contains(said), "{csv}: {}", refused.text);
    }
}

#[tokio::test]
async fn the_sample_of_the_documentation_is_imported_as_it_stands() {
    let world = world().await;
    world.app("orion").await;
    let page = include_str!("../../../../docs/importing.md");
    let sample = page.split("```csv\n").nth(1).unwrap().split("```").next().unwrap();
    let made = world.post(PATH, json!({"csv": sample})).await.expect(200);
    assert_eq!((&made["added"], &made["refused"]), (&json!(4), &json!(0)), "{made}");
    assert_eq!(urls(&world, "orion").await, ["https://orion.example/in?key=a,b"]);
}
