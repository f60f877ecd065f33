//! A page to read the API by, made in the browser from `/openapi.json`, and the pages of `docs/` as Markdown
//! ([`pages`]). They ask nothing of anybody else.

mod pages;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderMap;
use http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};

use self::pages::{INDEX, PAGES};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// Nothing but what is served from here, and in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Where the pages and their parts are served.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let mut router = Router::new()
        .route("/docs", get(front))
        .route("/docs/style.css", get(async || part("text/css; charset=utf-8", STYLE)))
        .route("/docs/script.js", get(async || part("text/javascript; charset=utf-8", SCRIPT)))
        .route("/docs/index.md", get(async || part(MARKDOWN, &INDEX)))
        .route("/llms.txt", get(async || part("text/plain; charset=utf-8", &INDEX)));
    for page in &*PAGES {
        router = router.route(&page.path, get(async || part(MARKDOWN, &page.text)));
    }
    router
}

/// The page for browsers, and for whoever asks for Markdown the list of what there is.
async fn front(headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let wants_markdown = accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| matches!(kind.trim(), "text/markdown" | "text/x-markdown"))
    });
    let answer = if wants_markdown { part(MARKDOWN, &INDEX) } else { part("text/html; charset=utf-8", PAGE) };
    ([(VARY, "accept")] as [(HeaderName, &str); 1], answer).into_response()
}

fn part(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}
