//! Charts: numbers over time as shapes, which a template writes as SVG.
//!
//! Shapes fill a canvas that is stretched to the width of the page; texts stand beside it as HTML, so that they keep
//! their size on a phone and in print.

use std::time::Duration;

use crate::text;

/// The size of the canvas.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 100.0;

/// What `chart.html` draws.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// Its name among the ids of the page.
    pub(crate) id: &'static str,
    /// What it is of.
    pub(crate) title: &'static str,
    /// What it shows, in a sentence, for whoever cannot see it.
    pub(crate) description: String,
    /// What the colours mean.
    pub(crate) legend: Vec<Key>,
    /// Columns.
    pub(crate) bars: Vec<Bar>,
    /// Lines.
    pub(crate) lines: Vec<Line>,
    /// The numbers beside it, from the top.
    pub(crate) scale: Vec<String>,
    /// The times below it, from the left.
    pub(crate) times: Vec<String>,
}

impl Chart {
    /// A line across for each of the numbers beside it.
    pub(crate) fn grid(&self) -> String {
        grid(self.scale.len())
    }
}

/// A colour and its meaning.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) tone: &'static str,
    pub(crate) label: &'static str,
}

/// A part of a column.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) tone: &'static str,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
    /// What it stands for.
    pub(crate) title: String,
}

/// A line, with gaps where there is nothing.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) tone: &'static str,
    pub(crate) path: String,
}

/// The columns of a chart: each with its parts from the bottom and a title.
pub(crate) fn bars<const N: usize>(columns: &[([u64; N], String)], tones: [&'static str; N]) -> (Vec<Bar>, u64) {
    let sum = |parts: &[u64; N]| parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
    let top = nice(columns.iter().map(|(parts, _)| sum(parts)).max().unwrap_or_default());
    let step = WIDTH / columns.len().max(1) as f64;
    let mut bars = Vec::new();
    for (at, (parts, title)) in columns.iter().enumerate() {
        let mut from = 0.0;
        for (part, tone) in parts.iter().zip(tones).filter(|(part, _)| **part > 0) {
            let height = *part as f64 / top as f64 * HEIGHT;
            bars.push(Bar {
                tone,
                x: number(at as f64 * step + step * 0.1),
                y: number(HEIGHT - from - height),
                width: number(step * 0.8),
                height: number(height),
                title: title.clone(),
            });
            from += height;
        }
    }
    (bars, top)
}

/// A line through lengths of time on a scale of powers of ten up to `top`; the lowest is a millisecond.
pub(crate) fn line(values: &[Option<Duration>], top: Duration, tone: &'static str) -> Line {
    let step = WIDTH / values.len().max(1) as f64;
    let decades = milliseconds(top).max(10.0).log10();
    let mut path = String::new();
    let mut pen = "M";
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value else {
            pen = "M";
            continue;
        };
        let x = at as f64 * step + step / 2.0;
        let y = number(HEIGHT - milliseconds(*value).max(1.0).log10() / decades * HEIGHT);
        if pen == "M" && values.get(at + 1).is_none_or(Option::is_none) {
            // A step that stands alone is as wide as its column: a line of no length would not be seen.
            path.push_str(&format!("M{} {y}h{}", number(x - step * 0.4), number(step * 0.8)));
        } else {
            path.push_str(&format!("{pen}{} {y}", number(x)));
        }
        pen = "L";
    }
    Line { tone, path }
}

/// The end of a scale of powers of ten that holds these.
pub(crate) fn decade(values: impl Iterator<Item = Duration>) -> Duration {
    let most = values.max().unwrap_or_default();
    let mut top = Duration::from_millis(100);
    while top < most {
        top = top.saturating_mul(10);
    }
    top
}

/// The powers of ten from `top` down to a millisecond, as they stand beside such a scale.
pub(crate) fn decades(top: Duration) -> Vec<String> {
    let below = |at: &Duration| (*at > Duration::from_millis(1)).then(|| *at / 10);
    let text = |at: Duration| match at.as_secs() {
        0 => format!("{} ms", at.as_millis()),
        seconds => format!("{} s", text::count(seconds)),
    };
    std::iter::successors(Some(top), below).map(text).collect()
}

/// Lines across the canvas, one for each of the numbers beside it.
fn grid(numbers: usize) -> String {
    let parts = numbers.max(2) - 1;
    (0..=parts).map(|at| format!("M0 {}H{WIDTH}", number(at as f64 / parts as f64 * HEIGHT))).collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn nice(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let top = unit.saturating_mul(step);
            if top >= most {
                return top;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn number(number: f64) -> String {
    format!("{number:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_canvas_up_to_a_round_number() {
        assert_eq!([0, 1, 3, 5, 6, 51, 1_001].map(nice), [1, 1, 5, 5, 10, 100, 2_000]);
        let (bars, top) = bars(&[([5, 5], "a".to_owned()), ([0, 0], "b".to_owned())], ["good", "bad"]);
        assert_eq!((bars.len(), top), (2, 10));
        let places: Vec<_> = bars.iter().map(|bar| (bar.y.as_str(), bar.height.as_str())).collect();
        assert_eq!(places, [("50.00", "50.00"), ("0.00", "50.00")]);
        assert_eq!((bars[0].x.as_str(), bars[0].width.as_str()), ("50.00", "400.00"));
    }

    #[test]
    fn a_line_breaks_where_nothing_was_delivered() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let drawn = line(&[ms(1), None, ms(100), ms(10)], Duration::from_millis(100), "p50");
        assert_eq!(drawn.path, "M25.00 100.00h200.00M625.00 0.00L875.00 50.00");
        assert_eq!(decade([Duration::from_secs(3)].into_iter()), Duration::from_secs(10));
        assert_eq!(decade(std::iter::empty()), Duration::from_millis(100));
    }

    #[test]
    fn a_scale_of_powers_of_ten_has_a_line_for_each() {
        assert_eq!(decades(Duration::from_secs(10)), ["10 s", "1 s", "100 ms", "10 ms", "1 ms"]);
        assert_eq!(decades(Duration::from_secs(1_000))[0], "1\u{202f}000 s");
        assert_eq!(grid(5), "M0 0.00H1000M0 25.00H1000M0 50.00H1000M0 75.00H1000M0 100.00H1000");
    }
}
