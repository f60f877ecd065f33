//! The use cases: who may ask, whether what is asked makes sense, and what is kept of it.
//!
//! Every operation of the API is one method of [`Service`], in the file of its resource: authorize, validate, store. A
//! caller hands in a draft (what the request says, typed but not yet checked) and gets the resource or a
//! [`ServiceError`] that says what to change. This crate knows no HTTP: no status code, no header, no URL path.
//!
//! Read `message.rs` first: it is the path of every message.

mod access;
mod activity;
mod actor;
mod application;
mod attempt;
mod audit;
mod auth;
mod branding;
mod callback;
mod capability;
mod check;
mod dialect;
mod endpoint;
mod endpoint_compose;
mod endpoint_draft;
mod endpoint_message;
mod environment;
mod error;
mod event_type;
mod event_type_import;
mod example;
mod exchange;
mod expunge;
mod feedback;
mod filter;
mod given;
mod header;
mod idempotency;
mod ingest_limit;
mod integration;
mod issuer;
mod matching;
mod message;
mod message_batch;
mod messaging_draft;
mod monitor;
mod oauth_client;
mod operational;
mod organization;
mod page;
mod password;
mod payload_schema;
mod portal_link;
mod probe;
mod probe_limit;
mod report_schema;
mod retention;
mod search;
mod secret;
mod service;
mod sign_in;
mod sign_in_limit;
mod standing;
mod statistics;
mod story;
mod subscription;
mod task;
mod task_runner;
mod timing;
mod token;
mod url_rules;
mod usage;
mod user;
mod verdict;
mod verification;

pub use access::GivenToken;
pub use activity::Activity;
pub use actor::{Actor, Capabilities, Right};
pub use application::{ApplicationDraft, ApplicationView};
pub use attempt::{AttemptFilter, AttemptView, DeliveryView};
pub use audit::{AuditFilter, AuditView, AuditedField};
pub use auth::AuthView;
pub use capability::PortalCapability;
pub use dialect::{DialectView, dialects};
pub use endpoint::EndpointView;
pub use endpoint_draft::{EndpointDraft, HeadersChange};
pub use endpoint_message::EndpointMessage;
pub use environment::Environment;
pub use error::{FieldError, Resource, ServiceError};
pub use event_type::EventTypeDraft;
pub use event_type_import::{ImportMode, ImportedEventType};
pub use exchange::{ExchangeView, RequestView, ResponseView};
pub use feedback::FeedbackResult;
pub use filter::FilterTrial;
pub use given::GivenView;
pub use header::{HeaderDraft, HeadersView};
pub use idempotency::idempotency;
pub use integration::{Integration, IntegrationDraft};
pub use issuer::{
    AlgorithmError, IssuerError, IssuerSettings, IssuerSource, JqlIntrospectionDraft, JqlIssuerDraft,
    SignatureAlgorithm, issuer_url,
};
pub use message::{MessageDraft, MessageFilter, RawBody, Receipt};
pub use message_batch::{BATCH_MAX, BatchReceipts};
pub use messaging_draft::{Change, CustomParameterDraft, MessagingDraft, VerificationDraft, dialect_of};
pub use monitor::{Check, Figures, Monitor, MonitorParts, Pending, ProcessReading};
pub use oauth_client::{GrantError, OauthClient, TOKEN_LIFE};
pub use operational::MANAGEMENT_ORGANIZATION;
pub use organization::{OrganizationDraft, OrganizationView};
pub use page::{Made, Page, Stopped, Window};
pub use portal_link::{PortalLink, PortalLinkDraft};
pub use probe::{PreviewView, ProbeEvent, ProbeSubject, TestView};
pub use report_schema::{ReportSchema, report_schema, report_schemas, schemas_of};
pub use ringback_store::Direction;
pub use secret::RotateDraft;
pub use service::{Service, ServiceParts};
pub use sign_in::{SIGN_IN_LINK_LIFE, SignIn, SignedIn, Visitor};
pub use standing::MessageStanding;
pub use statistics::{Backlog, EndpointStanding, Standings, Statistics, StatisticsWindow};
pub use story::{Chapter, Story, WhyNot};
pub use subscription::{Subscribed, Subscription, SubscriptionError};
pub use task::{CallOff, TaskDraft, TaskFilter};
pub use timing::Timing;
pub use token::{TokenError, TokenKey, TokenSubject};
pub use url_rules::{CheckedUrl, UrlRules};
pub use usage::UsageDraft;
pub use user::UserDraft;
pub use verdict::{Verdict, VerdictClass};
pub use verification::VerificationView;
