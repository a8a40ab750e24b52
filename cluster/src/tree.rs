//! The supervision tree as an operator sees it: what runs, how it fares, and what failed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use enabler_storage::clock::Clock;
use serde::Serialize;

/// Failures that are remembered; older ones are in the logs.
const FAILURES_MAX: usize = 256;

/// What an actor is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being started.
    Starting,
    /// Taking messages.
    Running,
    /// Failed; waits for its restart.
    Restarting,
    /// Failed for good; its supervisor gave up.
    Failed,
}

/// One failure, as it was contained.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Where in the tree.
    pub path: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// The kind of message that was being handled, or `start`.
    pub message: &'static str,
    /// What went wrong, in one line.
    pub reason: String,
    /// Where a panic happened, with its first frames.
    pub backtrace: Option<String>,
}

/// A snapshot of one actor.
#[derive(Debug, Clone, Serialize)]
pub struct Vitals {
    /// Its place in the tree; parents are prefixes.
    pub path: String,
    /// What kind of actor it is.
    pub kind: &'static str,
    /// What it is doing.
    pub status: Status,
    /// When this incarnation started, in Unix milliseconds.
    pub started_ms: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// Messages handled by all incarnations.
    pub handled: u64,
    /// Messages that wait, and the bound; absent for what has no mailbox.
    pub queue: Option<(usize, usize)>,
    /// The kind of the message in hand and since when (Unix milliseconds).
    pub busy: Option<(&'static str, u64)>,
    /// A line of its own about itself.
    pub note: Option<String>,
    /// Its last failure.
    pub last_failure: Option<Failure>,
}

type Gauge = Box<dyn Fn() -> (usize, usize) + Send + Sync>;

/// The live figures of one actor.
pub struct Seat {
    tree: Tree,
    path: String,
    kind: &'static str,
    queue: Option<Gauge>,
    restarts: AtomicU64,
    handled: AtomicU64,
    incarnation: AtomicUsize,
    now: Mutex<Now>,
}

struct Now {
    status: Status,
    started_ms: u64,
    busy: Option<(&'static str, u64)>,
    note: Option<String>,
    last_failure: Option<Failure>,
}

impl Seat {
    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn started(&self) {
        if self.incarnation.fetch_add(1, Ordering::Relaxed) > 0 {
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        let started_ms = self.tree.clock().now_ms();
        let mut now = self.now();
        now.status = Status::Running;
        now.started_ms = started_ms;
        now.busy = None;
    }

    pub(crate) fn takes_up(&self, message: &'static str) {
        let at = self.tree.clock().now_ms();
        self.now().busy = Some((message, at));
    }

    pub(crate) fn lays_down(&self) {
        self.handled.fetch_add(1, Ordering::Relaxed);
        self.now().busy = None;
    }

    pub(crate) fn set_status(&self, status: Status) {
        self.now().status = status;
    }

    /// A line about itself that an operator sees (a model's name, a document's stage).
    pub fn note(&self, text: impl Into<String>) {
        self.now().note = Some(text.into());
    }

    /// Records a failure here and in the tree's memory.
    pub fn failed(&self, message: &'static str, reason: String, backtrace: Option<String>) {
        let at_ms = self.tree.clock().now_ms();
        let failure = Failure { path: self.path.clone(), at_ms, message, reason, backtrace };
        tracing::error!(path = %failure.path, message, reason = %failure.reason, "actor failed");
        self.now().last_failure = Some(failure.clone());
        self.tree.remember(failure);
    }

    fn vitals(&self) -> Vitals {
        let now = self.now();
        Vitals {
            path: self.path.clone(),
            kind: self.kind,
            status: now.status,
            started_ms: now.started_ms,
            restarts: self.restarts.load(Ordering::Relaxed),
            handled: self.handled.load(Ordering::Relaxed),
            queue: self.queue.as_ref().map(|gauge| gauge()),
            busy: now.busy,
            note: now.note.clone(),
            last_failure: now.last_failure.clone(),
        }
    }
}

struct Inner {
    seats: Mutex<BTreeMap<String, Arc<Seat>>>,
    failures: Mutex<VecDeque<Failure>>,
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
        Tree(Arc::new(Inner { seats: Mutex::default(), failures: Mutex::default(), clock }))
    }

    /// The wall clock of this node.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// A seat at `path`; an actor that comes back finds its old one, with its history.
    pub fn seat(&self, path: &str, kind: &'static str, queue: Option<Gauge>) -> Arc<Seat> {
        let mut seats = self.0.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            Arc::new(Seat {
                tree: self.clone(),
                path: path.to_owned(),
                kind,
                queue,
                restarts: AtomicU64::new(0),
                handled: AtomicU64::new(0),
                incarnation: AtomicUsize::new(0),
                now: Mutex::new(Now {
                    status: Status::Starting,
                    started_ms: self.0.clock.now_ms(),
                    busy: None,
                    note: None,
                    last_failure: None,
                }),
            })
        };
        seats.entry(path.to_owned()).or_insert_with(make).clone()
    }

    /// Takes a seat away when its actor ended in peace.
    pub fn leave(&self, path: &str) {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// Every actor, in path order.
    pub fn vitals(&self) -> Vec<Vitals> {
        let seats: Vec<_> =
            self.0.seats.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        seats.iter().map(|seat| seat.vitals()).collect()
    }

    /// The newest failures first, also of actors that are gone.
    pub fn failures(&self) -> Vec<Failure> {
        self.0.failures.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    fn remember(&self, failure: Failure) {
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() == FAILURES_MAX {
            failures.pop_front();
        }
        failures.push_back(failure);
    }
}
