//! Whether a request that has arrived is signed as a dialect signs: the receiver's side, for whoever looks for a fault.
//!
//! What stands in the headers beside the signature (a time, a nonce, an id) is read by the patterns that they are written by.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use ringback_model::{SendMethod, Timestamp};

use super::Scheme;
use super::algorithm::{Algorithm, Hash, Key};
use super::content::{Input, Part};
use super::{form, jwt};
use crate::MASK;
use crate::dialect::Dialect;

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The URL that was requested, with its query.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// What was found of one signature of a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The header that it stands in.
    pub header: &'static str,
    /// How it is made, as people call it.
    pub algorithm: String,
    /// What is signed, as the dialect's file writes it.
    pub pattern: String,
    /// What is signed of this request; where the secret is part of it, with `****` in its place.
    pub content: Vec<u8>,
    /// Whether the URL is part of it.
    pub signs_url: bool,
    /// When it was signed, if the request says so.
    pub at: Option<Timestamp>,
    /// The signature in the request.
    pub signature: String,
    /// The one that the secret makes, where whoever checks can make it.
    pub made: Option<String>,
    /// Whether it is by this secret, over what is signed.
    pub holds: bool,
    /// Whether the hash of the body that the signed URL holds is that of this body; none if it holds none.
    pub vouches: Option<bool>,
}

/// Why a signature cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A header is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A header is not written as the dialect writes it.
    #[error("{0} is not written as it should be")]
    Unreadable(&'static str),
    /// The secret is of no use for it.
    #[error("it should be {what}, or what goes with it: {rule}")]
    Secret {
        /// What the secret is.
        what: &'static str,
        /// How it is written.
        rule: &'static str,
    },
}

/// Looks at the signatures that a dialect gives its requests, in a request that has arrived; none if it gives none of its
/// own. For ed25519 `secret` is the base64 of the public key, or of the private one.
///
/// # Errors
/// When a header is missing or cannot be read, or the secret cannot be one for it.
pub fn check_signatures(
    dialect: &'static Dialect,
    secret: &str,
    received: Received<'_>,
) -> Result<Vec<Checked>, CheckError> {
    dialect.signatures.iter().map(|scheme| check(scheme, secret, received)).collect()
}

/// What a signature is compared with.
enum Against {
    /// The same, made once more.
    Made(Key),
    /// Public keys, any of which may be meant.
    Public(Vec<VerifyingKey>),
}

fn check(scheme: &'static Scheme, secret: &str, received: Received<'_>) -> Result<Checked, CheckError> {
    let refused = |rule| CheckError::Secret { what: &scheme.secret, rule };
    let against = if scheme.algorithm == Algorithm::Ed25519 {
        Against::Public(public_keys(secret).map_err(refused)?)
    } else {
        Against::Made(Key::parse(secret, scheme.key, scheme.algorithm).map_err(refused)?)
    };
    let mut input = input(received);
    let (header, signature) = read_headers(scheme, received.headers, &mut input)?;
    if let Against::Made(key) = &against {
        input.secret = key.bytes();
    }
    let made = match &against {
        Against::Made(key) => Some(scheme.sign(key, &input)),
        Against::Public(_) => None,
    };
    let holds = match (&against, scheme.algorithm) {
        (Against::Made(key), Algorithm::Jwt(hash)) => token_holds(scheme, hash, key, &signature, &input),
        (Against::Made(_), _) => made.as_deref() == Some(&*signature),
        (Against::Public(keys), _) => {
            let content = scheme.signed(&input);
            let bytes = BASE64.decode(&signature).unwrap_or_default();
            let signature = Signature::from_slice(&bytes).ok();
            let is_by = |key: &VerifyingKey| signature.is_some_and(|one| key.verify_strict(&content, &one).is_ok());
            keys.iter().any(is_by)
        }
    };
    input.secret = MASK.as_bytes();
    Ok(Checked {
        header,
        algorithm: scheme.algorithm.to_string(),
        pattern: scheme.pattern(&input).map_or_else(|| "the token's header and claims".to_owned(), ToString::to_string),
        content: scheme.signed(&input),
        signs_url: scheme.signs_url(),
        at: (input.timestamp != 0).then(|| Timestamp::from_seconds(input.timestamp)),
        signature,
        made,
        holds,
        vouches: vouches(scheme, received, input.content_type),
    })
}

/// What is known of a request, but for what its signature says.
fn input(received: Received<'_>) -> Input<'_> {
    let content_type = received.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    Input {
        method: received.method.as_str(),
        url: Cow::Borrowed(received.url),
        content_type,
        params: if is_form { form::parameters(received.body) } else { Vec::new() },
        body: received.body,
        ..Input::default()
    }
}

/// Reads what the headers of a scheme hold; answers the signature, and the header that it stands in.
fn read_headers<'a>(
    scheme: &'static Scheme,
    headers: &'a HeaderMap,
    input: &mut Input<'a>,
) -> Result<(&'static str, String), CheckError> {
    let mut found = None;
    for (name, pattern) in scheme.header_patterns() {
        let is_signature = pattern.has(Part::Signature);
        let needed = is_signature || scheme.signs(|part| pattern.has(part) && part.is_told());
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        let Some(value) = value.filter(|_| needed) else {
            if needed {
                return Err(CheckError::Missing(name));
            }
            continue;
        };
        for (part, text) in pattern.read(value).ok_or(CheckError::Unreadable(name))? {
            match part {
                Part::Signature => found = Some((name, text.to_owned())),
                Part::Timestamp => input.timestamp = text.parse().map_err(|_| CheckError::Unreadable(name))?,
                Part::Time => {
                    let time: Timestamp = text.parse().map_err(|_| CheckError::Unreadable(name))?;
                    input.timestamp = time.as_seconds();
                }
                Part::Nonce => input.nonce = Cow::Borrowed(text),
                Part::Id => input.id = text,
                _ => {}
            }
        }
    }
    // A scheme has a header with its signature: it was checked with the dialect.
    found.ok_or(CheckError::Missing("the signature"))
}

/// The public keys that a text may stand for: 32 bytes may be one, or the seed of a private one.
fn public_keys(text: &str) -> Result<Vec<VerifyingKey>, &'static str> {
    let rule = "It is the base64 of an ed25519 public key, 32 bytes; or of the private one.";
    let bytes = BASE64.decode(text).map_err(|_| rule)?;
    if let Ok(bytes) = <&[u8; 32]>::try_from(bytes.as_slice()) {
        let public = VerifyingKey::from_bytes(bytes).ok();
        return Ok(public.into_iter().chain([SigningKey::from_bytes(bytes).verifying_key()]).collect());
    }
    let pair: &[u8; 64] = bytes.as_slice().try_into().map_err(|_| rule)?;
    SigningKey::from_keypair_bytes(pair).map(|pair| vec![pair.verifying_key()]).map_err(|_| rule)
}

/// Whether a token is by this key, and says of the request what the dialect has it say. Its times are its own.
fn token_holds(scheme: &Scheme, hash: Hash, key: &Key, token: &str, input: &Input<'_>) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let is_by = BASE64URL.decode(signature).is_ok_and(|bytes| bytes == hash.mac(key.bytes(), signed.as_bytes()));
    let claims = signed.split_once('.').and_then(|(_, claims)| BASE64URL.decode(claims).ok());
    is_by && claims.is_some_and(|claims| jwt::says(&claims, scheme.claims(), input))
}

/// Whether what the signed URL says of the body is so.
fn vouches(scheme: &Scheme, received: Received<'_>, content_type: &str) -> Option<bool> {
    let method = match content_type {
        _ if received.method == Method::GET => SendMethod::Get,
        kind if kind.starts_with("application/x-www-form-urlencoded") => SendMethod::Post,
        kind if kind.contains("xml") => SendMethod::Xml,
        _ => SendMethod::Json,
    };
    let mut expected = String::new();
    scheme.append(method, received.body, &mut expected);
    let parse = |query: &str| -> Vec<(String, String)> {
        url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).into_owned().collect()
    };
    let given = parse(received.url.split_once('?').map_or("", |(_, query)| query));
    let expected = parse(&expected);
    let present = expected.iter().any(|(name, _)| given.iter().any(|(known, _)| known == name));
    present.then(|| expected.iter().all(|one| given.contains(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::find;

    const TOKEN: &str = "12345";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn one(dialect: &str, secret: &str, url: &str, headers: &HeaderMap, body: &str) -> Result<Checked, CheckError> {
        let received = Received { method: &Method::POST, url, headers, body: body.as_bytes() };
        check_signatures(find(dialect).unwrap(), secret, received).map(|mut all| all.remove(0))
    }

    /// The example of Twilio's own documentation.
    #[test]
    fn the_published_request_of_twilio_holds_and_another_does_not() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212";
        let form = ("content-type", "application/x-www-form-urlencoded");
        let genuine = headers(&[form, ("x-twilio-signature", "GvWf1cFY/Q7PnoempGyD5oXAezc=")]);
        let checked = one("twilio", TOKEN, url, &genuine, body).unwrap();
        assert!(checked.holds && checked.signs_url, "{checked:?}");
        assert_eq!((checked.at, checked.vouches, checked.pattern.as_str()), (None, None, "{url}{params}"));
        for (secret, url, body) in [
            ("12346", url, body),
            (TOKEN, "http://mycompany.com/myapp.php?foo=1&bar=2", body),
            (TOKEN, url, "Digits=1"),
        ] {
            assert!(!one("twilio", secret, url, &genuine, body).unwrap().holds);
        }
        assert_eq!(one("twilio", TOKEN, url, &headers(&[form]), body), Err(CheckError::Missing("X-Twilio-Signature")));
    }

    #[test]
    fn a_body_is_vouched_for_by_the_url_that_is_signed() {
        let hash = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";
        let all = headers(&[("content-type", "application/json"), ("x-twilio-signature", "x")]);
        for (url, body, vouches) in [
            (format!("https://a.example/?bodySHA256={hash}"), "0", Some(true)),
            (format!("https://a.example/?a=1&bodySHA256={hash}"), "1", Some(false)),
            ("https://a.example/".to_owned(), "0", None),
        ] {
            assert_eq!(one("twilio", TOKEN, &url, &all, body).unwrap().vouches, vouches, "{url}");
        }
    }

    #[test]
    fn a_pair_is_checked_with_its_public_half_or_its_private_one() {
        let pair = SigningKey::from_bytes(&[7; 32]);
        let signature = {
            use ed25519_dalek::Signer as _;
            BASE64.encode(pair.sign(b"1700000000|{}").to_bytes())
        };
        let all = headers(&[("telnyx-timestamp", "1700000000"), ("telnyx-signature-ed25519", &signature)]);
        for secret in [&pair.verifying_key().to_bytes()[..], &[7; 32], &pair.to_keypair_bytes()] {
            let checked = one("telnyx", &BASE64.encode(secret), "https://a.example/", &all, "{}").unwrap();
            assert_eq!((checked.holds, checked.at), (true, Some(Timestamp::from_seconds(1_700_000_000))));
            assert_eq!((checked.made, checked.content), (None, b"1700000000|{}".to_vec()));
        }
        let other = BASE64.encode([8; 32]);
        assert!(!one("telnyx", &other, "https://a.example/", &all, "{}").unwrap().holds);
        let refused = one("telnyx", "KEY0123", "https://a.example/", &all, "{}").unwrap_err();
        assert!(refused.to_string().contains("32 bytes"), "{refused}");
        let late = headers(&[("telnyx-timestamp", "now"), ("telnyx-signature-ed25519", &signature)]);
        assert_eq!(
            one("telnyx", &other, "https://a.example/", &late, "{}"),
            Err(CheckError::Unreadable("telnyx-timestamp"))
        );
    }

    /// Whatever a scheme signs, the other side finds genuine, and nothing else.
    #[test]
    fn every_algorithm_is_checked_as_it_is_made() {
        let url = "https://a.example/x?b=2&a=1";
        for (text, secret) in [
            ("algorithm = 'hmac-sha256'\ncontent = '{timestamp}.{nonce}.{body}'", "k"),
            ("algorithm = 'hmac-sha512'\ncontent = '{method}{path}{id}{timestamp}'\nencoding = 'hex'", "k"),
            ("algorithm = 'md5'\ncontent = '{secret}{body}{timestamp}{nonce}'\nencoding = 'hex'", "k"),
            ("algorithm = 'sha256'\ncontent = '{body}{secret}'", "k"),
            (
                "algorithm = 'jwt-hs256'\nclaims = [{ name = 'h', text = '{body|sha256|hex}' }, { name = 'exp', seconds = 60 }]",
                "k",
            ),
        ] {
            let head = "secret = 's'\nheaders = { x-sign = 't={timestamp},v1={signature}', x-nonce = '{nonce}', x-id = '{id}', x-more = '{id|uuid}' }\n";
            let scheme: &'static Scheme = Box::leak(Box::new(toml::from_str(&format!("{head}{text}")).unwrap()));
            scheme.check().unwrap();
            let key = Key::parse(secret, scheme.key, scheme.algorithm).unwrap();
            let mut made = HeaderMap::new();
            let nonce = scheme.nonce(&key, "msg_1", 1_700_000_000);
            let sent = Input {
                method: "POST",
                url: url.into(),
                body: b"{}",
                id: "msg_1",
                timestamp: 1_700_000_000,
                nonce: Cow::Owned(nonce),
                secret: key.bytes(),
                ..Input::default()
            };
            let signature = scheme.sign(&key, &sent);
            for (name, value) in scheme.headers(&sent, &signature) {
                made.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            let received = |body: &'static [u8]| Received { method: &Method::POST, url, headers: &made, body };
            let checked = check(scheme, secret, received(b"{}")).unwrap();
            assert!(checked.holds, "{text}: {checked:?}");
            assert_eq!(checked.at, Some(Timestamp::from_seconds(1_700_000_000)));
            let shown = String::from_utf8(checked.content).unwrap();
            assert_eq!(shown.contains(MASK), text.contains("{secret}"), "{shown}");
            assert!(!check(scheme, "other", received(b"{}")).unwrap().holds, "{text}");
            let signs_body = text.contains("{body");
            assert_eq!(check(scheme, secret, received(b"{} ")).unwrap().holds, !signs_body, "{text}");
        }
    }
}
