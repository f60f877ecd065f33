//! Values as people read them.

use ringback_model::Timestamp;

/// A time with its zone: `2026-01-31 12:00:05 UTC`.
pub(crate) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("{seconds} UTC")
}

/// How long ago, in one unit.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).as_secs();
    let (number, unit) = match seconds {
        0..=4 => return "just now".to_owned(),
        5..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let many = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{many} ago")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_name_their_zone_and_lengths_their_unit() {
        let at = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(time(at), "2027-01-15 08:00:00 UTC");
        assert_eq!(ago(at, at + Duration::from_secs(3)), "just now");
        assert_eq!(ago(at, at + Duration::from_secs(7_300)), "2 hours ago");
    }
}
