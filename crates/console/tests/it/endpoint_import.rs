//! Webhooks out of a table: looked through first, and imported as far as somebody says.

use ringback_model::Role;
use ringback_service::{ApplicationDraft, AuditFilter, Direction, Window};

use crate::harness::{ORG, World};

const GOOD: &str = "application,url\nacme,https://a.example/\n";
const HALF: &str = "application,url,productt\nacme,https://a.example/,\n";
const MIXED: &str = "application,url,product,reportType\n\
                     acme,https://a.example/,,\n\
                     nobody,https://b.example/<script>,,\n\
                     acme,https://c.example/,sms,mo\n";

async fn world() -> World {
    let world = World::new();
    let draft =
        ApplicationDraft { name: "Acme".to_owned(), uid: Some("acme".to_owned()), ..ApplicationDraft::default() };
    world.service.create_application(&world.actor(), draft, false, None).await.unwrap();
    world
}

async fn kept(world: &World) -> usize {
    let window = Window { limit: 10, from: None, backwards: false, order: Direction::Ascending };
    world.service.list_endpoints(&world.actor(), "acme", &window).await.unwrap().items.len()
}

#[tokio::test]
async fn a_table_is_looked_through_before_it_is_imported() {
    let world = world().await;
    let path = format!("/console/{ORG}/import");
    let mut editor = world.signed_in(Role::Editor).await;
    editor.get(&format!("/console/{ORG}")).await.expect(200).holds(&path);
    editor.get(&path).await.expect(200).holds("/docs/importing.md");
    let told = editor.post(&path, &path, &[("do", "check"), ("csv", GOOD)]).await.expect(200);
    told.holds("1 webhook can be added.");
    assert_eq!(kept(&world).await, 0);
    editor.post(&path, &path, &[("do", "import"), ("csv", GOOD)]).await.expect(200).holds("1 webhook is added.");
    assert_eq!(kept(&world).await, 1);
    let again = editor.post(&path, &path, &[("do", "import"), ("csv", GOOD)]).await.expect(200);
    again.holds("1 was there already.");
    assert_eq!(kept(&world).await, 1);
    let filter = AuditFilter { thing: Some("webhook".to_owned()), ..AuditFilter::default() };
    let audits = world.service.list_audits(&world.actor(), filter, 10).await.unwrap();
    let told: Vec<_> = audits.iter().map(|one| (one.by.as_str(), one.deed.as_str(), one.title.as_str())).collect();
    assert_eq!(told, [("editor@example.com", "added", "https://a.example/")]);
}

#[tokio::test]
async fn good_rows_beside_bad_ones_are_imported_only_when_somebody_says_so() {
    let world = world().await;
    let path = format!("/console/{ORG}/import");
    let mut editor = world.signed_in(Role::Editor).await;
    editor
        .post(&path, &path, &[("do", "check"), ("csv", HALF)])
        .await
        .expect(422)
        .holds("did you mean <code>product</code>?");
    let told = editor.post(&path, &path, &[("do", "check"), ("csv", MIXED)]).await.expect(200);
    told.holds("2 of 3 rows cannot be imported");
    told.holds("MO is not available for the SMS product.");
    assert!(!told.text.contains("<script>") || !told.text.contains("b.example/<script>"), "{}", told.text);
    let held = editor.post(&path, &path, &[("do", "import"), ("csv", MIXED)]).await.expect(422);
    held.holds("Nothing is imported.");
    assert_eq!(kept(&world).await, 0);
    let fields = [("do", "import"), ("csv", MIXED), ("goodOnly", "yes")];
    let half = editor.post(&path, &path, &fields).await.expect(200);
    half.holds("1 webhook is added.");
    half.holds("2 rows are left out");
    half.holds("https://c.example/,sms,mo");
    assert_eq!(kept(&world).await, 1);
}

#[tokio::test]
async fn a_table_is_imported_in_parts_that_tell_how_far_they_are_and_can_be_stopped() {
    let world = world().await;
    let path = format!("/console/{ORG}/import");
    let mut editor = world.signed_in(Role::Editor).await;
    let rows: String = (0..120).map(|at| format!("acme,https://a.example/{at}\n")).collect();
    let table = format!("application,url\n{rows}");
    let told = editor.post(&path, &path, &[("do", "check"), ("csv", &table)]).await.expect(200);
    told.holds("data-rows=\"120\" data-part=\"50\"");
    let first = editor.post(&path, &path, &[("do", "import"), ("csv", &table), ("from", "0")]).await.expect(200);
    first.holds("data-added=\"50\"");
    assert!(first.text.contains("id=\"row-51\"") && !first.text.contains("id=\"row-52\""), "its own rows alone");
    let stopped = [("do", "stop"), ("csv", table.as_str()), ("added", "50")];
    let stopped = editor.post(&path, &path, &stopped).await.expect(200);
    stopped.holds("Stopped. 50 webhooks are added and stay as they are; 70 rows are not imported.");
    stopped.holds("Import 70 webhooks");
    for (from, added, told) in [("50", "50", "100 webhooks are added"), ("100", "100", "120 webhooks are added.")] {
        let fields = [("do", "import"), ("csv", table.as_str()), ("from", from), ("added", added)];
        editor.post(&path, &path, &fields).await.expect(200).holds(told);
    }
    let all = editor.post(&path, &path, &[("do", "check"), ("csv", &table)]).await.expect(200);
    all.holds("All of them are there already");
}

#[tokio::test]
async fn whoever_may_only_look_imports_nothing() {
    let world = world().await;
    let path = format!("/console/{ORG}/import");
    let mut viewer = world.signed_in(Role::Viewer).await;
    assert!(!viewer.get(&format!("/console/{ORG}")).await.text.contains(&path));
    viewer.get(&path).await.expect(403);
    viewer.post("/console/account", &path, &[("do", "import"), ("csv", GOOD)]).await.expect(403);
    assert_eq!(kept(&world).await, 0);
}
