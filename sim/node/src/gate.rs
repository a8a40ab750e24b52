//! What stands between a generation of a node and the world: while it is frozen nothing passes, once it is dead nothing
//! ever does. A process that is stopped or killed is seen by others in no other way.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use enabler_cluster::net::NodeId;
use tokio::sync::Notify;

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
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    phase: Mutex<Phase>,
    /// Wakes those who wait in the order in which they came; a `watch` would draw it from chance of its own.
    changed: Notify,
}

impl Gate {
    pub(crate) fn new(id: NodeId) -> Self {
        let inner = Inner { phase: Mutex::new(Phase::Running), changed: Notify::new() };
        Gate { id, inner: Arc::new(inner) }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.inner.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the phase; the dead stay dead.
    pub(crate) fn set(&self, phase: Phase) {
        let mut now = self.inner.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != Phase::Dead {
            *now = phase;
        }
        drop(now);
        self.inner.changed.notify_waiters();
    }

    async fn until(&self, is_it: impl Fn(Phase) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.inner.changed.notified());
            changed.as_mut().enable();
            if is_it(self.phase()) {
                return;
            }
            changed.await;
        }
    }

    /// Passes when the generation runs; never, once it is dead.
    pub(crate) async fn pass(&self) {
        self.until(|phase| phase != Phase::Frozen).await;
        if self.phase() == Phase::Dead {
            pending::<()>().await;
        }
    }

    /// Comes back when the generation is dead.
    pub(crate) async fn died(&self) {
        self.until(|phase| phase == Phase::Dead).await;
    }
}
