use ringback_model::Role;

use ringback_service::{EndpointDraft, MessageDraft};

use crate::harness::{ORG, World};

#[tokio::test]
async fn an_application_is_added_found_and_given_numbers() {
    let world = World::new();
    let mut browser = world.signed_in(Role::Editor).await;
    let page = format!("/console/{ORG}");
    browser.post(&page, &page, &[("name", " "), ("uid", "a b")]).await.expect(422).holds("must not be empty");
    let added = browser.post(&page, &page, &[("name", "<b>Acme</b>"), ("uid", "acme")]).await.expect(303);
    let path = added.location().split('?').next().unwrap().replace("/webhooks", "/application");
    browser.get(&page).await.expect(200).holds("&#60;b&#62;Acme&#60;/b&#62;");
    let found = browser.get(&format!("{page}?find=acme")).await.expect(303);
    assert_eq!(found.location(), path.replace("/application", "/webhooks"));
    browser.get(&format!("{page}?find=nobody")).await.expect(200).holds("no application with the ID");

    let fields = [("name", "Acme"), ("uid", "acme"), ("numbers-whatsapp", "254700000001 Sales\r\n254700000001")];
    browser.post(&path, &path, &fields).await.expect(422).holds("listed already");
    let fields = [("name", "Acme"), ("uid", "acme"), ("numbers-whatsapp", "254700000001 Sales\r\n254700000002")];
    browser.post(&path, &path, &fields).await.expect(303);
    let app = world.service.get_application(&world.actor(), "acme").await.unwrap().application;
    let numbers = &app.product_unique_ids["whatsapp"];
    assert_eq!((numbers.len(), numbers[0].name.as_deref()), (2, Some("Sales")));
    let shown = browser.get(&path).await.expect(200);
    shown.holds("254700000001 Sales\n254700000002");
    assert!(!shown.text.contains("SMS numbers"), "SMS has no numbers to choose from");
}

#[tokio::test]
async fn what_goes_with_an_application_is_told_before_it_is_deleted() {
    let world = World::new();
    let mut editor = world.signed_in(Role::Editor).await;
    let page = format!("/console/{ORG}");
    let added = editor.post(&page, &page, &[("name", "<b>Acme</b>"), ("uid", "acme")]).await.expect(303);
    let path = added.location().split('?').next().unwrap().replace("/webhooks", "/application");
    let ask = format!("{path}/delete");
    editor.get(&path).await.expect(200).holds(&ask);
    let asked = editor.get(&ask).await.expect(200);
    asked.holds("Nothing is pending for it");
    asked.holds("no webhook and no polling endpoint");
    asked.holds("Delete “&#60;b&#62;Acme");
    let endpoint = EndpointDraft::new("https://hooks.example/in".to_owned());
    world.service.create_endpoint(&world.actor(), "acme", endpoint, None).await.unwrap();
    let payload = bytes::Bytes::from_static(b"{}");
    let message = MessageDraft { event_type: "order.created", payload, ..MessageDraft::default() };
    world.service.create_message(&world.actor(), "acme", &message, None).await.unwrap();
    let asked = editor.get(&ask).await.expect(200);
    asked.holds("1 webhook and no polling endpoint");
    asked.holds("<b>1 delivery is pending</b> and will be called off");
    let mut viewer = world.signed_in(Role::Viewer).await;
    assert!(!viewer.get(&path).await.expect(200).text.contains("/delete"));
    viewer.get(&ask).await.expect(403);
    viewer.post("/console/account", &ask, &[]).await.expect(403);
    let gone = editor.post(&ask, &ask, &[]).await.expect(303);
    editor.get(gone.location()).await.expect(200).holds("The application is deleted");
    editor.get(&path).await.expect(404);
    editor.get(&format!("{page}/audit")).await.expect(200).holds("deleted");
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_found() {
    let world = World::new();
    let mut browser = world.signed_in(Role::Admin).await;
    let page = format!("/console/{ORG}");
    let path = browser.post(&page, &page, &[("name", "Acme")]).await.location().to_owned();
    let path = path.split('?').next().unwrap();
    let other = path.replace(ORG, "org_23rb8YdGqMT0qIzpgGwdXfHirMv");
    browser.get(path).await.expect(200);
    browser.get(&other).await.expect(404);
    browser.get("/console/org_nonsense/app").await.expect(404);
}

#[tokio::test]
async fn the_second_of_two_who_change_an_application_sees_what_differs_first() {
    let world = World::new();
    let mut editor = world.signed_in(Role::Editor).await;
    let page = format!("/console/{ORG}");
    let added = editor.post(&page, &page, &[("name", "Acme"), ("uid", "acme")]).await.expect(303);
    let path = added.location().split('?').next().unwrap().replace("/webhooks", "/application");
    let seen = editor.get(&path).await.hidden("seen");
    let fields =
        |name, numbers| [("seen", seen.as_str()), ("name", name), ("uid", "acme"), ("numbers-whatsapp", numbers)];
    editor.post(&path, &path, &fields("Acme", "254700000001")).await.expect(303);
    let told = editor.post(&path, &path, &fields("Acme Ltd", "")).await.expect(200);
    told.holds("Somebody else has changed this since you opened it.");
    told.holds(">Name</th><td>Acme</td><td>Acme Ltd</td>");
    told.holds(">WhatsApp numbers</th><td>254700000001</td><td></td>");
    let app = async || world.service.get_application(&world.actor(), "acme").await.unwrap().application;
    assert_eq!(app().await.product_unique_ids["whatsapp"].len(), 1);
    let seen = told.hidden("seen");
    editor.post(&path, &path, &[("seen", seen.as_str()), ("name", "Acme Ltd"), ("uid", "acme")]).await.expect(303);
    assert_eq!((app().await.name.as_str(), app().await.product_unique_ids.len()), ("Acme Ltd", 0));
}
