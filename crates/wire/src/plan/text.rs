//! Texts with places for values: the body of a template, and path and query of a URL.

use std::convert::Infallible;

use http::HeaderValue;
use ringback_model::Shape;

use crate::RecipeError;
use crate::dialect::Dialect;
use crate::format::template::{Encoding, Filling, Slot, Template};

/// The endpoint's own body: its content type, its text, and how values are written into that.
pub(super) fn template(shape: &Shape) -> Result<Option<(HeaderValue, Template, Encoding)>, RecipeError> {
    let Some(template) = &shape.template else { return Ok(None) };
    let essence = template.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let refuse = || RecipeError::new("template.contentType", "It is a media type such as `application/json`.");
    let kind = HeaderValue::from_str(&template.content_type).map_err(|_| refuse())?;
    if !essence.contains('/') {
        return Err(refuse());
    }
    let encoding = encoding(&essence);
    let refuse = |message| RecipeError::new("template.body", message);
    let parsed = Template::parse_body(&template.body, encoding).map_err(refuse)?;
    if encoding == Encoding::Json {
        check_json(&parsed).map_err(refuse)?;
    }
    Ok(Some((kind, parsed, encoding)))
}

/// How values are written in a body of this content type.
fn encoding(essence: &str) -> Encoding {
    match essence {
        "application/x-www-form-urlencoded" => Encoding::Form,
        "text/html" => Encoding::Html,
        "text/csv" => Encoding::Csv,
        kind if kind == "application/json" || kind == "text/json" || kind.ends_with("+json") => Encoding::Json,
        kind if kind.ends_with("/xml") || kind.ends_with("+xml") => Encoding::Xml,
        _ => Encoding::Plain,
    }
}

/// A body of JSON is JSON, whether a value is a number or a text.
fn check_json(template: &Template) -> Result<(), String> {
    for digits in [true, false] {
        let mut sample = String::new();
        let fill = |_: &Slot| Ok::<_, Infallible>(Filling { text: "1".to_owned(), digits });
        template.render(Encoding::Json, fill, &mut sample).unwrap_or_else(|never| match never {});
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&sample) {
            return Err(format!("With values in it, it is no JSON: {error}."));
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
        .map_err(|message| RecipeError::new("url", message))?;
    // A brace that is left is a placeholder that the dialect does not know.
    if dialect.placeholders
        && let Some(name) = leftover(target, &is_field)
    {
        let fields = dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        let near = ringback_model::near(name, fields.map(|field| field.name.as_str()));
        return Err(RecipeError::new("url", crate::unknown("placeholder", name, &near)));
    }
    Ok((!parsed.is_fixed()).then_some(parsed))
}

fn leftover<'a>(target: &'a str, is_field: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    let mut rest = target;
    while let Some((_, from)) = rest.split_once('{') {
        if let Some(inside) = from.strip_prefix('{') {
            rest = inside.split_once("}}").map_or("", |(_, behind)| behind);
            continue;
        }
        let (name, behind) = from.split_once('}')?;
        if !is_field(name) {
            return Some(name);
        }
        rest = behind;
    }
    None
}
