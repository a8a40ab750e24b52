//! Whether every shard is where it belongs and every node ready.

use enabler_cluster::decide::placement::{self, Candidate};

use super::{ALL, Cluster, SHARDS, Seat};
use crate::door::{POLL, STUCK_AFTER};
use crate::error::LiveError;
use crate::node::Node;

impl Cluster {
    /// Waits until every shard is owned by the node that shall own it, nobody else says so, and every node is ready.
    pub async fn calm(&self) -> Result<(), LiveError> {
        let calm = async {
            while !self.is_calm().await {
                tokio::time::sleep(POLL).await;
            }
        };
        match tokio::time::timeout(STUCK_AFTER, calm).await {
            Ok(()) => Ok(()),
            Err(_) => Err(LiveError::Unrest(self.state().await)),
        }
    }

    /// How every node sees itself and the cluster, for whoever looks for a cause.
    pub async fn state(&self) -> String {
        let owners = match self.truth().await {
            Ok(truth) => truth.owners().await,
            Err(error) => Err(error),
        };
        let mut state = format!("the store says {owners:?}\n");
        for seat in self.running() {
            let (door, note) = (&seat.door, seat.door.note("node/keeper").await);
            let (ready, owns) = (door.is_ready().await, door.owns().await);
            state += &format!("--- {} ready {ready} owns {owns:?}\nkeeper: {note:?}\n", door.name);
            state += &seat.node.as_ref().map(Node::last_words).unwrap_or_default();
            state += "\n";
        }
        state
    }

    fn running(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| seat.node.is_some())
    }

    async fn is_calm(&self) -> bool {
        let keeps = |seat: &&Seat| seat.roles == ALL || seat.roles.contains("documents");
        let candidates: Vec<Candidate<'_>> =
            self.running().filter(keeps).map(|seat| Candidate { name: &seat.door.name, weight: 1 }).collect();
        let belongs = |shard: u32| {
            let first = placement::rank(shard, &candidates).first().copied();
            first.and_then(|first| candidates.get(first)).map(|candidate| candidate.name)
        };
        for seat in self.running() {
            let owned: Vec<u32> = seat.door.owns().await.into_keys().collect();
            let own: Vec<u32> =
                (0..SHARDS).filter(|shard| belongs(*shard) == Some(seat.door.name.as_str())).collect();
            if owned != own || !seat.door.is_ready().await {
                return false;
            }
        }
        true
    }
}
