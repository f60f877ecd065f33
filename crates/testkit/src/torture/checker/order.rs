//! Order per key: what was accepted before may not be overtaken.
//!
//! The promise covers a post that began after the earlier one's 2xx had been read. It is kept if the later message's
//! first arrival comes after the earlier one was answered 2xx. Comparing first arrivals alone would miss a queue that
//! goes on with the next message while the one before waits for its retry.

use std::collections::HashMap;

use super::super::history::{EndpointNumber, History, PostNumber};
use super::{Findings, Pairs, first_ok};

pub(super) fn check(history: &History, pairs: &Pairs, findings: &mut Findings) {
    let mut keys: HashMap<(usize, u64), Vec<PostNumber>> = HashMap::new();
    for (number, post) in history.posts.iter().enumerate() {
        if let Some(key) = post.key {
            keys.entry((post.app, key)).or_default().push(number);
        }
    }
    for (endpoint, _) in history.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.ordered) {
        for ((app, key), posts) in &keys {
            if *app == history.endpoints[endpoint].app {
                check_key(history, pairs, endpoint, *key, posts, findings);
            }
        }
    }
}

fn check_key(
    history: &History,
    pairs: &Pairs,
    endpoint: EndpointNumber,
    key: u64,
    posts: &[PostNumber],
    findings: &mut Findings,
) {
    let first = |post: PostNumber| pairs.get(&(post, endpoint)).and_then(|places| places.first().copied());
    // (accepted, settled): from when on later posts must wait for it, and where in the log that wait ends.
    let mut earlier: Vec<(u64, usize)> = posts
        .iter()
        .filter_map(|&post| {
            let settled = first_ok(history, pairs, post, endpoint).or_else(|| first(post))?;
            Some((history.posts[post].acked?, settled))
        })
        .collect();
    earlier.sort_unstable();
    let mut later: Vec<(u64, usize, PostNumber)> =
        posts.iter().filter_map(|&post| Some((history.posts[post].begun, first(post)?, post))).collect();
    later.sort_unstable();

    let mut earlier = earlier.into_iter().peekable();
    let mut last_settled = None;
    for (begun, arrived, post) in later {
        while let Some((_, settled)) = earlier.next_if(|&(acked, _)| acked < begun) {
            last_settled = last_settled.max(Some(settled));
        }
        if last_settled.is_some_and(|settled| arrived < settled) {
            let text = || {
                format!(
                    "post {post} of key {key} came to endpoint {endpoint} at {arrived}, before one that was accepted earlier ({last_settled:?})"
                )
            };
            findings.note(|v| &mut v.order, text);
        }
    }
}
