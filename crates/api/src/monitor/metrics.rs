//! The page of metrics: which figure has which name. `docs/operating.md` says what each means and what to do about it.

use ringback_service::{Figures, ProcessReading};

use super::exposition::Page;
use super::{Audience, RequestMeter};

const MICROSECONDS: f64 = 1e6;

/// The page.
pub(super) fn text(figures: &Figures, requests: &RequestMeter, audience: Audience) -> String {
    let mut page = Page::default();
    page.gauges("build_info", "The version that runs; always 1.", "version", [(env!("CARGO_PKG_VERSION"), 1)]);
    accepted(&mut page, figures, requests);
    attempts(&mut page, figures);
    waiting(&mut page, figures);
    engine(&mut page, figures, audience);
    store(&mut page, figures);
    node(&mut page, figures);
    page.gauge(
        "clock_skew_seconds",
        "How far the wall clock was set away from the time that schedules go by, since the start.",
        figures.clock_skew as f64 / MICROSECONDS,
    );
    if let Some(process) = &figures.process {
        self::process(&mut page, process);
    }
    page.into_text()
}

fn accepted(page: &mut Page, figures: &Figures, requests: &RequestMeter) {
    page.counters("api_requests_total", "Requests answered, by kind of status.", "status", requests.read());
    page.counter("messages_accepted_total", "Messages accepted.", figures.messages);
    page.counter(
        "deliveries_accepted_total",
        "Deliveries of accepted messages: one for each endpoint.",
        figures.deliveries,
    );
}

fn attempts(page: &mut Page, figures: &Figures) {
    let engine = &figures.engine;
    page.counters("attempts_total", "Attempts, by what came of them.", "outcome", engine.attempts.iter().copied());
    page.counter("retries_total", "Attempts after which another one was scheduled.", engine.retries);
    page.counters("deliveries_ended_total", "Deliveries that ended, by how.", "how", engine.ends.iter().copied());
    page.histogram(
        "dispatch_lag_seconds",
        "From the due time of an attempt to its beginning.",
        MICROSECONDS,
        &engine.lag,
    );
    page.histogram(
        "attempt_duration_seconds",
        "How long exchanges with receivers took.",
        MICROSECONDS,
        &engine.exchange,
    );
    page.histogram(
        "delivery_duration_seconds",
        "From acceptance to success, of deliveries that succeeded at the first try.",
        MICROSECONDS,
        &engine.delivery,
    );
}

fn waiting(page: &mut Page, figures: &Figures) {
    let Some(pending) = &figures.pending else { return };
    page.gauge("deliveries_pending", "Deliveries that have not ended, as last counted.", pending.backlogs.all.pending);
    let age = pending.backlogs.all.oldest.map_or(0.0, |oldest| figures.now.since(oldest).as_secs_f64());
    page.gauge("oldest_pending_age_seconds", "Since the oldest message with a pending delivery was accepted.", age);
    let counted = figures.now.since(pending.counted_at).as_secs_f64();
    page.gauge("pending_counted_ago_seconds", "Since the pending deliveries were counted.", counted);
}

fn engine(page: &mut Page, figures: &Figures, audience: Audience) {
    page.gauge("dispatcher_up", "Whether the engine answers.", u8::from(figures.state.is_some()));
    let Some(state) = &figures.state else { return };
    let (load, closed) = (state.load, state.closed);
    page.gauge("attempts_under_way", "Attempts under way.", load.running);
    page.gauge("outcomes_uncommitted", "Outcomes that are not durable yet.", load.uncommitted);
    page.gauge("window_deliveries", "Deliveries in memory.", load.rows);
    page.gauge("window_payload_bytes", "Payload in memory.", load.bytes);
    page.gauge("lanes", "Endpoints that the engine remembers something of.", load.lanes);
    page.gauge("breakers_open", "Endpoints with work that are tried one probe at a time.", closed.breaker);
    let gates = [
        ("paused", closed.paused),
        ("disabled", closed.disabled),
        ("unverified", closed.unverified),
        ("deleted", closed.deleted),
    ];
    page.gauges(
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
        page.pairs(
            "application_attempts_total",
            "Attempts of the busiest applications; the rest is `other`.",
            ["application", "outcome"],
            values,
        );
    }
}

fn store(page: &mut Page, figures: &Figures) {
    page.histogram("commit_duration_seconds", "How long commits took.", MICROSECONDS, &figures.commit_time);
    page.histogram("commit_writes", "How many writes shared a commit.", 1.0, &figures.commit_size);
    let Some(room) = &figures.room else { return };
    page.gauge("store_bytes", "The store's file.", room.store);
    page.gauge("store_wal_bytes", "The store's write-ahead log.", room.log);
    page.gauge("disk_free_bytes", "Free on the disk of the store.", room.free);
    page.gauge("disk_size_bytes", "Size of the disk of the store.", room.size);
    page.gauge("disk_reserve_bytes", "Kept free for outcomes: with less, new messages are refused.", room.reserve);
}

fn node(page: &mut Page, figures: &Figures) {
    let Some(node) = &figures.node else { return };
    page.gauge("nodes", "Servers on this store, this one included.", node.others + 1);
    page.gauge("node_shards", "Shards that this node owns, of 256.", node.shards);
    page.gauge("node_shards_leaving", "Shards that this node is handing over.", node.leaving);
    let left = node.until.map_or(0.0, |until| until.since(figures.now).as_secs_f64());
    page.gauge("node_lease_seconds", "How long the lease of this node lasts if it is not renewed.", left);
    let ahead = node.ahead as f64 / MICROSECONDS;
    page.gauge("node_clock_ahead_seconds", "By how much the clock here is ahead of the database's.", ahead);
    page.gauge(
        "node_listening",
        "Whether other nodes are heard at once, and not by looking.",
        u8::from(figures.listening),
    );
    page.counter("node_shards_gained_total", "Shards that this node has got.", node.gained);
    page.counter("node_lapses_total", "Times that the lease was not renewed in time.", node.lapses);
    page.counter("outcomes_fenced_total", "Outcomes kept out because their shard was another node's.", figures.fenced);
}

fn process(page: &mut Page, process: &ProcessReading) {
    page.process("cpu_seconds_total", "counter", "Processor time.", process.cpu_seconds);
    page.process("resident_memory_bytes", "gauge", "Memory in use.", process.resident_bytes);
    page.process("virtual_memory_bytes", "gauge", "Address space.", process.virtual_bytes);
    page.process("threads", "gauge", "Threads.", process.threads);
    page.process("open_fds", "gauge", "Open files and sockets.", process.open_files);
    if let Some(max) = process.max_files {
        page.process("max_fds", "gauge", "How many may be open.", max);
    }
    page.process("start_time_seconds", "gauge", "When it was started.", process.started);
}
