//! The text format that Prometheus reads, version 0.0.4.

use std::fmt::Write as _;

use ringback_model::HistogramReading;

use super::family::{Family, Number, Point, Readings};

/// What the answer says it is.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of these families.
pub(super) fn text(families: &[Family]) -> String {
    let mut page = String::new();
    for family in families {
        let Family { name, help, readings } = family;
        let kind = match readings {
            Readings::Counter(_) => "counter",
            Readings::Gauge(_) => "gauge",
            Readings::Histogram { .. } => "histogram",
        };
        // Writing to a text cannot fail.
        write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n").unwrap_or(());
        match readings {
            Readings::Counter(points) | Readings::Gauge(points) => {
                points.iter().for_each(|point| line(&mut page, name, point));
            }
            Readings::Histogram { unit, reading } => histogram(&mut page, name, *unit, reading),
        }
    }
    page
}

fn line(page: &mut String, name: &str, point: &Point) {
    page.push_str(name);
    for (at, (label, value)) in point.labels.iter().enumerate() {
        // Values need no escaping: they are words and ids.
        write!(page, "{}{label}=\"{value}\"", if at == 0 { '{' } else { ',' }).unwrap_or(());
    }
    if !point.labels.is_empty() {
        page.push('}');
    }
    match point.number {
        Number::Whole(number) => writeln!(page, " {number}"),
        Number::Real(number) => writeln!(page, " {number}"),
    }
    .unwrap_or(());
}

/// How often something was so large; values are divided by `unit`.
fn histogram(page: &mut String, name: &str, unit: f64, reading: &HistogramReading) {
    for (end, count) in &reading.up_to {
        writeln!(page, "{name}_bucket{{le=\"{}\"}} {count}", *end as f64 / unit).unwrap_or(());
    }
    let HistogramReading { count, sum, .. } = reading;
    write!(page, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {}\n{name}_count {count}\n", *sum as f64 / unit)
        .unwrap_or(());
}

#[cfg(test)]
mod tests {
    use super::super::family::Families;
    use super::*;

    #[test]
    fn a_histogram_is_cumulative_and_in_its_unit() {
        let mut families = Families::default();
        let reading = HistogramReading { up_to: vec![(100, 1), (2_500, 3)], count: 4, sum: 5_000_000 };
        families.histogram("a_seconds", "A.", 1e6, &reading);
        assert_eq!(
            text(&families.into_vec()),
            "# HELP ringback_a_seconds A.\n# TYPE ringback_a_seconds histogram\n\
             ringback_a_seconds_bucket{le=\"0.0001\"} 1\nringback_a_seconds_bucket{le=\"0.0025\"} 3\n\
             ringback_a_seconds_bucket{le=\"+Inf\"} 4\nringback_a_seconds_sum 5\nringback_a_seconds_count 4\n"
        );
    }

    #[test]
    fn figures_are_told_apart_by_their_labels() {
        let mut families = Families::default();
        families.pairs("b_total", "B.", ["one", "other"], [("x", "y", 7)]);
        families.gauge("c", "C.", 0.5);
        assert_eq!(
            text(&families.into_vec()),
            "# HELP ringback_b_total B.\n# TYPE ringback_b_total counter\nringback_b_total{one=\"x\",other=\"y\"} 7\n\
             # HELP ringback_c C.\n# TYPE ringback_c gauge\nringback_c 0.5\n"
        );
    }
}
