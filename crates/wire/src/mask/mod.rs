//! Secrets out of what a receiver sends back: a receiver that echoes a request must not make its secrets readable.
//!
//! A secret is looked for as it is, in every spelling that a program gives it when it writes it into a form, JSON, XML
//! or basic authentication, and in two such spellings one inside the other. The work grows with the text and with the
//! secrets, never with their product.

mod spelling;
mod tail;

use std::ops::Range;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::noncontiguous::NFA;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ringback_model::{Auth, Endpoint, EndpointSecrets, Redacted};
use zeroize::Zeroizing;

use self::spelling::{Spelling, View};

/// What stands where a secret was.
pub const MASK: &str = "****";
/// Base64 in the middle of other base64 is looked for from this many characters on: fewer would be found everywhere.
const CORE_MIN: usize = 6;
/// Spellings are undone one inside the other so often.
const DEPTH: usize = 2;

/// The secrets of an endpoint that its receiver is shown.
#[derive(Clone, Debug, Default)]
pub struct SecretMask {
    /// As they are looked for: every `+` is a space, for forms write one for the other.
    forms: Vec<Form>,
}

/// One way in which a secret is written. Wiped when dropped.
#[derive(Clone)]
struct Form(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Form {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl SecretMask {
    /// What is secret in requests to an endpoint: all that it shows or has shown, and what its dialect signs with.
    #[must_use]
    pub fn of(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Self {
        let mut mask = Self::default();
        let retired = secrets.retired_auth.as_ref().map(|retired| &retired.auth);
        secrets.auth.iter().chain(retired).for_each(|auth| mask.hide_auth(auth));
        let headers = endpoint.headers.iter().zip(&secrets.header_values);
        headers.filter(|(field, _)| field.sensitive).for_each(|(_, value)| mask.hide(value));
        secrets.custom_values.iter().for_each(|value| mask.hide(value));
        secrets.validation_key.iter().chain(&secrets.provider_secret).for_each(|value| mask.hide(value));
        mask
    }

    fn hide_auth(&mut self, auth: &Auth) {
        match auth {
            Auth::Bearer { token } => self.hide(token),
            Auth::Basic(basic) => self.hide_pair(&basic.username, &basic.password),
            Auth::ApiKey { value, .. } => self.hide(value),
            Auth::Oauth2 { client_id, client_secret, .. } => {
                self.hide_pair(client_id, client_secret);
                // RFC 6749, 2.3.1: both are form-encoded before they become a user and a password.
                let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                self.hide_pair(&encoded(client_id), &Redacted::new(encoded(client_secret.reveal())));
            }
            // The key proves itself in TLS and is sent to nobody.
            Auth::Mtls { .. } => {}
        }
    }

    /// Hides one secret more.
    pub fn hide(&mut self, secret: &Redacted) {
        let secret = secret.reveal().as_bytes();
        // What nothing but asterisks stand for tells nobody anything, and cannot be told from a mask.
        if secret.iter().all(|byte| *byte == b'*') {
            return;
        }
        self.add(secret.to_vec());
        self.add_base64(secret);
    }

    /// Hides a password, alone and as basic authentication sends it (RFC 7617).
    fn hide_pair(&mut self, user: &str, password: &Redacted) {
        if !password.reveal().is_empty() {
            self.hide(password);
            self.add_base64(Zeroizing::new(format!("{user}:{}", password.reveal())).as_bytes());
        }
    }

    /// Base64 of these bytes, alone or as a part of longer base64.
    fn add_base64(&mut self, bytes: &[u8]) {
        let mut padded = Zeroizing::new(Vec::with_capacity(bytes.len() + 2));
        for before in 0..3 {
            padded.clear();
            padded.resize(before, 0);
            padded.extend_from_slice(bytes);
            let text = Zeroizing::new(BASE64.encode(&*padded));
            // The characters that depend on these bytes alone, whatever is before and behind them.
            let core = &text[(before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6];
            let (whole, core) = ((before == 0).then_some(&**text), Some(core).filter(|core| core.len() >= CORE_MIN));
            for form in whole.into_iter().chain(core) {
                self.add(form.as_bytes().to_vec());
                if form.contains(['+', '/']) {
                    // RFC 4648, section 5.
                    self.add(form.replace('+', "-").replace('/', "_").into_bytes());
                }
            }
        }
    }

    fn add(&mut self, mut form: Vec<u8>) {
        form.iter_mut().filter(|byte| **byte == b'+').for_each(|byte| *byte = b' ');
        let form = Form(Zeroizing::new(form));
        if let Err(at) = self.forms.binary_search_by(|other| other.0.cmp(&form.0)) {
            self.forms.insert(at, form);
        }
    }

    /// Whether there is no secret.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// A text without the secrets; `None` if there is none in it. With `is_cut` it goes on where nobody has read, and
    /// the beginning of a secret at its end is masked too.
    #[must_use]
    pub fn bytes(&self, text: &[u8], is_cut: bool) -> Option<Vec<u8>> {
        // No spelling of a secret is shorter than the secret.
        let forms: Vec<&[u8]> =
            self.forms.iter().map(AsRef::as_ref).filter(|form| is_cut || form.len() <= text.len()).collect();
        if text.is_empty() || forms.is_empty() {
            return None;
        }
        // Fails for more forms than an endpoint can have; then nothing is shown rather than everything.
        let Ok(finder) = NFA::builder().prefilter(false).build(&forms) else {
            return Some(MASK.into());
        };
        let mut search = Search { finder: &finder, forms: &forms, is_cut, found: Vec::new() };
        search.look(&View::of(text), DEPTH);
        if search.found.is_empty() {
            return None;
        }
        let masked = replaced(text, search.found);
        let mut again = Search { finder: &finder, forms: &forms, is_cut: false, found: Vec::new() };
        again.look(&View::of(&masked), DEPTH);
        // A secret with asterisks in it can arise out of a mask and its neighbours.
        Some(if again.found.is_empty() { masked } else { MASK.into() })
    }

    /// [`SecretMask::bytes`] of a whole text.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let masked = self.bytes(text.as_bytes(), false);
        masked.map_or_else(|| text.to_owned(), |masked| String::from_utf8_lossy(&masked).into_owned())
    }
}

/// One pass over a text.
struct Search<'a> {
    finder: &'a NFA,
    forms: &'a [&'a [u8]],
    is_cut: bool,
    found: Vec<Range<usize>>,
}

impl Search<'_> {
    /// Finds the longest form that ends at each place: with it, all forms that end there are found. Every byte is looked
    /// at once; the iterators of the automaton would look again behind each that they report.
    fn find(&mut self, view: &View<'_>, text: &[u8]) {
        let Ok(mut state) = self.finder.start_state(Anchored::No) else { return };
        for (at, byte) in text.iter().enumerate() {
            state = self.finder.next_state(Anchored::No, state, *byte);
            if self.finder.is_match(state) {
                let form = self.finder.match_pattern(state, 0);
                let end = at + 1;
                self.found.push(view.source(end - self.finder.pattern_len(form)..end));
            }
        }
    }

    fn look(&mut self, view: &View<'_>, depth: usize) {
        let text = view.with_spaces();
        self.find(view, &text);
        if self.is_cut {
            let begun = self.forms.iter().map(|form| tail::begun(&text, form)).max().unwrap_or_default();
            if begun > 0 {
                self.found.push(view.source(text.len() - begun..text.len()).start..view.source_len());
            }
        }
        if depth > 0 {
            for spelling in Spelling::ALL {
                if let Some(inner) = view.undo(spelling, self.is_cut) {
                    self.look(&inner, depth - 1);
                }
            }
        }
    }
}

fn replaced(text: &[u8], mut found: Vec<Range<usize>>) -> Vec<u8> {
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut masked = Vec::with_capacity(text.len());
    let (mut copied, mut hidden) = (0, 0);
    for range in found {
        if range.start >= hidden {
            masked.extend_from_slice(&text[copied..range.start]);
            masked.extend_from_slice(MASK.as_bytes());
        }
        hidden = hidden.max(range.end);
        copied = hidden;
    }
    masked.extend_from_slice(&text[copied..]);
    masked
}

#[cfg(test)]
mod tests;
