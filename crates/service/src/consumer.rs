//! Reading from a poller: by whoever keeps the place, and by consumers whose place is kept here.
//!
//! Everything is read at least once and in the order of acceptance. A consumer's place moves when it says that it is done:
//! by asking for what comes next, or by committing what it was given on a lease.

use std::time::Duration;

use ringback_model::{Consumer, Id, Lease, Message, MessageId, Place, Timestamp};
use ringback_store::{
    AppConfig, Direction, Document, DocumentKind, Expect, MessageQuery, Paging, PollQuery, Polled, PollerConfig, Put,
    PutResult, message_at, offset_of,
};

use crate::check::is_name;
use crate::place_text::{PlaceText, not_of_this};
use crate::poller::poller;
use crate::service::TRIES;
use crate::{Actor, FieldError, Right, Service, ServiceError};

/// Bytes of payload in one answer, unless the first message has more.
const BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The longest name of a consumer, in bytes.
const NAME_MAX: usize = 256;
/// How long a lease may be.
const LEASE_MIN: Duration = Duration::from_secs(1);
const LEASE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// By how much clocks may differ, and how long a commit may take: so much earlier is looked for a time.
const MARGIN: Duration = Duration::from_secs(60);

/// What is asked of a poller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollDraft {
    /// At most so many messages are looked at.
    pub limit: usize,
    /// Behind this place; from the beginning, or from where the consumer is, if absent.
    pub from: Option<PlaceText>,
    /// Only messages of this type.
    pub event_type: Option<String>,
    /// Only messages with this channel.
    pub channel: Option<String>,
    /// Only messages accepted since this time, if no place is given.
    pub since: Option<Timestamp>,
}

/// A lease that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseDraft {
    /// At most so many messages.
    pub limit: usize,
    /// For how long nobody else is given any.
    pub length: Duration,
    /// A consumer that is new begins with what comes from now on, and not with what there is.
    pub from_now: bool,
}

/// What a poller answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledView {
    /// Messages with their places, in order. A payload that is absent is gone for good.
    pub messages: Vec<(i64, Message)>,
    /// The place behind the last message that was looked at.
    pub(crate) place: Place,
    /// The same for whoever gives it back.
    pub iterator: PlaceText,
    /// There is no more at present.
    pub done: bool,
}

impl Service {
    /// Reads from a poller; whoever asks keeps the place.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Conflict`] while the poller is disabled.
    pub async fn poll(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        draft: &PollDraft,
    ) -> Result<PolledView, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let poller = enabled(&app, name)?;
        let from = match (draft.from, draft.since) {
            (Some(place), _) => place.within(poller.no)?,
            (None, Some(since)) => self.place_of(&app, since).await?,
            (None, None) => Place::default(),
        };
        let mut view = self.read_from(&app, poller, from, draft.limit).await?;
        view.messages.retain(|(_, message)| {
            draft.event_type.as_ref().is_none_or(|wanted| *wanted == message.event_type)
                && draft.channel.as_ref().is_none_or(|wanted| message.channels.contains(wanted))
        });
        self.numbers_for(actor).await?.of_messages(view.messages.iter_mut().map(|(_, message)| message));
        Ok(view)
    }

    /// Reads what comes next for a consumer: behind the place that it gives back, which is kept for it, or behind the one
    /// that is kept.
    ///
    /// # Errors
    /// Those of [`Service::poll`], and [`ServiceError::Invalid`].
    pub async fn poll_as_consumer(
        &self,
        actor: &Actor,
        (app, name, consumer): (&str, &str, &str),
        draft: &PollDraft,
    ) -> Result<PolledView, ServiceError> {
        actor.require(Right::Resend)?;
        check_name(consumer)?;
        let app = self.app(actor, app).await?;
        let poller = enabled(&app, name)?;
        let given = draft.from.map(|place| place.within(poller.no)).transpose()?;
        let mut from = Place::default();
        self.change_consumer(poller, consumer, |now| {
            from = given.unwrap_or(now.place);
            // Of two that use one name the slower does not take the faster back.
            let is_news = given.is_some_and(|given| given.offset > now.place.offset);
            if is_news {
                now.place = from;
            }
            Ok(is_news)
        })
        .await?;
        let mut view = self.read_from(&app, poller, from, draft.limit).await?;
        self.numbers_for(actor).await?.of_messages(view.messages.iter_mut().map(|(_, message)| message));
        Ok(view)
    }

    /// Puts a consumer behind everything that was accepted before a time, wherever it was.
    ///
    /// # Errors
    /// Those of [`Service::poll_as_consumer`].
    pub async fn seek(
        &self,
        actor: &Actor,
        (app, name, consumer): (&str, &str, &str),
        since: Timestamp,
    ) -> Result<PlaceText, ServiceError> {
        actor.require(Right::Resend)?;
        check_name(consumer)?;
        let app = self.app(actor, app).await?;
        let poller = poller(&app, name)?;
        let place = self.place_of(&app, since).await?;
        self.change_consumer(poller, consumer, |now| {
            *now = Consumer { place, lease: None };
            Ok(true)
        })
        .await?;
        Ok(PlaceText::new(poller.no, place))
    }

    /// Gives a consumer what comes next, on a lease: until that ends or all of it is committed, nobody is given more
    /// under this name.
    ///
    /// # Errors
    /// Those of [`Service::poll_as_consumer`], and [`ServiceError::Conflict`] with `leased` while a lease runs.
    pub async fn lease(
        &self,
        actor: &Actor,
        (app, name, consumer): (&str, &str, &str),
        draft: LeaseDraft,
    ) -> Result<PolledView, ServiceError> {
        actor.require(Right::Resend)?;
        check_name(consumer)?;
        if !(LEASE_MIN..=LEASE_MAX).contains(&draft.length) {
            let fault = FieldError::query("lease_duration_ms", "It is 1000 to 43200000, which are 12 hours.");
            return Err(ServiceError::Invalid(vec![fault]));
        }
        let app = self.app(actor, app).await?;
        let poller = enabled(&app, name)?;
        for _ in 0..TRIES {
            let (document, mut now) = self.consumer(poller, consumer).await?;
            let at = self.clock.now();
            if let Some(lease) = now.lease.filter(|lease| at < lease.until && now.place.offset < lease.offset) {
                return Err(leased(lease));
            }
            if document.is_none() && draft.from_now {
                now.place = self.place_of(&app, at).await?;
            }
            let mut view = self.read_from(&app, poller, now.place, draft.limit).await?;
            self.numbers_for(actor).await?.of_messages(view.messages.iter_mut().map(|(_, message)| message));
            now.lease = None;
            if view.messages.is_empty() {
                // What was passed over is done with.
                now.place = view.place;
            } else {
                now.lease = Some(Lease { offset: view.place.offset, until: at + draft.length });
            }
            if self.keep_consumer(poller, consumer, document.as_ref(), &now).await? {
                return Ok(view);
            }
        }
        Err(ServiceError::contended())
    }

    /// Notes that a consumer is done with everything up to a place that it was given.
    ///
    /// # Errors
    /// Those of [`Service::poll_as_consumer`], and [`ServiceError::Conflict`] with `not_leased` when it was not given as
    /// much.
    pub async fn commit(
        &self,
        actor: &Actor,
        (app, name, consumer): (&str, &str, &str),
        offset: i64,
    ) -> Result<(), ServiceError> {
        actor.require(Right::Resend)?;
        check_name(consumer)?;
        if offset < 0 {
            return Err(ServiceError::body("offset", "It is the `offset` of a message, which is 0 at least."));
        }
        let app = self.app(actor, app).await?;
        let poller = poller(&app, name)?;
        self.change_consumer(poller, consumer, |now| {
            if offset <= now.place.offset {
                return Ok(false);
            }
            let lease = now.lease.filter(|lease| offset <= lease.offset).ok_or_else(not_leased)?;
            let since = now.place.since.filter(|_| offset < lease.offset);
            now.place = Place { offset, since };
            now.lease = Some(lease).filter(|lease| offset < lease.offset);
            Ok(true)
        })
        .await
    }

    /// The messages behind a place, and where that leads.
    async fn read_from(
        &self,
        app: &AppConfig,
        poller: &PollerConfig,
        from: Place,
        limit: usize,
    ) -> Result<PolledView, ServiceError> {
        let after = message_at(app.no, from.offset).ok_or_else(not_of_this)?;
        let query = PollQuery { app: app.no, poller: poller.no, after, limit };
        let (found, is_cut) = self.with_payloads(self.store.polled(query).await?).await?;
        let mut place = from;
        if let Some(last) = found.last() {
            place.offset = offset_of(last.no);
            // Numbers and times rise together, as far as the margin goes.
            place.since = from.since.filter(|since| last.accepted_at < *since + MARGIN);
        }
        let done = !is_cut && found.len() < limit;
        let is_wanted = |message: &Message| from.since.is_none_or(|since| message.accepted_at >= since);
        let messages = found.into_iter().filter(is_wanted).map(|message| (offset_of(message.no), message)).collect();
        Ok(PolledView { messages, place, iterator: PlaceText::new(poller.no, place), done })
    }

    /// Reads payloads, of as many messages as an answer may have bytes: those, and whether there are more.
    async fn with_payloads(&self, found: Vec<Polled>) -> Result<(Vec<Message>, bool), ServiceError> {
        let count = found.len();
        let has_payload: Vec<bool> = found.iter().map(|polled| polled.has_payload).collect();
        let mut messages: Vec<Message> = found.into_iter().map(|polled| polled.message).collect();
        self.read_payloads(&mut messages, BYTES_MAX).await?;
        let unread = messages.iter().zip(has_payload).position(|(message, has)| has && message.payload.is_none());
        // The first one is always read: without its payload it has just lost that.
        messages.truncate(unread.filter(|at| *at > 0).unwrap_or(count));
        let is_cut = messages.len() < count;
        Ok((messages, is_cut))
    }

    /// The place before the first message that was accepted at or after a time.
    async fn place_of(&self, app: &AppConfig, since: Timestamp) -> Result<Place, ServiceError> {
        let before: MessageId = Id::floor(since - MARGIN);
        let paging = Paging { limit: 1, after: Some(before), direction: Direction::Descending };
        let last = self.store.messages(MessageQuery::all(app.no, paging)).await?.items;
        Ok(Place { offset: last.first().map_or(0, |message| offset_of(message.no)), since: Some(since) })
    }

    async fn consumer(&self, poller: &PollerConfig, name: &str) -> Result<(Option<Document>, Consumer), ServiceError> {
        let found = self.store.document_by_key(DocumentKind::Consumer, poller.no.0, name.to_owned()).await?;
        let consumer = found.as_ref().map_or(Ok(Consumer::default()), |found| serde_json::from_str(&found.body))?;
        Ok((found, consumer))
    }

    /// Changes how far a consumer is; `change` may be called more than once, and says whether there is anything to keep.
    async fn change_consumer(
        &self,
        poller: &PollerConfig,
        name: &str,
        mut change: impl FnMut(&mut Consumer) -> Result<bool, ServiceError> + Send,
    ) -> Result<(), ServiceError> {
        for _ in 0..TRIES {
            let (document, mut consumer) = self.consumer(poller, name).await?;
            if !change(&mut consumer)? || self.keep_consumer(poller, name, document.as_ref(), &consumer).await? {
                return Ok(());
            }
        }
        Err(ServiceError::contended())
    }

    /// Keeps how far a consumer is, unless somebody was quicker.
    async fn keep_consumer(
        &self,
        poller: &PollerConfig,
        name: &str,
        before: Option<&Document>,
        consumer: &Consumer,
    ) -> Result<bool, ServiceError> {
        let put = Put {
            expect: before.map_or(Expect::New, |found| Expect::Version { no: found.no, version: found.version }),
            ..Put::new(DocumentKind::Consumer, poller.no.0, name.to_owned(), serde_json::to_string(consumer)?)
        };
        Ok(matches!(self.store.put(put).await?, PutResult::Stored(_)))
    }
}

/// The poller of an application with this id or uid, if it may be read from.
fn enabled<'a>(app: &'a AppConfig, name: &str) -> Result<&'a PollerConfig, ServiceError> {
    let config = poller(app, name)?;
    if !config.poller.disabled {
        return Ok(config);
    }
    let detail = "This poller is disabled. What comes is kept for it: enable it to read on.".to_owned();
    Err(ServiceError::Conflict { code: "poller_disabled", detail })
}

fn check_name(consumer: &str) -> Result<(), ServiceError> {
    if is_name(consumer, NAME_MAX, b"-_.") {
        return Ok(());
    }
    let rule = "1 to 256 characters of a-z, A-Z, 0-9, `-`, `_` and `.` are allowed.";
    Err(ServiceError::Invalid(vec![FieldError::at(["path".into(), "consumer_id".into()], rule)]))
}

fn leased(lease: Lease) -> ServiceError {
    let detail = format!(
        "Messages up to offset {} are leased to this consumer until {}: commit them, or wait until then to get them again.",
        lease.offset, lease.until
    );
    ServiceError::Conflict { code: "leased", detail }
}

fn not_leased() -> ServiceError {
    let detail =
        "The consumer was not given messages up to this offset. Commit the offset of the last message that you are \
                  done with."
            .to_owned();
    ServiceError::Conflict { code: "not_leased", detail }
}
