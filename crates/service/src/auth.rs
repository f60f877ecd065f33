//! How requests authenticate: what may be said of it, and what is told.

use ringback_model::{Auth, BasicAuth, Redacted, header_name_fault, header_value_fault};

use crate::check::Faults;

/// The longest secret, in bytes: as long as a header's value may be.
const SECRET_MAX: usize = 4_096;
/// The longest certificate or key, in bytes.
const PEM_MAX: usize = 65_536;
/// The longest name of a user, client or scope, in bytes.
const NAME_MAX: usize = 1_024;
/// What is said of a secret that is none.
pub(crate) const SECRET_RULE: &str = "A secret has 1 to 4096 bytes and no control characters.";
/// What is said of a name that is none.
const NAME_RULE: &str = "A name has 1 to 1024 bytes and no control characters.";

/// How requests authenticate, as far as it may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthView {
    /// `bearer`, `basic`, `apiKey`, `oauth2` or `mtls`.
    pub kind: &'static str,
    /// Of `basic`.
    pub username: Option<String>,
    /// Of `apiKey`.
    pub header: Option<String>,
    /// Of `oauth2`.
    pub token_url: Option<String>,
    /// Of `oauth2`.
    pub client_id: Option<String>,
    /// Of `oauth2`.
    pub scope: Option<String>,
    /// Of `mtls`.
    pub certificate: Option<String>,
    /// Of `mtls`.
    pub ca: Option<String>,
}

impl AuthView {
    /// What may be told of an authentication.
    pub(crate) fn of(auth: &Auth) -> Self {
        let view = Self { kind: auth.kind(), ..Self::default() };
        match auth.clone() {
            Auth::Bearer { .. } => view,
            Auth::Basic(basic) => Self { username: Some(basic.username), ..view },
            Auth::ApiKey { header, .. } => Self { header: Some(header), ..view },
            Auth::Oauth2 { token_url, client_id, scope, .. } => {
                Self { token_url: Some(token_url), client_id: Some(client_id), scope, ..view }
            }
            Auth::Mtls { certificate, ca, .. } => Self { certificate: Some(certificate), ca, ..view },
        }
    }
}

/// Whether a text can be a secret.
pub(crate) fn is_secret(secret: &Redacted) -> bool {
    let text = secret.reveal();
    (1..=SECRET_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Puts the secret in that somebody has left out who sends back what was shown. Only where all else is as it was: a
/// secret goes to no other place and under no other name than it was given for.
pub(crate) fn fill_in(auth: &mut Auth, old: Option<&Auth>) {
    if let Some(old) = old.filter(|old| is_kept(auth, old)) {
        auth.clone_from(old);
    }
}

/// Whether it says the same as the old one, and its secret is to be that of the old one.
pub(crate) fn is_kept(auth: &Auth, old: &Auth) -> bool {
    secret(auth).reveal().is_empty() && AuthView::of(old) == AuthView::of(auth)
}

fn secret(auth: &Auth) -> &Redacted {
    match auth {
        Auth::Bearer { token } => token,
        Auth::Basic(BasicAuth { password, .. }) => password,
        Auth::ApiKey { value, .. } => value,
        Auth::Oauth2 { client_secret, .. } => client_secret,
        Auth::Mtls { key, .. } => key,
    }
}

/// Notes what is wrong with an authentication.
pub(crate) fn check(auth: &Auth, faults: &mut Faults) {
    match auth {
        Auth::Bearer { token } => check_secret("auth.token", token, faults),
        Auth::Basic(BasicAuth { username, password }) => {
            if !is_name(username) || username.contains(':') {
                faults.note_path("auth.username", format!("{NAME_RULE} It holds no colon."));
            }
            let text = password.reveal();
            if text.len() > SECRET_MAX || text.chars().any(char::is_control) {
                faults.note_path("auth.password", "A password has at most 4096 bytes and no control characters.");
            }
        }
        Auth::ApiKey { header: name, value } => {
            if let Some(rule) = header_name_fault(&name.to_ascii_lowercase()) {
                faults.note_path("auth.header", rule);
            }
            if value.reveal().is_empty() {
                faults.note_path("auth.value", SECRET_RULE);
            } else if let Some(rule) = header_value_fault(value.reveal()) {
                faults.note_path("auth.value", rule);
            }
        }
        Auth::Oauth2 { client_id, client_secret, scope, .. } => {
            if !is_name(client_id) {
                faults.note_path("auth.clientId", NAME_RULE);
            }
            check_secret("auth.clientSecret", client_secret, faults);
            if scope.as_deref().is_some_and(|scope| !is_name(scope)) {
                faults.note_path("auth.scope", NAME_RULE);
            }
        }
        Auth::Mtls { certificate, key, ca } => {
            check_pem("auth.certificate", certificate, "CERTIFICATE", faults);
            check_pem("auth.key", key.reveal(), "PRIVATE KEY", faults);
            if let Some(ca) = ca {
                check_pem("auth.ca", ca, "CERTIFICATE", faults);
            }
        }
    }
}

fn check_secret(field: &str, secret: &Redacted, faults: &mut Faults) {
    if !is_secret(secret) {
        faults.note_path(field, SECRET_RULE);
    } else if !secret.reveal().is_ascii() {
        faults.note_path(field, "It holds characters that no header can carry.");
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// What is written as PEM begins and ends with what it is.
pub(crate) fn check_pem(field: &str, text: &str, kind: &str, faults: &mut Faults) {
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default().trim();
    let last = text.lines().last().unwrap_or_default().trim();
    let names_it = |line: &str, mark: &str| {
        line.strip_prefix(mark).and_then(|rest| rest.strip_suffix("-----")).is_some_and(|rest| rest.ends_with(kind))
    };
    if text.len() > PEM_MAX || !names_it(first, "-----BEGIN ") || !last.starts_with("-----END ") {
        let kind = kind.to_lowercase();
        faults.note_path(
            field,
            format!("It is a {kind} as PEM, of at most {PEM_MAX} bytes: it begins with `-----BEGIN`."),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(token: &str) -> Auth {
        Auth::Bearer { token: Redacted::new(token.to_owned()) }
    }

    fn oauth2(token_url: &str, secret: &str) -> Auth {
        Auth::Oauth2 {
            token_url: token_url.to_owned(),
            client_id: "c".to_owned(),
            client_secret: Redacted::new(secret.to_owned()),
            scope: None,
        }
    }

    #[test]
    fn a_secret_that_is_left_out_stays_only_where_all_else_does() {
        let filled = |mut auth: Auth, old: Auth| {
            fill_in(&mut auth, Some(&old));
            auth
        };
        assert_eq!(filled(bearer(""), bearer("s")), bearer("s"));
        assert_eq!(filled(bearer("t"), bearer("s")), bearer("t"));
        assert_eq!(filled(oauth2("https://a/", ""), oauth2("https://a/", "s")), oauth2("https://a/", "s"));
        let elsewhere = filled(oauth2("https://b/", ""), oauth2("https://a/", "s"));
        assert_eq!(elsewhere, oauth2("https://b/", ""), "no secret goes to another place");
    }

    #[test]
    fn what_is_written_as_pem_says_what_it_is() {
        let is_good = |kind: &str, text: &str| {
            let mut faults = Faults::default();
            check_pem("auth.key", text, kind, &mut faults);
            faults.finish().is_ok()
        };
        let pem = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
        assert!(is_good("PRIVATE KEY", &pem("EC PRIVATE KEY")) && is_good("CERTIFICATE", &pem("CERTIFICATE")));
        assert!(!is_good("PRIVATE KEY", &pem("CERTIFICATE")) && !is_good("CERTIFICATE", "AAAA"));
    }
}
