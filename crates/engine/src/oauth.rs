//! Tokens for receivers that ask for OAuth2 client credentials (RFC 6749, section 4.4).
//!
//! A token is fetched by the one way out, kept in memory for as long as it is good, and shared by all attempts to its
//! endpoint. Those that need one at the same time wait for one fetch; when that fails, all of them hear of it, and nobody
//! asks again within a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use ringback_model::{AttemptOutcome, Auth, Clock, EndpointNo, Redacted, Timestamp};
use serde_json::Value;
use url::form_urlencoded;

use crate::egress::{TargetUrl, TlsIdentity, UrlError};
use crate::transport::{OutgoingRequest, Receiver, Transport};

/// The longest that a token may take to come.
const TIMEOUT_MAX: Duration = Duration::from_secs(10);
/// How long a token is good when its server does not say.
const LIFE_DEFAULT: Duration = Duration::from_secs(300);
/// A token is not used any more so long before it ends, or in the last tenth of its life if that is shorter.
const MARGIN_MAX: Duration = Duration::from_secs(30);
/// What stands before a token in the header that shows it.
const SCHEME: &str = "Bearer ";
/// How long a server that gave no token is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no token. Told to the owner of the endpoint, so it repeats nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There was no answer.
    #[error("the token server could not be asked: {0}")]
    NoAnswer(AttemptOutcome),
    /// The answer is not a success.
    #[error("the token server answered {status}{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused {
        /// Its status.
        status: u16,
        /// Its `error`, if that is one of the words that RFC 6749 allows.
        code: Option<String>,
    },
    /// The answer is no token of ours.
    #[error("the answer of the token server is not JSON with an `access_token` of the type `Bearer`")]
    NoToken,
}

/// Who asks for tokens, and where.
#[derive(Clone, Debug)]
pub struct OauthClient {
    server: TargetUrl,
    /// Whom it trusts beside the public authorities.
    trust: Option<Arc<TlsIdentity>>,
    authorization: HeaderValue,
    form: Bytes,
}

impl OauthClient {
    /// The client that an endpoint's authentication stands for, which believes whom the endpoint does; `None` if it is
    /// of another kind.
    ///
    /// # Errors
    /// When the URL of its token server cannot be used.
    pub fn of(auth: &Auth, trust: Option<Arc<TlsIdentity>>) -> Result<Option<Self>, UrlError> {
        let Auth::Oauth2 { token_url, client_id, client_secret, scope } = auth else { return Ok(None) };
        let authorization = basic(client_id, client_secret);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = scope {
            form.append_pair("scope", scope);
        }
        Ok(Some(Self { server: TargetUrl::parse(token_url)?, trust, authorization, form: form.finish().into() }))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.server.as_str() == other.server.as_str()
            && self.trust == other.trust
            && self.authorization == other.authorization
            && self.form == other.form
    }

    /// Asks for a token.
    pub(crate) async fn fetch(&self, transport: &Transport, timeout: Duration) -> Result<Fetched, TokenError> {
        let receiver = Receiver { endpoint: None, target: &self.server, identity: self.trust.as_ref() };
        let sent = transport.send_to(receiver, self.request(), timeout.min(TIMEOUT_MAX)).await;
        let answer = sent.result.map_err(|fault| TokenError::NoAnswer(fault.outcome()))?;
        let said: Option<Value> = serde_json::from_slice(&sent.exchange.response).ok();
        let text = |name: &str| said.as_ref().and_then(|said| said.get(name)).and_then(Value::as_str);
        if !(200..300).contains(&answer.status) {
            let code = text("error").filter(|code| is_code(code)).map(str::to_owned);
            return Err(TokenError::Refused { status: answer.status, code });
        }
        if !text("token_type").is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
            return Err(TokenError::NoToken);
        }
        let token = text("access_token").filter(|token| !token.is_empty()).ok_or(TokenError::NoToken)?;
        let mut header = HeaderValue::try_from(format!("{SCHEME}{token}")).map_err(|_| TokenError::NoToken)?;
        header.set_sensitive(true);
        let life = said.as_ref().and_then(|said| said.get("expires_in")).and_then(seconds).unwrap_or(LIFE_DEFAULT);
        Ok(Fetched { header, life })
    }

    fn request(&self) -> OutgoingRequest {
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json")),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (USER_AGENT, HeaderValue::from_static(ringback_wire::USER_AGENT)),
            (AUTHORIZATION, self.authorization.clone()),
        ]);
        OutgoingRequest {
            method: Method::POST,
            path_and_query: self.server.path_and_query().clone(),
            headers,
            body: self.form.clone(),
        }
    }
}

/// The header that shows a client's id and secret.
pub(crate) fn basic(id: &str, secret: &Redacted) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    // Section 2.3.1: both are form-encoded before they become a user and a password.
    let pair = BASE64.encode(format!("{}:{}", encoded(id), encoded(secret.reveal())));
    let mut header = HeaderValue::try_from(format!("Basic {pair}")).expect("base64 fits into a header");
    header.set_sensitive(true);
    header
}

/// The token in the header that shows it.
pub(crate) fn shown(header: &HeaderValue) -> Redacted {
    let text = String::from_utf8_lossy(header.as_bytes());
    Redacted::new(text.strip_prefix(SCHEME).unwrap_or(&text).to_owned())
}

/// A token as its server has just given it.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) header: HeaderValue,
    life: Duration,
}

/// A token as it is shown, and whether it was fetched for whoever asked now.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) header: HeaderValue,
    pub(crate) is_new: bool,
}

/// The tokens of all endpoints.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<HashMap<EndpointNo, Arc<Slot>>>);

#[derive(Debug)]
struct Slot {
    client: OauthClient,
    kept: tokio::sync::Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    token: Option<Token>,
    failed: Option<(Timestamp, TokenError)>,
}

#[derive(Clone, Debug)]
struct Token {
    header: HeaderValue,
    good_until: Timestamp,
}

impl Tokens {
    /// The token of an endpoint, fetched if none is kept that is good; never the one that was `refused`.
    pub(crate) async fn get(
        &self,
        (transport, clock): (&Transport, &dyn Clock),
        endpoint: EndpointNo,
        client: &OauthClient,
        timeout: Duration,
        refused: Option<&HeaderValue>,
    ) -> Result<Shown, TokenError> {
        let slot = self.slot(endpoint, client);
        // Held while a token is fetched: whoever comes meanwhile waits for it.
        let mut kept = slot.kept.lock().await;
        let now = clock.now();
        if let Some(token) = &kept.token
            && now < token.good_until
            && Some(&token.header) != refused
        {
            return Ok(Shown { header: token.header.clone(), is_new: false });
        }
        kept.token = None;
        if let Some((at, error)) = &kept.failed
            && now < *at + PAUSE
        {
            return Err(error.clone());
        }
        match client.fetch(transport, timeout).await {
            Ok(Fetched { header, life }) => {
                let good_until = now + (life - MARGIN_MAX.min(life / 10));
                let token = Token { header: header.clone(), good_until };
                *kept = Kept { token: Some(token), failed: None };
                Ok(Shown { header, is_new: true })
            }
            Err(error) => {
                kept.failed = Some((clock.now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Forgets the token of an endpoint.
    pub(crate) fn forget(&self, endpoint: EndpointNo) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&endpoint);
    }

    fn slot(&self, endpoint: EndpointNo, client: &OauthClient) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(&endpoint) {
            Some(slot) if slot.client.is_same(client) => Arc::clone(slot),
            Some(_) | None => {
                let slot = Arc::new(Slot { client: client.clone(), kept: tokio::sync::Mutex::default() });
                slots.insert(endpoint, Arc::clone(&slot));
                slot
            }
        }
    }
}

/// A number of seconds; some servers write it as text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    // Longer than a year is only for ever.
    Some(Duration::from_secs(seconds.min(365 * 86_400)))
}

/// Whether a text is a code such as `invalid_client`: nobody's secret looks like this.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}
