//! Removing contents for good because somebody asks for it: of one message, of some, of all of an application; and of
//! the answer that an attempt got.

use std::collections::HashSet;

use indexmap::IndexMap;
use ringback_model::{AttemptId, EndpointNo, Id, MessageNo, Reason, Task, TaskKind, TaskState, Timestamp};
use ringback_store::{AppConfig, Expire, Expiry, Idempotency, StoreError, SurveyQuery, Surveyed};

use crate::matching::is_of_reports;
use crate::retention::ROWS;
use crate::search::words_of;
use crate::task::{before, word};
use crate::{Actor, Resource, Right, Service, ServiceError};

/// Messages that one request may name.
const NAMES_MAX: usize = 500;
/// Messages that one part of a task looks at: as many as one commit writes.
const PART: usize = ROWS;
/// Bytes of payload that are read at a time to know by which words their messages are found.
const READ_MAX: usize = 4 * 1_024 * 1_024;
/// No endpoint has this number: only the messages are asked for.
const NO_ENDPOINT: EndpointNo = EndpointNo(0);

/// A word that a search does not find any more.
type Word = (ringback_model::AppNo, String, MessageNo);

impl Service {
    /// Removes the payload of a message, and the words of it that a search finds. Deliveries that are pending have failed.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn expunge_message(&self, actor: &Actor, app: &str, message: &str) -> Result<(), ServiceError> {
        actor.require(Right::Expunge)?;
        let app = self.app(actor, app).await?;
        self.expunge_one(&app, message).await
    }

    /// Does the same of some messages, by id or the producer's own id: whether each was there.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`].
    pub async fn expunge_messages(
        &self,
        actor: &Actor,
        app: &str,
        messages: Vec<String>,
    ) -> Result<IndexMap<String, bool>, ServiceError> {
        actor.require(Right::Expunge)?;
        if messages.len() > NAMES_MAX {
            return Err(ServiceError::body("ids", format!("At most {NAMES_MAX} messages are allowed.")));
        }
        let app = self.app(actor, app).await?;
        let mut results = IndexMap::new();
        for message in messages {
            let was_there = match self.expunge_one(&app, &message).await {
                Ok(()) => true,
                Err(ServiceError::NotFound(_)) => false,
                Err(error) => return Err(error),
            };
            results.insert(message, was_there);
        }
        Ok(results)
    }

    /// Starts to do the same of all messages of an application that there are now.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn start_purge(
        &self,
        actor: &Actor,
        app: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Task, ServiceError> {
        actor.require(Right::Expunge)?;
        let app = self.app(actor, app).await?;
        let (kind, now) = (TaskKind::Purge, self.clock.now());
        let task = Task {
            app: Some(app.application.id),
            app_no: Some(app.no.0),
            cursor: Id::floor(Timestamp::MIN),
            before: before(now),
            ..Task::new(self.ids.make(now, &*self.random), kind, now)
        };
        let title = format!("{} {}", word(kind), app.application.name);
        self.keep_task(actor, app.org, task, &title, idempotency).await
    }

    /// Does the next part of that: the task as it is then.
    pub(crate) async fn purge_some(&self, app: &AppConfig, mut task: Task) -> Result<Task, ServiceError> {
        let query = SurveyQuery {
            app: app.no,
            endpoint: NO_ENDPOINT,
            after: task.cursor,
            before: task.before,
            limit: PART,
            with_payload: false,
            with_status: false,
        };
        let mut found = self.store.survey(query).await?;
        let (words, cut) = self.words_to_remove(app, &found).await?;
        let is_last = found.len() < PART && found.len() == cut;
        found.truncate(cut);
        let whole = found.iter().filter(|surveyed| surveyed.has_body);
        let mut messages: Vec<_> = whole.map(|surveyed| surveyed.message.no).collect();
        messages.sort_unstable();
        task.looked_at += found.len() as u64;
        task.changed += messages.len() as u64;
        if let Some(last) = found.last() {
            task.cursor = last.message.id;
        }
        if is_last {
            task.state = TaskState::Finished;
        }
        self.expunge(messages, words).await?;
        Ok(task)
    }

    /// The words that these messages are found by, and how many of the messages they are of: payloads may be large.
    async fn words_to_remove(&self, app: &AppConfig, found: &[Surveyed]) -> Result<(Vec<Word>, usize), ServiceError> {
        let has_words = |one: &&Surveyed| one.has_body && is_of_reports(&app.settings, &one.message.event_type);
        let reports: Vec<MessageNo> = found.iter().filter(has_words).map(|one| one.message.no).collect();
        let payloads = self.store.payloads(reports.clone(), READ_MAX).await?;
        let read: HashSet<MessageNo> = payloads.iter().map(|(no, _)| *no).collect();
        let mut words = Vec::new();
        for (no, payload) in &payloads {
            let Some(surveyed) = found.iter().find(|surveyed| surveyed.message.no == *no) else { continue };
            let of_it = words_of(&app.settings, &surveyed.message.event_type, payload);
            words.extend(of_it.into_iter().map(|word| (app.no, word, *no)));
        }
        // Those after the last one that was read have not been; one before it that was not is gone meanwhile.
        let last = reports.iter().rposition(|no| read.contains(no));
        let unread = last.and_then(|last| reports.get(last + 1));
        let cut = unread.and_then(|unread| found.iter().position(|surveyed| surveyed.message.no == *unread));
        Ok((words, cut.unwrap_or(found.len())))
    }

    async fn expunge_one(&self, app: &AppConfig, message: &str) -> Result<(), ServiceError> {
        let message = self.message(app, message).await?;
        let payload = message.payload.as_deref().filter(|_| is_of_reports(&app.settings, &message.event_type));
        let words = payload.map(|payload| words_of(&app.settings, &message.event_type, payload)).unwrap_or_default();
        let words = words.into_iter().map(|word| (app.no, word, message.no)).collect();
        Ok(self.expunge(vec![message.no], words).await?)
    }

    /// Removes payloads, of messages in the order of their numbers, and words.
    async fn expunge(&self, messages: Vec<MessageNo>, words: Vec<Word>) -> Result<(), StoreError> {
        let mut items: Vec<_> = messages.into_iter().map(|no| (no, Expiry::Payload(Reason::PayloadGone))).collect();
        let mut step = Expire { items: items.clone(), rows: ROWS, words, ..Expire::default() };
        while !items.is_empty() {
            let done = self.store.expire(std::mem::take(&mut step)).await?.done;
            items.drain(..done);
            step = Expire { items: items.clone(), rows: ROWS, ..Expire::default() };
        }
        Ok(())
    }

    /// Removes the body of the answer that an attempt got.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn expunge_attempt(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        attempt: &str,
    ) -> Result<(), ServiceError> {
        actor.require(Right::Expunge)?;
        let missing = || ServiceError::NotFound(Resource::Attempt);
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?.no;
        let id: AttemptId = attempt.parse().map_err(|_| missing())?;
        self.store.attempt(message, id).await?.ok_or_else(missing)?;
        let items = vec![(message, Expiry::Answer(id))];
        self.store.expire(Expire { items, rows: ROWS, ..Expire::default() }).await?;
        Ok(())
    }
}
