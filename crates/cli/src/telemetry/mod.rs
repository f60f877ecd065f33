//! OpenTelemetry: traces of messages and the figures of `/metrics`, sent to a collector over HTTP as JSON (OTLP 1.x).
//!
//! A message is a trace, whose id follows from the message's own: the span of its acceptance is the root, and each
//! attempt is a span under it, whichever node makes it and however much later. Nothing is kept for that in the store, and
//! nothing waits for the collector: what it does not take is dropped and counted.

mod collector;
mod config;
mod metric;
mod otlp;
mod recorder;
mod span;

use std::sync::Arc;
use std::time::Duration;

use ringback_api::FigureReader;
use ringback_model::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

pub(crate) use config::{CollectorUrl, Headers, Share, TelemetryConfig, TelemetryFile, telemetry};
pub(crate) use recorder::Recorder;

use collector::{Collector, Taken};
use otlp::Resource;

/// How long a span waits for company.
const SPANS_EVERY: Duration = Duration::from_secs(2);
/// How often figures are sent.
const METRICS_EVERY: Duration = Duration::from_secs(30);
/// How long the last ones may take when the server stops.
const LAST: Duration = Duration::from_secs(3);

/// What sends, for as long as the server runs.
#[derive(Debug)]
pub(crate) struct Telemetry {
    task: JoinHandle<()>,
    stop: Arc<Notify>,
}

/// What is sent, and where to.
#[derive(Debug)]
struct Exporter {
    collector: Collector,
    resource: Resource,
    recorder: Recorder,
    figures: FigureReader,
    started: Timestamp,
}

impl Telemetry {
    /// Starts to send what is taken down and what `figures` reads, in the name of the server `node`.
    pub(crate) fn start(config: TelemetryConfig, figures: FigureReader, node: &str) -> Self {
        let recorder = config.recorder.clone();
        let exporter = Exporter {
            collector: Collector::new(config),
            resource: Resource::of_server(node),
            started: recorder.clock().wall(),
            recorder,
            figures,
        };
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(exporter.run(stop.clone()));
        Self { task, stop }
    }

    /// Sends what is left, as far as that goes quickly.
    pub(crate) async fn stop(self) {
        self.stop.notify_one();
        let abort = self.task.abort_handle();
        if timeout(LAST, self.task).await.is_err() {
            abort.abort();
        }
    }
}

impl Exporter {
    async fn run(self, stop: Arc<Notify>) {
        let mut metrics = interval(METRICS_EVERY);
        metrics.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = Instant::now() + SPANS_EVERY;
            tokio::select! {
                () = stop.notified() => break,
                _ = metrics.tick() => self.send_metrics().await,
                () = self.recorder.filled(next) => self.send_spans().await,
            }
        }
        self.send_spans().await;
        self.send_metrics().await;
    }

    async fn send_spans(&self) {
        loop {
            let spans = self.recorder.take();
            if spans.is_empty() {
                return;
            }
            match self.collector.send_spans(&self.resource, &spans).await {
                Taken::Yes => {}
                Taken::No => self.recorder.lost(spans.len()),
                Taken::NotYet => return self.recorder.put_back(spans),
            }
        }
    }

    async fn send_metrics(&self) {
        let families = self.figures.read().await;
        let now = self.recorder.clock().wall();
        let metrics = metric::metrics(&families, self.recorder.lost_so_far(), self.started, now);
        // Figures are of the moment: the next ones say the same and more.
        self.collector.send_metrics(&self.resource, &metrics).await;
    }
}
