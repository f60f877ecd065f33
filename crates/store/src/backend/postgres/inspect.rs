//! A look at a store beside its servers: what is in it, and whether its own rules hold. Nothing is written. Whether the
//! files of the database are whole is for its own tools to say (`pg_amcheck`).

use ringback_model::{DeliveryState, Redacted};

use super::connection::{Client, Purpose, address, connect, query, transaction};
use super::error::{Result, open_error};
use super::schema::{self, Found, HALF_FILLED};
use super::value::{Values, get};
use super::{backlog, document, node};
use crate::{Inspection, MasterKey, StoreError};

/// The version of the tables that has nodes.
const WITH_NODES: usize = 13;

/// What must find nothing, and what it means if it does.
const LAWS: [(&str, &str); 4] = [
    (
        "SELECT count(*) FROM ringback.delivery d WHERE NOT EXISTS \
         (SELECT FROM ringback.message m WHERE m.no = d.message)",
        "deliveries without their message",
    ),
    (
        "SELECT count(*) FROM ringback.delivery WHERE state <> 1 AND due IS NOT NULL",
        "deliveries that have ended and are due all the same",
    ),
    (
        "SELECT count(*) FROM ringback.delivery WHERE state = 1 AND due IS NULL AND manual_due IS NULL AND queue IS NULL",
        "pending deliveries that will never be due",
    ),
    (
        "SELECT count(*) FROM (SELECT FROM ringback.delivery WHERE queue IS NOT NULL AND state = 1 \
         GROUP BY endpoint, queue HAVING count(due) <> 1) queues",
        "queues whose head is not due, or that have more than one",
    ),
];

/// Looks at the store in a database, also beside its servers. With the master key it is seen whether secrets open.
///
/// # Errors
/// [`StoreError::Open`] when there is none, it is newer than this version of Ringback, or it cannot be read.
pub async fn inspect(url: &Redacted, key: Option<&MasterKey>) -> Result<Inspection, StoreError> {
    let address = address(url)?;
    let client = connect(&address).await.map_err(|error| open_error("the database cannot be reached", &error))?;
    let unreadable = |error| open_error("the tables cannot be read", &error);
    let version = match schema::version(&client).await.map_err(unreadable)? {
        Found::Version(0) => return Err(StoreError::Open("there is no store of Ringback in this database".to_owned())),
        Found::Version(version) => version,
        Found::Newer(version) => return Err(schema::newer(version)),
    };
    let mut found = look(&client, version, key).await.map_err(unreadable)?;
    if schema::is_being_filled(&client).await.map_err(unreadable)? {
        found.troubles.insert(0, HALF_FILLED.to_owned());
    }
    Ok(found)
}

/// What is in tables of this version, whether or not they are being filled.
pub(super) async fn look(client: &Client, version: usize, key: Option<&MasterKey>) -> Result<Inspection> {
    // At one moment, however long it takes: so much is read.
    let work = transaction(client, Purpose::Search, async {
        query(client, "SET LOCAL statement_timeout = 0", &Values::default()).await?;
        read(client, key).await
    });
    let mut found = work.await?;
    found.version = i64::try_from(version).unwrap_or(i64::MAX);
    found.backlog = backlog::pending(client, u64::MAX).await?.all;
    if version >= WITH_NODES {
        found.nodes = node::nodes(client).await?;
    }
    Ok(found)
}

async fn read(client: &Client, key: Option<&MasterKey>) -> Result<Inspection> {
    let mut found = Inspection {
        messages: count(client, "SELECT count(*) FROM ringback.message").await?,
        attempts: count(client, "SELECT count(*) FROM ringback.attempt").await?,
        documents: count(client, "SELECT count(*) FROM ringback.document WHERE deleted_at IS NULL").await?,
        ..Inspection::default()
    };
    let states = "SELECT state, count(*) FROM ringback.delivery GROUP BY state ORDER BY state";
    for row in query(client, states, &Values::default()).await? {
        let (state, count) = (i64::from(get::<i16>(&row, 0)?), unsigned(get(&row, 1)?));
        match DeliveryState::from_code(state) {
            Some(state) => found.deliveries.push((state, count)),
            None => found.troubles.push(format!("{count} deliveries are in a state that there is none of ({state})")),
        }
    }
    for (law, meaning) in LAWS {
        match count(client, law).await? {
            0 => {}
            broken => found.troubles.push(format!("{broken} {meaning}")),
        }
    }
    if let Some(key) = key {
        found.troubles.extend(secrets(client, key).await?);
    }
    Ok(found)
}

async fn count(client: &Client, sql: &str) -> Result<u64> {
    let rows = query(client, sql, &Values::default()).await?;
    rows.first().map_or(Ok(0), |row| get(row, 0).map(unsigned))
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

async fn secrets(client: &Client, key: &MasterKey) -> Result<Option<String>> {
    if !schema::is_master_key(client, key).await? {
        return Ok(Some("the master key is not the one that secrets were sealed with".to_owned()));
    }
    let closed = document::closed_secrets(client, key).await?;
    Ok((closed > 0).then(|| format!("{closed} secrets do not open")))
}
