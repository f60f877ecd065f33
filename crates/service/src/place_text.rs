//! A place in a poller's messages as text: what a client gives back without looking into it.

use std::fmt;
use std::str::FromStr;

use ringback_model::{Place, PollerNo, Timestamp};

use crate::{FieldError, ServiceError};

/// A place, and the poller that it was given out for. One without was given out before they were told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceText {
    poller: Option<PollerNo>,
    place: Place,
}

impl PlaceText {
    pub(crate) const fn new(poller: PollerNo, place: Place) -> Self {
        Self { poller: Some(poller), place }
    }

    /// The place, for the poller that it was given out for. In the messages of another one it would pass over some.
    pub(crate) fn within(self, poller: PollerNo) -> Result<Place, ServiceError> {
        if self.poller.is_some_and(|own| own != poller) { Err(not_of_this()) } else { Ok(self.place) }
    }
}

/// 422 for an iterator that was given out elsewhere.
pub(crate) fn not_of_this() -> ServiceError {
    let rule = "Take it from `iterator` of another answer of the same poller.";
    ServiceError::Invalid(vec![FieldError::query("iterator", rule)])
}

impl fmt::Display for PlaceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(poller) = self.poller {
            write!(f, "{}_", poller.0)?;
        }
        match self.place.since {
            None => write!(f, "{}", self.place.offset),
            Some(since) => write!(f, "{}.{}", self.place.offset, since.as_micros()),
        }
    }
}

impl FromStr for PlaceText {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (poller, text) = match text.split_once('_') {
            None => (None, text),
            Some((poller, rest)) => (Some(PollerNo(poller.parse()?)), rest),
        };
        let (offset, since) = match text.split_once('.') {
            None => (text, None),
            Some((offset, since)) => (offset, Some(Timestamp::from_micros(since.parse()?))),
        };
        Ok(Self { poller, place: Place { offset: offset.parse()?, since } })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_comes_back_from_its_text(offset: i64, since: Option<i64>, poller: Option<i64>) {
            let place = Place { offset, since: since.map(Timestamp::from_micros) };
            let text = PlaceText { poller: poller.map(PollerNo), place };
            prop_assert_eq!(text.to_string().parse::<PlaceText>().unwrap(), text);
        }

        #[test]
        fn any_text_is_a_place_or_none(text in "[0-9._-]{0,12}|\\PC{0,30}") {
            if let Ok(place) = text.parse::<PlaceText>() {
                prop_assert_eq!(place.to_string().parse::<PlaceText>().unwrap(), place);
            }
        }
    }

    #[test]
    fn a_place_of_one_poller_is_none_of_another() {
        let place = Place { offset: 7, since: None };
        assert_eq!(PlaceText::new(PollerNo(1), place).within(PollerNo(1)).unwrap(), place);
        assert!(PlaceText::new(PollerNo(1), place).within(PollerNo(2)).is_err());
        assert_eq!("7".parse::<PlaceText>().unwrap().within(PollerNo(2)).unwrap(), place);
    }
}
