//! E-mail to the operator: over SMTP to a server of the operator's own, one message at a time, within a time.
//!
//! The server is named in the configuration, not by a customer, so this does not go through `egress`. TLS is the same as
//! for webhooks: the public authorities and those that the operator adds, and no way to skip verification.

mod dialog;
mod message;
mod server;

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::egress::Trust;
use dialog::Dialog;
pub use message::{Mail, Mailbox, MailboxError};
pub use server::{MailServer, MailServerError, MailTls};

/// How long one e-mail may take, from the connection to the server's word that it has it.
const DEADLINE: Duration = Duration::from_secs(30);

/// Why an e-mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It took too long.
    #[error("the mail server did not take it within {} s", DEADLINE.as_secs())]
    Late,
    /// The connection could not be had, or broke.
    #[error("the connection to the mail server: {0}")]
    Connection(#[from] std::io::Error),
    /// The server said something that is no SMTP.
    #[error("the mail server does not speak SMTP on this port")]
    NotSmtp,
    /// The server offers no TLS, and the configuration asks for it.
    #[error("the mail server offers no STARTTLS: use smtps:// if it speaks TLS from the start, or smtp+plain://")]
    NoTls,
    /// The server offers none of the ways to log in that are known here.
    #[error("the mail server offers neither AUTH PLAIN nor AUTH LOGIN")]
    NoLogin,
    /// The server refuses a command.
    #[error("the mail server refuses {command}: {code} {text}")]
    Refused {
        /// Which command.
        command: &'static str,
        /// Its code.
        code: u16,
        /// What it says, on one line.
        text: String,
    },
}

/// What sends e-mails.
#[derive(Debug)]
pub struct Mailer {
    server: MailServer,
    trust: Trust,
}

impl Mailer {
    /// Sends over this server, whose certificate is judged by `trust`.
    #[must_use]
    pub const fn new(server: MailServer, trust: Trust) -> Self {
        Self { server, trust }
    }

    /// Hands an e-mail to the server; when this answers, the server has taken it for all who are named.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        timeout(DEADLINE, self.converse(mail)).await.unwrap_or(Err(MailError::Late))
    }

    async fn converse(&self, mail: &Mail) -> Result<(), MailError> {
        let MailServer { host, port, tls, login } = &self.server;
        #[expect(clippy::disallowed_methods, reason = "the operator's own mail server, named in the configuration")]
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        let local = stream.local_addr()?.ip();
        let mut dialog = match tls {
            MailTls::FromTheStart => Dialog::open_tls(stream, host, &self.trust).await?,
            MailTls::Starttls | MailTls::None => Dialog::open(stream),
        };
        dialog.greeting().await?;
        let mut offers = dialog.hello(local).await?;
        if *tls == MailTls::Starttls {
            if !offers.starttls {
                return Err(MailError::NoTls);
            }
            dialog = dialog.start_tls(host, &self.trust).await?;
            offers = dialog.hello(local).await?;
        }
        if let Some(login) = login {
            dialog.log_in(login, &offers).await?;
        }
        dialog.hand_over(mail).await
    }
}
