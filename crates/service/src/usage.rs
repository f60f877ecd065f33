//! Figures of all applications of an organization: gathered by a background task, because there may be many.
//!
//! What a part of the task has found out is a document of its own, so that nothing is written twice however many
//! applications there are. Its key says where the part begins: a part that is done once more takes the same place.

use std::collections::BTreeSet;

use ringback_model::{
    AppEventTypes, AppId, AppNo, AppUsage, Endpoint, OrgNo, Task, TaskFindings, TaskKind, TaskScope, TaskState,
    Timestamp,
};
use ringback_store::{
    Direction, Document, DocumentKind, DocumentPage, Expect, Idempotency, KnownVersions, Paging, Put, PutResult,
    Subject,
};
use serde::de::DeserializeOwned;

use crate::check::Faults;
use crate::service::TRIES;
use crate::task::word;
use crate::{Actor, Right, Service, ServiceError};

/// Applications that one part looks at.
const PART: usize = 200;
/// Applications that a caller may name.
const NAMES_MAX: usize = 1_000;
/// Documents of findings that are read at a time.
const PAGE: usize = 50;
/// Where the first part begins: before every id of an application.
const FROM_THE_START: &str = "-";

/// Of which applications and which time deliveries are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageDraft {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Of these, by id or uid; of all if absent.
    pub apps: Option<Vec<String>>,
}

impl UsageDraft {
    fn check(&self) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        if self.until <= self.since {
            faults.note("until", "It has to be after `since`.");
        }
        if self.apps.as_ref().is_some_and(|apps| !(1..=NAMES_MAX).contains(&apps.len())) {
            let rule = format!("1 to {NAMES_MAX} ids or uids are allowed; leave it out for all applications.");
            faults.note("appIds", rule);
        }
        faults.finish()
    }
}

impl Service {
    /// Starts to count the deliveries of applications: the task, and the names that are no application's.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a token of an application, [`ServiceError::Invalid`].
    pub async fn start_app_usage(
        &self,
        actor: &Actor,
        draft: &UsageDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<(Task, Vec<String>), ServiceError> {
        actor.require(Right::ReadOrganization)?;
        draft.check()?;
        let (mut apps, mut unresolved) = (Vec::new(), Vec::new());
        for name in draft.apps.iter().flatten() {
            match self.find_app(actor, name).await? {
                Some(app) => apps.push(app.application.id),
                None => unresolved.push(name.clone()),
            }
        }
        if draft.apps.is_some() && apps.is_empty() {
            return Err(ServiceError::body("appIds", "None of these is the id or uid of an application."));
        }
        apps.sort_unstable();
        apps.dedup();
        let scope = TaskScope { apps, since: Some(draft.since), until: Some(draft.until), ..TaskScope::default() };
        Ok((self.start_gathering(actor, TaskKind::AppUsage, scope, idempotency).await?, unresolved))
    }

    /// Starts to gather the event types that the endpoints of all applications ask for.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a token of an application.
    pub async fn start_event_types(&self, actor: &Actor) -> Result<Task, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        self.start_gathering(actor, TaskKind::EventTypes, TaskScope::default(), None).await
    }

    async fn start_gathering(
        &self,
        actor: &Actor,
        kind: TaskKind,
        scope: TaskScope,
        idempotency: Option<Idempotency>,
    ) -> Result<Task, ServiceError> {
        let org = self.ensure_organization(actor.org).await?;
        let now = self.clock.now();
        let task = Task { scope, ..Task::new(self.ids.make(now, &*self.random), kind, now) };
        self.keep_task(actor, org, task, word(kind), idempotency).await
    }

    /// Does the next part of a task that gathers figures: the task as it is then.
    pub(crate) async fn gather(&self, no: i64, org: OrgNo, mut task: Task) -> Result<Task, ServiceError> {
        let (apps, last, is_last) = self.apps_after(org, &task).await?;
        let found = match task.kind {
            TaskKind::AppUsage => serde_json::to_string(&self.usage_of(&task.scope, &apps).await?)?,
            _ => serde_json::to_string(&self.event_types_of(&apps).await?)?,
        };
        if !apps.is_empty() {
            let from = task.after_app.map_or_else(|| FROM_THE_START.to_owned(), |app| app.to_string());
            self.keep_findings(no, from, found).await?;
        }
        task.looked_at += apps.len() as u64;
        task.after_app = last.or(task.after_app);
        if is_last {
            task.state = TaskState::Finished;
        }
        Ok(task)
    }

    /// The applications of the next part, the last one that it is about, and whether it is the last part.
    async fn apps_after(&self, org: OrgNo, task: &Task) -> Result<(Vec<Document>, Option<AppId>, bool), ServiceError> {
        let kind = DocumentKind::Application;
        if task.scope.apps.is_empty() {
            let after = task.after_app.map(|app| app.to_string());
            let paging = Paging { limit: PART, after, direction: Direction::Ascending };
            let found = self.store.documents(DocumentPage { kind, parent: org.0, paging }).await?;
            let (last, is_last) = (found.last().and_then(|app| app.key.parse().ok()), found.len() < PART);
            return Ok((found, last, is_last));
        }
        let begin = task.scope.apps.partition_point(|app| Some(*app) <= task.after_app);
        let rest = task.scope.apps.get(begin..).unwrap_or_default();
        let part = rest.get(..PART).unwrap_or(rest);
        let mut found = Vec::new();
        for app in part {
            // Those that were deleted meanwhile are passed over.
            found.extend(self.store.document_by_key(kind, org.0, app.to_string()).await?);
        }
        Ok((found, part.last().copied(), part.len() == rest.len()))
    }

    async fn usage_of(&self, scope: &TaskScope, apps: &[Document]) -> Result<Vec<AppUsage>, ServiceError> {
        let (since, until) = (scope.since.unwrap_or(Timestamp::MIN), scope.until.unwrap_or(Timestamp::MAX));
        let mut found = Vec::with_capacity(apps.len());
        for app in apps {
            let tally = self.tally_between(Subject::Application(AppNo(app.no)), since, until).await?;
            let deliveries = tally.delivered + tally.given_up;
            found.push(AppUsage { app: id_of(app)?, uid: app.uid.clone(), deliveries });
        }
        Ok(found)
    }

    async fn event_types_of(&self, apps: &[Document]) -> Result<Vec<AppEventTypes>, ServiceError> {
        let mut found = Vec::with_capacity(apps.len());
        for app in apps {
            // Not by way of the cache, which is for applications that are at work.
            let configuration = self.store.configuration(AppNo(app.no), KnownVersions::new()).await?;
            let endpoints = configuration.map(|configuration| configuration.parts).unwrap_or_default();
            let endpoints = endpoints.iter().filter(|part| part.kind == DocumentKind::Endpoint);
            let endpoints: Vec<Endpoint> =
                endpoints.map(|endpoint| serde_json::from_str(&endpoint.body)).collect::<Result<_, _>>()?;
            let named: BTreeSet<&String> = endpoints.iter().filter_map(|e| e.event_types.as_ref()).flatten().collect();
            let catches_all = endpoints.iter().any(catches_all);
            found.push(AppEventTypes { app: id_of(app)?, named: named.into_iter().cloned().collect(), catches_all });
        }
        Ok(found)
    }

    async fn keep_findings(&self, task: i64, key: String, body: String) -> Result<(), ServiceError> {
        for _ in 0..TRIES {
            let kind = DocumentKind::TaskFindings;
            let before = self.store.document_by_key(kind, task, key.clone()).await?;
            let expect = before.map_or(Expect::New, |found| Expect::Version { no: found.no, version: found.version });
            let put = Put { expect, ..Put::new(kind, task, key.clone(), body.clone()) };
            if let PutResult::Stored(_) = self.store.put(put).await? {
                return Ok(());
            }
        }
        Err(ServiceError::contended())
    }

    /// What a task has found out, all of it; nothing if it was not there for that.
    pub(crate) async fn findings(&self, task: i64, kind: TaskKind) -> Result<Option<TaskFindings>, ServiceError> {
        Ok(match kind {
            TaskKind::AppUsage => Some(TaskFindings::AppUsage(self.parts_of(task).await?)),
            TaskKind::EventTypes => Some(TaskFindings::EventTypes(self.parts_of(task).await?)),
            _ => None,
        })
    }

    async fn parts_of<T: DeserializeOwned>(&self, task: i64) -> Result<Vec<T>, ServiceError> {
        let mut paging = Paging { limit: PAGE, after: None, direction: Direction::Ascending };
        let mut all = Vec::new();
        loop {
            let page = DocumentPage { kind: DocumentKind::TaskFindings, parent: task, paging: paging.clone() };
            let parts = self.store.documents(page).await?;
            for part in &parts {
                all.extend(serde_json::from_str::<Vec<T>>(&part.body)?);
            }
            paging.after = parts.last().map(|part| part.key.clone());
            if parts.len() < PAGE {
                return Ok(all);
            }
        }
    }
}

/// Whether an endpoint gets messages of all types, as far as it says by types.
fn catches_all(endpoint: &Endpoint) -> bool {
    endpoint.event_types.is_none() && endpoint.product.is_none() && endpoint.report_type.is_none()
}

fn id_of(app: &Document) -> Result<AppId, ServiceError> {
    app.key.parse().map_err(|error: ringback_model::IdError| ServiceError::Internal(error.into()))
}
