//! Which figure has which name. `docs/operating.md` says what each means and what to do about it.

use ringback_service::{Figures, ProcessReading};

use super::family::{Families, Family};
use super::{Audience, RequestMeter};

const MICROSECONDS: f64 = 1e6;

/// All figures of one moment.
pub(super) fn families(figures: &Figures, requests: &RequestMeter, audience: Audience) -> Vec<Family> {
    let mut families = Families::default();
    families.gauges("build_info", "The version that runs; always 1.", "version", [(env!("CARGO_PKG_VERSION"), 1)]);
    accepted(&mut families, figures, requests);
    attempts(&mut families, figures);
    waiting(&mut families, figures);
    engine(&mut families, figures, audience);
    store(&mut families, figures);
    node(&mut families, figures);
    families.gauge(
        "clock_skew_seconds",
        "How far the wall clock was set away from the time that schedules go by, since the start.",
        figures.clock_skew as f64 / MICROSECONDS,
    );
    if let Some(process) = &figures.process {
        self::process(&mut families, process);
    }
    families.into_vec()
}

fn accepted(families: &mut Families, figures: &Figures, requests: &RequestMeter) {
    families.counters("api_requests_total", "Requests answered, by kind of status.", "status", requests.read());
    families.counter("messages_accepted_total", "Messages accepted.", figures.messages);
    families.counter(
        "deliveries_accepted_total",
        "Deliveries of accepted messages: one for each endpoint.",
        figures.deliveries,
    );
}

fn attempts(families: &mut Families, figures: &Figures) {
    let engine = &figures.engine;
    families.counters("attempts_total", "Attempts, by what came of them.", "outcome", engine.attempts.iter().copied());
    families.counter("retries_total", "Attempts after which another one was scheduled.", engine.retries);
    families.counters("deliveries_ended_total", "Deliveries that ended, by how.", "how", engine.ends.iter().copied());
    families.histogram(
        "dispatch_lag_seconds",
        "From the due time of an attempt to its beginning.",
        MICROSECONDS,
        &engine.lag,
    );
    families.histogram(
        "attempt_duration_seconds",
        "How long exchanges with receivers took.",
        MICROSECONDS,
        &engine.exchange,
    );
    families.histogram(
        "delivery_duration_seconds",
        "From when a delivery could be sent to its success, of those that succeeded at the first try.",
        MICROSECONDS,
        &engine.delivery,
    );
}

fn waiting(families: &mut Families, figures: &Figures) {
    let Some(pending) = &figures.pending else { return };
    families.gauge(
        "deliveries_pending",
        "Deliveries that have not ended, as last counted.",
        pending.backlogs.all.pending,
    );
    let age = pending.backlogs.all.oldest.map_or(0.0, |oldest| figures.now.since(oldest).as_secs_f64());
    families.gauge("oldest_pending_age_seconds", "Since the oldest message with a pending delivery was accepted.", age);
    let counted = figures.now.since(pending.counted_at).as_secs_f64();
    families.gauge("pending_counted_ago_seconds", "Since the pending deliveries were counted.", counted);
}

fn engine(families: &mut Families, figures: &Figures, audience: Audience) {
    families.gauge("dispatcher_up", "Whether the engine answers.", u8::from(figures.state.is_some()));
    let Some(state) = &figures.state else { return };
    let (load, closed) = (state.load, state.closed);
    families.gauge("attempts_under_way", "Attempts under way.", load.running);
    families.gauge("outcomes_uncommitted", "Outcomes that are not durable yet.", load.uncommitted);
    families.gauge("window_deliveries", "Deliveries in memory.", load.rows);
    families.gauge("window_payload_bytes", "Payload in memory.", load.bytes);
    families.gauge("lanes", "Endpoints that the engine remembers something of.", load.lanes);
    families.gauge("breakers_open", "Endpoints with work that are tried one probe at a time.", closed.breaker);
    let gates = [
        ("paused", closed.paused),
        ("disabled", closed.disabled),
        ("unverified", closed.unverified),
        ("deleted", closed.deleted),
    ];
    families.gauges(
        "gates_closed",
        "Endpoints with work that nothing is sent to, by why.",
        "gate",
        gates.map(|(gate, count)| (gate, count as u64)),
    );
    if audience == Audience::Operator {
        let rest = ("other".to_owned(), state.rest);
        let apps: Vec<_> = figures.apps.iter().chain([&rest]).collect();
        let values = apps.iter().flat_map(|(app, reading)| {
            [(app.as_str(), "delivered", reading.delivered), (app.as_str(), "failed", reading.failed)]
        });
        families.pairs(
            "application_attempts_total",
            "Attempts of the busiest applications; the rest is `other`.",
            ["application", "outcome"],
            values,
        );
    }
}

fn store(families: &mut Families, figures: &Figures) {
    families.histogram("commit_duration_seconds", "How long commits took.", MICROSECONDS, &figures.commit_time);
    families.histogram("commit_writes", "How many writes shared a commit.", 1.0, &figures.commit_size);
    let Some(room) = &figures.room else { return };
    families.gauge("store_bytes", "The store's file.", room.store);
    families.gauge("store_wal_bytes", "The store's write-ahead log.", room.log);
    families.gauge("disk_free_bytes", "Free on the disk of the store.", room.free);
    families.gauge("disk_size_bytes", "Size of the disk of the store.", room.size);
    families.gauge("disk_reserve_bytes", "Kept free for outcomes: with less, new messages are refused.", room.reserve);
}

fn node(families: &mut Families, figures: &Figures) {
    let Some(node) = &figures.node else { return };
    families.gauge("nodes", "Servers on this store, this one included.", node.others + 1);
    families.gauge("node_shards", "Shards that this node owns, of 256.", node.shards);
    families.gauge("node_shards_leaving", "Shards that this node is handing over.", node.leaving);
    let left = node.until.map_or(0.0, |until| until.since(figures.now).as_secs_f64());
    families.gauge("node_lease_seconds", "How long the lease of this node lasts if it is not renewed.", left);
    let ahead = node.ahead as f64 / MICROSECONDS;
    families.gauge("node_clock_ahead_seconds", "By how much the clock here is ahead of the database's.", ahead);
    families.gauge(
        "node_listening",
        "Whether other nodes are heard at once, and not by looking.",
        u8::from(figures.listening),
    );
    families.counter("node_shards_gained_total", "Shards that this node has got.", node.gained);
    families.counter("node_lapses_total", "Times that the lease was not renewed in time.", node.lapses);
    families.counter(
        "outcomes_fenced_total",
        "Outcomes kept out because their shard was another node's.",
        figures.fenced,
    );
}

fn process(families: &mut Families, process: &ProcessReading) {
    families.process_counter("cpu_seconds_total", "Processor time.", process.cpu_seconds);
    families.process_gauge("resident_memory_bytes", "Memory in use.", process.resident_bytes);
    families.process_gauge("virtual_memory_bytes", "Address space.", process.virtual_bytes);
    families.process_gauge("threads", "Threads.", process.threads);
    families.process_gauge("open_fds", "Open files and sockets.", process.open_files);
    if let Some(max) = process.max_files {
        families.process_gauge("max_fds", "How many may be open.", max);
    }
    families.process_gauge("start_time_seconds", "When it was started.", process.started);
}
