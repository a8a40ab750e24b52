//! What happened: every event with its time, one hash over all of them, what was seen at least once, and what went wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::dice;

/// Events that are kept; the hash goes on over those that are not. A seed of the usual size writes a tenth of it.
const EVENTS_MAX: usize = 400_000;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in simulated milliseconds from the beginning of the run.
    pub at_ms: u64,
    /// Where: a node such as `n1`, `store`, `client 3`, `faults` or `checker`.
    pub who: String,
    /// What happened, in words.
    pub what: String,
    /// The shard that it is about.
    pub shard: Option<u32>,
    /// The epoch that it is about.
    pub epoch: Option<u64>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    hash: u64,
    sometimes: BTreeMap<&'static str, u64>,
    violation: Option<String>,
}

/// The book of a run.
pub(crate) struct Book {
    began: Instant,
    inner: Mutex<Inner>,
}

/// What the book holds at the end.
pub(crate) struct Closed {
    pub(crate) events: Vec<Event>,
    pub(crate) hash: u64,
    pub(crate) sometimes: BTreeMap<&'static str, u64>,
    pub(crate) violation: Option<String>,
}

impl Book {
    pub(crate) fn new() -> Self {
        Book { began: Instant::now(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Simulated milliseconds since the beginning.
    pub(crate) fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub(crate) fn note(&self, who: &str, what: impl Into<String>) {
        self.note_of(who, what, None, None);
    }

    pub(crate) fn note_of(&self, who: &str, what: impl Into<String>, shard: Option<u32>, epoch: Option<u64>) {
        let event = Event { at_ms: self.now_ms(), who: who.to_owned(), what: what.into(), shard, epoch };
        let mut inner = self.inner();
        let line = format!("{} {} {} {shard:?} {epoch:?}", event.at_ms, event.who, event.what);
        inner.hash = dice::hash(inner.hash, line.as_bytes());
        if inner.events.len() < EVENTS_MAX {
            inner.events.push(event);
        }
    }

    /// Counts something that a search over many seeds must have met.
    pub(crate) fn sometimes(&self, what: &'static str) {
        *self.inner().sometimes.entry(what).or_insert(0) += 1;
    }

    /// An invariant does not hold; the first one counts, what follows may follow from it.
    pub(crate) fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.note("checker", format!("VIOLATION: {what}"));
        self.inner().violation.get_or_insert(what);
    }

    pub(crate) fn is_violated(&self) -> bool {
        self.inner().violation.is_some()
    }

    pub(crate) fn close(&self) -> Closed {
        let Inner { events, hash, sometimes, violation } = std::mem::take(&mut *self.inner());
        Closed { events, hash, sometimes, violation }
    }
}
