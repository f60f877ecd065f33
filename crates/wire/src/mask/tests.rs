use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use ringback_model::BasicAuth;

use super::*;

fn mask(secrets: &[&str]) -> SecretMask {
    let mut mask = SecretMask::default();
    secrets.iter().for_each(|secret| mask.hide(&Redacted::new((*secret).to_owned())));
    mask
}

fn text(mask: &SecretMask, text: &str) -> String {
    mask.text(text)
}

/// A way to write a text inside another one, of which there are many: `choice` picks one for each character.
#[derive(Clone, Copy, Debug)]
enum Writer {
    Itself,
    Percent { plus: bool, upper: bool, all: bool },
    Json { escaped_slash: bool, ascii: bool },
    Xml { named: bool, all: bool },
}

impl Writer {
    fn write(self, text: &str) -> String {
        match self {
            Self::Itself => text.to_owned(),
            Self::Percent { plus, upper, all } => text.bytes().fold(String::new(), |so_far, byte| {
                so_far
                    + &match byte {
                        b' ' if plus => "+".to_owned(),
                        byte if byte.is_ascii_alphanumeric() && !all => char::from(byte).to_string(),
                        byte if upper => format!("%{byte:02X}"),
                        byte => format!("%{byte:02x}"),
                    }
            }),
            Self::Json { escaped_slash, ascii } => {
                let quoted = serde_json::to_string(text).unwrap();
                let inner = quoted[1..quoted.len() - 1].to_owned();
                let inner = if escaped_slash { inner.replace('/', "\\/") } else { inner };
                let unit = |unit: &u16| format!("\\u{unit:04x}");
                let escaped = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(unit).collect::<String>();
                let one = |c: char| if ascii && !c.is_ascii() { escaped(c) } else { c.to_string() };
                inner.chars().map(one).collect()
            }
            Self::Xml { named, all } => text.chars().fold(String::new(), |so_far, c| {
                let name = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"]
                    .into_iter()
                    .zip(['&', '<', '>', '"', '\''])
                    .find_map(|(name, meant)| (meant == c).then(|| name.to_owned()));
                so_far
                    + &match name {
                        Some(name) if named => name,
                        Some(_) => format!("&#{};", u32::from(c)),
                        None if all || c.is_control() => format!("&#x{:X};", u32::from(c)),
                        None => c.to_string(),
                    }
            }),
        }
    }
}

fn writers() -> impl Strategy<Value = Writer> {
    prop_oneof![
        Just(Writer::Itself),
        any::<(bool, bool, bool)>().prop_map(|(plus, upper, all)| Writer::Percent { plus, upper, all }),
        any::<(bool, bool)>().prop_map(|(escaped_slash, ascii)| Writer::Json { escaped_slash, ascii }),
        any::<(bool, bool)>().prop_map(|(named, all)| Writer::Xml { named, all }),
    ]
}

/// Secrets of any length and with any character, often those that spellings change.
fn secrets() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,24}", "[ -~]{1,40}", "[%+&;\\\\\"'<>/ u0-9a-f*]{1,12}", "[a-z]{1,3}"]
        .prop_filter("asterisks are a mask", |text| !text.bytes().all(|byte| byte == b'*'))
}

/// What somebody answers who was shown a secret.
fn shown(secret: &str, as_base64: Option<bool>) -> String {
    match as_base64 {
        None => secret.to_owned(),
        Some(true) => STANDARD.encode(secret),
        Some(false) => URL_SAFE_NO_PAD.encode(secret),
    }
}

proptest! {
    #[test]
    fn whatever_the_secret_no_form_of_it_is_left(
        secret in secrets(),
        as_base64 in any::<Option<bool>>(),
        inner in writers(),
        outer in writers(),
        (before, behind) in ("\\PC{0,12}", "\\PC{0,12}"),
    ) {
        let shown = shown(&secret, as_base64);
        let write = |text: &str| outer.write(&inner.write(text));
        let written = write(&shown);
        let masked = text(&mask(&[&secret]), &write(&format!("{before}{shown}{behind}")));
        prop_assert!(masked.contains(MASK));
        prop_assert!(!masked.contains(&written), "{masked} has {written}");
        prop_assert!(!masked.contains(&secret), "{masked} has {secret}");
    }

    #[test]
    fn a_password_is_hidden_in_basic_authentication(user in "[a-z]{0,6}", password in secrets(), url_safe in any::<bool>()) {
        let auth = Auth::Basic(BasicAuth { username: user.clone(), password: Redacted::new(password.clone()) });
        let mut mask = SecretMask::default();
        mask.hide_auth(&auth);
        let pair = format!("{user}:{password}");
        let shown = if url_safe { URL_SAFE_NO_PAD.encode(pair) } else { STANDARD.encode(pair) };
        let masked = text(&mask, &format!("{{\"authorization\":\"Basic {shown}\"}}"));
        prop_assert!(!masked.contains(shown.trim_end_matches('=')), "{masked}");
    }

    #[test]
    fn a_text_that_was_cut_ends_in_no_part_of_a_secret(secret in "[ -)+-~]{8,40}", writer in writers(), left in 0usize..400) {
        let written = writer.write(&secret);
        let cut = left.min(written.len() - 1);
        let text = format!("...{}", &written[..cut]);
        let masked = mask(&[&secret]).bytes(text.as_bytes(), true).unwrap_or_else(|| text.into_bytes());
        let masked = String::from_utf8(masked).unwrap();
        // Fewer than three bytes of the secret tell nothing, however they are written.
        let shown = masked.strip_prefix("...").unwrap();
        prop_assert!(shown.ends_with(MASK) || cut < writer.write(&secret[..3]).len(), "{shown}");
    }

    #[test]
    fn nothing_but_secrets_is_masked(text in "[ -~]{0,200}") {
        prop_assert_eq!(mask(&["\u{1F511}-not-there"]).bytes(text.as_bytes(), false), None);
    }
}

#[test]
fn secrets_are_found_where_they_overlap_and_inside_each_other() {
    let mask = mask(&["abc", "abcdef", "cdx", "xyz"]);
    assert_eq!(text(&mask, "abcdef abc abcdx xyzabc"), "**** **** **** ********");
}

#[test]
fn a_secret_of_one_character_is_masked_everywhere() {
    assert_eq!(text(&mask(&["7"]), "7 of 17, \\u0037, &#55;, %37"), "**** of 1****, ****, ****, ****");
}

#[test]
fn a_secret_that_a_mask_would_bring_back_leaves_nothing() {
    assert_eq!(text(&mask(&["b*"]), "bb*"), "****");
    assert_eq!(text(&mask(&["**", ""]), "a ** b"), "a ** b", "asterisks are a mask already");
}

#[test]
fn base64_of_more_than_the_secret_is_masked_at_any_place() {
    let secret = "s3cr3t-key";
    for before in ["", "u", "us", "user:"] {
        let echoed = STANDARD.encode(format!("{before}{secret}, and more"));
        let masked = text(&mask(&[secret]), &echoed);
        assert!(masked.contains(MASK), "{echoed} -> {masked}");
    }
}

#[test]
fn the_time_grows_with_the_text_and_not_with_what_is_in_it() {
    // Each of these would take minutes if the work were a product.
    let near = format!("{}b", "a".repeat(4_000));
    let mask = mask(&["a", &near, &format!("{}c", "%41".repeat(1_000))]);
    let began = std::time::Instant::now();
    for text in ["a".repeat(65_536), "%25".repeat(21_845), "&amp;".repeat(13_107), "\\\\".repeat(32_768)] {
        std::hint::black_box(mask.bytes(text.as_bytes(), true));
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_mask_shows_nothing_of_what_it_hides() {
    assert_eq!(format!("{:?}", mask(&["abc"])), "SecretMask { forms: […, …] }");
}
