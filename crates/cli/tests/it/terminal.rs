//! A pseudo-terminal, for what programs do only where somebody looks on.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Runs a program in a terminal of so many columns, types `input`, and returns its exit status and what it showed.
pub(crate) fn in_terminal(program: &mut Command, columns: u16, input: &str) -> (i32, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = || File::options().read(true).write(true).open(&path).unwrap();
    let mut child = program.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
    // The command keeps its ends open, and the end of the output is the last of them being closed.
    program.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut master = File::from(master);
    master.write_all(input.as_bytes()).unwrap();
    let (mut shown, mut buffer) = (Vec::new(), [0; 4_096]);
    // Linux reports the end of a terminal as an error.
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..length]);
    }
    (child.wait().unwrap().code().unwrap(), String::from_utf8(shown).unwrap())
}
