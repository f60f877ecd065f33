//! What the demo shows: each request as it arrived, and a table at the end.

use http::StatusCode;

use super::report::Report;
use crate::receiver::Arrival;
use crate::terminal::{Style, WIDTH, visible, wrap};

/// Headers that are shown: what a receiver looks at. The `svix-` twins say the same and are left out.
const SHOWN: [&str; 5] = ["content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"];
const INDENT: &str = "    ";

/// A request as it arrived, with what was checked and answered.
pub(super) fn request(arrival: &Arrival, verified: Result<(), String>, style: Style) -> String {
    let line = visible(format!("{} {}", arrival.method, arrival.target).as_bytes());
    let answered = arrival.answered.as_u16();
    let answer = if arrival.answered.is_success() { style.good(answered) } else { style.bad(answered) };
    let mut lines = vec![format!("{}  {} answered {answer}", style.bold(&line), style.dim("→"))];
    for name in SHOWN {
        let value = visible(arrival.header(name).as_bytes());
        if !value.is_empty() {
            lines.push(format!("{INDENT}{}: {value}", style.dim(name)));
        }
    }
    lines.push(match verified {
        Ok(()) => format!("{INDENT}{}", style.good("✓ signature verified")),
        Err(why) => format!("{INDENT}{}", style.bad(format!("✗ signature refused: {why}"))),
    });
    lines.extend(wrap(&visible(&arrival.body), WIDTH - INDENT.len()).into_iter().map(|part| format!("{INDENT}{part}")));
    lines.join("\n") + "\n"
}

/// A request of a play: its line, the headers that a receiver looks at, its body, and the check of its signature.
pub(super) fn arrival(arrival: &Arrival, verified: Option<&Result<(), String>>, style: Style) -> String {
    let line = visible(format!("{} {}", arrival.method, arrival.target).as_bytes());
    let mut lines: Vec<String> = wrap(&line, WIDTH).into_iter().map(|part| style.bold(part)).collect();
    for name in ["authorization", "content-type", "x-env"] {
        let value = visible(arrival.header(name).as_bytes());
        if !value.is_empty() {
            lines.push(format!("{INDENT}{}: {value}", style.dim(name)));
        }
    }
    let body = wrap(&visible(&arrival.body), WIDTH - INDENT.len());
    lines.extend(body.into_iter().map(|part| format!("{INDENT}{part}")));
    lines.extend(verified.map(|verified| match verified {
        Ok(()) => format!("{INDENT}{}", style.good("✓ signature verified")),
        Err(why) => format!("{INDENT}{}", style.bad(format!("✗ signature refused: {why}"))),
    }));
    lines.join("\n")
}

/// A call of the server and what it answered.
pub(super) fn call(line: &str, body: &str, status: StatusCode, answer: &str, style: Style) -> String {
    let mut lines = vec![format!("{}{} answered {}", style.bold(line), style.dim("→"), status.as_u16())];
    for (mark, text) in [("", body), ("→ ", answer)] {
        let parts = wrap(&format!("{mark}{}", visible(text.as_bytes())), WIDTH - INDENT.len());
        lines.extend(parts.into_iter().map(|part| format!("{INDENT}{part}")));
    }
    lines.join("\n")
}

/// The table: one line for each case.
pub(super) fn table(reports: &[Report<'_>], style: Style) -> String {
    const HEAD: [&str; 6] = ["case", "the receiver", "messages", "attempts", "ended as", "as expected"];
    let rows: Vec<[String; 6]> = reports.iter().map(row).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: [&str; 6]| {
        let padded: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![style.bold(line(HEAD))];
    for (row, report) in rows.iter().zip(reports) {
        let text = line(row.each_ref().map(String::as_str));
        lines.push(if report.problems().is_empty() { text } else { style.bad(text) });
    }
    lines.join("\n") + "\n"
}

fn row(report: &Report<'_>) -> [String; 6] {
    let mut ended: Vec<&str> = report.outcomes.iter().map(|outcome| outcome.status.as_str()).collect();
    ended.dedup();
    let mut ended = ended.join(", ");
    if report.case.ordering != "none" {
        let order: Vec<_> = report.order().iter().map(ToString::to_string).collect();
        ended = format!("{ended}, in the order {}", order.join(" "));
    }
    [
        report.case.name.to_owned(),
        report.case.receiver.to_owned(),
        report.messages.len().to_string(),
        report.outcomes.iter().map(|outcome| outcome.attempts).sum::<usize>().to_string(),
        ended,
        if report.problems().is_empty() { "yes" } else { "NO" }.to_owned(),
    ]
}

/// The call that sends a message, as the README has it, with real values.
pub(super) fn curl(base: &str, app: &str, token: &str) -> String {
    format!(
        "TOKEN={token}\n\
         curl {base}/api/v1/app/{app}/msg \\\n  \
           -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n  \
           -d '{{\"eventType\": \"sms.dlr\", \"payload\": {{\"message\": {{\"id\": \"7042\", \"status\": \"delivered\"}}}}}}'\n"
    )
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::case::CASES;
    use super::super::report::{Checked, Outcome};
    use super::*;

    fn arrival() -> Arrival {
        Arrival {
            method: Method::POST,
            target: "/works".into(),
            headers: [("webhook-id".parse().unwrap(), "msg_1".parse().unwrap())].into_iter().collect(),
            body: "x".repeat(150).into(),
            answered: StatusCode::OK,
        }
    }

    #[test]
    fn a_request_shows_its_line_its_headers_the_check_and_all_of_its_body() {
        let shown = request(&arrival(), Ok(()), Style::plain());
        let body = "x".repeat(96);
        assert_eq!(
            shown,
            format!(
                "POST /works  → answered 200\n    webhook-id: msg_1\n    ✓ signature verified\n    {body}\n    {}\n",
                "x".repeat(54)
            )
        );
        assert!(
            request(&arrival(), Err("no signature matches".into()), Style::plain()).contains("✗ signature refused: no")
        );
    }

    #[test]
    fn the_table_fits_the_width_whatever_the_cases() {
        let fits = |line: &str| line.chars().count() <= WIDTH;
        let outcomes = [Outcome { status: "success".into(), attempts: 4 }];
        let arrivals = [Checked { arrival: arrival(), verified: true }];
        let messages = ["msg_1".to_owned()];
        let reports: Vec<_> = CASES
            .iter()
            .map(|case| Report { case, messages: &messages, arrivals: &arrivals, outcomes: &outcomes })
            .collect();
        let table = table(&reports, Style::plain());
        assert!(table.lines().all(fits), "{table}");
        assert_eq!(table.lines().count(), CASES.len() + 1);
        assert!(
            table.lines().nth(1).is_some_and(|works| works.ends_with("NO")),
            "four attempts are too many:\n{table}"
        );
    }
}
