//! Times as receivers want them.

use jiff::tz::TimeZone;
use ringback_model::{TimeFormat, Timestamp};

/// Reads a time of RFC 3339, with all digits of a second that it has; `None` if it is none, or not in the years 0001 to
/// 9999.
pub(crate) fn read(text: &str) -> Option<jiff::Timestamp> {
    if let Some(at) = read_usual(text.as_bytes()) {
        return Some(at);
    }
    if !has_real_offset(text) {
        return None;
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    (-62_135_596_800..253_402_300_800).contains(&at.as_second()).then_some(at)
}

/// Whether an offset has hours of a day, as RFC 3339 wants them; the general parser takes more.
fn has_real_offset(text: &str) -> bool {
    // What stands in brackets is the name of a zone (RFC 9557).
    let text = text.split('[').next().unwrap_or_default();
    let offset = text.get(10..).and_then(|time| time.rsplit_once(['+', '-'])).and_then(|(_, offset)| offset.get(..2));
    offset.and_then(|hours| hours.parse::<u8>().ok()).is_none_or(|hours| hours < 24)
}

/// Reads what almost every report has, `2024-12-18T08:08:04.831Z`, without the general parser; `None` for all else, a time or
/// not.
fn read_usual(text: &[u8]) -> Option<jiff::Timestamp> {
    let (head, fraction) = text.strip_suffix(b"Z")?.split_at_checked(19)?;
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let two = |at: usize| Some(digit(head[at])? * 10 + digit(head[at + 1])?);
    let marks = [head[4], head[7], head[10], head[13], head[16]];
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if marks != *b"--T::" || year == 0 || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanoseconds = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            let mut sum = 0;
            for place in 0..9 {
                sum = sum * 10 + digits.get(place).map_or(Some(0), |byte| digit(*byte))?;
            }
            sum
        }
        _ => return None,
    };
    // Days since the epoch: years begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    let day = of_years + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = ((day * 24 + hour) * 60 + minute) * 60 + second;
    // Before the epoch a fraction would have to be counted from the other side.
    let nanoseconds = i32::try_from(nanoseconds).ok().filter(|_| seconds >= 0)?;
    jiff::Timestamp::new(seconds, nanoseconds).ok()
}

/// Reads a time that is written in this format, in this zone where it names none; `None` if it is none.
pub(crate) fn parse(text: &str, format: TimeFormat, zone: &TimeZone) -> Option<jiff::Timestamp> {
    let text = text.trim();
    let local = |pattern: &str, zone: &TimeZone| {
        let civil = jiff::civil::DateTime::strptime(pattern, text).ok()?;
        zone.to_timestamp(civil).ok()
    };
    match format {
        TimeFormat::EpochMs | TimeFormat::EpochMsText => jiff::Timestamp::from_millisecond(text.parse().ok()?).ok(),
        TimeFormat::EpochS | TimeFormat::EpochSText => seconds(text),
        TimeFormat::Plain | TimeFormat::PlainMicros => local("%Y-%m-%d %H:%M:%S%.f", zone),
        TimeFormat::Kannel => local("%Y-%m-%d+%H:%M:%S", &TimeZone::UTC),
        // Some gateways write the seconds, too.
        TimeFormat::Smpp => local("%y%m%d%H%M%S", zone).or_else(|| local("%y%m%d%H%M", zone)),
        TimeFormat::Infobip => jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok(),
        TimeFormat::Rfc2822 => jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp()),
        TimeFormat::Rfc3339 | TimeFormat::Rfc3339Ms | TimeFormat::Rfc3339Us | TimeFormat::Rfc3339Ns => read(text),
    }
}

/// Seconds since the epoch, with a fraction or none.
fn seconds(text: &str) -> Option<jiff::Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let nanoseconds: i32 = format!("{fraction:0<9}").parse().ok().filter(|_| is_fraction)?;
    let nanoseconds = if whole.starts_with('-') { -nanoseconds } else { nanoseconds };
    jiff::Timestamp::new(whole.parse().ok()?, nanoseconds).ok()
}

/// A time as text. The zone counts where the format has none of its own.
pub(crate) fn time(at: jiff::Timestamp, format: TimeFormat, zone: &TimeZone) -> String {
    let micros = || Timestamp::from_micros(at.as_microsecond());
    let pattern = match format {
        TimeFormat::EpochMs | TimeFormat::EpochMsText => return micros().as_millis().to_string(),
        TimeFormat::EpochS | TimeFormat::EpochSText => return micros().as_seconds().to_string(),
        TimeFormat::Rfc3339 | TimeFormat::Rfc3339Ms | TimeFormat::Rfc3339Us | TimeFormat::Rfc3339Ns => {
            return rfc3339(at, format, zone);
        }
        TimeFormat::Kannel => return plain(at, &TimeZone::UTC, '+'),
        TimeFormat::Plain => return plain(at, zone, ' '),
        TimeFormat::PlainMicros => "%Y-%m-%d %H:%M:%S.%6f",
        TimeFormat::Infobip => "%Y-%m-%dT%H:%M:%S.%3f%z",
        TimeFormat::Smpp => "%y%m%d%H%M",
        TimeFormat::Rfc2822 => "%a, %d %b %Y %H:%M:%S %z",
    };
    at.to_zoned(zone.clone()).strftime(pattern).to_string()
}

/// Whether it matters in which zone a time is written.
pub(crate) const fn has_zone(format: TimeFormat) -> bool {
    !matches!(
        format,
        TimeFormat::EpochMs
            | TimeFormat::EpochMsText
            | TimeFormat::EpochS
            | TimeFormat::EpochSText
            | TimeFormat::Kannel
    )
}

/// Whether the format is a number where the method has numbers.
pub(crate) const fn is_number(format: TimeFormat) -> bool {
    matches!(format, TimeFormat::EpochMs | TimeFormat::EpochS)
}

fn plain(instant: jiff::Timestamp, zone: &TimeZone, between: char) -> String {
    let local = zone.to_datetime(instant);
    let mut text = String::with_capacity(19);
    padded(&mut text, i32::from(local.year()), 4);
    for (mark, part) in [('-', local.month()), ('-', local.day()), (between, local.hour()), (':', local.minute())] {
        text.push(mark);
        padded(&mut text, i32::from(part), 2);
    }
    text.push(':');
    padded(&mut text, i32::from(local.second()), 2);
    text
}

fn rfc3339(instant: jiff::Timestamp, format: TimeFormat, zone: &TimeZone) -> String {
    let mut text = plain(instant, zone, 'T');
    let digits = match format {
        TimeFormat::Rfc3339Ms => 3,
        TimeFormat::Rfc3339Us => 6,
        TimeFormat::Rfc3339Ns => 9,
        _ => 0,
    };
    if digits > 0 {
        let nanoseconds = instant.subsec_nanosecond().rem_euclid(1_000_000_000);
        text.push('.');
        padded(&mut text, nanoseconds / 10_i32.pow(9 - digits), digits);
    }
    let offset = zone.to_offset(instant).seconds();
    if offset == 0 {
        text.push('Z');
        return text;
    }
    text.push(if offset < 0 { '-' } else { '+' });
    let minutes = offset.abs() / 60;
    padded(&mut text, minutes / 60, 2);
    text.push(':');
    padded(&mut text, minutes % 60, 2);
    text
}

/// Writes a number with at least so many digits.
fn padded(text: &mut String, number: i32, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_i32.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit.unsigned_abs()).unwrap_or_default()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_format_is_as_its_owner_writes_it() {
        let at = read("2024-12-18T08:08:04.831Z").unwrap();
        let india = TimeZone::get("Asia/Kolkata").unwrap();
        for (format, text) in [
            (TimeFormat::EpochMs, "1734509284831"),
            (TimeFormat::EpochMsText, "1734509284831"),
            (TimeFormat::EpochS, "1734509284"),
            (TimeFormat::EpochSText, "1734509284"),
            (TimeFormat::Plain, "2024-12-18 13:38:04"),
            (TimeFormat::PlainMicros, "2024-12-18 13:38:04.831000"),
            (TimeFormat::Kannel, "2024-12-18+08:08:04"),
            (TimeFormat::Rfc3339, "2024-12-18T13:38:04+05:30"),
            (TimeFormat::Rfc3339Ms, "2024-12-18T13:38:04.831+05:30"),
            (TimeFormat::Rfc3339Us, "2024-12-18T13:38:04.831000+05:30"),
            (TimeFormat::Rfc3339Ns, "2024-12-18T13:38:04.831000000+05:30"),
            (TimeFormat::Infobip, "2024-12-18T13:38:04.831+0530"),
            (TimeFormat::Smpp, "2412181338"),
            (TimeFormat::Rfc2822, "Wed, 18 Dec 2024 13:38:04 +0530"),
        ] {
            assert_eq!(time(at, format, &india), text, "{format:?}");
        }
        assert_eq!(time(at, TimeFormat::Rfc3339, &TimeZone::UTC), "2024-12-18T08:08:04Z");
    }

    #[test]
    fn no_digit_of_a_second_is_lost() {
        let written = |text: &str, format| time(read(text).unwrap(), format, &TimeZone::UTC);
        let fine = "2024-12-18T08:08:04.123456789Z";
        assert_eq!(written(fine, TimeFormat::Rfc3339Ns), fine);
        assert_eq!(written(fine, TimeFormat::Rfc3339Us), "2024-12-18T08:08:04.123456Z");
        assert_eq!(written("1969-12-31T23:59:59.75Z", TimeFormat::Rfc3339Ms), "1969-12-31T23:59:59.750Z");
        for text in [
            "2024-12-18",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "soon",
            "2024-12-18T08:08:04+25:00",
            "2024-12-18T08:08:04-24:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("2024-12-18T08:08:04+23:59"), read("2024-12-17T08:09:04Z"));
    }

    const FORMATS: [TimeFormat; 14] = [
        TimeFormat::EpochMs,
        TimeFormat::EpochMsText,
        TimeFormat::EpochS,
        TimeFormat::EpochSText,
        TimeFormat::Plain,
        TimeFormat::PlainMicros,
        TimeFormat::Kannel,
        TimeFormat::Rfc3339,
        TimeFormat::Rfc3339Ms,
        TimeFormat::Rfc3339Us,
        TimeFormat::Rfc3339Ns,
        TimeFormat::Infobip,
        TimeFormat::Smpp,
        TimeFormat::Rfc2822,
    ];

    #[test]
    fn what_is_no_time_of_a_format_is_none() {
        for format in FORMATS {
            for text in ["", "soon", "1e3", "2024-13-01 00:00:00", "-", "99999999999999999999"] {
                assert_eq!(parse(text, format, &TimeZone::UTC), None, "{format:?} {text}");
            }
        }
        assert_eq!(parse("241218080804", TimeFormat::Smpp, &TimeZone::UTC), read("2024-12-18T08:08:04Z"));
        assert_eq!(parse("-1.5", TimeFormat::EpochS, &TimeZone::UTC), read("1969-12-31T23:59:58.5Z"));
    }

    proptest! {
        /// In a zone without summer time, where no hour comes twice.
        #[test]
        fn a_time_that_is_written_in_a_format_is_read_back(minutes in 0i64..51_000_000, at in 0usize..14) {
            let zone = TimeZone::get("Africa/Nairobi").unwrap();
            let instant = jiff::Timestamp::new(minutes * 60, 0).unwrap();
            let format = FORMATS[at];
            let two_digits = format == TimeFormat::Smpp && instant.as_second() >= 3_124_224_000;
            prop_assume!(!two_digits);
            prop_assert_eq!(parse(&time(instant, format, &zone), format, &zone), Some(instant), "{:?}", format);
        }

        #[test]
        fn the_quick_way_reads_what_the_calendar_says_or_nothing(
            (year, month, day) in (0..10_000, 0..14, 0..33),
            (hour, minute, second) in (0..26, 0..62, 0..62),
            fraction in "|\\.[0-9]{0,10}",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z");
            if let Some(at) = read_usual(text.as_bytes()) {
                prop_assert_eq!(text.parse::<jiff::Timestamp>().ok(), Some(at), "{}", text);
            }
        }

        #[test]
        fn the_quick_way_is_the_usual_one(seconds in 0i64..253_402_300_800, nanoseconds in 0i32..1_000_000_000) {
            let at = jiff::Timestamp::new(seconds, nanoseconds).unwrap();
            prop_assert_eq!(read_usual(at.to_string().as_bytes()), Some(at));
        }
    }
}
