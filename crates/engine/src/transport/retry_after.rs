//! What a receiver's `Retry-After` asks for (RFC 9110, section 10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::civil::DateTime;
use ringback_model::Timestamp;

/// The longest wait that is granted.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The three forms of a date in HTTP (RFC 9110, section 5.6.7), the usual one first.
const DATE_FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long a receiver asks to be left alone, at most [`RETRY_AFTER_MAX`]: zero for a time that has passed at `wall`,
/// `None` for no wish or one that makes no sense.
#[must_use]
pub fn retry_after(headers: &HeaderMap, wall: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match seconds(text) {
        Some(seconds) => Duration::from_secs(seconds),
        None => date(text)?.since(wall),
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

/// A number of seconds; a fraction, which some receivers send, is rounded up.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let more = u64::from(fraction.bytes().any(|b| b != b'0'));
    // A number too large for 64 bits is only a long time.
    Some(whole.parse().unwrap_or(u64::MAX).saturating_add(more))
}

fn date(text: &str) -> Option<Timestamp> {
    let at = DATE_FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    Some(Timestamp::from_seconds(at.duration_since(EPOCH).as_secs()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// 1994-11-06T08:49:37Z, the example of RFC 9110.
    const WALL: Timestamp = Timestamp::from_seconds(784_111_777);

    fn asked(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        retry_after(&headers, WALL)
    }

    #[test]
    fn seconds_are_taken_and_never_more_than_a_day() {
        for (value, wanted) in [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("0.2", 1),
            ("5.0", 5),
            ("1000000000", 86_400),
            ("99999999999999999999", 86_400),
            ("18446744073709551615.5", 86_400),
        ] {
            assert_eq!(asked(value), Some(Duration::from_secs(wanted)), "{value}");
        }
    }

    #[test]
    fn all_three_forms_of_a_date_are_taken() {
        for value in ["Sun, 06 Nov 1994 08:51:37 GMT", "Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994"] {
            assert_eq!(asked(value), Some(Duration::from_secs(120)), "{value}");
        }
        assert_eq!(asked("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("Fri, 31 Dec 9999 23:59:59 GMT"), Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn garbage_is_no_wish() {
        for value in [
            "",
            "-1",
            "+1",
            "NaN",
            "inf",
            "1e9",
            "1.2.3",
            ".",
            "soon",
            "Sun, 06 Nov 1994",
            "06 Nov 1994 08:51:37 +0900",
        ] {
            assert_eq!(asked(value), None, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), WALL), None);
    }

    proptest! {
        #[test]
        fn no_value_panics_or_asks_for_more_than_a_day(value: Vec<u8>, wall: i64) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
                let asked = retry_after(&headers, Timestamp::from_micros(wall));
                prop_assert!(asked.is_none_or(|asked| asked <= RETRY_AFTER_MAX));
            }
        }
    }
}
