//! The actors of a node's links: the carrier, the acceptor, and the ticks that drive them.

use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::ActorCell;
use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::Address;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::core::{Core, Inbox};
use crate::handshake;
use crate::id::id_text;
use crate::session::{Plan, Ractor};

/// Offers `message` to `address` again and again until the guard is dropped; a busy actor is left alone.
pub(crate) fn ticks<M: Send + 'static>(
    address: &Address<M>,
    every: Duration,
    message: fn() -> M,
) -> DropGuard {
    let (address, stop) = (address.clone(), CancellationToken::new());
    let guard = stop.clone().drop_guard();
    tokio::spawn(async move {
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            let _ = address.offer(message());
        }
    });
    guard
}

/// Holds the node servers and the gateway; when one of them ends, all start anew and every link with them.
pub(crate) struct Carry(pub(crate) Arc<Core>);

impl Behaviour for Carry {
    type Message = ();
    type State = ();
    const KIND: &'static str = "link carrier";

    fn name((): &()) -> &'static str {
        "nothing"
    }

    async fn start(&self, context: &Context<()>) -> Result<(), Fault> {
        let core = &self.0;
        let plan = Plan {
            node: id_text(&core.me),
            cluster: core.settings.cluster_id.clone(),
            frame_bytes_max: core.settings.limits.frame_bytes_max,
            arrivals: Arc::new(Inbox(Arc::downgrade(core))),
        };
        let ractor = Ractor::start(plan, context.cell()).await?;
        core.set_carrier(Some(Arc::new(ractor)));
        Ok(())
    }

    async fn handle(&self, _: &Context<()>, (): &mut (), (): ()) -> Result<(), Fault> {
        Ok(())
    }

    async fn child_ended(
        &self,
        _: &Context<()>,
        (): &mut (),
        _: ActorCell,
        fault: Option<String>,
    ) -> Result<(), Fault> {
        let why = fault.unwrap_or_else(|| "it stopped".to_owned());
        Err(Fault::new(format!("a part of the carrier ended: {why}")))
    }

    fn stopped(&self, _: &Context<()>, (): &mut ()) {
        self.0.set_carrier(None);
    }
}

/// Accepts connections; each handshake runs on its own task.
pub(crate) struct Accept {
    pub(crate) core: Arc<Core>,
    pub(crate) listener: Arc<TcpListener>,
}

/// How long one message keeps the acceptor: it can be told to stop in between.
const ACCEPT_TURN: Duration = Duration::from_millis(500);

pub(crate) struct Accepting {
    handshakes: Arc<Semaphore>,
    tasks: JoinSet<()>,
    _ticks: DropGuard,
}

impl Behaviour for Accept {
    type Message = ();
    type State = Accepting;
    const KIND: &'static str = "link acceptor";

    fn name((): &()) -> &'static str {
        "accept"
    }

    async fn start(&self, context: &Context<()>) -> Result<Accepting, Fault> {
        let handshakes = Arc::new(Semaphore::new(self.core.settings.limits.handshakes_max as usize));
        let _ticks = ticks(context.address(), Duration::from_millis(20), || ());
        context.seat().note(format!("listening at {}", self.core.local));
        Ok(Accepting { handshakes, tasks: JoinSet::new(), _ticks })
    }

    async fn handle(&self, context: &Context<()>, state: &mut Accepting, (): ()) -> Result<(), Fault> {
        let turn = Instant::now() + ACCEPT_TURN;
        while let Ok(accepted) = timeout_at(turn, self.listener.accept()).await {
            while let Some(ended) = state.tasks.try_join_next() {
                if let Err(error) = ended {
                    context.seat().failed("handshake", error.to_string(), None);
                }
            }
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, as a rule: trying again at once would only burn the processor.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(place) = state.handshakes.clone().try_acquire_owned() else {
                tracing::warn!(%from, "too many handshakes are under way; the connection is closed");
                continue;
            };
            let core = self.core.clone();
            state.tasks.spawn(async move {
                if let Err(error) = handshake::receive(&core, stream).await {
                    error.count();
                    let why = Fault::from_error("accepting a node", &error).reason;
                    tracing::warn!(%from, why, "a connection did not become a link");
                }
                drop(place);
            });
        }
        Ok(())
    }
}
