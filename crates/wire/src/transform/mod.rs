//! Transformations: JavaScript of an endpoint's owner that may change each webhook before it is sent.
//!
//! The code has a function `handler`, which gets the webhook and returns it, changed or not. It sees the event and
//! nothing else: no clock (the present is when the message was accepted), no randomness, no network, no files and
//! nothing of other endpoints. So the same message gives the same bytes each time it is tried. What it may use of time
//! and memory is limited ([`machine`]); whatever goes wrong in it is a sentence for its owner, and nothing is sent.
//!
//! A [`TransformationJob`] is all that a run needs, as data, so that it can be handed to another process.

mod machine;

use std::sync::atomic::{AtomicU64, Ordering};

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method};
use indexmap::IndexMap;
use ringback_model::{Message, Redacted, header_name_fault, header_value_fault};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The longest payload that a transformation may return, in bytes: twice the largest that is accepted.
const PAYLOAD_MAX: usize = 4 << 20;
/// Headers that a transformation may add.
const HEADERS_MAX: usize = 50;
/// What a method may be changed to.
const METHODS: [Method; 4] = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What an endpoint's owner has written, ready to be run.
#[derive(Debug)]
pub(crate) struct Transformation {
    /// Its number in this process. Machines are kept by it, so that no two endpoints ever share one.
    no: u64,
    code: Redacted,
    variables: IndexMap<String, Redacted>,
}

/// What the code made of a webhook.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// The method, if it is another one.
    pub(crate) method: Option<Method>,
    /// Path and query, if they are others.
    pub(crate) target: Option<String>,
    /// What is added to the headers.
    pub(crate) headers: HeaderMap,
    /// The payload, as JSON.
    pub(crate) payload: String,
    /// Nothing is to be sent.
    pub(crate) called_off: bool,
}

/// The webhook as the code sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    method: &'a str,
    url: &'a str,
    payload: &'a RawValue,
    headers: IndexMap<&'a str, &'a str>,
    cancel: bool,
    event_type: &'a str,
    event_id: Option<&'a str>,
    channels: &'a [String],
    tags: &'a [String],
    variables: IndexMap<&'a str, &'a str>,
}

/// A run of a transformation, as data.
#[derive(Serialize, Deserialize)]
pub struct TransformationJob {
    /// The number of the transformation in the process that asks: machines are kept by it.
    no: u64,
    code: Redacted,
    /// The webhook as JSON, and the present in milliseconds; if there is none, the code is only looked at.
    event: Option<(String, i64)>,
}

/// What `handler` returned.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Transformed {
    method: String,
    url: String,
    payload: String,
    headers: Vec<(String, String)>,
    cancel: bool,
}

impl TransformationJob {
    /// Whether the other one runs the same code on the same webhook, so that the same comes of it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.code.reveal() == other.code.reveal() && self.event == other.event
    }

    /// A look at whether code can be run and has a `handler`.
    #[must_use]
    pub fn check(code: &Redacted) -> Self {
        Self { no: u64::MAX, code: code.clone(), event: None }
    }

    /// Runs it, on this thread.
    ///
    /// # Errors
    /// A sentence: what is wrong with the code, and in which line.
    pub fn run(&self) -> Result<Transformed, String> {
        match &self.event {
            None => machine::check(self.code.reveal()).map(|()| Transformed::default()),
            Some((webhook, at)) => machine::run(self.no, self.code.reveal(), webhook, *at, PAYLOAD_MAX),
        }
    }
}

impl std::fmt::Debug for TransformationJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformationJob").field("no", &self.no).finish_non_exhaustive()
    }
}

impl Transformation {
    /// Takes the code; [`TransformationJob::check`] says whether it can be run.
    pub(crate) fn new(code: &str, variables: &IndexMap<String, Redacted>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let no = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { no, code: Redacted::new(code.to_owned()), variables: variables.clone() }
    }

    /// A run of the code on a message that goes to `url` with `method`.
    ///
    /// # Errors
    /// A sentence that says why there is no webhook.
    pub(crate) fn job(&self, method: &Method, url: &str, message: &Message) -> Result<TransformationJob, String> {
        let payload = message.payload.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let webhook = Webhook {
            method: method.as_str(),
            url,
            payload: payload.ok_or("The payload is gone.")?,
            headers: IndexMap::new(),
            cancel: false,
            event_type: &message.event_type,
            event_id: message.event_id.as_deref(),
            channels: &message.channels,
            tags: &message.tags,
            variables: self.variables.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect(),
        };
        let webhook = serde_json::to_string(&webhook).map_err(|_| "The payload cannot be read.")?;
        let event = Some((webhook, message.accepted_at.as_millis()));
        Ok(TransformationJob { no: self.no, code: self.code.clone(), event })
    }
}

impl Transformed {
    /// What is different from what was handed in, if it can be sent.
    ///
    /// # Errors
    /// A sentence that says what cannot.
    pub(crate) fn change(self, method: &Method, url: &str) -> Result<Change, String> {
        if self.cancel {
            return Ok(Change { called_off: true, ..Change::default() });
        }
        let is_same = self.method.eq_ignore_ascii_case(method.as_str());
        let method = if is_same { None } else { Some(method_of(&self.method)?) };
        let target = if self.url == url { None } else { Some(target_of(&self.url, url)?) };
        let headers = headers_of(&self.headers)?;
        Ok(Change { method, target, headers, payload: self.payload, called_off: false })
    }
}

fn method_of(text: &str) -> Result<Method, String> {
    let method = METHODS.iter().find(|method| text.eq_ignore_ascii_case(method.as_str()));
    method.cloned().ok_or_else(|| format!("`method` is {}: it can be POST, PUT, PATCH or DELETE.", shown(text)))
}

/// Path and query of `text`, if it leads to where `url` does.
fn target_of(text: &str, url: &str) -> Result<String, String> {
    let read = |text: &str| url::Url::parse(text).map_err(|_| format!("`url` is no URL: {}.", shown(text)));
    let (new, old) = (read(text)?, read(url)?);
    if new.origin() != old.origin() || !new.username().is_empty() || new.password().is_some() {
        return Err("`url` leads to another server: its path and query can be changed, and nothing else.".to_owned());
    }
    Ok(match new.query() {
        Some(query) => format!("{}?{query}", new.path()),
        None => new.path().to_owned(),
    })
}

fn headers_of(given: &[(String, String)]) -> Result<HeaderMap, String> {
    if given.len() > HEADERS_MAX {
        return Err(format!("At most {HEADERS_MAX} headers can be added, and these are {}.", given.len()));
    }
    let mut headers = HeaderMap::with_capacity(given.len());
    for (name, value) in given {
        let lower = name.to_ascii_lowercase();
        // The kind of a body may be told, for its owner may write another kind of JSON.
        let name_fault = header_name_fault(&lower).filter(|_| lower != "content-type");
        let wrong = |why: &str| format!("The header {} cannot be added: {why}", shown(name));
        if let Some(why) = name_fault.or_else(|| header_value_fault(value)) {
            return Err(wrong(why));
        }
        let unfit = |()| wrong("It is no header.");
        let name = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| unfit(()))?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| unfit(()))?);
    }
    Ok(headers)
}

/// A text in an error: cut, for it may be anything.
fn shown(text: &str) -> String {
    format!("`{}`", text.chars().take(64).collect::<String>())
}
