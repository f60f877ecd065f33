//! A pseudo-terminal, for what programs do only where somebody looks on.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::LIMIT;

/// What a terminal makes an interrupt of.
pub(crate) const CTRL_C: &str = "\u{3}";
/// What it makes the end of the input of.
pub(crate) const CTRL_D: &str = "\u{4}";

/// A program that somebody sits in front of. Killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: Vec<u8>,
}

impl Terminal {
    /// Starts a program in a terminal of so many columns, which is the one that controls it.
    pub(crate) fn start(program: &Command, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = || Stdio::from(File::options().read(true).write(true).open(&path).unwrap());
        // The command keeps its ends open, and the end of the output is the last of them being closed.
        let child = controlled(program).stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            // Linux reports the end of a terminal as an error.
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, screen: receiver, shown: Vec::new() }
    }

    /// Presses these keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this has been shown; all that has been.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        while !self.text().contains(words) {
            let more = self.screen.recv_timeout(LIMIT);
            self.shown.extend(more.unwrap_or_else(|_| panic!("`{words}` is not shown: {}", self.text())));
        }
        self.text()
    }

    /// Waits for the end of the program: its exit status, or 128 and the number of the signal that ended it, and all that
    /// was shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        while let Ok(more) = self.screen.recv_timeout(LIMIT) {
            self.shown.extend(more);
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap()), self.text())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The same command in a session of its own, which the terminal on its standard input controls.
fn controlled(program: &Command) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Runs a program in a terminal of so many columns, types `input`, and returns its exit status and what it showed.
pub(crate) fn in_terminal(program: &Command, columns: u16, input: &str) -> (i32, String) {
    let mut terminal = Terminal::start(program, columns);
    terminal.press(input);
    terminal.end()
}

/// What is shown, without what only steers the terminal.
pub(crate) fn without_colours(shown: &str) -> String {
    let mut parts = shown.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}
