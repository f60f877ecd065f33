//! OTP backfill: a customer tells whether a one-time password came through (ANT, "OTP Backfill Interface").

use ringback_model::{AppId, OrgId, Redacted};
use ringback_store::{AppConfig, Delete, Document, DocumentKind, Expect, MessageRef, Put, PutResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::oauth_client::hex;
use crate::{Actor, MessageDraft, Service, ServiceError};

/// The event that a backfill makes.
const EVENT_TYPE: &str = "otp.feedback";
/// How often a customer may say something else of one OTP; what is said after that is taken and told to nobody.
const CHANGES: usize = 32;

/// Whose secret it is: found by its hash, and believed only if the application still has it.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    org: OrgId,
    app: AppId,
}

/// What a customer says of an OTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackResult {
    /// It came through.
    Success,
    /// It did not.
    Failure,
}

impl FeedbackResult {
    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
        }
    }
}

impl Service {
    /// Takes what a customer says of an OTP, and makes one event of it however often it is said; the last that is said
    /// comes last. `false` if nobody has this secret.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn take_feedback(
        &self,
        secret: &Redacted,
        sms_id: &str,
        result: FeedbackResult,
    ) -> Result<bool, ServiceError> {
        let found = self.store.document_by_key(DocumentKind::FeedbackSecret, 0, key(secret)).await?;
        let Some(document) = found else { return Ok(false) };
        let owner: Owner = serde_json::from_str(&document.body)?;
        let actor = Actor::organization(owner.org);
        let Some(app) = self.find_app(&actor, &owner.app.to_string()).await? else { return Ok(false) };
        let still = app.secrets.feedback_secret.as_ref();
        if !still.is_some_and(|own| bool::from(own.reveal().as_bytes().ct_eq(secret.reveal().as_bytes()))) {
            return Ok(false);
        }
        let id = serde_json::to_string(sms_id)?;
        let text = result.text();
        let payload = format!(r#"{{"product":"otp","message":{{"id":{id}}},"feedback":{{"result":"{text}"}}}}"#);
        self.say_once(&actor, &app, sms_id, &payload).await.map(|()| true)
    }

    /// Makes an event of a word, unless it is the last that was said of this id.
    async fn say_once(&self, actor: &Actor, app: &AppConfig, sms_id: &str, payload: &str) -> Result<(), ServiceError> {
        let hash = hex(&Sha256::digest(sms_id)[..16]);
        let name = app.application.id.to_string();
        let (mut last, mut change) = (None, 0);
        while change < CHANGES {
            let event_id = format!("otp-feedback-{hash}-{change}");
            if let Some(said) = self.store.message(app.no, MessageRef::EventId(event_id.clone())).await? {
                (last, change) = (said.payload, change + 1);
                continue;
            }
            if last.as_deref() == Some(payload.as_bytes()) {
                return Ok(());
            }
            let draft = MessageDraft {
                event_type: EVENT_TYPE,
                payload: payload.to_owned().into(),
                event_id: Some(&event_id),
                ordering_key: Some(sms_id),
                ..MessageDraft::default()
            };
            match self.create_message(actor, &name, &draft, None).await {
                Ok(_) => return Ok(()),
                // Something was said at the same moment: what it was decides.
                Err(ServiceError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The document of a secret, if there is one.
    ///
    /// # Errors
    /// When the secret is another application's: a backfill says nothing else of whom it is from.
    async fn free_secret(&self, app: Option<AppId>, secret: &Redacted) -> Result<Option<Document>, ServiceError> {
        let found = self.store.document_by_key(DocumentKind::FeedbackSecret, 0, key(secret)).await?;
        let Some(document) = found else { return Ok(None) };
        let owner: Owner = serde_json::from_str(&document.body)?;
        if Some(owner.app) == app {
            return Ok(Some(document));
        }
        // What an application has given up, or took with it when it went, is free.
        let actor = Actor::organization(owner.org);
        let holder = self.find_app(&actor, &owner.app.to_string()).await?;
        if holder.is_some_and(|app| app.secrets.feedback_secret.as_ref() == Some(secret)) {
            let rule = "Another application has this secret: choose one of your own.";
            return Err(ServiceError::body("feedbackSecret", rule));
        }
        Ok(Some(document))
    }

    /// Refuses a secret that is another application's.
    pub(crate) async fn check_feedback_secret(
        &self,
        app: Option<AppId>,
        secret: &Redacted,
    ) -> Result<(), ServiceError> {
        self.free_secret(app, secret).await.map(drop)
    }

    /// Makes a secret findable.
    pub(crate) async fn announce_feedback_secret(
        &self,
        org: OrgId,
        app: AppId,
        secret: &Redacted,
    ) -> Result<(), ServiceError> {
        let found = self.free_secret(Some(app), secret).await?;
        let expect = found.map_or(Expect::New, |found| Expect::Version { no: found.no, version: found.version });
        let put = Put {
            expect,
            ..Put::new(DocumentKind::FeedbackSecret, 0, key(secret), serde_json::to_string(&Owner { org, app })?)
        };
        match self.store.put(put).await? {
            PutResult::Stored(_) => Ok(()),
            _ => Err(ServiceError::contended()),
        }
    }

    /// Forgets a secret that an application no longer has.
    pub(crate) async fn forget_feedback_secret(&self, secret: &Redacted) -> Result<(), ServiceError> {
        if let Some(found) = self.store.document_by_key(DocumentKind::FeedbackSecret, 0, key(secret)).await? {
            self.store.delete(Delete::new(found.no, self.clock.now())).await?;
        }
        Ok(())
    }
}

fn key(secret: &Redacted) -> String {
    hex(&Sha256::digest(secret.reveal()))
}
