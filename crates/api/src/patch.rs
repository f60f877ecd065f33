//! Members of a body that may be absent, null, or there.

use serde::{Deserialize, Deserializer};

use ringback_service::FieldError;

use crate::problem::Problem;

/// A member of a body. Absent leaves a thing as it is; null takes it back to its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// It has a value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Set))
    }
}

impl<T> Patch<T> {
    /// Whether it is null.
    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same member of another type.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }

    /// Writes the member over something that can be unset.
    pub(crate) fn write_option(self, target: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *target = None,
            Self::Set(value) => *target = Some(value),
        }
    }

    /// Writes the member over something that has a default.
    pub(crate) fn write(self, target: &mut T, default: T) {
        match self {
            Self::Absent => {}
            Self::Null => *target = default,
            Self::Set(value) => *target = value,
        }
    }
}

/// Refuses null for members that always have a value: what is meant by it cannot be known, and taking an endpoint back to not
/// being disabled, say, is not for guessing.
pub(crate) fn refuse_nulls(members: &[(&'static str, bool)]) -> Result<(), Problem> {
    let nulls = members.iter().filter(|(_, is_null)| *is_null);
    let faults: Vec<_> = nulls
        .map(|(name, _)| FieldError::body(*name, "It is never null: leave it out, and it stays as it is."))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

impl<T: PartialEq> Patch<T> {
    /// A member that has two names: the newer and the older generation of client libraries each send their own, and
    /// whoever sends back what was read sends both.
    pub(crate) fn or_older(self, older: Self, name: &'static str, old_name: &str) -> Result<Self, FieldError> {
        match (self, older) {
            (one, Self::Absent) => Ok(one),
            (Self::Absent, other) => Ok(other),
            (one, other) if one == other => Ok(one),
            _ => Err(FieldError::body(
                name,
                format!("`{old_name}` is the old name of `{name}`: give one of them, or the same in both."),
            )),
        }
    }
}
