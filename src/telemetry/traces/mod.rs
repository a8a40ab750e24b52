//! Takes the spans of this process to a collector over OTLP/HTTP: in batches, behind a bounded queue, and never in a request's way.

mod otlp;
mod proto;
mod settings;

use std::time::Duration;

use enabler_config::Settings;
use enabler_storage::chance::Chance;
use enabler_telemetry::metrics;
use enabler_telemetry::trace::{self, Ended, Sink};
use reqwest::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::node::NodeError;
use settings::Place;

/// Spans that wait: some seconds of a busy node, and a few megabytes at most.
const QUEUE_MAX: usize = 8_192;
/// Spans of one message, a quarter of a megabyte.
const BATCH_MAX: usize = 512;
/// How long a batch waits for more.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// Tries of one batch; meanwhile the queue fills, and what it has no room for is dropped.
const TRIES_MAX: u32 = 3;
/// The wait before the second try; it doubles.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How long a node that stops still tells what waits.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(3);

/// What takes spans away, until it is closed.
pub(crate) struct Traces {
    over: CancellationToken,
    worker: JoinHandle<()>,
}

struct Queue(mpsc::Sender<Ended>);

impl Sink for Queue {
    fn take(&self, span: Ended) {
        if self.0.try_send(span).is_err() {
            metrics::SPANS.one(["dropped"]);
        }
    }
}

/// Begins to take spans, if the settings name a collector. Of several nodes in one process the first does it for all.
///
/// # Errors
/// What is wrong with the settings.
pub(crate) fn start(settings: &Settings, chance: &dyn Chance) -> Result<Option<Traces>, NodeError> {
    let Some(place) = Place::of(&settings.telemetry)? else { return Ok(None) };
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let per_million = settings.telemetry.traces_per_million;
    if !trace::install(Box::new(Queue(sender)), per_million, chance.next_u64()) {
        return Ok(None);
    }
    let over = CancellationToken::new();
    let resource = otlp::resource(&settings.node.name);
    let worker = Worker { place, resource, queue, over: over.clone(), is_away: false };
    Ok(Some(Traces { over, worker: tokio::spawn(worker.run()) }))
}

impl Traces {
    /// Tells what waits still, for a while, and takes no more.
    pub(crate) async fn close(self) {
        self.over.cancel();
        let _ = timeout(CLOSE_TIME_MAX, self.worker).await;
    }
}

struct Worker {
    place: Place,
    resource: otlp::Resource,
    queue: mpsc::Receiver<Ended>,
    over: CancellationToken,
    /// The collector did not take the last batch; that is logged once, not for each.
    is_away: bool,
}

impl Worker {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            tokio::select! {
                biased;
                () = self.over.cancelled() => break,
                taken = self.queue.recv_many(&mut batch, BATCH_MAX) => if taken == 0 { return },
            }
            // The first of a batch is there: others of its request come soon.
            tokio::select! {
                _ = timeout(BATCH_WAIT, fill(&mut self.queue, &mut batch)) => {}
                () = self.over.cancelled() => {}
            }
            self.send(&mut batch).await;
        }
        self.queue.close();
        while self.queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.send(&mut batch).await;
        }
    }

    async fn send(&mut self, batch: &mut Vec<Ended>) {
        let count = batch.len() as u64;
        let body = bytes::Bytes::from(otlp::message(&self.resource, batch));
        batch.clear();
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            let outcome = self.try_once(body.clone()).await;
            match outcome {
                Err((_, true)) if tries < TRIES_MAX && !self.over.is_cancelled() => {
                    sleep(TRY_AGAIN * 2_u32.pow(tries - 1)).await;
                }
                outcome => break outcome,
            }
        };
        metrics::SPANS.add([if outcome.is_ok() { "sent" } else { "lost" }], count);
        match outcome {
            Ok(()) if self.is_away => {
                self.is_away = false;
                tracing::info!("the collector takes traces again");
            }
            Err((why, _)) if !self.is_away => {
                self.is_away = true;
                tracing::warn!(why, "the collector takes no traces; they are dropped until it does");
            }
            _ => {}
        }
    }

    /// Sends one message; an error says why, and whether trying again may help.
    ///
    /// Source: OTLP 1.9, "OTLP/HTTP Response": 429, 502, 503 and 504 are for trying again.
    async fn try_once(&self, body: bytes::Bytes) -> Result<(), (String, bool)> {
        let sent = self.place.request().timeout(SEND_TIME_MAX).body(body).send().await;
        // An address may hold a password.
        let answer = sent.map_err(|error| (error.without_url().to_string(), true))?;
        let status = answer.status();
        let is_busy = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        if status.is_success() { Ok(()) } else { Err((format!("it answered {status}"), is_busy)) }
    }
}

/// Takes what comes until the batch is full.
async fn fill(queue: &mut mpsc::Receiver<Ended>, batch: &mut Vec<Ended>) {
    while batch.len() < BATCH_MAX {
        let room = BATCH_MAX - batch.len();
        if queue.recv_many(batch, room).await == 0 {
            return;
        }
    }
}
