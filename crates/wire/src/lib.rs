//! From a delivery to the bytes of a request: render, then sign.
//!
//! Pure: no clock, no I/O and no randomness, so the same input gives the same bytes in a preview, in a test and in a
//! delivery. A [`Recipe`] holds what is the same for every request to one endpoint; [`prepare`] adds what is not.

mod recipe;
mod signature;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use ringback_model::{Message, Timestamp};

pub use recipe::{Recipe, RecipeError};
pub use signature::Signer;

/// What requests say of themselves, unless the endpoint says otherwise.
pub const USER_AGENT: &str = concat!("Ringback/", env!("CARGO_PKG_VERSION"));

/// The two families of names that signature headers have: Standard Webhooks, and the one that the SDKs of the reference
/// server know too. The values are the same.
const ID: [HeaderName; 2] = [HeaderName::from_static("webhook-id"), HeaderName::from_static("svix-id")];
const TIMESTAMP: [HeaderName; 2] =
    [HeaderName::from_static("webhook-timestamp"), HeaderName::from_static("svix-timestamp")];
const SIGNATURE: [HeaderName; 2] =
    [HeaderName::from_static("webhook-signature"), HeaderName::from_static("svix-signature")];

/// A request that is ready to go; `host` and `content-length` are the transport's.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// The request target: path and query.
    pub target: PathAndQuery,
    /// All headers of ours.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why a request could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The payload was expunged or has expired.
    #[error("the payload is gone")]
    PayloadGone,
    /// The content type that the producer gave is no header value.
    #[error("the content type of the raw payload is not a valid header value")]
    ContentType,
}

/// Makes the request of one attempt: the message's own bytes, signed at `wall` with every key that is live then.
///
/// # Errors
/// When the message has nothing to send.
pub fn prepare(recipe: &Recipe, message: &Message, wall: Timestamp) -> Result<Prepared, RenderError> {
    let (body, content_type) = message.body().ok_or(RenderError::PayloadGone)?;
    let id = message.id.to_string();
    let timestamp = wall.as_seconds().to_string();
    let signature = recipe.signer().sign(&id, &timestamp, body, wall);

    // Room for the endpoint's own, those of the signature, and the transport's.
    let mut headers = HeaderMap::with_capacity(recipe.headers().len() + 10);
    headers.extend(recipe.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
    if content_type != "application/json" {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).map_err(|_| RenderError::ContentType)?);
    }
    for (names, text) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
        let Ok(value) = HeaderValue::try_from(text) else { continue };
        let [webhook, svix] = names;
        if !value.is_empty() {
            headers.insert(webhook, value.clone());
            headers.insert(svix, value);
        }
    }
    Ok(Prepared { method: Method::POST, target: recipe.target().clone(), headers, body: body.clone() })
}

#[cfg(test)]
mod tests {
    use ringback_model::{
        AppNo, Endpoint, EndpointSecrets, HeaderField, MessageNo, OrganizationSettings, Redacted, SigningKey,
        SigningSecret,
    };

    use super::*;

    fn message(body: &'static str) -> Message {
        Message {
            no: MessageNo(1),
            app: AppNo(1),
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap(),
            event_type: "sms.dlr".into(),
            event_id: None,
            channels: vec![],
            payload: Some(Bytes::from_static(body.as_bytes())),
            raw: None,
            raw_content_type: None,
            ordering_key: None,
            occurred_at: None,
            accepted_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::MAX,
        }
    }

    fn endpoint() -> Endpoint {
        serde_json::from_value(serde_json::json!({
            "id": "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk", "url": "http://a.example/",
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    fn recipe(headers: &[(&str, &str)]) -> Recipe {
        let endpoint = Endpoint {
            headers: headers.iter().map(|(n, _)| HeaderField { name: (*n).into(), sensitive: false }).collect(),
            ..endpoint()
        };
        let secret = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secrets = EndpointSecrets {
            keys: vec![SigningKey { secret, expires_at: None }],
            header_values: headers.iter().map(|(_, v)| Redacted::new((*v).into())).collect(),
            ..EndpointSecrets::default()
        };
        Recipe::new(&endpoint, &secrets, &OrganizationSettings::default()).unwrap()
    }

    #[test]
    fn the_body_is_the_payload_to_the_byte_and_both_header_families_agree() {
        let odd = "{ \"b\":1.0,\"a\":1,\"a\":2 , \"n\": 1e400}";
        let request = prepare(&recipe(&[]), &message(odd), Timestamp::from_seconds(1_614_265_330)).unwrap();
        assert_eq!(request.body, odd.as_bytes());
        assert_eq!(request.headers["content-type"], "application/json");
        for name in ["id", "timestamp", "signature"] {
            assert_eq!(request.headers[format!("webhook-{name}")], request.headers[format!("svix-{name}")]);
        }
        assert_eq!(request.headers["webhook-timestamp"], "1614265330");
    }

    #[test]
    fn a_raw_payload_goes_in_place_of_the_payload_with_its_own_type() {
        let raw = Message {
            raw: Some(Bytes::from_static(b"<a/>")),
            raw_content_type: Some("text/xml".into()),
            ..message("{}")
        };
        let request = prepare(&recipe(&[]), &raw, Timestamp::from_seconds(0)).unwrap();
        assert_eq!(
            (&request.body[..], &request.headers["content-type"]),
            (&b"<a/>"[..], &HeaderValue::from_static("text/xml"))
        );
    }

    #[test]
    fn headers_of_the_owner_are_sent_and_cannot_displace_a_signature() {
        let request =
            prepare(&recipe(&[("X-Shop", "7"), ("Webhook-Id", "forged")]), &message("{}"), Timestamp::from_seconds(0))
                .unwrap();
        assert_eq!(request.headers["x-shop"], "7");
        assert_eq!(request.headers["webhook-id"], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk");
    }

    #[test]
    fn a_message_whose_payload_is_gone_makes_no_request() {
        let gone = Message { payload: None, ..message("{}") };
        assert_eq!(prepare(&recipe(&[]), &gone, Timestamp::MIN).unwrap_err(), RenderError::PayloadGone);
    }
}
