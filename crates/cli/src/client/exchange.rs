//! One connection to a server, and calls of its API over it.
//!
//! It is opened by the engine's connector, which speaks TLS and knows no proxy. A call that may have been done without
//! an answer is repeated only if that does nothing twice: every POST carries an `idempotency-key`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use ringback_engine::SystemRandom;
use ringback_engine::egress::{ConnectError, Connector, DnsResolver, EgressPolicy, Trust};
use ringback_model::{Exchange, Random as _};
use tokio::time::{Instant, timeout_at};

use super::answer;
use super::call::Call;
use super::connection::Connection;
use super::failure::{Failure, Refusal};

/// How long one try may take: longer than a server takes for anything.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The waits before the second and the third try.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// The longest wait that a server may ask for without being told as an error.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const ANSWER_MAX: usize = 256 << 20;

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    connector: Connector,
    random: SystemRandom,
    live: Option<SendRequest<Full<Bytes>>>,
}

/// Why a try has not succeeded.
enum Trouble {
    /// It may be better in a moment.
    Passing(Failure, Option<Duration>),
    /// It will not be.
    Lasting(Failure),
}

impl Client {
    /// A client that has not connected yet.
    pub(crate) fn new(connection: Connection) -> Self {
        // Somebody has named this server: its address may be of any network.
        let all = ["0.0.0.0/0", "::/0"].map(|net| net.parse::<IpNet>().expect("it is a network"));
        let policy = EgressPolicy::public().allow(all);
        let connector = Connector::new(policy, Arc::new(DnsResolver::system()), Trust::public());
        Self { connection, connector, random: SystemRandom::new(), live: None }
    }

    /// The server, for messages.
    pub(crate) fn server(&self) -> &str {
        self.connection.server.as_str().trim_end_matches('/')
    }

    /// What says which server it is, for messages.
    const fn setting(&self) -> &'static str {
        self.connection.setting
    }

    /// Calls the API, and tries again if a moment may help; the body of a successful answer.
    pub(crate) async fn call(&mut self, call: &Call) -> Result<Bytes, Failure> {
        let mut head = self.head(call);
        if call.method == Method::POST {
            let key = call.key.clone().unwrap_or_else(|| self.key());
            let key = HeaderValue::from_str(&key)
                .map_err(|_| Failure::Usage("an idempotency key is visible ASCII".to_owned()))?;
            head.insert("idempotency-key", key);
        }
        for wait in WAITS {
            match self.try_once(call, &head).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Lasting(failure)) => return Err(failure),
                Err(Trouble::Passing(failure, Some(asked))) if asked > WAIT_MAX => return Err(failure),
                Err(Trouble::Passing(_, asked)) => tokio::time::sleep(asked.unwrap_or(wait)).await,
            }
        }
        self.try_once(call, &head).await.map_err(|trouble| match trouble {
            Trouble::Passing(failure, _) | Trouble::Lasting(failure) => failure,
        })
    }

    /// A key of its own for a call: of the kind that client libraries make.
    fn key(&self) -> String {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        format!("auto_{:032x}", u128::from_be_bytes(bytes))
    }

    fn head(&self, call: &Call) -> HeaderMap {
        let mut head = HeaderMap::new();
        head.insert(HOST, self.connection.server.host_header().clone());
        head.insert(USER_AGENT, HeaderValue::from_static(concat!("ringback/", env!("CARGO_PKG_VERSION"))));
        head.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if call.body.is_some() {
            head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let token = self.connection.token.as_ref().map(|token| format!("Bearer {}", token.reveal()));
        if let Some(Ok(mut value)) = token.map(HeaderValue::try_from) {
            value.set_sensitive(true);
            head.insert(AUTHORIZATION, value);
        }
        head
    }

    async fn try_once(&mut self, call: &Call, head: &HeaderMap) -> Result<Bytes, Trouble> {
        let deadline = Instant::now() + TIMEOUT;
        let mut request = Request::new(Full::new(call.body.clone().unwrap_or_default()));
        *request.method_mut() = call.method.clone();
        let prefix = self.connection.server.path_and_query().path().trim_end_matches('/');
        *request.uri_mut() = format!("{prefix}{}", call.target())
            .parse()
            .map_err(|_| Trouble::Lasting(Failure::Usage("the path is too long".to_owned())))?;
        *request.headers_mut() = head.clone();
        let exchanged = timeout_at(deadline, self.exchange(request, deadline)).await;
        let (status, headers, body) = exchanged.unwrap_or_else(|_| {
            self.live = None;
            Err(Trouble::Lasting(self.silent("has not answered in time")))
        })?;
        self.judge(call, status, &headers, body)
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Trouble> {
        let mut sender = match self.live.take().filter(|live| !live.is_closed()) {
            Some(live) => live,
            None => self.connect(deadline).await?,
        };
        let broken =
            |client: &Self| Trouble::Passing(client.silent("has closed the connection without an answer"), None);
        sender.ready().await.map_err(|_| broken(self))?;
        let (head, body) = sender.send_request(request).await.map_err(|_| broken(self))?.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|_| broken(self))?.to_bytes();
        self.live = Some(sender);
        Ok((head.status, head.headers, body))
    }

    async fn connect(&self, deadline: Instant) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let server = &self.connection.server;
        let connected = self.connector.connect(server, None, deadline, &mut Exchange::default()).await;
        let connected = connected.map_err(|error| Trouble::Lasting(self.unreachable(&error)))?;
        let (sender, connection) = handshake(TokioIo::new(connected.socket))
            .await
            .map_err(|_| Trouble::Passing(self.silent("has closed the connection"), None))?;
        // What goes wrong on it is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn judge(&self, call: &Call, status: StatusCode, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Trouble> {
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        if status.is_success() {
            let oddity = answer::oddity(&call.successes, status, headers, &body);
            return oddity.map_or(Ok(body), |oddity| Err(Trouble::Lasting(self.stranger(oddity))));
        }
        if status.is_redirection() {
            let place = headers.get(LOCATION).and_then(|place| place.to_str().ok()).unwrap_or("elsewhere");
            let words =
                format!("{} leads to {place} and is not followed: name that with {}", self.server(), self.setting());
            return Err(Trouble::Lasting(Failure::Stranger(words)));
        }
        let passing = matches!(status.as_u16(), 429 | 502 | 503 | 504);
        let failure = match Refusal::read(status, retry_after, &body) {
            Some(refusal) => Failure::Refused(refusal),
            None => self.stranger(format_args!("it answers {} in words that are not the API's", status.as_u16())),
        };
        let wait = retry_after.map(Duration::from_secs);
        Err(if passing { Trouble::Passing(failure, wait) } else { Trouble::Lasting(failure) })
    }

    /// What is told where something answers that is no server of ours; `how` is what gives it away.
    pub(crate) fn stranger(&self, how: impl Display) -> Failure {
        Failure::Stranger(format!(
            "something answers at {} that is no server of this kind: {how}; check {}",
            self.server(),
            self.setting()
        ))
    }

    fn silent(&self, what: &str) -> Failure {
        Failure::NoAnswer(format!("{} {what}", self.server()))
    }

    fn unreachable(&self, error: &ConnectError) -> Failure {
        let server = self.server();
        Failure::NoAnswer(match error {
            ConnectError::Refused => format!(
                "nothing answers at {server}: start the server there (`ringback serve`), or name another with {}",
                self.setting()
            ),
            ConnectError::Timeout => format!("{server} did not take the connection in time"),
            ConnectError::Dns(error) => format!("the host of {server} was not found: {error}"),
            // The connector speaks of whoever receives webhooks.
            error => format!("there is no connection to {server}: {error}").replace("receiver", "server"),
        })
    }
}
