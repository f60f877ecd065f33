//! How a provider signs, as data: `[[signature]]` in the file of a dialect.

use std::borrow::Cow;

use http::HeaderName;
use indexmap::IndexMap;
use ringback_model::SendMethod;
use serde::Deserialize;

use super::algorithm::{Algorithm, Encoding, Hash, Key, KeyForm, hex, uuid};
use super::content::{Content, Input, Joined, Part};
use super::explain::{Explanation, SignedWith, Written};
use super::jwt::{self, Claim};
use crate::MASK;
use crate::format::query;

/// One signature of a provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scheme {
    pub(crate) algorithm: Algorithm,
    /// What the secret is, for whoever is asked for it: `the auth token of the account`.
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) key: KeyForm,
    #[serde(default)]
    encoding: Encoding,
    /// What is signed; claims in its place for a JSON Web Token.
    #[serde(default)]
    content: Option<Content>,
    /// What is signed where the request has no parameters of a form, if that is another text.
    #[serde(default)]
    content_bare: Option<Content>,
    #[serde(default)]
    claims: Vec<Claim>,
    /// How the parameters of the URL are joined.
    #[serde(default)]
    query: Joined,
    /// How the parameters of the form are joined.
    #[serde(default)]
    params: Joined,
    #[serde(default)]
    nonce: NonceForm,
    /// Parameters that the URL gets before it is signed.
    #[serde(default)]
    append: Vec<Append>,
    /// The headers that carry it.
    headers: IndexMap<String, Content>,
}

/// What a nonce looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NonceForm {
    #[default]
    Hex,
    /// Twenty digits.
    Digits,
    Uuid,
}

/// A parameter that the URL gets before it is signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Append {
    name: String,
    value: Content,
    /// With these methods.
    methods: Vec<SendMethod>,
}

impl Scheme {
    /// What is wrong with it, seen as a whole.
    ///
    /// # Errors
    /// A clause that says so.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_token = matches!(self.algorithm, Algorithm::Jwt(_));
        if self.content.is_some() == is_token || self.claims.is_empty() == is_token {
            return Err("a signature has `content`, or `claims` if it is a token".to_owned());
        }
        if self.claims.iter().any(|claim| claim.text.is_some() == claim.seconds.is_some()) {
            return Err("a claim has either `text` or `seconds`".to_owned());
        }
        if self.contents().any(|content| content.has(Part::Signature)) {
            return Err("what is signed cannot have the signature in it".to_owned());
        }
        for (name, value) in &self.headers {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"))?;
            if value.has(Part::Secret) || value.has(Part::Body) {
                return Err(format!("the header `{name}` would tell the secret, or the whole body"));
            }
        }
        Ok(())
    }

    fn contents(&self) -> impl Iterator<Item = &Content> {
        let claims = self.claims.iter().filter_map(|claim| claim.text.as_ref());
        self.content.iter().chain(&self.content_bare).chain(claims)
    }

    /// Whether the URL is part of what is signed, so that receivers have to read the same one.
    pub(crate) fn signs_url(&self) -> bool {
        let of_url = [Part::Url, Part::Base, Part::Path, Part::Query];
        self.contents().any(|content| of_url.into_iter().any(|part| content.has(part)))
    }

    /// The parameters that the URL gets with this method.
    pub(crate) fn appended(&self, method: SendMethod) -> impl Iterator<Item = &str> {
        self.append.iter().filter(move |one| one.methods.contains(&method)).map(|one| one.name.as_str())
    }

    /// Writes those parameters behind a request target, or a URL.
    pub(crate) fn append(&self, method: SendMethod, body: &[u8], url: &mut String) {
        for one in self.append.iter().filter(|one| one.methods.contains(&method)) {
            url.push(if url.contains('?') { '&' } else { '?' });
            query::encode(&one.name, url);
            url.push('=');
            let input = Input { body, ..Input::default() };
            query::encode(&one.value.text(&input, &self.query, &self.params), url);
        }
    }

    /// The headers that carry it.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.keys().map(String::as_str)
    }

    /// What the headers that carry it are written by.
    pub(super) fn header_patterns(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.headers.iter().map(|(name, pattern)| (name.as_str(), pattern))
    }

    /// Whether such a part is in what is signed.
    pub(super) fn signs(&self, is_such: impl Fn(Part) -> bool) -> bool {
        Part::all().filter(|part| is_such(*part)).any(|part| self.contents().any(|content| content.has(part)))
    }

    /// What a token says.
    pub(super) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Whether anything of it has a nonce.
    pub(crate) fn has_nonce(&self) -> bool {
        self.contents().chain(self.headers.values()).any(|content| content.has(Part::Nonce))
    }

    /// The nonce of a message at a time: nobody without the key can tell it before.
    pub(crate) fn nonce(&self, key: &Key, id: &str, timestamp: i64) -> String {
        let bytes = Hash::Sha256.mac(key.bytes(), format!("{id}.{timestamp}").as_bytes());
        match self.nonce {
            NonceForm::Hex => hex(&bytes[..16]),
            NonceForm::Uuid => uuid(&bytes),
            NonceForm::Digits => {
                let number = bytes.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                format!("{number:020}")
            }
        }
    }

    /// The signature of a request.
    pub(crate) fn sign(&self, key: &Key, input: &Input<'_>) -> String {
        let content = self.signed(input);
        let signature = key.sign(&content);
        match self.algorithm {
            Algorithm::Jwt(_) => jwt::token(&String::from_utf8_lossy(&content), &signature),
            Algorithm::Plain(_) | Algorithm::Hmac(_) | Algorithm::Ed25519 => self.encoding.write(&signature),
        }
    }

    /// The text that is signed.
    pub(super) fn signed(&self, input: &Input<'_>) -> Vec<u8> {
        if let Algorithm::Jwt(hash) = self.algorithm {
            return jwt::content(hash, &self.claims, input).into_bytes();
        }
        let content = self.pattern(input).map(|content| content.bytes(input, &self.query, &self.params));
        content.unwrap_or_default()
    }

    /// What the signed text is made by.
    pub(super) fn pattern(&self, input: &Input<'_>) -> Option<&Content> {
        let bare = self.content_bare.as_ref().filter(|_| input.params.is_empty());
        bare.or(self.content.as_ref())
    }

    /// How the signature of a request is made.
    pub(crate) fn explain(&'static self, mut input: Input<'_>) -> Explanation {
        input.secret = MASK.as_bytes();
        let is_token = matches!(self.algorithm, Algorithm::Jwt(_));
        Explanation {
            algorithm: self.algorithm.to_string(),
            digest: match self.algorithm {
                Algorithm::Hmac(hash) | Algorithm::Jwt(hash) => Some(hash.name()),
                Algorithm::Plain(_) | Algorithm::Ed25519 => None,
            },
            key: SignedWith::ProviderSecret { what: &self.secret, is_base64: self.key == KeyForm::Base64 },
            pattern: match self.pattern(&input) {
                Some(content) => content.to_string(),
                None => "base64url(header).base64url(claims)".to_owned(),
            },
            content: self.signed(&input),
            has_secret: self.contents().any(|content| content.has(Part::Secret)),
            written: match self.encoding {
                Encoding::Base64 if is_token => Written::Base64Url,
                Encoding::Base64 => Written::Base64,
                Encoding::Hex => Written::Hex,
            },
            headers: self.headers.keys().map(String::as_str).collect(),
        }
    }

    /// The headers that carry a signature: name and value.
    pub(crate) fn headers<'a>(
        &'a self,
        input: &Input<'a>,
        signature: &'a str,
    ) -> impl Iterator<Item = (&'a str, String)> {
        // No header holds the secret or the parameters, which are not copied.
        let input = Input {
            method: input.method,
            url: Cow::clone(&input.url),
            content_type: input.content_type,
            params: Vec::new(),
            body: input.body,
            id: input.id,
            timestamp: input.timestamp,
            nonce: Cow::clone(&input.nonce),
            secret: &[],
            signature,
        };
        self.headers.iter().map(move |(name, value)| (name.as_str(), value.text(&input, &self.query, &self.params)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let head = "secret = 's'\nheaders = { X-S = '{signature}' }\n";
        match toml::from_str::<Scheme>(&format!("{head}{text}")) {
            Ok(scheme) => scheme.check().unwrap_err(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_scheme_that_cannot_sign_is_refused_in_words() {
        for (text, word) in [
            ("algorithm = 'hmac-crc32'\ncontent = ''", "hmac-crc32"),
            ("algorithm = 'hmac-sha1'", "`content`"),
            ("algorithm = 'jwt-hs256'\ncontent = '{url}'", "`claims`"),
            ("algorithm = 'jwt-hs256'\nclaims = [{ name = 'a' }]", "`seconds`"),
            ("algorithm = 'hmac-sha1'\ncontent = '{signature}'", "signature in it"),
            ("algorithm = 'hmac-sha1'\ncontent = '{bdoy}'", "bdoy"),
        ] {
            assert!(fault(text).contains(word), "{text}: {}", fault(text));
        }
    }

    #[test]
    fn a_nonce_follows_from_key_message_and_time_and_has_its_form() {
        let key = Key::parse("k", KeyForm::Text, Algorithm::Hmac(Hash::Sha1)).unwrap();
        for (form, length) in [("hex", 32), ("digits", 20), ("uuid", 36)] {
            let text = format!("secret = 's'\nalgorithm = 'hmac-sha1'\ncontent = ''\nnonce = '{form}'\nheaders = {{}}");
            let scheme: Scheme = toml::from_str(&text).unwrap();
            let nonce = scheme.nonce(&key, "msg_1", 7);
            assert_eq!((nonce.len(), &nonce), (length, &scheme.nonce(&key, "msg_1", 7)), "{form}");
            assert_ne!(nonce, scheme.nonce(&key, "msg_1", 8));
            assert_ne!(nonce, scheme.nonce(&key, "msg_2", 7));
            assert!(form != "digits" || nonce.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
