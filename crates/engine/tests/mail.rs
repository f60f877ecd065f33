//! E-mails over real sockets: by each kind of TLS, with each way to log in, and servers that refuse, lie or fall silent.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use ringback_engine::egress::Trust;
use ringback_engine::mail::{Mail, MailError, Mailer};
use ringback_testkit::{MailServer, MailServerOptions};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// An authority as PEM, and a server with a certificate of it for these names.
fn tls(names: &[&str]) -> (String, Arc<ServerConfig>) {
    let params =
        |names: &[&str]| CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let mut authority = params(&[]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let authority = authority.self_signed(&authority_key).unwrap();
    let certificate = params(names).unwrap().signed_by(&key, &authority, &authority_key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (authority.pem(), Arc::new(config))
}

fn mail() -> Mail {
    Mail {
        from: "ringback@example.com".parse().unwrap(),
        to: vec!["ops@example.com".parse().unwrap(), "night@example.org".parse().unwrap()],
        subject: "something happened".to_owned(),
        text: "one\n.\n..two ü\n".to_owned(),
        at: "2027-01-15T08:00:00Z".parse().unwrap(),
        id: "1".to_owned(),
    }
}

async fn send(server: &MailServer, scheme: &str, login: &str, trust: Trust) -> Result<(), MailError> {
    let url = format!("{scheme}://{login}{}", server.address());
    Mailer::new(url.parse().unwrap(), trust).send(&mail()).await
}

#[tokio::test]
async fn a_mail_arrives_whole_in_the_clear_by_starttls_and_over_tls() {
    let (authority, config) = tls(&["127.0.0.1"]);
    let trust = || Trust::with_pem(authority.as_bytes()).unwrap();
    for (scheme, tls, from_the_start) in [("smtp+plain", false, false), ("smtp", true, false), ("smtps", true, true)] {
        for (login, only_auth_login) in [(None, false), (Some("u%40x:p%3Aw@"), false), (Some("u%40x:p%3Aw@"), true)] {
            let server = MailServer::start(MailServerOptions {
                tls: tls.then(|| config.clone()),
                tls_from_the_start: from_the_start,
                login: login.map(|_| ("u@x".to_owned(), "p:w".to_owned())),
                only_auth_login,
                ..MailServerOptions::default()
            });
            let server = server.await.unwrap();
            send(&server, scheme, login.unwrap_or_default(), trust()).await.unwrap();
            let taken = server.taken();
            assert_eq!(taken.len(), 1, "{scheme}");
            let mail = &taken[0];
            assert_eq!((mail.from.as_str(), mail.over_tls), ("ringback@example.com", tls), "{scheme}");
            assert_eq!(mail.to, ["ops@example.com", "night@example.org"]);
            assert_eq!(mail.header("Subject").unwrap(), "something happened");
            assert_eq!(mail.text().unwrap(), "one\r\n.\r\n..two ü\r\n");
        }
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_nobody_vouches_for_or_that_has_no_tls() {
    let (authority, config) = tls(&["mail.elsewhere"]);
    let options = MailServerOptions { tls: Some(config), ..MailServerOptions::default() };
    let login = "u:p@";
    for from_the_start in [false, true] {
        let options = MailServerOptions { tls_from_the_start: from_the_start, ..options.clone() };
        let server = MailServer::start(options).await.unwrap();
        let scheme = if from_the_start { "smtps" } else { "smtp" };
        let unknown = send(&server, scheme, login, Trust::public()).await;
        assert!(matches!(unknown, Err(MailError::Connection(_))), "{unknown:?}");
        let another_name = send(&server, scheme, login, Trust::with_pem(authority.as_bytes()).unwrap()).await;
        assert!(matches!(another_name, Err(MailError::Connection(_))), "{another_name:?}");
        assert!(server.taken().is_empty());
    }
    let plain = MailServer::start(MailServerOptions::default()).await.unwrap();
    assert!(matches!(send(&plain, "smtp", login, Trust::public()).await, Err(MailError::NoTls)));
    assert!(matches!(send(&plain, "smtp+plain", login, Trust::public()).await, Err(MailError::NoLogin)));
}

#[tokio::test]
async fn what_was_said_ahead_of_the_handshake_is_not_believed() {
    let (authority, config) = tls(&["127.0.0.1"]);
    let injected = Some("\r\n250 mail.test");
    let options = MailServerOptions { tls: Some(config), injected, ..MailServerOptions::default() };
    let server = MailServer::start(options).await.unwrap();
    let sent = send(&server, "smtp", "", Trust::with_pem(authority.as_bytes()).unwrap()).await;
    assert!(matches!(sent, Err(MailError::NotSmtp)), "{sent:?}");
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_refusal_says_what_of_and_with_which_words() {
    for (word, reply, command) in [
        ("EHLO", "421 too busy", "EHLO"),
        ("MAIL", "550-no\r\n550 such sender", "the sender"),
        ("RCPT", "450 greylisted", "a recipient"),
        ("DATA", "554 no", "DATA"),
    ] {
        let options = MailServerOptions { otherwise: Some((word, reply.to_owned())), ..MailServerOptions::default() };
        let server = MailServer::start(options).await.unwrap();
        let refused = send(&server, "smtp+plain", "", Trust::public()).await.unwrap_err();
        let MailError::Refused { command: found, code, .. } = &refused else { panic!("{refused:?}") };
        assert_eq!((*found, *code), (command, reply[..3].parse().unwrap()));
        assert!(server.taken().is_empty(), "{word}");
    }
    let login = Some(("u".to_owned(), "right".to_owned()));
    let server = MailServer::start(MailServerOptions { login, ..MailServerOptions::default() }).await.unwrap();
    let refused = send(&server, "smtp+plain", "u:wrong@", Trust::public()).await.unwrap_err().to_string();
    assert_eq!(refused, "the mail server refuses AUTH: 535 wrong user or password");
}

#[tokio::test]
async fn what_is_no_mail_server_is_told_and_a_reply_has_an_end() {
    for reply in ["HTTP/1.1 400 Bad Request", "250_x", &"x".repeat(1 << 20), &"250-more\r\n".repeat(500)] {
        let options = MailServerOptions { otherwise: Some(("EHLO", reply.to_owned())), ..MailServerOptions::default() };
        let server = MailServer::start(options).await.unwrap();
        let sent = send(&server, "smtp+plain", "", Trust::public()).await;
        assert!(matches!(sent, Err(MailError::NotSmtp)), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_left_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp+plain://{}", listener.local_addr().unwrap());
    let began = tokio::time::Instant::now();
    let sent = Mailer::new(url.parse().unwrap(), Trust::public()).send(&mail()).await;
    assert!(matches!(sent, Err(MailError::Late)), "{sent:?}");
    assert!(began.elapsed() <= Duration::from_secs(31));
}
