//! Operational webhooks: what happens to endpoints and deliveries of an organization, told to whoever runs it.
//!
//! They are ordinary messages. Each organization has an application in the management organization, whose uid is the
//! organization's id; what is told goes to that application's endpoints like any message, with retries, signatures and
//! all. Where there is no such application nothing is told, and nothing of the management organization itself ever is.
//!
//! What is to be told is noted in the commit of what it is about, and told by a pass that follows: a crash in between
//! loses nothing. Each is told once: its event id is made of the note, and an application takes an event id once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{AppId, AppNo, Disabled, Endpoint, EndpointId, Notice, NoticeKind, NoticedAttempt, OrgId, OrgNo};
use ringback_store::{AppConfig, DocumentKind, EndpointConfig, Noticed, Shard};
use serde::Serialize;
use tokio::sync::Notify;

use crate::{Actor, ApplicationDraft, EventTypeDraft, MessageDraft, Right, Service, ServiceError};

/// The organization that the applications of operational webhooks belong to, unless another is named.
pub const MANAGEMENT_ORGANIZATION: &str = "org_00000000000SvixManagement00";
/// Notices that are read, and let go of, at a time.
const STEP: usize = 100;
/// How often notices are looked for that nobody has rung for: those of another node, or of before a crash.
const LOOK: Duration = Duration::from_secs(5);
/// How long the pass pauses when it cannot go on; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
    endpoint_id: EndpointId,
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
    endpoint_id: EndpointId,
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

    /// Makes the event types of operational webhooks, where an application is made that gets them: whoever looks at them
    /// there finds what there is to choose from.
    pub(crate) async fn ensure_operational_types(&self, actor: &Actor) -> Result<(), ServiceError> {
        if actor.org != self.management {
            return Ok(());
        }
        let owner = Actor::organization(self.management);
        for kind in NoticeKind::ALL {
            let draft = EventTypeDraft { description: kind.meaning().to_owned(), ..EventTypeDraft::default() };
            match self.create_event_type(&owner, kind.event_type(), draft, None).await {
                Ok(_) | Err(ServiceError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether an organization has this event type because operational webhooks tell of it, registered or not.
    pub(crate) async fn is_operational(&self, org: OrgNo, name: &str) -> Result<bool, ServiceError> {
        Ok(NoticeKind::ALL.map(NoticeKind::event_type).contains(&name) && self.is_management(org).await?)
    }

    /// Whether this is the management organization.
    pub(crate) async fn is_management(&self, org: OrgNo) -> Result<bool, ServiceError> {
        Ok(self.organization(self.management).await? == Some(org))
    }

    /// What the engine rings when it has noticed something.
    #[must_use]
    pub fn noticed(&self) -> Arc<Notify> {
        self.noticed.clone()
    }

    /// Tells what was noticed, for as long as the server runs.
    pub async fn tell_notices(&self) {
        let mut pause = PAUSE;
        loop {
            match self.tell_some_notices().await {
                Ok(0) => drop(tokio::time::timeout(LOOK, self.noticed.notified()).await),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(?error, "operational webhooks are tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            }
            pause = PAUSE;
        }
    }

    /// Tells the next of what was noticed, and lets go of it; answers how many that were.
    ///
    /// # Errors
    /// When the store cannot be read or written, or takes no messages just now.
    pub async fn tell_some_notices(&self) -> Result<usize, ServiceError> {
        // One node tells for all of them.
        if !self.store.owns(Shard::FIRST) {
            return Ok(0);
        }
        let (mut told, mut stopped) = (Vec::new(), Ok(()));
        for Noticed { no, notice } in self.store.notices(STEP).await? {
            match self.tell_notice(no, &notice).await {
                Err(error @ (ServiceError::Unavailable { .. } | ServiceError::TooMany { .. })) => {
                    stopped = Err(error);
                    break;
                }
                Err(error) => tracing::error!(?error, ?notice, "an operational webhook could not be sent"),
                Ok(()) => {}
            }
            told.push(no);
        }
        let count = told.len();
        if count > 0 {
            self.store.forget_notices(told).await?;
        }
        stopped.map(|()| count)
    }

    async fn tell_notice(&self, no: i64, notice: &Notice) -> Result<(), ServiceError> {
        let Some(app) = self.directory.app(AppNo(notice.app_no)).await? else { return Ok(()) };
        match &notice.attempt {
            Some(attempt) => self.tell(&app, notice, no, AttemptData::new(&app, notice, attempt)).await?,
            None => self.tell(&app, notice, no, EndpointData::new(&app, notice)).await?,
        }
        self.alert(&app, notice);
        Ok(())
    }

    /// Hands in a message about an application, if anybody has asked for such.
    async fn tell(
        &self,
        app: &AppConfig,
        notice: &Notice,
        no: i64,
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
        let event_type = notice.kind.event_type();
        let event_id = format!("{event_type}.{}.{no}", notice.endpoint);
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

impl<'a> EndpointData<'a> {
    fn new(app: &'a AppConfig, notice: &'a Notice) -> Self {
        Self {
            app_id: app.application.id,
            app_uid: app.application.uid.as_deref(),
            endpoint_id: notice.endpoint,
            endpoint_uid: notice.endpoint_uid.as_deref(),
            fail_since: notice.disabled.map(|disabled| disabled.since.to_string()),
            trigger: notice.disabled.map(|disabled| if disabled.automatic { "automatic" } else { "manual" }),
        }
    }
}

impl<'a> AttemptData<'a> {
    fn new(app: &'a AppConfig, notice: &Notice, attempt: &'a NoticedAttempt) -> Self {
        Self {
            app_id: app.application.id,
            app_uid: app.application.uid.as_deref(),
            endpoint_id: notice.endpoint,
            msg_id: attempt.message.to_string(),
            msg_event_id: attempt.event_id.as_deref(),
            last_attempt: LastAttempt {
                id: attempt.id.to_string(),
                response_status_code: attempt.status.unwrap_or(0),
                timestamp: attempt.started_at.to_string(),
            },
        }
    }
}

/// What is told of an endpoint that is made or changed.
pub(crate) fn of_written(app: AppNo, before: Option<&EndpointConfig>, endpoint: &Endpoint) -> Vec<Notice> {
    let was_disabled = before.is_some_and(|before| before.endpoint.disabled);
    let turned = match (was_disabled, endpoint.disabled) {
        (false, true) => Some(NoticeKind::EndpointDisabled),
        (true, false) => Some(NoticeKind::EndpointEnabled),
        _ => None,
    };
    let first = if before.is_some() { NoticeKind::EndpointUpdated } else { NoticeKind::EndpointCreated };
    [Some(first), turned].into_iter().flatten().filter_map(|kind| of_endpoint(app, kind, endpoint)).collect()
}

/// What is told of an endpoint that is deleted.
pub(crate) fn of_deleted(app: AppNo, endpoint: &Endpoint) -> Vec<Notice> {
    of_endpoint(app, NoticeKind::EndpointDeleted, endpoint).into_iter().collect()
}

fn of_endpoint(app: AppNo, kind: NoticeKind, endpoint: &Endpoint) -> Option<Notice> {
    let disabled =
        (kind == NoticeKind::EndpointDisabled).then_some(Disabled { since: endpoint.updated_at, automatic: false });
    let (endpoint_uid, attempt) = (endpoint.uid.clone(), None);
    let notice = Notice { kind, app_no: app.0, endpoint: endpoint.id, endpoint_uid, disabled, attempt };
    // Nobody has made what stands for the URLs of messages.
    (!endpoint.callback).then_some(notice)
}
