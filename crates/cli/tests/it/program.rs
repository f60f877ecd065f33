//! The real binary, run with none of the settings of the shell that runs the tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take; a failure, not a measure.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The program with a first argument.
pub(crate) fn ringback(command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringback"));
    for (name, _) in std::env::vars_os() {
        if ["RINGBACK_", "SVIX_", "DATABASE_URL"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            program.env_remove(name);
        }
    }
    program.arg(command).stdin(Stdio::null());
    program
}

/// `serve` on a free port with its store in this folder; logs nothing but errors. Flags go over all of it.
pub(crate) fn serve(folder: &Path) -> Command {
    let mut program = ringback("serve");
    program.env("RINGBACK_LISTEN", "127.0.0.1:0").env("RINGBACK_LOG", "error");
    program.arg("--store").arg(store(folder)).args(["--egress-allow", "127.0.0.1"]);
    program
}

/// The value of `--store` for this folder.
pub(crate) fn store(folder: &Path) -> String {
    format!("sqlite:{}", folder.display())
}

/// What a program that failed wrote to standard error, and its status.
pub(crate) fn refusal(program: &mut Command) -> (i32, String) {
    let output = program.output().unwrap();
    let text = stderr(&output);
    assert!(!output.status.success(), "it should have failed: {text}");
    (output.status.code().unwrap(), text)
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A token for the store in this folder.
pub(crate) fn token(folder: &Path) -> String {
    let output = ringback("token").arg("--store").arg(store(folder)).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A program that runs on. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(program: &mut Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next line of its output; panics at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the program has ended");
        line.trim_end().to_owned()
    }

    /// The first line from here on that contains this text.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The address that it says it listens on.
    pub(crate) fn address(&mut self) -> SocketAddr {
        self.line_with("http://").rsplit_once("http://").unwrap().1.parse().unwrap()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; the status, or 128 and the number of the signal that ended it.
    pub(crate) fn end(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the program does not end");
    }

    /// The rest of its standard error; call it after the end.
    pub(crate) fn errors(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Waits until this text stands in standard error.
    pub(crate) fn error_with(&mut self, wanted: &str) {
        let (mut text, mut byte) = (Vec::new(), [0]);
        while !text.ends_with(wanted.as_bytes()) {
            assert!(self.child.stderr.as_mut().unwrap().read(&mut byte).unwrap() > 0, "the program has ended");
            text.push(byte[0]);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One call of the API: the status and the body, `null` if it is empty.
pub(crate) fn call(address: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    try_call(address, token, method, path, body).unwrap()
}

/// The same of a server that may end before it has answered.
pub(crate) fn try_call(
    address: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(
        stream,
        "{method} /api/v1{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let no_answer = || std::io::Error::other(format!("no answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(no_answer)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    Ok((status, body))
}
