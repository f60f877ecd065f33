//! From a delivery to the bytes of a request: render, then sign.
//!
//! Pure: no clock, no I/O and no randomness, so the same input gives the same bytes in a preview, in a test and in a
//! delivery. A [`Recipe`] holds what is the same for every request to one endpoint; [`prepare`] adds what is not.

mod batch;
pub mod dialect;
mod format;
mod handshake;
mod inbound;
mod json;
mod mask;
#[cfg(test)]
mod members;
mod plan;
mod recipe;
pub mod report;
mod retired;
mod signature;
mod source;
mod success;
mod transform;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use jiff::tz::TimeZone;
use ringback_model::{LeftOut, Message, ReportMapping, Timestamp};

use crate::plan::{Made, Plan};
use crate::recipe::Target;
use crate::report::{Mapped, Report};
use crate::source::Event;
use crate::transform::Change;

pub use batch::{BATCH_BODY_MAX, batch_element_length, check_batch_element, prepare_batch};
pub use handshake::{ANSWER_MAX, Challenge, Handshake, NoRoom, Occasion, Refusal, TOKEN_PARAMETER};
pub use mask::{MASK, SecretMask};
pub use plan::Review;
pub use recipe::{Recipe, RecipeError};
pub use signature::{Explanation, SignedWith, Signer, Written};
pub use success::{Acknowledgement, StatusPattern, Success};
pub use transform::{TransformationJob, Transformed};

/// What requests say of themselves, unless the endpoint says otherwise.
pub const USER_AGENT: &str = concat!("Ringback/", env!("CARGO_PKG_VERSION"));

/// The longest body that a template makes, in bytes: twice the largest payload.
pub(crate) const BODY_MAX: usize = 4 << 20;

/// The longest path and query that is sent, in bytes.
pub(crate) const TARGET_MAX: usize = 8_192;

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
    /// What it goes without, though the dialect has it.
    pub left_out: Option<LeftOut>,
}

/// Why a request could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The payload was expunged or has expired.
    #[error("The payload is gone.")]
    PayloadGone,
    /// The content type that the producer gave is no header value.
    #[error("The content type of the raw payload is no valid header value.")]
    ContentType,
    /// The payload is no report, and the endpoint takes values from one.
    #[error("The payload is no report: {why}. Send one, or keep a mapping on the event type.")]
    NotAReport {
        /// What is wrong with it.
        why: String,
    },
    /// The dialect has nothing to say of such an event.
    #[error("The dialect `{dialect}` has no form for `{event_type}`.")]
    NoShape {
        /// The dialect's name.
        dialect: &'static str,
        /// The event type.
        event_type: String,
    },
    /// The report lacks what the dialect needs.
    #[error("The report lacks `{path}`, which the dialect `{dialect}` needs.")]
    Missing {
        /// The path.
        path: String,
        /// The dialect's name.
        dialect: &'static str,
    },
    /// The report does not say which state it is about, and not every state goes out.
    #[error("The report lacks `message.status`, and this endpoint does not get every state.")]
    NoState,
    /// The dialect leaves a state out that comes before those that it has words for.
    #[error("The dialect `{dialect}` has no word for the state `{state}`: it is not sent.")]
    Early {
        /// The dialect's name.
        dialect: &'static str,
        /// The state.
        state: &'static str,
    },
    /// A value is not what stands at its path.
    #[error("The value of `{path}` cannot be written: it should be {wanted}.")]
    Value {
        /// The path.
        path: String,
        /// What was expected.
        wanted: String,
    },
    /// The same of a report that a mapping has made.
    #[error("{why} {said}")]
    Mapped {
        /// What is wrong with it.
        why: Box<Self>,
        /// Where the mapping takes the value from: a whole sentence.
        said: String,
    },
    /// The payload is no JSON object, and its members are asked for.
    #[error("The payload is no JSON object, and the endpoint needs its members.")]
    NotAnObject,
    /// The payload has a member of the name of a parameter of the owner.
    #[error("The payload has a member `{name}`, which is the name of a custom parameter, too: rename the parameter.")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A GET would have a name twice: in the URL, and in what is appended.
    #[error(
        "The query of the URL has `{name}`, and so has the event, which a GET appends: rename the one in the URL, or choose \
         another send method."
    )]
    QueryTaken {
        /// The name.
        name: String,
    },
    /// Path and query are longer than receivers take.
    #[error("Path and query would have {length} bytes; at most 8192 are sent. Choose another send method.")]
    TargetTooLong {
        /// How long they would be.
        length: usize,
    },
    /// A template makes too much of the event.
    #[error("The body would have more than 4 MiB: use fewer values.")]
    BodyTooLong,
    /// A value would lead out of its place in the path.
    #[error(
        "With the value of {paths} in it, the path of the URL has a part `.` or `..`, which leads to another path: no such \
         value can stand there alone."
    )]
    Segment {
        /// The paths or placeholders in that part.
        paths: String,
    },
    /// Path and query cannot be requested with these values in it.
    #[error("The URL cannot be requested with the values of this event in it.")]
    Target,
    /// The endpoint's transformation did not make a webhook of it.
    #[error("The transformation failed. {why}")]
    Transformation {
        /// What went wrong: a whole sentence.
        why: String,
    },
    /// The producer's own bytes stand in no array.
    #[error(
        "The message has a raw payload, which cannot stand beside others in one request: take `batch` off the endpoint, or \
         send it without."
    )]
    RawInBatch,
    /// The endpoint's transformation wants nothing to be sent.
    #[error("The transformation called it off.")]
    CalledOff,
}

/// Makes the request of one attempt: what the endpoint's transformation and its dialect make of the message, or the
/// message's own bytes, in an array where the endpoint gathers several; signed at `wall` with every key that is live then. A transformation is run on this thread, which
/// may take long; who has [`transformation`] run elsewhere goes on with [`prepare_transformed`].
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

/// How each signature was made of a request that [`prepare`] has made of this message at that time.
#[must_use]
pub fn explain(recipe: &Recipe, request: &Prepared, message: &Message, wall: Timestamp) -> Vec<Explanation> {
    let id = message.id.to_string();
    let mut found = recipe.provider().map(|provider| provider.explain(request, &id, wall)).unwrap_or_default();
    let timestamp = wall.as_seconds().to_string();
    found.extend(recipe.signer().and_then(|signer| signer.explain(&id, &timestamp, signed_content(request), wall)));
    found
}

fn make(plan: &Plan, recipe: &Recipe, message: &Message) -> Result<Made, RenderError> {
    let bytes = message.payload.as_ref().ok_or(RenderError::PayloadGone)?;
    let payload = std::str::from_utf8(bytes).map_err(|_| RenderError::NotAnObject)?;
    if !plan.needs_report() && !recipe.asks_state() {
        return plan.make(Event { message, payload, report: None });
    }
    with_report(recipe, message, |report| plan.make(Event { message, payload, report }))
}

/// Hands over the report of a message, if its state can be told where that matters; none where the payload need not be
/// one.
fn with_report<T>(
    recipe: &Recipe,
    message: &Message,
    then: impl FnOnce(Option<&Report<'_>>) -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    let bytes = message.payload.as_ref().ok_or(RenderError::PayloadGone)?;
    let mapping = recipe.mapping(&message.event_type);
    let mapped = mapping.map(|mapping| Mapped::new(mapping, bytes)).transpose();
    let read = mapped.as_ref().map_or_else(
        |error| Err(error.to_string()),
        |mapped| {
            match mapped {
                Some(mapped) => mapped.report(),
                None => Report::parse(bytes),
            }
            .map_err(|error| error.to_string())
        },
    );
    let made = match read {
        Ok(report) => recipe.check_state(&message.event_type, &report).and_then(|()| then(Some(&report))),
        Err(why) if recipe.needs_report(&message.event_type) => Err(RenderError::NotAReport { why }),
        Err(_) => then(None),
    };
    match mapping {
        Some(mapping) => made.map_err(|error| error.of_mapping(mapping, &message.event_type)),
        None => made,
    }
}

impl RenderError {
    /// The same, with what the mapping of the event type says of the value that is at fault.
    fn of_mapping(self, mapping: &ReportMapping, event_type: &str) -> Self {
        let path = match &self {
            Self::Missing { path, .. } | Self::Value { path, .. } => path.as_str(),
            Self::NoState => "message.status",
            Self::NotAReport { .. } => {
                let said = format!("It was made by the `reportMapping` of the event type `{event_type}`.");
                return Self::Mapped { why: Box::new(self), said };
            }
            _ => return self,
        };
        let own = format!("The `reportMapping` of the event type `{event_type}`");
        let said = match (mapping.get(path), &self) {
            (None, _) => format!("{own} does not name it."),
            (Some(from), Self::Value { .. }) => format!(
                "{own} takes it from `{}` of the payload: it can name the `words` of a state there, or the `format` of a time.",
                from.path
            ),
            (Some(from), _) => format!("{own} takes it from `{}`, where the payload has nothing.", from.path),
        };
        Self::Mapped { why: Box::new(self), said }
    }
}

/// The request target: the endpoint's own (`base` where it depends on the event), its own query first, with what a GET
/// says behind it, and what vouches for the body last.
fn target(recipe: &Recipe, base: Option<&str>, query: &str, body: &[u8]) -> Result<PathAndQuery, RenderError> {
    let provider = recipe.provider().filter(|provider| provider.appends());
    let base = match (recipe.target(), base) {
        (Target::Ready(target), _) if query.is_empty() && provider.is_none() => return Ok(target.clone()),
        (Target::Ready(target), _) => target.as_str(),
        (Target::Open, Some(target)) => target,
        (Target::Open, None) => return Err(RenderError::Target),
    };
    let mut text = String::with_capacity(base.len() + query.len() + 1);
    text.push_str(base);
    if !query.is_empty() {
        match base.split_once('?') {
            None => text.push('?'),
            Some((_, own)) if own.is_empty() || own.ends_with('&') => {}
            Some(_) => text.push('&'),
        }
        text.push_str(query);
    }
    if let Some(provider) = provider {
        provider.append(body, &mut text);
    }
    if text.len() > TARGET_MAX {
        return Err(RenderError::TargetTooLong { length: text.len() });
    }
    recipe::request_target(&text).map_err(|_| RenderError::Target)
}

/// Adds the headers of Standard Webhooks over the content.
fn sign(recipe: &Recipe, request: &mut Prepared, id: String, wall: Timestamp) {
    let Some(signer) = recipe.signer() else { return };
    let timestamp = wall.as_seconds().to_string();
    let signature = signer.sign(&id, &timestamp, signed_content(request), wall);
    let headers = &mut request.headers;
    for (names, text) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
        let Ok(value) = HeaderValue::try_from(text) else { continue };
        let [webhook, svix] = names;
        if !value.is_empty() {
            headers.insert(webhook, value.clone());
            headers.insert(svix, value);
        }
    }
}

/// What Standard Webhooks sign of a request. A GET has no body: what it says stands in its query.
fn signed_content(request: &Prepared) -> &[u8] {
    if request.method == Method::GET { request.target.query().unwrap_or_default().as_bytes() } else { &request.body }
}

/// The time zone of this name.
///
/// # Errors
/// A sentence that names what was probably meant.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        let zones: Vec<_> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        unknown("time zone of the IANA data base", name, &ringback_model::near(name, zones.iter().map(String::as_str)))
    })
}

/// A sentence about a name that is not known.
pub(crate) fn unknown(what: &str, name: &str, near: &[&str]) -> String {
    let mut sentence = format!("There is no {what} `{name}`");
    for (at, meant) in near.iter().enumerate() {
        sentence.push_str(if at == 0 { "; is it " } else { " or " });
        sentence.push_str(&format!("`{meant}`"));
    }
    sentence.push(if near.is_empty() { '.' } else { '?' });
    sentence
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
