//! What things are: ids, time, secrets, configuration documents, messages, deliveries and the retry policy.
//!
//! This crate is pure. It knows no runtime, no SQL and no HTTP, so that every rule in it can be tested by calling it.
//! Every type is re-exported here under its one name; the module of the same name says what it is for.

mod application;
mod attempt;
mod auth;
mod batching;
mod clock;
mod delivery;
mod duration;
mod endpoint;
mod event_type;
mod filter;
mod header;
mod health;
mod id;
mod jql_issuer;
mod message;
mod meter;
mod mutant;
mod near;
mod notice;
mod organization;
mod poller;
mod product;
mod random;
mod rate;
mod report_mapping;
mod retry;
mod schema;
mod schema_faults;
mod secret;
mod sentence;
mod shape;
mod status_policy;
mod success;
mod tally;
mod task;
mod time;
mod transformation;
mod unique_json;
mod user;
mod verification;

pub use application::{Application, ApplicationSecrets, IngestLimits, ListedNumber};
pub use attempt::{Attempt, AttemptOutcome, Exchange, Failure, LeftOut, NotSent, Phases, Trigger};
pub use auth::{Auth, BasicAuth, RetiredAuth};
pub use batching::Batching;
pub use clock::{Clock, ManualClock};
pub use delivery::{Class, Delivery, DeliveryState, Priority, Reason};
pub use duration::{DurationError, LONGEST, format_duration, parse_duration, parse_schedule};
pub use endpoint::{
    Endpoint, EndpointSecrets, Gate, HeaderField, MAX_CONCURRENCY_DEFAULT, OnExhausted, Ordering, SigningKey,
    TIMEOUT_DEFAULT,
};
pub use event_type::{EventType, event_type_is_among, event_type_is_like};
pub use filter::{Filter, FilterError, FilterSubject, Finding};
pub use header::{header_name_fault, header_value_fault};
pub use health::{Breaker, Health};
pub use id::{
    AppId, AttemptId, EndpointId, Id, IdError, IdMaker, IntegrationId, Kind, MessageId, OrgId, PollerId, TaskId,
    UserId, id_kind,
};
pub use jql_issuer::{JqlIntrospection, JqlIssuer};
pub use message::{Message, OrderingKey};
pub use meter::{Counter, Histogram, HistogramReading};
pub use mutant::Mutant;
pub use near::near;
pub use notice::{Disabled, Notice, NoticeKind, NoticedAttempt};
pub use organization::{Branding, DEFAULT_ORGANIZATION, Organization, OrganizationSettings};
pub use poller::{Consumer, Lease, Place, Poller};
pub use product::{ProductList, has_numbers, is_report, number_list_faults, product_faults, product_name, products};
pub use random::{Random, SeededRandom};
pub use rate::TokenBucket;
pub use report_mapping::{MappedFrom, ReportMapping};
pub use retry::{Decision, Progress, RetryPolicy};
pub use schema::{Schema, Violation};
pub use schema_faults::schema_faults;
pub use secret::{Redacted, SecretError, SigningSecret};
pub use sentence::{capitalized, sentence};
pub use shape::{BodyTemplate, CustomParameter, EmptyValue, NumberFormat, SendMethod, Shape, TimeFormat};
pub use status_policy::StatusPolicy;
pub use success::{BodyRule, BodyTest, SuccessRule};
pub use tally::{Span, Tally};
pub use task::{AppEventTypes, AppUsage, Task, TaskFindings, TaskKind, TaskScope, TaskState};
pub use time::{Timestamp, TimestampError};
pub use transformation::{CODE_MAX, Transformation};
pub use unique_json::UniqueJson;
pub use user::{PasswordHash, Role, Session, SignInLink, User, UserSecrets};
pub use verification::{Verification, VerificationKind, VerificationMode, VerificationState};

/// The number of an organization in the store: what rows join on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrgNo(pub i64);

/// The number of an application in the store: what rows join on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppNo(pub i64);

/// The number of an endpoint in the store: what rows join on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointNo(pub i64);

/// The number of a poller in the store: what rows join on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PollerNo(pub i64);

/// The number of a message in the store, drawn in the order of acceptance. It is the `seq` of each of its deliveries:
/// the only thing that order is ever taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageNo(pub i64);
