//! A few connections, shared by those who read.
//!
//! A connection that has ended is thrown away when somebody finds it so, and the next one is made when somebody needs it:
//! after a restart of the server there is nothing to mend.

use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::Address;
use super::connection::{Client, connect};
use super::error::{Result, SqlError, Trouble};

/// How long somebody waits for a connection that others use.
const TURN: Duration = Duration::from_secs(5);

/// The connections.
pub(super) struct Pool {
    address: Address,
    turns: Semaphore,
    idle: Mutex<Vec<Client>>,
}

/// A connection in the hands of one who uses it. Dropped without [`Lease::give_back`] it is closed, for nobody knows what
/// is still under way on it.
pub(super) struct Lease<'a> {
    client: Client,
    pool: &'a Pool,
    _turn: SemaphorePermit<'a>,
}

impl Pool {
    /// At most `size` connections, none of them made yet.
    pub(super) fn new(address: Address, size: usize) -> Self {
        Self { address, turns: Semaphore::new(size), idle: Mutex::default() }
    }

    /// A connection that has not ended, as far as is known.
    pub(super) async fn lease(&self) -> Result<Lease<'_>> {
        let Ok(Ok(turn)) = tokio::time::timeout(TURN, self.turns.acquire()).await else {
            return Err(SqlError::Silent);
        };
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|client| !client.is_closed());
            idle.pop()
        };
        let client = match idle {
            Some(client) => client,
            None => connect(&self.address).await?,
        };
        Ok(Lease { client, pool: self, _turn: turn })
    }
}

impl Lease<'_> {
    /// Lets others use the connection, if this result says that it is still of use.
    pub(super) fn give_back<T>(self, result: Result<T>) -> Result<T> {
        let lost = matches!(&result, Err(error) if error.trouble() == Trouble::Lost);
        if !lost {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.client);
        }
        result
    }
}

impl Deref for Lease<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Pool {
    /// Leaves out the address: it comes with a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.turns.available_permits()).finish_non_exhaustive()
    }
}
