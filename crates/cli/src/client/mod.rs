//! `ringback app`, `endpoint`, `message` and so on: the API from a command line.
//!
//! `catalogue.rs` reads the API's own document, `command.rs` makes commands of it under the names of `naming.rs`;
//! `call.rs` makes a request of a command line, `exchange.rs` sends it, `answer.rs` tells an answer of the API from one of
//! something else, `page.rs` goes through lists, and `output.rs` shows what came back. `failure.rs` says what went wrong and with which exit status.

mod answer;
mod call;
mod catalogue;
mod command;
mod connection;
mod exchange;
mod failure;
mod field;
mod input;
mod members;
mod naming;
mod output;
mod page;
mod pretty;
mod question;
mod table;
mod value;

use anyhow::Context as _;
use clap::ArgMatches;
use ringback_engine::SystemClock;
use ringback_model::Clock as _;
use tokio::runtime::Runtime;

use self::catalogue::Operation;
use self::output::Printer;

pub(crate) use call::{Call, encode};
pub(crate) use command::commands;
pub(crate) use connection::{Connection, DEFAULT_SERVER, SERVER_SETTING};
pub(crate) use exchange::Client;
pub(crate) use failure::Failure;
pub(crate) use page::{LIMIT, Page};

/// Runs a command of the API; `None` if it is none.
pub(crate) fn run(matches: &ArgMatches) -> Option<anyhow::Result<()>> {
    let (operation, matches) = command::find(matches)?;
    Some(run_operation(operation, matches))
}

fn run_operation(operation: &'static Operation, matches: &ArgMatches) -> anyhow::Result<()> {
    let call = Call::read(operation, matches, SystemClock::new().wall())?;
    let client = Client::new(Connection::new(matches)?);
    if operation.method == http::Method::DELETE && !matches.get_flag(command::YES) {
        question::may_delete(&call, client.server())?;
    }
    let printer = Printer::new(matches);
    let is_all = operation.is_list && matches.get_flag(command::ALL);
    runtime()?.block_on(async {
        if is_all {
            page::all(operation, call, client, printer).await
        } else {
            one(operation, &call, client, printer).await
        }
    })
}

/// The runtime of a command that makes one call after the other.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")
}

async fn one(operation: &Operation, call: &Call, mut client: Client, mut printer: Printer) -> anyhow::Result<()> {
    let answer = client.call(call).await?;
    printer.answer(operation, &answer)
}
