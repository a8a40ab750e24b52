//! The supervision tree as an operator sees it: what runs, how it fares, and what failed.

mod figures;
mod line;
mod rings;
mod seat;
mod status;
mod walk;
mod words;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use enabler_storage::clock::Clock;

use rings::{EVENTS_MAX, FAILURES_MAX, LOST_MAX, Ring, Spans};
use words::Words;

pub use line::{Line, Waiting};
pub use rings::{Change, Failure, Lost, Span};
pub use seat::{Followed, Gauge, Intensity, Mark, STUCK_AFTER, Seat, TRACED_MAX, Vitals, Waits};
pub use status::Status;
pub use walk::{Found, Look};

type Seats = BTreeMap<Arc<str>, Arc<Seat>>;

struct Inner {
    seats: RwLock<Seats>,
    failures: Ring<Failure>,
    lost: Ring<Lost>,
    changes: Ring<(u64, Change)>,
    spans: Spans,
    words: Words,
    clock: Arc<dyn Clock>,
}

/// The tree of one node. Cheap to clone.
#[derive(Clone)]
pub struct Tree(Arc<Inner>);

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tree")
    }
}

impl Tree {
    /// An empty tree; from here on a panic keeps its backtrace for whoever contains it.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        crate::panics::keep();
        Tree(Arc::new(Inner {
            seats: RwLock::default(),
            failures: Ring::of(FAILURES_MAX),
            lost: Ring::of(LOST_MAX),
            changes: Ring::of(EVENTS_MAX),
            spans: Spans::default(),
            words: Words::default(),
            clock,
        }))
    }

    /// The wall clock of this node.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    fn words(&self) -> &Words {
        &self.0.words
    }

    /// A seat at `path`; an actor that comes back finds its old one, with its history.
    pub fn seat(&self, path: &str, kind: &'static str, gauge: Option<Gauge>) -> Arc<Seat> {
        let mut seats = self.0.seats.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = seats.get(path) {
            return seat.clone();
        }
        let above = path.rsplit_once('/').map(|(above, _)| above);
        let parent = above.and_then(|above| seats.get(above)).cloned();
        if let Some(parent) = &parent {
            parent.children.count.fetch_add(1, Ordering::Relaxed);
            parent.children.joins(Status::Starting);
        }
        let path: Arc<str> = path.into();
        let seat = Arc::new(Seat::new(self, path.clone(), kind, parent, gauge));
        seats.insert(path, seat.clone());
        seat
    }

    /// The seat at `path`, if there is one.
    pub fn find(&self, path: &str) -> Option<Arc<Seat>> {
        self.0.seats.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Takes a seat away when its actor ended in peace; one that comes back keeps it.
    pub fn leave(&self, path: &str) {
        let Some(seat) = self.find(path) else { return };
        if seat.comes_back.load(Ordering::Relaxed) {
            seat.set_status(Status::Restarting);
            return;
        }
        seat.set_status(Status::Stopped);
        let removed = self.0.seats.write().unwrap_or_else(PoisonError::into_inner).remove(path);
        if let Some(seat) = removed
            && let Some(parent) = &seat.parent
        {
            parent.children.count.fetch_sub(1, Ordering::Relaxed);
            parent.children.leaves(seat.base());
        }
    }

    /// What stands at `path`, and what its supervisors start with it, stops and comes back: each keeps its seat.
    pub(crate) fn comes_back(&self, path: &str) {
        for seat in self.subtree(path, usize::MAX - 1) {
            if seat.supervisor().is_some() {
                seat.comes_back.store(true, Ordering::Relaxed);
            }
        }
    }

    /// How many actors there are.
    pub fn len(&self) -> usize {
        self.0.seats.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every actor, in path order.
    pub fn vitals(&self) -> Vec<Vitals> {
        let seats: Vec<_> =
            self.0.seats.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        seats.iter().map(|seat| seat.vitals()).collect()
    }

    /// The newest failures first, also of actors that are gone.
    pub fn failures(&self) -> Vec<Failure> {
        self.0.failures.newest_first()
    }

    /// At most `limit` failures after this number, the oldest first, and the number of the newest there is.
    pub fn failures_after(&self, number: u64, limit: usize) -> (Vec<Failure>, u64) {
        self.0.failures.after(number, limit)
    }

    /// Messages that were lost with the actor that had taken them, the newest first.
    pub fn lost(&self) -> Vec<Lost> {
        self.0.lost.newest_first()
    }

    /// Forgets lost messages; says how many.
    pub fn forget_lost(&self, numbers: &[u64]) -> usize {
        self.0.lost.retain(|lost| !numbers.contains(&lost.number))
    }

    /// At most `limit` changes after this number, the oldest first, each with its own; and the number of the newest.
    pub fn changes_after(&self, number: u64, limit: usize) -> (Vec<(u64, Change)>, u64) {
        self.0.changes.after(number, limit)
    }

    /// Tells those who follow what happens here.
    pub fn changed(&self, change: Change) {
        self.0.changes.push(|number| (number, change));
    }

    /// The steps that were taken here for the request with this trace, in their order.
    pub fn spans(&self, trace: &str) -> Vec<Span> {
        self.0.spans.of(trace)
    }

    /// A step is taken here that no actor takes: one that is over, with how long it took if that is known.
    pub fn step(&self, span: Span) {
        self.0.spans.begin(span);
    }

    fn remember(&self, failure: Failure) -> Failure {
        let mut numbered = failure;
        self.0.failures.push(|number| {
            numbered.number = number;
            numbered.clone()
        });
        self.changed(Change::Failure { failure: numbered.clone() });
        numbered
    }

    fn lose(&self, lost: Lost) {
        self.0.lost.push(|number| Lost { number, ..lost });
    }
}
