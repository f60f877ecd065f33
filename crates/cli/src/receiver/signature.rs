//! What a receiver does to know who called: the check of a Standard Webhooks signature (specification 1.0), symmetric
//! kind. Written as the owner of the receiving URL would write it, without a line of the sender's code.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use ringback_model::Timestamp;
use sha2::Sha256;

use super::Arrival;

/// How old a request may be, and how far ahead: the specification's suggestion.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Why a request is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("webhook-timestamp is no number of seconds")]
    Timestamp,
    #[error("it was signed more than five minutes ago, or ahead")]
    Stale,
    #[error("the secret is not base64")]
    Secret,
    #[error("no signature matches")]
    Mismatch,
}

/// Checks that `arrival` was signed with `secret`, by the time on the wall.
pub(crate) fn verify(arrival: &Arrival, secret: &str, wall: Timestamp) -> Result<(), SignatureError> {
    let [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| Some(arrival.header(name)).filter(|value| !value.is_empty()).ok_or(SignatureError::Missing(name)));
    let (id, timestamp, signatures) = (id?, timestamp?, signatures?);
    let signed_at = Timestamp::from_seconds(timestamp.parse().or(Err(SignatureError::Timestamp))?);
    if wall.since(signed_at).max(signed_at.since(wall)) > TOLERANCE {
        return Err(SignatureError::Stale);
    }
    let key = BASE64.decode(secret.trim_start_matches("whsec_")).or(Err(SignatureError::Secret))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
    // A GET has no body: what it says stands in its query.
    let query = arrival.target.split_once('?').map(|(_, query)| query.as_bytes()).unwrap_or_default();
    let content = if arrival.method == Method::GET { query } else { &arrival.body };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", content] {
        mac.update(part);
    }
    // While a secret is rotated there are several signatures; one is enough. `verify_slice` takes constant time.
    let matches = |signature: &str| {
        let bytes = signature.strip_prefix("v1,").and_then(|base64| BASE64.decode(base64).ok());
        bytes.is_some_and(|bytes| mac.clone().verify_slice(&bytes).is_ok())
    };
    if signatures.split(' ').any(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED_AT: Timestamp = Timestamp::from_seconds(1_614_265_330);

    /// The request of the published test vector, with this body and these signatures.
    fn arrival(body: &'static str, signatures: &str) -> Arrival {
        let headers = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signatures),
        ];
        Arrival {
            method: Method::POST,
            target: "/".into(),
            headers: headers.into_iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect(),
            body: body.into(),
            answered: StatusCode::OK,
        }
    }

    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_vector_verifies_alone_and_among_others() {
        assert_eq!(verify(&arrival(BODY, SIGNATURE), SECRET, SIGNED_AT), Ok(()));
        assert_eq!(verify(&arrival(BODY, &format!("v1,AAAA v1a,x {SIGNATURE}")), SECRET, SIGNED_AT), Ok(()));
    }

    #[test]
    fn a_changed_body_another_secret_or_an_old_request_is_refused() {
        let changed = arrival(r#"{"test": 2432232315}"#, SIGNATURE);
        assert_eq!(verify(&changed, SECRET, SIGNED_AT), Err(SignatureError::Mismatch));
        let arrival = arrival(BODY, SIGNATURE);
        assert_eq!(verify(&arrival, "whsec_AAAA", SIGNED_AT), Err(SignatureError::Mismatch));
        let late = SIGNED_AT + Duration::from_secs(301);
        assert_eq!(verify(&arrival, SECRET, late), Err(SignatureError::Stale));
    }

    #[test]
    fn a_request_without_signature_is_refused_by_the_name_of_what_is_missing() {
        assert_eq!(verify(&arrival(BODY, ""), SECRET, SIGNED_AT), Err(SignatureError::Missing("webhook-signature")));
    }
}
