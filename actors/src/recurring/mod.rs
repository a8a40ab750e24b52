//! Work that recurs: one scheduler of all nodes, which holds a lease in the store, runs what is due, one job at a time.
//!
//! Every node with the role `documents` has one. Who holds the lease is decided in `decide/tenure.rs`, what is due in
//! `decide/agenda.rs`. What a job does can be repeated without harm, its record is changed on condition only, and it
//! asks before each effect whether its tenure still lasts: a node that slept finds that it has nothing.

mod audit;
mod erasures;
mod letters;
mod quality;
mod record;
mod refresh;
mod retention;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::decide::agenda::{self, Due, Standing};
use enabler_cluster::decide::tenure::{Effect, Event, Held, Tenure};
use enabler_cluster::net::NodeId;
use enabler_config::Settings;
use enabler_storage::clock::Clock;
use enabler_storage::objects::{ETag, ObjectStore};
use enabler_telemetry::metrics;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::record::{Begun, JobRecord, Last, LeaseRecord};
use crate::operator::Panel;

pub(crate) use self::record::ask_for;
pub use self::told::Pauses;

/// A lease lasts so many leases of a shard: a job that waits half a minute harms nobody, and each look is a request.
const LEASES: u64 = 10;
/// Looks at the lease while it lasts.
const LOOKS: u32 = 6;
/// Steps of one look: read, put, and read once more what became of it.
const STEPS_MAX: usize = 4;
/// The longest that one run may take; what is left is for the next one.
const RUN_TIME_MAX: Duration = Duration::from_secs(3 * 3_600);

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What it changed: documents, letters, receipts.
    pub touched: u64,
    /// One sentence about it.
    pub detail: String,
}

/// A piece of work that recurs. It may be cut off at any await and run again.
#[async_trait]
pub trait Job: Send + Sync {
    /// Its name, in the store and on the command line.
    fn name(&self) -> &'static str;

    /// Does it, asking `hold` before every effect.
    ///
    /// # Errors
    /// Why it could not be done, in words.
    async fn run(&self, hold: &Hold) -> Result<Done, Fault>;

    /// Tells as metrics what is known of earlier runs, also of other nodes; asked at every look of whoever holds the lease.
    async fn tell(&self) {}
}

/// Leave to run a job, as long as the tenure lasts.
#[derive(Clone)]
pub struct Hold {
    /// The epoch of the tenure.
    pub epoch: u64,
    /// The number of the run.
    pub number: u64,
    until_ms: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl Hold {
    /// Makes sure that this node still runs the recurring work.
    ///
    /// # Errors
    /// If it does not: nothing may be done any more.
    pub fn check(&self) -> Result<(), Fault> {
        if self.clock.uptime_ms() < self.until_ms.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(Fault::new("another node runs the recurring work now"))
    }
}

/// A job with its pause; without one it runs only when somebody asks.
#[derive(Clone)]
struct Entry {
    job: Arc<dyn Job>,
    every_ms: Option<u64>,
}

/// What a scheduler is told.
pub enum Message {
    /// Look at the lease and at what is due.
    Look,
    /// A run has ended.
    Ended(Hold, Result<Done, String>),
}

/// The scheduler of one node.
#[derive(Clone)]
pub struct Scheduler {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    me: NodeId,
    lease: Duration,
    jobs: Vec<Entry>,
}

/// The names of all jobs.
pub const JOBS: [&str; 5] = [retention::NAME, letters::NAME, erasures::NAME, quality::NAME, refresh::NAME];

impl Scheduler {
    /// The scheduler of this node; none where no job is to run by itself.
    pub fn of(
        settings: &Settings,
        store: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        me: NodeId,
        panel: &Panel,
    ) -> Option<Self> {
        let own = &settings.recurring;
        let hours = |hours: u64| (hours > 0).then(|| hours * 3_600_000);
        let days = |days: u64| days.saturating_mul(24 * 3_600_000);
        let desk = audit::AuditDesk { store: store.clone(), clock: clock.clone(), me: me.clone() };
        let retention = retention::Retention {
            panel: panel.clone(),
            desk: desk.clone(),
            age_ms: days(settings.retention.days),
        };
        let letters = letters::Letters {
            panel: panel.clone(),
            desk: desk.clone(),
            discard_after_ms: days(own.dead_letters_days),
        };
        let erasures = erasures::Erasures { panel: panel.clone() };
        let quality = quality::Quality {
            panel: panel.clone(),
            desk: desk.clone(),
            every_ms: hours(own.quality_hours),
            told: Default::default(),
        };
        let refresh = refresh::Refresh { panel: panel.clone(), desk };
        let jobs = vec![
            Entry { job: Arc::new(retention), every_ms: hours(own.retention_hours) },
            Entry { job: Arc::new(letters), every_ms: hours(own.dead_letters_hours) },
            Entry { job: Arc::new(erasures), every_ms: hours(own.erasure_hours) },
            Entry { job: Arc::new(quality), every_ms: hours(own.quality_hours) },
            // The longest comes last: the others get their turn between two of its runs.
            Entry { job: Arc::new(refresh), every_ms: hours(own.index_refresh_hours) },
        ];
        let lease = Duration::from_secs(settings.cluster.lease_seconds.saturating_mul(LEASES));
        jobs.iter().any(|entry| entry.every_ms.is_some()).then(|| Scheduler { store, clock, me, lease, jobs })
    }
}

/// A run that is under way.
struct Running {
    hold: Hold,
    name: &'static str,
    _until: DropGuard,
}

/// What a scheduler remembers.
pub struct State {
    tenure: Tenure,
    /// The version of the lease that was read or put last.
    etag: Option<ETag>,
    /// Until when the tenure lasts, for the holds of this epoch.
    until_ms: Arc<AtomicU64>,
    epoch: Option<u64>,
    running: Option<Running>,
    next: String,
    _until: DropGuard,
}

impl Behaviour for Scheduler {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "scheduler";
    /// A look that waits for the store ends by itself long before.
    const STUCK_AFTER: Duration = Duration::from_secs(120);

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Look => "look",
            Message::Ended(..) => "ended",
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        let (address, clock, pause) = (context.address().clone(), self.clock.clone(), self.lease / LOOKS);
        let ended = CancellationToken::new();
        let until = ended.clone();
        tokio::spawn(async move {
            while !until.is_cancelled() {
                let _ = address.offer(Message::Look);
                tokio::select! {
                    () = until.cancelled() => {}
                    () = clock.sleep(pause) => {}
                }
            }
        });
        context.seat().note("looking who runs the recurring work");
        // A new incarnation is another holder: what the one before had begun must not be taken for its own.
        let mark = u128::from(self.clock.uptime_ms());
        Ok(State {
            tenure: Tenure::new(self.me.generation ^ mark, self.lease.as_millis() as u64),
            etag: None,
            until_ms: Arc::default(),
            epoch: None,
            running: None,
            next: String::new(),
            _until: ended.drop_guard(),
        })
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Look => self.look(context, state).await,
            Message::Ended(hold, outcome) => self.ended(context, state, &hold, outcome).await,
        }
        Ok(())
    }

    fn stopped(&self, _: &Context<Message>, state: &mut State) {
        state.running = None;
        state.until_ms.store(0, Ordering::SeqCst);
        // The next holder need not wait for the lease to run out; if this is not heard, it does.
        if let Effect::Swap(held) = state.tenure.step(Event::Leave, self.clock.uptime_ms())
            && let Some(etag) = state.etag.take()
        {
            let (store, me) = (self.store.clone(), self.me.clone());
            tokio::spawn(async move {
                let _ = record::put_lease(&*store, Some(&etag), &LeaseRecord::of(&held, &me)).await;
            });
        }
    }
}

impl Scheduler {
    fn now(&self) -> u64 {
        self.clock.uptime_ms()
    }

    async fn look(&self, context: &Context<Message>, state: &mut State) {
        let mut effect = state.tenure.step(Event::Tick, self.now());
        for _ in 0..STEPS_MAX {
            let event = match effect {
                Effect::Rest => break,
                Effect::Read => match timeout(self.lease / LOOKS, record::read_lease(&*self.store)).await {
                    Ok(Ok(found)) => {
                        let (held, etag) = found.map(|(lease, etag)| (lease.held(), etag)).unzip();
                        state.etag = etag;
                        Event::Read(held)
                    }
                    Ok(Err(_)) | Err(_) => break,
                },
                Effect::Create(held) => self.put(state, None, held).await,
                Effect::Swap(held) => {
                    let etag = state.etag.clone();
                    self.put(state, etag, held).await
                }
            };
            effect = state.tenure.step(event, self.now());
        }
        let epoch = state.tenure.epoch(self.now());
        if state.running.as_ref().is_some_and(|running| Some(running.hold.epoch) != epoch) {
            // Dropping it ends the run; its record still says that it was begun, and whoever holds the lease takes it up.
            if let Some(running) = state.running.take() {
                metrics::JOB_RUNS.one([running.name, "abandoned"]);
            }
            context.seat().happened("lost_the_lease", None);
        }
        if epoch != state.epoch {
            // Every hold of the tenure before has this one number.
            state.until_ms.store(0, Ordering::SeqCst);
            (state.until_ms, state.epoch) = (Arc::default(), epoch);
        }
        if let Some(epoch) = epoch {
            state.until_ms.store(state.tenure.until_ms().unwrap_or(0), Ordering::SeqCst);
            for entry in &self.jobs {
                let _ = timeout(self.lease / LOOKS, entry.job.tell()).await;
            }
            if state.running.is_none() {
                self.look_for_work(context, state, epoch).await;
            }
        }
        context.seat().note(match (epoch, &state.running) {
            (None, _) => "another node runs the recurring work".to_owned(),
            (Some(epoch), Some(running)) => format!("runs {} (epoch {epoch})", running.name),
            (Some(epoch), None) => format!("runs the recurring work (epoch {epoch}){}", state.next),
        });
    }

    async fn put(&self, state: &mut State, etag: Option<ETag>, held: Held) -> Event {
        let lease = LeaseRecord::of(&held, &self.me);
        let put = record::put_lease(&*self.store, etag.as_ref(), &lease);
        match timeout(self.lease / LOOKS, put).await {
            Ok(Ok(Some(etag))) => {
                state.etag = Some(etag);
                Event::Stands
            }
            Ok(Ok(None)) => Event::Refused,
            Ok(Err(_)) | Err(_) => Event::Unknown,
        }
    }

    /// Begins the first job that is due.
    async fn look_for_work(&self, context: &Context<Message>, state: &mut State, epoch: u64) {
        let now_ms = self.clock.now_ms();
        let mut soonest: Option<(u64, &'static str)> = None;
        for entry in &self.jobs {
            let name = entry.job.name();
            let read = timeout(self.lease / LOOKS, record::read_job(&*self.store, name)).await;
            let Ok(Ok((found, etag))) = read else { return };
            // Whoever holds the lease tells it for all, also of runs before its tenure.
            if entry.every_ms.is_some() && found.ended_well_ms > 0 {
                metrics::JOB_LAST_SUCCESS
                    .set([name], Duration::from_millis(found.ended_well_ms).as_secs_f64());
            }
            match agenda::due(entry.every_ms, &standing(&found), now_ms) {
                Due::Run(tries) => {
                    if self.begin(context, state, entry, epoch, (found, etag), tries).await {
                        return;
                    }
                }
                Due::GiveUp => {
                    let detail = format!("its run ended with its node {} times", agenda::TRIES_MAX);
                    context.seat().failed("recurring work", format!("{name}: {detail}"), None);
                    metrics::JOB_RUNS.one([name, "failed"]);
                    let number = found.begun.as_ref().map_or(0, |begun| begun.number);
                    self.finish(name, number, None, Err(detail)).await;
                }
                Due::At(at_ms) => {
                    soonest = Some(soonest.map_or((at_ms, name), |one| one.min((at_ms, name))));
                }
                Due::Never => {}
            }
        }
        state.next = soonest.map_or_else(String::new, |(at_ms, name)| {
            format!(", next {name} in {} min", at_ms.saturating_sub(now_ms).div_ceil(60_000))
        });
    }

    /// Notes that a run begins, and begins it; whether it was this node that noted it.
    async fn begin(
        &self,
        context: &Context<Message>,
        state: &mut State,
        entry: &Entry,
        epoch: u64,
        (mut found, etag): (JobRecord, Option<ETag>),
        tries: u32,
    ) -> bool {
        let name = entry.job.name();
        // Taken up from a node that is gone, it is still the same run.
        let number = found.begun.as_ref().map_or(found.runs + 1, |begun| begun.number);
        let at_ms = self.clock.now_ms();
        found.begun = Some(Begun { number, epoch, node: self.me.name.clone(), at_ms, tries, left: None });
        found.asked = None;
        if state.tenure.epoch(self.now()) != Some(epoch) {
            return false;
        }
        let put = record::put_job(&*self.store, name, etag.as_ref(), &found);
        if !matches!(timeout(self.lease / LOOKS, put).await, Ok(Ok(true))) {
            return false;
        }
        let hold = Hold { epoch, number, until_ms: state.until_ms.clone(), clock: self.clock.clone() };
        let (over, job) = (CancellationToken::new(), entry.job.clone());
        state.running = Some(Running { hold: hold.clone(), name, _until: over.clone().drop_guard() });
        context.seat().happened("runs", Some(format!("{name}, run {number}")));
        let address = context.address().clone();
        tokio::spawn(async move {
            let run = timeout(RUN_TIME_MAX, job.run(&hold));
            let outcome = tokio::select! {
                biased;
                () = over.cancelled() => return,
                outcome = run => outcome,
            };
            let outcome = outcome.unwrap_or_else(|_| Err(Fault::new("it took longer than three hours")));
            let _ = address.send(Message::Ended(hold, outcome.map_err(|fault| fault.reason))).await;
        });
        true
    }

    async fn ended(
        &self,
        context: &Context<Message>,
        state: &mut State,
        hold: &Hold,
        outcome: Result<Done, String>,
    ) {
        let is_this =
            |running: &Running| (running.hold.epoch, running.hold.number) == (hold.epoch, hold.number);
        let Some(running) = state.running.take_if(|running| is_this(running)) else { return };
        if let Err(why) = &outcome {
            context.seat().failed("recurring work", format!("{}: {why}", running.name), None);
        }
        let is_ours = hold.check().is_ok();
        let counted = match (&outcome, is_ours) {
            (_, false) => "abandoned",
            (Ok(_), true) => "done",
            (Err(_), true) => "failed",
        };
        metrics::JOB_RUNS.one([running.name, counted]);
        if is_ours {
            self.finish(running.name, hold.number, Some(hold.epoch), outcome).await;
        }
        self.look(context, state).await;
    }

    /// Writes down how a run ended, unless another tenure has taken it up.
    async fn finish(
        &self,
        name: &'static str,
        number: u64,
        epoch: Option<u64>,
        outcome: Result<Done, String>,
    ) {
        let ended_ms = self.clock.now_ms();
        let is_ours =
            |begun: &Begun| begun.number == number && epoch.is_none_or(|epoch| begun.epoch == epoch);
        let (touched, has_failed, detail) = match outcome {
            Ok(done) => (done.touched, false, done.detail),
            Err(why) => (0, true, why),
        };
        let change = |found: &mut JobRecord| {
            let Some(begun) = found.begun.take_if(|begun| is_ours(begun)) else { return false };
            found.runs = number;
            if !has_failed {
                found.ended_well_ms = ended_ms;
            }
            found.last = Some(Last {
                number,
                epoch: begun.epoch,
                node: begun.node,
                began_ms: begun.at_ms,
                ended_ms,
                has_failed,
                touched,
                detail: detail.clone(),
            });
            true
        };
        if let Err(why) = record::change_job(&*self.store, name, change).await {
            // It is run again, which harms nothing.
            tracing::warn!(job = name, why, "how a recurring job ended was not written down");
        }
    }
}

fn standing(found: &JobRecord) -> Standing {
    Standing {
        is_asked: found.asked.is_some(),
        begun: found.begun.as_ref().map(|begun| begun.tries),
        ended: found.last.as_ref().map(|last| (last.ended_ms, last.has_failed)),
    }
}

#[cfg(test)]
mod tests;
