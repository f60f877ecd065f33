//! What stands in for text on a command line: `@FILE` and `-` for standard input.
//!
//! It is read to its end before anything is sent, and has to be whole JSON: of a program that breaks off half way in
//! front of the pipe, nothing goes out.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};

use serde_json::value::RawValue;

use super::failure::Failure;

/// More than the largest body that a server takes.
const INPUT_MAX: u64 = 64 << 20;

/// The inputs of one command. Standard input can be read once.
#[derive(Debug, Default)]
pub(crate) struct Input {
    stdin_is_taken: bool,
}

impl Input {
    /// The text itself, or what it stands for. `what` is the argument that it is read for.
    pub(crate) fn text(&mut self, given: &str, what: &str) -> Result<String, Failure> {
        let (name, read) = match given {
            "-" | "@-" => {
                if std::mem::replace(&mut self.stdin_is_taken, true) {
                    return Err(Failure::Usage(format!(
                        "standard input can be read once, and {what} is the second to ask for it: use @FILE"
                    )));
                }
                ("standard input", read_all(asked_for(what)))
            }
            given => match given.strip_prefix('@') {
                None => return Ok(given.to_owned()),
                Some(file) => (file, File::open(file).and_then(read_all)),
            },
        };
        let bytes = read.map_err(|error| Failure::Usage(format!("cannot read {name} for {what}: {error}")))?;
        String::from_utf8(bytes).map_err(|_| Failure::Usage(format!("{name} is not UTF-8, as {what} has to be")))
    }

    /// The same, which has to be one whole JSON value. It is not changed by a byte but for white space around it.
    pub(crate) fn json(&mut self, given: &str, what: &str) -> Result<Box<RawValue>, Failure> {
        let text = self.text(given, what)?;
        let whole = text.trim_start_matches('\u{feff}').trim();
        if whole.is_empty() {
            return Err(Failure::Usage(format!("{what} is empty, and has to be JSON: nothing was sent")));
        }
        serde_json::from_str(whole).map_err(|error| {
            let hint = if given == whole { " (a text stands in \"quotes\", a file behind @)" } else { "" };
            Failure::Usage(format!("{what} is no whole JSON: {error}{hint}: nothing was sent"))
        })
    }
}

/// Standard input; who types it is told what is waited for.
fn asked_for(what: &str) -> io::StdinLock<'static> {
    let stdin = io::stdin().lock();
    if stdin.is_terminal() && io::stderr().is_terminal() {
        writeln!(io::stderr(), "Type {what}; Ctrl-D on a line of its own ends it.").ok();
    }
    stdin
}

fn read_all(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(INPUT_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > INPUT_MAX {
        return Err(io::Error::other("it is larger than anything that a server takes (64 MiB)"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_refused_and_what_is_whole_is_kept_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body.json");
        let given = format!("@{}", path.display());
        let whole = "{\"b\": 1.50,\n \"a\": 12345678901234567890, \"a\": null}";
        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let refused = Input::default().json(&given, "the body").unwrap_err().to_string();
            assert!(refused.contains("nothing was sent"), "{refused}");
        }
        std::fs::write(&path, format!("{whole}\n")).unwrap();
        assert_eq!(Input::default().json(&given, "the body").unwrap().get(), whole);
        std::fs::write(&path, format!("{whole} {whole}")).unwrap();
        assert!(Input::default().json(&given, "the body").is_err(), "one value, not two");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refusal = |given: &str| Input::default().json(given, "--payload").unwrap_err().to_string();
        assert!(refusal("@/nowhere/at/all").contains("cannot read /nowhere/at/all for --payload"));
        assert!(refusal("").contains("--payload is empty"));
        assert!(refusal("sms.dlr").contains("a file behind @"));
    }
}
