//! What happened: every event with its time, one hash over all of them, what was seen at least once, and what went wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::dice;

/// Events that are kept; the hash goes on over those that are not. A seed of the usual size writes a tenth of it.
const EVENTS_MAX: usize = 400_000;

/// What kind of thing happened, for whoever draws a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Anything that is worth a line.
    #[default]
    Note,
    /// A generation of a node begins to serve.
    Starts,
    /// A generation of a node ends.
    Ends,
    /// A node stands still.
    Freezes,
    /// A node goes on.
    Thaws,
    /// Something was made to fail.
    Fault,
    /// Something that failed is whole again; its cause is the fault.
    Heals,
    /// A node serves a shard under an epoch; seen a tenth of a second late at most.
    Owns,
    /// A node follows a shard.
    Follows,
    /// A node serves or follows a shard no more.
    Leaves,
    /// A log object or a manifest was written.
    Applied,
    /// A client asks.
    Asks,
    /// A client has its answer.
    Answered,
    /// A message leaves.
    Sends,
    /// An invariant does not hold.
    Violation,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It never does.
    Lost,
    /// It arrives after its sender has given up.
    Late,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// A node, a worker or `store`.
    pub to: String,
    /// When it arrives, in simulated milliseconds.
    pub arrives_ms: u64,
    /// What becomes of it.
    pub fate: Fate,
}

/// Something that happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// When, in simulated milliseconds from the beginning of the run.
    pub at_ms: u64,
    /// Where: a node such as `n1`, `store`, `client 3`, `faults` or `checker`.
    pub who: String,
    /// What happened, in words.
    pub what: String,
    /// What kind of thing it was.
    pub kind: Kind,
    /// The shard that it is about.
    pub shard: Option<u32>,
    /// The epoch that it is about.
    pub epoch: Option<u64>,
    /// The event that led to it, by its place in the book from 1 on, where that is known.
    pub cause: Option<u64>,
    /// The message, when one leaves.
    pub message: Option<Message>,
}

#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    count: u64,
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
        self.tell(Kind::Note, who, what);
    }

    /// As [`Self::note`], of this kind; gives the event's number.
    pub(crate) fn tell(&self, kind: Kind, who: &str, what: impl Into<String>) -> u64 {
        self.write(Event { kind, who: who.to_owned(), what: what.into(), ..Event::default() })
    }

    /// Writes an event down as one of this moment; gives its number.
    pub(crate) fn write(&self, event: Event) -> u64 {
        let event = Event { at_ms: self.now_ms(), ..event };
        let mut inner = self.inner();
        let line =
            format!("{} {} {} {:?} {:?}", event.at_ms, event.who, event.what, event.shard, event.epoch);
        inner.hash = dice::hash(inner.hash, line.as_bytes());
        inner.count += 1;
        if inner.events.len() < EVENTS_MAX {
            inner.events.push(event);
        }
        inner.count
    }

    /// Counts something that a search over many seeds must have met.
    pub(crate) fn sometimes(&self, what: &'static str) {
        *self.inner().sometimes.entry(what).or_insert(0) += 1;
    }

    /// An invariant does not hold; the first one counts, what follows may follow from it.
    pub(crate) fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.tell(Kind::Violation, "checker", format!("VIOLATION: {what}"));
        self.inner().violation.get_or_insert(what);
    }

    pub(crate) fn is_violated(&self) -> bool {
        self.inner().violation.is_some()
    }

    pub(crate) fn close(&self) -> Closed {
        let Inner { events, hash, sometimes, violation, .. } = std::mem::take(&mut *self.inner());
        Closed { events, hash, sometimes, violation }
    }
}
