//! The text format that Prometheus reads, version 0.0.4.

use std::fmt::{Display, Write as _};

use ringback_model::HistogramReading;

/// What the answer says it is.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics under construction.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        write!(self.0, "# HELP ringback_{name} {help}\n# TYPE ringback_{name} {kind}\n").unwrap_or(());
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        writeln!(self.0, "ringback_{name}{labels} {value}").unwrap_or(());
    }

    /// A number that only rises.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.line(name, "", value);
    }

    /// A number that rises and falls.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(name, "", value);
    }

    /// Numbers of one kind that only rise, told apart by a label whose values need no escaping.
    pub(super) fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, "counter", help);
        for (of, value) in values {
            self.line(name, &format!("{{{label}=\"{of}\"}}"), value);
        }
    }

    /// Numbers of one kind that rise and fall, told apart by a label.
    pub(super) fn gauges<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, "gauge", help);
        for (of, value) in values {
            self.line(name, &format!("{{{label}=\"{of}\"}}"), value);
        }
    }

    /// Numbers told apart by two labels.
    pub(super) fn pairs<'a>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; 2],
        values: impl IntoIterator<Item = (&'a str, &'a str, u64)>,
    ) {
        self.head(name, "counter", help);
        for (one, other, value) in values {
            self.line(name, &format!("{{{}=\"{one}\",{}=\"{other}\"}}", labels[0], labels[1]), value);
        }
    }

    /// How often something was so large; values are divided by `unit`.
    pub(super) fn histogram(&mut self, name: &str, help: &str, unit: f64, reading: &HistogramReading) {
        self.head(name, "histogram", help);
        for (end, count) in &reading.up_to {
            self.line(&format!("{name}_bucket"), &format!("{{le=\"{}\"}}", *end as f64 / unit), count);
        }
        self.line(&format!("{name}_bucket"), "{le=\"+Inf\"}", reading.count);
        self.line(&format!("{name}_sum"), "", reading.sum as f64 / unit);
        self.line(&format!("{name}_count"), "", reading.count);
    }

    /// A number about the process, under the name that all programs have it under.
    pub(super) fn process(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        write!(self.0, "# HELP process_{name} {help}\n# TYPE process_{name} {kind}\nprocess_{name} {value}\n")
            .unwrap_or(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_cumulative_and_in_its_unit() {
        let mut page = Page::default();
        let reading = HistogramReading { up_to: vec![(100, 1), (2_500, 3)], count: 4, sum: 5_000_000 };
        page.histogram("a_seconds", "A.", 1e6, &reading);
        assert_eq!(
            page.into_text(),
            "# HELP ringback_a_seconds A.\n# TYPE ringback_a_seconds histogram\n\
             ringback_a_seconds_bucket{le=\"0.0001\"} 1\nringback_a_seconds_bucket{le=\"0.0025\"} 3\n\
             ringback_a_seconds_bucket{le=\"+Inf\"} 4\nringback_a_seconds_sum 5\nringback_a_seconds_count 4\n"
        );
    }
}
