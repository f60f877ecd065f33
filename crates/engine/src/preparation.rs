//! From a message to the request of its attempt; aside from everything else where code of an endpoint's owner has a word
//! in it.

use std::sync::Arc;

use ringback_model::{Message, Timestamp};
use ringback_wire::{Prepared, RenderError};
use tokio::sync::Semaphore;

use crate::Route;

/// Transformations that run at once, of all endpoints: what they do takes processors, and nothing else.
const TRANSFORMING: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(TRANSFORMING);

impl Route {
    /// Makes the request of one attempt, signed at `wall`.
    ///
    /// Code of the endpoint's owner runs on a thread that may be kept waiting, for one message at a time: an endpoint
    /// whose code is slow holds up itself.
    ///
    /// # Errors
    /// Those of [`ringback_wire::prepare`].
    pub async fn prepare(self: &Arc<Self>, message: &Arc<Message>, wall: Timestamp) -> Result<Prepared, RenderError> {
        if !self.recipe.transforms() {
            return ringback_wire::prepare(&self.recipe, message, wall);
        }
        // Neither of them is ever closed.
        let _own = self.transforming.acquire().await;
        let _turn = TURNS.acquire().await;
        let (route, message) = (Arc::clone(self), Arc::clone(message));
        let made = tokio::task::spawn_blocking(move || ringback_wire::prepare(&route.recipe, &message, wall));
        match made.await {
            Ok(made) => made,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(RenderError::Transformation { why: "The server is stopping.".to_owned() }),
            },
        }
    }
}
