//! Answers as tables: lists with a row for each item, and one thing with a line for each member.

use serde_json::Value;

use super::pretty;
use crate::terminal::{Style, visible};

/// Between two columns.
const GAP: &str = "  ";
/// What a column is not made narrower than.
const NARROWEST: usize = 10;

/// What is shown of the items of a list, by the schema that they have.
const COLUMNS: &[(&str, &[&str])] = &[
    ("ApplicationOut", &["id", "uid", "name", "createdAt"]),
    ("EndpointOut", &["id", "uid", "url", "eventTypes", "disabled", "createdAt"]),
    ("EventTypeOut", &["name", "description", "archived", "updatedAt"]),
    ("MessageOut", &["id", "eventType", "eventId", "channels", "timestamp"]),
    ("MessageAttemptOut", &["id", "endpointId", "statusText", "responseStatusCode", "reason", "timestamp"]),
    ("MessageEndpointOut", &["id", "url", "statusText", "nextAttempt"]),
    ("EndpointMessageOut", &["id", "eventType", "statusText", "nextAttempt", "timestamp"]),
    ("BackgroundTaskOut", &["id", "task", "status", "updatedAt"]),
];

/// The members that are shown of such items.
pub(super) fn columns(schema: &str, items: &[Value]) -> Vec<String> {
    if let Some((_, columns)) = COLUMNS.iter().find(|(name, _)| *name == schema) {
        return columns.iter().map(ToString::to_string).collect();
    }
    let members = items.first().and_then(Value::as_object).into_iter().flatten();
    members.filter(|(_, value)| !value.is_object()).map(|(name, _)| name.clone()).collect()
}

/// Those of the columns in which there is anything to see.
pub(super) fn filled(columns: Vec<String>, items: &[Value]) -> Vec<String> {
    let is_filled =
        |column: &String| items.is_empty() || items.iter().any(|item| !cell(column, &item[column]).is_empty());
    columns.into_iter().filter(is_filled).collect()
}

/// How wide the columns are. In a terminal that is too narrow, those without an id give way.
pub(super) fn widths(columns: &[String], items: &[Value], terminal: Option<usize>) -> Vec<usize> {
    let width = |column: &String| {
        let cells = items.iter().map(|item| cell(column, &item[column]).chars().count());
        cells.max().unwrap_or_default().max(title(column).chars().count())
    };
    let mut widths: Vec<usize> = columns.iter().map(width).collect();
    let Some(terminal) = terminal else { return widths };
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > terminal {
        // Half an id names nothing, and half a time says nothing.
        let may_shrink = |column: &str| column != "id" && !column.ends_with("Id") && !is_time(column);
        let widest = (0..columns.len()).filter(|place| may_shrink(&columns[*place])).max_by_key(|place| widths[*place]);
        let Some(widest) = widest.filter(|place| widths[*place] > NARROWEST) else { break };
        widths[widest] -= 1;
    }
    widths
}

/// The line above a list.
pub(super) fn head(columns: &[String], widths: &[usize], style: Style) -> String {
    let titles: Vec<String> = columns.iter().map(|column| title(column)).collect();
    format!("{}\n", style.bold(row(&titles, widths, |_, text| text)))
}

/// The rows of a list.
pub(super) fn rows(columns: &[String], widths: &[usize], items: &[Value], style: Style) -> String {
    let mut text = String::new();
    for item in items {
        let cells: Vec<String> = columns.iter().map(|column| cell(column, &item[column])).collect();
        let paint = |place: usize, text: String| painted(&columns[place], &cells[place], text, style);
        text += row(&cells, widths, paint).trim_end();
        text.push('\n');
    }
    text
}

/// One thing.
pub(super) fn one(value: &Value, style: Style) -> String {
    let Some(members) = value.as_object() else { return format!("{}\n", pretty::json(&value.to_string(), style)) };
    let width = members.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let shown = match value {
            Value::Object(_) => pretty::json(&value.to_string(), style).replace('\n', &format!("\n{:width$}{GAP}", "")),
            value if is_nested(value) => {
                pretty::json(&value.to_string(), style).replace('\n', &format!("\n{:width$}{GAP}", ""))
            }
            value => painted(name, &shown(value), shown(value), style),
        };
        text += format!("{}{GAP}{shown}", style.dim(format!("{:width$}", visible(name.as_bytes())))).trim_end();
        text.push('\n');
    }
    text
}

fn is_nested(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().any(|item| item.is_object() || item.is_array()))
}

fn row(cells: &[String], widths: &[usize], paint: impl Fn(usize, String) -> String) -> String {
    let mut text = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let is_last = place + 1 == cells.len();
        let cut = cut(cell, *width);
        let padding = if is_last { 0 } else { width.saturating_sub(cut.chars().count()) };
        text += &paint(place, cut);
        text += &" ".repeat(padding);
        text += if is_last { "" } else { GAP };
    }
    text
}

/// The text, or as much of it as fits.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// `createdAt` as `CREATED AT`. What stands beside numbers needs fewer words.
fn title(column: &str) -> String {
    let column = match column {
        "statusText" => "status",
        "responseStatusCode" => "code",
        other => other,
    };
    let mut title = String::new();
    for c in column.chars() {
        if c.is_ascii_uppercase() {
            title.push(' ');
        }
        title.push(c.to_ascii_uppercase());
    }
    title
}

/// Whether a member is a point in time.
fn is_time(column: &str) -> bool {
    column.ends_with("At") || matches!(column, "timestamp" | "nextAttempt")
}

/// A value in a row. Of a time the day and the second are told, in UTC.
fn cell(column: &str, value: &Value) -> String {
    match value.as_str() {
        Some(time) if is_time(column) && time.is_ascii() && time.len() >= 20 && time.ends_with('Z') => {
            visible(format!("{} {}", &time[..10], &time[11..19]).as_bytes())
        }
        _ => shown(value),
    }
}

/// A value on one line. Nothing in it steers a terminal.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => visible(text.as_bytes()),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => visible(other.to_string().as_bytes()),
    }
}

/// Words for how a delivery stands, in their colour.
fn painted(column: &str, whole: &str, text: String, style: Style) -> String {
    match (column, whole) {
        ("statusText", "success") => style.good(text),
        ("statusText", "fail") | ("disabled", "true") => style.bad(text),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_a_table_in_which_ids_stay_whole() {
        let items = [
            json!({"id": "ep_1", "url": "https://example.com/a/long/path", "statusText": "success", "nextAttempt": null}),
            json!({"id": "ep_22222222", "url": "https://a.example\u{1b}[2J", "statusText": "fail"}),
        ];
        let columns = columns("MessageEndpointOut", &items);
        let draw = |terminal| {
            let widths = widths(&columns, &items, terminal);
            head(&columns, &widths, Style::plain()) + &rows(&columns, &widths, &items, Style::plain())
        };
        let whole = "ID           URL                              STATUS   NEXT ATTEMPT\n\
                     ep_1         https://example.com/a/long/path  success\n\
                     ep_22222222  https://a.example\\u{1b}[2J       fail\n";
        assert_eq!(draw(None), whole);
        assert_eq!(filled(columns.clone(), &items), ["id", "url", "statusText"]);
        assert_eq!(filled(columns.clone(), &[]), columns);
        let narrow = draw(Some(56));
        assert!(narrow.contains("https://example.com…  success"), "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 56), "{narrow}");
        assert!(draw(Some(10)).contains("ep_22222222"), "ids are never cut");
    }

    #[test]
    fn a_time_is_told_to_the_second_and_never_cut() {
        let items =
            [json!({"id": "msg_1", "eventType": "sms.dlr.of.some.kind", "timestamp": "2026-11-28T06:16:42.385122Z"})];
        let columns = filled(columns("MessageOut", &items), &items);
        let widths = widths(&columns, &items, Some(38));
        let rows = rows(&columns, &widths, &items, Style::plain());
        assert_eq!(rows, "msg_1  sms.dlr.o…  2026-11-28 06:16:42\n");
    }

    #[test]
    fn one_thing_is_a_line_for_each_member_that_it_has() {
        let thing = json!({"id": "app_1", "uid": null, "metadata": {"a": "b"}, "channels": ["x", "y"]});
        let text = "id        app_1\nmetadata  {\n            \"a\": \"b\"\n          }\nchannels  x,y\n";
        assert_eq!(one(&thing, Style::plain()), text);
    }
}
