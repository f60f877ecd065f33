//! Hand-made histories: a good one passes, and each single wrong moves exactly its own count.

use super::*;
use crate::torture::history::{Endpoint, Post, Restart, Sample, Task, TaskSeen};

/// Two applications: 0 with a plain and an ordered endpoint, 1 with a plain one. Ten posts, even ones to application 0
/// with one key, each begun after the one before was acknowledged; all delivered in turn; a kill after half of them.
fn good() -> History {
    let endpoint = |name: &str, app, ordered| Endpoint { name: name.to_owned(), app, cap: 2, ordered };
    let mut history = History {
        endpoints: vec![endpoint("plain", 0, false), endpoint("ordered", 0, true), endpoint("other", 1, false)],
        ..History::default()
    };
    for number in 0..10 {
        let app = number % 2;
        let begun = 100 * number as u64;
        history.posts.push(Post {
            app,
            key: (app == 0).then_some(1),
            sha: [u8::try_from(number).unwrap(); 32],
            begun,
            acked: Some(begun + 50),
            doubtful: false,
            ids: vec![format!("msg_{number}")],
            refused_repeats: 0,
        });
        for endpoint in if app == 0 { 0..2 } else { 2..3 } {
            history.arrivals.push(arrival(number, endpoint));
        }
    }
    history.restarts.push(Restart { at: 8, forced: true });
    history
}

fn arrival(number: usize, endpoint: usize) -> Arrival {
    Arrival {
        endpoint,
        post: Some(number),
        sha: [u8::try_from(number).unwrap(); 32],
        message_id: format!("msg_{number}"),
        signed: true,
        ok: true,
        place: 0,
    }
}

/// Position of the arrival of a delivery in [`good`].
fn place(history: &History, post: usize, endpoint: usize) -> usize {
    history.arrivals.iter().position(|a| a.post == Some(post) && a.endpoint == endpoint).unwrap()
}

/// Judges [`good`] after a change, and names the counts that are not zero.
fn after(change: impl FnOnce(&mut History)) -> Vec<(&'static str, usize)> {
    let mut history = good();
    change(&mut history);
    check(&history).violations.fields().into_iter().filter(|&(_, count)| count > 0).collect()
}

#[test]
fn a_good_history_has_no_violation() {
    let findings = check(&good());
    assert_eq!(findings.violations, Violations::default());
    assert_eq!((findings.expected, findings.delivered, findings.repeats), (15, 15, 0));
    assert!(findings.evidence.is_empty());
}

#[test]
fn a_missing_arrival_is_one_lost() {
    assert_eq!(after(|h| drop(h.arrivals.remove(3))), [("lost", 1)]);
}

#[test]
fn an_arrival_that_was_only_answered_with_an_error_is_lost() {
    assert_eq!(after(|h| h.arrivals[2].ok = false), [("lost", 1)]);
}

#[test]
fn a_missing_one_that_the_api_calls_failed_is_none_and_pending_is_stuck() {
    let gone = |end| {
        move |h: &mut History| {
            let at = place(h, 9, 2);
            h.arrivals.remove(at);
            h.ends.insert((9, 2), end);
        }
    };
    assert_eq!(after(gone(End::Terminal)), []);
    assert_eq!(after(gone(End::Pending)), [("stuck", 1)]);
}

#[test]
fn what_was_never_acknowledged_may_be_missing_or_arrive() {
    let doubtful = |h: &mut History| {
        h.posts[9] = Post { acked: None, doubtful: true, ids: Vec::new(), ..h.posts[9].clone() };
    };
    assert_eq!(after(doubtful), []);
    assert_eq!(
        after(|h| {
            doubtful(h);
            let at = place(h, 9, 2);
            h.arrivals.remove(at);
        }),
        []
    );
}

#[test]
fn a_refused_post_that_arrives_is_a_phantom() {
    assert_eq!(after(|h| h.posts[9].acked = None), [("phantom", 1)]);
}

#[test]
fn an_unknown_body_and_a_foreign_application_are_phantoms() {
    assert_eq!(after(|h| h.arrivals.push(Arrival { post: None, ..arrival(0, 0) })), [("phantom", 1)]);
    assert_eq!(after(|h| h.arrivals.push(Arrival { post: Some(10), ..arrival(0, 0) })), [("phantom", 1)]);
    assert_eq!(after(|h| h.arrivals.push(arrival(0, 2))), [("phantom", 1)]);
}

#[test]
fn one_changed_byte_is_one_corrupt() {
    assert_eq!(after(|h| h.arrivals[4].sha[31] ^= 1), [("corrupt", 1)]);
}

#[test]
fn one_bad_signature_is_one_badsig() {
    assert_eq!(after(|h| h.arrivals[4].signed = false), [("badsig", 1)]);
}

#[test]
fn a_repeat_without_a_kill_between_is_unforced() {
    assert_eq!(after(|h| h.arrivals.push(arrival(8, 0))), [("dup_unforced", 1)]);
    // A graceful stop explains nothing.
    assert_eq!(
        after(|h| {
            h.restarts[0].forced = false;
            h.arrivals.push(arrival(0, 0));
        }),
        [("dup_unforced", 1)]
    );
}

#[test]
fn a_repeat_after_a_kill_is_allowed_once_per_kill() {
    assert_eq!(after(|h| h.arrivals.push(arrival(0, 0))), []);
    assert_eq!(after(|h| h.arrivals.extend([arrival(0, 0), arrival(0, 0)])), [("dup_unforced", 1)]);
    let twice = |h: &mut History| {
        h.arrivals.push(arrival(0, 0));
        h.restarts.push(Restart { at: h.arrivals.len(), forced: true });
        h.arrivals.push(arrival(0, 0));
    };
    assert_eq!(after(twice), []);
}

#[test]
fn a_retry_after_an_error_is_not_a_repeat() {
    let retried = |h: &mut History| {
        let at = place(h, 9, 2);
        h.arrivals[at].ok = false;
        h.arrivals.push(arrival(9, 2));
    };
    assert_eq!(after(retried), []);
}

#[test]
fn one_repeat_more_than_a_kill_may_cause_is_over_the_bound() {
    let many = |count: usize| {
        move |h: &mut History| {
            let mut acked = Vec::new();
            for number in 10..10 + count {
                let post = Post { key: None, ids: vec![format!("msg_{number}")], sha: [1; 32], ..h.posts[1].clone() };
                h.posts.push(post);
                let message_id = format!("msg_{number}");
                acked.push(Arrival { post: Some(number), message_id, sha: [1; 32], ..arrival(1, 2) });
            }
            h.arrivals.extend(acked.clone());
            h.restarts.push(Restart { at: h.arrivals.len(), forced: true });
            h.arrivals.extend(acked);
        }
    };
    assert_eq!(after(many(2 + UNCOMMITTED)), []);
    assert_eq!(after(many(2 + UNCOMMITTED + 1)), [("dup_over_bound", 1)]);
}

#[test]
fn a_repeat_of_what_the_api_called_delivered_is_one_of_its_own() {
    let sampled = |at| {
        move |h: &mut History| {
            h.samples.push(Sample { message_id: "msg_0".to_owned(), endpoint: 0, at });
            h.arrivals.push(arrival(0, 0));
        }
    };
    assert_eq!(after(sampled(5)), [("dup_recorded", 1)]);
    // Asked only after the repeat had arrived: says nothing.
    assert_eq!(after(sampled(16)), []);
}

#[test]
fn the_second_message_that_a_post_became_is_no_repeat_of_the_first_which_the_api_called_delivered() {
    let doubled = |h: &mut History| {
        h.samples.push(Sample { message_id: "msg_0".to_owned(), endpoint: 0, at: 5 });
        h.arrivals.push(Arrival { message_id: "msg_other".to_owned(), ..arrival(0, 0) });
    };
    assert_eq!(after(doubled), [("idem_viol", 1)]);
}

#[test]
fn two_swapped_arrivals_of_a_key_are_one_order_violation_and_only_where_order_was_asked_for() {
    let swap = |endpoint| {
        move |h: &mut History| {
            let (a, b) = (place(h, 2, endpoint), place(h, 4, endpoint));
            h.arrivals.swap(a, b);
        }
    };
    assert_eq!(after(swap(1)), [("order_viol", 1)]);
    assert_eq!(after(swap(0)), []);
}

#[test]
fn overtaking_a_message_that_waits_for_its_retry_is_a_violation() {
    let overtaken = |h: &mut History| {
        let at = place(h, 6, 1);
        h.arrivals[at].ok = false;
        h.arrivals.push(arrival(6, 1));
    };
    assert_eq!(after(overtaken), [("order_viol", 1)]);
}

#[test]
fn a_request_of_several_messages_may_fail_as_a_whole_as_long_as_they_stand_in_order_in_it() {
    let failed = |h: &mut History, swapped: bool| {
        let (a, b) = (place(h, 6, 1), place(h, 8, 1));
        if swapped {
            h.arrivals.swap(a, b);
        }
        h.arrivals[b].place = b - a;
        (h.arrivals[a].ok, h.arrivals[b].ok) = (false, false);
        h.arrivals.extend([arrival(6, 1), Arrival { place: 1, ..arrival(8, 1) }]);
    };
    assert_eq!(after(|h| failed(h, false)), []);
    assert_eq!(after(|h| failed(h, true)), [("order_viol", 1)]);
}

#[test]
fn posts_that_overlapped_may_arrive_in_either_order() {
    let overlapped = |h: &mut History| {
        h.posts[4].begun = h.posts[2].begun;
        let (a, b) = (place(h, 2, 1), place(h, 4, 1));
        h.arrivals.swap(a, b);
    };
    assert_eq!(after(overlapped), []);
}

#[test]
fn two_ids_for_one_post_are_one_identity_violation() {
    assert_eq!(after(|h| h.posts[0].ids.push("msg_x".to_owned())), [("idem_viol", 1)]);
    assert_eq!(after(|h| h.arrivals[0].message_id = "msg_x".to_owned()), [("idem_viol", 1)]);
    assert_eq!(after(|h| h.posts[0].refused_repeats = 1), [("idem_viol", 1)]);
}

#[test]
fn a_task_that_does_not_go_on_where_it_was_is_one_violation() {
    let task = |seen: &[(bool, u64, u64)]| {
        let seen =
            seen.iter().map(|&(finished, looked_at, changed)| TaskSeen { finished, looked_at, changed }).collect();
        let task = Task { name: "recover".to_owned(), messages: 10, changes: 9, seen };
        after(|h| h.tasks.push(task))
    };
    assert_eq!(task(&[(false, 0, 0), (false, 5, 5), (false, 5, 5), (true, 10, 9)]), []);
    for wrong in [
        &[][..],
        &[(false, 5, 5)],
        &[(false, 5, 5), (false, 0, 0), (true, 10, 9)],
        &[(false, 5, 5), (false, 6, 4), (true, 10, 9)],
        &[(true, 9, 9)],
        &[(true, 10, 8)],
        &[(true, 15, 9)],
        &[(true, 10, 14)],
    ] {
        assert_eq!(task(wrong), [("task_viol", 1)], "{wrong:?}");
    }
}
