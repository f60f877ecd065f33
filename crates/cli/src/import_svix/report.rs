//! What became of each thing, printed as it is known.

use std::fmt;
use std::io::{self, Write as _};

use serde_json::json;

use crate::client::Failure;
use crate::terminal::visible;

/// What became of one thing.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is here now.
    Made,
    /// It was here, and is the same.
    Same,
    /// These members of it were changed.
    Changed(Vec<&'static str>),
    /// These members of it are otherwise here, and were left alone.
    Differs(Vec<&'static str>),
    /// It could not be done.
    Failed(Failure),
    /// Somebody named it, and the other server has no such thing.
    NotThere,
    /// Nothing was asked of this server, which would refuse it for this.
    WouldFail(String),
}

impl Outcome {
    const fn word(&self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Same => "same",
            Self::Changed(_) => "changed",
            Self::Differs(_) => "differs",
            Self::Failed(_) | Self::NotThere | Self::WouldFail(_) => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Item {
    /// `application`, `endpoint` or `event-type`.
    pub(super) kind: &'static str,
    /// Its id there.
    pub(super) source: String,
    /// Its uid, or what else people know it by.
    pub(super) name: String,
    /// Its id here, if it is here.
    pub(super) target: Option<String>,
    pub(super) outcome: Outcome,
    /// What is left to be done by hand.
    pub(super) notes: Vec<String>,
}

/// Prints items, and counts them.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    dry_run: bool,
    counts: Vec<(&'static str, usize)>,
}

impl Report {
    pub(super) fn new(json: bool, dry_run: bool) -> Self {
        let words = ["made", "same", "changed", "differs", "failed"];
        Self { json, dry_run, counts: words.into_iter().map(|word| (word, 0)).collect() }
    }

    /// Prints what became of an item.
    pub(super) fn add(&mut self, item: &Item) {
        for (word, count) in &mut self.counts {
            *count += usize::from(*word == item.outcome.word());
        }
        let line = if self.json { item.json() } else { item.to_string() };
        // If nobody reads it any more, the work goes on, and the exit status tells how it went.
        writeln!(io::stdout(), "{line}").ok();
    }

    /// How many could not be done.
    pub(super) fn failed(&self) -> usize {
        self.counts.iter().filter(|(word, _)| *word == "failed").map(|(_, count)| count).sum()
    }

    /// Prints the counts.
    pub(super) fn summary(&self) {
        let counts: Vec<String> = self.counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let dry = if self.dry_run { " (nothing was written: --dry-run)" } else { "" };
        writeln!(io::stderr(), "{}{dry}", counts.join(", ")).ok();
    }
}

impl Item {
    fn details(&self) -> String {
        match &self.outcome {
            Outcome::Changed(members) | Outcome::Differs(members) => members.join(", "),
            Outcome::Failed(failure) => failure.to_string(),
            Outcome::NotThere => "the other server has no application of this id or uid".to_owned(),
            Outcome::WouldFail(why) => format!("the server would refuse it: {why}"),
            Outcome::Made | Outcome::Same => String::new(),
        }
    }

    fn json(&self) -> String {
        json!({
            "result": self.outcome.word(),
            "kind": self.kind,
            "source": self.source,
            "name": self.name,
            "target": self.target,
            "detail": self.details(),
            "notes": self.notes,
        })
        .to_string()
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8} {:12} {}", self.outcome.word(), self.kind, self.source)?;
        if self.name != self.source {
            write!(f, " ({})", visible(self.name.as_bytes()))?;
        }
        if let Some(target) = self.target.as_ref().filter(|target| **target != self.source) {
            write!(f, " -> {target}")?;
        }
        let details = self.details();
        if !details.is_empty() {
            write!(f, ": {details}")?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{:21} {note}", ""))
    }
}
