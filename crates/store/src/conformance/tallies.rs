//! Counts for charts.

use std::time::Duration;

use ringback_model::{AppNo, EndpointNo, OrgNo, Span, Tally, Timestamp};

use super::Harness;
use super::world::{World, document};
use crate::{Count, DocumentKind, EndpointTallyQuery, Subject, TallyQuery};

const ENDPOINTS: [EndpointNo; 2] = [EndpointNo(2_001), EndpointNo(2_002)];
const HOUR: Duration = Duration::from_secs(3_600);

fn tally(delivered: u64, failed: u64) -> Tally {
    let mut tally = Tally { failed, ..Tally::default() };
    (0..delivered).for_each(|_| tally.deliver(Duration::from_millis(3)));
    tally
}

/// An organization with one application.
fn owners(world: &World<'_>) -> (OrgNo, AppNo) {
    let organization = world.put(document(DocumentKind::Organization, 0, "org_1"));
    let app = world.put(document(DocumentKind::Application, organization, "app_1"));
    (OrgNo(organization), AppNo(app))
}

fn count(world: &World<'_>, app: AppNo, at: Timestamp, endpoints: &[(EndpointNo, Tally)]) {
    let endpoints = endpoints.iter().map(|(endpoint, tally)| (*endpoint, app, *tally)).collect();
    world.store.tally(Count { at, endpoints }).wait().expect("counts are kept");
}

fn series(world: &World<'_>, subject: Subject, span: Span, from: Timestamp) -> Vec<(Timestamp, Tally)> {
    let until = world.now() + HOUR * 24;
    world.store.tallies(TallyQuery { subject, span, from, until }).wait().expect("the store can be read")
}

fn sum(series: &[(Timestamp, Tally)]) -> Tally {
    let mut sum = Tally::default();
    series.iter().for_each(|(_, tally)| sum.add(tally));
    sum
}

/// Of each endpoint, of its application and of its organization, by minute, hour and day.
pub fn counts_add_up_at_every_level_and_step(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (organization, app) = owners(&world);
    let start = Span::Day.start_of(world.now()) + HOUR * 30;
    count(&world, app, start, &[(ENDPOINTS[0], tally(3, 1)), (ENDPOINTS[1], tally(1, 0))]);
    count(&world, app, start + Duration::from_secs(59), &[(ENDPOINTS[0], tally(2, 0))]);
    count(&world, app, start + Duration::from_secs(60), &[(ENDPOINTS[0], tally(0, 4))]);
    world.crash();
    let first = Subject::Endpoint(ENDPOINTS[0]);
    let minutes = series(&world, first, Span::Minute, start);
    assert_eq!(minutes, [(start, tally(5, 1)), (start + Duration::from_secs(60), tally(0, 4))]);
    assert_eq!(series(&world, first, Span::Hour, start), [(start, tally(5, 5))]);
    let day = Span::Day.start_of(start);
    for subject in [Subject::Application(app), Subject::Organization(organization)] {
        assert_eq!(series(&world, subject, Span::Day, start), [(day, tally(6, 5))], "{subject:?}");
        assert_eq!(sum(&series(&world, subject, Span::Minute, start)), tally(6, 5));
        assert_eq!(series(&world, subject, Span::Minute, start + Duration::from_secs(120)), []);
    }
    assert_eq!(series(&world, Subject::Application(AppNo(app.0 + 500)), Span::Day, start), []);
}

/// Whoever looks for the slowest or the failing ones asks for all that got anything.
pub fn the_endpoints_of_an_owner_are_summed_over_hours(harness: &dyn Harness) {
    let world = World::new(harness);
    let (organization, app) = owners(&world);
    let start = Span::Hour.start_of(world.now());
    count(&world, app, start, &[(ENDPOINTS[0], tally(3, 1))]);
    count(&world, app, start + HOUR, &[(ENDPOINTS[0], tally(1, 1)), (ENDPOINTS[1], tally(0, 7))]);
    let of = |of, from, until| {
        let found = world.store.endpoint_tallies(EndpointTallyQuery { of, from, until }).wait();
        let mut found = found.expect("the store can be read");
        found.sort_unstable_by_key(|(endpoint, _)| *endpoint);
        found
    };
    let both = [(ENDPOINTS[0], tally(4, 2)), (ENDPOINTS[1], tally(0, 7))];
    assert_eq!(of(Subject::Application(app), start, start + HOUR), both);
    assert_eq!(of(Subject::Organization(organization), start, start + HOUR), both);
    assert_eq!(of(Subject::Endpoint(ENDPOINTS[0]), start, start + HOUR), both[..1]);
    assert_eq!(of(Subject::Application(app), start, start), [(ENDPOINTS[0], tally(3, 1))]);
    assert_eq!(of(Subject::Organization(OrgNo(organization.0 + 500)), start, start + HOUR), []);
}

/// Minutes for some hours, hours for some days, days for a year.
pub fn counts_are_kept_for_as_long_as_their_step_says(harness: &dyn Harness) {
    let world = World::new(harness);
    let (_, app) = owners(&world);
    let start = Span::Day.start_of(world.now());
    let subject = Subject::Endpoint(ENDPOINTS[0]);
    count(&world, app, start, &[(ENDPOINTS[0], tally(1, 0))]);
    let counted = |world: &World<'_>, span: Span| {
        let until = start;
        let found = world.store.tallies(TallyQuery { subject, span, from: start, until }).wait();
        found.expect("the store can be read").len()
    };
    for (after, kept) in [
        (HOUR * 2, [1, 1, 1]),
        (HOUR * 4, [0, 1, 1]),
        (HOUR * 24 * 8, [0, 1, 1]),
        (HOUR * 24 * 10, [0, 0, 1]),
        (HOUR * 24 * 399, [0, 0, 1]),
        (HOUR * 24 * 402, [0, 0, 0]),
    ] {
        count(&world, app, start + after, &[(ENDPOINTS[1], tally(1, 0))]);
        assert_eq!(Span::ALL.map(|span| counted(&world, span)), kept, "{after:?}");
    }
}
