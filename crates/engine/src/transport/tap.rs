//! A socket that tells what HTTP does not: whether it was silent while it was idle, and what an answer began with.
//!
//! The HTTP implementation owns the socket, so both questions are asked from inside it: the owner sets a flag in
//! [`Signals`], and the tap acts on it at its next read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::egress::Socket;

/// Where the first digit of the status stands: `HTTP/1.1 200`.
const STATUS_AT: usize = 9;

/// What the owner of a connection and its tap tell each other. All of it happens in one task at a time.
#[derive(Debug, Default)]
pub(super) struct Signals {
    reuse: AtomicBool,
    interim: AtomicBool,
}

impl Signals {
    /// The connection was idle and is used again: before anything is written, it must be found silent.
    pub(super) fn announce_reuse(&self) {
        self.reuse.store(true, Ordering::Relaxed);
    }

    /// Whether an answer began with a status of 1xx. No interim answer and no upgrade was asked for, so it is odd; HTTP
    /// itself passes over it.
    pub(super) fn saw_interim(&self) -> bool {
        self.interim.load(Ordering::Relaxed)
    }
}

/// A socket with [`Signals`].
#[derive(Debug)]
pub(super) struct Tap {
    socket: Socket,
    signals: Arc<Signals>,
    /// How many bytes of the current answer have come, up to the one at [`STATUS_AT`].
    answered: usize,
}

impl Tap {
    pub(super) fn new(socket: Socket) -> (Self, Arc<Signals>) {
        let signals = Arc::new(Signals::default());
        (Self { socket, signals: Arc::clone(&signals), answered: 0 }, signals)
    }

    fn look_at_status(&mut self, bytes: &[u8]) {
        if self.answered > STATUS_AT {
            return;
        }
        if let Some(b'1') = bytes.get(STATUS_AT - self.answered) {
            self.signals.interim.store(true, Ordering::Relaxed);
        }
        self.answered += bytes.len();
    }
}

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        if tap.signals.reuse.swap(false, Ordering::Relaxed) {
            tap.answered = 0;
            if !tap.socket.is_quiet() {
                // Whatever it is, a close or an answer to nothing, the connection is over: read as its end.
                return Poll::Ready(Ok(()));
            }
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut tap.socket).poll_read(cx, buf))?;
        tap.look_at_status(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
