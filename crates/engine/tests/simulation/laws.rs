//! What must hold, whatever happens: an account kept apart from the code under test.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use ringback_model::{AppNo, EndpointNo, MessageNo, Timestamp, Trigger};
use ringback_store::{Due, QueueNo};

use crate::plan::Plan;

type Row = (MessageNo, EndpointNo);

/// The account of one run.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    /// Accepted and not ended, with the queue it stands in.
    pub(crate) open: BTreeMap<Row, Option<QueueNo>>,
    ended: HashSet<Row>,
    running: HashMap<EndpointNo, HashSet<(MessageNo, Trigger)>>,
    /// Accepted messages of a queue that have not ended, in order.
    queues: HashMap<(EndpointNo, QueueNo), VecDeque<MessageNo>>,
    starts: HashMap<EndpointNo, VecDeque<Timestamp>>,
    app_starts: HashMap<AppNo, VecDeque<Timestamp>>,
}

impl Laws {
    pub(crate) fn accepted(&mut self, message: MessageNo, endpoint: EndpointNo, queue: Option<QueueNo>) {
        self.open.insert((message, endpoint), queue);
        if let Some(queue) = queue {
            self.queues.entry((endpoint, queue)).or_default().push_back(message);
        }
    }

    /// An attempt starts: no row twice at once, none that has ended, none before its turn, none above a cap or a rate.
    pub(crate) fn started(&mut self, due: &Due, plan: &Plan, now: Timestamp) {
        let row = (due.message.no, due.endpoint);
        let endpoint = plan.endpoint(due.endpoint);
        assert!(!self.ended.contains(&row) || due.trigger == Trigger::Manual, "{row:?} was sent after it had ended");
        assert!(due.due <= now, "{row:?} was sent {:?} early", due.due.since(now));
        let running = self.running.entry(due.endpoint).or_default();
        assert!(running.insert((due.message.no, due.trigger)), "{row:?} was sent twice at once");
        assert!(
            running.len() <= usize::from(endpoint.policy.concurrency),
            "{} attempts under way at {:?}, whose cap is {}",
            running.len(),
            due.endpoint,
            endpoint.policy.concurrency
        );
        if let (Some(Some(queue)), Trigger::Scheduled) = (self.open.get(&row).copied(), due.trigger) {
            let head = self.queues.get(&(due.endpoint, queue)).and_then(|waiting| waiting.front());
            assert_eq!(head, Some(&due.message.no), "out of order at {:?}", due.endpoint);
        }
        if let Some(rate) = endpoint.policy.rate {
            within_rate(self.starts.entry(due.endpoint).or_default(), rate, now);
        }
        if let Some(rate) = endpoint.policy.app_rate {
            within_rate(self.app_starts.entry(endpoint.app).or_default(), rate, now);
        }
    }

    pub(crate) fn answered(&mut self, due: &Due) {
        let running = self.running.entry(due.endpoint).or_default();
        assert!(running.remove(&(due.message.no, due.trigger)), "an answer to nothing that was sent");
    }

    /// A delivery has ended durably.
    pub(crate) fn ended(&mut self, message: MessageNo, endpoint: EndpointNo) {
        let queue = self.open.remove(&(message, endpoint)).flatten();
        self.ended.insert((message, endpoint));
        if let Some(waiting) = queue.and_then(|queue| self.queues.get_mut(&(endpoint, queue))) {
            waiting.retain(|no| *no != message);
        }
    }

    /// The engine is gone, and with it all that was under way; the receivers may have got it.
    pub(crate) fn crashed(&mut self) {
        self.running.clear();
        // A bucket starts empty, so rates hold over a crash; what was started before counts on.
    }

    pub(crate) fn running(&self) -> usize {
        self.running.values().map(HashSet::len).sum()
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
