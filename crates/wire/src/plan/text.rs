//! Texts with places for values: the body of a template, and path and query of a URL.

use std::convert::Infallible;

use http::HeaderValue;
use ringback_model::Shape;

use crate::RecipeError;
use crate::dialect::Dialect;
use crate::format::template::{Encoding, Filling, FillingKind, Slot, Template};
use crate::source::Source;

/// Types of bodies that have a document of JSON on each line.
const JSON_LINES: [&str; 8] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/json-lines",
    "application/json-seq",
];

/// The endpoint's own body: its content type, its text, and how values are written into that.
pub(super) fn template(
    dialect: &Dialect,
    shape: &Shape,
) -> Result<Option<(HeaderValue, Template, Encoding)>, RecipeError> {
    let Some(template) = &shape.template else { return Ok(None) };
    let essence = template.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let refuse = || RecipeError::new("template.contentType", "It is a media type such as `application/json`.");
    let kind = HeaderValue::from_str(&template.content_type).map_err(|_| refuse())?;
    if !essence.contains('/') {
        return Err(refuse());
    }
    check_charset(&template.content_type)?;
    let refuse = |message| RecipeError::new("template.body", with_meant(dialect, &template.body, false, message));
    let Some(encoding) = encoding(&essence) else {
        let parsed = Template::parse(&template.body, None).map_err(refuse)?;
        return if parsed.is_fixed() { Ok(Some((kind, parsed, Encoding::Plain))) } else { Err(unsafe_type(&essence)) };
    };
    let parsed = Template::parse_body(&template.body, encoding).map_err(refuse)?;
    if matches!(encoding, Encoding::Json | Encoding::JsonLines) {
        check_json(&parsed, encoding).map_err(refuse)?;
    }
    Ok(Some((kind, parsed, encoding)))
}

/// Whether a text is a media type (RFC 9110, 8.3.1).
pub(super) fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let (essence, mut rest) = text.split_once(';').map_or((text, None), |(essence, rest)| (essence, Some(rest)));
    if !essence.trim().split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub)) {
        return false;
    }
    while let Some(parameter) = rest {
        let Some((name, value)) = parameter.trim_start().split_once('=') else { return parameter.trim().is_empty() };
        let value = match value.strip_prefix('"') {
            Some(quoted) => {
                // A backslash takes the letter behind it for itself.
                let mut letters = quoted.char_indices();
                let end = loop {
                    match letters.next() {
                        None => return false,
                        Some((at, '"')) => break at,
                        Some((_, '\\')) => drop(letters.next()),
                        Some(_) => {}
                    }
                };
                &quoted[end + 1..]
            }
            None => {
                let end = value.find(';').unwrap_or(value.len());
                if !is_token(value[..end].trim_end()) {
                    return false;
                }
                &value[end..]
            }
        };
        if !is_token(name) {
            return false;
        }
        rest = match value.trim_start() {
            "" => None,
            more => match more.strip_prefix(';') {
                Some(more) => Some(more),
                None => return false,
            },
        };
    }
    true
}

/// How values are written in a body of this content type; `None` where a value could end what it stands in.
fn encoding(essence: &str) -> Option<Encoding> {
    Some(match essence {
        "text/plain" => Encoding::Plain,
        "application/x-www-form-urlencoded" => Encoding::Form,
        "text/html" => Encoding::Html,
        "text/csv" => Encoding::Csv,
        kind if JSON_LINES.contains(&kind) || kind.ends_with("+json-seq") => Encoding::JsonLines,
        kind if kind == "application/json" || kind == "text/json" || kind.ends_with("+json") => Encoding::Json,
        kind if kind.ends_with("/xml") || kind.ends_with("+xml") => Encoding::Xml,
        _ => return None,
    })
}

fn unsafe_type(essence: &str) -> RecipeError {
    let rule = format!(
        "A value could end what it stands in, for it is not known how `{essence}` has to be written. A body with values \
         in it is `application/json` or another type of JSON (`application/x-ndjson`, `...+json`), `.../xml` or \
         `...+xml`, `text/html`, `text/csv`, `application/x-www-form-urlencoded` or `text/plain`."
    );
    RecipeError::new("template.contentType", rule)
}

/// A body is sent in UTF-8, whatever its type says.
fn check_charset(content_type: &str) -> Result<(), RecipeError> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    for (name, value) in parameters {
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            let rule = "The body is sent in UTF-8: give `utf-8` as the charset, or none.";
            return Err(RecipeError::new("template.contentType", rule));
        }
    }
    Ok(())
}

/// A body of JSON is JSON, whether a value is a number or a text; one of many documents has each on a line of its own.
fn check_json(template: &Template, encoding: Encoding) -> Result<(), String> {
    let samples = [
        (FillingKind::Digits, "1"),
        (FillingKind::Digits, ""),
        (FillingKind::Text, "1"),
        (FillingKind::Text, "g\"\\\n"),
        (FillingKind::Json, "[{}]"),
    ];
    for (kind, text) in samples {
        let mut sample = String::new();
        let fill = |_: &Slot| Ok::<_, Infallible>(Filling { text: text.to_owned(), kind });
        template.render(encoding, fill, &mut sample).unwrap_or_else(|never| match never {});
        let read = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop);
        if encoding == Encoding::Json {
            read(&sample).map_err(|error| format!("With values in it, it is no JSON: {error}."))?;
            continue;
        }
        // A record of a sequence begins with a mark of its own (RFC 7464).
        let lines = sample.lines().map(|line| line.trim_start_matches('\u{1e}'));
        for (at, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            read(line).map_err(|error| format!("With values in it, line {} is no JSON: {error}.", at + 1))?;
        }
    }
    Ok(())
}

/// Path and query with places for values; `None` if they have none.
pub(super) fn url(dialect: &'static Dialect, target: &str) -> Result<Option<Template>, RecipeError> {
    if !target.contains('{') {
        return Ok(None);
    }
    let is_field = |name: &str| {
        let fields = dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        fields.into_iter().any(|field| field.name == name)
    };
    let parsed = Template::parse(target, dialect.placeholders.then_some(&is_field as &dyn Fn(&str) -> bool))
        .map_err(|message| RecipeError::new("url", with_meant(dialect, target, true, message)))?;
    if dialect.placeholders {
        check_placeholders(dialect, target, &is_field).map_err(|message| RecipeError::new("url", message))?;
    }
    Ok((!parsed.is_fixed()).then_some(parsed))
}

/// What is said of a text that is refused, and how the field is written that somebody put in two braces in place of a path.
pub(super) fn with_meant(dialect: &Dialect, text: &str, is_url: bool, message: String) -> String {
    let fields = || dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
    let names = text.split("{{").skip(1).filter_map(|inside| inside.split_once("}}")).map(|(name, _)| name.trim());
    let meant = names
        .filter(|name| Source::parse(name).is_err())
        .find_map(|name| fields().find(|field| field.name == *name || field.slot() == name));
    let written = match meant {
        Some(field) if is_url && dialect.placeholders => Some(format!("`{{{}}}`", field.name)),
        Some(field) => field.from.as_ref().map(|from| format!("`{{{{{}}}}}`", from.text())),
        None => None,
    };
    match written {
        Some(written) => format!("{message} The dialect's parameter of this name is written {written}."),
        None => message,
    }
}

/// Refuses a brace that is left: a placeholder that the dialect does not know, or one without an end.
fn check_placeholders(dialect: &'static Dialect, target: &str, is_field: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let mut rest = target;
    while let Some((_, from)) = rest.split_once('{') {
        if let Some(inside) = from.strip_prefix('{') {
            rest = inside.split_once("}}").map_or("", |(_, behind)| behind);
            continue;
        }
        let fields = dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        let mut names = fields.map(|field| field.name.as_str());
        let Some((name, behind)) = from.split_once('}') else {
            let known = names.next().unwrap_or_default();
            return Err(format!("A `{{` has no `}}`. A placeholder is written `{{{known}}}`."));
        };
        if !is_field(name) {
            return Err(crate::unknown("placeholder", name, &ringback_model::near(name, names)));
        }
        rest = behind;
    }
    Ok(())
}

/// What in a URL looks like a placeholder of a dialect that has them, where this one has none: with its braces, and where
/// the value comes from that its name stands for, if it is known.
pub(super) fn bare_placeholder(dialect: &'static Dialect, target: &str) -> Option<(String, Option<String>)> {
    if dialect.placeholders {
        return None;
    }
    target.match_indices('{').find_map(|(at, _)| {
        let rest = &target[at + 1..];
        let name = &rest[..rest.find('}')?];
        let is_bare = !target[..at].ends_with('{') && !rest[name.len() + 1..].starts_with('}');
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let fields = || dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        let meant =
            || fields().find(|field| [field.slot(), &field.name].iter().any(|one| one.eq_ignore_ascii_case(name)));
        (is_bare && is_name)
            .then(|| (format!("{{{name}}}"), meant().and_then(|field| Some(field.from.as_ref()?.text()))))
    })
}

/// What in a URL begins with a percent sign and is no encoded byte, as other senders write places for values (`%mobile%`,
/// `%d`); and how that is written here, if it names a field of the dialect.
pub(super) fn percent_placeholder(dialect: &'static Dialect, target: &str) -> Option<(String, Option<String>)> {
    let fields = || dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
    target.match_indices('%').find_map(|(at, _)| {
        let rest = &target[at + 1..];
        let name = rest.split('%').next().filter(|name| name.len() < rest.len());
        if let Some(field) = name.and_then(|name| fields().find(|field| field.name == name || field.slot() == name)) {
            let path = || Some(format!("{{{{{}}}}}", field.from.as_ref()?.text()));
            let meant = if dialect.placeholders { Some(format!("{{{}}}", field.name)) } else { path() };
            return Some((format!("%{}%", name.unwrap_or_default()), meant));
        }
        let is_byte = rest.get(..2).is_some_and(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        (!is_byte).then(|| (rest.chars().next().map_or_else(|| "%".to_owned(), |next| format!("%{next}")), None))
    })
}

/// What in a URL looks like a place for a value and is none, for its braces are encoded; as it would have to be written.
pub(super) fn encoded_placeholder(dialect: &'static Dialect, target: &str) -> Option<String> {
    let lower = target.to_ascii_lowercase();
    lower.match_indices("%7b").find_map(|(at, brace)| {
        let from = at + brace.len();
        let name = target.get(from..from + lower[from..].find("%7d")?)?;
        let mut fields = dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        if dialect.placeholders && fields.any(|field| field.name == name) {
            return Some(format!("{{{name}}}"));
        }
        Source::parse(name).is_ok().then(|| format!("{{{{{name}}}}}"))
    })
}
