//! The answer to a call of the store, to be awaited.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::StoreError;

/// What a call of the store will answer. The call is under way already; dropping this does not undo it.
#[derive(Debug)]
#[must_use = "an answer that nobody waits for is not known to be durable"]
pub struct Reply<T>(oneshot::Receiver<Result<T, StoreError>>);

/// The side of a [`Reply`] that answers.
#[derive(Debug)]
pub struct Answer<T>(oneshot::Sender<Result<T, StoreError>>);

impl<T> Reply<T> {
    /// A reply and the side that answers it.
    pub fn pair() -> (Answer<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (Answer(sender), Self(receiver))
    }

    /// A reply that is answered already.
    pub fn ready(result: Result<T, StoreError>) -> Self {
        let (answer, reply) = Self::pair();
        answer.give(result);
        reply
    }

    /// Waits on this thread, outside of any runtime.
    ///
    /// # Errors
    /// Those of the call.
    pub fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Broken))
    }
}

impl<T> Answer<T> {
    /// Answers; whoever asked may have gone.
    pub fn give(self, result: Result<T, StoreError>) {
        drop(self.0.send(result));
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A store that dropped the answer has stopped: it is broken, or closed.
        Pin::new(&mut self.0).poll(context).map(|received| received.unwrap_or(Err(StoreError::Broken)))
    }
}
