//! Telephone numbers and money as receivers want them.

use std::borrow::Cow;

use ringback_model::NumberFormat;

/// Calling codes with two digits (ITU-T E.164, list of assigned codes); 1 and 7 have one, all others three.
const TWO_DIGITS: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 \
                          66 81 82 84 86 90 91 92 93 94 95 98";

/// A telephone number in this format. What is not digits after an optional leading `+` passes through unchanged, and so
/// does a name.
pub(crate) fn number(text: Cow<'_, str>, format: NumberFormat) -> Cow<'_, str> {
    let digits = text.strip_prefix('+').unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text;
    }
    // `00` in front of a country code says the same as `+`.
    let digits = if text.starts_with('+') { digits } else { digits.strip_prefix("00").unwrap_or(digits) };
    // No calling code begins with 0: it is a national number, whose country nobody knows here.
    if digits.is_empty() || digits.starts_with('0') {
        return text;
    }
    let written = match format {
        NumberFormat::Raw => return text,
        NumberFormat::E164Plus => format!("+{digits}"),
        NumberFormat::Digits => digits.to_owned(),
        NumberFormat::ZeroZero => format!("00{digits}"),
        NumberFormat::National => digits[calling_code(digits)..].to_owned(),
    };
    Cow::Owned(written)
}

/// How many digits the calling code of an international number has.
fn calling_code(digits: &str) -> usize {
    let length = match digits.get(..2) {
        _ if digits.starts_with(['1', '7']) => 1,
        Some(two) if TWO_DIGITS.split_ascii_whitespace().any(|code| code == two) => 2,
        Some(_) | None => 3,
    };
    length.min(digits.len())
}

/// A number with the digits in its middle hidden: the last four stay, and so does what shows the country.
pub(crate) fn masked(text: Cow<'_, str>) -> Cow<'_, str> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < 7 {
        return text;
    }
    let (hidden_from, hidden_to) = (digits.saturating_sub(4).min(6), digits - 4);
    let mut seen = 0;
    let masked = text.chars().map(|letter| {
        if !letter.is_ascii_digit() {
            return letter;
        }
        seen += 1;
        if (hidden_from.min(hidden_to.saturating_sub(1)) + 1..=hidden_to).contains(&seen) { '*' } else { letter }
    });
    Cow::Owned(masked.collect())
}

/// Whether a text is a decimal number: digits, with a point among them or none, behind a minus or nothing.
pub(crate) fn is_decimal(text: &str) -> bool {
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.split_once('.').map_or_else(|| all_digits(digits), |(whole, rest)| all_digits(whole) && all_digits(rest))
}

/// A decimal number with exactly so many decimals, rounded half away from zero; what is none passes unchanged.
pub(crate) fn decimal(text: Cow<'_, str>, places: usize) -> Cow<'_, str> {
    if !is_decimal(&text) {
        return text;
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() == places && places > 0 {
        return text;
    }
    let mut written: Vec<u8> =
        whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(places)).collect();
    if fraction.as_bytes().get(places).is_some_and(|digit| *digit >= b'5') {
        let mut at = written.len();
        loop {
            match at.checked_sub(1) {
                None => {
                    written.insert(0, b'1');
                    break;
                }
                Some(before) if written[before] == b'9' => (written[before], at) = (b'0', before),
                Some(before) => {
                    written[before] += 1;
                    break;
                }
            }
        }
    }
    // Nothing is less than nothing.
    let sign = if written.iter().all(|digit| *digit == b'0') { "" } else { sign };
    let point = written.len() - places;
    let written = String::from_utf8_lossy(&written).into_owned();
    let (whole, fraction) = written.split_at(point);
    Cow::Owned(if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_has_its_form_and_a_masked_one_or_a_name_stays() {
        let form = |text: &'static str, format| number(text.into(), format).into_owned();
        for given in ["+2348012345348", "2348012345348", "002348012345348"] {
            assert_eq!(form(given, NumberFormat::E164Plus), "+2348012345348");
            assert_eq!(form(given, NumberFormat::Digits), "2348012345348");
            assert_eq!(form(given, NumberFormat::ZeroZero), "002348012345348");
            assert_eq!(form(given, NumberFormat::National), "8012345348");
            assert_eq!(form(given, NumberFormat::Raw), given);
        }
        for other in ["002348xxxxx5348", "918921269xxx", "ACME", "", "+", "+1 555", "0712345678", "00", "000712"] {
            for format in [NumberFormat::ZeroZero, NumberFormat::E164Plus, NumberFormat::Digits, NumberFormat::National]
            {
                assert_eq!(form(other, format), other);
            }
        }
    }

    #[test]
    fn a_mask_leaves_both_ends() {
        assert_eq!(masked("002348012345348".into()), "002348*****5348");
        assert_eq!(masked("+254712345678".into()), "+254712**5678");
        assert_eq!(masked("4711".into()), "4711");
    }

    #[test]
    fn money_has_its_places() {
        for (given, shown) in [
            ("1", "1.0000"),
            ("2.0000", "2.0000"),
            ("0.12345", "0.1235"),
            ("9.99995", "10.0000"),
            ("-1.5", "-1.5000"),
            ("-0.00001", "0.0000"),
            ("-0", "0.0000"),
            ("-0.00005", "-0.0001"),
            ("n/a", "n/a"),
            (".5", ".5"),
        ] {
            assert_eq!(decimal(given.into(), 4), shown);
        }
    }

    proptest! {
        #[test]
        fn a_number_in_another_form_is_the_same_number(digits in "[1-9][0-9]{6,14}") {
            let plus = number(digits.as_str().into(), NumberFormat::E164Plus).into_owned();
            let zero = number(plus.as_str().into(), NumberFormat::ZeroZero).into_owned();
            prop_assert_eq!(number(zero.into(), NumberFormat::Digits) , digits);
        }
    }
}
