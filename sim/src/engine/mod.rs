//! The executor of the simulation: one thread, its own time, and a choice wherever two things could happen next.
//!
//! Tasks are plain futures. They belong to a group (a generation of a node, a client, the hand that breaks things): a group
//! can be frozen, so that its tasks stand still while the world goes on, and ended, so that they are gone in mid-air.

mod slot;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use enabler_storage::clock::Clock;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::chance::{Chances, Stream};
use crate::trace::{Lane, Trace, What};

pub use slot::{Fill, Slot, Slots};
use task::Signal;

/// Who runs next is a choice of its own.
const NEXT: Stream = Stream(1, 0);

/// Steps of one run; more means that something turns in circles without time passing.
const STEPS_MAX: u64 = 20_000_000;

/// Tasks that freeze and end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub u32);

/// The group of what never freezes: messages under way, the store, the hand.
pub const WORLD: Group = Group(0);

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    group: Group,
    lane: Lane,
    job: Option<Job>,
    signal: Arc<Signal>,
    /// The last event of this course of action.
    last: Option<u64>,
}

struct Inner {
    now_ms: u64,
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    timers: BTreeMap<(u64, u64), Waker>,
    next_timer: u64,
    ready: VecDeque<u64>,
    frozen: BTreeMap<Group, Vec<u64>>,
    running: Option<u64>,
    chances: Chances,
    trace: Trace,
    steps: u64,
    halted: bool,
}

/// The simulated machine room. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Mutex<Inner>>, Arc<Mutex<Vec<u64>>>);

impl Engine {
    /// An engine at time 0.
    #[must_use]
    pub fn new(chances: Chances, trace: Trace) -> Self {
        let inner = Inner {
            now_ms: 0,
            tasks: BTreeMap::new(),
            next_task: 0,
            timers: BTreeMap::new(),
            next_timer: 0,
            ready: VecDeque::new(),
            frozen: BTreeMap::new(),
            running: None,
            chances,
            trace,
            steps: 0,
            halted: false,
        };
        Engine(Arc::new(Mutex::new(inner)), Arc::default())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Simulated milliseconds since the start.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.inner().now_ms
    }

    /// Draws from a stream: below `bound`, 0 being the plainest.
    #[must_use]
    pub fn draw(&self, stream: Stream, bound: u64) -> u64 {
        let mut inner = self.inner();
        let drawn = inner.chances.draw(stream, bound);
        inner.trace.mix(drawn);
        drawn
    }

    /// True once in `per_mille` of a thousand draws.
    #[must_use]
    pub fn once_in(&self, stream: Stream, per_mille: u64) -> bool {
        if per_mille == 0 {
            return false;
        }
        self.inner().chances.once_in(stream, per_mille)
    }

    /// Starts a task in `group`; what it does stands on `lane`.
    pub fn spawn(&self, group: Group, lane: Lane, job: impl Future<Output = ()> + Send + 'static) {
        let mut inner = self.inner();
        let number = inner.next_task;
        inner.next_task += 1;
        let last = inner.running.and_then(|running| inner.tasks.get(&running)).and_then(|task| task.last);
        let signal = Arc::new(Signal::new(number, self.1.clone()));
        inner.tasks.insert(number, Task { group, lane, job: Some(Box::pin(job)), signal, last });
        inner.ready.push_back(number);
    }

    /// Ends every task of `group`, wherever it is.
    pub fn end(&self, group: Group) {
        let gone: Vec<Task> = {
            let mut inner = self.inner();
            inner.frozen.remove(&group);
            let running = inner.running;
            let numbers: Vec<u64> = inner
                .tasks
                .iter()
                .filter(|(number, task)| task.group == group && running != Some(**number))
                .map(|(number, _)| *number)
                .collect();
            numbers.iter().filter_map(|number| inner.tasks.remove(number)).collect()
        };
        // Dropped without the lock: what a task holds may wake others.
        drop(gone);
    }

    /// Lets `group` stand still; timers that run out meanwhile are noticed when it goes on.
    pub fn freeze(&self, group: Group) {
        self.inner().frozen.entry(group).or_default();
    }

    /// Lets `group` go on.
    pub fn thaw(&self, group: Group) {
        let mut inner = self.inner();
        if let Some(held) = inner.frozen.remove(&group) {
            inner.ready.extend(held);
        }
    }

    /// Whether `group` stands still.
    #[must_use]
    pub fn is_frozen(&self, group: Group) -> bool {
        self.inner().frozen.contains_key(&group)
    }

    /// Stops the run: nothing more is executed.
    pub fn halt(&self) {
        self.inner().halted = true;
    }

    /// Whether the run was stopped.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.inner().halted
    }

    /// Writes an event of the present task; gives its number.
    pub fn event(
        &self,
        what: What,
        shard: Option<u32>,
        epoch: Option<u64>,
        text: impl FnOnce() -> String,
    ) -> u64 {
        let lane = {
            let inner = self.inner();
            inner.running.and_then(|running| inner.tasks.get(&running)).map_or(Lane::Hand, |task| task.lane)
        };
        self.event_on(lane, what, shard, epoch, text)
    }

    /// As [`Engine::event`], on another lane than the task's own.
    pub fn event_on(
        &self,
        lane: Lane,
        what: What,
        shard: Option<u32>,
        epoch: Option<u64>,
        text: impl FnOnce() -> String,
    ) -> u64 {
        let mut inner = self.inner();
        let (now_ms, running) = (inner.now_ms, inner.running);
        let cause = running.and_then(|running| inner.tasks.get(&running)).and_then(|task| task.last);
        let number = inner.trace.push(now_ms, lane, what, (shard, epoch), cause, text);
        if let Some(task) = running.and_then(|running| inner.tasks.get_mut(&running)) {
            task.last = Some(number);
        }
        number
    }

    /// The last event of the present course of action, for a message that carries it on.
    #[must_use]
    pub fn last_event(&self) -> Option<u64> {
        let inner = self.inner();
        inner.running.and_then(|running| inner.tasks.get(&running)).and_then(|task| task.last)
    }

    /// The present course of action goes on from `event`: the message that it has just received.
    pub fn follow(&self, event: Option<u64>) {
        let mut inner = self.inner();
        if let (Some(event), Some(running)) = (event, inner.running)
            && let Some(task) = inner.tasks.get_mut(&running)
        {
            task.last = Some(event);
        }
    }

    /// Takes a number into the hash of the run.
    pub fn mix(&self, value: u64) {
        self.inner().trace.mix(value);
    }

    /// Waits in simulated time.
    pub fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        let until_ms = self.now_ms() + wait.as_millis() as u64;
        Sleep { engine: self.clone(), until_ms, timer: None }.boxed()
    }

    /// Waits for `future`, at most `wait`.
    pub async fn within<T>(&self, wait: Duration, future: impl Future<Output = T> + Send) -> Option<T> {
        let future = std::pin::pin!(future);
        match futures_util::future::select(future, self.sleep(wait)).await {
            futures_util::future::Either::Left((done, _)) => Some(done),
            futures_util::future::Either::Right(_) => None,
        }
    }

    /// Runs until `until_ms`, until nothing is left to do, or until the run is halted. False if it turned in circles.
    pub fn run_until(&self, until_ms: u64) -> bool {
        loop {
            self.collect_woken();
            if self.is_halted() {
                return true;
            }
            let next = self.next_ready();
            let Some(number) = next else {
                if !self.pass_time(until_ms) {
                    return true;
                }
                continue;
            };
            self.step(number);
            let mut inner = self.inner();
            inner.steps += 1;
            if inner.steps > STEPS_MAX {
                return false;
            }
        }
    }

    fn collect_woken(&self) {
        let woken = std::mem::take(&mut *self.1.lock().unwrap_or_else(PoisonError::into_inner));
        let mut inner = self.inner();
        inner.ready.extend(woken);
    }

    fn next_ready(&self) -> Option<u64> {
        let mut inner = self.inner();
        loop {
            let count = inner.ready.len();
            if count == 0 {
                return None;
            }
            let chosen = if count > 1 { inner.chances.draw(NEXT, count as u64) as usize } else { 0 };
            let number = inner.ready.remove(chosen)?;
            let Some(group) = inner.tasks.get(&number).map(|task| task.group) else { continue };
            if let Some(held) = inner.frozen.get_mut(&group) {
                held.push(number);
                continue;
            }
            return Some(number);
        }
    }

    fn step(&self, number: u64) {
        let (job, signal) = {
            let mut inner = self.inner();
            inner.running = Some(number);
            inner.trace.mix(number);
            let Some(task) = inner.tasks.get_mut(&number) else { return };
            task.signal.take();
            (task.job.take(), task.signal.clone())
        };
        let Some(mut job) = job else { return };
        let waker = Waker::from(signal);
        let done = job.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut inner = self.inner();
        inner.running = None;
        if done {
            inner.tasks.remove(&number);
        } else if let Some(task) = inner.tasks.get_mut(&number) {
            task.job = Some(job);
            return;
        }
        drop(inner);
        drop(job);
    }

    /// Goes to the next timer; false if there is none before `until_ms`.
    fn pass_time(&self, until_ms: u64) -> bool {
        let mut woken = Vec::new();
        {
            let mut inner = self.inner();
            let Some(((at_ms, _), _)) = inner.timers.first_key_value() else { return false };
            let at_ms = *at_ms;
            if at_ms > until_ms {
                inner.now_ms = inner.now_ms.max(until_ms);
                return false;
            }
            inner.now_ms = inner.now_ms.max(at_ms);
            while let Some(entry) = inner.timers.first_entry() {
                if entry.key().0 > at_ms {
                    break;
                }
                woken.push(entry.remove());
            }
        }
        woken.into_iter().for_each(Waker::wake);
        true
    }

    /// What the run came to: its chances and its trace.
    #[must_use]
    pub fn into_parts(self) -> (crate::chance::Draws, Trace) {
        let tasks = std::mem::take(&mut self.inner().tasks);
        drop(tasks);
        let mut inner = self.inner();
        (inner.chances.made(), std::mem::take(&mut inner.trace))
    }
}

struct Sleep {
    engine: Engine,
    until_ms: u64,
    timer: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut inner = this.engine.inner();
        if inner.now_ms >= this.until_ms {
            return Poll::Ready(());
        }
        if let Some(timer) = this.timer {
            inner.timers.insert(timer, context.waker().clone());
        } else {
            let timer = (this.until_ms, inner.next_timer);
            inner.next_timer += 1;
            inner.timers.insert(timer, context.waker().clone());
            this.timer = Some(timer);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.engine.inner().timers.remove(&timer);
        }
    }
}

/// The clock of one node: the engine's time, set wrong by so much.
pub struct NodeClock {
    engine: Engine,
    /// The wall clock at time 0, Unix milliseconds.
    base_ms: u64,
    skew_ms: Arc<std::sync::atomic::AtomicI64>,
}

impl NodeClock {
    /// A clock that `skew_ms` sets wrong, also while it runs.
    #[must_use]
    pub fn new(engine: Engine, base_ms: u64, skew_ms: Arc<std::sync::atomic::AtomicI64>) -> Self {
        NodeClock { engine, base_ms, skew_ms }
    }
}

impl Clock for NodeClock {
    fn now_ms(&self) -> u64 {
        let skew = self.skew_ms.load(std::sync::atomic::Ordering::Relaxed);
        (self.base_ms + self.engine.now_ms()).saturating_add_signed(skew)
    }

    fn uptime_ms(&self) -> u64 {
        self.engine.now_ms()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.engine.sleep(wait)
    }
}

#[cfg(test)]
mod tests;
