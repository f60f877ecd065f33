//! What is written down while tokens are checked: why an issuer said nothing, and never a token or a secret.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::authority::{INTROSPECT, KEYS, Signer, claims, publish, subscribe};
use super::introspection;

/// All that is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn no_token_and_no_secret_is_in_a_log_line_or_in_debug_output() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    let _log = tracing::subscriber::set_default(log);

    let signer = Signer::ed("d");
    let server = Receiver::start().await.unwrap();
    publish(&server, &[&signer]);
    let (by_keys, _) = super::world(&server, &ringback_service::SignatureAlgorithm::ALL).await;
    let signed = signer.sign(&claims(&json!({})));
    let expired = signer.sign(&claims(&json!({"exp": 1})));
    subscribe(&by_keys, &signed, "oauth2").await.expect(200);
    subscribe(&by_keys, &expired, "oauth2").await.expect(401);
    server.answer(KEYS, Reply::status(500));
    by_keys.advance(3_000);
    subscribe(&by_keys, &signed, "oauth2").await.expect(200);

    let (by_asking, server) = introspection::world().await;
    for reply in [Reply::status(401), Reply::status(200).body(claims(&json!({"active": true})).to_string())] {
        server.answer(INTROSPECT, reply);
        subscribe(&by_asking, "opaque-token", "oauth2").await;
    }

    let mut written = lines.text();
    assert!(written.contains("keys of the token issuer cannot be had: it answered 500"), "{written}");
    assert!(written.contains("it answered 401 where 200 was expected: check the client's id and secret"), "{written}");
    written += &format!("{:?} {:?}", by_keys.service, by_asking.service);
    for secret in [&*signed, &*expired, signed.rsplit('.').next().unwrap(), "opaque-token", "hush hush", "hush+hush"] {
        assert!(!written.contains(secret), "{secret}");
    }
}
