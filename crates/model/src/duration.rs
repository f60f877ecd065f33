//! Lengths of time as people write them: `"200ms"`, `"15s"`, `"5m"`, `"2h"`, `"30d"` or a number of seconds.

use std::time::Duration;

/// The longest length of time that can be told: 10 years.
pub const LONGEST: Duration = Duration::from_secs(315_360_000);

/// A text is no length of time that can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is none.
    #[error("`{text}` is no length of time: write a number and ms, s, m, h or d, such as 200ms, 15s or 5m")]
    Unreadable {
        /// What was given.
        text: String,
    },
    /// It is longer than [`LONGEST`].
    #[error("`{text}` is too long: at most 3650d can be told")]
    TooLong {
        /// What was given.
        text: String,
    },
}

/// Reads one length of time. A bare number counts seconds and may have a fraction.
///
/// # Errors
/// When the text is no number with one of the units `ms`, `s`, `m`, `h`, `d`, or is negative; when it exceeds [`LONGEST`].
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let given = || text.chars().take(40).collect();
    let refuse = || DurationError::Unreadable { text: given() };
    let trimmed = text.trim();
    let unit_at = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(unit_at);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(refuse()),
    };
    let seconds = number.parse::<f64>().map_err(|_| refuse())? * scale;
    if seconds > LONGEST.as_secs_f64() {
        return Err(DurationError::TooLong { text: given() });
    }
    if !(0.0..).contains(&seconds) {
        return Err(refuse());
    }
    // Whole microseconds: what a Timestamp counts.
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// Reads a schedule: lengths of time with commas between them. An empty text is an empty schedule (no retry).
///
/// # Errors
/// When one of the parts is no length of time, or too long.
pub fn parse_schedule(text: &str) -> Result<Vec<Duration>, DurationError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(parse_duration).collect()
}

/// Writes a length of time in the largest unit that divides it: what [`parse_duration`] reads back.
#[must_use]
pub fn format_duration(length: Duration) -> String {
    let micros = length.as_micros();
    for (unit, scale) in
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)]
    {
        if micros > 0 && micros.is_multiple_of(scale) {
            return format!("{}{unit}", micros / scale);
        }
    }
    format!("{}ms", micros as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn schedules_may_have_fractions_of_a_second() {
        let ms = Duration::from_millis;
        assert_eq!(parse_schedule("200ms,0.5,1s, 5m").unwrap(), [ms(200), ms(500), ms(1_000), ms(300_000)]);
        assert_eq!(parse_schedule("").unwrap(), []);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "5x", "-1s", "1e9d", "NaN", "inf", "5 m", ".", "1.2.3s"] {
            assert!(matches!(parse_duration(text), Err(DurationError::Unreadable { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_told_with_the_limit() {
        for text in ["3651d", "99999999999999999999d", "315360001"] {
            assert!(parse_duration(text).unwrap_err().to_string().contains("at most 3650d"), "{text}");
        }
        assert_eq!(parse_duration("3650d"), Ok(LONGEST));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in 0u64..315_360_000_000_000) {
            let length = Duration::from_micros(micros);
            prop_assert_eq!(parse_duration(&format_duration(length)).unwrap(), length);
        }
    }
}
