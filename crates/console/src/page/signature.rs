//! How the signature of an attempt was made: the text that was signed, the headers, and a command that makes it anew.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ringback_model::Redacted;
use ringback_service::{Explanation, Service, SignatureView, SignedWith, Written};

use super::message::{download, last};
use crate::answer::page;
use crate::error::PageError;
use crate::layout::Layout;
use crate::text;
use crate::visit::AppVisit;

/// Longer texts are not part of a command: they are downloaded first.
const INLINE: usize = 4 * 1024;
/// Bytes of a text that the page shows.
const SHOWN: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "signature.html")]
struct SignaturePage {
    layout: Layout,
    /// The message's page.
    back: String,
    /// This page.
    here: String,
    at: String,
    request_line: String,
    signatures: Vec<Part>,
    changed_since: bool,
    is_masked: bool,
}

/// One signature.
struct Part {
    no: usize,
    algorithm: String,
    key: &'static str,
    key_more: String,
    pattern: String,
    text: String,
    is_cut: bool,
    headers: Vec<(String, String)>,
    has_secret: bool,
    written: &'static str,
    /// Empty where there is none.
    command: String,
    /// The command has the secret in it.
    shows_secret: bool,
    /// The command reads the text from a file.
    needs_file: bool,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let view = explained(&service, &visit, &path).await?;
    let (message, attempt) = (last(&path, "msg"), last(&path, "attempt"));
    let back = format!("{}/messages/{message}", visit.base);
    let template = SignaturePage {
        layout: Layout::of_app(&service, &visit, "Explain the signature", "/messages").await?,
        here: format!("{back}/attempts/{attempt}/signature"),
        back,
        at: text::time(view.at),
        request_line: format!("{} {}", view.request.method, view.request.url),
        signatures: view.signatures.iter().enumerate().map(|(no, one)| part(no, one, &view)).collect(),
        changed_since: view.changed_since,
        is_masked: view.is_masked,
    };
    Ok(page(&template))
}

/// A signed text, byte for byte.
pub(crate) async fn content(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let view = explained(&service, &visit, &path).await?;
    let no: usize = last(&path, "no").parse().map_err(|_| PageError::NotFound)?;
    let found = view.signatures.into_iter().nth(no).ok_or(PageError::NotFound)?;
    Ok(download(found.content, FILE))
}

/// What is told of the attempt that a path names, to whoever may see its numbers.
async fn explained(service: &Service, visit: &AppVisit, path: &[(String, String)]) -> Result<SignatureView, PageError> {
    let (message, attempt) = (last(path, "msg"), last(path, "attempt"));
    Ok(service.explain_signature(&visit.visit.actor, &visit.name, message, attempt).await?)
}

/// What a signed text is called where it is downloaded.
const FILE: &str = "signed.txt";

fn part(no: usize, one: &Explanation, view: &SignatureView) -> Part {
    let text = String::from_utf8_lossy(&one.content);
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let (key, key_more) = match &one.key {
        SignedWith::SigningSecret => ("The signing secret of the webhook", String::new()),
        SignedWith::ProviderSecret { what, .. } => ("The secret that the format signs with", format!("({what})")),
    };
    let secret = view.secret.as_ref().filter(|_| one.key == SignedWith::SigningSecret && one.digest.is_some());
    let needs_file = one.content.len() > INLINE || std::str::from_utf8(&one.content).is_err();
    let command = command(one, secret, needs_file).unwrap_or_default();
    let value = |name: &&str| {
        let found = view.request.headers.get(&name.to_ascii_lowercase());
        ((*name).to_owned(), found.cloned().unwrap_or_default())
    };
    Part {
        no,
        algorithm: one.algorithm.clone(),
        key,
        key_more,
        pattern: one.pattern.clone(),
        text: text::visible(&text[..end]),
        is_cut: end < text.len(),
        headers: one.headers.iter().map(value).collect(),
        has_secret: one.has_secret,
        written: match one.written {
            Written::Base64 => "base64",
            Written::Base64Url => "base64url, as the last part of the token",
            Written::Hex => "hexadecimal",
        },
        shows_secret: !command.is_empty() && secret.is_some(),
        needs_file: needs_file && !command.is_empty(),
        command,
    }
}

/// A command for a shell that makes an HMAC anew; `None` for what the usual tools cannot make.
fn command(one: &Explanation, secret: Option<&Redacted>, needs_file: bool) -> Option<String> {
    let digest = one.digest.filter(|_| !one.has_secret)?;
    let quote = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let (given, placeholder) = match one.key {
        SignedWith::SigningSecret => (secret.map(|secret| secret.reveal().to_owned()), "whsec_…"),
        SignedWith::ProviderSecret { .. } => (None, "…"),
    };
    let decode = |text: &str| format!("printf %s \"{text}\" | base64 -d | od -An -v -tx1 | tr -d ' \\n'");
    let key = match &one.key {
        SignedWith::SigningSecret => format!("-mac HMAC -macopt hexkey:\"$({})\"", decode("${SECRET#whsec_}")),
        SignedWith::ProviderSecret { is_base64: true, .. } => {
            format!("-mac HMAC -macopt hexkey:\"$({})\"", decode("$SECRET"))
        }
        SignedWith::ProviderSecret { is_base64: false, .. } => "-hmac \"$SECRET\"".to_owned(),
    };
    let content = match std::str::from_utf8(&one.content) {
        Ok(text) if !needs_file => format!("printf %s {}", quote(text)),
        _ => format!("cat {FILE}"),
    };
    let written = match one.written {
        Written::Base64 => "-binary | base64 -w 0; echo",
        Written::Base64Url => "-binary | base64 -w 0 | tr '+/' '-_' | tr -d =; echo",
        Written::Hex => "-r | cut -d ' ' -f 1",
    };
    let secret = quote(&given.unwrap_or_else(|| placeholder.to_owned()));
    Some(format!("SECRET={secret}\n{content} \\\n  | openssl dgst -{digest} {key} {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: SignedWith, content: &str) -> Explanation {
        Explanation {
            algorithm: "HMAC-SHA256".to_owned(),
            digest: Some("sha256"),
            key,
            pattern: String::new(),
            content: content.as_bytes().to_vec(),
            has_secret: false,
            written: Written::Base64,
            headers: Vec::new(),
        }
    }

    #[test]
    fn a_command_cannot_be_left_by_what_is_signed_and_has_a_secret_only_where_one_is_given() {
        let hostile = one(SignedWith::SigningSecret, "msg_1.2.it's $(rm -rf /)");
        let with = command(&hostile, Some(&Redacted::new("whsec_AAAA".to_owned())), false).unwrap();
        assert!(
            with.starts_with("SECRET='whsec_AAAA'\nprintf %s 'msg_1.2.it'\\''s $(rm -rf /)' \\\n  | openssl"),
            "{with}"
        );
        let without = command(&hostile, None, false).unwrap();
        assert!(without.starts_with("SECRET='whsec_…'\n"), "{without}");
        let of_file = command(&hostile, None, true).unwrap();
        assert!(of_file.contains("\ncat signed.txt \\"), "{of_file}");
        let provider = SignedWith::ProviderSecret { what: "a token", is_base64: false };
        assert!(command(&one(provider, "x"), None, false).unwrap().contains("-hmac \"$SECRET\""));
        assert_eq!(command(&Explanation { has_secret: true, ..hostile.clone() }, None, false), None);
        assert_eq!(command(&Explanation { digest: None, ..hostile }, None, false), None);
    }
}
