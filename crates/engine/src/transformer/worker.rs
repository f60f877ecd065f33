//! A process that runs transformations: both of its ends. Each message on the pipes is its length in four bytes, lowest
//! first, and JSON.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_wire::{TransformationJob, Transformed};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message on a pipe: a payload of 4 MiB, each of its bytes escaped, and code.
const MESSAGE_MAX: usize = 64 << 20;

/// The server's end.
#[derive(Debug)]
pub(super) struct Worker {
    to: ChildStdin,
    from: ChildStdout,
    pub(super) leash: Arc<Leash>,
}

/// What a worker is taken away by.
#[derive(Debug)]
pub(super) struct Leash(Mutex<Child>);

impl Worker {
    /// Starts one. It gets no environment and no files: there is nothing in it that code could find.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("transformer")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let pipes = || io::Error::other("a child with pipes has them");
        let leash = Arc::new(Leash(Mutex::new(child)));
        Ok(Self { to: to.ok_or_else(pipes)?, from: from.ok_or_else(pipes)?, leash })
    }

    /// Has it do a job.
    ///
    /// # Errors
    /// When it has ended. It is of no use any more.
    pub(super) fn call(&mut self, job: &TransformationJob) -> io::Result<Result<Transformed, String>> {
        write(&mut self.to, job)?;
        read(&mut self.from)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.leash.kill();
    }
}

impl Leash {
    /// Takes the worker away.
    pub(super) fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself.
        child.kill().ok();
        child.wait().ok();
    }

    /// Whether it has not ended by itself.
    pub(super) fn is_alive(&self) -> bool {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(child.try_wait(), Ok(None))
    }

    /// The processor time that it has had, where the system tells.
    pub(super) fn busy(&self) -> Option<Duration> {
        let id = self.0.lock().unwrap_or_else(PoisonError::into_inner).id();
        // Its one thread's time on a processor in nanoseconds stands first (Documentation/scheduler/sched-stats.rst).
        let text = std::fs::read_to_string(format!("/proc/{id}/schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

/// The other end: does what is asked on standard input until that ends.
///
/// # Errors
/// When a pipe breaks.
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

fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads a message; none if the pipe has ended.
fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}
