//! A node's sign of life in the object store: a record that it alone rewrites, until it stops or is declared dead.

use std::sync::Arc;
use std::time::Duration;

use enabler_storage::clock::Clock;
use enabler_storage::log::{self, LogError, NodeRecord, Versioned};
use enabler_storage::objects::{ObjectStore, PutOutcome};
use enabler_storage::plant;

use crate::net::NodeId;

/// Reads of a swap's outcome before it is left for the next beat.
const READ_BACKS_MAX: u32 = 3;

/// What a beat came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// The record carries this number now.
    Alive(u64),
    /// The store does not answer.
    NoStore,
    /// Somebody declared this generation dead: it must own nothing any more.
    Dead,
}

/// The sign of life of one generation.
pub struct Lease {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    record: NodeRecord,
    held: Option<Versioned<NodeRecord>>,
}

impl Lease {
    /// The lease of the generation that `record` describes; nothing is written yet.
    pub fn new(store: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, record: NodeRecord) -> Self {
        Lease { store, clock, record, held: None }
    }

    /// Writes the next beat.
    pub async fn beat(&mut self) -> Beat {
        for _ in 0..READ_BACKS_MAX {
            let mut next = self.held.as_ref().map_or_else(|| self.record.clone(), |held| held.value.clone());
            next.beat += 1;
            next.beat_ms = self.clock.now_ms();
            let put = match &self.held {
                Some(held) => log::swap_node(&*self.store, &held.etag, &next).await,
                None => log::create_node(&*self.store, &next).await,
            };
            match put {
                Ok(PutOutcome::Done(etag)) => {
                    let beat = next.beat;
                    self.held = Some(Versioned { value: next, etag });
                    return Beat::Alive(beat);
                }
                Ok(PutOutcome::Exists | PutOutcome::Changed | PutOutcome::Unknown(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "writing a beat");
                    return Beat::NoStore;
                }
            }
            // Our own write whose answer was lost, or a declaration of death.
            match log::read_node(&*self.store, &self.record.node, self.record.generation).await {
                Ok(Some(mut found)) if plant::here("beat-overwrites-a-death") => {
                    found.value.ended = false;
                    self.held = Some(found);
                }
                Ok(Some(found)) if found.value.ended => return Beat::Dead,
                Ok(found) => self.held = found,
                Err(_) => return Beat::NoStore,
            }
        }
        Beat::NoStore
    }

    /// Says that this generation has ended: its shards may be claimed at once.
    pub async fn end(&mut self) {
        let id = NodeId { name: self.record.node.clone(), generation: self.record.generation };
        if let Err(error) = declare_ended(&*self.store, &id).await {
            tracing::warn!(%error, "the end of this node was not written down; its lease runs out instead");
        }
    }
}

/// What the store says of another generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Its last beat.
    Beat(u64),
    /// It has ended, was declared dead, or was never there.
    Ended,
}

/// Reads the sign of life of `id`.
///
/// # Errors
/// If the store fails or the record is damaged.
pub async fn sign_of(store: &dyn ObjectStore, id: &NodeId) -> Result<Sign, LogError> {
    let found = log::read_node(store, &id.name, id.generation).await;
    if found.is_err() && plant::here("unread-sign-is-an-end") {
        return Ok(Sign::Ended);
    }
    Ok(match found? {
        Some(found) if !found.value.ended => Sign::Beat(found.value.beat),
        Some(_) | None => Sign::Ended,
    })
}

/// Whether the store says that `id` has ended or was declared dead; a generation without a record has not.
///
/// # Errors
/// If the store fails or the record is damaged.
pub async fn has_ended(store: &dyn ObjectStore, id: &NodeId) -> Result<bool, LogError> {
    let found = log::read_node(store, &id.name, id.generation).await?;
    Ok(found.is_some_and(|found| found.value.ended && !plant::here("dead-generation-claims")))
}

/// Declares a generation dead: it learns of it at its next beat and never owns anything again.
///
/// # Errors
/// If the store fails; a record that somebody else changes meanwhile is left to the next try.
pub async fn declare_ended(store: &dyn ObjectStore, id: &NodeId) -> Result<(), LogError> {
    for _ in 0..READ_BACKS_MAX {
        let Some(found) = log::read_node(store, &id.name, id.generation).await? else { return Ok(()) };
        if found.value.ended {
            return Ok(());
        }
        let ended = NodeRecord { ended: true, ..found.value };
        if let PutOutcome::Done(_) = log::swap_node(store, &found.etag, &ended).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// How often a beat is written for a lease of this length: one may be lost without the lease being so.
pub fn beat_every(lease: Duration) -> Duration {
    lease / 3
}

#[cfg(test)]
mod tests {
    use enabler_storage::clock::SystemClock;
    use enabler_storage::objects::{Fault, Memory};

    use super::*;

    fn lease(store: &Arc<Memory>) -> (Lease, NodeId) {
        let record = NodeRecord { node: "a".to_owned(), generation: 7, ..NodeRecord::default() };
        let id = NodeId { name: "a".to_owned(), generation: 7 };
        (Lease::new(store.clone(), Arc::new(SystemClock), record), id)
    }

    #[tokio::test]
    async fn a_generation_that_was_declared_dead_learns_of_it_and_stays_dead() {
        let store = Arc::new(Memory::new());
        let (mut lease, id) = lease(&store);
        assert_eq!(lease.beat().await, Beat::Alive(1));
        assert_eq!(lease.beat().await, Beat::Alive(2));
        assert_eq!(sign_of(&*store, &id).await.unwrap(), Sign::Beat(2));
        declare_ended(&*store, &id).await.unwrap();
        assert_eq!(lease.beat().await, Beat::Dead);
        assert_eq!(lease.beat().await, Beat::Dead);
        assert_eq!(sign_of(&*store, &id).await.unwrap(), Sign::Ended);
    }

    #[tokio::test]
    async fn a_beat_whose_answer_was_lost_is_no_death() {
        let store = Arc::new(Memory::new());
        let (mut lease, id) = lease(&store);
        assert_eq!(lease.beat().await, Beat::Alive(1));
        store.schedule([Fault::AnswerLost]);
        assert!(matches!(lease.beat().await, Beat::Alive(_)));
        assert!(matches!(sign_of(&*store, &id).await.unwrap(), Sign::Beat(beat) if beat >= 2));
    }

    #[tokio::test]
    async fn a_node_that_stopped_in_peace_leaves_an_ended_record() {
        let store = Arc::new(Memory::new());
        let (mut lease, id) = lease(&store);
        lease.beat().await;
        lease.end().await;
        assert_eq!(sign_of(&*store, &id).await.unwrap(), Sign::Ended);
    }
}
