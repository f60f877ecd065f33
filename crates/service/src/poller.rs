//! Pollers: sinks of an application whose messages are asked for.

use indexmap::IndexMap;
use ringback_model::Poller;
use ringback_store::{AppConfig, Delete, DocumentKind, Expect, Idempotency, PollerConfig, Put, PutResult};

use crate::audit::Note;
use crate::check::{EVENT_TYPE_RULE, Faults, is_event_type_name};
use crate::event_type::is_pattern;
use crate::service::TRIES;
use crate::{Actor, Made, Page, Resource, Right, Service, ServiceError, Window};

/// Pollers that an application may have: each is a row more for each message that it gets.
const POLLERS_MAX: usize = 50;
/// Event types that one may name.
const TYPES_MAX: usize = 500;
/// Channels that one may name, as endpoints may.
const CHANNELS_MAX: usize = 10;

/// What a caller may say about a poller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollerDraft {
    /// See [`Poller::uid`].
    pub uid: Option<String>,
    /// See [`Poller::disabled`].
    pub disabled: bool,
    /// See [`Poller::event_types`].
    pub event_types: Option<Vec<String>>,
    /// See [`Poller::channels`].
    pub channels: Option<Vec<String>>,
    /// See [`Poller::metadata`].
    pub metadata: IndexMap<String, String>,
}

impl PollerDraft {
    /// What a poller says now: the draft that changes nothing.
    #[must_use]
    pub fn of(poller: &Poller) -> Self {
        let Poller { uid, disabled, event_types, channels, metadata, .. } = poller.clone();
        Self { uid, disabled, event_types, channels, metadata }
    }

    fn check(&self, faults: &mut Faults) {
        faults.uid("uid", self.uid.as_deref(), "poll");
        faults.metadata(&self.metadata);
        if let Some(channels) = &self.channels {
            faults.channels(channels, CHANNELS_MAX);
        }
        let types = self.event_types.as_deref().unwrap_or_default();
        if types.len() > TYPES_MAX {
            faults.note("eventTypes", format!("At most {TYPES_MAX} event types are allowed; leave it out for all."));
        }
        for (at, name) in types.iter().enumerate() {
            if !is_event_type_name(name) && !is_pattern(name) {
                faults.note_item("eventTypes", &at, EVENT_TYPE_RULE);
            }
        }
    }

    fn write_to(self, poller: &mut Poller) {
        let Self { uid, disabled, event_types, channels, metadata } = self;
        (poller.uid, poller.disabled, poller.metadata) = (uid, disabled, metadata);
        (poller.event_types, poller.channels) = (event_types, channels);
    }
}

impl Service {
    /// A page of the pollers of an application, by id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn list_pollers(
        &self,
        actor: &Actor,
        app: &str,
        window: &Window<ringback_model::PollerId>,
    ) -> Result<Page<Poller>, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        let all = app.pollers.iter().map(|config| config.poller.clone()).collect();
        Ok(window.page_of(all, |poller: &Poller| poller.id))
    }

    /// One poller.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_poller(&self, actor: &Actor, app: &str, name: &str) -> Result<Poller, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        Ok(poller(&app, name)?.poller.clone())
    }

    /// Makes a poller: it gets the messages that are accepted from now on.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when the
    /// uid is taken.
    pub async fn create_poller(
        &self,
        actor: &Actor,
        app: &str,
        draft: PollerDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<Poller, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        self.check_poller(&app, &draft, None).await?;
        if app.pollers.len() >= POLLERS_MAX {
            let rule = format!("An application has at most {POLLERS_MAX} pollers: delete one that is not used.");
            return Err(ServiceError::body("type", rule));
        }
        let now = self.clock.now();
        let mut poller = Poller {
            id: self.ids.make(now, &*self.random),
            uid: None,
            disabled: false,
            event_types: None,
            channels: None,
            metadata: IndexMap::new(),
            created_at: now,
            updated_at: now,
        };
        draft.write_to(&mut poller);
        let mut put = put(&app, &poller, Expect::New, idempotency)?;
        put.audit = note(actor, &app, &poller).added(now, &put.body);
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) => Ok(poller),
            PutResult::Replayed { no } => {
                let first = self.store.document(no).await?.ok_or(ServiceError::NotFound(Resource::Poller))?;
                Ok(PollerConfig::read(&first)?.poller)
            }
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::UidTaken => Err(uid_taken(&poller)),
            PutResult::KeyTaken | PutResult::Stale => Err(ServiceError::contended()),
        }
    }

    /// Replaces what a poller says, or makes one if there is none of this name.
    ///
    /// # Errors
    /// Those of [`Service::create_poller`].
    pub async fn put_poller(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        draft: PollerDraft,
    ) -> Result<Made<Poller>, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        if self.app(actor, app).await?.poller_by_name(name).is_none() {
            let item = self.create_poller(actor, app, draft, None).await?;
            return Ok(Made { item, created: true });
        }
        let item = self.update_poller(actor, app, name, |now| now.clone_from(&draft)).await?;
        Ok(Made { item, created: false })
    }

    /// Changes what a poller says. `change` may be called more than once, each time with what it says then. What it has got
    /// stays.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when the uid is taken.
    pub async fn update_poller(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        change: impl Fn(&mut PollerDraft) + Send + Sync,
    ) -> Result<Poller, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        for _ in 0..TRIES {
            let app = self.app(actor, app).await?;
            let config = poller(&app, name)?;
            let mut draft = PollerDraft::of(&config.poller);
            change(&mut draft);
            self.check_poller(&app, &draft, Some(&config.poller)).await?;
            let now = self.clock.now();
            let mut poller = config.poller.clone();
            draft.write_to(&mut poller);
            poller.updated_at = now;
            let mut put = put(&app, &poller, Expect::Version { no: config.no.0, version: config.version }, None)?;
            let before = serde_json::to_string(&config.poller)?;
            put.audit = note(actor, &app, &poller).changed(now, &before, &put.body, false);
            let result = self.store.put(put).await?;
            self.directory.forget(app.no);
            match result {
                PutResult::Stored(_) => return Ok(poller),
                PutResult::UidTaken => return Err(uid_taken(&poller)),
                PutResult::KeyReused | PutResult::KeyTaken | PutResult::Replayed { .. } | PutResult::Stale => {}
            }
        }
        Err(ServiceError::contended())
    }

    /// Deletes a poller; nobody reads from it any more.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_poller(&self, actor: &Actor, app: &str, name: &str) -> Result<(), ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        let config = poller(&app, name)?;
        let now = self.clock.now();
        let audit = note(actor, &app, &config.poller).done(now, "deleted");
        let gone = self.store.delete(Delete { app: Some(app.no), audit, ..Delete::new(config.no.0, now) }).await?;
        self.directory.forget(app.no);
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::Poller)) }
    }

    async fn check_poller(
        &self,
        app: &AppConfig,
        draft: &PollerDraft,
        before: Option<&Poller>,
    ) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        draft.check(&mut faults);
        // A filter that stays as it was may name types that were removed since.
        if let Some(types) = &draft.event_types
            && before.is_none_or(|before| before.event_types != draft.event_types)
        {
            self.check_event_types_exist(app.org, types, &mut faults).await?;
        }
        faults.finish()
    }
}

/// The poller of an application with this id or uid.
pub(crate) fn poller<'a>(app: &'a AppConfig, name: &str) -> Result<&'a PollerConfig, ServiceError> {
    app.poller_by_name(name).ok_or(ServiceError::NotFound(Resource::Poller))
}

fn put(
    app: &AppConfig,
    poller: &Poller,
    expect: Expect,
    idempotency: Option<Idempotency>,
) -> Result<Put, ServiceError> {
    Ok(Put {
        uid: poller.uid.clone(),
        expect,
        app: Some(app.no),
        idempotency,
        ..Put::new(DocumentKind::Poller, app.no.0, poller.id.to_string(), serde_json::to_string(poller)?)
    })
}

fn note<'a>(actor: &'a Actor, app: &AppConfig, poller: &'a Poller) -> Note<'a> {
    Note {
        org: app.org.0,
        by: &actor.by,
        thing: "poller",
        app: Some(app.application.id),
        subject: poller.id.to_string(),
        title: poller.uid.as_deref().unwrap_or("poller"),
    }
}

fn uid_taken(poller: &Poller) -> ServiceError {
    let uid = poller.uid.as_deref().unwrap_or_default();
    let detail = format!("Another destination of this application has the uid `{uid}` already.");
    ServiceError::Conflict { code: "conflict", detail }
}
