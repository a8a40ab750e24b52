//! Keeps its children running: one-for-one restarts with intensity and back-off, then escalation.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::time::Instant;

use crate::actor::Fault;
use crate::decide::restart::{History, Policy, Verdict};
use crate::tree::{STUCK_AFTER, Seat, Status, Tree};

/// How long a stopping actor waits for its children; what hangs is killed then.
pub(crate) const CHILDREN_PATIENCE: Duration = Duration::from_secs(3);

type Starting = Pin<Box<dyn Future<Output = Result<ActorCell, Fault>> + Send>>;
type Start = Arc<dyn Fn(ActorCell) -> Starting + Send + Sync>;

/// How to start, and start again, one child.
#[derive(Clone)]
pub struct Child {
    path: String,
    start: Start,
}

impl Child {
    /// A child at `path`; `start` links it under the cell that it is given and may be called many times.
    pub fn new<F, S>(path: impl Into<String>, start: S) -> Self
    where
        S: Fn(ActorCell) -> F + Send + Sync + 'static,
        F: Future<Output = Result<ActorCell, Fault>> + Send + 'static,
    {
        Child { path: path.into(), start: Arc::new(move |above| Box::pin(start(above))) }
    }
}

/// What a supervisor tells itself, and what its owner tells it.
enum Order {
    Restart(String),
    Kill(String),
    /// An operator wants the child at this path to begin anew.
    Renew(String),
    /// What was told to begin anew has not stopped by itself.
    Insist(ActorId),
}

impl ractor::Message for Order {}

struct Supervisor {
    path: String,
    policy: Policy,
    children: Vec<Child>,
    tree: Tree,
}

struct Running {
    seat: Arc<Seat>,
    children: BTreeMap<String, Start>,
    alive: BTreeMap<ActorId, String>,
    histories: BTreeMap<String, History>,
    /// Children that stop because an operator wants them to begin anew: that counts as no failure.
    renewed: BTreeSet<ActorId>,
    began: Instant,
}

/// A supervisor that runs.
#[derive(Clone)]
pub struct Handle {
    actor: ActorRef<Order>,
}

impl Handle {
    /// Its cell: what is started under it is linked to it.
    pub fn cell(&self) -> ActorCell {
        self.actor.get_cell()
    }

    /// Kills the child at `path`, as a failure would; it is started again by the policy.
    pub fn kill(&self, path: &str) {
        let _ = self.actor.cast(Order::Kill(path.to_owned()));
    }

    /// Has the child at `path`, with everything under it, stop and begin anew. What it has in hand is ended first, if that
    /// is soon; it counts as no failure.
    pub fn renew(&self, path: &str) {
        let _ = self.actor.cast(Order::Renew(path.to_owned()));
    }

    /// Waits until it has ended, in peace or because it gave up.
    pub async fn wait(&self) {
        let _ = self.actor.wait(None).await;
    }

    /// Stops it and everything under it, and waits up to `patience` for that.
    pub async fn stop(&self, patience: Duration) {
        let _ = self.actor.stop_and_wait(None, Some(patience)).await;
    }
}

/// Starts a supervisor at `path` with its children, in order; `above` is its own supervisor, if any.
///
/// # Errors
/// The fault of the first child that could not be started: a tree that cannot start is not half started.
pub async fn spawn(
    path: &str,
    policy: Policy,
    children: Vec<Child>,
    tree: &Tree,
    above: Option<ActorCell>,
) -> Result<Handle, Fault> {
    let supervisor = Supervisor { path: path.to_owned(), policy, children, tree: tree.clone() };
    let spawned = match above {
        Some(above) => Actor::spawn_linked(None, supervisor, (), above).await,
        None => Actor::spawn(None, supervisor, ()).await,
    };
    match spawned {
        Ok((actor, _)) => Ok(Handle { actor }),
        Err(ractor::SpawnErr::StartupFailed(error)) => Err(Fault::new(error.to_string())),
        Err(error) => Err(Fault::new(error.to_string())),
    }
}

impl Actor for Supervisor {
    type Msg = Order;
    type State = Running;
    type Arguments = ();

    async fn pre_start(&self, me: ActorRef<Order>, (): ()) -> Result<Running, ActorProcessingErr> {
        let seat = self.tree.seat(&self.path, "supervisor", None);
        let mut running = Running {
            seat,
            children: BTreeMap::new(),
            alive: BTreeMap::new(),
            histories: BTreeMap::new(),
            renewed: BTreeSet::new(),
            began: Instant::now(),
        };
        for child in &self.children {
            let cell = (child.start)(me.get_cell()).await?;
            running.alive.insert(cell.get_id(), child.path.clone());
            running.children.insert(child.path.clone(), child.start.clone());
            self.takes_care(&me, &child.path);
        }
        running.seat.started(STUCK_AFTER);
        Ok(running)
    }

    async fn handle(
        &self,
        me: ActorRef<Order>,
        order: Order,
        running: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        match order {
            Order::Restart(path) => self.restart(&me, running, path).await,
            Order::Kill(path) => {
                let ids = running.alive.iter().filter(|(_, name)| **name == path).map(|(id, _)| *id);
                for id in ids.collect::<Vec<_>>() {
                    kill(&me, id);
                }
                Ok(())
            }
            Order::Renew(path) => {
                self.renew(&me, running, &path);
                Ok(())
            }
            Order::Insist(id) => {
                if running.renewed.contains(&id) {
                    kill(&me, id);
                }
                Ok(())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Order>,
        event: SupervisionEvent,
        running: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorTerminated(child, ..) | SupervisionEvent::ActorFailed(child, _) = &event
            && running.renewed.remove(&child.get_id())
            && let Some(path) = running.alive.remove(&child.get_id())
        {
            return self.restart(&me, running, path).await;
        }
        // A child that stops in peace was told to; only failures and kills bring it back.
        let (child, killed) = match &event {
            SupervisionEvent::ActorFailed(child, _) => (child, false),
            SupervisionEvent::ActorTerminated(child, _, Some(reason)) if reason == "killed" => (child, true),
            SupervisionEvent::ActorTerminated(child, _, _) => {
                running.alive.remove(&child.get_id());
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some(path) = running.alive.remove(&child.get_id()) else {
            // One that was linked here from outside: nobody here knows how to start it again.
            let reason = "a part that cannot be started again alone has failed".to_owned();
            running.seat.failed("child_ended", reason.clone(), None);
            return Err(Box::new(Fault::new(reason)));
        };
        if killed {
            self.tree.seat(&path, "actor", None).failed("kill", "killed by an operator".to_owned(), None);
        }
        self.judge(&me, running, path)
    }

    async fn post_stop(&self, me: ActorRef<Order>, _: &mut Running) -> Result<(), ActorProcessingErr> {
        // ractor would kill them: asked to stop, they write down what they hold.
        me.stop_children_and_wait(None, Some(CHILDREN_PATIENCE)).await;
        self.tree.leave(&self.path);
        Ok(())
    }
}

/// Kills the child `id`: what it has in hand is lost.
fn kill(me: &ActorRef<Order>, id: ActorId) {
    me.get_children().into_iter().filter(|child| child.get_id() == id).for_each(|child| child.kill());
}

impl Supervisor {
    fn takes_care(&self, me: &ActorRef<Order>, path: &str) {
        if let Some(seat) = self.tree.find(path) {
            seat.supervised_by(Handle { actor: me.clone() });
        }
    }

    fn renew(&self, me: &ActorRef<Order>, running: &mut Running, path: &str) {
        let Some(id) = running.alive.iter().find(|(_, own)| *own == path).map(|(id, _)| *id) else {
            // It waits for its restart already, or has none to wait for: begin now.
            if running.children.contains_key(path) {
                let _ = me.cast(Order::Restart(path.to_owned()));
            }
            return;
        };
        self.tree.comes_back(path);
        running.renewed.insert(id);
        let children = me.get_children();
        for child in children.into_iter().filter(|child| child.get_id() == id) {
            child.stop(Some("an operator wants it to begin anew".to_owned()));
        }
        me.send_after(CHILDREN_PATIENCE * 2, move || Order::Insist(id));
    }

    fn judge(
        &self,
        me: &ActorRef<Order>,
        running: &mut Running,
        path: String,
    ) -> Result<(), ActorProcessingErr> {
        let now_ms = running.began.elapsed().as_millis() as u64;
        let seat = self.tree.seat(&path, "actor", None);
        seat.counts(self.policy.restarts_max, self.policy.period_ms, self.tree.clock().uptime_ms());
        match running.histories.entry(path.clone()).or_default().fail(&self.policy, now_ms) {
            Verdict::RestartAfter(wait_ms) => {
                seat.set_status(Status::Restarting);
                me.send_after(Duration::from_millis(wait_ms), move || Order::Restart(path));
                Ok(())
            }
            Verdict::Escalate => {
                seat.set_status(Status::Failed);
                enabler_telemetry::metrics::ACTOR_ESCALATIONS.one([seat.kind()]);
                let reason = format!(
                    "`{path}` failed more than {} times in {} ms",
                    self.policy.restarts_max, self.policy.period_ms
                );
                running.seat.failed("child_ended", reason.clone(), None);
                Err(Box::new(Fault::new(reason)))
            }
        }
    }

    async fn restart(
        &self,
        me: &ActorRef<Order>,
        running: &mut Running,
        path: String,
    ) -> Result<(), ActorProcessingErr> {
        let Some(start) = running.children.get(&path).cloned() else { return Ok(()) };
        // One restart was waited for and another one ordered.
        if running.alive.values().any(|own| *own == path) {
            return Ok(());
        }
        match start(me.get_cell()).await {
            Ok(cell) => {
                tracing::info!(%path, "restarted");
                self.takes_care(me, &path);
                running.alive.insert(cell.get_id(), path);
                Ok(())
            }
            // The start recorded its own failure on its seat; what remains is whether to try again.
            Err(_) => self.judge(me, running, path),
        }
    }
}

#[cfg(test)]
mod tests;
