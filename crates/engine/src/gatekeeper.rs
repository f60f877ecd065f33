//! Changes that the engine itself makes to an endpoint: it disables one that is gone or has failed for days, and pauses
//! an ordered one that is to stop at the first message given up.

use std::sync::Arc;

use ringback_model::{AppNo, Clock, Endpoint, EndpointNo, Timestamp};
use ringback_store::{Delete, Directory, DocumentKind, Expect, Put, PutResult, Rewrite, Store, StoreError};

use crate::notice;

/// How often a change is tried anew when somebody else's came between.
const TRIES: usize = 10;

/// What the engine does to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// The receiver answered 410.
    DisableGone,
    /// It has failed for five days.
    DisableFailing,
    /// A message of a queue was given up, and the endpoint asks to stop then.
    Pause,
}

impl Measure {
    fn apply(self, endpoint: &mut Endpoint) -> bool {
        match self {
            Self::DisableGone | Self::DisableFailing if endpoint.disabled => false,
            Self::DisableGone => disable(endpoint, "the receiver answered 410 Gone"),
            Self::DisableFailing => disable(endpoint, "it has failed for 5 days"),
            Self::Pause => !std::mem::replace(&mut endpoint.paused, true),
        }
    }
}

fn disable(endpoint: &mut Endpoint, reason: &str) -> bool {
    endpoint.disabled = true;
    endpoint.disabled_reason = Some(reason.to_owned());
    true
}

/// What it takes to change an endpoint.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The endpoint's application.
    pub(crate) app: AppNo,
    /// The URL that was called when the reason for the measure came up.
    pub(crate) url: Arc<str>,
    /// Since when it has failed, if it is to be told that it was disabled.
    pub(crate) told_since: Option<Timestamp>,
}

impl Gatekeeper {
    /// Takes a measure against an endpoint, unless somebody has done so already; whether it was taken.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn take(&self, measure: Measure, no: EndpointNo) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some(document) = self.store.document(no.0).await? else { return Ok(false) };
            if !document.kind.is_endpoint() {
                return Ok(false);
            }
            let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "endpoint", source: source.into() };
            let mut endpoint: Endpoint = serde_json::from_str(&document.body).map_err(corrupt)?;
            if document.deleted_at.is_some() {
                // Nobody is there to enable it again, or to let it go on.
                if measure == Measure::Pause || !std::mem::take(&mut endpoint.drains) {
                    return Ok(false);
                }
                let body = serde_json::to_string(&endpoint).map_err(corrupt)?;
                if self.call_off(no, Rewrite { version: document.version, body, gone_as: None }).await? {
                    tracing::warn!(endpoint = %endpoint.id, ?measure, "what was left of a deleted endpoint is called off");
                    return Ok(true);
                }
                continue;
            }
            // What one URL answers says nothing of the one that was put in its place.
            if (measure != Measure::Pause && *endpoint.url != *self.url) || !measure.apply(&mut endpoint) {
                return Ok(false);
            }
            endpoint.updated_at = self.clock.now();
            let told = self.told_since.filter(|_| measure != Measure::Pause);
            let put = Put {
                uid: document.uid,
                secret: document.secret,
                expect: Expect::Version { no: no.0, version: document.version },
                app: Some(self.app),
                notices: told.map(|since| notice::of_disabled(self.app, &endpoint, since)).into_iter().collect(),
                ..Put::new(
                    DocumentKind::Endpoint,
                    document.parent,
                    document.key,
                    serde_json::to_string(&endpoint).map_err(corrupt)?,
                )
            };
            if self.store.put(put).await? != PutResult::Stale {
                self.directory.forget(self.app);
                tracing::warn!(endpoint = %endpoint.id, ?measure, "an endpoint was stopped by the server");
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable { source: "the endpoint is changed over and over".into() })
    }

    /// Has nothing more sent of what was pending when the endpoint was deleted; `false` if it was written meanwhile.
    async fn call_off(&self, no: EndpointNo, rewrite: Rewrite) -> Result<bool, StoreError> {
        let (now, app, rewrite) = (self.clock.now(), Some(self.app), Some(rewrite));
        let delete = Delete { app, rewrite, ..Delete::new(no.0, now) };
        let is_written = self.store.delete(delete).await?;
        if is_written {
            self.directory.forget(self.app);
        }
        Ok(is_written)
    }
}
