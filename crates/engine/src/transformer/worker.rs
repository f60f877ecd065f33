//! A process that runs transformations: both of its ends. Each message between them is its length in four bytes, lowest
//! first, and JSON.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ringback_wire::{TransformationJob, Transformed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// The longest message: a payload of 4 MiB, each of its bytes escaped, and code.
const MESSAGE_MAX: usize = 64 << 20;

/// The server's end.
#[derive(Debug)]
pub(super) struct Worker {
    stream: UnixStream,
    child: Child,
}

impl Worker {
    /// Starts one. It gets no environment and no files: there is nothing in it that code could find.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(program)
            .arg("transformer")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { stream: UnixStream::from_std(ours)?, child })
    }

    /// Has it do a job.
    ///
    /// # Errors
    /// When it has ended. It is of no use any more.
    pub(super) async fn call(&mut self, job: &TransformationJob) -> io::Result<Result<Transformed, String>> {
        self.stream.write_all(&message(job)?).await?;
        let mut bytes = vec![0; length(self.stream.read_u32_le().await?)?];
        self.stream.read_exact(&mut bytes).await?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Whether it has not ended by itself.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its number, for [`busy`].
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The processor time that the worker of this number has had, where the system tells.
pub(super) fn busy(id: u32) -> Option<Duration> {
    // Its one thread's time on a processor in nanoseconds stands first (Documentation/scheduler/sched-stats.rst).
    let text = std::fs::read_to_string(format!("/proc/{id}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The other end: does what is asked on standard input until that ends.
///
/// # Errors
/// When the other end breaks.
pub fn serve_transformations() -> io::Result<()> {
    // One that is busy for ever must not outlive its server.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    while let Some(job) = read::<TransformationJob>(&mut from)? {
        write(&mut to, &job.run())?;
    }
    Ok(())
}

fn write(to: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    to.write_all(&message(answer)?)?;
    to.flush()
}

/// Something as it goes over.
fn message(what: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, what)?;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// A length that was read, if it can be one.
fn length(read: u32) -> io::Result<usize> {
    let length = read as usize;
    if length > MESSAGE_MAX { Err(io::ErrorKind::InvalidData.into()) } else { Ok(length) }
}

/// Reads a message; none if the other end has gone.
fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; length(u32::from_le_bytes(head))?];
    from.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}
