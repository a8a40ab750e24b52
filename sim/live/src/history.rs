//! Everything that happened in a run, one line of JSON each with its time: what a report is drawn from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::book::Wrong;
use crate::error::LiveError;

/// The file in the report's folder.
pub const FILE: &str = "history.jsonl";

/// Where lines go; without a file, nowhere. Cheap to clone.
///
/// Every line has `at_ms`, the time since the run began at which it began, and `kind`: `run`, `event`, `node`,
/// `owners`, `request`, `violation` or `summary`. Its length is that of the run: a request is some 120 bytes, and the
/// clients send about ten in a second.
#[derive(Debug, Clone, Default)]
pub struct History(Option<Arc<Open>>);

#[derive(Debug)]
struct Open {
    began: Instant,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    file: BufWriter<File>,
    /// The first failure, told at the end: a full disk must not change the run.
    failed: Option<io::Error>,
}

/// What a line tells.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record<'a> {
    /// The plan.
    Run { again: &'a str, nodes: usize, seed: u64, shards: u32 },
    /// Something was done to a node or a server, and how long a client of `shard` was not served; null is never.
    Event {
        number: usize,
        what: &'static str,
        whom: &'a str,
        shard: u32,
        /// How long it was meant to last; null when it lasts until somebody is served.
        planned_ms: Option<u64>,
        ended_ms: u64,
        read_ms: Option<u64>,
        upload_ms: Option<u64>,
    },
    /// A node is away or ready again.
    Node { node: &'a str, ready: bool },
    /// Who owns which shard, with the epoch, as the store says; written when it has changed.
    Owners { owners: &'a BTreeMap<u32, (String, u64)> },
    /// What a client was answered; `status` is null when there was no answer.
    Request {
        what: &'static str,
        node: &'a str,
        status: Option<u16>,
        ms: u64,
        /// `answered`; `refused` although nothing was done to the node meanwhile; or `disturbed`, because something was.
        outcome: &'static str,
    },
    /// A broken promise.
    Violation { wrong: Wrong, text: &'a str },
    /// The end.
    Summary {
        events: usize,
        answered: &'a BTreeMap<&'static str, usize>,
        refused: &'a BTreeMap<&'static str, usize>,
        lost: usize,
        seen_after_deletion: usize,
        violations: usize,
    },
}

#[derive(Serialize)]
struct Stamped<'a> {
    at_ms: u64,
    #[serde(flatten)]
    record: &'a Record<'a>,
}

impl History {
    /// A history that nobody reads.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Begins the file `history.jsonl` in `dir`, over an older one.
    pub fn begin(dir: &Path, began: Instant) -> Result<Self, LiveError> {
        let path = dir.join(FILE);
        let file =
            File::create(&path).map_err(LiveError::system(format!("creating `{}`", path.display())))?;
        let writer = Mutex::new(Writer { file: BufWriter::new(file), failed: None });
        Ok(Self(Some(Arc::new(Open { began, writer }))))
    }

    /// Writes down what began at `at`.
    pub(crate) fn write(&self, at: Instant, record: &Record<'_>) {
        let Some(open) = &self.0 else { return };
        let stamped = Stamped { at_ms: millis(at.saturating_duration_since(open.began)), record };
        let mut writer = open.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests are many; whatever else happens is on the disk at once, also when the run is cut short.
        let is_rare = !matches!(record, Record::Request { .. });
        if let Err(error) = writer.line(&stamped, is_rare) {
            writer.failed.get_or_insert(error);
        }
    }

    /// Writes out what is left; fails with the first failure of all.
    pub(crate) fn finish(&self) -> Result<(), LiveError> {
        let Some(open) = &self.0 else { return Ok(()) };
        let mut writer = open.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = writer.file.flush();
        let outcome = writer.failed.take().map_or(flushed, Err);
        outcome.map_err(LiveError::system("writing the history"))
    }
}

impl Writer {
    fn line(&mut self, stamped: &Stamped<'_>, flush: bool) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, stamped)?;
        self.file.write_all(b"\n")?;
        if flush { self.file.flush() } else { Ok(()) }
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_one_object_with_its_time_and_kind() {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let history = History::begin(dir.path(), began).unwrap();
        let owners = BTreeMap::from([(3, ("n1".to_owned(), 7))]);
        history.write(began + Duration::from_millis(12), &Record::Owners { owners: &owners });
        let request = Record::Request { what: "read", node: "n2", status: None, ms: 5, outcome: "disturbed" };
        history.write(began, &request);
        history.finish().unwrap();
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert_eq!(
            text,
            "{\"at_ms\":12,\"kind\":\"owners\",\"owners\":{\"3\":[\"n1\",7]}}\n\
             {\"at_ms\":0,\"kind\":\"request\",\"what\":\"read\",\"node\":\"n2\",\"status\":null,\"ms\":5,\
             \"outcome\":\"disturbed\"}\n"
        );
    }
}
