//! SIGINT and SIGTERM: the first one asks to stop, the second one ends the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for signals; those that came while nobody waited count.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on signals come here and no longer end the process.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }

    /// Waits for `work`; a signal in the meantime ends the process at once, with the status that a shell would show.
    pub(crate) async fn or_exit<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            kind = self.next() => std::process::exit(128 + kind.as_raw_value()),
        }
    }
}
