//! CSV as spreadsheets write it: RFC 4180, with commas, semicolons or tabs between cells and any kind of line break.

/// One row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Its number as a spreadsheet shows it: the heading is in row 1.
    pub(super) row: usize,
    /// Its cells, without white space at their ends.
    pub(super) cells: Vec<String>,
}

/// The rows of a text that have anything in them.
///
/// # Errors
/// Where quotation marks make no sense, in words.
pub(super) fn read(text: &str) -> Result<Vec<Record>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let delimiter = delimiter(text);
    let mut records = Vec::new();
    let mut letters = text.chars().peekable();
    let mut row = 0;
    while letters.peek().is_some() {
        row += 1;
        let mut record = Record { row, cells: Vec::new() };
        loop {
            let (cell, end) = cell(&mut letters, delimiter).map_err(|wrong| format!("Row {row}: {wrong}"))?;
            record.cells.push(cell);
            if end != Some(delimiter) {
                break;
            }
        }
        if record.cells.iter().any(|cell| !cell.is_empty()) {
            records.push(record);
        }
    }
    Ok(records)
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// One cell, and what it ends with: the delimiter, a line break (`\n`, whichever it was), or nothing.
fn cell(letters: &mut Letters<'_>, delimiter: char) -> Result<(String, Option<char>), String> {
    let mut cell = String::new();
    if letters.next_if_eq(&'"').is_some() {
        quoted(letters, &mut cell)?;
        return match end(letters.next(), letters) {
            end if end.is_none_or(|letter| letter == delimiter || letter == '\n') => Ok((cell.trim().to_owned(), end)),
            _ => {
                Err("text stands behind a closing quotation mark. In a cell in quotation marks, write each of its own \
                      twice."
                    .to_owned())
            }
        };
    }
    loop {
        let next = end(letters.next(), letters);
        match next {
            Some(letter) if letter != delimiter && letter != '\n' => cell.push(letter),
            end => return Ok((cell.trim().to_owned(), end)),
        }
    }
}

/// What stands in quotation marks, of which two stand for one.
fn quoted(letters: &mut Letters<'_>, cell: &mut String) -> Result<(), String> {
    loop {
        match letters.next() {
            Some('"') if letters.next_if_eq(&'"').is_some() => cell.push('"'),
            Some('"') => return Ok(()),
            Some(letter) => cell.push(letter),
            None => return Err("a quotation mark is opened and never closed.".to_owned()),
        }
    }
}

/// A letter, with `\n` for every kind of line break.
fn end(letter: Option<char>, letters: &mut Letters<'_>) -> Option<char> {
    if letter == Some('\r') {
        letters.next_if_eq(&'\n');
        return Some('\n');
    }
    letter
}

/// What stands between cells: whichever of the three the first line has most of. Names of columns hold none of them.
fn delimiter(text: &str) -> char {
    let heading = text.trim_start().lines().next().unwrap_or_default();
    let mut best = (',', heading.matches(',').count());
    for other in [';', '\t'] {
        let count = heading.matches(other).count();
        if count > best.1 {
            best = (other, count);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        read(text).unwrap().into_iter().map(|record| record.cells).collect()
    }

    #[test]
    fn cells_are_read_whatever_stands_between_them_and_behind_lines() {
        for text in ["a,b\n1,2\n", "\u{feff}a;b\r\n1;2", "a\tb\r1\t2\r", " a , b \n\"1\",\"2\"\r\n"] {
            assert_eq!(cells(text), [["a", "b"], ["1", "2"]], "{text:?}");
        }
    }

    #[test]
    fn quotation_marks_hold_delimiters_line_breaks_and_themselves() {
        assert_eq!(cells("a,b\n\"x,y\nz\",\"say \"\"hi\"\"\"\n"), [["a", "b"], ["x,y\nz", "say \"hi\""]]);
        assert_eq!(cells("a,b\n5\" pipe,\"\""), [["a", "b"], ["5\" pipe", ""]]);
        assert!(read("a,b\n\"x\"y,1").unwrap_err().starts_with("Row 2: text stands behind"));
        assert!(read("a,b\n1,2\n\"x,1\n").unwrap_err().starts_with("Row 3: a quotation mark is opened"));
    }

    #[test]
    fn empty_rows_are_counted_and_left_out() {
        let rows: Vec<_> = read("a,b\n\n,\n1,2\n\n").unwrap().into_iter().map(|record| record.row).collect();
        assert_eq!(rows, [1, 4]);
        assert!(read("").unwrap().is_empty());
    }
}
