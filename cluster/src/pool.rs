//! Supervised workers behind one bounded queue; a free worker takes the oldest job.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use enabler_telemetry::trace::{Span, Within};
use tokio::sync::{Mutex, mpsc};

use crate::actor::{self, Behaviour, Context, Fault};
use crate::address::{Address, AskError, Refusal, Reply};
use crate::decide::restart::Policy;
use crate::moment::now_us;
use crate::request::Request;
use crate::supervisor::{self, Child};
use crate::tree::{Line, STUCK_AFTER, Seat, Tree, Waiting};

/// What a pool's workers do.
pub trait Craft: Send + Sync + 'static {
    /// One piece of work; dropping it unanswered tells its caller that it was lost.
    type Job: Send + 'static;
    /// What one worker keeps between jobs.
    type Tools: Send + 'static;

    /// The kind of a worker shown to operators.
    const KIND: &'static str;

    /// How long one job may take before operators are told that its worker is stuck.
    const STUCK_AFTER: Duration = STUCK_AFTER;

    /// The kind of a job, for operators and records of failures.
    fn name(_job: &Self::Job) -> &'static str {
        "job"
    }

    /// The trace of the request that a job belongs to, if it belongs to one.
    fn trace(_job: &Self::Job) -> Option<Arc<str>> {
        None
    }

    /// A job was taken up that had waited for so long.
    fn waited(&self, _waited: Duration) {}

    /// Makes a worker's tools; also after each failure. What its tools fail at may be told at its seat.
    fn equip(&self, seat: &Arc<Seat>) -> impl Future<Output = Result<Self::Tools, Fault>> + Send;

    /// Does one job and answers it. An error or a panic fails the worker, not the pool.
    fn work(&self, tools: &mut Self::Tools, job: Self::Job)
    -> impl Future<Output = Result<(), Fault>> + Send;

    /// Lets go of what an idle worker need not hold.
    fn rest(&self, _tools: &mut Self::Tools) {}
}

/// How long a worker waits for a job before it looks whether it was told to stop.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Waits without a job after which a worker lets go of its tools.
const WAITS_BEFORE_REST: u32 = 30;

/// The queue in front of a pool. Cheap to clone.
pub struct Queue<J> {
    path: Arc<str>,
    jobs: mpsc::Sender<(J, Waiting)>,
    line: Arc<Line>,
}

impl<J> Clone for Queue<J> {
    fn clone(&self) -> Self {
        Queue { path: self.path.clone(), jobs: self.jobs.clone(), line: self.line.clone() }
    }
}

impl<J: Send + 'static> Queue<J> {
    /// Jobs that wait, and the bound.
    pub fn depth(&self) -> (usize, usize) {
        (self.jobs.max_capacity() - self.jobs.capacity(), self.jobs.max_capacity())
    }

    /// How long the oldest job has waited, in microseconds, if one waits.
    pub fn oldest_us(&self) -> Option<u64> {
        self.line.oldest_us()
    }

    /// Queues a job if there is room now and waits for its answer, as long as the request lives.
    ///
    /// # Errors
    /// See [`AskError`]; a full queue refuses at once.
    pub async fn ask<R>(&self, request: &Request, make: impl FnOnce(Reply<R>) -> J) -> Result<R, AskError> {
        let (reply, answer) = Reply::pair();
        self.jobs.try_send((make(reply), self.line.join())).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Full { path: self.path.to_string() },
            mpsc::error::TrySendError::Closed(_) => self.down(),
        })?;
        request.run(answer).await?.map_err(|_| self.lost())
    }

    /// As [`Queue::ask`], but waits for room: for work that was admitted already and is bounded elsewhere.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask_patiently<R>(
        &self,
        request: &Request,
        make: impl FnOnce(Reply<R>) -> J,
    ) -> Result<R, AskError> {
        let (reply, answer) = Reply::pair();
        let place = request.run(self.jobs.reserve()).await?.map_err(|_| self.down())?;
        place.send((make(reply), self.line.join()));
        request.run(answer).await?.map_err(|_| self.lost())
    }

    fn down(&self) -> Refusal {
        Refusal::Down { path: self.path.to_string() }
    }

    fn lost(&self) -> AskError {
        AskError::Lost { path: self.path.to_string() }
    }
}

/// How large a pool is, and how it recovers.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Workers.
    pub workers: usize,
    /// Jobs that may wait.
    pub queue_max: usize,
    /// Restarts of its workers.
    pub policy: Policy,
}

/// A pool that is described but not started: its queue can be handed out before its supervisor runs.
pub struct Pool<C: Craft> {
    path: String,
    craft: Arc<C>,
    size: Size,
    queue: Queue<C::Job>,
    jobs: Jobs<C::Job>,
}

type Jobs<J> = Arc<Mutex<mpsc::Receiver<(J, Waiting)>>>;

impl<C: Craft> Pool<C> {
    /// Describes the pool at `path`.
    pub fn new(path: &str, craft: C, size: Size) -> Self {
        let (sender, receiver) = mpsc::channel(size.queue_max.max(1));
        let queue = Queue { path: path.into(), jobs: sender, line: Line::of(size.queue_max.max(1)) };
        Pool {
            path: path.to_owned(),
            craft: Arc::new(craft),
            size,
            queue,
            jobs: Arc::new(Mutex::new(receiver)),
        }
    }

    /// Where its jobs go.
    pub fn queue(&self) -> Queue<C::Job> {
        self.queue.clone()
    }

    /// The pool as a child of a supervisor: itself a supervisor of its workers.
    pub fn child(self, tree: &Tree) -> Child {
        let tree = tree.clone();
        let pool = Arc::new(self);
        let path = pool.path.clone();
        Child::new(path, move |above| {
            let (pool, tree) = (pool.clone(), tree.clone());
            async move {
                let queue = pool.queue.clone();
                let gauge = move || {
                    let (depth, places) = queue.depth();
                    (depth, places, queue.oldest_us())
                };
                let seat = tree.seat(&pool.path, "pool", Some(Box::new(gauge)));
                let workers = (0..pool.size.workers).map(|n| pool.worker(n, &tree, &seat)).collect();
                let handle =
                    supervisor::spawn(&pool.path, pool.size.policy, workers, &tree, Some(above)).await?;
                Ok(handle.cell())
            }
        })
    }

    fn worker(&self, n: usize, tree: &Tree, pool: &Arc<Seat>) -> Child {
        let path = format!("{}/worker-{n}", self.path);
        let (craft, jobs, tree, pool) = (self.craft.clone(), self.jobs.clone(), tree.clone(), pool.clone());
        Child::new(path.clone(), move |above| {
            let worker = Worker { craft: craft.clone(), jobs: jobs.clone(), pool: pool.clone() };
            let (address, tree) = (Address::new(path.clone(), 1), tree.clone());
            async move {
                let cell = actor::spawn(worker, address.clone(), &tree, above).await?;
                let _ = address.offer(Next);
                Ok(cell)
            }
        })
    }
}

struct Worker<C: Craft> {
    craft: Arc<C>,
    jobs: Jobs<C::Job>,
    /// An operator may hold the pool back; its jobs stay in the queue then.
    pool: Arc<Seat>,
}

/// A worker's word to itself: take the next job.
struct Next;

impl<C: Craft> Behaviour for Worker<C> {
    type Message = Next;
    type State = (C::Tools, u32);
    const KIND: &'static str = C::KIND;
    const STUCK_AFTER: Duration = C::STUCK_AFTER;

    fn name(_: &Next) -> &'static str {
        "job"
    }

    async fn start(&self, context: &Context<Next>) -> Result<Self::State, Fault> {
        Ok((self.craft.equip(context.seat()).await?, 0))
    }

    async fn handle(&self, context: &Context<Next>, state: &mut Self::State, _: Next) -> Result<(), Fault> {
        let (tools, waits) = state;
        let seat = context.seat();
        seat.idles();
        // Only the taking is under the lock: the others wait for jobs while this one works.
        let take = async {
            loop {
                self.pool.until_resumed().await;
                let mut jobs = self.jobs.lock().await;
                tokio::select! {
                    biased;
                    // What waits stays in the queue, also for those who wait here already.
                    () = self.pool.until_paused() => {}
                    job = jobs.recv() => return job,
                }
            }
        };
        match tokio::time::timeout(WAIT_MAX, take).await {
            Ok(Some((job, waiting))) => {
                *waits = 0;
                let (name, trace, queued_us) = (C::name(&job), C::trace(&job), waiting.waited_us());
                let told = actor::handling(waiting.place(), seat, C::KIND, name, queued_us);
                drop(waiting);
                self.craft.waited(Duration::from_micros(queued_us));
                seat.takes_up(name, queued_us);
                let place = told.place();
                let mut in_hand = InHand::of(seat, trace, told, name, queued_us);
                Within::of(place, self.craft.work(tools, job)).await?;
                in_hand.is_done = true;
            }
            Ok(None) => {
                context.retire();
                return Ok(());
            }
            Err(_) => {
                *waits += 1;
                if *waits == WAITS_BEFORE_REST {
                    self.craft.rest(tools);
                }
            }
        }
        let _ = context.address().offer(Next);
        Ok(())
    }
}

/// The step of a request that a worker takes; dropped in a panic, or with an error, it has failed.
struct InHand {
    seat: Arc<Seat>,
    step: Option<(Arc<str>, u64)>,
    told: Span,
    since_us: u64,
    is_done: bool,
}

impl InHand {
    fn of(seat: &Arc<Seat>, trace: Option<Arc<str>>, told: Span, name: &'static str, queued_us: u64) -> Self {
        let step = trace.map(|trace| {
            seat.works_for(Some(&trace));
            seat.span(&trace, name, queued_us)
        });
        InHand { seat: seat.clone(), step, told, since_us: now_us(), is_done: false }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if !self.is_done {
            self.told.fail();
        }
        let Some(step) = &self.step else { return };
        let took_us = now_us().saturating_sub(self.since_us);
        self.seat.span_over(step, took_us, !self.is_done);
        if self.is_done {
            self.seat.works_for(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use enabler_storage::clock::SystemClock;

    use super::*;

    struct Divide(Arc<AtomicUsize>);

    impl Craft for Divide {
        type Job = (u32, u32, Reply<u32>);
        type Tools = ();
        const KIND: &'static str = "divider";

        async fn equip(&self, _: &Arc<Seat>) -> Result<(), Fault> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        async fn work(&self, (): &mut (), (a, b, reply): Self::Job) -> Result<(), Fault> {
            reply.send(a / b);
            Ok(())
        }
    }

    async fn divide(queue: &Queue<(u32, u32, Reply<u32>)>, a: u32, b: u32) -> Result<u32, AskError> {
        let request = Request::new("test", Duration::from_secs(10));
        queue.ask_patiently(&request, |reply| (a, b, reply)).await
    }

    #[tokio::test]
    async fn a_pool_that_is_held_back_keeps_its_jobs_and_goes_on_with_them() {
        let tree = Tree::new(Arc::new(SystemClock));
        let policy = Policy { backoff_ms_first: 1, ..Policy::default() };
        let pool = Pool::new("node/pool", Divide(Arc::default()), Size { workers: 2, queue_max: 8, policy });
        let queue = pool.queue();
        let root = supervisor::spawn("node", policy, vec![pool.child(&tree)], &tree, None).await.unwrap();
        // Both workers wait for a job already.
        assert_eq!(divide(&queue, 8, 2).await, Ok(4));
        let seat = tree.find("node/pool").unwrap();
        seat.pause(true);
        let (asked, own) = (queue.clone(), queue.clone());
        let answer = tokio::spawn(async move { divide(&asked, 9, 3).await });
        while own.depth().0 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((own.depth().0, seat.status()), (1, crate::tree::Status::Paused));
        assert!(own.oldest_us().is_some_and(|oldest| oldest >= 50_000));
        seat.pause(false);
        assert_eq!(answer.await.unwrap(), Ok(3));
        root.stop(Duration::from_secs(2)).await;
    }

    #[tokio::test]
    async fn a_worker_that_panics_is_replaced_and_only_its_job_is_lost() {
        let tree = Tree::new(Arc::new(SystemClock));
        let equipped = Arc::new(AtomicUsize::new(0));
        let policy = Policy { backoff_ms_first: 1, ..Policy::default() };
        let pool =
            Pool::new("node/pool", Divide(equipped.clone()), Size { workers: 2, queue_max: 8, policy });
        let queue = pool.queue();
        let root = supervisor::spawn("node", policy, vec![pool.child(&tree)], &tree, None).await.unwrap();
        assert_eq!(divide(&queue, 8, 2).await, Ok(4));
        assert_eq!(divide(&queue, 8, 0).await, Err(AskError::Lost { path: "node/pool".to_owned() }));
        for n in 1..50 {
            assert_eq!(divide(&queue, 100, n).await, Ok(100 / n));
        }
        while equipped.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let failures = tree.failures();
        assert_eq!(failures.len(), 1);
        assert_eq!((&*failures[0].message, &*failures[0].kind), ("job", "divider"));
        // What it had taken is lost, and that is told; the jobs that were done are counted, the waiting for them is not.
        assert_eq!((tree.lost().len(), &*tree.lost()[0].message), (1, "job"));
        let workers = tree.vitals().into_iter().filter(|one| one.kind == "divider");
        assert_eq!(workers.map(|one| one.handled).sum::<u64>(), 51);
        assert!(failures[0].reason.contains("divide by zero"), "{}", failures[0].reason);
        assert!(failures[0].backtrace.as_ref().is_some_and(|trace| trace.contains("pool.rs")));
        root.stop(Duration::from_secs(1)).await;
    }
}
