//! Configuration: applications, endpoints, event types and whatever else is set up rather than delivered. Each is a
//! versioned JSON document, so that a new configurable thing needs no change of the store.

use std::collections::HashMap;

use ringback_model::{AppNo, Notice, Redacted, Timestamp};

use crate::{Audit, Idempotency, Paging};

/// What a document describes. The numbers are the store's and never change meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DocumentKind {
    /// An organization and its settings. Parent 0, key the organization's id.
    Organization = 1,
    /// An application. Parent the organization, key the application's id.
    Application = 2,
    /// An endpoint. Parent the application, key the endpoint's id.
    Endpoint = 3,
    /// An event type. Parent the organization, key its name.
    EventType = 4,
    /// A client of the token issuer. Parent 0, key its id.
    OauthClient = 5,
    /// Whose feedback secret it is. Parent 0, key the secret's hash.
    FeedbackSecret = 6,
    /// A user of the console. Parent 0, key its id, uid its e-mail address.
    User = 7,
    /// What the first user is made with. Parent 0, one at most.
    Setup = 8,
    /// A background task. Parent the organization, key its id.
    Task = 9,
    /// A background task that is not over. Parent 0, key the task's id.
    RunningTask = 10,
    /// Which tokens were given out and which of them count no more. Parent the organization, key the id of the
    /// application that they are for, or `organization`.
    Access = 11,
    /// An integration. Parent the application, key its id, uid the hash of its key.
    Integration = 12,
    /// A part of what a background task has found out. Parent the task, key what the task had dealt with before.
    TaskFindings = 13,
    /// A poller. Parent the application, key its id.
    Poller = 14,
    /// How far somebody is who reads from a poller. Parent the poller, key what it calls itself.
    Consumer = 15,
    /// An endpoint that was deleted and comes back no more: without its secrets, for what is told of its messages. Parent
    /// the application, key the endpoint's id.
    GoneEndpoint = 16,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Organization,
        Self::Application,
        Self::Endpoint,
        Self::EventType,
        Self::OauthClient,
        Self::FeedbackSecret,
        Self::User,
        Self::Setup,
        Self::Task,
        Self::RunningTask,
        Self::Access,
        Self::Integration,
        Self::TaskFindings,
        Self::Poller,
        Self::Consumer,
        Self::GoneEndpoint,
    ];

    /// The kind of this number.
    #[must_use]
    pub fn of_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.code()) == code)
    }

    /// Its number in the store.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether it describes an endpoint, one that can come back or not.
    #[must_use]
    pub const fn is_endpoint(self) -> bool {
        matches!(self, Self::Endpoint | Self::GoneEndpoint)
    }

    /// In which shard documents of this kind are: what belongs to an application shares its shard, what belongs to none is
    /// in the first one.
    pub(crate) const fn shard(self) -> DocumentShard {
        match self {
            Self::Application => DocumentShard::OwnId,
            Self::Endpoint | Self::GoneEndpoint | Self::Integration | Self::Poller | Self::Consumer => {
                DocumentShard::OfParent
            }
            Self::Organization
            | Self::EventType
            | Self::OauthClient
            | Self::FeedbackSecret
            | Self::User
            | Self::Setup
            | Self::Task
            | Self::RunningTask
            | Self::TaskFindings
            | Self::Access => DocumentShard::First,
        }
    }
}

/// In which shard a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentShard {
    /// That of its own id.
    OwnId,
    /// That of what it belongs to.
    OfParent,
    /// The first one.
    First,
}

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its number, drawn when it was made: what other rows join on.
    pub no: i64,
    /// What it describes.
    pub kind: DocumentKind,
    /// The number of the document that it belongs to.
    pub parent: i64,
    /// Its id or name, unique among the living of its kind and parent.
    pub key: String,
    /// The caller's own id for it, unique likewise.
    pub uid: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// JSON text, member order kept.
    pub body: String,
    /// The sealed part, opened: JSON text with secrets.
    pub secret: Option<Redacted>,
    /// When it was deleted; a deleted one keeps its number, its key and uid are free again.
    pub deleted_at: Option<Timestamp>,
}

/// Documents that a reader has, by number, and in which version.
pub type KnownVersions = HashMap<i64, i64>;

/// An application with what belongs to it and lives, read at one moment.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The version of all of it.
    pub version: i64,
    /// The application.
    pub application: Document,
    /// Its endpoints and pollers, by key, but for those that the reader has as they are.
    pub parts: Vec<Document>,
    /// The numbers of those.
    pub unchanged: Vec<i64>,
}

/// What a [`Put`] expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No living document with this key or uid.
    New,
    /// The document with this number, alive and at this version.
    Version {
        /// Its number.
        no: i64,
        /// Its version.
        version: i64,
    },
    /// The document with this number, deleted and at this version: it comes back to life.
    Deleted {
        /// Its number.
        no: i64,
        /// Its version.
        version: i64,
    },
}

/// Writes one document.
#[derive(Clone, Debug)]
pub struct Put {
    /// What it describes.
    pub kind: DocumentKind,
    /// The number of the document that it belongs to.
    pub parent: i64,
    /// Its id or name.
    pub key: String,
    /// The caller's own id for it.
    pub uid: Option<String>,
    /// JSON text.
    pub body: String,
    /// The part to seal.
    pub secret: Option<Redacted>,
    /// What must be there.
    pub expect: Expect,
    /// The application whose configuration version rises with it, in the same commit. A new application's is its own;
    /// when an organization is changed, those of all of its applications rise.
    pub app: Option<AppNo>,
    /// The key of the request, if it had one.
    pub idempotency: Option<Idempotency>,
    /// What is told of it to those who ask afterwards, in the same commit; nothing if absent.
    pub audit: Option<Box<Audit>>,
    /// What those who listen are told of it, in the same commit.
    pub notices: Vec<Notice>,
}

impl Put {
    /// Makes a document that has a name and says something, and nothing beside.
    #[must_use]
    pub const fn new(kind: DocumentKind, parent: i64, key: String, body: String) -> Self {
        Self {
            kind,
            parent,
            key,
            uid: None,
            body,
            secret: None,
            expect: Expect::New,
            app: None,
            idempotency: None,
            audit: None,
            notices: Vec::new(),
        }
    }
}

/// Deletes one document: it stays readable by its number.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Its number.
    pub no: i64,
    /// Now.
    pub now: Timestamp,
    /// The application whose configuration version rises with it.
    pub app: Option<AppNo>,
    /// What is told of it to those who ask afterwards, in the same commit; nothing if absent.
    pub audit: Option<Box<Audit>>,
    /// What those who listen are told of it, in the same commit.
    pub notices: Vec<Notice>,
    /// What it says from now on; as before if absent.
    pub rewrite: Option<Rewrite>,
}

impl Delete {
    /// Deletes a document that nothing else depends on, and tells nobody.
    #[must_use]
    pub const fn new(no: i64, now: Timestamp) -> Self {
        Self { no, now, app: None, audit: None, notices: Vec::new(), rewrite: None }
    }
}

/// What a document says from its deletion on. With it, one that was deleted already is written too, and stays deleted
/// since then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The version that was read: a document that has another one by now is left alone.
    pub version: i64,
    /// The document, as JSON.
    pub body: String,
    /// What it is from now on: its secrets are erased, and it does not come back. As before if absent.
    pub gone_as: Option<DocumentKind>,
}

/// Asks for deleted documents of a kind, whatever they belong to, by what they belong to and their keys.
#[derive(Clone, Debug)]
pub struct DeletedQuery {
    /// What they describe.
    pub kind: DocumentKind,
    /// Only those after the one of this parent and key.
    pub after: (i64, String),
    /// At most so many.
    pub limit: usize,
}

/// A deleted document, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedDocument {
    /// Its number.
    pub no: i64,
    /// The number of the document that it belongs to.
    pub parent: i64,
    /// Its id or name.
    pub key: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

/// A document that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its number.
    pub no: i64,
    /// Its version now.
    pub version: i64,
}

/// What became of a [`Put`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutResult {
    /// It is durable.
    Stored(Written),
    /// Another living document has this key.
    KeyTaken,
    /// Another living document has this uid.
    UidTaken,
    /// The document has changed, was deleted or came back since it was read.
    Stale,
    /// The idempotency key was used before with the same body: this is the key of the document that was written then.
    Replayed {
        /// Its number.
        no: i64,
    },
    /// The idempotency key was used before with another body.
    KeyReused,
}

/// Asks for a page of documents, by key.
#[derive(Clone, Debug)]
pub struct DocumentPage {
    /// What they describe.
    pub kind: DocumentKind,
    /// What they belong to.
    pub parent: i64,
    /// Which page.
    pub paging: Paging<String>,
}
