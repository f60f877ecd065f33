//! Lists that go over many pages.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::Call;
use super::catalogue::Operation;
use super::exchange::Client;
use super::failure::Failure;
use super::output::Printer;

/// The largest page that there is.
pub(crate) const LIMIT: &str = "250";

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// Its items, as they were written.
    pub(crate) data: Vec<Box<RawValue>>,
    /// Where the next page begins.
    iterator: Option<String>,
    /// Whether it is the last one.
    done: bool,
}

impl Page {
    /// Reads a page that `client` was answered with.
    pub(crate) fn read(body: &[u8], client: &Client) -> Result<Self, Failure> {
        serde_json::from_slice(body)
            .map_err(|error| client.stranger(format_args!("what it answers is no page of a list ({error})")))
    }

    /// What the next page is asked for with, if there is one.
    pub(crate) fn next(self) -> Option<String> {
        self.iterator.filter(|_| !self.done)
    }
}

/// Shows all pages from the one on that is asked for.
pub(super) async fn all(
    operation: &Operation,
    mut call: Call,
    mut client: Client,
    mut printer: Printer,
) -> anyhow::Result<()> {
    if !call.query.iter().any(|(name, _)| *name == "limit") {
        call.query.push(("limit", LIMIT.to_owned()));
    }
    loop {
        let answer = client.call(&call).await?;
        let page = Page::read(&answer, &client)?;
        printer.items(operation, &page.data)?;
        let Some(next) = page.next() else { return printer.end() };
        call.query.retain(|(name, _)| *name != "iterator");
        call.query.push(("iterator", next));
    }
}
