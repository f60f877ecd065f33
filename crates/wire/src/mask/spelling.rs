//! Ways to write a text inside another one, undone, with the place of every byte in the text that was read.

use std::borrow::Cow;
use std::ops::Range;

/// How far an XML reference may reach, `&` and `;` included: `&#x0010FFFF;`.
const REFERENCE_MAX: usize = 12;

/// A way to write a text inside another one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spelling {
    /// `%2F`, as in queries and forms.
    Percent,
    /// `\"` and `\u002f`, as in JSON and in the strings of most languages.
    Backslash,
    /// `&quot;` and `&#34;`, as in XML and HTML.
    Reference,
}

impl Spelling {
    pub(super) const ALL: [Self; 3] = [Self::Percent, Self::Backslash, Self::Reference];

    const fn mark(self) -> u8 {
        match self {
            Self::Percent => b'%',
            Self::Backslash => b'\\',
            Self::Reference => b'&',
        }
    }

    /// How many bytes one escape has at most.
    const fn reach(self) -> usize {
        match self {
            Self::Percent => 3,
            // Two halves of a character.
            Self::Backslash => 12,
            Self::Reference => REFERENCE_MAX,
        }
    }

    /// What an escape at the beginning of `text` stands for, and how long it is; `None` if there is none.
    fn escape(self, text: &[u8]) -> Option<(Meant, usize)> {
        match self {
            Self::Percent => hex(text.get(1..3)?).map(|byte| (Meant::Byte(byte.to_le_bytes()[0]), 3)),
            Self::Backslash => backslash(text),
            Self::Reference => reference(text),
        }
    }
}

/// What an escape stands for.
enum Meant {
    Byte(u8),
    Char(char),
}

fn backslash(text: &[u8]) -> Option<(Meant, usize)> {
    let byte = match *text.get(1)? {
        b'u' => {
            let unit = hex(text.get(2..6)?)?;
            let low = text.get(6..8).filter(|mark| mark == b"\\u").and_then(|_| hex(text.get(8..12)?));
            return Some(match (char::from_u32(unit), low) {
                (Some(char), _) => (Meant::Char(char), 6),
                (None, Some(low @ 0xDC00..=0xDFFF)) if unit < 0xDC00 => {
                    let char = char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
                    (Meant::Char(char.unwrap_or(char::REPLACEMENT_CHARACTER)), 12)
                }
                (None, _) => (Meant::Char(char::REPLACEMENT_CHARACTER), 6),
            });
        }
        b'x' => match text.get(2..4).and_then(hex).and_then(char::from_u32) {
            Some(char) => return Some((Meant::Char(char), 4)),
            None => b'x',
        },
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        itself => itself,
    };
    Some((Meant::Byte(byte), 2))
}

fn reference(text: &[u8]) -> Option<(Meant, usize)> {
    let end = text.iter().take(REFERENCE_MAX).position(|byte| *byte == b';')?;
    let char = match &text[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((Meant::Char(char), end + 1))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u32::from_str_radix(text, 16).ok()
}

/// A text with some spellings undone.
pub(super) struct View<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte comes from; `None` if nothing was undone.
    sources: Option<Vec<Source>>,
    source_len: usize,
}

/// A part of the text that was read: its two ends, in bytes.
type Source = (usize, usize);

impl<'a> View<'a> {
    pub(super) const fn of(text: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(text), sources: None, source_len: text.len() }
    }

    pub(super) const fn source_len(&self) -> usize {
        self.source_len
    }

    /// The bytes with a space for each `+`.
    pub(super) fn with_spaces(&self) -> Cow<'_, [u8]> {
        if !self.bytes.contains(&b'+') {
            return Cow::Borrowed(&self.bytes);
        }
        Cow::Owned(self.bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect())
    }

    /// Where a part that is not empty comes from.
    pub(super) fn source(&self, part: Range<usize>) -> Range<usize> {
        match &self.sources {
            None => part,
            Some(sources) => sources[part.start].0..sources[part.end - 1].1,
        }
    }

    /// This text with one more spelling undone; `None` if that changes nothing. At the end of a text that `is_cut`, an
    /// escape of which a part is missing stands for nothing.
    pub(super) fn undo(&self, spelling: Spelling, is_cut: bool) -> Option<View<'static>> {
        let text = &*self.bytes;
        let first = text.iter().position(|byte| *byte == spelling.mark())?;
        let (mut bytes, mut sources) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
        let (mut at, mut is_same) = (first, true);
        bytes.extend_from_slice(&text[..first]);
        sources.extend((0..first).map(|at| self.source_of(at..at + 1)));
        while at < text.len() {
            let escape = (text[at] == spelling.mark()).then(|| spelling.escape(&text[at..])).flatten();
            let is_part = || text[at] == spelling.mark() && text.len() - at < spelling.reach();
            let (meant, length) = match escape {
                Some(escape) => escape,
                None if is_cut && is_part() => {
                    is_same = false;
                    break;
                }
                None => (Meant::Byte(text[at]), 1),
            };
            is_same &= length == 1;
            let source = self.source_of(at..at + length);
            let mut buffer = [0; 4];
            let meant = match meant {
                Meant::Byte(byte) => {
                    buffer[0] = byte;
                    &buffer[..1]
                }
                Meant::Char(char) => char.encode_utf8(&mut buffer).as_bytes(),
            };
            bytes.extend_from_slice(meant);
            sources.resize(bytes.len(), source);
            at += length;
        }
        let view = View { bytes: Cow::Owned(bytes), sources: Some(sources), source_len: self.source_len };
        (!is_same).then_some(view)
    }

    fn source_of(&self, part: Range<usize>) -> Source {
        let Range { start, end } = self.source(part);
        (start, end)
    }
}
