//! Where a database is and how it is reached: a connection URL, read.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use ringback_model::Redacted;
use tokio_postgres::Config;

use super::hot::Functions;
use super::tls::{Proof, Tls};
use crate::StoreError;

/// What `sslmode` may be.
const MODES: &str = "disable, prefer, require, verify-ca or verify-full";

/// A database, ready to be connected to.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// Whether the database has functions for what is asked at each commit.
    pub(super) functions: Arc<Functions>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration hides the password.
        f.debug_struct("Address").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be read. It may hold a password, so it is not repeated.
    pub(super) fn parse(url: &Redacted) -> Result<Self, StoreError> {
        let refuse = |why: String| {
            StoreError::Open(format!(
                "the URL of the store cannot be read{why}. It looks like postgres://user:password@host:5432/database"
            ))
        };
        let Safety { url, proof, roots } = Safety::of(url.reveal()).map_err(|why| refuse(format!(": {why}")))?;
        let config = Config::from_str(&url).map_err(|error| {
            refuse(std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}")))
        })?;
        let tls = Tls::new(proof, roots.as_deref()).map_err(StoreError::Open)?;
        Ok(Self { config, tls, functions: Arc::default() })
    }
}

/// What a URL says of TLS, and the URL as the driver understands it, which knows neither verification nor roots.
struct Safety {
    url: String,
    proof: Proof,
    roots: Option<String>,
}

impl Safety {
    fn of(url: &str) -> Result<Self, String> {
        // The driver would take other text for names with values, and repeat the names.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("it does not begin with postgres://".to_owned());
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots) = (Cow::Borrowed("prefer"), None);
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || percent_decode_str(value).decode_utf8().map_err(|error| format!("`{name}`: {error}"));
            match name {
                "sslmode" => mode = value()?,
                "sslrootcert" => roots = Some(value()?.into_owned()).filter(|file| file != "system"),
                _ => others.push(pair),
            }
        }
        let (encrypt, proof) = match &*mode {
            "disable" => ("disable", Proof::Nothing),
            "prefer" => ("prefer", Proof::Nothing),
            "require" if roots.is_none() => ("require", Proof::Nothing),
            "require" | "verify-ca" => ("require", Proof::Authority),
            "verify-full" => ("require", Proof::Host),
            _ => return Err(format!("`sslmode` is {MODES}")),
        };
        let encrypt = format!("sslmode={encrypt}");
        others.push(&encrypt);
        Ok(Self { url: format!("{base}?{}", others.join("&")), proof, roots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_tls_is_taken_from_it_and_the_rest_stays() {
        let read = |url: &str| Safety::of(url).map(|safety| (safety.url, safety.proof, safety.roots));
        let roots = || Some("/etc/a b.pem".to_owned());
        for (given, url, proof, file) in [
            ("postgres://h/d", "postgres://h/d?sslmode=prefer", Proof::Nothing, None),
            ("postgres://h/d?sslmode=disable", "postgres://h/d?sslmode=disable", Proof::Nothing, None),
            ("postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require", Proof::Nothing, None),
            (
                "postgres://h/d?sslmode=require&sslrootcert=/etc/a%20b.pem",
                "postgres://h/d?sslmode=require",
                Proof::Authority,
                roots(),
            ),
            (
                "postgres://h/d?options=-c%20a&sslmode=verify-ca",
                "postgres://h/d?options=-c%20a&sslmode=require",
                Proof::Authority,
                None,
            ),
            (
                "postgres://h/d?sslrootcert=system&sslmode=verify-full&target_session_attrs=any",
                "postgres://h/d?target_session_attrs=any&sslmode=require",
                Proof::Host,
                None,
            ),
        ] {
            assert_eq!(read(given), Ok((url.to_owned(), proof, file)), "{given}");
        }
        assert_eq!(read("postgres://h/d?sslmode=full"), Err(format!("`sslmode` is {MODES}")));
    }
}
