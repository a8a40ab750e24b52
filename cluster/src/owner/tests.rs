use enabler_storage::chance::SeededChance;
use enabler_storage::clock::ManualClock;
use enabler_storage::objects::{Fault, Memory};
use enabler_storage::record::DocumentId;

use super::*;
use crate::decide::claim::WHOEVER_HOLDS;

#[derive(Default)]
struct Ledger {
    position: Position,
    entries: Vec<SealedEntry>,
}

impl Follower for Ledger {
    fn position(&self) -> Position {
        self.position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        self.position = self.position.follow(entry).map_err(|error| FollowError::Index(error.to_string()))?;
        self.entries.push(entry.clone());
        Ok(())
    }
}

impl Ledger {
    fn deletions(&self) -> Vec<u8> {
        let ops = self.entries.iter().flat_map(|entry| &entry.entry.ops);
        ops.filter_map(Op::document_id).map(|id| id.0[0]).collect()
    }
}

fn means(store: &Arc<Memory>, seed: u64) -> Means {
    Means {
        store: store.clone(),
        clock: Arc::new(ManualClock::at(1)),
        chance: Arc::new(SeededChance::new(seed)),
        node: crate::net::NodeId { name: "node".to_owned(), generation: 1 },
        keeps: log::MIN_AGE,
    }
}

fn delete(n: u8) -> Vec<Op> {
    vec![Op::Deleted { document_id: DocumentId([n; 16]), reason: "requested".to_owned() }]
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_is_what_the_next_owner_reads() {
    let store = Arc::new(Memory::new());
    let mut ledger = Ledger::default();
    let mut owner = Owner::claim(means(&store, 1), 0, WHOEVER_HOLDS, &mut ledger).await.unwrap();
    for n in 1..=3 {
        owner.append(delete(n), &mut ledger).await.unwrap();
    }
    let mut next = Ledger::default();
    let owner = Owner::claim(means(&store, 2), 0, WHOEVER_HOLDS, &mut next).await.unwrap();
    assert_eq!((owner.epoch(), next.deletions()), (2, vec![1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_answer_is_lost_is_acknowledged_once() {
    let store = Arc::new(Memory::new());
    let mut ledger = Ledger::default();
    let mut owner = Owner::claim(means(&store, 1), 0, WHOEVER_HOLDS, &mut ledger).await.unwrap();
    store.schedule([Fault::AnswerLost]);
    let seq = owner.append(delete(7), &mut ledger).await.unwrap();
    assert_eq!(owner.append(delete(8), &mut ledger).await.unwrap(), seq + 1);
    let mut next = Ledger::default();
    Owner::claim(means(&store, 2), 0, WHOEVER_HOLDS, &mut next).await.unwrap();
    assert_eq!(next.deletions(), [7, 8]);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_never_arrived_is_put_again() {
    let store = Arc::new(Memory::new());
    let mut ledger = Ledger::default();
    let mut owner = Owner::claim(means(&store, 1), 0, WHOEVER_HOLDS, &mut ledger).await.unwrap();
    store.schedule([Fault::Lost, Fault::Lost]);
    owner.append(delete(7), &mut ledger).await.unwrap();
    assert_eq!(ledger.deletions(), [7]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_owner_can_write_nothing_after_the_fence() {
    let store = Arc::new(Memory::new());
    let (mut ledger, mut next) = (Ledger::default(), Ledger::default());
    let mut earlier = Owner::claim(means(&store, 1), 0, WHOEVER_HOLDS, &mut ledger).await.unwrap();
    let mut later = Owner::claim(means(&store, 2), 0, WHOEVER_HOLDS, &mut next).await.unwrap();
    later.append(delete(2), &mut next).await.unwrap();
    let refused = earlier.append(delete(1), &mut ledger).await.unwrap_err();
    assert!(matches!(refused, OwnError::Superseded { shard: 0, epoch: 2 }), "{refused}");
    assert_eq!(next.deletions(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_store_out_of_reach_leaves_an_append_undecided_and_never_acknowledged() {
    let store = Arc::new(Memory::new());
    let mut ledger = Ledger::default();
    let mut owner = Owner::claim(means(&store, 1), 0, WHOEVER_HOLDS, &mut ledger).await.unwrap();
    store.always(Some(Fault::Lost));
    let error = owner.append(delete(1), &mut ledger).await.unwrap_err();
    assert!(matches!(error, OwnError::Undecided { .. }), "{error}");
    assert!(ledger.deletions().is_empty());
}

/// Follows the log; at the first entry that it is told, a rival claims the shard from its own beginning to end.
struct Interrupted {
    ledger: Ledger,
    store: Arc<Memory>,
}

impl Follower for Interrupted {
    fn position(&self) -> Position {
        self.ledger.position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        if self.ledger.entries.is_empty() {
            let rival =
                Owner::claim(means(&self.store, 9), 0, WHOEVER_HOLDS, &mut Ledger::default()).await.unwrap();
            assert_eq!(rival.epoch(), 3);
        }
        self.ledger.apply(entry).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_overtaken_between_its_swap_and_its_fence_yields_and_writes_nothing() {
    let store = Arc::new(Memory::new());
    Owner::claim(means(&store, 1), 0, WHOEVER_HOLDS, &mut Ledger::default()).await.unwrap();
    let mut slow = Interrupted { ledger: Ledger::default(), store: store.clone() };
    let refused = Owner::claim(means(&store, 2), 0, WHOEVER_HOLDS, &mut slow).await.err().unwrap();
    assert!(matches!(refused, OwnError::Superseded { shard: 0, epoch: 3 }), "{refused:?}");
    // The log is still one that the next owner can follow.
    let next = Owner::claim(means(&store, 3), 0, WHOEVER_HOLDS, &mut Ledger::default()).await.unwrap();
    assert_eq!(next.epoch(), 4);
}
