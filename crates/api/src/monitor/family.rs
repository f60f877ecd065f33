//! Metrics as data: what is read at one moment, whoever it is written for.

use ringback_model::HistogramReading;

/// Figures of one kind under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name, as `docs/operating.md` has it.
    pub name: String,
    /// What they are, a sentence.
    pub help: &'static str,
    /// The figures.
    pub readings: Readings,
}

/// The figures of a family.
#[derive(Clone, Debug, PartialEq)]
pub enum Readings {
    /// They only rise, since the start.
    Counter(Vec<Point>),
    /// They rise and fall.
    Gauge(Vec<Point>),
    /// How often something was so large, since the start.
    Histogram {
        /// What its values are divided by.
        unit: f64,
        /// What was counted.
        reading: HistogramReading,
    },
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What tells it apart from the others of its family: names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The figure.
    pub number: Number,
}

/// A figure, whole where it counts something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A count.
    Whole(u64),
    /// Anything else.
    Real(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<u8> for Number {
    fn from(number: u8) -> Self {
        Self::Whole(number.into())
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// Families under construction.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<Family>);

impl Families {
    pub(super) fn into_vec(self) -> Vec<Family> {
        self.0
    }

    fn add(&mut self, name: &str, help: &'static str, readings: Readings) {
        self.0.push(Family { name: format!("ringback_{name}"), help, readings });
    }

    /// A number that only rises.
    pub(super) fn counter(&mut self, name: &str, help: &'static str, number: impl Into<Number>) {
        self.add(name, help, Readings::Counter(vec![alone(number)]));
    }

    /// A number that rises and falls.
    pub(super) fn gauge(&mut self, name: &str, help: &'static str, number: impl Into<Number>) {
        self.add(name, help, Readings::Gauge(vec![alone(number)]));
    }

    /// Numbers of one kind that only rise, told apart by a label.
    pub(super) fn counters<'a>(
        &mut self,
        name: &str,
        help: &'static str,
        label: &'static str,
        numbers: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.add(name, help, Readings::Counter(labelled(label, numbers)));
    }

    /// Numbers of one kind that rise and fall, told apart by a label.
    pub(super) fn gauges<'a>(
        &mut self,
        name: &str,
        help: &'static str,
        label: &'static str,
        numbers: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.add(name, help, Readings::Gauge(labelled(label, numbers)));
    }

    /// Numbers that only rise, told apart by two labels.
    pub(super) fn pairs<'a>(
        &mut self,
        name: &str,
        help: &'static str,
        [one, other]: [&'static str; 2],
        numbers: impl IntoIterator<Item = (&'a str, &'a str, u64)>,
    ) {
        let points = numbers.into_iter().map(|(first, second, number)| Point {
            labels: vec![(one, first.to_owned()), (other, second.to_owned())],
            number: number.into(),
        });
        self.add(name, help, Readings::Counter(points.collect()));
    }

    /// How often something was so large; values are divided by `unit`.
    pub(super) fn histogram(&mut self, name: &str, help: &'static str, unit: f64, reading: &HistogramReading) {
        self.add(name, help, Readings::Histogram { unit, reading: reading.clone() });
    }

    /// A number about the process that only rises, under the name that all programs have it under.
    pub(super) fn process_counter(&mut self, name: &str, help: &'static str, number: impl Into<Number>) {
        let readings = Readings::Counter(vec![alone(number)]);
        self.0.push(Family { name: format!("process_{name}"), help, readings });
    }

    /// The same of one that rises and falls.
    pub(super) fn process_gauge(&mut self, name: &str, help: &'static str, number: impl Into<Number>) {
        let readings = Readings::Gauge(vec![alone(number)]);
        self.0.push(Family { name: format!("process_{name}"), help, readings });
    }
}

fn alone(number: impl Into<Number>) -> Point {
    Point { labels: Vec::new(), number: number.into() }
}

fn labelled<'a>(label: &'static str, numbers: impl IntoIterator<Item = (&'a str, u64)>) -> Vec<Point> {
    let point = |(of, number): (&str, u64)| Point { labels: vec![(label, of.to_owned())], number: number.into() };
    numbers.into_iter().map(point).collect()
}
