//! Statements that nearly every commit has, kept in the database as functions.
//!
//! A statement that is sent under no name, which is all that a pooler in transaction mode carries, is parsed and planned
//! each time, and that takes longer than carrying out one of ours for a few messages. The text of a function is planned
//! once by each process of the server. A function is named by what its text is: servers of two versions beside each other
//! have one each, and those of older versions stay, for nobody knows who still calls them.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

use super::accept::ACCEPT;
use super::address::Address;
use super::connection::{Client, Purpose, answered, connect, query, transaction};
use super::error::Result;
use super::finish::FINISH;
use super::lane::OVERDUE;
use super::queue::NEXT_OUT;
use super::schema::{self, is_denied};
use super::take::{CANDIDATES, LOAD};
use super::value::{Values, get};

/// A statement, and the function that has it.
pub(super) struct Hot {
    sql: &'static str,
    /// The types of its values, in order.
    takes: &'static str,
    /// The types of its columns.
    gives: &'static [&'static str],
    name: String,
    call: String,
}

/// All of them.
pub(super) static ALL: [&LazyLock<Hot>; 6] = [&ACCEPT, &FINISH, &NEXT_OUT, &CANDIDATES, &LOAD, &OVERDUE];

impl Hot {
    /// A statement that takes values of these types, and answers with columns of those.
    pub(super) fn new(sql: &'static str, takes: &'static str, gives: &'static [&'static str]) -> Self {
        let hash = Sha256::digest(format!("{sql}\n{takes}\n{gives:?}\n{SETTINGS}"));
        let name = format!("hot_{}", hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect::<String>());
        let values: Vec<_> = (1..=takes.split(',').count()).map(|at| format!("${at}")).collect();
        let call = format!("SELECT * FROM ringback.{name}({})", values.join(", "));
        Self { sql, takes, gives, name, call }
    }

    /// What makes its function. Its columns have names of their own: those of the statement are meant within it.
    fn definition(&self) -> String {
        let columns: Vec<_> = self.gives.iter().enumerate().map(|(at, type_)| format!("r{at} {type_}")).collect();
        format!(
            "CREATE OR REPLACE FUNCTION ringback.{}({}) RETURNS TABLE ({}) LANGUAGE plpgsql {SETTINGS} AS $hot$\n\
             #variable_conflict use_column\nBEGIN RETURN QUERY {}; END $hot$",
            self.name,
            self.takes,
            columns.join(", "),
            self.sql
        )
    }
}

/// How it is planned: once, whatever the values, and so that each row of a table is found along an index. What a plan would be
/// like for the few rows that there were when it was made is of no use a minute later; nor is an order of joins that reads all
/// deliveries of an endpoint, since it has none yet, so tables are joined in the order in which they are written.
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off \
    SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1";

/// Up to how many items a function is asked about. Each of them is compared with each other, and with more of them it pays
/// to have a plan of their own.
const FEW: usize = 50;

/// Whether a database has the functions of this version.
#[derive(Debug, Default)]
pub(super) struct Functions(AtomicBool);

impl Functions {
    fn are_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Asks such a statement about so many items: its function where there is one and they are few, else the statement itself.
pub(super) async fn ask(client: &Client, hot: &Hot, items: usize, values: &Values<'_>) -> Result<Vec<Row>> {
    let by_function = items <= FEW && client.functions().are_there();
    query(client, if by_function { &hot.call } else { hot.sql }, values).await
}

/// Makes the functions that are missing, by way of `migrate` where that is another one; a role other than the present one
/// may call them. Without the right to make them everything works, and takes longer.
pub(super) async fn make(client: &Client, address: &Address, migrate: Option<&Address>) {
    let made = match (missing(client).await, migrate) {
        (Ok(missing), _) if missing.is_empty() => Ok(()),
        (Ok(_), Some(migrate)) => match connect(migrate).await {
            Ok(direct) => make_missing(&direct, address.config.get_user()).await,
            Err(error) => Err(error),
        },
        (Ok(_), None) => make_missing(client, None).await,
        (Err(error), _) => Err(error),
    };
    match made {
        Ok(()) => address.functions.0.store(true, Ordering::Relaxed),
        Err(error) if is_denied(&error) => tracing::warn!(
            "the role may not make functions in the schema `ringback`, so the database plans each statement anew: give a \
             `--migrate-url` of the role that owns the schema"
        ),
        Err(error) => tracing::warn!(%error, "functions could not be made, so the database plans each statement anew"),
    }
}

/// Those whose functions are not there.
async fn missing(client: &Client) -> Result<Vec<&'static Hot>> {
    let sql = "SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
               WHERE n.nspname = 'ringback' AND p.proname = ANY ($1::text[]) \
                 AND has_function_privilege(p.oid, 'EXECUTE')";
    let all = || ALL.iter().map(|hot| &***hot);
    let values = Values::default().texts(all().map(|hot| hot.name.as_str()));
    let rows = answered(query(client, sql, &values)).await?;
    let there: Vec<String> = rows.iter().map(|row| get(row, 0)).collect::<Result<_>>()?;
    Ok(all().filter(|hot| !there.contains(&hot.name)).collect())
}

async fn make_missing(client: &Client, user: Option<&str>) -> Result<()> {
    let work = transaction(client, Purpose::Write, async {
        schema::lock(client).await?;
        for hot in missing(client).await? {
            client.batch_execute(&hot.definition()).await?;
        }
        let Some(user) = user else { return Ok(()) };
        for hot in ALL {
            let (name, takes, user) = (&hot.name, hot.takes, schema::quoted(user));
            let sql = format!("GRANT EXECUTE ON FUNCTION ringback.{name}({takes}) TO {user}");
            client.batch_execute(&sql).await?;
        }
        Ok(())
    });
    answered(work).await
}
