//! What came of a request to a customer's URL, in words that say what to change.
//!
//! Pure: from what was sent and what was seen to a [`Verdict`]. The table of statuses is in `status.rs`.

mod status;

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use ringback_engine::TokenError;
use ringback_engine::egress::{ConnectError, Denied, ResolveError, TlsProblem};
use ringback_engine::transport::{BodyEnd, Fault, Sent};
use ringback_model::{AttemptOutcome, Failure, SendMethod, sentence};
use ringback_wire::{Prepared, Success};

/// A verdict in one word: what the API and the console tell cases apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictClass {
    /// A delivery with this answer would have succeeded.
    Success,
    /// The host name has no address.
    Dns,
    /// The policy of the way out refuses the URL.
    Denied,
    /// No connection could be made.
    Connect,
    /// TLS failed.
    Tls,
    /// There was no answer in time.
    Timeout,
    /// The connection was closed without an answer.
    Closed,
    /// What came back is not HTTP.
    Protocol,
    /// This server could not send.
    Local,
    /// A redirect, which is not followed.
    Redirect,
    /// 401 or 403: the secret was rejected.
    Unauthorized,
    /// 404 or 410.
    NotFound,
    /// 405.
    Method,
    /// 400 or 422.
    BadRequest,
    /// 413, 414 or 431.
    TooLarge,
    /// 415.
    MediaType,
    /// 429.
    RateLimited,
    /// 5xx.
    ServerError,
    /// The status would do, and the body lacks what the success rule asks for.
    BodyMismatch,
    /// Another status than what counts as success.
    Status,
}

impl VerdictClass {
    /// The word.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Dns => "dns",
            Self::Denied => "denied",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Local => "local",
            Self::Redirect => "redirect",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::MediaType => "media_type",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::BodyMismatch => "body_mismatch",
            Self::Status => "status",
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub class: VerdictClass,
    /// What happened: whole sentences.
    pub text: String,
    /// What to change; empty if nothing.
    pub advice: String,
}

impl Verdict {
    fn new(class: VerdictClass, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { class, text: text.into(), advice: advice.into() }
    }

    /// The verdict on an exchange: `outcome` is what a delivery would have made of it, by what counts as `success`.
    #[must_use]
    pub fn of(request: &Prepared, sent: &Sent, outcome: &AttemptOutcome, success: &Success) -> Self {
        match &sent.result {
            Err(Fault::Connect(error)) => not_connected(error),
            Err(Fault::Token(error)) => {
                Verdict::new(VerdictClass::Unauthorized, sentence(&error.to_string()), token_advice(error))
            }
            Err(Fault::Failed(failure)) => no_answer(*failure),
            Ok(answer) => {
                let look = Look {
                    status: answer.status,
                    headers: &answer.headers,
                    body: &sent.exchange.response,
                    request,
                    success,
                };
                match outcome {
                    AttemptOutcome::Delivered => taken(&look, answer.body),
                    AttemptOutcome::Failed { why: Failure::Unacknowledged(_), .. } => status::unacknowledged(&look),
                    AttemptOutcome::Failed { .. } | AttemptOutcome::NotSent { .. } => status::verdict(&look),
                }
            }
        }
    }

    /// The same with one sentence more on what happened.
    #[must_use]
    pub fn with(mut self, sentence: Option<&str>) -> Self {
        if let Some(sentence) = sentence {
            self.text.push(' ');
            self.text.push_str(sentence);
        }
        self
    }

    /// Both parts as one text.
    #[must_use]
    pub fn sentences(&self) -> String {
        if self.advice.is_empty() { self.text.clone() } else { format!("{} {}", self.text, self.advice) }
    }
}

/// An answer, and the request that it answers.
struct Look<'a> {
    status: u16,
    headers: &'a HeaderMap,
    body: &'a [u8],
    request: &'a Prepared,
    success: &'a Success,
}

impl Look<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How the request carried what it says.
    fn sent_as(&self) -> SendMethod {
        if self.request.method == http::Method::GET {
            return SendMethod::Get;
        }
        let content_type = self.request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        match content_type.split(';').next().unwrap_or("").trim() {
            "application/x-www-form-urlencoded" => SendMethod::Post,
            other if other.ends_with("xml") => SendMethod::Xml,
            _ => SendMethod::Json,
        }
    }
}

/// A send method as people write it.
const fn name(method: SendMethod) -> &'static str {
    match method {
        SendMethod::Get => "GET",
        SendMethod::Post => "POST",
        SendMethod::Json => "JSON",
        SendMethod::Xml => "XML",
    }
}

fn taken(look: &Look<'_>, body: BodyEnd) -> Verdict {
    let text = format!("The URL answered {}, which counts as success.", look.status);
    let advice = match body {
        BodyEnd::Complete | BodyEnd::TooLong => "",
        BodyEnd::TooSlow => {
            "The body of the answer did not come in time. It does no harm, and holds a connection: end it sooner."
        }
        BodyEnd::Broken => "The body of the answer broke off. It does no harm, and costs a new connection each time.",
    };
    Verdict::new(VerdictClass::Success, text, advice)
}

/// What to do about a token server that gave no token.
const fn token_advice(error: &TokenError) -> &'static str {
    match error {
        TokenError::NoAnswer(_) => {
            "Look whether `auth.tokenUrl` is right, and whether its server is up and lets requests in."
        }
        TokenError::NoToken => {
            "Look whether `auth.tokenUrl` is the token endpoint itself: a page for people, or an answer of another form, is \
             no token."
        }
        TokenError::Refused { status: 300..=399, .. } => {
            "Give as `auth.tokenUrl` the URL that the redirect leads to, if that is the token endpoint: it is not followed."
        }
        TokenError::Refused { status: 404 | 405 | 410, .. } => {
            "Look whether `auth.tokenUrl` is the token endpoint: nothing takes a POST at this path."
        }
        TokenError::Refused { status: 429, .. } => "The token server gets too many requests: try again later.",
        TokenError::Refused { status: 500.., .. } => {
            "The token server failed by itself, whatever it was asked: look into its log, and try again."
        }
        TokenError::Refused { .. } => {
            "Compare `auth.tokenUrl`, `auth.clientId`, `auth.clientSecret` and `auth.scope` with what the token server knows."
        }
    }
}

fn not_connected(error: &ConnectError) -> Verdict {
    let (class, text, advice): (_, Cow<'static, str>, _) = match error {
        ConnectError::Dns(ResolveError::NotFound) => (
            VerdictClass::Dns,
            "The host name of the URL does not exist or has no address.".into(),
            "Look for a typing error in the host name, and that its DNS record is public.",
        ),
        ConnectError::Dns(ResolveError::Timeout | ResolveError::Failed(_)) => (
            VerdictClass::Dns,
            "The name servers of the host name did not answer, or answered with an error.".into(),
            "Look whether the DNS of the host works, and try again.",
        ),
        ConnectError::Denied(denied) => {
            (VerdictClass::Denied, sentence(&denied.to_string()).into(), denied_advice(denied))
        }
        ConnectError::LocalResource | ConnectError::Proxy(_) => (
            VerdictClass::Local,
            "This server was too busy to send the request.".into(),
            "It is not the receiver's doing: try again a little later.",
        ),
        ConnectError::Refused => (
            VerdictClass::Connect,
            "The connection was refused or the host could not be reached.".into(),
            "Look whether the receiver is running, whether the port of the URL is right, and whether a firewall lets it in.",
        ),
        ConnectError::Timeout => (
            VerdictClass::Timeout,
            "The host did not take the connection in time.".into(),
            "A firewall that drops packets does that: let connections in on the port of the URL.",
        ),
        ConnectError::Tls(problem) => (VerdictClass::Tls, sentence(&problem.to_string()).into(), tls_advice(*problem)),
    };
    Verdict::new(class, text, advice)
}

const fn denied_advice(denied: &Denied) -> &'static str {
    match denied {
        Denied::HttpsOnly => "Use a URL that begins with `https://`.",
        Denied::Port(_) => "Let the receiver listen on port 443, 80 or one above 1023.",
        Denied::InternalName | Denied::Address | Denied::OwnListener => {
            "Use a URL on the public internet. For a receiver in a private network the operator has to allow its range."
        }
        Denied::TooManyAddresses => "Use a host name with fewer addresses.",
    }
}

const fn tls_advice(problem: TlsProblem) -> &'static str {
    match problem {
        TlsProblem::Expired => "Renew the certificate, and reload the web server so that it takes it.",
        TlsProblem::NotYetValid => "Look at the dates of the certificate and the clock of the machine that made it.",
        TlsProblem::WrongHost => "Use the host name that the certificate is for, or get a certificate for this one.",
        TlsProblem::UnknownIssuer => {
            "Serve the whole chain (`fullchain.pem`), not the certificate alone. A certificate of one's own is not \
             believed: use one of a public authority, or give the authority that issued it as the endpoint's `ca`."
        }
        TlsProblem::OtherAuthority => {
            "Give as `ca` the authority that issued the receiver's certificate, and have the receiver serve the whole \
             chain (`fullchain.pem`)."
        }
        TlsProblem::AuthorityAsServer => {
            "Have the authority issue a certificate for the host name of the URL, and let the receiver serve that; the \
             authority's own belongs into `ca`."
        }
        TlsProblem::Certificate => {
            "Have the certificate issued anew, as one for servers (X.509 version 3), by the authority that it is from now."
        }
        TlsProblem::NotTls => "The port speaks plain HTTP: write `http://`, or the port that TLS is on.",
        TlsProblem::Incompatible => "Switch on TLS 1.2 or 1.3 with a modern cipher.",
        TlsProblem::Silent => {
            "Look whether the port speaks TLS at all, for a server of plain HTTP waits there for a request: write \
             `http://`, or the port that TLS is on. If it does, the receiver may be overloaded."
        }
        TlsProblem::ClientCertificate => {
            "Give in `auth` (`mtls`) a certificate that the receiver knows: from an authority that it trusts for clients, \
             made for clients, and not expired."
        }
        TlsProblem::Ended => {
            "Look into the log of the web server: it may want a client certificate, or know no site of this name."
        }
    }
}

fn no_answer(failure: Failure) -> Verdict {
    let (class, text, advice) = match failure {
        Failure::Timeout => (
            VerdictClass::Timeout,
            "The receiver did not answer in time.",
            "Answer first and work later: put the event into a queue, answer 200, and process it then.",
        ),
        Failure::Connect => (
            VerdictClass::Connect,
            "The connection was refused or could not be made.",
            "Look whether the receiver is running and the port of the URL is right.",
        ),
        // The handshake was over on this side: in TLS 1.3 it is then that a receiver says what it thinks of a client.
        Failure::Tls => return not_connected(&ConnectError::Tls(TlsProblem::ClientCertificate)),
        Failure::Closed | Failure::Status(_) | Failure::Unacknowledged(_) | Failure::SecretRejected(_) => (
            VerdictClass::Closed,
            "The connection was closed before there was an answer.",
            "The program behind the URL may have crashed, or a proxy before it cut the connection: look into their logs.",
        ),
        Failure::Protocol => (
            VerdictClass::Protocol,
            "What came back is not valid HTTP/1.1, or its head is too large.",
            "Look whether a web server listens on this port. If it speaks TLS, the URL begins with `https://`.",
        ),
    };
    Verdict::new(class, text, advice)
}

#[cfg(test)]
mod tests;
