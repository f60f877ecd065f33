//! E-mails to the operator.

use std::time::Duration;

use ringback_engine::egress::Trust;
use ringback_engine::mail::Mailer;
use ringback_model::NoticeKind;
use ringback_service::AlertSettings;
use ringback_testkit::{Answer, MailServer, MailServerOptions, Receiver};
use serde_json::json;

use crate::harness::World;

fn settings(server: &MailServer) -> AlertSettings {
    let url = format!("smtp+plain://{}", server.address());
    AlertSettings {
        mailer: Mailer::new(url.parse().unwrap(), Trust::public()),
        from: "ringback@example.com".parse().unwrap(),
        to: vec!["ops@example.com".parse().unwrap()],
        on: vec![NoticeKind::EndpointDisabled],
    }
}

#[tokio::test]
async fn an_endpoint_that_the_server_disables_is_worth_an_email_and_one_that_somebody_disables_is_not() {
    let server = MailServer::start(MailServerOptions::default()).await.unwrap();
    let world = World::alerting(settings(&server));
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/gone", Answer::status(410));
    let app = world.app("acme").await;
    let endpoint = world.endpoint("acme", json!({"url": receiver.url("/gone")})).await;
    let other = world.endpoint("acme", json!({"url": "https://example.com/", "channels": ["other"]})).await;
    world.patch(&format!("/app/acme/endpoint/{other}"), json!({"disabled": true})).await.expect(200);
    world.message("acme", "t").await;
    while world.get(&format!("/app/acme/endpoint/{endpoint}")).await.expect(200)["disabled"] != true {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Nobody has operational webhooks here, and e-mails are sent all the same.
    while world.service.tell_some_notices().await.unwrap() > 0 {}
    assert!(world.service.send_waiting_alerts().await.unwrap());
    assert!(!world.service.send_waiting_alerts().await.unwrap(), "each is told once");
    let [mail] = &server.taken()[..] else { panic!("{:?}", server.taken()) };
    assert_eq!(mail.to, ["ops@example.com"]);
    assert_eq!(mail.header("Subject").unwrap(), "[Ringback] 1 thing to look at");
    let text = mail.text().unwrap();
    for part in [&endpoint, &receiver.url("/gone"), &app, "acme", "the receiver answered 410 Gone"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn an_email_that_is_not_taken_waits_on() {
    let refusing =
        MailServerOptions { otherwise: Some(("RCPT", "450 later".to_owned())), ..MailServerOptions::default() };
    let server = MailServer::start(refusing).await.unwrap();
    let on = vec![NoticeKind::EndpointCreated];
    let world = World::alerting(AlertSettings { on, ..settings(&server) });
    world.app("a").await;
    for _ in 0..3 {
        world.endpoint("a", json!({"url": "https://example.com/"})).await;
    }
    while world.service.tell_some_notices().await.unwrap() > 0 {}
    for _ in 0..2 {
        let error = world.service.send_waiting_alerts().await.unwrap_err().to_string();
        assert_eq!(error, "the mail server refuses a recipient: 450 later");
    }
}
