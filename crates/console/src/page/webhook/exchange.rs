//! A request and its answer, as a part of a page.

use std::time::Duration;

use ringback_model::Phases;
use ringback_service::{ExchangeView, RequestView, TestView, VerificationView};

/// A request as people read it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What came of a test.
#[derive(Clone, Debug)]
pub(crate) struct Tested {
    pub(crate) good: bool,
    pub(crate) class: &'static str,
    pub(crate) text: String,
    pub(crate) advice: String,
    pub(crate) request: Option<Shown>,
    pub(crate) status: String,
    pub(crate) answer: Option<Shown>,
    pub(crate) cut: bool,
    /// Phases with their times.
    pub(crate) times: Vec<(&'static str, String)>,
}

impl Shown {
    /// A request.
    pub(crate) fn request(view: &RequestView) -> Self {
        Self { line: format!("{} {}", view.method, view.url), headers: pairs(&view.headers), body: view.body.clone() }
    }
}

impl Tested {
    /// A test.
    pub(crate) fn of(view: &TestView) -> Self {
        let verdict = &view.verdict;
        let mut tested = Self::exchange(Some(&view.exchange));
        tested.good = verdict.class == ringback_service::VerdictClass::Success;
        tested.class = verdict.class.text();
        tested.text.clone_from(&verdict.text);
        tested.advice.clone_from(&verdict.advice);
        tested
    }

    /// A handshake.
    pub(crate) fn handshake(view: &VerificationView) -> Self {
        let mut tested = Self::exchange(view.exchange.as_ref());
        tested.good = view.reason.is_none();
        tested.text = view.reason.clone().unwrap_or_else(|| "The handshake has passed.".to_owned());
        tested
    }

    fn exchange(exchange: Option<&ExchangeView>) -> Self {
        let answer = exchange.and_then(|exchange| exchange.response.as_ref());
        let phases = exchange.map(|exchange| exchange.phases).unwrap_or_default();
        let times = steps(&phases).into_iter().chain([("Total", phases.total)]);
        Self {
            good: false,
            class: "",
            text: String::new(),
            advice: String::new(),
            request: exchange.map(|exchange| Shown::request(&exchange.request)),
            status: answer.map_or_else(|| "no answer".to_owned(), |answer| answer.status.to_string()),
            answer: answer.map(|answer| Shown {
                line: format!("HTTP {}", answer.status),
                headers: pairs(&answer.headers),
                body: answer.body.clone(),
            }),
            cut: answer.is_some_and(|answer| answer.truncated),
            times: times.map(|(name, time)| (name, milliseconds(time))).collect(),
        }
    }
}

/// The steps of a request with their times, called the same on every page.
pub(crate) fn steps(phases: &Phases) -> [(&'static str, Duration); 4] {
    [("DNS", phases.dns), ("Connect", phases.connect), ("TLS", phases.tls), ("First byte", phases.first_byte)]
}

fn pairs(headers: &indexmap::IndexMap<String, String>) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A length of time of a request, in milliseconds; a phase that there was none of has a dash.
fn milliseconds(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0 => "—".to_owned(),
        1..=9_999 => format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10),
        _ => format!("{} ms", micros / 1_000),
    }
}

/// The request as a command of `curl`, for a shell.
pub(crate) fn curl(view: &RequestView) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut command = format!("curl -X {} {}", view.method, quote(&view.url));
    for (name, value) in &view.headers {
        // It counts the body's bytes itself.
        if name != "content-length" && name != "host" {
            command += &format!(" \\\n  -H {}", quote(&format!("{name}: {value}")));
        }
    }
    if !view.body.is_empty() {
        command += &format!(" \\\n  --data-binary {}", quote(&view.body));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_there_was_none_of_has_no_time() {
        let shown = [0, 340, 15_001_000].map(|micros| milliseconds(Duration::from_micros(micros)));
        assert_eq!(shown, ["—", "0.34 ms", "15001 ms"]);
    }

    #[test]
    fn a_command_cannot_be_left_by_what_is_in_the_request() {
        let view = RequestView {
            method: "POST".to_owned(),
            url: "https://a.example/?x='; rm -rf /".to_owned(),
            headers: [("x-a".to_owned(), "b".to_owned()), ("content-length".to_owned(), "3".to_owned())].into(),
            body: "it's".to_owned(),
        };
        let expected = "curl -X POST 'https://a.example/?x='\\''; rm -rf /' \\\n  -H 'x-a: b' \\\n  \
                        --data-binary 'it'\\''s'";
        assert_eq!(curl(&view), expected);
    }
}
