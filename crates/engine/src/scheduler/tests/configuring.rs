//! How a lane learns what its endpoint wants, and what it does when that changes.

use super::*;

#[test]
fn a_change_while_the_configuration_is_being_read_is_not_missed() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Changed(AppNo(1)));
    bench.tell(Event::Changed(AppNo(1)));
    bench.actions.clear();
    bench.configure(1, policy());
    assert!(matches!(bench.actions[..], [Action::Configure { endpoint: EndpointNo(1), .. }]), "{:?}", bench.actions);
}

#[test]
fn a_change_while_the_first_configuration_is_being_read_is_not_missed() {
    let mut bench = Bench::new(Limits::default(), &[]);
    bench.tell(Event::Due(vec![plain(1, 1)]));
    bench.tell(Event::Changed(AppNo(1)));
    bench.actions.clear();
    bench.configure(1, policy());
    assert!(matches!(bench.actions[..], [Action::Configure { endpoint: EndpointNo(1), .. }]), "{:?}", bench.actions);
}

#[test]
fn nothing_starts_by_a_configuration_that_has_changed() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Changed(AppNo(1)));
    bench.tell(Event::Due(vec![plain(1, 1)]));
    assert_eq!(bench.starts(), []);
    bench.configure(1, policy());
    assert_eq!(bench.starts(), [(1, 1)]);
}

#[test]
fn what_a_deleted_endpoint_has_for_later_is_cleared_too() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.configure(1, LanePolicy { gate: Some(Gate::Deleted), ..policy() });
    assert!(matches!(bench.actions[..], [Action::Clear { endpoint: EndpointNo(1) }]), "{:?}", bench.actions);
}

#[test]
fn what_is_left_of_an_endpoint_that_comes_back_goes_on() {
    for told_first in [true, false] {
        let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
        bench.configure(1, LanePolicy { gate: Some(Gate::Deleted), ..policy() });
        // The store has heard of it already: it refuses, and the lane stays.
        let refused = Event::Cleared { endpoint: EndpointNo(1), more: None };
        if told_first {
            bench.actions.clear();
            bench.configure(1, policy());
            bench.tell(refused);
        } else {
            bench.tell(refused);
            bench.actions.clear();
            bench.configure(1, policy());
        }
        assert_eq!(bench.loads().len(), 1, "{told_first}");
    }
}

#[test]
fn what_could_not_be_cleared_is_cleared_later() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.configure(1, LanePolicy { gate: Some(Gate::Deleted), ..policy() });
    bench.actions.clear();
    bench.tell(Event::Cleared { endpoint: EndpointNo(1), more: None });
    bench.now = bench.scheduler.next_wake().expect("it looks again by itself");
    bench.scheduler.start(bench.now, &mut bench.actions);
    assert!(matches!(bench.actions[..], [Action::Clear { endpoint: EndpointNo(1) }]), "{:?}", bench.actions);
    bench.tell(Event::Cleared { endpoint: EndpointNo(1), more: Some(false) });
    assert!(matches!(bench.actions[1..], [Action::Forget { endpoint: EndpointNo(1) }]), "{:?}", bench.actions);
    assert_eq!(bench.scheduler.load().lanes, 0);
}

#[test]
fn a_lane_that_a_message_made_asks_for_its_health_and_does_not_take_an_older_one_later() {
    let mut bench = Bench::new(Limits::default(), &[]);
    bench.tell(Event::Due(vec![plain(1, 1), plain(2, 1)]));
    assert!(matches!(bench.actions[..], [Action::Configure { with_health: true, .. }]), "{:?}", bench.actions);
    let breaker = Some(Breaker { probe_at: NOW, wait: Duration::from_secs(5) });
    let health = Health { failing_since: Some(NOW), breaker, ..Health::default() };
    let endpoint = EndpointNo(1);
    bench.tell(Event::Configured { endpoint, policy: Some(policy()), health: Some(health) });
    assert_eq!(bench.scheduler.health(endpoint), health);
    assert_eq!(bench.starts().len(), 1, "a probe");
    bench.answer(1, 1, Verdict::Delivered);
    bench.tell(Event::Found { endpoint, health });
    assert_eq!(bench.scheduler.health(endpoint), Health::default());
}

#[test]
fn an_endpoint_that_the_server_stops_sends_nothing_until_its_configuration_is_read_again() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Due((0..4).map(|no| plain(no, 1)).collect()));
    assert_eq!(bench.starts().len(), 2);
    bench.tell(Event::Stopping(EndpointNo(1)));
    bench.answer(0, 1, FAILED);
    bench.tell(Event::Changed(AppNo(1)));
    // This read began before the change was durable.
    bench.configure(1, policy());
    assert_eq!(bench.starts(), []);
    bench.tell(Event::Stopped(EndpointNo(1)));
    assert!(matches!(bench.actions[..], [Action::Configure { .. }]), "{:?}", bench.actions);
    assert_eq!(bench.starts(), []);
    bench.configure(1, policy());
    assert_eq!(bench.loads().len(), 1, "it was not stopped after all");
}

#[test]
fn an_endpoint_that_is_enabled_again_is_tried_at_once() {
    let mut bench = Bench::new(Limits::default(), &[]);
    let breaker = Some(Breaker { probe_at: NOW + Duration::from_secs(300), wait: Duration::from_secs(300) });
    let health = Health { failing_since: Some(NOW), breaker, ..Health::default() };
    bench.tell(Event::Found { endpoint: EndpointNo(1), health });
    bench.configure(1, LanePolicy { gate: Some(Gate::Disabled), ..policy() });
    bench.configure(1, policy());
    bench.tell(Event::Due(vec![plain(1, 1)]));
    let taken = Taken { rows: vec![plain(1, 1)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.starts(), [(1, 1)]);
}
