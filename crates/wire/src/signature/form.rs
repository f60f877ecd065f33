//! The parameters of a form, as a signature over them wants them: as they were before they were encoded.

use std::borrow::Cow;

use url::form_urlencoded;

/// Reads them (URL Standard, section 5.1). Most names and values stand for themselves and are not looked at any further.
pub(super) fn parameters(body: &[u8]) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let Ok(text) = std::str::from_utf8(body) else { return form_urlencoded::parse(body).collect() };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut read = Vec::with_capacity(32);
    read.extend(pairs.map(|pair| {
        if pair.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            return form_urlencoded::parse(pair.as_bytes()).next().unwrap_or_default();
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (Cow::Borrowed(name), Cow::Borrowed(value))
    }));
    read
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_form_is_read_as_everybody_reads_it(body in prop_oneof![
            "[a-zé&=%+0-9A-F]{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..40),
        ]) {
            prop_assert_eq!(parameters(&body), form_urlencoded::parse(&body).collect::<Vec<_>>());
        }
    }
}
