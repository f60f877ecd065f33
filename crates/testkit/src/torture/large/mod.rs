//! The figures of large stores: each has a server and a store of its own, is measured over the API, and has a bound.
//!
//! Where a figure is a ratio, both sides are measured in turn in one run, several times, for a machine changes its speed.
//! What is measured and how is at the head of each file.

mod batch;
mod endpoints;
mod expiry;
mod lists;
mod rearm;
mod start;

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use super::report::Report;
use super::run::{self, Options};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Figure {
    /// CPU of a message handed in with 99 others, beside one by itself.
    Batch,
    /// CPU of a message beside endpoints that it does not match.
    Endpoints,
    /// Time of a POST while old messages are let go of.
    Expiry,
    /// Time of a list of an application with many messages.
    Lists,
    /// How fast failed deliveries are made due again, and time of a POST meanwhile.
    Rearm,
    /// How soon a server with a large store is ready.
    Start,
}

/// What this mode adds to the common options.
#[derive(Debug, Clone)]
pub struct Large {
    /// Messages of one application, failed deliveries.
    pub messages: usize,
    /// Size of the store that a server is started on.
    pub gigabytes: f64,
    /// Endpoints of one application.
    pub endpoints: usize,
    /// These figures alone; all if there is none.
    pub only: Vec<Figure>,
}

/// Messages a second that are posted while something else goes on.
const RATE: u32 = 200;
/// Who is measured when in a round of two: each as often first as second, for what one leaves to be done in the background,
/// the next one pays.
const TURNS: [usize; 4] = [0, 1, 1, 0];

/// Measures.
///
/// # Errors
/// If there is no program to measure, or no folder to be had; what a server does not do is in the report.
pub async fn run(options: &Options, large: &Large) -> Result<Report> {
    options.binary.canonicalize().with_context(|| format!("no program at {}", options.binary.display()))?;
    let mut report = Report::new("large");
    report.field("seed", options.seed).field("messages", large.messages);
    report.field("gigabytes", large.gigabytes).field("endpoints", large.endpoints);
    for figure in Figure::value_variants() {
        if !large.only.is_empty() && !large.only.contains(figure) {
            continue;
        }
        let (folder, ..) = run::folder()?;
        let mut part = Report::default();
        if let Err(error) = measure(*figure, options, large, folder.path(), &mut part).await {
            part.require(false, || format!("{figure:?} could not be measured: {error:#}"));
        }
        run::put_away(folder, &mut part);
        report.join(part);
    }
    Ok(report)
}

async fn measure(figure: Figure, options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    match figure {
        Figure::Batch => batch::measure(options, large, folder, report).await,
        Figure::Endpoints => endpoints::measure(options, large, folder, report).await,
        Figure::Expiry => expiry::measure(options, large, folder, report).await,
        Figure::Lists => lists::measure(options, large, folder, report).await,
        Figure::Rearm => rearm::measure(options, large, folder, report).await,
        Figure::Start => start::measure(options, large, folder, report).await,
    }
}
