//! The audit log: every write as a line of JSON in the object store, in objects that are created once and never changed.
//!
//! Lines are written a second after the first of them at the latest, so that a node that is killed loses at most what it
//! noted in its last second. While the store is away up to [`NOTES_MAX`] lines wait; further ones, and those that still
//! wait when the node is stopped, go to the node's own log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_http::{Audit, Note};
use enabler_storage::clock::Clock;
use enabler_storage::objects::{Key, ObjectStore, PutOutcome};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Doors, Means};

/// Lines that may wait to be written, some 300 bytes each.
const NOTES_MAX: usize = 4_096;
/// Lines of one object; more come only when many write at once.
const LINES_MAX: usize = 256;
/// How long a line waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// The pause after a writing that failed, doubled up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// How long a stopping node tries to write what still waits.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// Takes notes from the door.
pub(super) struct Notes {
    lines: mpsc::Sender<Line>,
    clock: Arc<dyn Clock>,
}

/// One line, with the day that it belongs to.
struct Line {
    at_ms: u64,
    text: String,
}

/// The writer of the notes, until it is closed.
pub(crate) struct AuditLog {
    ending: CancellationToken,
    clock: Arc<dyn Clock>,
    writer: JoinHandle<()>,
    lines: mpsc::WeakSender<Line>,
}

/// Tells how many lines wait to be written.
#[derive(Clone)]
pub(crate) struct Waiting(mpsc::WeakSender<Line>);

impl Waiting {
    /// How many; those that the writer has in hand are not among them.
    pub(crate) fn count(&self) -> usize {
        self.0.upgrade().map_or(0, |lines| lines.max_capacity() - lines.capacity())
    }
}

/// Begins an audit log; it writes as soon as a generation of the node runs.
pub(super) fn start(doors: Doors, clock: Arc<dyn Clock>) -> (Notes, AuditLog) {
    let (lines, waiting) = mpsc::channel(NOTES_MAX);
    let ending = CancellationToken::new();
    let (own, until) = (Arc::clone(&clock), ending.clone());
    let writer = tokio::spawn(Writer { doors, clock: own, waiting, ending: until, sequence: 0 }.run());
    let weak = lines.downgrade();
    (Notes { lines, clock: Arc::clone(&clock) }, AuditLog { ending, clock, writer, lines: weak })
}

impl AuditLog {
    /// Tells how many lines wait.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(self.lines.clone())
    }

    /// Writes what waits and ends.
    pub(crate) async fn close(self) {
        self.ending.cancel();
        // What is left then has been logged by the writer itself.
        tokio::select! {
            _ = self.writer => {}
            () = self.clock.sleep(CLOSE_PATIENCE * 2) => {}
        }
    }
}

impl Audit for Notes {
    fn record(&self, note: Note) {
        let at_ms = self.clock.now_ms();
        let line = Line { at_ms, text: line(&note, at_ms) };
        if let Err(error) = self.lines.try_send(line) {
            let (mpsc::error::TrySendError::Full(line) | mpsc::error::TrySendError::Closed(line)) = error;
            tracing::error!(note = line.text, "the audit log is full; this note is only here");
        }
    }
}

fn moment(at_ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A note as it is kept. Pure.
fn line(note: &Note, at_ms: u64) -> String {
    let mut line = json!({
        "at": moment(at_ms).format(&Rfc3339).unwrap_or_default(),
        "action": note.action,
        "caller": note.caller.id,
        "tenant": note.caller.tenant.name(),
        "about": note.about,
        "address": note.address,
        "request_id": note.request_id,
        "status": note.status,
    });
    if let Some(detail) = note.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
        let detail: serde_json::Value = detail;
        line["detail"] = detail;
    }
    line.to_string()
}

/// Where the lines of one object lie: by day, so that a day can be read and removed.
fn object_key(means: &Means, at_ms: u64, sequence: u64) -> Option<Key> {
    let day = moment(at_ms).format(format_description!("[year]-[month]-[day]")).ok()?;
    let (name, generation) = (&means.node.name, means.node.generation);
    Key::new(format!("v1/audit/{day}/{name}-{generation:032x}-{sequence:010}.jsonl")).ok()
}

struct Writer {
    doors: Doors,
    clock: Arc<dyn Clock>,
    waiting: mpsc::Receiver<Line>,
    ending: CancellationToken,
    sequence: u64,
}

impl Writer {
    async fn run(mut self) {
        while let Some(first) = self.next().await {
            let day = first.at_ms / 86_400_000;
            let mut lines = vec![first];
            let mut gathered = self.clock.sleep(GATHER);
            while lines.len() < LINES_MAX {
                tokio::select! {
                    biased;
                    line = self.next() => match line {
                        Some(line) => lines.push(line),
                        None => break,
                    },
                    () = &mut gathered => break,
                }
            }
            // Midnight parts lines that came together.
            let (today, tomorrow): (Vec<Line>, Vec<Line>) =
                lines.into_iter().partition(|line| line.at_ms / 86_400_000 == day);
            for lines in [today, tomorrow] {
                if !lines.is_empty() {
                    self.write(lines).await;
                }
            }
        }
    }

    /// The next line; none when the log is closed and empty.
    async fn next(&mut self) -> Option<Line> {
        tokio::select! {
            biased;
            line = self.waiting.recv() => line,
            () = self.ending.cancelled() => {
                self.waiting.close();
                self.waiting.recv().await
            }
        }
    }

    async fn write(&mut self, lines: Vec<Line>) {
        let at_ms = lines.first().map_or(0, |line| line.at_ms);
        let text: Bytes = lines.iter().fold(String::new(), |text, line| text + &line.text + "\n").into();
        let sequence = self.sequence;
        self.sequence += 1;
        let mut pause = PAUSE;
        let (ending, clock) = (self.ending.clone(), Arc::clone(&self.clock));
        let closed = async {
            ending.cancelled().await;
            clock.sleep(CLOSE_PATIENCE).await;
        };
        let written = async {
            loop {
                if let Some(means) = self.doors.means()
                    && let Some(key) = object_key(&means, at_ms, sequence)
                    && kept(&*means.store, &key, &text).await
                {
                    return;
                }
                self.clock.sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        };
        tokio::select! {
            biased;
            () = written => {}
            () = closed => {
                for line in lines {
                    tracing::error!(note = line.text, "the audit log cannot be written; this note is only here");
                }
            }
        }
    }
}

/// Whether `text` now lies under `key`.
async fn kept(store: &dyn ObjectStore, key: &Key, text: &Bytes) -> bool {
    match store.put_new(key, text.clone()).await {
        PutOutcome::Done(_) => true,
        // An earlier try whose answer was lost.
        PutOutcome::Exists | PutOutcome::Changed => {
            store.get(key).await.is_ok_and(|object| object.is_some_and(|object| object.bytes == *text))
        }
        PutOutcome::Unknown(error) => {
            tracing::warn!(%error, %key, "writing the audit log; trying again");
            false
        }
    }
}

#[cfg(test)]
mod tests;
