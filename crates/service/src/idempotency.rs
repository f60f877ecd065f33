//! The key under which a request is answered once.

use std::time::Duration;

use ringback_model::Timestamp;
use ringback_store::Idempotency;
use sha2::{Digest, Sha256};

use crate::Actor;

/// The mark of keys that client libraries make for each call of their own accord: they repeat within seconds.
const OF_A_LIBRARY: &str = "auto_";
/// How long a key of a client library is remembered.
const LIBRARY_KEY_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a key that somebody chose is remembered.
const CHOSEN_KEY_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// What is remembered of a request with the key `text`, made at `now`. The same key of another tenant, for another
/// operation or with another query is another key.
#[must_use]
pub fn idempotency(
    actor: &Actor,
    method: &str,
    path_and_query: &str,
    text: &str,
    body: &[u8],
    now: Timestamp,
) -> Idempotency {
    let mut key = Sha256::new();
    key.update(actor.org.as_bytes());
    if let Some(app) = &actor.app {
        key.update(app.as_bytes());
    }
    for part in [method, path_and_query, text] {
        // None of the three can hold a zero byte, so no two requests run together.
        key.update([0]);
        key.update(part);
    }
    let life = if text.starts_with(OF_A_LIBRARY) { LIBRARY_KEY_LIFE } else { CHOSEN_KEY_LIFE };
    Idempotency { key: half(key), body: half(Sha256::new_with_prefix(body)), expires_at: now + life }
}

/// The first 16 of 32 bytes: enough that two never meet by chance.
fn half(hash: Sha256) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use ringback_model::{AppId, OrgId};

    use super::*;

    fn actor(org: u8, app: Option<u8>) -> Actor {
        let app = app.map(|app| AppId::from_bytes([app; 20]));
        Actor { app, ..Actor::organization(OrgId::from_bytes([org; 20])) }
    }

    #[test]
    fn tenant_operation_and_text_each_make_another_key() {
        let now = Timestamp::from_seconds(0);
        let keys = [
            idempotency(&actor(1, None), "POST", "/a", "k", b"", now).key,
            idempotency(&actor(2, None), "POST", "/a", "k", b"", now).key,
            idempotency(&actor(1, Some(1)), "POST", "/a", "k", b"", now).key,
            idempotency(&actor(1, None), "PUT", "/a", "k", b"", now).key,
            idempotency(&actor(1, None), "POST", "/a?b", "k", b"", now).key,
            idempotency(&actor(1, None), "POST", "/a", "l", b"", now).key,
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn keys_of_client_libraries_are_remembered_for_a_quarter_of_an_hour_and_others_for_a_day() {
        let now = Timestamp::from_seconds(0);
        let life = |text| idempotency(&actor(1, None), "POST", "/a", text, b"", now).expires_at.as_seconds();
        assert_eq!((life("auto_1"), life("order-1")), (900, 86_400));
    }
}
