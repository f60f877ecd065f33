use ringback_model::Role;

use crate::harness::{ORG, World};

#[tokio::test]
async fn an_admin_changes_what_holds_for_all_applications() {
    let world = World::new();
    let page = format!("/console/{ORG}/settings");
    let mut admin = world.signed_in(Role::Admin).await;
    admin.get(&page).await.expect(200).holds("Retry schedule");
    let fields = [
        ("retrySchedule", "5s, 5m,30m"),
        ("timeZone", "Africa/Nairobi"),
        ("requireVerification", "yes"),
        ("maskNumbers", "yes"),
        ("attemptRetentionDays", "30"),
        ("products", "rcs: dlr, mo\r\n"),
        ("branding.name", "<b>Acme</b>"),
        ("supportUrl", "mailto:help@example.com"),
    ];
    let saved = admin.post(&page, &page, &fields).await.expect(303);
    let shown = admin.get(saved.location()).await.expect(200);
    shown.holds("The settings are changed");
    shown.holds("value=\"5s, 5m, 30m\"");
    shown.holds("rcs: dlr, mo");
    shown.holds("&#60;b&#62;Acme&#60;/b&#62;");
    let settings = world.service.get_organization(&world.actor()).await.unwrap();
    assert_eq!((settings.require_verification, settings.strict_event_types), (true, false));
    assert_eq!((settings.mask_numbers, settings.validate_payloads), (true, false));
    let days = [settings.retention_days, settings.attempt_retention_days, settings.message_retention_days];
    assert_eq!(days, [None, Some(30), None]);
    shown.holds("<span>&#60;b&#62;Acme&#60;/b&#62;</span>");
    shown.holds("href=\"mailto:help@example.com\"");
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field_and_changes_nothing() {
    let world = World::new();
    let page = format!("/console/{ORG}/settings");
    let mut admin = world.signed_in(Role::Admin).await;
    for (field, value, told) in [
        ("retrySchedule", "soon", "id=\"retrySchedule-fault\""),
        ("retentionDays", "forever", "id=\"retentionDays-fault\""),
        ("messageRetentionDays", "4", "id=\"messageRetentionDays-fault\""),
        ("timeZone", "Mars/Olympus", "id=\"timeZone-fault\""),
        ("supportUrl", "javascript:alert(1)", "id=\"supportUrl-fault\""),
        ("products", "rcs", "write it as in"),
    ] {
        let answer = admin.post(&page, &page, &[(field, value)]).await.expect(422);
        answer.holds(told);
        answer.holds(value);
    }
    assert_eq!(world.service.get_organization(&world.actor()).await.unwrap().time_zone, None);
    let mut editor = world.signed_in(Role::Editor).await;
    let shown = editor.get(&page).await.expect(200);
    shown.holds("<fieldset disabled>");
    editor.post("/console/account", &page, &[("timeZone", "UTC")]).await.expect(403);
}

#[tokio::test]
async fn the_second_of_two_who_change_the_settings_sees_what_differs_first() {
    let world = World::new();
    let page = format!("/console/{ORG}/settings");
    let mut admin = world.signed_in(Role::Admin).await;
    let seen = admin.get(&page).await.hidden("seen");
    let first = [("seen", seen.as_str()), ("timeZone", "Africa/Nairobi"), ("products", "rcs: dlr, mo")];
    admin.post(&page, &page, &first).await.expect(303);
    let second = [("seen", seen.as_str()), ("timeZone", "Asia/Tokyo"), ("products", "rcs: dlr, mo\r\n")];
    let told = admin.post(&page, &page, &second).await.expect(200);
    told.holds("Somebody else has changed this since you opened it.");
    told.holds("<th scope=\"row\" class=\"mono\">Time zone</th><td>Africa/Nairobi</td><td>Asia/Tokyo</td>");
    assert!(!told.text.contains("Products of your own</th>"), "how a browser ends lines is no difference");
    told.holds("name=\"timeZone\" value=\"Asia/Tokyo\"");
    let zone = async || world.service.get_organization(&world.actor()).await.unwrap().time_zone;
    assert_eq!(zone().await.as_deref(), Some("Africa/Nairobi"), "nothing is saved yet");
    let again = [("seen", told.hidden("seen")), ("timeZone", "Asia/Tokyo".to_owned())];
    let again: Vec<_> = again.iter().map(|(name, value)| (*name, value.as_str())).collect();
    admin.post(&page, &page, &again).await.expect(303);
    assert_eq!(zone().await.as_deref(), Some("Asia/Tokyo"));
}
