//! Messages with a URL of their own (`callbackUrl`): where they may lead, and the lanes that they go by. A lane is an
//! endpoint that is never listed and never matched, and stands for all such URLs of one origin, so that a dead server of
//! one callback holds up no other.

use ringback_model::{Endpoint, EndpointNo, EndpointSecrets, SigningKey, SigningSecret, sentence};
use ringback_store::{AppConfig, Expect, PutResult};

use crate::endpoint::put;
use crate::endpoint_compose::{Composed, origin};
use crate::{Service, ServiceError};

/// The member at fault.
const FIELD: &str = "callbackUrl";

impl Service {
    /// A `callbackUrl` as it is kept, if the application allows it.
    pub(crate) fn check_callback(&self, app: &AppConfig, url: &str) -> Result<String, ServiceError> {
        let checked = self.urls.check(url).map_err(|wrong| ServiceError::body(FIELD, sentence(&wrong)))?;
        if checked.basic.is_some() {
            return Err(ServiceError::body(FIELD, "Leave user and password out: they would stand in every attempt."));
        }
        if checked.url.contains(['{', '}']) {
            return Err(ServiceError::body(FIELD, "There are no placeholders here: write the URL out."));
        }
        if climbs(&checked.url) {
            return Err(ServiceError::body(FIELD, "Its path leads out of itself (`..`): write the path out."));
        }
        if !app.application.callback_allow_list.iter().any(|prefix| is_within(&checked.url, prefix)) {
            let rule =
                "The application does not allow it: `callbackAllowList` has the prefixes that it may begin with.";
            return Err(ServiceError::body(FIELD, rule));
        }
        Ok(checked.url)
    }

    /// The lane for the origin of a checked URL; `None` if it was only now made, and the application is to be read again.
    pub(crate) async fn callback_lane(&self, app: &AppConfig, url: &str) -> Result<Option<EndpointNo>, ServiceError> {
        let origin = origin(url);
        let stands_for = |endpoint: &Endpoint| endpoint.callback && self::origin(&endpoint.url) == origin;
        if let Some(lane) = app.endpoints.iter().find(|config| stands_for(&config.endpoint)) {
            return Ok(Some(lane.no));
        }
        let now = self.clock.now();
        let endpoint = Endpoint {
            callback: true,
            // No owner can take such a uid, and of two that are made at once one is refused.
            uid: Some(format!("callback:{origin}")),
            ..Endpoint::new(self.ids.make(now, &*self.random), format!("{origin}/"), now)
        };
        let key = SigningKey { secret: SigningSecret::generate(&*self.random), expires_at: None };
        let secrets = EndpointSecrets { keys: vec![key], ..EndpointSecrets::default() };
        let composed = Composed { endpoint, secrets, warnings: Vec::new() };
        let result = self.store.put(put(app, &composed, Expect::New, None)?).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) | PutResult::UidTaken => Ok(None),
            PutResult::KeyTaken | PutResult::Stale | PutResult::Replayed { .. } | PutResult::KeyReused => {
                Err(ServiceError::contended())
            }
        }
    }
}

/// Whether a receiver that reads `%2F` as `/` would find a step up in the path: so a URL within a prefix would leave it.
fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace('\\', "/");
    path.split('/').any(|part| part == "..")
}

/// Whether a URL begins with a prefix and goes on where a part of its path ends. Both were normalised before.
fn is_within(url: &str, prefix: &str) -> bool {
    let Some(rest) = url.strip_prefix(prefix) else { return false };
    rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_up_is_seen_however_it_is_written() {
        for url in ["https://a.example/x/..%2fy", "https://a.example/x/%2E%2e%2Fy", "https://a.example/x%5c..%5cy"] {
            assert!(climbs(url), "{url}");
        }
        for url in ["https://a.example/x/..y", "https://a.example/x?to=../y", "https://a.example/x%2fy"] {
            assert!(!climbs(url), "{url}");
        }
    }

    #[test]
    fn a_prefix_ends_with_a_part_of_the_path() {
        for (url, prefix, within) in [
            ("https://a.example/hooks/7?x=1", "https://a.example/hooks/", true),
            ("https://a.example/hooks", "https://a.example/hooks", true),
            ("https://a.example/hooks?x", "https://a.example/hooks", true),
            ("https://a.example/hooks/7", "https://a.example/hooks", true),
            ("https://a.example/hooks2", "https://a.example/hooks", false),
            ("https://a.example/x", "https://a.example/", true),
            ("https://a.example.evil.example/", "https://a.example/", false),
            ("http://a.example/", "https://a.example/", false),
        ] {
            assert_eq!(is_within(url, prefix), within, "{url} {prefix}");
        }
    }
}
