//! Finding messages: by their ids at once, and by the ids and numbers in their reports some seconds after the acceptance,
//! when a pass in the background has read them. The acceptance itself pays nothing for it.

use std::time::Duration;

use ringback_model::{Message, MessageId, MessageNo, OrganizationSettings};
use ringback_store::{AppConfig, Mention, MentionQuery, MessageRef, UnreadQuery, UnreadRun};
use ringback_wire::report::search_word;

use crate::matching::{ReportText, is_of_reports};
use crate::retention::Retention;
use crate::{Actor, Page, Right, Service, ServiceError, Window};

/// A message is read when it is so old: long enough for every commit that was under way.
const AGE: Duration = Duration::from_secs(5);
/// Messages that are read in one step: so many words are kept in a few milliseconds of the writer's time.
const STEP: usize = 200;
/// Bytes of payload that are read at a time.
const STEP_BYTES: usize = 4 * 1024 * 1024;
/// How long the pass rests after a step, and when there was nothing to read.
const BETWEEN_STEPS: Duration = Duration::from_millis(20);
const WHEN_IDLE: Duration = Duration::from_secs(2);

impl Service {
    /// The messages of an application that are found by a text, newest first: by their id, by the producer's id of the
    /// event, or by an id or a number in their report. Payloads come along if they are asked for.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn search_messages(
        &self,
        actor: &Actor,
        app: &str,
        text: &str,
        window: &Window<MessageId>,
        with_content: bool,
    ) -> Result<Page<Message>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let mut found = self.find_by_id(&app, text.trim()).await?;
        if let Some(word) = search_word(text) {
            let before = match window.from {
                Some(from) => self.store.message(app.no, MessageRef::Id(from)).await?.map(|message| message.no),
                None => None,
            };
            let query = MentionQuery { app: app.no, word, before, limit: window.limit + 1 };
            let numbers = self.store.mentioned(query).await?;
            found.extend(self.store.messages_by_no(numbers).await?);
        }
        found.sort_unstable_by_key(|message| std::cmp::Reverse(message.no));
        found.dedup_by_key(|message| message.no);
        let mut page = window.page_of(found, |message| message.id);
        if with_content {
            // As many as a list of messages would read.
            self.read_payloads(&mut page.items, usize::MAX).await?;
        }
        self.numbers_for(actor).await?.of_messages(&mut page.items);
        Ok(page)
    }

    async fn find_by_id(&self, app: &AppConfig, text: &str) -> Result<Vec<Message>, ServiceError> {
        let mut found = Vec::new();
        if let Ok(id) = text.parse() {
            found.extend(self.store.message(app.no, MessageRef::Id(id)).await?);
        }
        if !text.is_empty() {
            found.extend(self.store.message(app.no, MessageRef::EventId(text.to_owned())).await?);
        }
        Ok(found)
    }

    /// Reads the words of messages, and when something of them is to go, for as long as the server runs.
    pub async fn read_words(&self) {
        loop {
            let rest = match self.read_some_words().await {
                Ok(0) => WHEN_IDLE,
                Ok(_) => BETWEEN_STEPS,
                Err(error) => {
                    tracing::warn!(
                        ?error,
                        "the words of messages could not be read: a search does not find the newest"
                    );
                    WHEN_IDLE
                }
            };
            tokio::time::sleep(rest).await;
        }
    }

    /// Reads the words of the next messages; answers how many messages that were.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn read_some_words(&self) -> Result<usize, ServiceError> {
        let query = UnreadQuery { accepted_before: self.clock.now() - AGE, limit: STEP };
        let runs = self.store.unread(query).await?;
        let ends = runs.iter().filter_map(|run| Some((run.after, run.messages.last()?.no)));
        let mut mention = Mention { read: ends.collect(), words: Vec::new(), look_at: Vec::new() };
        for run in &runs {
            self.read_run(run, &mut mention).await?;
        }
        if !mention.read.is_empty() {
            // Should another node have been quicker, it has kept the same.
            self.store.mention(mention).await?;
        }
        Ok(runs.iter().map(|run| run.messages.len()).sum())
    }

    /// The words of a run of messages, and when something of each is to go.
    async fn read_run(&self, run: &UnreadRun, mention: &mut Mention) -> Result<(), ServiceError> {
        let mut reports = Vec::new();
        for message in &run.messages {
            let app = self.directory.app(message.app).await?;
            let first_look = Retention::of_app(app.as_deref()).first_look(message.accepted_at, message.ends_at);
            mention.look_at.push((message.no, first_look));
            if let Some(app) = app.filter(|app| is_of_reports(&app.settings, &message.event_type)) {
                reports.push((message, app));
            }
        }
        let mut left: Vec<MessageNo> = reports.iter().map(|(message, _)| message.no).collect();
        while !left.is_empty() {
            let payloads = self.store.payloads(left.clone(), STEP_BYTES).await?;
            let Some((last, _)) = payloads.last() else { break };
            left.retain(|no| no > last);
            for (no, payload) in &payloads {
                let Ok(at) = reports.binary_search_by_key(no, |(message, _)| message.no) else { continue };
                let (message, app) = &reports[at];
                let found = words_of(&app.settings, &message.event_type, payload);
                mention.words.extend(found.into_iter().map(|word| (message.app, word, *no)));
            }
        }
        Ok(())
    }
}

/// The words of a report that its message is found by.
pub(crate) fn words_of(settings: &OrganizationSettings, event_type: &str, payload: &[u8]) -> Vec<String> {
    let text = ReportText::new(settings, event_type, payload);
    text.report().map(|report| report.search_words()).unwrap_or_default()
}
