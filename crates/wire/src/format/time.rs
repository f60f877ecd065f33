//! Times as receivers want them.

use jiff::tz::TimeZone;
use ringback_model::{TimeFormat, Timestamp};

/// A time as text. The zone counts where the format has none of its own.
pub(crate) fn time(at: Timestamp, format: TimeFormat, zone: &TimeZone) -> Option<String> {
    let instant = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
    let pattern = match format {
        TimeFormat::EpochMs | TimeFormat::EpochMsText => return Some(at.as_millis().to_string()),
        TimeFormat::EpochS | TimeFormat::EpochSText => return Some(at.as_seconds().to_string()),
        TimeFormat::Rfc3339 | TimeFormat::Rfc3339Ms | TimeFormat::Rfc3339Us | TimeFormat::Rfc3339Ns => {
            return Some(rfc3339(instant, format, zone));
        }
        TimeFormat::Kannel => return Some(plain(instant, &TimeZone::UTC, '+')),
        TimeFormat::Plain => return Some(plain(instant, zone, ' ')),
        TimeFormat::PlainMicros => "%Y-%m-%d %H:%M:%S.%6f",
        TimeFormat::Infobip => "%Y-%m-%dT%H:%M:%S.%3f%z",
        TimeFormat::Smpp => "%y%m%d%H%M",
        TimeFormat::Rfc2822 => "%a, %d %b %Y %H:%M:%S %z",
    };
    Some(instant.to_zoned(zone.clone()).strftime(pattern).to_string())
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
        let nanoseconds = instant.as_nanosecond().rem_euclid(1_000_000_000);
        text.push('.');
        text.push_str(&format!("{nanoseconds:09}")[..digits]);
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
    use super::*;

    #[test]
    fn every_format_is_as_its_owner_writes_it() {
        let at: Timestamp = "2024-12-18T08:08:04.831Z".parse().unwrap();
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
            assert_eq!(time(at, format, &india).as_deref(), Some(text), "{format:?}");
        }
        assert_eq!(time(at, TimeFormat::Rfc3339, &TimeZone::UTC).as_deref(), Some("2024-12-18T08:08:04Z"));
    }
}
