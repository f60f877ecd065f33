//! Looking at a running engine from outside: what it has counted, and what it holds at this moment.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::AppNo;
use tokio::sync::{mpsc, oneshot};

use crate::busiest::AppReading;
use crate::meter::{EngineMeter, EngineReading};
use crate::scheduler::{Closed, Load};
use crate::term::{NodeReading, Term};

/// How long the pump may take to answer: it never waits for anything itself.
const STALLED: Duration = Duration::from_secs(2);

/// What an engine holds at some moment.
#[derive(Clone, Debug)]
pub struct EngineState {
    /// How much is under way and in memory.
    pub load: Load,
    /// Lanes that send nothing, by why.
    pub closed: Closed,
    /// Attempts of the busiest applications.
    pub apps: Vec<(AppNo, AppReading)>,
    /// Attempts of all others.
    pub rest: AppReading,
}

/// Why an engine does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stalled {
    /// It has ended.
    #[error("the engine has ended")]
    Ended,
    /// It does not get round to it.
    #[error("the engine has not answered for 2 seconds")]
    Busy,
}

/// A window into a running engine.
#[derive(Clone, Debug)]
pub struct EngineWatch {
    pub(crate) meter: Arc<EngineMeter>,
    pub(crate) term: Arc<Term>,
    pub(crate) questions: mpsc::UnboundedSender<Question>,
}

/// Asks the pump for its state.
pub(crate) type Question = oneshot::Sender<EngineState>;

impl EngineWatch {
    /// What was counted.
    #[must_use]
    pub fn read(&self) -> EngineReading {
        self.meter.read()
    }

    /// How its node stands.
    #[must_use]
    pub fn node(&self) -> NodeReading {
        self.term.read()
    }

    /// What the engine holds, told by its own loop: an answer means that it runs.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn state(&self) -> Result<EngineState, Stalled> {
        let (question, answer) = oneshot::channel();
        self.questions.send(question).map_err(|_| Stalled::Ended)?;
        match tokio::time::timeout(STALLED, answer).await {
            Ok(answered) => answered.map_err(|_| Stalled::Ended),
            Err(_) => Err(Stalled::Busy),
        }
    }
}
