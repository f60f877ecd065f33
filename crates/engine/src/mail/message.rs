//! An e-mail as bytes: headers that every server takes, and a text that no line of which can end it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringback_model::Timestamp;

/// Letters of one line of base64.
const LINE: usize = 76;
/// Bytes of text in one encoded word of a header: with what is around them at most 75 letters.
const WORD: usize = 42;

/// An address that e-mails go to or come from, such as `ops@example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox(String);

/// A text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no e-mail address: it is written name@host, in ASCII, without a name before it")]
pub struct MailboxError(String);

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_mailbox = text.rsplit_once('@').is_some_and(|(local, host)| {
            (1..=64).contains(&local.len())
                && (1..=255).contains(&host.len())
                && local.bytes().all(is_local)
                && host.bytes().all(is_host)
        });
        if is_mailbox { Ok(Self(text.to_owned())) } else { Err(MailboxError(text.to_owned())) }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail of plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whom it comes from.
    pub from: Mailbox,
    /// Whom it goes to.
    pub to: Vec<Mailbox>,
    /// What it is about, on one line.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// When it was written, by the clock on the wall.
    pub at: Timestamp,
    /// A word that no other e-mail has.
    pub id: String,
}

impl Mail {
    /// The message, with lines that end in CRLF. No line of it begins with a dot.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let to: Vec<String> = self.to.iter().map(ToString::to_string).collect();
        let host = self.from.0.rsplit_once('@').map_or("localhost", |(_, host)| host);
        let mut text = format!(
            "Date: {}\r\nFrom: Ringback <{}>\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}@{host}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\
             Auto-Submitted: auto-generated\r\n\r\n",
            date(self.at),
            self.from,
            to.join(",\r\n "),
            encoded(&self.subject),
            self.id,
        );
        let body = STANDARD.encode(self.text.replace('\n', "\r\n"));
        for line in body.as_bytes().chunks(LINE) {
            text.extend(line.iter().map(|&byte| char::from(byte)));
            text.push_str("\r\n");
        }
        text.into_bytes()
    }
}

/// A time as e-mails write it.
fn date(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.as_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A text for a header: as it stands if that is safe, else in encoded words, one a line.
fn encoded(text: &str) -> String {
    let is_safe = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.len() <= 200 && text.bytes().all(is_safe) && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        if word.len() + letter.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let words: Vec<_> = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str, text: &str) -> String {
        let mailbox = |text: &str| text.parse().unwrap();
        let mail = Mail {
            from: mailbox("ringback@example.com"),
            to: vec![mailbox("a@example.com"), mailbox("b@example.org")],
            subject: subject.to_owned(),
            text: text.to_owned(),
            at: "2027-01-15T08:00:07.5Z".parse().unwrap(),
            id: "17".to_owned(),
        };
        String::from_utf8(mail.to_bytes()).unwrap()
    }

    #[test]
    fn a_mail_has_the_headers_that_servers_want_and_its_text_comes_back() {
        let text = mail("1 endpoint", "one\n.\ntwo ü");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "Date: Fri, 15 Jan 2027 08:00:07 +0000",
            "From: Ringback <ringback@example.com>",
            "To: a@example.com,",
            " b@example.org",
            "Subject: 1 endpoint",
            "Message-ID: <17@example.com>",
        ] {
            assert!(head.lines().any(|found| found == line), "{line}\n{head}");
        }
        let body = STANDARD.decode(body.replace("\r\n", "")).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), "one\r\n.\r\ntwo ü");
    }

    #[test]
    fn nothing_that_is_written_becomes_a_header_or_ends_the_message() {
        for hostile in ["a\r\nBcc: c@example.com\r\n\r\n.", "\u{0}", "=?utf-8?B?YQ==?=", &"ü".repeat(300)] {
            let text = mail(hostile, &format!("{hostile}\r\n.\r\n"));
            assert_eq!(text.matches("\r\n\r\n").count(), 1, "{text}");
            assert!(!text.contains("Bcc") && text.lines().all(|line| !line.starts_with('.') && line.len() < 100));
        }
    }

    #[test]
    fn an_address_is_one_address_and_nothing_else() {
        for good in ["a@b", "first.last+tag@mail.example.com"] {
            assert_eq!(good.parse::<Mailbox>().unwrap().to_string(), good);
        }
        for bad in ["", "a", "@b", "a@", "A <a@b>", "a@b,c@d", "a b@c", "a@b\r\n", "ü@b", "a@b>"] {
            assert!(bad.parse::<Mailbox>().is_err(), "{bad}");
        }
    }
}
