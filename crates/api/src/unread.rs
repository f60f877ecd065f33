//! Whether a request was answered before its body was there.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};

/// Whether some of a body is left.
#[derive(Clone, Debug)]
pub(crate) struct Unread(Option<Arc<AtomicBool>>);

/// A body that is watched.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    unread: Unread,
}

impl Unread {
    /// Of a body that nothing was read of.
    pub(crate) fn of(body: &impl HttpBody) -> Self {
        Self((!body.is_end_stream()).then(Arc::default))
    }

    /// The same body, watched.
    pub(crate) fn watch<B>(&self, body: B) -> Watched<B> {
        Watched { body, unread: self.clone() }
    }

    /// Whether its end was not reached.
    pub(crate) fn is_left(&self) -> bool {
        self.0.as_ref().is_some_and(|ended| !ended.load(Ordering::Relaxed))
    }
}

impl<B: HttpBody + Unpin> HttpBody for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(ended) = &self.unread.0
            && (frame.is_none() || self.body.is_end_stream())
        {
            ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
