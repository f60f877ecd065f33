//! What does not go along when a webhook moves to another server: secrets that were given for the present one.
//!
//! Who may change an endpoint may not read what it authenticates with; sent to a URL of their own, they would. User and
//! password have a rule of their own, for they come in a URL too: see `endpoint_compose.rs`.

use ringback_model::{Auth, Endpoint, EndpointSecrets};

use crate::auth::is_kept;
use crate::check::Faults;
use crate::endpoint_compose::{origin, wanted_url};
use crate::{Change, EndpointDraft, HeadersChange};

/// What is said of a secret that would go along.
const RULE: &str =
    "It was given for the server of the present URL: give it again along with the new URL, or take it away.";

/// Whether this URL leads to another server than the one that receives, and the one that is to.
pub(crate) fn leads_elsewhere(endpoint: &Endpoint, url: &str) -> bool {
    !endpoint.url.is_empty()
        && ![endpoint.url.as_str(), wanted_url(endpoint)].iter().any(|old| origin(old) == origin(url))
}

/// Notes the secrets that a draft would take along.
pub(crate) fn check(endpoint: &Endpoint, secrets: &EndpointSecrets, draft: &EndpointDraft, faults: &mut Faults) {
    let shows = |auth: &Auth| matches!(auth, Auth::Bearer { .. } | Auth::ApiKey { .. } | Auth::Oauth2 { .. });
    let kept = secrets.auth.as_ref().filter(|auth| shows(auth)).is_some_and(|old| match &draft.messaging.auth {
        Change::Keep => true,
        Change::Replace(new) => new.as_ref().is_some_and(|new| is_kept(new, old)),
    });
    if kept {
        faults.note("auth", RULE);
    }
    for field in endpoint.headers.iter().filter(|field| field.sensitive) {
        let is_kept = match &draft.headers {
            HeadersChange::Keep => true,
            HeadersChange::Replace(headers) => headers.iter().any(|header| {
                header.secret && header.value.reveal().is_empty() && header.name.eq_ignore_ascii_case(&field.name)
            }),
        };
        if is_kept {
            faults.note_item("headers", &field.name, RULE);
        }
    }
    for parameter in endpoint.shape.iter().flat_map(|shape| &shape.custom_parameters).filter(|one| one.secret) {
        match &draft.messaging.custom_parameters {
            Change::Keep => faults.note("customParameters", format!("`{}`: {RULE}", parameter.name)),
            Change::Replace(drafts) => {
                let kept = drafts
                    .iter()
                    .position(|draft| draft.secret && draft.value.reveal().is_empty() && draft.name == parameter.name);
                if let Some(at) = kept {
                    faults.note_path(&format!("customParameters.{at}.value"), RULE);
                }
            }
        }
    }
}
