//! Makes a shard's index durable from time to time, beside whatever the shard does.

use std::sync::Arc;

use enabler_cluster::actor::{Context, Fault};

use super::shelf::Index;
use super::{Message, Mode, Shard, State, blocking};

impl Shard {
    /// Begins to make the index durable, unless that is under way. It takes as long as the disk takes for a dozen files, and
    /// uploads, readers and a hand-over would wait behind it.
    pub(super) fn upkeep(&self, context: &Context<Message>, state: &mut State) {
        let Some(index) = state.part.index().filter(|_| !state.flushing) else { return };
        let (index, address) = (index.clone(), context.address().clone());
        state.flushing = true;
        tokio::spawn(async move {
            let flushed = index.clone();
            let outcome = blocking("looking after the index", move || flushed.flush()).await;
            let _ = address.send(Message::Flushed(index, outcome)).await;
        });
    }

    /// The index is durable, or cannot be: a disk that is full or broken, and another node should have the shard.
    pub(super) fn flushed(
        &self,
        context: &Context<Message>,
        state: &mut State,
        index: &Arc<Index>,
        outcome: Result<(), Fault>,
    ) {
        state.flushing = false;
        // One that is no longer held may well be closed by now.
        let is_held = state.part.index().is_some_and(|held| Arc::ptr_eq(held, index));
        if let Err(fault) = outcome
            && is_held
        {
            self.refuse(context, state, &fault);
        }
    }
}

impl Mode {
    fn index(&self) -> Option<&Arc<Index>> {
        match self {
            Self::Resting => None,
            Self::Following(following) => Some(&following.index),
            Self::Serving(serving) => Some(&serving.following.index),
        }
    }
}
