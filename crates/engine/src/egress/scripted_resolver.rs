//! A resolver for tests: it answers what it was told to, in turn, and counts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{ResolveError, Resolver};

type Answer = Result<Vec<IpAddr>, ResolveError>;

/// Answers from a script. A name that the script does not know does not exist.
#[derive(Debug, Default)]
pub struct ScriptedResolver {
    names: Mutex<HashMap<String, Script>>,
}

#[derive(Debug, Default)]
struct Script {
    /// In reverse, so that the next one is the last.
    answers: Vec<Answer>,
    asked: usize,
}

impl ScriptedResolver {
    /// A resolver that knows no name.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers look-ups of `host` with these in turn; the last one stays.
    #[must_use]
    pub fn with(self, host: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        answers.reverse();
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), Script { answers, asked: 0 });
        self
    }

    /// Always answers look-ups of `host` with these addresses.
    #[must_use]
    pub fn with_addresses(self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.with(host, [Ok(addresses.into_iter().collect())])
    }

    /// How often `host` was looked up.
    #[must_use]
    pub fn asked(&self, host: &str) -> usize {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(host).map_or(0, |script| script.asked)
    }
}

#[async_trait]
impl Resolver for ScriptedResolver {
    async fn resolve(&self, host: &str) -> Answer {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let script = names.get_mut(host).ok_or(ResolveError::NotFound)?;
        script.asked += 1;
        match script.answers.as_slice() {
            [] => Err(ResolveError::NotFound),
            [last] => last.clone(),
            [..] => script.answers.pop().unwrap_or(Err(ResolveError::NotFound)),
        }
    }
}
