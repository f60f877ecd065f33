//! A mail server for tests: it speaks SMTP over real sockets, in the clear, by STARTTLS or over TLS, keeps what it takes,
//! and misbehaves to order.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How a mail server behaves.
#[derive(Clone, Debug, Default)]
pub struct MailServerOptions {
    /// TLS, if it speaks it.
    pub tls: Option<Arc<ServerConfig>>,
    /// TLS begins with the connection, and not by STARTTLS.
    pub tls_from_the_start: bool,
    /// The one user and password that may log in; nobody has to if absent.
    pub login: Option<(String, String)>,
    /// Only AUTH LOGIN is offered, as some old servers do.
    pub only_auth_login: bool,
    /// A command that is answered otherwise: the word that it begins with, and the whole reply.
    pub otherwise: Option<(&'static str, String)>,
    /// Something that is said in the clear right behind the answer to STARTTLS, as somebody in between would.
    pub injected: Option<&'static str>,
}

/// A message that the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMail {
    /// Who sent it, by the envelope.
    pub from: String,
    /// Whom it is for, by the envelope.
    pub to: Vec<String>,
    /// What stood between DATA and the dot, without the doubling of dots.
    pub data: String,
    /// It came over TLS.
    pub over_tls: bool,
}

/// A running mail server; it ends when it is dropped.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<TakenMail>>>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    /// Starts one on loopback.
    ///
    /// # Errors
    /// If no port is to be had.
    pub async fn start(options: MailServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let taken = Arc::<Mutex<Vec<TakenMail>>>::default();
        let mut tasks = JoinSet::new();
        let kept = taken.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let session = Session::new(options.clone(), kept.clone());
                connections.spawn(async move {
                    // A client that goes away in the middle is no fault of the server's.
                    session.serve(stream).await.ok();
                });
            }
        });
        Ok(Self { address, taken, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has taken so far.
    #[must_use]
    pub fn taken(&self) -> Vec<TakenMail> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TakenMail {
    /// A header, without line breaks that continue it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.data.split_once("\r\n\r\n")?;
        let head = head.replace("\r\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
        Some(found.to_owned())
    }

    /// The text, decoded.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let (_, body) = self.data.split_once("\r\n\r\n")?;
        String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).ok()?).ok()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Session {
    options: MailServerOptions,
    taken: Arc<Mutex<Vec<TakenMail>>>,
    over_tls: bool,
    logged_in: bool,
    from: Option<String>,
    to: Vec<String>,
}

type Line = BufReader<Box<dyn Stream>>;

impl Session {
    fn new(options: MailServerOptions, taken: Arc<Mutex<Vec<TakenMail>>>) -> Self {
        let logged_in = options.login.is_none();
        Self { options, taken, over_tls: false, logged_in, from: None, to: Vec::new() }
    }

    async fn serve(mut self, stream: TcpStream) -> io::Result<()> {
        let mut line: Line = BufReader::new(Box::new(stream));
        if self.options.tls_from_the_start {
            line = self.secure(line).await?;
        }
        say(&mut line, "220 mail.test ESMTP").await?;
        loop {
            let Some(command) = hear(&mut line).await? else { return Ok(()) };
            let word = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            if let Some((_, reply)) = self.options.otherwise.as_ref().filter(|(wanted, _)| *wanted == word) {
                say(&mut line, reply).await?;
                continue;
            }
            match word.as_str() {
                "EHLO" => say(&mut line, &self.offers()).await?,
                "STARTTLS" if self.options.tls.is_some() && !self.over_tls => {
                    let injected = self.options.injected.unwrap_or_default();
                    say(&mut line, &format!("220 go ahead{injected}")).await?;
                    line = self.secure(line).await?;
                }
                "AUTH" => self.log_in(&mut line, &command).await?,
                "MAIL" if !self.logged_in => say(&mut line, "530 log in first").await?,
                "MAIL" => {
                    self.from = between(&command);
                    say(&mut line, "250 OK").await?;
                }
                "RCPT" if self.from.is_some() => {
                    self.to.extend(between(&command));
                    say(&mut line, "250 OK").await?;
                }
                "DATA" if !self.to.is_empty() => self.take(&mut line).await?,
                "QUIT" => return say(&mut line, "221 bye").await,
                _ => say(&mut line, "503 not now").await?,
            }
        }
    }

    fn offers(&self) -> String {
        let mut lines = vec!["mail.test".to_owned(), "SIZE 1000000".to_owned()];
        lines.extend((self.options.tls.is_some() && !self.over_tls).then(|| "STARTTLS".to_owned()));
        let ways = if self.options.only_auth_login { "AUTH LOGIN" } else { "AUTH LOGIN PLAIN" };
        lines.extend(self.options.login.is_some().then(|| ways.to_owned()));
        let last = lines.len() - 1;
        let mark = |at| if at == last { ' ' } else { '-' };
        let lines: Vec<_> = lines.iter().enumerate().map(|(at, line)| format!("250{}{line}", mark(at))).collect();
        lines.join("\r\n")
    }

    async fn secure(&mut self, line: Line) -> io::Result<Line> {
        let config = self.options.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
        let stream = TlsAcceptor::from(config).accept(line.into_inner()).await?;
        self.over_tls = true;
        Ok(BufReader::new(Box::new(stream)))
    }

    async fn log_in(&mut self, line: &mut Line, command: &str) -> io::Result<()> {
        let given = match command.split(' ').collect::<Vec<_>>()[..] {
            ["AUTH", "PLAIN", secret] if !self.options.only_auth_login => decoded(secret),
            ["AUTH", "LOGIN"] => {
                say(line, "334 VXNlcm5hbWU6").await?;
                let user = hear(line).await?.unwrap_or_default();
                say(line, "334 UGFzc3dvcmQ6").await?;
                let password = hear(line).await?.unwrap_or_default();
                decoded(&user).zip(decoded(&password)).map(|(user, password)| format!("\0{user}\0{password}"))
            }
            _ => return say(line, "504 not that way").await,
        };
        let wanted = self.options.login.as_ref().map(|(user, password)| format!("\0{user}\0{password}"));
        self.logged_in = wanted.is_some() && given == wanted;
        say(line, if self.logged_in { "235 welcome" } else { "535 wrong user or password" }).await
    }

    async fn take(&mut self, line: &mut Line) -> io::Result<()> {
        say(line, "354 go ahead").await?;
        let mut data = String::new();
        loop {
            let Some(text) = hear(line).await? else { return Ok(()) };
            if text == "." {
                break;
            }
            data.push_str(text.strip_prefix('.').unwrap_or(&text));
            data.push_str("\r\n");
        }
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        let mail = TakenMail { from, to, data, over_tls: self.over_tls };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        say(line, "250 taken").await
    }
}

/// What stands between `<` and `>`.
fn between(command: &str) -> Option<String> {
    Some(command.split_once('<')?.1.split_once('>')?.0.to_owned())
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

async fn say(line: &mut Line, text: &str) -> io::Result<()> {
    line.write_all(format!("{text}\r\n").as_bytes()).await?;
    line.flush().await
}

async fn hear(line: &mut Line) -> io::Result<Option<String>> {
    let mut text = String::new();
    if line.read_line(&mut text).await? == 0 {
        return Ok(None);
    }
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
