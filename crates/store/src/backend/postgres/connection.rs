//! Connections: how they are made, and how a transaction on one begins and ends.
//!
//! Nothing is ever set for a session: behind a pooler in transaction mode the next transaction may have another one.
//! What a transaction needs it sets for itself, in the message that begins it.

use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ringback_model::{Mutant, Redacted};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Row};

use super::address::Address;
use super::error::{Result, SqlError};
use super::hot::Functions;
use super::value::Values;
use crate::StoreError;

/// How long it may take to connect and log in.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the network may leave what we sent without an acknowledgement.
const UNACKNOWLEDGED: Duration = Duration::from_secs(8);
/// How long we wait for the server in all: more than it gives itself, so that it is the one to end what takes too long.
const ANSWER: Duration = Duration::from_secs(10);

/// How a transaction begins. Only one that reads for the engine tells the planner what to do: its statements follow an
/// index in its order and stop early, and no estimate of how many rows there are may talk the planner out of that. Nothing is
/// compiled to machine code (`jit`): what a plan with forbidden steps seems to cost would have it done for a few rows, and that
/// takes a quarter of a second.
mod begin {
    macro_rules! read {
        () => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = '5s'; SET LOCAL jit = off"
        };
    }
    macro_rules! write {
        () => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '8s'; \
             SET LOCAL jit = off; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'"
        };
    }

    pub(super) const SEARCH: &str = read!();
    pub(super) const READ: &str = concat!(
        read!(),
        "; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
    );
    pub(super) const WRITE: &str = write!();
    pub(super) const WRITE_INSISTING: &str = concat!(write!(), "; SET LOCAL synchronous_commit = on");
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The engine's reads, and those of configuration: at one moment.
    Read,
    /// People's searches: at one moment.
    Search,
    /// Writing.
    Write,
    /// Writing, where the server would answer before a commit is on its disk unless it is told not to.
    WriteInsisting,
}

impl Purpose {
    /// What begins such a transaction.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            Self::Read => begin::READ,
            Self::Search => begin::SEARCH,
            Self::Write => begin::WRITE,
            Self::WriteInsisting => begin::WRITE_INSISTING,
        }
    }
}

/// Where the database is, with what every connection to it has.
///
/// # Errors
/// [`StoreError::Open`] when the URL cannot be read.
pub(super) fn address(url: &Redacted) -> Result<Address, StoreError> {
    let mut address = Address::parse(url)?;
    let config = &mut address.config;
    config.connect_timeout(CONNECT).tcp_user_timeout(UNACKNOWLEDGED).keepalives_idle(Duration::from_secs(30));
    // One that only listens notices in a minute that the other side has gone.
    config.keepalives_interval(Duration::from_secs(10)).keepalives_retries(3);
    if config.get_application_name().is_none() {
        config.application_name("ringback");
    }
    // The statements of such a build ask for it.
    if let Some(mutant) = Mutant::alive() {
        config.options(format!("-c ringback.mutant={mutant}"));
    }
    Ok(address)
}

/// A connection to the database, with what is known of that.
pub(super) struct Client {
    client: tokio_postgres::Client,
    functions: Arc<Functions>,
}

impl Client {
    /// Whether the database has functions for what is asked at each commit.
    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }
}

impl Deref for Client {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &tokio_postgres::Client {
        &self.client
    }
}

/// Connects and logs in. The connection is driven by a task that ends with it.
pub(super) async fn connect(address: &Address) -> Result<Client> {
    let connecting = tokio::time::timeout(CONNECT, address.config.connect(address.tls.clone()));
    let (client, connection) =
        connecting.await.unwrap_or_else(|_| Err(tokio_postgres::Error::__private_api_timeout()))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database has ended");
        }
    });
    Ok(Client { client, functions: address.functions.clone() })
}

/// Connects and logs in, and hands over what the server says beside its answers. It says no more when the connection has
/// ended.
pub(super) async fn connect_hearing(address: &Address) -> Result<(Client, mpsc::UnboundedReceiver<AsyncMessage>)> {
    let connecting = tokio::time::timeout(CONNECT, address.config.connect(address.tls.clone()));
    let (client, mut connection) =
        connecting.await.unwrap_or_else(|_| Err(tokio_postgres::Error::__private_api_timeout()))?;
    let (said, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            // Nobody to hear it: the connection ends with its client.
            said.send(message).ok();
        }
    });
    Ok((Client { client, functions: address.functions.clone() }, heard))
}

/// Waits for the server as long as is reasonable.
pub(super) async fn answered<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    // An error here is the time that is up.
    tokio::time::timeout(ANSWER, call).await.unwrap_or(Err(SqlError::Silent))
}

/// Sends one statement.
pub(super) async fn query(client: &Client, sql: &str, values: &Values<'_>) -> Result<Vec<Row>> {
    Ok(client.query_typed(sql, &values.borrow()).await?)
}

/// Begins a transaction.
pub(super) async fn begin(client: &Client, purpose: Purpose) -> Result<()> {
    Ok(client.batch_execute(purpose.begin()).await?)
}

/// Ends a transaction that nothing has gone wrong in.
pub(super) async fn commit(client: &Client) -> Result<()> {
    Ok(client.batch_execute("COMMIT").await?)
}

/// Does `work` in a transaction of its own and commits it, or takes it back when it fails.
pub(super) async fn transaction<T>(
    client: &Client,
    purpose: Purpose,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    // Sent together: what `work` asks first goes out with what begins the transaction.
    let (begun, done) = tokio::join!(biased; begin(client, purpose), work);
    match begun.and(done) {
        Ok(done) => commit(client).await.map(|()| done),
        Err(error) => {
            // It fails where the connection is gone, and with it the transaction.
            client.batch_execute("ROLLBACK").await.ok();
            Err(error)
        }
    }
}
