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
        ("retentionDays", "30"),
        ("requireVerification", "yes"),
        ("products", "rcs: dlr, mo\r\n"),
        ("branding.name", "<b>Acme</b>"),
        ("branding.accentColor", "#2450c4"),
        ("branding.frameAncestors", "https://a.example\r\nhttps://b.example"),
        ("supportUrl", "mailto:help@example.com"),
    ];
    let saved = admin.post(&page, &page, &fields).await.expect(303);
    let shown = admin.get(saved.location()).await.expect(200);
    shown.holds("The settings are changed");
    shown.holds("value=\"5s, 5m, 30m\"");
    shown.holds("rcs: dlr, mo");
    shown.holds("&#60;b&#62;Acme&#60;/b&#62;");
    let settings = world.service.get_organization(&world.actor()).await.unwrap();
    assert_eq!((settings.retention_days, settings.require_verification), (Some(30), true));
    assert_eq!(settings.branding.frame_ancestors, ["https://a.example", "https://b.example"]);
    assert!(!settings.strict_event_types);
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field_and_changes_nothing() {
    let world = World::new();
    let page = format!("/console/{ORG}/settings");
    let mut admin = world.signed_in(Role::Admin).await;
    for (field, value, told) in [
        ("retrySchedule", "soon", "id=\"retrySchedule-fault\""),
        ("timeZone", "Mars/Olympus", "id=\"timeZone-fault\""),
        ("retentionDays", "many", "id=\"retentionDays-fault\""),
        ("branding.logoUrl", "javascript:alert(1)", "id=\"branding.logoUrl-fault\""),
        ("products", "rcs", "write it as in"),
        ("branding.frameAncestors", "*", "no wildcard"),
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
