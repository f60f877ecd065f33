//! Order per key: what was accepted before may not be overtaken.
//!
//! The promise covers a post that began after the earlier one's 2xx had been read. It is kept if the later message's
//! first arrival comes after the earlier one was answered 2xx, or behind it in the same request. Comparing first arrivals
//! alone would miss a queue that goes on with the next message while the one before waits for its retry.

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
    // (accepted, settled, post): from when on later posts must wait for it, and where in the log that wait ends.
    let earlier: Vec<(u64, usize, PostNumber)> = posts
        .iter()
        .filter_map(|&post| {
            let settled = first_ok(history, pairs, post, endpoint).or_else(|| first(post))?;
            Some((history.posts[post].acked?, settled, post))
        })
        .collect();
    let request = |at: usize| at - history.arrivals[at].place;
    let together = |other: PostNumber, at: usize| {
        let places = pairs.get(&(other, endpoint)).into_iter().flatten();
        places.into_iter().any(|&before| before < at && request(before) == request(at))
    };
    for &post in posts {
        let Some(arrived) = first(post) else { continue };
        let begun = history.posts[post].begun;
        let waits = earlier.iter().filter(|(acked, settled, _)| *acked < begun && arrived < *settled);
        if let Some((_, settled, other)) = waits.into_iter().find(|(_, _, other)| !together(*other, arrived)) {
            let text = || {
                format!(
                    "post {post} of key {key} came to endpoint {endpoint} at {arrived}, before {other}, accepted earlier ({settled})"
                )
            };
            findings.note(|v| &mut v.order, text);
        }
    }
}
