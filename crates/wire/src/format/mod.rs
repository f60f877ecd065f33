//! Ways of writing names and values: a query, a form, JSON, XML. A value never ends what it stands in.

mod csv;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod number;
mod places;
pub(crate) mod query;
pub(crate) mod template;
pub(crate) mod time;
pub(crate) mod xml;

use std::borrow::Cow;

/// A value that is written under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Digits, with an optional sign: a number in JSON, text elsewhere. Without any: null in JSON.
    Digits(Cow<'a, str>),
    /// JSON as it stands: itself in JSON, its elements in XML, its text elsewhere.
    Json(&'a str),
    /// Empty text, or null where there is one.
    Null,
    /// A list of JSON: empty unless other names have places in it.
    List,
}

impl Value<'_> {
    /// The value where there is nothing but text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Digits(text) => text,
            Self::Json(json) => json,
            Self::Null | Self::List => "",
        }
    }
}

/// A name and its value. The name is one, or several with dots between them where these make objects.
pub(crate) type Pair<'a> = (&'a str, Value<'a>);

/// What dots in names make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// Nothing: they are parts of names.
    #[default]
    Flat,
    /// Objects.
    Objects,
    /// Objects, and lists where numbers stand between them.
    Lists,
}
