//! The pages over a real store in a temporary folder, asked as a browser asks: with cookies, forms and origins.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod harness;
mod messages;

mod access;
mod application;
mod audit;
mod diagnostics;
mod endpoint_import;
mod event_type;
mod guard;
mod masking;
mod onboarding;
mod overview;
mod portal;
mod programs;
mod set_up;
mod settings;
mod sign_in;
mod signature;
mod task;
mod users;
mod webhook;
mod webhook_failing;
mod webhook_form;
