//! Two who have a form of the same thing open: the second to save sees what the first has changed, before anything is put
//! in the place of it. A form carries a mark of what it was filled in from, in the field `seen`.

use sha2::{Digest as _, Sha256};

use crate::form::Faults;

/// What a form shows, by what each field is called.
pub(crate) type Rows = Vec<(String, String)>;

/// Fields that two forms differ in: what it is called, theirs, and one's own.
pub(crate) type Differences = Vec<(String, String, String)>;

/// What is said above what differs.
pub(crate) const NOTICE: &str = "Somebody else has changed this since you opened it. Nothing is saved yet: look at what \
                                 differs, and save again to put yours in the place of theirs.";

/// What is shown beside such a form.
#[derive(Default)]
pub(crate) struct Around<'a> {
    pub(crate) faults: Faults,
    /// A mark of what the form was filled in from.
    pub(crate) seen: String,
    pub(crate) notice: &'static str,
    pub(crate) differences: Differences,
    pub(crate) query: Option<&'a str>,
}

/// A mark of what a form is filled in from.
pub(crate) fn mark(rows: &Rows) -> String {
    let digest = rows.iter().fold(Sha256::new(), |digest, (field, value)| {
        digest
            .chain_update(field.len().to_le_bytes())
            .chain_update(field)
            .chain_update(value.len().to_le_bytes())
            .chain_update(value)
    });
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether this is what a form was filled in from; one without a mark does not ask.
pub(crate) fn is_seen(seen: &str, rows: &Rows) -> bool {
    seen.is_empty() || seen == mark(rows)
}

/// What differs. Browsers write the ends of lines in two letters.
pub(crate) fn differences(theirs: &Rows, mine: &Rows) -> Differences {
    let plain = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    let row = |((field, theirs), (_, mine)): (&(String, String), &(String, String))| {
        (field.clone(), plain(theirs), plain(mine))
    };
    theirs.iter().zip(mine).map(row).filter(|(_, theirs, mine)| theirs != mine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[(&str, &str)]) -> Rows {
        values.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_mark_tells_values_apart_and_which_field_they_are_in() {
        let all = [[("a", "1"), ("b", "")], [("a", ""), ("b", "1")], [("a", "1b"), ("b", "")]].map(|one| rows(&one));
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate() {
                assert_eq!(is_seen(&mark(one), other), at == other_at);
            }
        }
        assert!(is_seen("", &all[0]));
    }

    #[test]
    fn what_differs_is_told_and_how_a_browser_ends_lines_is_no_difference() {
        let (theirs, mine) = (rows(&[("a", "1"), ("b", "x\ny")]), rows(&[("a", "2"), ("b", "x\r\ny\r\n")]));
        assert_eq!(differences(&theirs, &mine), [("a".to_owned(), "1".to_owned(), "2".to_owned())]);
    }
}
