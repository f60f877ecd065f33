//! The pages: one file per resource, one handler per page or step.

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod application;
pub(crate) mod applications;
pub(crate) mod audit;
pub(crate) mod endpoint_import;
pub(crate) mod event_type_delete;
pub(crate) mod event_types;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod onboarding;
pub(crate) mod overview;
pub(crate) mod programs;
pub(crate) mod set_up;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod signature;
pub(crate) mod task;
pub(crate) mod users;
pub(crate) mod webhook;
