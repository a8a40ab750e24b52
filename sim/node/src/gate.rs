//! What stands between a generation of a node and the world: while it is frozen nothing passes, once it is dead nothing
//! ever does. A process that is stopped or killed is seen by others in no other way.

use std::future::pending;
use std::sync::Arc;

use enabler_cluster::net::NodeId;
use tokio::sync::watch;

/// How a generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It works.
    Running,
    /// Nothing of it moves, as after `SIGSTOP` or a pause of its virtual machine.
    Frozen,
    /// It was killed or has ended.
    Dead,
}

/// The gate of one generation. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) id: NodeId,
    phase: Arc<watch::Sender<Phase>>,
}

impl Gate {
    pub(crate) fn new(id: NodeId) -> Self {
        Gate { id, phase: Arc::new(watch::Sender::new(Phase::Running)) }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Sets the phase; the dead stay dead.
    pub(crate) fn set(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let changes = *now != Phase::Dead && *now != phase;
            if changes {
                *now = phase;
            }
            changes
        });
    }

    /// Passes when the generation runs; never, once it is dead.
    pub(crate) async fn pass(&self) {
        let mut phase = self.phase.subscribe();
        if phase.wait_for(|phase| *phase != Phase::Frozen).await.is_err() || self.phase() == Phase::Dead {
            pending::<()>().await;
        }
    }

    /// Comes back when the generation is dead.
    pub(crate) async fn died(&self) {
        let mut phase = self.phase.subscribe();
        if phase.wait_for(|phase| *phase == Phase::Dead).await.is_err() {
            pending::<()>().await;
        }
    }
}
