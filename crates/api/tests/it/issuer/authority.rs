//! An issuer of the tests: it has keys of each kind, publishes them over HTTP, and signs what it is told to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use ringback_engine::egress::TargetUrl;
use ringback_model::DEFAULT_ORGANIZATION;
use ringback_service::{IssuerSettings, IssuerSource};
use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::{Value, json};

use crate::harness::{Answer, START, World};

/// Where the keys are.
pub(super) const KEYS: &str = "/keys";
/// Where questions about tokens go.
pub(super) const INTROSPECT: &str = "/introspect";
pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const AUDIENCE: &str = "https://hooks.example";

/// The modulus of the key of RSA in RFC 7515, appendix A.2; its exponent is 65537.
const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
/// The same key, with its private part (PKCS #1): no library here makes one of RSA.
const RSA: &[u8] = include_bytes!("../../data/rfc7515_a2_rsa.der");

/// A key pair: what signs, and what is published.
pub(super) struct Signer {
    id: &'static str,
    pub(super) algorithm: Algorithm,
    key: EncodingKey,
    pub(super) published: Value,
}

impl Signer {
    pub(super) fn rsa(id: &'static str) -> Self {
        let published = json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": MODULUS, "e": "AQAB"});
        Self { id, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(RSA), published }
    }

    /// A new key on P-256.
    pub(super) fn ec(id: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let point = pair.public_key_raw();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        let published = json!({"kty": "EC", "kid": id, "crv": "P-256", "x": x, "y": y});
        Self { id, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(pair.serialized_der()), published }
    }

    /// A new key of Ed25519.
    pub(super) fn ed(id: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let published = json!({"kty": "OKP", "kid": id, "crv": "Ed25519", "x": BASE64.encode(pair.public_key_raw())});
        Self { id, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(pair.serialized_der()), published }
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// Good claims with these changes; null takes one away.
pub(super) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "client_id": "acme", "scope": "openid webhooks:write",
        "iat": START.as_seconds(), "exp": START.as_seconds() + 3_600,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A token that is made by hand.
pub(super) fn unsigned(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |json: &Value| BASE64.encode(json.to_string());
    format!("{}.{}.{}", part(header), part(claims), BASE64.encode(signature))
}

/// From now on these keys are published.
pub(super) fn publish(server: &Receiver, signers: &[&Signer]) {
    let keys: Vec<_> = signers.iter().map(|signer| &signer.published).collect();
    server.answer(KEYS, Reply::status(200).body(json!({ "keys": keys }).to_string()));
}

/// The settings of an issuer whose tokens are verified in this way.
pub(super) fn settings(source: IssuerSource) -> IssuerSettings {
    IssuerSettings {
        org: DEFAULT_ORGANIZATION.parse().unwrap(),
        app_claim: "client_id".to_owned(),
        scope: "webhooks:write".to_owned(),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        source,
    }
}

pub(super) fn target(url: &str) -> TargetUrl {
    TargetUrl::parse(url).unwrap()
}

/// Makes the application that good tokens name, and a trigger; the id of the application.
pub(super) async fn furnish(world: &World) -> String {
    world.event_type("profile.Customer:create").await;
    world.app("acme").await
}

/// Asks for a subscription with a token of this class.
pub(super) async fn subscribe(world: &World, token: &str, class: &str) -> Answer {
    subscribe_at(world, token, class, "/jql").await
}

/// The same in an organization that is named.
pub(super) async fn subscribe_in(world: &World, token: &str, organization: &str) -> Answer {
    subscribe_at(world, token, "oauth2", &format!("/jql?organization={organization}")).await
}

async fn subscribe_at(world: &World, token: &str, class: &str, path: &str) -> Answer {
    let query = json!({
        "__meta__": {
            "namespace": "system.Webhook", "schema": "controller", "intent": "subscribeToWebhook",
            "authenticationClass": class, "authenticationToken": token,
        },
        "prefix": "p", "trigger": "profile.Customer:create", "webhookUrl": "https://example.com/hook",
    });
    let request = http::Request::builder().method("POST").uri(path).body(query.to_string().into()).unwrap();
    world.send(request).await
}

/// The text of a refusal by 401, in the shape that JQL has for it.
#[track_caller]
pub(super) fn refusal(answer: &Answer) -> String {
    let body = answer.expect(401);
    assert_eq!(body["error"]["code"], "invalid_token");
    not_success(&body)
}

/// The text of an answer by 503, which says when to come again.
#[track_caller]
pub(super) fn not_now(answer: &Answer, seconds: u64) -> String {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert_eq!(answer.headers["retry-after"], seconds.to_string());
    not_success(&answer.json())
}

fn not_success(body: &Value) -> String {
    assert_eq!((&body["status"], &body["error"]["field"]), (&json!("error"), &json!("__meta__.authenticationToken")));
    body["error"]["message"].as_str().unwrap().to_owned()
}
