//! A secret of which a text that was cut has only the beginning.

/// A beginning that is shorter tells nothing.
const BEGUN_MIN: usize = 3;

/// How many bytes at the end of `text` are the beginning of `form`, and not all of it (Knuth, Morris and Pratt).
pub(super) fn begun(text: &[u8], form: &[u8]) -> usize {
    if form.len() <= BEGUN_MIN {
        return 0;
    }
    let borders = borders(form);
    let tail = &text[text.len().saturating_sub(form.len() - 1)..];
    let fits = tail.iter().fold(0, |fits, byte| step(form, &borders, fits, *byte));
    if fits < BEGUN_MIN { 0 } else { fits }
}

/// For each length, the longest proper beginning of that part of `form` which is also its end.
fn borders(form: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; form.len()];
    for at in 1..form.len() {
        borders[at] = step(form, &borders, borders[at - 1], form[at]);
    }
    borders
}

fn step(form: &[u8], borders: &[usize], mut fits: usize, byte: u8) -> usize {
    while fits > 0 && form[fits] != byte {
        fits = borders[fits - 1];
    }
    if form[fits] == byte { fits + 1 } else { 0 }
}
