//! The figures of `/metrics` as a collector takes them, under the same names.

use ringback_api::{Family, Number, Point, Readings};
use ringback_model::{HistogramReading, Timestamp};

use super::otlp::{Attribute, CUMULATIVE, Data, HistogramPoint, Metric, NumberPoint, NumberValue, Whole, nanoseconds};

/// From when to when something was counted.
#[derive(Clone, Copy)]
struct Span {
    started: Timestamp,
    now: Timestamp,
}

/// All families, and how many spans were `lost`.
pub(super) fn metrics(families: &[Family], lost: u64, started: Timestamp, now: Timestamp) -> Vec<Metric> {
    let span = Span { started, now };
    let lost = Family {
        name: "ringback_telemetry_spans_lost_total".to_owned(),
        help: "Spans that the collector did not take in time.",
        readings: Readings::Counter(vec![Point { labels: Vec::new(), number: lost.into() }]),
    };
    families.iter().chain([&lost]).map(|family| metric(family, span)).collect()
}

fn metric(family: &Family, span: Span) -> Metric {
    let numbers = |points: &[Point]| points.iter().map(|point| number(point, span)).collect();
    let data = match &family.readings {
        Readings::Gauge(points) => Data::Gauge { data_points: numbers(points) },
        Readings::Counter(points) => {
            Data::Sum { data_points: numbers(points), aggregation_temporality: CUMULATIVE, is_monotonic: true }
        }
        Readings::Histogram { unit, reading } => {
            Data::Histogram { data_points: [histogram(reading, *unit, span)], aggregation_temporality: CUMULATIVE }
        }
    };
    let name = family.name.trim_end_matches("_total");
    let unit = match name {
        name if name.ends_with("_seconds") => "s",
        name if name.ends_with("_bytes") => "By",
        _ => "",
    };
    Metric { name: family.name.clone(), description: family.help.to_owned(), unit, data }
}

fn number(point: &Point, span: Span) -> NumberPoint {
    NumberPoint {
        attributes: point.labels.iter().map(|(name, value)| Attribute::text(name, value.clone())).collect(),
        start_time_unix_nano: nanoseconds(span.started),
        time_unix_nano: nanoseconds(span.now),
        number: match point.number {
            Number::Whole(number) => NumberValue::AsInt(Whole(number)),
            Number::Real(number) => NumberValue::AsDouble(number),
        },
    }
}

/// Counts of ours are of all that lies at or below a bound; those of the protocol, of what lies between two.
fn histogram(reading: &HistogramReading, unit: f64, span: Span) -> HistogramPoint {
    let mut below = 0;
    let ends = reading.up_to.iter().map(|(_, count)| *count).chain([reading.count]);
    let between = ends.map(|count| Whole(count - std::mem::replace(&mut below, count)));
    HistogramPoint {
        start_time_unix_nano: nanoseconds(span.started),
        time_unix_nano: nanoseconds(span.now),
        count: Whole(reading.count),
        sum: reading.sum as f64 / unit,
        bucket_counts: between.collect(),
        explicit_bounds: reading.up_to.iter().map(|(end, _)| *end as f64 / unit).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_one_count_more_than_bounds_and_they_add_up() {
        let span = Span { started: Timestamp::from_seconds(0), now: Timestamp::from_seconds(0) };
        let reading = HistogramReading { up_to: vec![(100, 1), (2_500, 3)], count: 4, sum: 5_000_000 };
        let point = histogram(&reading, 1e6, span);
        assert_eq!(point.bucket_counts, [1, 2, 1].map(Whole));
        assert_eq!((point.explicit_bounds, point.sum, point.count), (vec![1e-4, 2.5e-3], 5.0, Whole(4)));
    }
}
