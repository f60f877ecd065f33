//! The text that is signed: parts of a request in the order and with the separators that a provider asks for.
//!
//! `{part}` stands for a part; behind `|` stands what is made of it: `{body|sha256|hex}`. What stands in brackets is left
//! out if a part within is empty: `{base}[?{query}]`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ringback_model::Timestamp;
use serde::Deserialize;

use super::algorithm::{Hash, hex, uuid};
use crate::format::form;

/// What is known of a request when it is signed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input<'a> {
    /// The method: `POST`.
    pub(crate) method: &'a str,
    /// The URL as it is requested: no default port, no fragment.
    pub(crate) url: Cow<'a, str>,
    pub(crate) content_type: &'a str,
    /// The parameters of a form, decoded.
    pub(crate) params: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) body: &'a [u8],
    /// The id of the message: the same at each attempt.
    pub(crate) id: &'a str,
    /// When it is signed, in seconds.
    pub(crate) timestamp: i64,
    pub(crate) nonce: Cow<'a, str>,
    /// Parts of contents alone.
    pub(crate) secret: &'a [u8],
    /// What was made of the content: a part of headers alone.
    pub(crate) signature: &'a str,
}

/// A text with parts of a request in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Content(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Part(Part, Vec<Change>),
    /// Left out if a part within is empty.
    Optional(Content),
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Method,
    Url,
    /// The URL without its query.
    Base,
    Path,
    /// The parameters of the URL, decoded and sorted.
    Query,
    /// The parameters of the form, decoded and sorted.
    Params,
    ContentType,
    Body,
    Id,
    /// When it is signed, in seconds.
    Timestamp,
    /// The same as RFC 3339 writes it.
    Time,
    Nonce,
    Secret,
    Signature,
}

/// What is made of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Hash(Hash),
    Hex,
    Base64,
    /// A UUID that follows from it.
    Uuid,
}

/// How parameters are joined to a text. They are sorted by the bytes of their names, equal ones written once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Joined {
    /// Between name and value.
    equals: String,
    /// Between two parameters.
    between: String,
    /// Characters of values for which `_` is written.
    replaced: String,
    /// Names and values are written as in a form.
    encoded: bool,
}

const PARTS: [(&str, Part); 14] = [
    ("method", Part::Method),
    ("url", Part::Url),
    ("base", Part::Base),
    ("path", Part::Path),
    ("query", Part::Query),
    ("params", Part::Params),
    ("content_type", Part::ContentType),
    ("body", Part::Body),
    ("id", Part::Id),
    ("timestamp", Part::Timestamp),
    ("time", Part::Time),
    ("nonce", Part::Nonce),
    ("secret", Part::Secret),
    ("signature", Part::Signature),
];

impl Content {
    fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find(['{', '[']) {
            let (before, from) = rest.split_at(at);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let end = if from.starts_with('{') { '}' } else { ']' };
            let (inside, behind) =
                from[1..].split_once(end).ok_or_else(|| format!("`{text}`: a bracket is never closed"))?;
            pieces.push(match end {
                '}' => part(inside)?,
                _ => Piece::Optional(Self::parse(inside)?),
            });
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether a part is in it.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Part(found, _) => *found == part,
            Piece::Optional(inner) => inner.has(part),
        })
    }

    /// What the parts of a text are that was written by it: those that stand there as they are. `None` if it was not.
    pub(super) fn read<'a>(&self, text: &'a str) -> Option<Vec<(Part, &'a str)>> {
        let (mut found, mut rest) = (Vec::new(), text);
        let mut pieces = self.0.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Text(known) => rest = rest.strip_prefix(known.as_str())?,
                Piece::Part(part, changes) => {
                    let end = match pieces.peek() {
                        None => rest.len(),
                        Some(Piece::Text(next)) => rest.find(next.as_str())?,
                        Some(Piece::Part(..) | Piece::Optional(_)) => return None,
                    };
                    let (value, behind) = rest.split_at(end);
                    found.extend(changes.is_empty().then_some((*part, value)));
                    rest = behind;
                }
                Piece::Optional(_) => return None,
            }
        }
        rest.is_empty().then_some(found)
    }

    /// The text for a request.
    pub(crate) fn bytes(&self, input: &Input<'_>, query: &Joined, params: &Joined) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(input, query, params, &mut out);
        out
    }

    /// The same where it is known to be text: of headers and claims.
    pub(crate) fn text(&self, input: &Input<'_>, query: &Joined, params: &Joined) -> String {
        String::from_utf8_lossy(&self.bytes(input, query, params)).into_owned()
    }

    /// Writes the text; says whether each part had something to say.
    fn write(&self, input: &Input<'_>, query: &Joined, params: &Joined, out: &mut Vec<u8>) -> bool {
        let mut complete = true;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Part(part, changes) => {
                    let mut value = part.value(input, query, params);
                    complete &= !value.is_empty();
                    for change in changes {
                        value = Cow::Owned(change.apply(&value));
                    }
                    out.extend_from_slice(&value);
                }
                Piece::Optional(inner) => {
                    let before = out.len();
                    if !inner.write(input, query, params, out) {
                        out.truncate(before);
                    }
                }
            }
        }
        complete
    }
}

impl fmt::Display for Content {
    /// As it is written in the file of a dialect.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Part(part, changes) => {
                    let name = PARTS.iter().find(|(_, known)| known == part).map_or("", |(name, _)| name);
                    write!(f, "{{{name}")?;
                    changes.iter().try_for_each(|change| write!(f, "|{}", change.name()))?;
                    f.write_str("}")?;
                }
                Piece::Optional(inner) => write!(f, "[{inner}]")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Content {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

fn part(text: &str) -> Result<Piece, String> {
    let mut words = text.split('|');
    let name = words.next().unwrap_or_default();
    let found = PARTS.iter().find(|(known, _)| *known == name);
    let part = found.ok_or_else(|| format!("there is no part `{name}` of a request")).map(|(_, part)| *part)?;
    let changes = words.map(|word| match (word, Hash::parse(word)) {
        (_, Some(hash)) => Ok(Change::Hash(hash)),
        ("hex", None) => Ok(Change::Hex),
        ("base64", None) => Ok(Change::Base64),
        ("uuid", None) => Ok(Change::Uuid),
        (_, None) => Err(format!("`{text}`: nothing is made by `{word}`")),
    });
    Ok(Piece::Part(part, changes.collect::<Result<_, String>>()?))
}

impl Part {
    /// All of them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        PARTS.iter().map(|(_, part)| *part)
    }

    /// Whether only the sender knows it, so that it stands in the request.
    pub(super) fn is_told(self) -> bool {
        matches!(self, Self::Id | Self::Timestamp | Self::Time | Self::Nonce)
    }

    fn value<'a>(self, input: &'a Input<'_>, query: &Joined, params: &Joined) -> Cow<'a, [u8]> {
        let text: &str = match self {
            Self::Method => input.method,
            Self::Url => &input.url,
            Self::Base => split_query(&input.url).0,
            Self::Path => path(split_query(&input.url).0),
            Self::ContentType => input.content_type,
            Self::Id => input.id,
            Self::Nonce => &input.nonce,
            Self::Signature => input.signature,
            Self::Body => return Cow::Borrowed(input.body),
            Self::Secret => return Cow::Borrowed(input.secret),
            Self::Timestamp => return Cow::Owned(input.timestamp.to_string().into_bytes()),
            Self::Time => return Cow::Owned(Timestamp::from_seconds(input.timestamp).to_string().into_bytes()),
            Self::Params => return Cow::Owned(params.write(input.params.clone()).into_bytes()),
            Self::Query => {
                let pairs = url::form_urlencoded::parse(split_query(&input.url).1.as_bytes());
                return Cow::Owned(query.write(pairs.collect()).into_bytes());
            }
        };
        Cow::Borrowed(text.as_bytes())
    }
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Hash(hash) => hash.name(),
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Uuid => "uuid",
        }
    }

    fn apply(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Hash(hash) => hash.digest(value),
            Self::Hex => hex(value).into_bytes(),
            Self::Base64 => BASE64.encode(value).into_bytes(),
            Self::Uuid => uuid(value).into_bytes(),
        }
    }
}

impl Joined {
    fn write(&self, mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)>) -> String {
        pairs.sort_unstable();
        // A name that stands there with the same value twice is one parameter to the validators.
        pairs.dedup();
        let mut out = String::new();
        for (at, (name, value)) in pairs.iter().enumerate() {
            if at > 0 {
                out.push_str(&self.between);
            }
            self.write_one(name, false, &mut out);
            out.push_str(&self.equals);
            self.write_one(value, true, &mut out);
        }
        out
    }

    fn write_one(&self, text: &str, is_value: bool, out: &mut String) {
        if self.encoded {
            form::encode(text, out);
        } else if is_value && !self.replaced.is_empty() {
            out.extend(text.chars().map(|c| if self.replaced.contains(c) { '_' } else { c }));
        } else {
            out.push_str(text);
        }
    }
}

/// A URL without its query, and the query.
fn split_query(url: &str) -> (&str, &str) {
    url.split_once('?').unwrap_or((url, ""))
}

fn path(base: &str) -> &str {
    let behind = base.find("://").map_or(0, |at| at + 3);
    base[behind..].find('/').map_or("", |at| &base[behind + at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str, input: &Input<'_>) -> String {
        let joined = Joined { equals: "=".into(), between: "&".into(), ..Joined::default() };
        Content::parse(content).unwrap().text(input, &joined, &joined)
    }

    #[test]
    fn parts_stand_where_they_are_named_and_brackets_go_with_an_empty_part() {
        let mut input = Input { method: "POST", url: "https://h.example/p?b=2&a=x%20y".into(), ..Input::default() };
        assert_eq!(text("{method} {path} {base}[?{query}][.{params}]", &input), {
            "POST /p https://h.example/p?a=x y&b=2"
        });
        input.url = "https://h.example".into();
        input.params = vec![("k".into(), "2".into()), ("k".into(), "10".into()), ("k".into(), "2".into())];
        assert_eq!(text("<{path}>{base}[?{query}][.{params}]", &input), "<>https://h.example.k=10&k=2");
        assert_eq!(text("{body|sha256|hex}", &input), hex(&Hash::Sha256.digest(b"")));
    }

    #[test]
    fn a_content_that_cannot_be_made_is_refused_in_words() {
        for (content, word) in
            [("{uri}", "`uri`"), ("{body|rot13}", "`rot13`"), ("[{url}", "closed"), ("{url", "closed")]
        {
            assert!(Content::parse(content).unwrap_err().contains(word), "{content}");
        }
    }
}
