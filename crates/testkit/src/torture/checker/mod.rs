//! The judge: a pure function from the [`History`] of a run to what was wrong with it.
//!
//! Every kind of wrong has its own count, and a single wrong moves exactly one of them; `tests` holds hand-made bad
//! histories that prove it. Linear in the number of arrivals, but for sorting the posts of ordered keys.

mod findings;
mod order;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

pub use findings::{Findings, Violations};

use super::history::{Arrival, End, EndpointNumber, History, PostNumber};

/// Outcomes of one endpoint that a crash may find sent and not yet durable, beyond those on the wire.
pub const UNCOMMITTED: usize = 256;

/// Judges a run.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let pairs = arrivals(history, &mut findings);
    losses(history, &pairs, &mut findings);
    repeats(history, &pairs, &mut findings);
    recorded(history, &mut findings);
    identities(history, &mut findings);
    order::check(history, &pairs, &mut findings);
    tasks::check(history, &mut findings);
    findings
}

/// Where the arrivals of one delivery stand, in order.
type Pairs = HashMap<(PostNumber, EndpointNumber), Vec<usize>>;

/// Sorts the arrivals by delivery, and judges each one by itself: does it belong here, is it whole, is it signed?
fn arrivals(history: &History, findings: &mut Findings) -> Pairs {
    let mut pairs = Pairs::new();
    for (at, arrival) in history.arrivals.iter().enumerate() {
        let Some(post) = belongs(history, arrival) else {
            findings.note(|v| &mut v.phantom, || format!("arrival {at}: nobody sent this here: {arrival:?}"));
            continue;
        };
        if history.posts[post].sha != arrival.sha {
            findings.note(|v| &mut v.corrupt, || format!("arrival {at}: body differs from post {post}"));
        }
        if !arrival.signed {
            findings.note(|v| &mut v.badsig, || format!("arrival {at}: bad signature on post {post}"));
        }
        pairs.entry((post, arrival.endpoint)).or_default().push(at);
    }
    pairs
}

/// The post of an arrival, if that post may arrive at this endpoint.
fn belongs(history: &History, arrival: &Arrival) -> Option<PostNumber> {
    let number = arrival.post?;
    let post = history.posts.get(number)?;
    (post.may_arrive() && post.app == history.endpoints[arrival.endpoint].app).then_some(number)
}

/// Every acknowledged message must have been answered 2xx by every endpoint of its application, or have ended visibly.
fn losses(history: &History, pairs: &Pairs, findings: &mut Findings) {
    for (number, post) in history.posts.iter().enumerate().filter(|(_, post)| post.acked.is_some()) {
        for (endpoint, _) in history.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.app == post.app) {
            findings.expected += 1;
            if first_ok(history, pairs, number, endpoint).is_some() {
                findings.delivered += 1;
                continue;
            }
            let at = || format!("post {number} {:?} at endpoint {endpoint}", post.ids);
            match history.ends.get(&(number, endpoint)) {
                Some(End::Terminal) => findings.terminal += 1,
                Some(End::Pending) => findings.note(|v| &mut v.stuck, || format!("{} is still pending", at())),
                None => findings.note(|v| &mut v.lost, || format!("{} never arrived", at())),
            }
        }
    }
}

/// An arrival after one of the same message that was answered 2xx is a repeat. Each must be explained by a kill between
/// the two, and each kill explains at most what its endpoint could have had in flight.
fn repeats(history: &History, pairs: &Pairs, findings: &mut Findings) {
    let kills: Vec<usize> = history.restarts.iter().filter(|restart| restart.forced).map(|kill| kill.at).collect();
    let mut explained: HashMap<(usize, EndpointNumber), usize> = HashMap::new();
    for (&(post, endpoint), places) in pairs {
        // By message, because a post that became two of them is an offence of its own.
        let mut settled: HashMap<&str, usize> = HashMap::new();
        for &at in places {
            let arrival = &history.arrivals[at];
            if let Some(&before) = settled.get(&*arrival.message_id) {
                findings.repeats += 1;
                let kill = kills.partition_point(|&kill| kill <= before);
                if kills.get(kill).is_some_and(|&kill| kill <= at) {
                    *explained.entry((kill, endpoint)).or_default() += 1;
                } else {
                    findings.note(
                        |v| &mut v.unforced,
                        || {
                            format!(
                                "post {post} at endpoint {endpoint}: 2xx at {before}, again at {at}, no kill between"
                            )
                        },
                    );
                }
            }
            if arrival.ok {
                settled.insert(&arrival.message_id, at);
            }
        }
    }
    for ((kill, endpoint), count) in explained {
        findings.worst_kill = findings.worst_kill.max(count);
        let bound = history.endpoints[endpoint].cap + UNCOMMITTED;
        for _ in bound..count {
            findings.note(
                |v| &mut v.over_bound,
                || format!("kill {kill} made endpoint {endpoint} see {count} repeats, more than {bound}"),
            );
        }
    }
}

/// What the API called delivered must never be sent again. By message, because a post that became two of them is an
/// offence of its own.
fn recorded(history: &History, findings: &mut Findings) {
    let mut first: HashMap<(&str, EndpointNumber), usize> = HashMap::new();
    for sample in &history.samples {
        let delivery = (sample.message_id.as_str(), sample.endpoint);
        first.entry(delivery).and_modify(|at| *at = sample.at.min(*at)).or_insert(sample.at);
    }
    findings.sampled = first.len();
    for (at, arrival) in history.arrivals.iter().enumerate() {
        let (message, endpoint) = (arrival.message_id.as_str(), arrival.endpoint);
        let Some(&recorded) = first.get(&(message, endpoint)).filter(|&&recorded| recorded <= at) else { continue };
        let text =
            || format!("{message} at endpoint {endpoint}: recorded as delivered at {recorded}, sent again at {at}");
        findings.note(|v| &mut v.recorded_repeats, text);
    }
}

/// One post is one message, however often it was repeated with its idempotency key.
fn identities(history: &History, findings: &mut Findings) {
    let mut ids: Vec<BTreeSet<&str>> =
        history.posts.iter().map(|post| post.ids.iter().map(String::as_str).collect()).collect();
    for arrival in &history.arrivals {
        if let Some(post) = belongs(history, arrival) {
            ids[post].insert(&arrival.message_id);
        }
    }
    for (number, (post, ids)) in history.posts.iter().zip(ids).enumerate() {
        for _ in 1..ids.len() {
            findings.note(|v| &mut v.identity, || format!("post {number} became several messages: {ids:?}"));
        }
        for _ in 0..post.refused_repeats {
            findings.note(|v| &mut v.identity, || format!("post {number}: a repetition with its key was refused"));
        }
    }
}

/// Position of the first arrival of a delivery that was answered 2xx.
fn first_ok(history: &History, pairs: &Pairs, post: PostNumber, endpoint: EndpointNumber) -> Option<usize> {
    pairs.get(&(post, endpoint))?.iter().copied().find(|&at| history.arrivals[at].ok)
}
