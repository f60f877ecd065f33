//! Group commit: acceptances and outcomes of many callers in one transaction, sent as one.
//!
//! All statements go out together, the commit with them, so a group costs one trip to the server and no lock is held
//! while anything travels. When a statement fails the server skips the rest, and the commit takes everything back.

use ringback_model::{EndpointNo, MessageNo, Timestamp};

use super::accept::accept;
use super::connection::{Client, Purpose, begin, commit};
use super::error::Result;
use super::finish::finish;
use super::polled;
use super::queue::{hold_heads, let_next_out, lock};
use crate::{Accept, Accepted, Committed, Finish, Finished, NodeNo, Settled, Step};

/// What a group has brought about.
#[derive(Debug)]
pub(super) struct Written {
    /// Of each acceptance, in order.
    pub(super) accepted: Vec<Accepted>,
    /// Of each outcome, in order.
    pub(super) finished: Vec<Finished>,
    /// What the feed is told.
    pub(super) committed: Committed,
}

/// Writes a group and commits it. When this fails because the connection is lost, it may be committed all the same.
pub(super) async fn write(
    client: &Client,
    purpose: Purpose,
    (now, node): (Timestamp, NodeNo),
    (accepts, finishes): (&[&Accept], &[&Finish]),
) -> Result<Written> {
    let ended: Vec<(MessageNo, EndpointNo)> = finishes
        .iter()
        .filter(|item| matches!(item.step, Step::End { .. }))
        .map(|item| (item.message, item.endpoint))
        .collect();
    // Each sends all that it has to send when it is first polled, which happens in this order.
    let (begun, locked, held, finished, next, accepted, noted, committed) = tokio::join!(biased;
        begin(client, purpose),
        lock(client, accepts),
        hold_heads(client, accepts),
        finish(client, node, finishes),
        let_next_out(client, now, &ended),
        accept(client, now, accepts),
        polled::note(client, accepts),
        commit(client),
    );
    // The first error is the cause of those after it.
    begun.and(locked).and(held)?;
    let (finished, next, accepted) = (finished?, next?, accepted?);
    noted.and(committed)?;
    let mut due = next;
    due.extend(accepted.due);
    due.sort_by_key(|due| due.message.no);
    let settled = finishes
        .iter()
        .zip(&finished)
        .filter(|(_, finished)| **finished != Finished::Fenced)
        .map(|(item, _)| Settled { message: item.message, endpoint: item.endpoint, trigger: item.attempt.trigger })
        .collect();
    let mut committed = Committed { settled, queued: accepted.queued, ..Committed::default() };
    committed.come_due(due, now);
    Ok(Written { accepted: accepted.results, finished, committed })
}
