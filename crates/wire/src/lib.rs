//! From a delivery to the bytes of a request: render, then sign.
//!
//! Pure: no clock, no I/O and no randomness, so the same input gives the same bytes in a preview, in a test and in a
//! delivery. A [`Recipe`] holds what is the same for every request to one endpoint; [`prepare`] adds what is not.

mod batch;
pub mod dialect;
mod error;
mod format;
mod handshake;
mod inbound;
mod json;
mod mask;
#[cfg(test)]
mod members;
mod plan;
mod reading;
mod recipe;
pub mod report;
mod request;
mod retired;
mod signature;
mod source;
mod success;
mod transform;
mod unknown;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use ringback_model::{Message, Timestamp};

use crate::reading::{make, with_report};
use crate::request::{TARGET_MAX, sign, target};
use crate::transform::Change;
use crate::unknown::{unknown, zone};

pub use batch::{BATCH_BODY_MAX, batch_element_length, check_batch_element, prepare_batch};
pub use error::RenderError;
pub use handshake::{ANSWER_MAX, Challenge, Handshake, NoRoom, Occasion, Refusal, TOKEN_PARAMETER, sign_handshake};
pub use json::mended;
pub use mask::{MASK, SecretMask};
pub use plan::Review;
pub use recipe::{Recipe, RecipeError};
pub use request::{Prepared, explain};
pub use signature::{CheckError, Checked, Explanation, Received, SignedWith, Signer, Written, check_signatures};
pub use success::{Acknowledgement, StatusPattern, Success};
pub use transform::{TransformationJob, Transformed};

/// What requests say of themselves, unless the endpoint says otherwise.
pub const USER_AGENT: &str = concat!("Ringback/", env!("CARGO_PKG_VERSION"));

/// The longest body that a template makes, in bytes: twice the largest payload.
pub(crate) const BODY_MAX: usize = 4 << 20;

/// Makes the request of one attempt: what the endpoint's transformation and its dialect make of the message, or the
/// message's own bytes, in an array where the endpoint gathers several; signed at `wall` with every key that is live
/// then. A transformation is run on this thread, which may take long; who has [`transformation`] run elsewhere goes on
/// with [`prepare_transformed`].
///
/// # Errors
/// Why nothing can be sent; nothing is ever sent half.
pub fn prepare(recipe: &Recipe, message: &Message, wall: Timestamp) -> Result<Prepared, RenderError> {
    if recipe.gathers() {
        return prepare_batch(recipe, &[message], wall);
    }
    match transformation(recipe, message)? {
        None => render(recipe, message, wall, None),
        Some(job) => prepare_transformed(recipe, message, wall, job.run()),
    }
}

/// What the endpoint's transformation has to do for a message; none if it has no say.
///
/// # Errors
/// Why nothing can be sent.
pub fn transformation(recipe: &Recipe, message: &Message) -> Result<Option<TransformationJob>, RenderError> {
    // Bytes that a producer sends as they are, are nothing that code could read.
    let Some(transformation) = recipe.transformation().filter(|_| message.raw.is_none()) else { return Ok(None) };
    if message.payload.is_none() {
        return Err(RenderError::PayloadGone);
    }
    let job = transformation.job(recipe.method(), recipe.url(), message);
    job.map(Some).map_err(|why| RenderError::Transformation { why })
}

/// Makes the request of one attempt of what its transformation has made.
///
/// # Errors
/// Those of [`prepare`].
pub fn prepare_transformed(
    recipe: &Recipe,
    message: &Message,
    wall: Timestamp,
    transformed: Result<Transformed, String>,
) -> Result<Prepared, RenderError> {
    let change = transformed.and_then(|transformed| transformed.change(recipe.method(), recipe.url()));
    let mut change = change.map_err(|why| RenderError::Transformation { why })?;
    if change.called_off {
        return Err(RenderError::CalledOff);
    }
    let payload = Some(Bytes::from(std::mem::take(&mut change.payload)));
    render(recipe, &Message { payload, ..message.clone() }, wall, Some(change))
}

fn render(
    recipe: &Recipe,
    message: &Message,
    wall: Timestamp,
    change: Option<Change>,
) -> Result<Prepared, RenderError> {
    let (body, content_type) = message.body().ok_or(RenderError::PayloadGone)?;
    // Room for the endpoint's own, those of the signatures, and the transport's.
    let mut headers = HeaderMap::with_capacity(recipe.headers().len() + 10);
    headers.extend(recipe.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
    let (method, query, base, body, left_out) = match recipe.plan() {
        None => {
            if recipe.asks_state() {
                with_report(recipe, message, |_| Ok(()))?;
            }
            if content_type != "application/json" {
                let kind = HeaderValue::from_str(content_type).map_err(|_| RenderError::ContentType)?;
                headers.insert(CONTENT_TYPE, kind);
            }
            (Method::POST, String::new(), None, body.clone(), None)
        }
        Some(plan) => {
            let made = make(plan, recipe, message)?;
            (recipe.method().clone(), made.query, made.target, Bytes::from(made.body), made.left_out)
        }
    };
    let target = target(recipe, base.as_deref(), &query, &body)?;
    let mut request = Prepared { method, target, headers, body, left_out };
    if let Some(change) = change {
        apply(recipe, change, &mut request)?;
    }
    let id = message.id.to_string();
    if let Some(provider) = recipe.provider() {
        provider.sign(&mut request, &id, wall);
    }
    sign(recipe, &mut request, id, wall);
    Ok(request)
}

/// Adds what a transformation has changed beside the payload. What a dialect has a word in is the dialect's.
fn apply(recipe: &Recipe, change: Change, request: &mut Prepared) -> Result<(), RenderError> {
    let fail = |why: String| Err(RenderError::Transformation { why });
    if recipe.plan().is_some() && (change.method.is_some() || change.target.is_some()) {
        return fail(
            "`method` and `url` are the dialect's here: `payload`, `headers` and `cancel` can be changed.".into(),
        );
    }
    if let Some(name) = recipe.signature_headers().find(|name| change.headers.contains_key(*name)) {
        return fail(format!("The header `{name}` is the signature of the dialect."));
    }
    if let Some(method) = change.method {
        request.method = method;
    }
    if let Some(target) = change.target {
        if target.len() > TARGET_MAX {
            return Err(RenderError::TargetTooLong { length: target.len() });
        }
        request.target = recipe::request_target(&target).map_err(|_| RenderError::Target)?;
    }
    request.headers.extend(change.headers);
    Ok(())
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
            tags: vec![],
            payload: Some(Bytes::from_static(body.as_bytes())),
            raw: None,
            raw_content_type: None,
            ordering_key: None,
            occurred_at: None,
            callback_url: None,
            deliver_at: None,
            deliver_until: None,
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
