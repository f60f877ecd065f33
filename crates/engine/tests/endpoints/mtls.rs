//! Receivers under an authority of their own, and such that want a client certificate.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use ringback_model::{AttemptOutcome, Auth, BasicAuth, DeliveryState, Failure, Redacted};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::receiver;
use crate::world::World;

struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.certificate, &self.key).unwrap(), key)
    }

    /// What an endpoint shows whose certificate comes from here, and who it trusts.
    fn client(&self, trusts: Option<&Self>) -> Auth {
        let (certificate, key) = self.issue("ringback", ExtendedKeyUsagePurpose::ClientAuth);
        Auth::Mtls {
            certificate: certificate.pem(),
            key: Redacted::new(key.serialize_pem()),
            ca: trusts.map(|authority| authority.certificate.pem()),
        }
    }
}

/// A receiver under this authority that takes only clients of it; its URL and what came.
async fn serve(authority: &Authority) -> (String, Arc<Mutex<Vec<String>>>) {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    serve_to(authority, clients, "").await
}

/// A receiver under this authority that takes these clients and answers with this; its URL and what came.
async fn serve_to(
    authority: &Authority,
    clients: Arc<dyn ClientCertVerifier>,
    body: &'static str,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://hooks.example:{}/", listener.local_addr().unwrap().port());
    let (certificate, key) = authority.issue("hooks.example", ExtendedKeyUsagePurpose::ServerAuth);
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let (acceptor, requests) = (TlsAcceptor::from(Arc::new(config)), Arc::<Mutex<Vec<String>>>::default());
    let seen = requests.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), seen.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(tcp).await {
                    receiver::serve(stream, seen, Arc::new(move |_: &str| (200, body.to_owned()))).await;
                }
            });
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_the_private_authority_believed_by_this_endpoint_alone() {
    let world = World::new().await;
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (url, requests) = serve(&authority).await;
    let failed = AttemptOutcome::Failed { why: Failure::Tls, retry_after: None };
    for (auth, expected) in [
        (Some(authority.client(Some(&authority))), AttemptOutcome::Delivered),
        (Some(authority.client(None)), failed.clone()),
        (Some(stranger.client(Some(&authority))), failed.clone()),
        (None, failed),
    ] {
        let endpoint = world.endpoint(&url, |_, secrets| secrets.auth = auth).await;
        let message = world.send(endpoint, "{}").await;
        assert_eq!(world.attempts(message, 1).await[0].outcome, expected);
    }
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_is_taken_away_is_not_shown_on_an_open_connection_either() {
    let world = World::new().await;
    let authority = Authority::new();
    let (url, requests) = serve(&authority).await;
    let endpoint = world.endpoint(&url, |_, secrets| secrets.auth = Some(authority.client(Some(&authority)))).await;
    for _ in 0..3 {
        let message = world.send(endpoint, "{}").await;
        assert_eq!(world.attempts(message, 1).await[0].outcome, AttemptOutcome::Delivered);
    }
    world.change(endpoint, |_, secrets| secrets.auth = Some(Authority::new().client(Some(&authority)))).await;
    world.wait().await;
    let message = world.send(endpoint, "{}").await;
    let outcome = world.attempts(message, 1).await.remove(0).outcome;
    assert_eq!(outcome, AttemptOutcome::Failed { why: Failure::Tls, retry_after: None });
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_private_authority_needs_no_client_certificate_and_goes_with_every_way_to_authenticate() {
    let world = World::new().await;
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (url, requests) = serve_to(&authority, Arc::new(NoClientAuth), "").await;
    let answer = r#"{"access_token":"t1","token_type":"bearer"}"#;
    let (token_url, _) = serve_to(&authority, Arc::new(NoClientAuth), answer).await;
    let hidden = || Redacted::new("s3cret".to_owned());
    for (auth, shown) in [
        (None, None),
        (Some(Auth::Bearer { token: hidden() }), Some(("authorization", "Bearer s3cret"))),
        (
            Some(Auth::Basic(BasicAuth { username: "u".to_owned(), password: hidden() })),
            Some(("authorization", "Basic dTpzM2NyZXQ=")),
        ),
        (Some(Auth::ApiKey { header: "x-key".to_owned(), value: hidden() }), Some(("x-key", "s3cret"))),
        (
            Some(Auth::Oauth2 { token_url, client_id: "c".to_owned(), client_secret: hidden(), scope: None }),
            Some(("authorization", "Bearer t1")),
        ),
        (Some(authority.client(None)), None),
    ] {
        let endpoint = world
            .endpoint(&url, |endpoint, secrets| {
                (endpoint.ca, secrets.auth) = (Some(authority.certificate.pem()), auth.clone());
            })
            .await;
        let message = world.send(endpoint, "{}").await;
        assert_eq!(world.rest(message).await.state, DeliveryState::Success, "{auth:?}");
        let request = requests.lock().unwrap().last().unwrap().clone();
        if let Some((name, value)) = shown {
            assert_eq!(receiver::header(&request, name), Some(value));
        }
    }
    let count = requests.lock().unwrap().len();
    for ca in [None, Some(stranger.certificate.pem())] {
        let endpoint = world.endpoint(&url, |endpoint, _| endpoint.ca = ca).await;
        let message = world.send(endpoint, "{}").await;
        let outcome = world.attempts(message, 1).await.remove(0).outcome;
        assert_eq!(outcome, AttemptOutcome::Failed { why: Failure::Tls, retry_after: None });
    }
    assert_eq!(requests.lock().unwrap().len(), count);
}
