//! The query of a request. Reading it fails no request before its sender is known: what is wrong with a parameter is
//! found when it is asked for.

use std::borrow::Cow;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use ringback_model::Timestamp;
use ringback_service::{CHANNEL_RULE, FieldError, is_channel};
use url::form_urlencoded;

use crate::problem::Problem;

/// The parameters of a query.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    fn read(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The parameter as text; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The parameter `channel`, which has the form of one.
    pub(crate) fn channel(&self) -> Result<Option<String>, Problem> {
        let channel = self.text("channel").map(str::to_owned);
        if channel.as_deref().is_none_or(is_channel) { Ok(channel) } else { Err(wrong("channel", CHANNEL_RULE)) }
    }

    /// The parameter as whatever can be read from text; `rule` says what that is.
    pub(crate) fn parsed<T: FromStr>(&self, name: &'static str, rule: &'static str) -> Result<Option<T>, Problem> {
        let parsed = self.text(name).map(|text| text.parse().ok().ok_or_else(|| wrong(name, rule)));
        parsed.transpose()
    }

    /// The parameter as true or false, false if absent.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        Ok(self.parsed(name, "It is `true` or `false`.")?.unwrap_or(false))
    }

    /// Whether contents are wanted: yes, unless somebody says no.
    pub(crate) fn with_content(&self) -> Result<bool, Problem> {
        Ok(self.parsed("with_content", "It is `true` or `false`.")?.unwrap_or(true))
    }

    /// The parameter as a time.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        self.parsed(name, "A time is written as RFC 3339, such as 2026-01-31T12:00:00Z.")
    }

    /// A list: `name=a,b`, `name=a&name=b`, `name[]=a` and `name[0]=a` are all the same.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let is_meant = |given: &str| {
            given
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || (rest.starts_with('[') && rest.ends_with(']')))
        };
        let values = self.0.iter().filter(|(given, _)| is_meant(given)).flat_map(|(_, value)| value.split(','));
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }
}

/// 422 for a parameter.
pub(crate) fn wrong(name: &'static str, rule: impl Into<Cow<'static, str>>) -> Problem {
    Problem::invalid([FieldError::query(name, rule.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_all_spellings_of_the_client_libraries() {
        for text in ["t=a,b", "t=a&t=b", "t[]=a&t[]=b", "t[0]=a&t[1]=b", "t%5B%5D=a%2Cb", "t=a,,b&tt=c"] {
            assert_eq!(Query::read(text).list("t"), ["a", "b"], "{text}");
        }
    }

    #[test]
    fn empty_parameters_are_absent_and_others_are_read() {
        let query = Query::read("a=&b=true&c=2026-01-31T12:00:00%2B01:00&d=maybe");
        assert_eq!(query.text("a"), None);
        assert!(query.flag("b").unwrap());
        assert_eq!(query.time("c").unwrap().unwrap().to_string(), "2026-01-31T11:00:00Z");
        assert!(query.flag("d").is_err() && query.time("d").is_err());
    }
}
