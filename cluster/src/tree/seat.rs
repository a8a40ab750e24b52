//! One actor as an operator sees it. What changes with each message is atomic; the rest changes seldom.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use enabler_telemetry::metrics;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::Tree;
use super::figures::Figures;
use super::rings::{Change, Failure, Lost, Span};
use super::status::Status;
use crate::moment::now_us;
use crate::supervisor::Handle;

/// What happened to one actor that is remembered; the rest is in the logs.
const HISTORY_MAX: usize = 32;
/// Messages of one actor that an operator may follow.
pub const TRACED_MAX: u32 = 1_000;
/// How long a message may take when nobody says otherwise.
pub const STUCK_AFTER: Duration = Duration::from_secs(30);
/// Moments of microseconds in the lower bits of what an actor is busy with: nine years.
const MOMENT_BITS: u32 = 48;

/// Tells how many messages wait, the bound, and for how many microseconds the oldest has waited.
pub type Gauge = Box<dyn Fn() -> (usize, usize, Option<u64>) + Send + Sync>;

/// How often an actor was started again of how often it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intensity {
    /// Restarts that still count.
    pub used: u32,
    /// Restarts that may be in one period.
    pub allowed: u32,
    /// The period, in seconds.
    pub period_s: u64,
}

/// Something that happened to an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// What: `started`, `failed`, `restarted`, `stopped`, `paused`, `resumed`, ...
    pub what: String,
    /// More of it, if there is more.
    pub detail: Option<String>,
}

/// A message that was followed: its kind and its times, never what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// When it was taken up, in Unix milliseconds.
    pub at_ms: u64,
    /// Its kind.
    pub message: String,
    /// How long it had waited.
    pub queue_us: u64,
    /// How long it took.
    pub work_us: u64,
    /// `done` or `failed`.
    pub outcome: String,
}

/// A snapshot of one actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vitals {
    /// Its place in the tree; parents are prefixes.
    pub path: String,
    /// What kind of actor it is.
    pub kind: String,
    /// What it is doing.
    pub status: Status,
    /// What it waits for, if for something else than messages.
    pub waiting_on: Option<String>,
    /// When this incarnation started, in Unix milliseconds.
    pub started_ms: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// Messages handled by all incarnations.
    pub handled: u64,
    /// Messages that wait, and the bound; absent for what has no mailbox.
    pub queue: Option<(usize, usize)>,
    /// How long the oldest of them has waited, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// The kind of the message in hand, since when (Unix milliseconds) and for how long (milliseconds).
    pub busy: Option<(String, u64, u64)>,
    /// Messages in a second, lately.
    pub rate_per_s: f64,
    /// Half of the messages took at most so many microseconds, and 99 of 100.
    pub p50_p99_us: Option<(u64, u64)>,
    /// Restarts used of those allowed, once there were any.
    pub intensity: Option<Intensity>,
    /// Actors right below it.
    pub children: u32,
    /// A line of its own about itself.
    pub note: Option<String>,
    /// Its last failure.
    pub last_failure: Option<Failure>,
}

/// The live figures of one actor.
pub struct Seat {
    pub(super) tree: Tree,
    pub(super) path: Arc<str>,
    pub(super) kind: &'static str,
    pub(super) parent: Option<Arc<Seat>>,
    gauge: Option<Gauge>,
    base: AtomicU8,
    started_ms: AtomicU64,
    restarts: AtomicU64,
    handled: AtomicU64,
    incarnation: AtomicUsize,
    /// The number of the word in the upper bits, since when in the lower; 0 when nothing is in hand.
    busy: AtomicU64,
    queued_us: AtomicU64,
    waits: AtomicU16,
    stuck_after_us: AtomicU64,
    figures: OnceLock<Box<Figures>>,
    is_paused: AtomicBool,
    /// Somebody has begun or ceased to hold it back.
    turned: Notify,
    pub(super) comes_back: AtomicBool,
    pub(super) children: Children,
    following: AtomicU32,
    slow: Mutex<Slow>,
}

/// Actors right below another one, by what they are doing as far as that changes seldom.
#[derive(Debug)]
pub(super) struct Children {
    pub(super) count: AtomicU32,
    pub(super) by: [AtomicU32; Status::ALL.len()],
}

impl Children {
    fn moves(&self, from: Status, to: Status) {
        self.leaves(from);
        self.joins(to);
    }

    pub(super) fn joins(&self, status: Status) {
        if let Some(count) = self.by.get(usize::from(status.number())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn leaves(&self, status: Status) {
        if let Some(count) = self.by.get(usize::from(status.number())) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Slow {
    note: Option<String>,
    last_failure: Option<Failure>,
    history: VecDeque<Mark>,
    intensity: Option<(u32, u64, Vec<u64>)>,
    supervisor: Option<Handle>,
    followed: Vec<Followed>,
    trace: Option<Arc<str>>,
}

/// What an actor waits for; it no longer does when this is dropped.
#[must_use]
pub struct Waits(Arc<Seat>, u16);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.waits.store(self.1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seat({})", self.path)
    }
}

impl Seat {
    pub(super) fn new(
        tree: &Tree,
        path: Arc<str>,
        kind: &'static str,
        parent: Option<Arc<Seat>>,
        gauge: Option<Gauge>,
    ) -> Self {
        Seat {
            tree: tree.clone(),
            path,
            kind,
            parent,
            gauge,
            base: AtomicU8::new(Status::Starting.number()),
            started_ms: AtomicU64::new(tree.clock().now_ms()),
            restarts: AtomicU64::new(0),
            handled: AtomicU64::new(0),
            incarnation: AtomicUsize::new(0),
            busy: AtomicU64::new(0),
            queued_us: AtomicU64::new(0),
            waits: AtomicU16::new(0),
            stuck_after_us: AtomicU64::new(STUCK_AFTER.as_micros() as u64),
            figures: OnceLock::new(),
            is_paused: AtomicBool::new(false),
            turned: Notify::new(),
            comes_back: AtomicBool::new(false),
            children: Children { count: AtomicU32::new(0), by: std::array::from_fn(|_| AtomicU32::new(0)) },
            following: AtomicU32::new(0),
            slow: Mutex::default(),
        }
    }

    fn slow(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its place in the tree.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tree that it is in.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What kind of actor it is.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn started(&self, stuck_after: Duration) {
        self.stuck_after_us.store(stuck_after.as_micros() as u64, Ordering::Relaxed);
        let is_again = self.incarnation.fetch_add(1, Ordering::Relaxed) > 0;
        if is_again {
            self.restarts.fetch_add(1, Ordering::Relaxed);
            metrics::ACTOR_RESTARTS.one([self.kind]);
        }
        self.comes_back.store(false, Ordering::Relaxed);
        self.started_ms.store(self.tree.clock().now_ms(), Ordering::Relaxed);
        self.busy.store(0, Ordering::Relaxed);
        self.waits.store(0, Ordering::Relaxed);
        self.happened(if is_again { "restarted" } else { "started" }, None);
        self.set_status(if self.is_paused() { Status::Paused } else { Status::Running });
    }

    /// A message of this kind is taken up that had waited for `queued_us`.
    pub(crate) fn takes_up(&self, message: &'static str, queued_us: u64) {
        let word = u64::from(self.tree.words().number(message));
        let moment = now_us() & ((1 << MOMENT_BITS) - 1);
        self.queued_us.store(queued_us, Ordering::Relaxed);
        // Never 0, which says that nothing is in hand.
        self.busy.store((word << MOMENT_BITS) | moment.max(1), Ordering::Relaxed);
    }

    /// What is in hand is waiting for work, not work.
    pub(crate) fn idles(&self) {
        self.busy.store(0, Ordering::Relaxed);
    }

    /// The message in hand is done with; gives how long it took, in microseconds.
    pub(crate) fn lays_down(&self, failed: bool) -> u64 {
        let busy = self.busy.swap(0, Ordering::Relaxed);
        if busy == 0 {
            return 0;
        }
        let now = now_us();
        let took_us = now.saturating_sub(busy & ((1 << MOMENT_BITS) - 1));
        self.handled.fetch_add(1, Ordering::Relaxed);
        self.figures.get_or_init(Box::default).count(now, took_us);
        if self.following.load(Ordering::Relaxed) > 0 {
            self.follow_one(self.tree.words().word((busy >> MOMENT_BITS) as u16), took_us, failed);
        }
        took_us
    }

    /// The kind of the message in hand.
    pub(crate) fn in_hand(&self) -> Option<&'static str> {
        let busy = self.busy.load(Ordering::Relaxed);
        (busy != 0).then(|| self.tree.words().word((busy >> MOMENT_BITS) as u16))
    }

    fn follow_one(&self, message: &str, work_us: u64, failed: bool) {
        self.following.fetch_sub(1, Ordering::Relaxed);
        let at_ms = self.tree.clock().now_ms().saturating_sub(work_us / 1_000);
        let queue_us = self.queued_us.load(Ordering::Relaxed);
        let outcome = if failed { "failed" } else { "done" }.to_owned();
        self.slow().followed.push(Followed {
            at_ms,
            message: message.to_owned(),
            queue_us,
            work_us,
            outcome,
        });
    }

    /// Follows the next `count` messages, at most [`TRACED_MAX`]; what was followed before is forgotten.
    pub fn follow(&self, count: u32) {
        self.slow().followed.clear();
        self.following.store(count.min(TRACED_MAX), Ordering::Relaxed);
    }

    /// How many messages are still to be followed, and those that were; nothing when nobody asked.
    pub fn followed(&self) -> Option<(u32, Vec<Followed>)> {
        let left = self.following.load(Ordering::Relaxed);
        let followed = self.slow().followed.clone();
        (left > 0 || !followed.is_empty()).then_some((left, followed))
    }

    /// Something happened to the actor that an operator may want to know.
    pub fn happened(&self, what: &str, detail: Option<String>) {
        let mark = Mark { at_ms: self.tree.clock().now_ms(), what: what.to_owned(), detail };
        let mut slow = self.slow();
        if slow.history.len() == HISTORY_MAX {
            slow.history.pop_front();
        }
        slow.history.push_back(mark);
    }

    /// What happened to it, the newest first.
    pub fn history(&self) -> Vec<Mark> {
        self.slow().history.iter().rev().cloned().collect()
    }

    pub(super) fn base(&self) -> Status {
        Status::of(self.base.load(Ordering::Relaxed))
    }

    /// Says what the actor is doing, as far as its messages do not tell.
    pub fn set_status(&self, status: Status) {
        let before = Status::of(self.base.swap(status.number(), Ordering::Relaxed));
        if before == status {
            return;
        }
        if let Some(parent) = &self.parent {
            parent.children.moves(before, status);
        }
        self.tree.changed(Change::Actor {
            path: self.path.to_string(),
            kind: self.kind.to_owned(),
            status: self.status(),
            at_ms: self.tree.clock().now_ms(),
        });
    }

    /// A line about itself that an operator sees (a model's name, a document's stage).
    pub fn note(&self, text: impl Into<String>) {
        self.slow().note = Some(text.into());
    }

    /// The line about itself.
    pub fn noted(&self) -> Option<String> {
        self.slow().note.clone()
    }

    /// From now on it waits for `what`, until what is given is dropped.
    pub fn waits(self: &Arc<Self>, what: &'static str) -> Waits {
        let before = self.waits.swap(self.tree.words().number(what), Ordering::Relaxed);
        Waits(self.clone(), before)
    }

    /// Says what it waits for, or that it waits for nothing.
    pub fn waits_on(&self, what: Option<&'static str>) {
        let number = what.map_or(0, |what| self.tree.words().number(what));
        self.waits.store(number, Ordering::Relaxed);
    }

    /// Records a failure here and in the tree's memory.
    pub fn failed(&self, message: &'static str, reason: String, backtrace: Option<String>) {
        self.failed_for(message, reason, backtrace, None);
    }

    /// As [`Seat::failed`], of work for the request with this trace.
    pub fn failed_for(
        &self,
        message: &'static str,
        reason: String,
        backtrace: Option<String>,
        trace: Option<&str>,
    ) {
        let at_ms = self.tree.clock().now_ms();
        let failure = Failure {
            number: 0,
            path: self.path.to_string(),
            kind: self.kind.to_owned(),
            at_ms,
            message: message.to_owned(),
            reason: crate::panics::plain(&reason),
            backtrace,
            trace: trace.map(str::to_owned),
        };
        metrics::ACTOR_FAILURES.one([self.kind]);
        tracing::error!(path = %failure.path, message, reason = %failure.reason, trace, "actor failed");
        self.happened("failed", Some(format!("{message}: {}", failure.reason)));
        let failure = self.tree.remember(failure);
        self.slow().last_failure = Some(failure);
    }

    /// The message in hand is lost with the actor that had taken it.
    pub(crate) fn lost(&self, message: &'static str, reason: &str, trace: Option<&str>) {
        let lost = Lost {
            number: 0,
            path: self.path.to_string(),
            message: message.to_owned(),
            at_ms: self.tree.clock().now_ms(),
            reason: crate::panics::plain(reason),
            trace: trace.map(str::to_owned),
        };
        self.tree.lose(lost);
    }

    pub(crate) fn span(&self, trace: &str, message: &'static str, queue_us: u64) -> (Arc<str>, u64) {
        self.tree.0.spans.begin(Span {
            trace: trace.to_owned(),
            path: self.path.to_string(),
            message: message.to_owned(),
            started_ms: self.tree.clock().now_ms(),
            queue_us,
            work_us: None,
            failed: false,
        })
    }

    pub(crate) fn span_over(&self, span: &(Arc<str>, u64), took_us: u64, failed: bool) {
        self.tree.0.spans.end(span, took_us, failed);
    }

    /// The trace of what is in hand, where the message itself does not tell; gives the one before.
    pub(crate) fn works_for(&self, trace: Option<&str>) -> Option<Arc<str>> {
        std::mem::replace(&mut self.slow().trace, trace.map(Arc::from))
    }

    pub(crate) fn supervised_by(&self, supervisor: Handle) {
        self.slow().supervisor = Some(supervisor);
    }

    /// Who starts it again, if somebody does.
    pub fn supervisor(&self) -> Option<Handle> {
        self.slow().supervisor.clone()
    }

    /// It failed at `at_ms` of the uptime, under a supervisor that allows so many restarts in one period.
    pub fn counts(&self, allowed: u32, period_ms: u64, at_ms: u64) {
        let mut slow = self.slow();
        let (_, _, failed) = slow.intensity.get_or_insert_with(|| (allowed, period_ms, Vec::new()));
        failed.retain(|at| at_ms.saturating_sub(*at) < period_ms);
        failed.push(at_ms);
        if let Some((own_allowed, own_period, _)) = &mut slow.intensity {
            (*own_allowed, *own_period) = (allowed, period_ms);
        }
    }

    /// Holds the actor back, or lets it go on: what comes meanwhile stays in its mailbox.
    pub fn pause(&self, is_paused: bool) {
        if self.is_paused.swap(is_paused, Ordering::SeqCst) == is_paused {
            return;
        }
        self.happened(if is_paused { "paused" } else { "resumed" }, None);
        self.set_status(if is_paused { Status::Paused } else { Status::Running });
        self.turned.notify_waiters();
    }

    /// Whether an operator holds it back.
    pub fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::SeqCst)
    }

    /// Waits until an operator holds it back.
    pub(crate) async fn until_paused(&self) {
        self.until_turned(true).await;
    }

    /// Waits until nobody holds it back.
    pub(crate) async fn until_resumed(&self) {
        self.until_turned(false).await;
    }

    async fn until_turned(&self, is_paused: bool) {
        while self.is_paused() != is_paused {
            let mut turned = std::pin::pin!(self.turned.notified());
            // From here on no turn is missed.
            turned.as_mut().enable();
            if self.is_paused() == is_paused {
                return;
            }
            turned.await;
        }
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        match self.base() {
            Status::Running => {}
            other => return other,
        }
        let (busy, waits) = (self.busy.load(Ordering::Relaxed), self.waits.load(Ordering::Relaxed));
        let for_us = now_us().saturating_sub(busy & ((1 << MOMENT_BITS) - 1));
        if busy != 0 && for_us >= self.stuck_after_us.load(Ordering::Relaxed) {
            Status::Stuck
        } else if waits != 0 {
            Status::Waiting
        } else if busy != 0 {
            Status::Busy
        } else {
            Status::Running
        }
    }

    /// Everything of it at this moment.
    pub fn vitals(&self) -> Vitals {
        let (status, now_us, now_ms) = (self.status(), now_us(), self.tree.clock().now_ms());
        let busy = self.busy.load(Ordering::Relaxed);
        let for_ms = now_us.saturating_sub(busy & ((1 << MOMENT_BITS) - 1)) / 1_000;
        let word = |number: u16| self.tree.words().word(number).to_owned();
        let (waits, gauge) = (self.waits.load(Ordering::Relaxed), self.gauge.as_ref().map(|gauge| gauge()));
        let figures = self.figures.get();
        let slow = self.slow();
        Vitals {
            path: self.path.to_string(),
            kind: self.kind.to_owned(),
            status,
            waiting_on: (waits != 0).then(|| word(waits)),
            started_ms: self.started_ms.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            handled: self.handled.load(Ordering::Relaxed),
            queue: gauge.map(|(depth, places, _)| (depth, places)),
            oldest_ms: gauge.and_then(|(.., oldest_us)| Some(oldest_us? / 1_000)),
            busy: (busy != 0)
                .then(|| (word((busy >> MOMENT_BITS) as u16), now_ms.saturating_sub(for_ms), for_ms)),
            rate_per_s: figures.map_or(0.0, |figures| figures.rate_per_s(now_us)),
            p50_p99_us: figures.and_then(|figures| figures.p50_p99_us()),
            intensity: slow.intensity.as_ref().map(|(allowed, period_ms, failed)| {
                let uptime_ms = self.tree.clock().uptime_ms();
                let counts = |at: &&u64| uptime_ms.saturating_sub(**at) < *period_ms;
                Intensity {
                    used: failed.iter().filter(counts).count() as u32,
                    allowed: *allowed,
                    period_s: period_ms / 1_000,
                }
            }),
            children: self.children.count.load(Ordering::Relaxed),
            note: slow.note.clone(),
            last_failure: slow.last_failure.clone(),
        }
    }
}
