//! What the store says, for a test that fails when it cannot be read.

use std::collections::BTreeMap;
use std::ops::Deref;

/// The store behind the nodes' backs.
pub(super) struct Truth(pub(super) enabler_sim_live::Truth);

impl Deref for Truth {
    type Target = enabler_sim_live::Truth;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Truth {
    /// The owner of each shard that has one, and its epoch.
    pub(super) async fn owners(&self) -> BTreeMap<u32, (String, u64)> {
        self.0.owners().await.unwrap()
    }

    /// Shards that `node` owns.
    pub(super) async fn owned_by(&self, node: &str) -> Vec<u32> {
        self.0.owned_by(node).await.unwrap()
    }

    pub(super) fn shard_of(&self, id: &str) -> u32 {
        self.0.shard_of(id).expect("a document's id")
    }
}
