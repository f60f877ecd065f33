//! Several messages in one request: a JSON array of them, in the order of their acceptance, signed as a whole.
//!
//! Each element tells the id, the type and the time of a message and holds its payload to the byte. One message alone is
//! an array, too: the receiver sees one shape.

use std::io::Write as _;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method};
use ringback_model::{Endpoint, EndpointSecrets, Message, Timestamp};

use crate::plan::Plan;
use crate::reading::with_report;
use crate::request::{sign, target};
use crate::{Prepared, Recipe, RecipeError, RenderError};

/// The longest body that several messages share, in bytes; one alone may have more.
pub const BATCH_BODY_MAX: usize = 1 << 20;

/// How many messages there are in the request.
const SIZE: HeaderName = HeaderName::from_static("webhook-batch-size");

/// What an element has around its type and its payload: names, id, time, and what stands before the next one.
const AROUND: usize = 128;

/// Refuses an endpoint that gathers messages and writes its requests otherwise than as they are.
pub(crate) fn check(endpoint: &Endpoint, secrets: &EndpointSecrets, plan: Option<&Plan>) -> Result<(), RecipeError> {
    if endpoint.batch.is_none() {
        return Ok(());
    }
    let refuse = |why: &str| {
        let rule = format!(
            "Several messages go in one request only as they are, in JSON, and {why}: leave one of the two out."
        );
        Err(RecipeError::new("batch", rule))
    };
    if secrets.transformation.as_deref().is_some_and(|kept| kept.running().is_some()) {
        return refuse("the transformation makes a request of each");
    }
    let Some(plan) = plan else { return Ok(()) };
    let shape = endpoint.shape.as_deref();
    if !plan.dialect().is_plain() {
        refuse(&format!("the dialect `{}` writes a request of each", plan.dialect().name))
    } else if shape.is_some_and(|shape| shape.template.is_some()) {
        refuse("the `template` writes a request of each")
    } else if plan.writes_target() {
        refuse("the URL has places for values of each")
    } else if plan.method != ringback_model::SendMethod::Json {
        refuse("`sendMethod` asks for another form: `json` is the one that has it")
    } else {
        refuse("`customParameters` are written beside the values of each")
    }
}

/// How long the element of a message is at most, with what stands before the next one.
#[must_use]
pub fn batch_element_length(message: &Message) -> usize {
    AROUND + message.event_type.len() + message.payload.as_ref().map_or(0, Bytes::len)
}

/// Looks whether a message can be an element of a request to the endpoint.
///
/// # Errors
/// Why it cannot; the others can go without it.
pub fn check_batch_element(recipe: &Recipe, message: &Message) -> Result<(), RenderError> {
    if message.raw.is_some() {
        return Err(RenderError::RawInBatch);
    }
    if recipe.asks_state() {
        with_report(recipe, message, |_| Ok(()))?;
    }
    message.payload.as_ref().map(drop).ok_or(RenderError::PayloadGone)
}

/// Makes the request of several messages, which stand in the order of their acceptance; its id is that of the first.
/// Signed at `wall` with every key that is live then.
///
/// # Errors
/// When one of them can be no element, see [`check_batch_element`]; when there is none.
pub fn prepare_batch(recipe: &Recipe, messages: &[&Message], wall: Timestamp) -> Result<Prepared, RenderError> {
    let first = messages.first().ok_or(RenderError::PayloadGone)?;
    let body = body(recipe, messages)?;
    // Room for the endpoint's own, those of the signatures, the count, and the transport's.
    let mut headers = HeaderMap::with_capacity(recipe.headers().len() + 11);
    headers.extend(recipe.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
    headers.insert(SIZE, HeaderValue::from(messages.len()));
    let target = target(recipe, None, "", &body)?;
    let mut request = Prepared { method: Method::POST, target, headers, body: body.into(), left_out: None };
    sign(recipe, &mut request, first.id.to_string(), wall);
    Ok(request)
}

fn body(recipe: &Recipe, messages: &[&Message]) -> Result<Vec<u8>, RenderError> {
    let mut body = Vec::with_capacity(2 + messages.iter().map(|message| batch_element_length(message)).sum::<usize>());
    for message in messages {
        check_batch_element(recipe, message)?;
        let payload = message.payload.as_ref().ok_or(RenderError::PayloadGone)?;
        body.push(if body.is_empty() { b'[' } else { b',' });
        // The rule for event types leaves nothing to escape; a quote from elsewhere must not break the array all the same.
        let event_type = serde_json::Value::from(message.event_type.as_str());
        let (id, at) = (message.id, message.accepted_at);
        write!(body, r#"{{"id":"{id}","eventType":{event_type},"timestamp":"{at}","payload":"#)
            .expect("memory takes what is written");
        body.extend_from_slice(payload);
        body.push(b'}');
    }
    body.push(b']');
    Ok(body)
}
