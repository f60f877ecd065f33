//! Phone numbers on pages, for those who may see them and for those who may not.

use ringback_service::{Service, ServiceError};

use crate::visit::AppVisit;

/// Digits of a phone number, at least and at most.
const SHORTEST: usize = 7;
const LONGEST: usize = 15;
/// Digits that are left of one.
const LEFT: usize = 2;
/// What stands for the others, however many there are.
const MASK: &str = "••••••";

/// Whether somebody sees phone numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// In full.
    Shown,
    /// But for their ends.
    Masked,
}

impl Numbers {
    /// For whoever asks for a page of an application.
    pub(crate) async fn of(service: &Service, visit: &AppVisit) -> Result<Self, ServiceError> {
        let masked = service.masks_numbers(&visit.visit.actor).await?;
        Ok(if masked { Self::Masked } else { Self::Shown })
    }

    /// A text as it is shown.
    pub(crate) fn show(self, text: &str) -> String {
        match self {
            Self::Shown => text.to_owned(),
            Self::Masked => masked(text),
        }
    }

    /// Refuses what can only be shown as it is.
    pub(crate) const fn require(self) -> Result<(), ServiceError> {
        match self {
            Self::Shown => Ok(()),
            Self::Masked => Err(ServiceError::Forbidden(
                "Phone numbers are masked for you, so that what has some in it cannot be had as it is. Ask whoever gave you \
                 access for more.",
            )),
        }
    }
}

/// Text with everything masked that may be a phone number: rather too much than too little.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let run = run(from);
        out.push_str(&mask_run(&from[..run]));
        rest = &from[run..];
    }
    out.push_str(rest);
    out
}

/// How long the run of digits is that a text begins with, and of what stands between the digits of a phone number.
fn run(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_digit() && !" -()".contains(c)).unwrap_or(text.len());
    let between = text[..end].rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    if is_date(text) { digits(text) } else { between }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Whether it begins with a date, whose dashes are not those of a phone number.
fn is_date(text: &str) -> bool {
    let form = text.bytes().take(10).map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    form.eq(*b"0000-00-00")
}

fn mask_run(run: &str) -> String {
    let digits: Vec<char> = run.chars().filter(char::is_ascii_digit).collect();
    // No number in the world has 13 digits with a 1 before them: these are milliseconds.
    let is_time = run.len() == 13 && run.starts_with('1') && digits.len() == 13;
    if !(SHORTEST..=LONGEST).contains(&digits.len()) || is_time {
        return run.to_owned();
    }
    let end: String = digits[digits.len() - LEFT..].iter().collect();
    format!("{MASK}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_however_they_are_written() {
        for (text, shown) in [
            (r#"{"to":"+254712345678"}"#, r#"{"to":"+••••••78"}"#),
            (r#"{"to":254712345678,"n":1}"#, r#"{"to":••••••78,"n":1}"#),
            ("mobile=%2B254712345678&x=1", "mobile=%2B••••••78&x=1"),
            ("call +254 (712) 345-678 now", "call +••••••78 now"),
            ("00254712345678 and 0712345678", "••••••78 and ••••••78"),
            ("é0712 345 678é", "é••••••78é"),
        ] {
            assert_eq!(Numbers::Masked.show(text), shown);
            assert_eq!(Numbers::Shown.show(text), text);
        }
    }

    #[test]
    fn times_short_numbers_and_long_ids_are_left() {
        for text in [
            "2027-01-15 08:00:00",
            "2027-01-15T08:00:00Z",
            "1717232400000",
            "000",
            "error 404, 12 345",
            "1234567890123456",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn what_is_only_as_it_is_is_refused_where_numbers_are_masked() {
        assert!(Numbers::Shown.require().is_ok());
        assert!(matches!(Numbers::Masked.require(), Err(ServiceError::Forbidden(_))));
    }
}
