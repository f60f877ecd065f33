//! One line per run, and the verdict.

use std::fmt;
use std::time::Duration;

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything promised was kept, and the run tested what it planned to.
    Pass,
    /// Something promised was broken, or the run tested too little to tell.
    Fail,
}

impl Verdict {
    /// The exit status of the process.
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
        }
    }
}

/// The report of a run: fields in a stable order, and why it failed, if it did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    fields: Vec<(&'static str, String)>,
    reasons: Vec<String>,
    evidence: Vec<String>,
}

impl Report {
    /// A report that begins with the name of its mode.
    #[must_use]
    pub fn new(mode: &str) -> Self {
        let mut report = Self::default();
        report.field("torture", mode).field("v", 1);
        report
    }

    /// Adds a field for information.
    pub fn field(&mut self, name: &'static str, value: impl fmt::Display) -> &mut Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// Adds a field that must be zero.
    pub fn zero(&mut self, name: &'static str, count: usize) -> &mut Self {
        self.field(name, count).require(count == 0, || format!("{name}={count}"))
    }

    /// Adds a field in whole milliseconds.
    pub fn millis(&mut self, name: &'static str, duration: Duration) -> &mut Self {
        self.field(name, duration.as_millis())
    }

    /// Fails the run, for the reason given, unless `kept`.
    pub fn require(&mut self, kept: bool, reason: impl FnOnce() -> String) -> &mut Self {
        if !kept {
            self.reasons.push(reason());
        }
        self
    }

    /// Adds what a person would want to see of a failure.
    pub fn tell(&mut self, evidence: impl IntoIterator<Item = String>) -> &mut Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds all of another one.
    pub fn join(&mut self, other: Self) -> &mut Self {
        self.fields.extend(other.fields);
        self.reasons.extend(other.reasons);
        self.evidence.extend(other.evidence);
        self
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.reasons.is_empty() { Verdict::Pass } else { Verdict::Fail }
    }

    /// Why it failed, then the evidence; empty if it passed.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        let evidence = self.evidence.iter().filter(|_| !self.reasons.is_empty());
        self.reasons.iter().chain(evidence).map(String::as_str)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.fields {
            write!(f, "{name}={value} ")?;
        }
        let verdict = match self.verdict() {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
        };
        write!(f, "verdict={verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_the_order_of_its_fields_and_ends_with_the_verdict() {
        let mut report = Report::new("crash");
        report.field("sent", 10).zero("lost", 0).millis("drain_ms", Duration::from_micros(1999));
        assert_eq!(report.to_string(), "torture=crash v=1 sent=10 lost=0 drain_ms=1 verdict=PASS");
        assert_eq!(report.verdict().exit(), 0);
        assert_eq!(report.failures().count(), 0);
    }

    #[test]
    fn one_count_that_is_not_zero_or_one_broken_requirement_fails() {
        let mut report = Report::new("crash");
        report.tell(["post 3 never arrived".to_owned()]);
        assert_eq!(report.failures().count(), 0);
        report.zero("lost", 1).require(false, || "too few kills".to_owned());
        assert_eq!(report.verdict(), Verdict::Fail);
        assert!(report.to_string().ends_with("lost=1 verdict=FAIL"));
        assert_eq!(report.failures().collect::<Vec<_>>(), ["lost=1", "too few kills", "post 3 never arrived"]);
    }
}
