//! What cannot be taken back is asked for first.
//!
//! A form that does such a thing has a hidden field `ask` with the question, which says what will come of it. A script shows
//! that as a dialog, and sends the form without the field when the answer is yes. Whoever sends it with the field, as a
//! browser without scripts does, gets a page with the same question; nothing was done yet.

use askama::Template;
use axum::response::Response;
use http::header::{HOST, REFERER};
use http::{HeaderMap, StatusCode, Uri};

use crate::answer::page_with;
use crate::asset;

/// The field that the question is in.
const FIELD: &str = "ask";

/// A question, and what is sent if the answer is yes.
pub(crate) struct Question<'a> {
    text: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    /// The question itself.
    title: &'a str,
    /// What comes of it.
    text: &'a str,
    style: String,
    icon: String,
    /// Where the form is sent to.
    path: String,
    fields: &'a [(&'a str, &'a str)],
    /// The page that it came from.
    back: String,
}

impl<'a> Question<'a> {
    /// The question that a form comes with, if it does.
    pub(crate) fn of(form: &'a [(String, String)]) -> Option<Self> {
        let (_, text) = form.iter().find(|(name, _)| name == FIELD)?;
        let others = form.iter().filter(|(name, _)| name != FIELD);
        Some(Self { text, fields: others.map(|(name, value)| (name.as_str(), value.as_str())).collect() })
    }

    /// The page that asks it.
    pub(crate) fn page(&self, path: String, headers: &HeaderMap) -> Response {
        // A name in it may have a question mark, too.
        let (title, text) = match self.text.rsplit_once("? ") {
            Some((title, text)) => (self.text.get(..=title.len()).unwrap_or(title), text),
            None => (self.text, ""),
        };
        let (style, icon) = (asset::path("style.css"), asset::path("icon.svg"));
        let back = came_from(headers).unwrap_or_else(|| "/console".to_owned());
        page_with(StatusCode::OK, &ConfirmPage { title, text, style, icon, path, fields: &self.fields, back })
    }
}

/// The page of this server that a request came from.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let from: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    let host = headers.get(HOST)?.to_str().ok()?;
    let ours = from.authority()?.as_str().eq_ignore_ascii_case(host);
    let path = from.path_and_query()?.as_str();
    (ours && path.starts_with("/console")).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_way_back_leads_to_a_page_of_the_console_and_nowhere_else() {
        let back = |from: &str| {
            let pairs = [(HOST, "ringback.example:8071"), (REFERER, from)];
            came_from(&pairs.into_iter().map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).collect())
        };
        let here = "https://ringback.example:8071/console/org_1?page=2";
        assert_eq!(back(here).as_deref(), Some("/console/org_1?page=2"));
        for elsewhere in
            ["https://evil.example/console", "https://ringback.example:8071//evil.example", "about:blank", ""]
        {
            assert_eq!(back(elsewhere), None, "{elsewhere}");
        }
    }
}
