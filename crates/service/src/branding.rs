//! How the pages look that customers see: what may be said of it.

use ringback_model::Branding;
use url::Url;

use crate::check::Faults;

/// The longest name, in characters.
const NAME_MAX: usize = 100;
/// The longest URL, in bytes.
const URL_MAX: usize = 2_048;
/// Origins that may show the pages in a frame.
const ORIGINS_MAX: usize = 20;

/// Notes what is wrong with the branding and the way to support. What passes is safe in a header and in a link.
pub(crate) fn check(branding: &Branding, support_url: Option<&str>, faults: &mut Faults) {
    let Branding { name, logo_url, accent_color, frame_ancestors } = branding;
    let is_name =
        |name: &str| (1..=NAME_MAX).contains(&name.trim().chars().count()) && !name.contains(char::is_control);
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        faults.note_path("branding.name", format!("It has 1 to {NAME_MAX} characters; leave it out for none."));
    }
    if logo_url.as_deref().is_some_and(|logo| !is_url(logo, &["https"])) {
        faults.note_path("branding.logoUrl", "It is an https URL of an image; leave it out for none.");
    }
    if accent_color.as_deref().is_some_and(|color| !is_color(color)) {
        faults.note_path("branding.accentColor", "It is a colour in hexadecimal digits, such as `#2450c4`.");
    }
    if frame_ancestors.len() > ORIGINS_MAX {
        faults.note_path("branding.frameAncestors", format!("At most {ORIGINS_MAX} origins are allowed."));
    }
    for (at, _) in frame_ancestors.iter().enumerate().filter(|(_, origin)| !is_origin(origin)) {
        let rule = "It is an origin, such as `https://app.example.com`: no path, no wildcard.";
        faults.note_path(&format!("branding.frameAncestors.{at}"), rule);
    }
    if support_url.is_some_and(|url| !is_url(url, &["https", "http", "mailto"])) {
        faults.note_path("supportUrl", "It is a URL that begins with `https://`, `http://` or `mailto:`.");
    }
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= URL_MAX;
    plain(text) && Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()))
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// As a browser writes it, so that nothing else can be said in its place.
fn is_origin(text: &str) -> bool {
    is_url(text, &["https", "http"])
        && !text.contains(['*', ';', ',', '\''])
        && Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}
