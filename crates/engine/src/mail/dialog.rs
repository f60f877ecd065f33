//! The conversation with a mail server (RFC 5321), command by command.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::server::Login;
use super::{Mail, MailError};
use crate::egress::Trust;

/// Bytes of one line of a reply, and lines of one reply, at most.
const LINE_MAX: u64 = 2_048;
const LINES_MAX: usize = 100;

/// Either way of being connected.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open conversation.
pub(super) struct Dialog {
    stream: BufReader<Box<dyn Stream>>,
}

/// What a server says that it can do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) starttls: bool,
    plain: bool,
    login: bool,
}

/// A reply: its code, and the text of its lines.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Dialog {
    /// In the clear.
    pub(super) fn open(stream: TcpStream) -> Self {
        Self::over(Box::new(stream))
    }

    /// Over TLS, from the first byte on.
    pub(super) async fn open_tls(stream: TcpStream, host: &str, trust: &Trust) -> Result<Self, MailError> {
        Self::secured(Box::new(stream), host, trust).await
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    async fn secured(stream: Box<dyn Stream>, host: &str, trust: &Trust) -> Result<Self, MailError> {
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        let stream = trust.connector_for_mail().connect(name, stream).await?;
        Ok(Self::over(Box::new(stream)))
    }

    /// The server's first word.
    pub(super) async fn greeting(&mut self) -> Result<(), MailError> {
        self.expect("the connection", 220).await.map(drop)
    }

    /// Says who is there, and hears what the server can do.
    pub(super) async fn hello(&mut self, local: IpAddr) -> Result<Offers, MailError> {
        let name = match local {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        let reply = self.say("EHLO", &format!("EHLO {name}"), 250).await?;
        Ok(Offers::of(&reply.lines))
    }

    /// Goes on over TLS.
    pub(super) async fn start_tls(mut self, host: &str, trust: &Trust) -> Result<Self, MailError> {
        self.say("STARTTLS", "STARTTLS", 220).await?;
        // Whatever was said ahead of the handshake was said by somebody in between.
        if !self.stream.buffer().is_empty() {
            return Err(MailError::NotSmtp);
        }
        Self::secured(self.stream.into_inner(), host, trust).await
    }

    /// Logs in.
    pub(super) async fn log_in(&mut self, login: &Login, offers: &Offers) -> Result<(), MailError> {
        let Login { user, password } = login;
        if offers.plain {
            let secret = STANDARD.encode(format!("\0{user}\0{}", password.reveal()));
            return self.say("AUTH", &format!("AUTH PLAIN {secret}"), 235).await.map(drop);
        }
        if !offers.login {
            return Err(MailError::NoLogin);
        }
        self.say("AUTH", "AUTH LOGIN", 334).await?;
        self.say("AUTH", &STANDARD.encode(user), 334).await?;
        self.say("AUTH", &STANDARD.encode(password.reveal()), 235).await.map(drop)
    }

    /// Hands a message over, and takes leave.
    pub(super) async fn hand_over(&mut self, mail: &Mail) -> Result<(), MailError> {
        self.say("the sender", &format!("MAIL FROM:<{}>", mail.from), 250).await?;
        for to in &mail.to {
            self.say("a recipient", &format!("RCPT TO:<{to}>"), 250).await?;
        }
        self.say("DATA", "DATA", 354).await?;
        let mut bytes = mail.to_bytes();
        bytes.extend_from_slice(b".\r\n");
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await?;
        self.expect("the message", 250).await?;
        // The server has it; what it says to the farewell changes nothing.
        self.say("QUIT", "QUIT", 221).await.map(drop).or(Ok(()))
    }

    async fn say(&mut self, command: &'static str, line: &str, code: u16) -> Result<Reply, MailError> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        self.expect(command, code).await
    }

    async fn expect(&mut self, command: &'static str, code: u16) -> Result<Reply, MailError> {
        let reply = self.reply().await?;
        if reply.code == code || (code == 250 && reply.code == 251) {
            return Ok(reply);
        }
        let text = reply.lines.join(" ").chars().filter(|letter| !letter.is_control()).take(200).collect();
        Err(MailError::Refused { command, code: reply.code, text })
    }

    async fn reply(&mut self) -> Result<Reply, MailError> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            (&mut self.stream).take(LINE_MAX).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let (code, is_last, text) = read_line(&line).ok_or(MailError::NotSmtp)?;
            lines.push(text);
            if is_last {
                return Ok(Reply { code, lines });
            }
            if lines.len() == LINES_MAX {
                return Err(MailError::NotSmtp);
            }
        }
    }
}

impl Offers {
    fn of(lines: &[String]) -> Self {
        let mut offers = Self::default();
        for line in lines.iter().skip(1) {
            let mut words = line.split([' ', '=']).map(str::to_ascii_uppercase);
            match words.next().as_deref() {
                Some("STARTTLS") => offers.starttls = true,
                Some("AUTH") => words.for_each(|word| match word.as_str() {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        offers
    }
}

/// The code of a line, whether it is the last one of its reply, and its text.
fn read_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let code = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    let is_last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    Some((code, is_last, String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_replies_are_read_and_others_are_not() {
        let read = |line: &str| read_line(line.as_bytes());
        assert_eq!(read("250-mail.example\r\n"), Some((250, false, "mail.example".to_owned())));
        assert_eq!(read("250 OK\n"), Some((250, true, "OK".to_owned())));
        assert_eq!(read("354\r\n"), Some((354, true, String::new())));
        for bad in ["HTTP/1.1 400 Bad Request\r\n", "25\r\n", "250_x\r\n", "250 without an end", "+50 x\r\n"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_a_server_offers_is_found_in_any_case() {
        let offers = |lines: &[&str]| Offers::of(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(offers(&["STARTTLS", "SIZE 1000"]), Offers::default(), "the first line is its name");
        let all = offers(&["mail.example", "starttls", "auth=login Plain", "8BITMIME"]);
        assert_eq!(all, Offers { starttls: true, plain: true, login: true });
    }
}
