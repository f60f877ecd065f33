//! What the benchmarks of the backends have in common: the messages, and what is printed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptOutcome, Clock, DeliveryState, EndpointNo, Exchange, IdMaker, ManualClock, MessageNo, Phases,
    Priority, SeededRandom, Timestamp, Trigger,
};
use ringback_store::{Accept, Epoch, Finish, NewAttempt, NewMessage, Step, Target};
use rustix::time::{ClockId, clock_gettime};

/// What is measured.
pub(crate) struct Load {
    pub(crate) messages: usize,
    pub(crate) endpoints: usize,
    pub(crate) batch: usize,
    pub(crate) payload: Bytes,
    pub(crate) url: Arc<str>,
    pub(crate) ids: IdMaker,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) clock: Arc<ManualClock>,
    /// What outcomes are recorded under.
    pub(crate) epoch: Epoch,
}

impl Load {
    /// The load that the command line asks for: messages, endpoints, batch, payload bytes.
    pub(crate) fn from_arguments() -> Self {
        let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
        Self {
            messages: numbers.next().unwrap_or(100_000),
            endpoints: numbers.next().unwrap_or(10),
            batch: numbers.next().unwrap_or(64),
            payload: Bytes::from(vec![b'x'; numbers.next().unwrap_or(500)]),
            url: "https://customer.example/hooks/messaging/dlr?account=12345".into(),
            ids: IdMaker::new(),
            random: Arc::new(SeededRandom::new(1)),
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000))),
            epoch: Epoch::ONLY,
        }
    }

    pub(crate) fn accept(&self, n: usize) -> Accept {
        let now = self.clock.now();
        let endpoint = i64::try_from(n % self.endpoints).unwrap_or(0) + 1;
        Accept {
            app: AppNo(1),
            app_version: 0,
            message: NewMessage {
                id: self.ids.make(now, &*self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: self.payload.clone(),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: now,
                expires_at: now + Duration::from_secs(90 * 86_400),
            },
            priority: Priority(5),
            pollers: Vec::new(),
            targets: vec![Target::new(EndpointNo(endpoint), None)],
            idempotency: None,
        }
    }

    pub(crate) fn finish(&self, message: MessageNo, endpoint: EndpointNo) -> Finish {
        let now = self.clock.now();
        Finish {
            epoch: self.epoch,
            message,
            endpoint,
            earlier: None,
            attempt: NewAttempt {
                id: self.ids.make(now, &*self.random),
                started_at: now,
                trigger: Trigger::Scheduled,
                outcome: AttemptOutcome::Delivered,
                url: self.url.clone(),
                exchange: Exchange {
                    status: Some(200),
                    response: Bytes::from_static(b"{\"ok\":true}"),
                    phases: Phases { total: Duration::from_micros(812), ..Phases::default() },
                    address: Some([192, 0, 2, 1].into()),
                    left_out: None,
                },
            },
            step: Step::End { state: DeliveryState::Success, reason: None },
            health: None,
            notice: None,
        }
    }
}

/// Time and CPU since it began.
pub(crate) struct Figures {
    begun: Instant,
    cpu: Duration,
}

impl Figures {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), cpu: cpu() }
    }

    pub(crate) fn print(&self, what: &str, load: &Load, more: &str) {
        let messages = load.messages as f64;
        let (cpu, wall) = ((cpu() - self.cpu).as_secs_f64(), self.begun.elapsed().as_secs_f64());
        println!(
            "{what} messages={} endpoints={} batch={} payload={} cpu_us_per_message={:.2} messages_per_second={:.0}{more}",
            load.messages,
            load.endpoints,
            load.batch,
            load.payload.len(),
            cpu / messages * 1e6,
            messages / wall,
        );
    }
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
