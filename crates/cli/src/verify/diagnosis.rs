//! Why a signature does not hold. What was signed is not known, so the request is tried as it may have been.

use std::fmt;

use ringback_model::Timestamp;

use super::{distance, rewritten};
use crate::receiver::Arrival;
use crate::receiver::signature::{Key, SignatureError, Signed};

/// What is the matter with a signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// Nothing.
    Holds {
        /// Whether it was asked when it was signed, and that was about when it arrived.
        in_time: bool,
    },
    /// A header is missing or cannot be read.
    Header {
        /// What is wrong with it.
        error: SignatureError,
        /// Headers that look as if they were meant.
        near: Vec<String>,
    },
    /// It is genuine, and of another time.
    Time {
        /// When it was signed, and how far that is.
        signed: String,
    },
    /// The body is not what was signed.
    Body(String),
    /// The key is used in another way than it is meant.
    SecretUsed(&'static str),
    /// There is a signature of the other kind alone.
    Kind,
    /// It is of another secret, as far as can be told.
    Secret {
        /// Whether the body has as many bytes as the request says, if it says so.
        is_whole: bool,
    },
}

impl Diagnosis {
    /// What is the matter with this request; `at` is when it arrived, if that is to be asked.
    pub(super) fn of(arrival: &Arrival, keys: &[(&str, Key)], at: Option<Timestamp>) -> Self {
        let signed = match Signed::of(arrival) {
            Ok(signed) => signed,
            Err(error) => return Self::Header { error, near: near(arrival) },
        };
        let holds = |signed: &Signed<'_>| keys.iter().any(|(_, key)| signed.is_by(key));
        if holds(&signed) {
            return match at.filter(|at| !signed.is_fresh(*at)) {
                Some(at) => {
                    Self::Time { signed: format!("{}, {} it arrived ({at})", signed.at, distance(signed.at, at)) }
                }
                None => Self::Holds { in_time: at.is_some() },
            };
        }
        let length = arrival.header("content-length").parse::<usize>().ok();
        // More than the request says it has: what follows was added by whoever wrote it down.
        if let Some(length) = length.filter(|length| *length < arrival.body.len())
            && holds(&Signed { content: &arrival.body[..length], ..signed.clone() })
        {
            return Self::Body(format!(
                "content-length says {length} bytes, and here are {}: without those at its end it holds",
                arrival.body.len()
            ));
        }
        let forms = rewritten::forms(signed.content);
        if let Some((how, _)) = forms.iter().find(|(_, form)| holds(&Signed { content: form, ..signed.clone() })) {
            return Self::Body((*how).to_owned());
        }
        if let Some(length) = length.filter(|length| *length != arrival.body.len()) {
            return Self::Body(format!("content-length says {length} bytes, and here are {}", arrival.body.len()));
        }
        Self::of_secret(&signed, keys, length.is_some())
    }

    fn of_secret(signed: &Signed<'_>, keys: &[(&str, Key)], is_whole: bool) -> Self {
        for (text, _) in keys {
            let bare = text.trim_start_matches("whsec_");
            for (how, key) in [
                ("the sender took the text behind `whsec_` as the key, without decoding it from base64", bare),
                ("the sender took the whole text, `whsec_` included, as the key", text),
            ] {
                if signed.is_by(&Key::Shared(key.as_bytes().to_vec())) {
                    return Self::SecretUsed(how);
                }
            }
        }
        let has = |kind: &str| signed.signatures.split(' ').any(|one| one.starts_with(kind));
        let wants = |key: &Key| if matches!(key, Key::Shared(_)) { "v1," } else { "v1a," };
        if keys.iter().any(|(_, key)| has(wants(key))) { Self::Secret { is_whole } } else { Self::Kind }
    }

    /// Whether the signature holds.
    pub(super) const fn holds(&self) -> bool {
        matches!(self, Self::Holds { .. })
    }

    /// The reason in a word.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Holds { .. } => "none",
            Self::Header { .. } => "a header",
            Self::Time { .. } => "the time",
            Self::Body(_) => "the body was changed",
            Self::SecretUsed(_) | Self::Kind | Self::Secret { .. } => "the secret",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds { in_time: true } => {
                f.write_str("It is by the secret, over these bytes, and signed within 5 minutes of its arrival.")
            }
            Self::Holds { in_time: false } => {
                f.write_str("It is by the secret, over these bytes. When it was signed was not asked: --any-time.")
            }
            Self::Header { error, near } => {
                write!(f, "{error}: it has to come through every proxy in front of the receiver.")?;
                if near.is_empty() { Ok(()) } else { write!(f, "\nThere is {}.", near.join(", ")) }
            }
            Self::Time { signed } => write!(
                f,
                "The signature is genuine, but of another time: it was signed at {signed}, and a receiver takes 5 minutes.\n\
                 Was it repeated by somebody, or is a clock wrong? For a request that was kept, give --at or --any-time."
            ),
            Self::Body(how) => write!(f, "With this secret another body was signed: {how}."),
            Self::SecretUsed(how) => write!(f, "It is this secret, but {how}."),
            Self::Kind => f.write_str(
                "The request has no signature of the kind of this secret: `v1` is checked with `whsec_...`, `v1a` with the \
                 public key, `whpk_...`.",
            ),
            Self::Secret { is_whole } => {
                let body = if *is_whole {
                    "The body has the length that the request says, so most likely it is"
                } else {
                    "The request does not say how long its body is, so the body may be another; else it is"
                };
                write!(
                    f,
                    "No signature is by this secret. {body} the secret of another endpoint, or an old one.\n\
                     `ringback endpoint get-secret APP ENDPOINT` prints the right one."
                )
            }
        }
    }
}

/// The headers whose names look like those of a signature.
fn near(arrival: &Arrival) -> Vec<String> {
    let is_near = |name: &str| ["webhook", "svix", "signature", "timestamp"].iter().any(|part| name.contains(part));
    arrival
        .headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| is_near(name))
        .map(|name| format!("`{name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::captured;
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const AT: Timestamp = Timestamp::from_seconds(1_614_265_330);
    const HEAD: &str = "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\n";
    const SIGNATURE: &str = "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n";

    fn diagnosis(request: &str, secret: &str, at: Timestamp) -> Diagnosis {
        let arrival = captured::read(request.as_bytes(), None).unwrap();
        Diagnosis::of(&arrival, &[(secret, Key::parse(secret).unwrap())], Some(at))
    }

    #[test]
    fn each_reason_is_told_from_the_others() {
        let body = r#"{"test": 2432232314}"#;
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let hour = std::time::Duration::from_secs(3_600);
        for (request, secret, at, reason, words) in [
            (format!("{HEAD}{SIGNATURE}\n{body}"), SECRET, AT, "none", ""),
            (format!("{HEAD}{SIGNATURE}\n{body}"), SECRET, AT + hour, "the time", "3600 s before it arrived"),
            (format!("{HEAD}{SIGNATURE}\n{body}\n"), SECRET, AT, "the body was changed", "white space was added"),
            (
                format!("{HEAD}{SIGNATURE}content-length: 20\n\n{body}xx"),
                SECRET,
                AT,
                "the body was changed",
                "and here are 22",
            ),
            (
                format!("{HEAD}{SIGNATURE}content-length: 25\n\n{{\"test\": 1}}"),
                SECRET,
                AT,
                "the body was changed",
                "says 25 bytes",
            ),
            (
                format!("{HEAD}{SIGNATURE}\n{{\"test\":2432232314}}"),
                SECRET,
                AT,
                "the body was changed",
                "written it anew",
            ),
            (format!("{HEAD}{SIGNATURE}content-length: 20\n\n{body}"), other, AT, "the secret", "most likely"),
            (format!("{HEAD}{SIGNATURE}\n{body}"), other, AT, "the secret", "the body may be another"),
            (format!("{HEAD}x-webhook-signature: v1,a\n\n{body}"), SECRET, AT, "a header", "`x-webhook-signature`"),
            (
                format!("{HEAD}webhook-signature: v1a,a\n\n{body}"),
                SECRET,
                AT,
                "the secret",
                "`v1a` with the public key",
            ),
            (
                format!("webhook-id: m\nwebhook-timestamp: now\n{SIGNATURE}\n{body}"),
                SECRET,
                AT,
                "a header",
                "no number of seconds",
            ),
        ] {
            let found = diagnosis(&request, secret, at);
            assert!(found.reason() == reason && found.to_string().contains(words), "{request}: {found:?}");
        }
    }

    #[test]
    fn a_signature_that_holds_is_said_to_be_of_its_arrival_only_if_that_was_asked() {
        let request = format!("{HEAD}{SIGNATURE}\n{{\"test\": 2432232314}}");
        let arrival = captured::read(request.as_bytes(), None).unwrap();
        for (at, words) in [(Some(AT), "signed within 5 minutes of its arrival"), (None, "was not asked: --any-time")] {
            let found = Diagnosis::of(&arrival, &[(SECRET, Key::parse(SECRET).unwrap())], at);
            assert!(found.holds() && found.to_string().contains(words), "{at:?}: {found}");
        }
    }

    #[test]
    fn a_sender_that_did_not_decode_the_secret_is_found_out() {
        for key in [SECRET, SECRET.trim_start_matches("whsec_")] {
            let arrival = captured::read(format!("{HEAD}{SIGNATURE}\n{{}}").as_bytes(), None).unwrap();
            let made = Signed::of(&arrival).unwrap().made_with(key.as_bytes());
            let request = format!("{HEAD}webhook-signature: {made}\n\n{{}}");
            assert!(matches!(diagnosis(&request, SECRET, AT), Diagnosis::SecretUsed(_)), "{key}");
        }
    }
}
