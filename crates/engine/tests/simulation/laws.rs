//! What must hold, whatever happens: an account kept apart from the code under test.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use ringback_engine::scheduler::LanePolicy;
use ringback_model::{AppNo, AttemptOutcome, EndpointNo, Gate, MessageNo, Timestamp, Trigger};
use ringback_store::{Due, NewMessage, QueueNo};

use crate::plan::{Manner, Plan, TIMEOUT};

type Row = (MessageNo, EndpointNo);

/// The longest that a healthy endpoint may wait for its turn while others hang: all places may be taken by receivers that
/// hang, and each of them may have a turn before it; and a read may fail, which costs a second.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * TIMEOUT.as_secs() + 1);

/// The account of one run.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    /// Accepted and not ended, with the queue it stands in.
    open: BTreeMap<Row, Option<QueueNo>>,
    ended: HashSet<Row>,
    running: HashMap<EndpointNo, HashSet<(MessageNo, Trigger)>>,
    /// Requests under way.
    requests: HashMap<EndpointNo, usize>,
    /// Queues with an attempt under way.
    busy: HashSet<(EndpointNo, QueueNo)>,
    /// Accepted messages of a queue that have not ended, in order.
    queues: HashMap<(EndpointNo, QueueNo), VecDeque<MessageNo>>,
    /// Rows that somebody has asked for, and that have not been sent since.
    asked: BTreeMap<Row, Timestamp>,
    /// When the last attempt by hand began.
    by_hand: HashMap<Row, Timestamp>,
    /// Until when a receiver has asked to be left alone.
    not_before: HashMap<Row, Timestamp>,
    /// What the engine was last told that an endpoint wants.
    in_force: HashMap<EndpointNo, LanePolicy>,
    starts: HashMap<EndpointNo, VecDeque<Timestamp>>,
    app_rates: HashMap<AppNo, Option<u16>>,
    app_starts: HashMap<AppNo, VecDeque<Timestamp>>,
    /// Since when a delivery waits for its first attempt.
    fresh: HashMap<Row, Timestamp>,
    /// Until when a message may be sent.
    until: HashMap<MessageNo, Timestamp>,
    last_start: HashMap<EndpointNo, Timestamp>,
    pub(crate) longest_wait: Duration,
}

impl Laws {
    pub(crate) fn accepted(
        &mut self,
        (message, endpoint): Row,
        queue: Option<QueueNo>,
        new: &NewMessage,
        now: Timestamp,
    ) {
        self.open.insert((message, endpoint), queue);
        match new.deliver_at {
            None => drop(self.fresh.insert((message, endpoint), now)),
            Some(at) => drop(self.not_before.insert((message, endpoint), at)),
        }
        if let Some(until) = new.deliver_until {
            self.until.insert(message, until);
        }
        if let Some(queue) = queue {
            self.queues.entry((endpoint, queue)).or_default().push_back(message);
        }
    }

    /// Messages whose time is over, and that are still pending somewhere.
    pub(crate) fn over(&self, now: Timestamp) -> BTreeSet<MessageNo> {
        let messages = self.open.keys().map(|(message, _)| *message);
        messages.filter(|message| self.until.get(message).is_some_and(|until| *until <= now)).collect()
    }

    /// Where a message has not ended.
    pub(crate) fn open_at(&self, message: MessageNo) -> Vec<EndpointNo> {
        let least = (message, EndpointNo(i64::MIN));
        self.open.range(least..).take_while(|((no, _), _)| *no == message).map(|((_, endpoint), _)| *endpoint).collect()
    }

    /// Somebody has asked for one more attempt, durably.
    pub(crate) fn asked(&mut self, message: MessageNo, endpoint: EndpointNo, at: Timestamp) {
        let row = (message, endpoint);
        // One that began after the question and before the answer is what was asked for.
        if self.by_hand.get(&row).is_none_or(|began| *began < at) {
            self.asked.insert(row, at);
        }
    }

    /// The engine is told what an endpoint wants.
    pub(crate) fn configured(&mut self, endpoint: EndpointNo, policy: Option<LanePolicy>) {
        let Some(policy) = policy else { return };
        if self.in_force.get(&endpoint).is_none_or(|old| old.rate != policy.rate) {
            self.starts.remove(&endpoint);
        }
        if self.app_rates.insert(policy.app, policy.app_rate) != Some(policy.app_rate) {
            self.app_starts.remove(&policy.app);
        }
        self.in_force.insert(endpoint, policy);
    }

    /// A request is made, or would be if any of its rows could be sent.
    pub(crate) fn begun(&mut self, endpoint: EndpointNo) {
        *self.requests.entry(endpoint).or_default() += 1;
    }

    /// An attempt starts: none to an endpoint that is closed, none above a cap or a rate, none with more rows than the
    /// endpoint takes or in another order than that of their numbers, none of several if somebody asked for one of them.
    /// Of a queue it has those that stand first, without a gap but for those that are just `ending`. Answers how many of them
    /// stand behind another one.
    pub(crate) fn started(&mut self, rows: &[Due], ending: &HashSet<MessageNo>, plan: &Plan, now: Timestamp) -> u64 {
        let endpoint = rows[0].endpoint;
        self.begun(endpoint);
        let policy = self.in_force.get(&endpoint).expect("nothing is sent to an endpoint that was not configured");
        assert_eq!(policy.gate, None, "{endpoint:?} is closed, and gets something");
        let (cap, count) = (usize::from(policy.concurrency), self.requests[&endpoint]);
        assert!(count <= cap, "{count} attempts under way at {endpoint:?}, whose cap is {cap}");
        let most = policy.batch.map_or(1, |batch| usize::from(batch.max_messages));
        assert!(rows.len() <= most, "{} rows in a request of {most}", rows.len());
        assert!(rows.is_sorted_by(|one, next| one.message.no < next.message.no), "out of order in a request");
        let by_hand = rows.iter().any(|due| due.trigger == Trigger::Manual);
        assert!(rows.len() == 1 || !by_hand, "what is asked for goes alone");
        let (rate, app_rate) = (policy.rate, self.app_rates.get(&policy.app).copied().flatten());
        if let Some(rate) = rate {
            within_rate(self.starts.entry(endpoint).or_default(), rate, now);
        }
        if let Some(rate) = app_rate {
            within_rate(self.app_starts.entry(policy.app).or_default(), rate, now);
        }
        let last = self.last_start.insert(endpoint, now).unwrap_or(Timestamp::MIN);
        let mut places = HashMap::new();
        for due in rows {
            if let (Trigger::Scheduled, Some(Some(queue))) = (due.trigger, self.open.get(&(due.message.no, endpoint))) {
                let place: &mut usize = places.entry(*queue).or_default();
                self.has_its_turn(due, *queue, *place, ending);
                *place += 1;
            }
            self.row_started(due, plan, last, now);
        }
        places.values().map(|count| *count as u64 - 1).sum()
    }

    /// A row of a queue is sent in its turn: behind those of its queue that go in the same request, and no others.
    fn has_its_turn(&mut self, due: &Due, queue: QueueNo, place: usize, ending: &HashSet<MessageNo>) {
        let waiting = self.queues.get(&(due.endpoint, queue)).into_iter().flatten();
        let turn = waiting.filter(|no| !ending.contains(no)).nth(place);
        assert_eq!(turn, Some(&due.message.no), "out of order at {:?}", due.endpoint);
        let is_first = self.busy.insert((due.endpoint, queue));
        assert!(is_first || place > 0, "two requests of a queue under way at {:?}", due.endpoint);
    }

    /// A row is sent: none twice at once, none that has ended, none before its turn or its time, none that nobody asked
    /// for.
    fn row_started(&mut self, due: &Due, plan: &Plan, last: Timestamp, now: Timestamp) {
        let row = (due.message.no, due.endpoint);
        assert!(due.due <= now, "{row:?} was sent {:?} early", due.due.since(now));
        let running = self.running.entry(due.endpoint).or_default();
        assert!(running.insert((due.message.no, due.trigger)), "{row:?} was sent twice at once");
        match due.trigger {
            Trigger::Manual => {
                self.by_hand.insert(row, now);
                self.asked.remove(&row);
            }
            Trigger::Scheduled => self.started_by_schedule(due, now),
        }
        self.waited(row, plan, last, now);
    }

    /// An attempt starts of which nothing is sent, because its time is over.
    pub(crate) fn not_sent(&mut self, due: &Due) {
        self.running.entry(due.endpoint).or_default().insert((due.message.no, due.trigger));
        self.not_before.remove(&(due.message.no, due.endpoint));
        self.fresh.remove(&(due.message.no, due.endpoint));
    }

    fn started_by_schedule(&mut self, due: &Due, now: Timestamp) {
        let row = (due.message.no, due.endpoint);
        assert!(!self.ended.contains(&row), "{row:?} was sent after it had ended");
        let over = self.until.get(&row.0).is_some_and(|until| *until <= now);
        assert!(!over, "{row:?} was sent after its time");
        let until = self.not_before.remove(&row).unwrap_or(Timestamp::MIN);
        assert!(until <= now, "{row:?} was sent {:?} before its receiver wants it", until.since(now));
    }

    /// Nobody waits for long because others hang: with no limits of its own, a healthy endpoint soon has its turn. What
    /// counts is the time in which it gets nothing at all: its own messages wait for each other.
    fn waited(&mut self, row: Row, plan: &Plan, last: Timestamp, now: Timestamp) {
        let Some(since) = self.fresh.remove(&row).map(|since| since.max(last)) else { return };
        let endpoint = plan.endpoint(row.1);
        let free = endpoint.wants.rate.is_none() && endpoint.wants.app_rate.is_none() && !endpoint.was_changed;
        let in_queue = self.open.get(&row).is_some_and(Option::is_some);
        if matches!(endpoint.manner, Manner::Good) && free && !in_queue {
            let wait = now.since(since);
            // What it has asked for itself is no wait for others.
            let wait = wait.saturating_sub(endpoint.wants.batch.map(|batch| batch.max_wait()).unwrap_or_default());
            assert!(wait <= LONGEST_WAIT, "{row:?} has waited {wait:?} for its turn");
            self.longest_wait = self.longest_wait.max(wait);
        }
    }

    pub(crate) fn answered(&mut self, rows: &[(Due, AttemptOutcome)], now: Timestamp) {
        let requests = self.requests.get_mut(&rows[0].0.endpoint).expect("an answer to nothing that was sent");
        *requests -= 1;
        rows.iter().for_each(|(due, outcome)| self.row_answered(due, outcome, now));
    }

    fn row_answered(&mut self, due: &Due, outcome: &AttemptOutcome, now: Timestamp) {
        let row = (due.message.no, due.endpoint);
        let running = self.running.entry(due.endpoint).or_default();
        assert!(running.remove(&(due.message.no, due.trigger)), "an answer to nothing that was sent");
        if due.trigger == Trigger::Manual {
            return;
        }
        if let Some(queue) = due.queue {
            self.busy.remove(&(due.endpoint, queue));
        }
        if let AttemptOutcome::Failed { retry_after: Some(wait), .. } = outcome {
            self.not_before.insert(row, now + *wait);
        }
    }

    /// A delivery has ended durably; answers whether it had not before.
    pub(crate) fn ended(&mut self, message: MessageNo, endpoint: EndpointNo) -> bool {
        let row = (message, endpoint);
        self.fresh.remove(&row);
        let queue = self.open.remove(&row).flatten();
        if let Some(waiting) = queue.and_then(|queue| self.queues.get_mut(&(endpoint, queue))) {
            waiting.retain(|no| *no != message);
        }
        self.ended.insert(row)
    }

    /// The engine is gone, and with it all that was under way; the receivers may have got it.
    pub(crate) fn crashed(&mut self, now: Timestamp) {
        self.running.clear();
        self.requests.clear();
        self.busy.clear();
        self.in_force.clear();
        // What was answered and not recorded is asked for once more, and its wait was not recorded either.
        self.not_before.clear();
        self.fresh.values_mut().for_each(|since| *since = now);
        // A bucket starts empty, so rates hold over a crash; what was started before counts on.
    }

    /// The engine remembers nothing of an endpoint.
    pub(crate) fn forgotten(&self, endpoint: EndpointNo, plan: &Plan) {
        assert_eq!(plan.endpoint(endpoint).wants.gate, Some(Gate::Deleted), "{endpoint:?} still lives");
        assert!(self.running.get(&endpoint).is_none_or(HashSet::is_empty), "{endpoint:?} has attempts under way");
    }

    /// All that was accepted has ended, and all that was asked for was sent, but for what was deleted; and the engine
    /// knows of every change.
    pub(crate) fn nothing_is_open(&self, plan: &Plan) {
        let lives = |row: &&Row| plan.endpoint(row.1).wants.gate != Some(Gate::Deleted);
        let (open, asked) = (self.open.keys().find(lives), self.asked.keys().find(lives));
        assert_eq!((open, asked), (None, None), "forgotten");
        for (endpoint, policy) in &self.in_force {
            let wants = &plan.endpoint(*endpoint).wants;
            assert!(policy == wants || wants.gate == Some(Gate::Deleted), "{endpoint:?} goes by an old configuration");
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.running.values().map(HashSet::len).sum::<usize>() + self.requests.values().sum::<usize>()
    }
}

/// In any span of time at most `rate` a second, plus a burst of one second.
fn within_rate(starts: &mut VecDeque<Timestamp>, rate: u16, now: Timestamp) {
    starts.push_back(now);
    if starts.len() > 200 {
        starts.pop_front();
    }
    for (i, from) in starts.iter().enumerate() {
        let (count, span) = ((starts.len() - i) as f64, now.since(*from).as_secs_f64());
        assert!(count <= f64::from(rate) * (span + 1.0) + 1.0, "{count} starts in {span} s at a rate of {rate}");
    }
}
