//! JSON Web Tokens (RFC 7519) as signatures: claims that name hashes of what they vouch for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;

use super::algorithm::Hash;
use super::content::{Content, Input, Joined};
use crate::json::quote;

/// A claim. It has either a text or a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    name: String,
    /// A text with parts of the request in it.
    #[serde(default)]
    pub(crate) text: Option<Content>,
    /// A time: so many seconds after the signature.
    #[serde(default)]
    pub(crate) seconds: Option<i64>,
    /// Left out where there is no body.
    #[serde(default)]
    with_body: bool,
}

/// What is signed: header and claims.
pub(crate) fn content(hash: Hash, claims: &[Claim], input: &Input<'_>) -> String {
    let algorithm = if hash == Hash::Sha512 { "HS512" } else { "HS256" };
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
    let mut object = String::from("{");
    for claim in claims.iter().filter(|claim| !claim.with_body || !input.body.is_empty()) {
        if object.len() > 1 {
            object.push(',');
        }
        quote(&claim.name, &mut object);
        object.push(':');
        match (&claim.text, claim.seconds) {
            (Some(text), _) => quote(&text.text(input, &Joined::default(), &Joined::default()), &mut object),
            (None, seconds) => object.push_str(&(input.timestamp + seconds.unwrap_or_default()).to_string()),
        }
    }
    object.push('}');
    format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(object))
}

/// Whether claims, as a JSON object, say of a request what they should.
pub(crate) fn says(given: &[u8], claims: &[Claim], input: &Input<'_>) -> bool {
    let given: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(given).unwrap_or_default();
    claims.iter().filter(|claim| !claim.with_body || !input.body.is_empty()).all(|claim| match &claim.text {
        Some(text) => {
            let expected = text.text(input, &Joined::default(), &Joined::default());
            given.get(&claim.name).and_then(serde_json::Value::as_str) == Some(&expected)
        }
        None => true,
    })
}

/// A token: what was signed, and its signature.
pub(crate) fn token(content: &str, signature: &[u8]) -> String {
    format!("{content}.{}", BASE64URL.encode(signature))
}
