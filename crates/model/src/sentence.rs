//! Reasons as sentences: errors are written to stand in the middle of one, and are shown to people as one of their own.

/// A reason with a capital at its beginning and a full stop at its end.
#[must_use]
pub fn sentence(reason: &str) -> String {
    let mut text = capitalized(reason);
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// A reason with a capital at its beginning.
#[must_use]
pub fn capitalized(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence() {
        assert_eq!(sentence("the URL names no host"), "The URL names no host.");
        assert_eq!((sentence("ß."), sentence("")), ("SS.".to_owned(), ".".to_owned()));
        assert_eq!(capitalized("it failed"), "It failed");
    }
}
