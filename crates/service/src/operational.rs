//! Operational webhooks: what happens to endpoints and deliveries of an organization, told to whoever runs it.
//!
//! They are ordinary messages. Each organization has an application in the management organization, whose uid is the
//! organization's id; what is told goes to that application's endpoints like any message, with retries, signatures and
//! all. Where there is no such application nothing is told, and nothing of the management organization itself ever is.
//!
//! Each is told once: its event id is made of what it is about, and an application takes an event id once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_engine::{AttemptNotice, Notice};
use ringback_model::{AppId, Endpoint, OrgId, Timestamp};
use ringback_store::{AppConfig, DocumentKind, EndpointConfig};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{Actor, ApplicationDraft, EventTypeDraft, MessageDraft, Right, Service, ServiceError};

/// The organization that the applications of operational webhooks belong to, unless another is named.
pub const MANAGEMENT_ORGANIZATION: &str = "org_00000000000SvixManagement00";
/// How often it is tried to tell what the engine has noticed, and the first pause in between; it doubles.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(200);

/// What is told, with what it means.
const EVENT_TYPES: [(&str, &str); 8] = [
    ("endpoint.created", "An endpoint was created."),
    ("endpoint.updated", "An endpoint was changed."),
    ("endpoint.deleted", "An endpoint was deleted."),
    ("endpoint.disabled", "An endpoint was disabled, by somebody or because it has failed for days."),
    ("endpoint.enabled", "An endpoint that was disabled was enabled."),
    ("message.attempt.failing", "The fourth try of a delivery has failed; more follow."),
    ("message.attempt.exhausted", "A delivery was given up."),
    ("message.attempt.recovered", "A delivery that was failing came through."),
];

#[derive(Serialize)]
struct Body<'a, T: Serialize> {
    r#type: &'a str,
    data: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndpointData<'a> {
    app_id: AppId,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_uid: Option<&'a str>,
    endpoint_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptData<'a> {
    app_id: AppId,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_uid: Option<&'a str>,
    endpoint_id: String,
    msg_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_event_id: Option<&'a str>,
    last_attempt: LastAttempt,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastAttempt {
    id: String,
    response_status_code: u16,
    timestamp: String,
}

/// Why an endpoint is told to be disabled.
#[derive(Clone, Copy)]
struct Disabled {
    since: Timestamp,
    trigger: &'static str,
}

impl Service {
    /// The same service with another management organization.
    #[must_use]
    pub fn with_management(mut self, organization: OrgId) -> Self {
        self.management = organization;
        self
    }

    /// Who acts on the operational webhooks of the actor's organization, and the name of the application that they are
    /// endpoints of; with `make`, that application is made if it is not there.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a token of one application; those of making an application.
    pub async fn operational_webhooks(
        &self,
        actor: &Actor,
        make: bool,
    ) -> Result<(Arc<Actor>, String, bool), ServiceError> {
        actor.require(if make { Right::ManageOrganization } else { Right::ReadOrganization })?;
        let name = actor.org.to_string();
        let manager = Actor { org: self.management, app: None, ..actor.clone() };
        let mut is_there = self.find_app(&manager, &name).await?.is_some();
        if make && !is_there {
            let owner = Actor::organization(self.management);
            for (event_type, description) in EVENT_TYPES {
                let draft = EventTypeDraft { description: description.to_owned(), ..EventTypeDraft::default() };
                match self.create_event_type(&owner, event_type, draft, None).await {
                    Ok(_) | Err(ServiceError::Conflict { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let draft = ApplicationDraft {
                uid: Some(name.clone()),
                name: format!("Operational webhooks of {name}"),
                ..ApplicationDraft::default()
            };
            self.create_application(&owner, draft, true, None).await?;
            is_there = true;
        }
        Ok((Arc::new(manager), name, is_there))
    }

    /// Tells what the engine notices, until it has ended.
    pub async fn tell_notices(&self, mut notices: mpsc::Receiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            let mut pause = PAUSE;
            for _ in 0..TRIES {
                match self.tell_notice(&notice).await {
                    Err(error @ ServiceError::Unavailable { .. }) => {
                        tracing::warn!(?error, "an operational webhook is tried again");
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    Err(error) => {
                        tracing::error!(?error, "an operational webhook could not be sent");
                        break;
                    }
                    Ok(()) => break,
                }
            }
        }
    }

    async fn tell_notice(&self, notice: &Notice) -> Result<(), ServiceError> {
        match notice {
            Notice::Disabled { app, endpoint, since } => {
                let Some(app) = self.directory.app(*app).await? else { return Ok(()) };
                let Some(config) = self.directory.endpoint(app.no, *endpoint).await? else { return Ok(()) };
                let disabled = Disabled { since: *since, trigger: "automatic" };
                self.tell_endpoint("endpoint.disabled", &app, &config.endpoint, config.version, Some(disabled)).await
            }
            Notice::Attempt { kind, app, endpoint, message, event_id, attempt, status, at } => {
                let event_type = match kind {
                    AttemptNotice::Failing => "message.attempt.failing",
                    AttemptNotice::Exhausted => "message.attempt.exhausted",
                    AttemptNotice::Recovered => "message.attempt.recovered",
                };
                let Some(app) = self.directory.app(*app).await? else { return Ok(()) };
                let data = AttemptData {
                    app_id: app.application.id,
                    app_uid: app.application.uid.as_deref(),
                    endpoint_id: endpoint.id.to_string(),
                    msg_id: message.to_string(),
                    msg_event_id: event_id.as_deref(),
                    last_attempt: LastAttempt {
                        id: attempt.to_string(),
                        response_status_code: status.unwrap_or(0),
                        timestamp: at.to_string(),
                    },
                };
                self.tell(&app, event_type, &format!("{message}.{}", endpoint.id), data).await
            }
        }
    }

    /// Tells that an endpoint was made or changed. What was asked for has been done: that it cannot be told is logged.
    pub(crate) async fn tell_written(
        &self,
        app: &AppConfig,
        before: Option<&EndpointConfig>,
        endpoint: &Endpoint,
        version: i64,
    ) {
        let was_disabled = before.is_some_and(|before| before.endpoint.disabled);
        let turned = match (was_disabled, endpoint.disabled) {
            (false, true) => Some("endpoint.disabled"),
            (true, false) => Some("endpoint.enabled"),
            _ => None,
        };
        let first = if before.is_some() { "endpoint.updated" } else { "endpoint.created" };
        for event_type in [Some(first), turned].into_iter().flatten() {
            let disabled = (event_type == "endpoint.disabled")
                .then_some(Disabled { since: endpoint.updated_at, trigger: "manual" });
            log(self.tell_endpoint(event_type, app, endpoint, version, disabled).await);
        }
    }

    /// Tells that an endpoint was deleted.
    pub(crate) async fn tell_deleted(&self, app: &AppConfig, config: &EndpointConfig) {
        log(self.tell_endpoint("endpoint.deleted", app, &config.endpoint, config.version, None).await);
    }

    async fn tell_endpoint(
        &self,
        event_type: &str,
        app: &AppConfig,
        endpoint: &Endpoint,
        version: i64,
        disabled: Option<Disabled>,
    ) -> Result<(), ServiceError> {
        if endpoint.callback {
            return Ok(());
        }
        let data = EndpointData {
            app_id: app.application.id,
            app_uid: app.application.uid.as_deref(),
            endpoint_id: endpoint.id.to_string(),
            endpoint_uid: endpoint.uid.as_deref(),
            fail_since: disabled.map(|disabled| disabled.since.to_string()),
            trigger: disabled.map(|disabled| disabled.trigger),
        };
        self.tell(app, event_type, &format!("{}.{version}", endpoint.id), data).await
    }

    /// Hands in a message about an application, if anybody has asked for such.
    async fn tell(
        &self,
        app: &AppConfig,
        event_type: &str,
        about: &str,
        data: impl Serialize + Send,
    ) -> Result<(), ServiceError> {
        // The numbers of organizations and their ids never change, and few have operational webhooks.
        let Some(management) = self.organization(self.management).await? else { return Ok(()) };
        if app.org == management {
            return Ok(());
        }
        let Some(org) = self.store.document(app.org.0).await?.filter(|found| found.kind == DocumentKind::Organization)
        else {
            return Ok(());
        };
        let manager = Actor::organization(self.management);
        if self.find_app(&manager, &org.key).await?.is_none() {
            return Ok(());
        }
        let event_id = format!("{event_type}.{about}");
        let draft = MessageDraft {
            event_type,
            payload: Bytes::from(serde_json::to_vec(&Body { r#type: event_type, data })?),
            event_id: Some(&event_id),
            ..MessageDraft::default()
        };
        match self.create_message(&manager, &org.key, &draft, None).await {
            // It was told before.
            Ok(_) | Err(ServiceError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn log(told: Result<(), ServiceError>) {
    if let Err(error) = told {
        tracing::error!(?error, "an operational webhook could not be sent");
    }
}
