//! One value of a row that is carried over, in the words of neither database.

use serde::{Deserialize, Serialize};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backend) enum Cell {
    Nothing,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    Texts(Vec<String>),
    Numbers(Vec<i64>),
}

impl Cell {
    /// The number, if it is one.
    pub(in crate::backend) const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Nothing | Self::Text(_) | Self::Bytes(_) | Self::Texts(_) | Self::Numbers(_) => None,
        }
    }

    /// The text, if it is one.
    pub(in crate::backend) const fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Nothing | Self::Number(_) | Self::Bytes(_) | Self::Texts(_) | Self::Numbers(_) => None,
        }
    }

    /// The bytes, if it is some.
    pub(in crate::backend) const fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes.as_slice()),
            Self::Nothing | Self::Number(_) | Self::Text(_) | Self::Texts(_) | Self::Numbers(_) => None,
        }
    }

    /// About how many bytes of memory it takes.
    pub(in crate::backend) fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Nothing | Self::Number(_) => 0,
                Self::Text(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
                Self::Texts(texts) => texts.iter().map(|text| size_of::<String>() + text.len()).sum(),
                Self::Numbers(numbers) => size_of_val(numbers.as_slice()),
            }
    }
}

/// A row.
pub(in crate::backend) type Row = Vec<Cell>;
