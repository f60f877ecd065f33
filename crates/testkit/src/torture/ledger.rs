//! What was sent and what was acknowledged, kept outside everything that is killed.
//!
//! The intent is written before the first byte is sent and the outcome after the last byte of the answer was read, so
//! that whatever happens between leaves the post in doubt, which is the truth.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::StatusCode;
use sha2::{Digest, Sha256};

use super::client::Reply;
use super::history::{Post, PostNumber};

/// The ledger of one run.
#[derive(Debug)]
pub(super) struct Ledger {
    epoch: Instant,
    posts: Mutex<Vec<Post>>,
}

/// What an answer settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// Accepted: the promise stands.
    Acked,
    /// Refused for good.
    Rejected,
    /// Nobody knows: no answer, or one that says the server is in trouble.
    Doubtful,
}

impl Ledger {
    /// An empty ledger whose time begins now.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), posts: Mutex::default() }
    }

    /// Writes down that a message is about to be posted. `payload` makes its bytes from its number.
    pub(super) fn intend(
        &self,
        app: usize,
        key: Option<u64>,
        payload: impl FnOnce(PostNumber) -> String,
    ) -> (PostNumber, String) {
        let mut posts = self.posts();
        let number = posts.len();
        let payload = payload(number);
        let sha = Sha256::digest(&payload).into();
        let begun = self.now();
        posts.push(Post { app, key, sha, begun, acked: None, doubtful: false, ids: Vec::new(), refused_repeats: 0 });
        (number, payload)
    }

    /// Writes down how a request for a post ended.
    pub(super) fn settle(&self, number: PostNumber, reply: Option<&Reply>) -> Settled {
        let now = self.now();
        let mut posts = self.posts();
        let post = &mut posts[number];
        match reply {
            Some(reply) if reply.status.is_success() => {
                post.acked.get_or_insert(now);
                let id = reply.id().unwrap_or_else(|| "(an answer without an id)".to_owned());
                if !post.ids.contains(&id) {
                    post.ids.push(id);
                }
                Settled::Acked
            }
            Some(reply) if reply.status.is_client_error() && reply.status != StatusCode::TOO_MANY_REQUESTS => {
                // A refusal settles a first request. After one in doubt the same key must give the same answer.
                if post.may_arrive() {
                    post.refused_repeats += 1;
                }
                Settled::Rejected
            }
            _ => {
                post.doubtful = true;
                Settled::Doubtful
            }
        }
    }

    /// A copy of everything so far.
    #[must_use]
    pub(super) fn snapshot(&self) -> Vec<Post> {
        self.posts().clone()
    }

    /// Looks at everything so far without copying it.
    pub(super) fn with<T>(&self, look: impl FnOnce(&[Post]) -> T) -> T {
        look(&self.posts())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn posts(&self) -> MutexGuard<'_, Vec<Post>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> Reply {
        Reply { status: StatusCode::from_u16(status).unwrap(), body: body.into() }
    }

    #[test]
    fn a_post_is_in_the_ledger_before_it_is_settled() {
        let ledger = Ledger::new();
        let (number, payload) = ledger.intend(1, Some(7), |number| format!("{{\"n\":{number}}}"));
        assert_eq!((number, &*payload), (0, "{\"n\":0}"));
        let post = ledger.snapshot().remove(0);
        assert_eq!((post.acked, post.may_arrive(), post.app, post.key), (None, false, 1, Some(7)));
    }

    #[test]
    fn no_answer_and_a_troubled_server_leave_doubt_and_a_refusal_does_not() {
        for (answer, settled, may_arrive) in [
            (None, Settled::Doubtful, true),
            (Some(reply(503, "{}")), Settled::Doubtful, true),
            (Some(reply(429, "{}")), Settled::Doubtful, true),
            (Some(reply(422, "{}")), Settled::Rejected, false),
            (Some(reply(202, "{\"id\":\"msg_1\"}")), Settled::Acked, true),
        ] {
            let ledger = Ledger::new();
            let (number, _) = ledger.intend(0, None, |_| String::new());
            assert_eq!(ledger.settle(number, answer.as_ref()), settled);
            assert_eq!(ledger.with(|posts| posts[0].may_arrive()), may_arrive, "{answer:?}");
        }
    }

    #[test]
    fn a_repetition_must_give_the_same_id_and_not_be_refused() {
        let ledger = Ledger::new();
        let (number, _) = ledger.intend(0, None, |_| String::new());
        ledger.settle(number, None);
        ledger.settle(number, Some(&reply(202, "{\"id\":\"msg_1\"}")));
        ledger.settle(number, Some(&reply(202, "{\"id\":\"msg_1\"}")));
        ledger.settle(number, Some(&reply(409, "{}")));
        let post = ledger.snapshot().remove(0);
        assert_eq!((post.ids, post.refused_repeats), (vec!["msg_1".to_owned()], 1));
    }
}
