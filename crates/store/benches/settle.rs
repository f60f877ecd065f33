//! What one message costs the embedded store: accepted and settled, durable both times, with all indexes.
//!
//! `cargo bench -p ringback-store --bench settle -- [messages] [endpoints] [batch] [payload bytes]`
//!
//! `inline` is the work of the writer alone, one commit per batch: acceptances of one batch together with the outcomes of
//! the batch before. `store` is the whole store with its threads, fed by one caller that keeps four batches under way.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptOutcome, Clock, DeliveryState, EndpointNo, Exchange, IdMaker, ManualClock, MessageNo, Phases,
    Priority, SeededRandom, Timestamp, Trigger,
};
use ringback_store::backend::sqlite::{ApplyContext, Op, OpResult, SqliteOptions, SqliteStore, apply, open_connection};
use ringback_store::{
    Accept, Accepted, Finish, Finished, MasterKey, NewAttempt, NewMessage, Reply, Step, Store, StoreError, Target,
};
use rustix::time::{ClockId, clock_gettime};

/// What is measured.
struct Load {
    messages: usize,
    endpoints: usize,
    batch: usize,
    payload: Bytes,
    url: Arc<str>,
    ids: IdMaker,
    random: Arc<SeededRandom>,
    clock: Arc<ManualClock>,
}

fn main() -> Result<(), StoreError> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let load = Load {
        messages: numbers.next().unwrap_or(100_000),
        endpoints: numbers.next().unwrap_or(10),
        batch: numbers.next().unwrap_or(64),
        payload: Bytes::from(vec![b'x'; numbers.next().unwrap_or(500)]),
        url: "https://customer.example/hooks/messaging/dlr?account=12345".into(),
        ids: IdMaker::new(),
        random: Arc::new(SeededRandom::new(1)),
        clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000))),
    };
    inline(&load)?;
    whole_store(&load)
}

fn inline(load: &Load) -> Result<(), StoreError> {
    let folder = folder()?;
    let mut connection = open_connection(&folder.path().join("ringback.db"))?;
    let key = MasterKey::from_bytes([0; 32]);
    let mut context = ApplyContext::new(&connection, key, load.random.clone(), load.clock.clone())?;
    let mut to_settle: Vec<(MessageNo, EndpointNo)> = Vec::new();
    let figures = Figures::begin();
    for batch in 0..load.messages / load.batch {
        load.clock.advance(Duration::from_millis(3));
        let mut ops: Vec<_> = to_settle.drain(..).map(|(no, endpoint)| Op::Finish(load.finish(no, endpoint))).collect();
        let accepts = (0..load.batch).map(|n| load.accept(batch * load.batch + n));
        ops.extend(accepts.map(Op::Accept));
        let (results, committed) = apply(&mut connection, &mut context, &ops);
        assert!(results.iter().all(|result| matches!(
            result,
            OpResult::Accept(Ok(Accepted::New { .. })) | OpResult::Finish(Ok(Finished::Recorded))
        )));
        to_settle.extend(committed.due.iter().map(|due| (due.message.no, due.endpoint)));
        if batch % 32 == 31 {
            connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .map_err(|error| StoreError::Unavailable { source: error.into() })?;
        }
    }
    figures.print("inline", load);
    Ok(())
}

fn whole_store(load: &Load) -> Result<(), StoreError> {
    let folder = folder()?;
    let (store, mut feed) = SqliteStore::open(SqliteOptions {
        folder: folder.path().to_owned(),
        master_key: MasterKey::from_bytes([0; 32]),
        random: load.random.clone(),
        clock: load.clock.clone(),
        reserve_bytes: 0,
    })?;
    let figures = Figures::begin();
    let mut accepting: VecDeque<Reply<Accepted>> = VecDeque::new();
    let mut settling: VecDeque<Reply<Finished>> = VecDeque::new();
    for n in 0..load.messages {
        load.clock.advance(Duration::from_micros(50));
        accepting.push_back(store.accept(load.accept(n)));
        while let Some(committed) = feed.try_next() {
            let outcomes = committed.due.iter().map(|due| load.finish(due.message.no, due.endpoint));
            settling.extend(outcomes.map(|outcome| store.finish(outcome)));
        }
        while accepting.len() > load.batch * 4 {
            accepting.pop_front().map(Reply::wait).transpose()?;
        }
        while settling.len() > load.batch * 4 {
            settling.pop_front().map(Reply::wait).transpose()?;
        }
    }
    for reply in settling {
        reply.wait()?;
    }
    figures.print("store", load);
    Ok(())
}

impl Load {
    fn accept(&self, n: usize) -> Accept {
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
                payload: self.payload.clone(),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                accepted_at: now,
                expires_at: now + Duration::from_secs(90 * 86_400),
            },
            priority: Priority(5),
            targets: vec![Target { endpoint: EndpointNo(endpoint), queue: None }],
            idempotency: None,
        }
    }

    fn finish(&self, message: MessageNo, endpoint: EndpointNo) -> Finish {
        let now = self.clock.now();
        Finish {
            message,
            endpoint,
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
                },
            },
            step: Step::End { state: DeliveryState::Success, reason: None },
            health: None,
        }
    }
}

fn folder() -> Result<tempfile::TempDir, StoreError> {
    tempfile::tempdir().map_err(|error| StoreError::Open(error.to_string()))
}

/// Time and CPU since it began.
struct Figures {
    begun: Instant,
    cpu: Duration,
}

impl Figures {
    fn begin() -> Self {
        Self { begun: Instant::now(), cpu: cpu() }
    }

    fn print(&self, what: &str, load: &Load) {
        let messages = load.messages as f64;
        let (cpu, wall) = ((cpu() - self.cpu).as_secs_f64(), self.begun.elapsed().as_secs_f64());
        println!(
            "{what} messages={} endpoints={} batch={} payload={} cpu_us_per_message={:.2} messages_per_second={:.0}",
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
