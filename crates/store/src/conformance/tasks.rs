//! Parts of background tasks, and what is called off one by one.

use ringback_model::{DeliveryState, MessageId, MessageNo, Reason, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, document};
use crate::{Advance, Advanced, Arm, Clear, DocumentKind, End, Ended, QueueNo, Step, SurveyQuery, Surveyed};

const EXHAUSTED: Step = Step::End { state: DeliveryState::Fail, reason: Some(Reason::Exhausted) };

fn task(world: &World<'_>) -> i64 {
    world.put(document(DocumentKind::Task, 1, "qtask_1"))
}

fn again(message: MessageNo, was: DeliveryState) -> Arm {
    Arm { message, was: Some(was), queue: None }
}

fn advance(world: &World<'_>, task: i64, version: i64, arm: Vec<Arm>) -> Advanced {
    let body = format!("{{\"part\":{version}}}");
    let item = Advance { task, version, body, endpoint: ENDPOINT, arm, clear: None };
    world.store.advance(item).wait().expect("the store advances tasks")
}

fn failed(world: &World<'_>) -> MessageNo {
    let message = world.send(&[ENDPOINT, OTHER]);
    world.finish(message, ENDPOINT, Step::Retry { due: world.now(), counted: true });
    world.finish(message, ENDPOINT, EXHAUSTED);
    message
}

/// Both are durable together, the schedule begins anew, and the feed is told of the endpoint alone.
pub fn a_part_of_a_task_makes_deliveries_due_and_saves_how_far_it_is(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let task = task(&world);
    let messages = [failed(&world), failed(&world)];
    let missed = world.send(&[OTHER]);
    world.told();
    let arm = vec![
        again(messages[0], DeliveryState::Fail),
        again(messages[1], DeliveryState::Fail),
        Arm { message: missed, was: None, queue: None },
        Arm { message: MessageNo(1 << 40), was: None, queue: None },
    ];
    assert_eq!(advance(&world, task, 1, arm), Advanced::Done { count: 3 });
    let mut woken = Vec::new();
    while let Some(committed) = world.feed.try_next() {
        assert!(committed.due.is_empty());
        woken.extend(committed.woken);
    }
    assert_eq!(woken, [ENDPOINT]);
    world.crash();
    assert_eq!(world.due(ENDPOINT), [messages[0], messages[1], missed]);
    assert!(world.taken(ENDPOINT).rows.iter().all(|row| row.tries == 0 && row.trigger == Trigger::Scheduled));
    assert_eq!(world.delivery(messages[0], ENDPOINT).reason, None);
    let kept = world.store.document(task).wait().expect("the store can be read").expect("the task is kept");
    assert_eq!((kept.body.as_str(), kept.version), ("{\"part\":1}", 2));
}

/// A delivery that stands otherwise by now, and the whole part when the task does.
pub fn what_has_changed_since_it_was_chosen_is_left_alone(harness: &dyn Harness) {
    let world = World::new(harness);
    let task = task(&world);
    let (message, done) = (failed(&world), world.send(&[ENDPOINT]));
    world.finish(done, ENDPOINT, SUCCESS);
    let arm = vec![again(done, DeliveryState::Fail), Arm { message: done, was: None, queue: None }];
    assert_eq!(advance(&world, task, 1, arm), Advanced::Done { count: 0 });
    let arm = vec![again(message, DeliveryState::Fail)];
    assert_eq!(advance(&world, task, 1, arm), Advanced::Stale);
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.delivery(done, ENDPOINT).state, DeliveryState::Success);
}

/// They come one by one, beside those of the queue that new messages go into.
pub fn what_a_task_puts_into_a_queue_keeps_its_order_and_waits_for_nobody_else(harness: &dyn Harness) {
    let world = World::new(harness);
    let task = task(&world);
    let old: Vec<_> = (0..4).map(|_| world.send_in(1)).collect();
    for message in &old {
        world.finish(*message, ENDPOINT, EXHAUSTED);
    }
    let new = [world.send_in(1), world.send_in(1)];
    let arm = |message: &MessageNo| Arm { queue: Some(QueueNo(77)), ..again(*message, DeliveryState::Fail) };
    // The first of them has changed meanwhile: the next one takes its place.
    world.rearm(old[0], ENDPOINT);
    world.finish_by_hand(old[0], ENDPOINT, SUCCESS);
    assert_eq!(advance(&world, task, 1, old[..3].iter().map(arm).collect()), Advanced::Done { count: 2 });
    assert_eq!(advance(&world, task, 2, vec![arm(&old[3])]), Advanced::Done { count: 1 });
    let due = |world: &World<'_>| {
        let mut due = world.due(ENDPOINT);
        due.sort_unstable();
        due
    };
    assert_eq!(due(&world), [old[1], new[0]]);
    world.finish(old[1], ENDPOINT, SUCCESS);
    assert_eq!(due(&world), [old[2], new[0]]);
    world.finish(new[0], ENDPOINT, SUCCESS);
    assert_eq!(due(&world), [old[2], new[1]]);
    world.finish(old[2], ENDPOINT, EXHAUSTED);
    assert_eq!(due(&world), [old[3], new[1]]);
}

/// What comes later is not meant, and goes on where it stood behind something that was.
pub fn a_clearing_up_to_a_message_leaves_the_later_ones(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let task = task(&world);
    let old = [world.send(&[ENDPOINT]), world.send_in(3), world.send_in(3)];
    let new = [world.send_in(3), world.send(&[ENDPOINT])];
    world.told();
    let clear = Clear {
        endpoint: ENDPOINT,
        epoch: None,
        state: DeliveryState::Canceled,
        reason: Reason::Canceled,
        limit: 100,
        upto: Some(old[2]),
    };
    let body = "{}".to_owned();
    let item = Advance { task, version: 1, body, endpoint: ENDPOINT, arm: Vec::new(), clear: Some(clear) };
    assert_eq!(world.store.advance(item).wait().expect("an answer"), Advanced::Done { count: 3 });
    let mut revoked = Vec::new();
    while let Some(committed) = world.feed.try_next() {
        revoked.extend(committed.revoked);
    }
    assert_eq!(revoked, [ENDPOINT]);
    let mut due = world.due(ENDPOINT);
    due.sort_unstable();
    assert_eq!(due, new);
    for message in old {
        assert_eq!(world.delivery(message, ENDPOINT).state, DeliveryState::Canceled);
    }
}

/// The next one comes out in the same commit; what has ended before is left as it is.
pub fn a_delivery_is_called_off_and_its_queue_goes_on(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let [head, middle, last] = [world.send_in(1), world.send_in(1), world.send_in(1)];
    let end = |world: &World<'_>, message| {
        let (state, reason) = (DeliveryState::Canceled, Reason::Skipped);
        let item = End { message, endpoint: ENDPOINT, state, reason, audit: None };
        world.store.end(item).wait().expect("an answer")
    };
    assert_eq!(end(&world, middle), Ended::Ended);
    assert_eq!(world.due(ENDPOINT), [head]);
    assert_eq!(end(&world, head), Ended::Ended);
    world.crash();
    assert_eq!(world.due(ENDPOINT), [last]);
    let delivery = world.delivery(head, ENDPOINT);
    assert_eq!((delivery.state, delivery.reason), (DeliveryState::Canceled, Some(Reason::Skipped)));
    assert_eq!(end(&world, head), Ended::NotPending);
    assert_eq!(end(&world, MessageNo(1 << 40)), Ended::NotFound);
    world.finish(last, ENDPOINT, SUCCESS);
    world.rearm(last, ENDPOINT);
    assert_eq!(end(&world, last), Ended::Ended);
    assert_eq!((world.due(ENDPOINT).len(), world.delivery(last, ENDPOINT).state), (0, DeliveryState::Success));
}

/// In the order of ids, within its bounds, with what is asked for.
pub fn a_survey_says_how_messages_stand_at_an_endpoint(harness: &dyn Harness) {
    let world = World::new(harness);
    let query = SurveyQuery {
        app: world.app,
        endpoint: ENDPOINT,
        after: MessageId::floor(world.now()),
        before: MessageId::floor(world.later(60)),
        limit: 10,
        with_payload: false,
        with_status: true,
    };
    let messages = [failed(&world), world.send(&[OTHER]), world.send_in(4)];
    let survey = |query| -> Vec<Surveyed> { world.store.survey(query).wait().expect("the store can be read") };
    let found = survey(query);
    assert_eq!(found.iter().map(|one| one.message.no).collect::<Vec<_>>(), messages);
    let states: Vec<_> = found.iter().map(|one| (one.state, one.queue, one.status)).collect();
    let queue = Some(QueueNo(4));
    assert_eq!(
        states,
        [(Some(DeliveryState::Fail), None, Some(500)), (None, None, None), (Some(DeliveryState::Pending), queue, None)]
    );
    assert!(found.iter().all(|one| one.has_body && one.message.payload.is_none()));
    let rest = survey(SurveyQuery { after: found[0].message.id, limit: 1, with_payload: true, ..query });
    assert_eq!((rest.len(), rest[0].message.no), (1, messages[1]));
    assert!(rest[0].message.payload.is_some());
    assert_eq!(survey(SurveyQuery { before: found[2].message.id, ..query }).len(), 2);
    assert!(survey(SurveyQuery { app: ringback_model::AppNo(1 << 40), ..query }).is_empty());
}
