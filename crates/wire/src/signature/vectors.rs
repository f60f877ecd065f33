//! Signatures that the providers' own packages accept, or that another implementation made: `tests/signatures.toml`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use indexmap::IndexMap;
use ringback_model::SendMethod;
use serde::Deserialize;

use super::Scheme;
use super::algorithm::{Algorithm, Key};
use super::content::Input;

#[derive(Deserialize)]
struct Vectors {
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The signature of this dialect; one of the case's own otherwise.
    dialect: Option<String>,
    scheme: Option<Scheme>,
    secret: Option<String>,
    method: SendMethod,
    url: String,
    #[serde(default)]
    content_type: String,
    #[serde(default)]
    params: IndexMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    nonce: String,
    /// The URL as it goes out, where that is another.
    sent_url: Option<String>,
    signature: Option<String>,
    /// The same with other algorithms, each with its signature.
    #[serde(default)]
    also: IndexMap<String, String>,
    #[serde(default)]
    headers: IndexMap<String, String>,
    /// Claims of a token, each as JSON.
    #[serde(default)]
    claims: IndexMap<String, String>,
}

impl Case {
    fn scheme(&self) -> &Scheme {
        match &self.dialect {
            Some(name) => &crate::dialect::find(name).unwrap().signatures[0],
            None => self.scheme.as_ref().unwrap(),
        }
    }

    fn check(&self) {
        let (name, scheme) = (&self.name, self.scheme());
        scheme.check().unwrap_or_else(|error| panic!("{name}: {error}"));
        let secret = self.secret.as_deref().unwrap_or("test_secret_0123456789abcdef");
        let key = Key::parse(secret, scheme.key, scheme.algorithm).unwrap();
        let mut url = self.url.clone();
        scheme.append(self.method, self.body.as_bytes(), &mut url);
        assert_eq!(url, *self.sent_url.as_ref().unwrap_or(&self.url), "{name}");
        let input = Input {
            method: if self.method == SendMethod::Get { "GET" } else { "POST" },
            url: Cow::Owned(url),
            content_type: &self.content_type,
            params: self.params.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            body: self.body.as_bytes(),
            id: "msg_1",
            timestamp: self.timestamp,
            nonce: Cow::Borrowed(&self.nonce),
            secret: key.bytes(),
            signature: "",
        };
        let signature = scheme.sign(&key, &input);
        if let Some(expected) = &self.signature {
            assert_eq!(signature, *expected, "{name}");
        }
        for (algorithm, expected) in &self.also {
            let mut other = scheme.clone();
            other.algorithm = algorithm.clone().try_into().unwrap();
            let key = Key::parse(secret, other.key, other.algorithm).unwrap();
            assert_eq!(other.sign(&key, &input), *expected, "{name}: {algorithm}");
        }
        let headers: IndexMap<String, String> =
            scheme.headers(&input, &signature).map(|(name, value)| (name.to_lowercase(), value)).collect();
        for (header, value) in &self.headers {
            assert_eq!(headers.get(header), Some(value), "{name}: {header}");
        }
        if !self.claims.is_empty() {
            let claims = signature.split('.').nth(1).unwrap();
            let claims: IndexMap<String, serde_json::Value> =
                serde_json::from_slice(&BASE64URL.decode(claims).unwrap()).unwrap();
            let found: IndexMap<String, String> =
                claims.into_iter().map(|(name, one)| (name, one.to_string())).collect();
            assert_eq!(found, self.claims, "{name}");
        }
        assert!(self.signature.is_some() || !self.headers.is_empty(), "{name}: nothing is expected");
    }
}

#[test]
fn every_signature_is_the_one_that_the_providers_packages_accept() {
    let vectors: Vectors = toml::from_str(include_str!("../../tests/signatures.toml")).unwrap();
    assert_eq!(vectors.cases.len(), 21);
    vectors.cases.iter().for_each(Case::check);
    let has = |kind: fn(Algorithm) -> bool| vectors.cases.iter().any(|case| kind(case.scheme().algorithm));
    assert!(has(|one| matches!(one, Algorithm::Plain(_))) && has(|one| matches!(one, Algorithm::Jwt(_))));
    assert!(has(|one| matches!(one, Algorithm::Hmac(_))) && has(|one| one == Algorithm::Ed25519));
}
