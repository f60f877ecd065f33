//! Verdicts on answers that do not count as success, by their status.

use http::header::{ACCEPT, ALLOW, LOCATION, RETRY_AFTER};
use ringback_model::{BodyRule, BodyTest, SendMethod};
use ringback_wire::StatusPattern;
use url::form_urlencoded;

use super::{Look, Verdict, VerdictClass, name};

/// Names of parameters that are listed at most.
const NAMES_MAX: usize = 5;

pub(super) fn verdict(look: &Look<'_>) -> Verdict {
    match look.status {
        200..=299 => Verdict::new(
            VerdictClass::Status,
            format!("The URL answered {}, which does not count as success for this endpoint.", look.status),
            expectation(look),
        ),
        301 | 302 | 303 | 307 | 308 => redirect(look),
        304 => Verdict::new(
            VerdictClass::Status,
            "The URL answered 304: nothing has changed since somebody asked. That does not count as success, for nobody \
             has read the event.",
            format!("Look at a cache in front of the receiver, which must not answer for it. {}", expectation(look)),
        ),
        400 | 422 => bad_request(look),
        401 | 403 => unauthorized(look),
        404 | 410 => not_found(look),
        405 => method(look),
        413 | 414 | 431 => too_large(look),
        415 => media_type(look),
        429 => rate_limited(look),
        500.. => server_error(look),
        status => Verdict::new(
            VerdictClass::Status,
            format!("The URL answered {status}, which does not count as success."),
            expectation(look),
        ),
    }
}

/// What would count, in words.
fn expectation(look: &Look<'_>) -> String {
    let success = look.success;
    let statuses = success.statuses().iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    match success.statuses() {
        _ if success.names_status() => format!("Answer with {statuses}, or change `success.status`."),
        [] | [StatusPattern::Class(2)] => "Answer with a status of 200 to 299.".to_owned(),
        _ => format!("Answer with {statuses}, which are what counts in its dialect, or set `success.status`."),
    }
}

/// The status would do, and the body is not as the rule asks.
pub(super) fn unacknowledged(look: &Look<'_>) -> Verdict {
    Verdict::new(
        VerdictClass::BodyMismatch,
        format!("The URL answered {}, and its body lacks the acknowledgement that counts as success.", look.status),
        format!("{}{}", look.success.body_rule().map(acknowledgement).unwrap_or_default(), shown_body(look.body)),
    )
}

fn acknowledgement(rule: &BodyRule) -> String {
    let value = rule.value.as_deref().unwrap_or_default();
    let answer = match rule.rule {
        BodyTest::Equals => format!("the body `{value}`"),
        BodyTest::Contains => format!("`{value}` in the body"),
        BodyTest::NonEmpty => "any text in the body".to_owned(),
        BodyTest::JsonPath => format!("JSON in which `{value}` holds"),
    };
    format!("Answer with {answer}, or change what counts as success (`success.body`). ")
}

fn shown_body(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).trim().chars().take(80).collect();
    if text.is_empty() { "The body was empty.".to_owned() } else { format!("The body was `{text}`.") }
}

fn redirect(look: &Look<'_>) -> Verdict {
    let text = format!("The URL answered {}, a redirect. Redirects are not followed.", look.status);
    let advice = match look.header(LOCATION.as_str()) {
        Some(location) => format!(
            "Register the URL that it leads to, if it is the right one: {}. If that is a log-in page, let webhooks in \
             without a log-in.",
            location.chars().take(300).collect::<String>()
        ),
        None => "Register the URL that it leads to.".to_owned(),
    };
    Verdict::new(VerdictClass::Redirect, text, advice)
}

fn unauthorized(look: &Look<'_>) -> Verdict {
    let status = look.status;
    let text = format!("The URL answered {status}: the secret was rejected, or one is missing.");
    let challenge = look.header("www-authenticate").map(|value| value.split([' ', ',']).next().unwrap_or(value));
    let advice = match (look.request.headers.contains_key("authorization"), challenge) {
        (false, Some(scheme)) => {
            format!("The request carries no `authorization` header, and the receiver asks for {scheme}: set `auth`.")
        }
        (false, None) => {
            "Set the authentication (`auth`) to what the receiver checks, or let it verify the signature headers."
                .to_owned()
        }
        (true, Some(scheme)) => format!(
            "Compare the secret in `auth` with the one that the receiver knows. The receiver asks for {scheme}."
        ),
        (true, None) => "Compare the secret in `auth` with the one that the receiver knows.".to_owned(),
    };
    Verdict::new(VerdictClass::Unauthorized, text, advice)
}

fn not_found(look: &Look<'_>) -> Verdict {
    let status = look.status;
    let advice = match status {
        410 => "A delivery with this answer would disable the endpoint. Register the path that is in use now.",
        _ => {
            "Compare the path of the URL with the route of the receiver: case and a slash at its end count. Some \
             frameworks answer 404 when the path is right and the method is not: then switch the send method."
        }
    };
    Verdict::new(VerdictClass::NotFound, format!("The URL answered {status}: there is nothing at this path."), advice)
}

fn method(look: &Look<'_>) -> Verdict {
    let sent = look.sent_as();
    let verb = look.request.method.as_str();
    let allow = look.header(ALLOW.as_str());
    let allows =
        |wanted: &str| allow.is_some_and(|list| list.split(',').any(|m| m.trim().eq_ignore_ascii_case(wanted)));
    let text = match allow {
        Some(list) => format!("The URL answered 405 to {verb} and allows {list}."),
        None => format!("The URL answered 405: it does not take {verb}."),
    };
    let advice = match (sent, allow) {
        (_, Some(_)) if allows(verb) => {
            format!(
                "The receiver refuses {verb} and names it as allowed: look at its routes, and at a proxy before it."
            )
        }
        (SendMethod::Get, Some(_)) if allows("POST") => {
            "Switch the send method to POST for a form, or to JSON or XML, whichever the receiver reads.".to_owned()
        }
        (SendMethod::Get, None) => {
            "Switch the send method to POST for a form, or to JSON or XML, whichever the receiver reads.".to_owned()
        }
        (SendMethod::Post | SendMethod::Json | SendMethod::Xml, Some(_)) if allows("GET") => {
            "Switch the send method to GET.".to_owned()
        }
        (SendMethod::Post | SendMethod::Json | SendMethod::Xml, None) => {
            "Switch the send method to GET, or look whether the path is that of a receiver at all.".to_owned()
        }
        (_, Some(_)) => "Webhooks are sent by GET or POST: let the receiver take one of them.".to_owned(),
    };
    Verdict::new(VerdictClass::Method, text, advice)
}

fn bad_request(look: &Look<'_>) -> Verdict {
    let status = look.status;
    let text = format!("The URL answered {status}: the receiver does not accept what the request says.");
    let mut empty = empty_names(look);
    let more = empty.len().saturating_sub(NAMES_MAX);
    empty.truncate(NAMES_MAX);
    let listed = empty.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let advice = match (empty.len(), more) {
        (0, _) => format!(
            "Compare the names of the parameters, case included, and the send method ({}) with what the receiver \
             reads; its answer may say which is missing.",
            name(look.sent_as())
        ),
        (1, 0) => format!(
            "The parameter {listed} was sent empty, for the event has no value for it. Let the receiver take an empty \
             value, or set `emptyValue` to `omit` to leave it out."
        ),
        (_, more) => format!(
            "The parameters {listed}{} were sent empty, for the event has no values for them. Let the receiver take \
             empty values, or set `emptyValue` to `omit` to leave them out.",
            if more > 0 { format!(" and {more} more") } else { String::new() }
        ),
    };
    Verdict::new(VerdictClass::BadRequest, text, advice)
}

/// The names of parameters that were sent without a value.
fn empty_names(look: &Look<'_>) -> Vec<String> {
    let of_form = |form: &[u8]| -> Vec<String> {
        let pairs = form_urlencoded::parse(form).filter(|(name, value)| value.is_empty() && !name.is_empty());
        pairs.map(|(name, _)| name.into_owned()).collect()
    };
    let body = &look.request.body;
    match look.sent_as() {
        SendMethod::Get => of_form(look.request.target.query().unwrap_or_default().as_bytes()),
        SendMethod::Post => of_form(body),
        SendMethod::Json => {
            let members = serde_json::from_slice::<serde_json::Map<_, _>>(body).unwrap_or_default();
            let is_empty = |value: &serde_json::Value| value.is_null() || value.as_str() == Some("");
            members.into_iter().filter(|(_, value)| is_empty(value)).map(|(name, _)| name).collect()
        }
        SendMethod::Xml => empty_elements(&String::from_utf8_lossy(body)),
    }
}

/// Names of elements written as `<name></name>`.
fn empty_elements(xml: &str) -> Vec<String> {
    let ends = xml.match_indices("></").map(|(at, _)| at);
    let names = ends.filter_map(|at| {
        let name = &xml[xml[..at].rfind('<')? + 1..at];
        xml[at + 3..].strip_prefix(name)?.starts_with('>').then(|| name.to_owned())
    });
    names.collect()
}

fn too_large(look: &Look<'_>) -> Verdict {
    let status = look.status;
    let advice = match (status, look.sent_as()) {
        (414, _) | (_, SendMethod::Get) => "Switch the send method to POST or JSON: a query has to be short.",
        (431, _) => "Send fewer or shorter headers, or raise the receiver's limit for them.",
        _ => "Raise the receiver's limit for the body of a request, and that of a proxy before it.",
    };
    Verdict::new(VerdictClass::TooLarge, format!("The URL answered {status}: the request is too large for it."), advice)
}

fn media_type(look: &Look<'_>) -> Verdict {
    let sent = look.sent_as();
    let content_type = look.request.headers.get("content-type").and_then(|value| value.to_str().ok());
    let text = match content_type {
        Some(content_type) => format!("The URL answered 415: it does not read `{content_type}`."),
        None => "The URL answered 415: it wants a body of another type.".to_owned(),
    };
    let wanted = look.header(ACCEPT.as_str()).or_else(|| look.header("accept-post")).and_then(method_for);
    let advice = match wanted.filter(|wanted| *wanted != sent) {
        Some(wanted) => format!("Switch the send method to {}: the receiver says that it reads it.", name(wanted)),
        None => match sent {
            SendMethod::Json => "Switch the send method to POST for a form, or to XML, whichever the receiver reads.",
            SendMethod::Post | SendMethod::Xml | SendMethod::Get => {
                "Switch the send method to JSON, which most receivers read."
            }
        }
        .to_owned(),
    };
    Verdict::new(VerdictClass::MediaType, text, advice)
}

/// The send method whose content type a receiver says that it reads.
fn method_for(accept: &str) -> Option<SendMethod> {
    let mut types = accept.split(',').map(|item| item.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    types.find_map(|media_type| match media_type.as_str() {
        "application/json" => Some(SendMethod::Json),
        "application/x-www-form-urlencoded" => Some(SendMethod::Post),
        "application/xml" | "text/xml" => Some(SendMethod::Xml),
        _ => None,
    })
}

fn rate_limited(look: &Look<'_>) -> Verdict {
    let text = match look.header(RETRY_AFTER.as_str()) {
        Some(wait) => format!("The URL answered 429: too many requests. It asks to wait ({wait})."),
        None => "The URL answered 429: too many requests.".to_owned(),
    };
    Verdict::new(
        VerdictClass::RateLimited,
        text,
        "Set the attempts a second (`throttleRate`) to what the receiver can take, or raise its limit.",
    )
}

fn server_error(look: &Look<'_>) -> Verdict {
    let status = look.status;
    let advice = match status {
        502..=504 => {
            "A proxy before the receiver could not reach it, or is out of patience: look whether it is running."
        }
        501 => "The receiver does not know the method: switch the send method.",
        _ => "Look into the log of the receiver: its own program failed on this request.",
    };
    Verdict::new(VerdictClass::ServerError, format!("The URL answered {status}: the receiver failed."), advice)
}
