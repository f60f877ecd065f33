//! Faults inside of the server: a library that is preloaded into it (`shim.c`), and the file that tells it what to do.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

/// Its text; built by whoever runs a mode that needs it.
const SOURCE: &str = include_str!("shim.c");
/// How many numbers the control file holds.
const NUMBERS: u64 = 9;
/// The one that counts what was made to fail.
const HITS: u64 = 4;
/// The point at which the process dies.
const KILL_AT: u64 = 5;
/// At which visit of it.
const KILL_AFTER: u64 = 6;

/// What is made to fail, by its number in the control file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lever {
    /// `fsync` and `fdatasync` fail with EIO.
    SyncEio = 0,
    /// Writes fail with EIO.
    WriteEio = 1,
    /// Writes fail with ENOSPC.
    WriteEnospc = 2,
    /// Seconds that the wall clock is off.
    ClockOff = 3,
    /// Milliseconds that `fsync` and `fdatasync` take longer.
    SyncDelay = 7,
    /// Reads fail with EIO.
    ReadEio = 8,
}

/// Where a message is on its way, by the call that the server is about to make, or has made: `enum point` of `shim.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// A caller's bytes have come, nothing is known of them yet.
    RequestRead = 1,
    /// Before a page of a commit is written.
    LogWrite = 2,
    /// Before a commit is made durable.
    LogSync = 3,
    /// After that, before anybody knows.
    LogSynced = 4,
    /// Before a page goes from the log to its place.
    StoreWrite = 5,
    /// Before the caller is answered.
    Answer = 6,
    /// After that.
    Answered = 7,
    /// Before a receiver is dialled.
    Dial = 8,
    /// Before a request is sent to it.
    Send = 9,
    /// After that.
    Sent = 10,
    /// Its answer has come, nothing is recorded yet.
    Received = 11,
}

/// The library and its control file.
#[derive(Debug)]
pub(super) struct Shim {
    library: PathBuf,
    control: PathBuf,
    file: File,
    target: PathBuf,
}

impl Shim {
    /// Builds the library in `folder`; it will break what lies below `target`.
    ///
    /// # Errors
    /// If there is no C compiler, or it cannot build a library.
    pub(super) async fn build(folder: &Path, target: &Path) -> Result<Self> {
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        std::fs::write(&source, SOURCE)?;
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let output = cc.output().await.context("there is no C compiler (cc)")?;
        if !output.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let control = folder.join("control");
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&control)?;
        file.set_len(NUMBERS * 8)?;
        Ok(Self { library, control, file, target: target.to_owned() })
    }

    /// What a server has to be started with for the faults to reach it.
    pub(super) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("LD_PRELOAD", self.library.clone()),
            ("TORTURE_CONTROL", self.control.clone()),
            ("TORTURE_FOLDER", self.target.clone()),
        ]
    }

    /// From the next call on.
    ///
    /// # Errors
    /// If the control file cannot be written.
    pub(super) fn set(&self, lever: Lever, value: i64) -> Result<()> {
        self.put(lever as u64, value)
    }

    /// Kills the process at a visit of a point: the first one from now on is number 1.
    ///
    /// # Errors
    /// If the control file cannot be written.
    pub(super) fn kill_at(&self, point: Point, visit: u64) -> Result<()> {
        self.put(KILL_AFTER, i64::try_from(visit)?)?;
        self.put(KILL_AT, point as i64)
    }

    /// Lets the next process live.
    ///
    /// # Errors
    /// If the control file cannot be written.
    pub(super) fn spare(&self) -> Result<()> {
        self.put(KILL_AT, 0)
    }

    /// How many calls were made to fail or to lie so far, or were the last of a process.
    ///
    /// # Errors
    /// If the control file cannot be read.
    pub(super) fn hits(&self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, HITS * 8)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn put(&self, number: u64, value: i64) -> Result<()> {
        Ok(self.file.write_all_at(&value.to_ne_bytes(), number * 8)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// Tries what the shim breaks, from a program that knows nothing of it.
    const PROGRAM: &str = "import os,sys,time
f=os.open(sys.argv[1], os.O_CREAT|os.O_RDWR)
def tried(call):
    try: call(); return 'ok'
    except OSError as e: return e.strerror
began=time.monotonic()
print(tried(lambda: os.write(f, b'x')), '|', tried(lambda: os.fdatasync(f)), '|', int(time.time()) > 4000000000, end=' | ')
print(tried(lambda: os.pread(f, 1, 0)), '|', time.monotonic() - began > 0.4)";

    async fn trial(shim: &Shim, file: &Path) -> String {
        let mut program = Command::new("python3");
        program.args(["-c", PROGRAM]).arg(file).envs(shim.environment());
        String::from_utf8(program.output().await.unwrap().stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn each_lever_breaks_what_it_says_and_only_below_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("store");
        std::fs::create_dir(&target).unwrap();
        // Where there is no compiler or no interpreter, there is nothing to test.
        let Ok(shim) = Shim::build(folder.path(), &target).await else { return };
        let (inside, outside) = (target.join("a"), folder.path().join("b"));
        if trial(&shim, &inside).await.is_empty() {
            return;
        }
        assert_eq!(trial(&shim, &inside).await, "ok | ok | False | ok | False");
        let cases = [
            (Lever::SyncEio, 1, "ok | Input/output error | False | ok | False"),
            (Lever::WriteEio, 1, "Input/output error | ok | False | ok | False"),
            (Lever::WriteEnospc, 1, "No space left on device | ok | False | ok | False"),
            (Lever::ClockOff, 4_000_000_000, "ok | ok | True | ok | False"),
            (Lever::SyncDelay, 500, "ok | ok | False | ok | True"),
            (Lever::ReadEio, 1, "ok | ok | False | Input/output error | False"),
        ];
        for (lever, value, expected) in cases {
            let before = shim.hits().unwrap();
            shim.set(lever, value).unwrap();
            assert_eq!(trial(&shim, &inside).await, expected, "{lever:?}");
            assert!(shim.hits().unwrap() > before);
            if lever != Lever::ClockOff {
                assert_eq!(trial(&shim, &outside).await, "ok | ok | False | ok | False", "{lever:?}");
            }
            shim.set(lever, 0).unwrap();
        }
    }

    /// Two commits, and a request to a server of its own that is answered.
    const EXCHANGE: &str = "import os,sys,socket
log=os.open(sys.argv[1], os.O_CREAT|os.O_RDWR)
for _ in range(2): os.pwrite(log, b'x', 0); os.fdatasync(log)
server=socket.create_server(('127.0.0.1', 0)); client=socket.create_connection(server.getsockname()); peer,_=server.accept()
client.send(b'x'); peer.recv(1); peer.send(b'y'); client.recv(1)";

    #[tokio::test]
    async fn a_process_dies_at_the_visit_of_a_point_that_it_is_to_die_at_and_at_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("store");
        std::fs::create_dir(&target).unwrap();
        let Ok(shim) = Shim::build(folder.path(), &target).await else { return };
        let died = async |file: &Path| {
            let mut program = Command::new("python3");
            program.args(["-c", EXCHANGE]).arg(file).envs(shim.environment());
            program.status().await.ok().map(|status| status.signal() == Some(9))
        };
        let (log, elsewhere) = (target.join("a.db-wal"), folder.path().join("a.db-wal"));
        // Where there is no interpreter, there is nothing to test.
        let Some(false) = died(&log).await else { return };
        let all = [
            (Point::RequestRead, 1),
            (Point::LogWrite, 2),
            (Point::LogSync, 2),
            (Point::LogSynced, 2),
            (Point::Answer, 1),
            (Point::Answered, 1),
            (Point::Dial, 1),
            (Point::Send, 1),
            (Point::Sent, 1),
            (Point::Received, 1),
        ];
        for (point, visits) in all {
            let before = shim.hits().unwrap();
            shim.kill_at(point, visits).unwrap();
            assert_eq!(died(&log).await, Some(true), "{point:?}");
            assert_eq!(shim.hits().unwrap(), before + 1);
            shim.kill_at(point, visits + 1).unwrap();
            assert_eq!(died(&log).await, Some(false), "{point:?}");
            let is_of_the_store = [Point::LogWrite, Point::LogSync, Point::LogSynced].contains(&point);
            shim.kill_at(point, visits).unwrap();
            assert_eq!(died(&elsewhere).await, Some(!is_of_the_store), "{point:?}");
        }
        shim.kill_at(Point::StoreWrite, 1).unwrap();
        assert_eq!(died(&target.join("a.db")).await, Some(true));
    }
}
