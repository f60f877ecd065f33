//! What a token says, and what it has to say.

use std::time::Duration;

use ringback_model::Timestamp;
use serde_json::{Map, Value};

use super::IssuerError;

/// By how much the clock of the issuer may differ from ours.
const LEEWAY: Duration = Duration::from_secs(60);
/// The last second that a time is taken for, the end of the year 9999: what is later is never.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// The claims of a token, or the members of an answer about it: they have the same names (RFC 7662, section 2.2).
pub(super) type Claims = Map<String, Value>;

/// What a token has to say.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) scope: String,
    pub(super) app_claim: String,
}

impl Expected {
    /// The id or uid of the application that claims name, if they hold at `wall`.
    pub(super) fn check(&self, claims: &Claims, wall: Timestamp, needs_end: bool) -> Result<String, IssuerError> {
        if self.issuer.as_deref().is_some_and(|issuer| claims.get("iss").and_then(Value::as_str) != Some(issuer)) {
            return Err(IssuerError::Issuer);
        }
        if self.audience.as_deref().is_some_and(|audience| !contains(claims.get("aud"), audience)) {
            return Err(IssuerError::Audience);
        }
        match time(claims, "exp") {
            Some(end) if wall >= end + LEEWAY => return Err(IssuerError::Expired),
            // A time that cannot be read is no end, and not for ever.
            None if needs_end || claims.contains_key("exp") => return Err(IssuerError::NoEnd),
            Some(_) | None => {}
        }
        match time(claims, "nbf") {
            Some(begin) if wall < begin - LEEWAY => return Err(IssuerError::NotYet),
            None if claims.contains_key("nbf") => return Err(IssuerError::NotYet),
            Some(_) | None => {}
        }
        // `scope` is one text (RFC 8693, section 4.2); some servers write a list, or call it `scp`.
        let has_scope = |name| match claims.get(name) {
            Some(Value::String(scopes)) => scopes.split(' ').any(|scope| scope == self.scope),
            scopes => contains(scopes, &self.scope),
        };
        if !has_scope("scope") && !has_scope("scp") {
            return Err(IssuerError::Scope(self.scope.clone()));
        }
        match claims.get(&self.app_claim) {
            Some(Value::String(name)) if (1..=256).contains(&name.len()) => Ok(name.clone()),
            _ => Err(IssuerError::NoApplication(self.app_claim.clone())),
        }
    }
}

/// The time that a claim holds: seconds since 1970, maybe with a fraction.
fn time(claims: &Claims, name: &str) -> Option<Timestamp> {
    let seconds = claims.get(name)?.as_f64()?.clamp(0.0, SECONDS_MAX);
    Some(Timestamp::from_micros((seconds * 1e6) as i64))
}

/// Whether a claim is this text, or a list that has it.
fn contains(claim: Option<&Value>, text: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == text,
        Some(Value::Array(list)) => list.iter().any(|one| one == text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn check(changes: &Value) -> Result<String, IssuerError> {
        let mut claims = json!({
            "iss": "https://issuer", "aud": ["other", "us"], "exp": 1_800_000_100, "scope": "a webhooks:write",
            "client_id": "acme",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let Value::Object(mut claims) = claims else { unreachable!("it is one") };
        claims.retain(|_, value| !value.is_null());
        let expected = Expected {
            issuer: Some("https://issuer".into()),
            audience: Some("us".into()),
            scope: "webhooks:write".into(),
            app_claim: "client_id".into(),
        };
        expected.check(&claims, NOW, true)
    }

    #[test]
    fn a_token_that_says_all_it_has_to_names_its_application() {
        let good = [
            json!({}),
            json!({"aud": "us"}),
            json!({"scope": null, "scp": ["webhooks:write"]}),
            json!({"exp": 1_799_999_941, "nbf": 1_800_000_060}),
            json!({"exp": 1e300, "nbf": 0.5}),
        ];
        for changes in good {
            assert_eq!(check(&changes), Ok("acme".to_owned()), "{changes}");
        }
    }

    #[test]
    fn each_claim_that_is_missing_or_wrong_is_named() {
        let scope = || IssuerError::Scope("webhooks:write".into());
        let nobody = || IssuerError::NoApplication("client_id".into());
        let bad = [
            (json!({"iss": "https://issuer/"}), IssuerError::Issuer),
            (json!({"iss": null}), IssuerError::Issuer),
            (json!({"iss": ["https://issuer"]}), IssuerError::Issuer),
            (json!({"aud": "us too"}), IssuerError::Audience),
            (json!({"aud": null}), IssuerError::Audience),
            (json!({"aud": []}), IssuerError::Audience),
            (json!({"exp": 1_799_999_940}), IssuerError::Expired),
            (json!({"exp": -1e300}), IssuerError::Expired),
            (json!({"exp": "1800000100"}), IssuerError::NoEnd),
            (json!({"exp": null}), IssuerError::NoEnd),
            (json!({"nbf": 1_800_000_061}), IssuerError::NotYet),
            (json!({"nbf": "0"}), IssuerError::NotYet),
            (json!({"scope": "webhooks:writer"}), scope()),
            (json!({"scope": null}), scope()),
            (json!({"client_id": ""}), nobody()),
            (json!({"client_id": 7}), nobody()),
            (json!({"client_id": null}), nobody()),
        ];
        for (changes, error) in bad {
            assert_eq!(check(&changes), Err(error), "{changes}");
        }
    }
}
