//! What a tree remembers for a while: failures, what changed, and where requests went. Each has its bound.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::status::Status;

/// Failures that are remembered here; older ones are in the store.
pub(super) const FAILURES_MAX: usize = 256;
/// Changes that are remembered for those who follow them, some seconds of a busy node.
pub(super) const EVENTS_MAX: usize = 1_024;
/// Messages that were lost with the actor that had taken them.
pub(super) const LOST_MAX: usize = 256;
/// Steps of requests that are remembered in each of the drawers.
const SPANS_MAX: usize = 512;
/// Drawers of steps: those who write into different ones do not wait for each other.
const DRAWERS: usize = 8;

/// The last things of a kind, each with its number.
#[derive(Debug)]
pub(super) struct Ring<T> {
    max: usize,
    inner: Mutex<(u64, VecDeque<(u64, T)>)>,
}

impl<T: Clone> Ring<T> {
    pub(super) fn of(max: usize) -> Self {
        Ring { max, inner: Mutex::new((0, VecDeque::new())) }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, VecDeque<(u64, T)>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what is made of its number, the first being 1.
    pub(super) fn push(&self, make: impl FnOnce(u64) -> T) -> u64 {
        let mut inner = self.lock();
        inner.0 += 1;
        let number = inner.0;
        if inner.1.len() == self.max {
            inner.1.pop_front();
        }
        let one = make(number);
        inner.1.push_back((number, one));
        number
    }

    /// Those after `number`, the oldest first, at most `limit`; and the number of the newest there is.
    pub(super) fn after(&self, number: u64, limit: usize) -> (Vec<T>, u64) {
        let inner = self.lock();
        let later = inner.1.iter().filter(|(own, _)| *own > number).take(limit);
        (later.map(|(_, one)| one.clone()).collect(), inner.0)
    }

    pub(super) fn change(&self, number: u64, change: impl FnOnce(&mut T)) {
        let mut inner = self.lock();
        let first = inner.1.front().map_or(0, |(first, _)| *first);
        let at = number.checked_sub(first).map(|at| at as usize);
        if let Some((own, one)) = at.and_then(|at| inner.1.get_mut(at))
            && *own == number
        {
            change(one);
        }
    }

    pub(super) fn newest_first(&self) -> Vec<T> {
        self.lock().1.iter().rev().map(|(_, one)| one.clone()).collect()
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&T) -> bool) -> usize {
        let mut inner = self.lock();
        let before = inner.1.len();
        inner.1.retain(|(_, one)| keep(one));
        before - inner.1.len()
    }
}

/// One failure, as it was contained. What it says never holds text of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Its number on this generation of the node, from 1.
    pub number: u64,
    /// Where in the tree.
    pub path: String,
    /// What kind of actor it is.
    pub kind: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// The kind of message that was being handled, or `start`.
    pub message: String,
    /// What went wrong, in one line.
    pub reason: String,
    /// Where a panic happened, with its first frames.
    pub backtrace: Option<String>,
    /// The trace of the request that was worked for.
    pub trace: Option<String>,
}

/// A message that an actor had taken and lost when it failed: its kind alone, never what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    /// Its number on this generation of the node, from 1.
    pub number: u64,
    /// Who had taken it.
    pub path: String,
    /// Its kind.
    pub message: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Why it was lost.
    pub reason: String,
    /// The trace of the request that it belonged to.
    pub trace: Option<String>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Change {
    /// An actor is something else now.
    Actor {
        /// Where in the tree.
        path: String,
        /// What kind of actor it is.
        kind: String,
        /// What it is doing.
        status: Status,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// An actor failed.
    Failure {
        /// Which failure.
        failure: Failure,
    },
    /// Something else that is told under `name`, as JSON text.
    Told {
        /// `shard`, `node` or `action`.
        name: String,
        /// JSON.
        data: String,
    },
}

/// One step of the work for a request: one message that one actor handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The trace of the request.
    pub trace: String,
    /// Who handled it.
    pub path: String,
    /// What it was.
    pub message: String,
    /// When it was taken up, in Unix milliseconds.
    pub started_ms: u64,
    /// How long it had waited, in microseconds.
    pub queue_us: u64,
    /// How long it took, in microseconds; absent while it is being handled.
    pub work_us: Option<u64>,
    /// Whether it failed.
    pub failed: bool,
}

/// The steps that were taken lately, found by their trace.
#[derive(Debug)]
pub(super) struct Spans([Ring<Span>; DRAWERS]);

impl Default for Spans {
    fn default() -> Self {
        Spans(std::array::from_fn(|_| Ring::of(SPANS_MAX)))
    }
}

impl Spans {
    fn drawer(&self, trace: &str) -> &Ring<Span> {
        let sum =
            trace.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let [first, ..] = &self.0;
        self.0.get(sum % DRAWERS).unwrap_or(first)
    }

    pub(super) fn begin(&self, span: Span) -> (Arc<str>, u64) {
        let trace: Arc<str> = span.trace.as_str().into();
        let number = self.drawer(&trace).push(|_| span);
        (trace, number)
    }

    pub(super) fn end(&self, (trace, number): &(Arc<str>, u64), took_us: u64, failed: bool) {
        self.drawer(trace).change(*number, |span| {
            span.work_us = Some(took_us);
            span.failed = failed;
        });
    }

    pub(super) fn of(&self, trace: &str) -> Vec<Span> {
        let mut own = self.drawer(trace).newest_first();
        own.retain(|span| span.trace == trace);
        own.reverse();
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_the_newest_and_tells_what_is_new() {
        let ring = Ring::of(3);
        for _ in 0..5 {
            ring.push(|number| number);
        }
        assert_eq!(ring.newest_first(), [5, 4, 3]);
        assert_eq!(ring.after(3, 10), (vec![4, 5], 5));
        assert_eq!(ring.after(0, 1), (vec![3], 5));
        ring.change(4, |one| *one = 40);
        ring.change(1, |one| *one = 10);
        assert_eq!(ring.newest_first(), [5, 40, 3]);
        assert_eq!(ring.retain(|one| *one != 40), 1);
        ring.change(5, |one| *one = 50);
        assert!(!ring.newest_first().contains(&40));
    }

    #[test]
    fn the_steps_of_a_request_are_found_by_its_trace_in_their_order() {
        let spans = Spans::default();
        let span = |trace: &str, message: &str| Span {
            trace: trace.to_owned(),
            path: "node/ocr/worker-0".to_owned(),
            message: message.to_owned(),
            started_ms: 1,
            queue_us: 2,
            work_us: None,
            failed: false,
        };
        let first = spans.begin(span("a", "open"));
        spans.begin(span("b", "open"));
        spans.begin(span("a", "page"));
        spans.end(&first, 7, true);
        let own = spans.of("a");
        assert_eq!(own.iter().map(|span| &*span.message).collect::<Vec<_>>(), ["open", "page"]);
        assert_eq!((own[0].work_us, own[0].failed, own[1].work_us), (Some(7), true, None));
    }
}
