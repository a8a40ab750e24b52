//! What the object store says, read past every node and every fault: who owns which shard, and what stands in its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use enabler_config::Secret;
use enabler_s3::{Bucket, Settings};
use enabler_storage::chance::Chance;
use enabler_storage::log::{self, Position};
use enabler_storage::objects::ObjectStore;
use enabler_storage::record::{DocumentId, Op};
use sha2::{Digest, Sha256};

use crate::cluster::{BUCKET, PREFIX};
use crate::error::LiveError;
use crate::paper::{note, varied};

/// The tenant of the key that all nodes share.
const TENANT: &str = "default";

/// The store behind the nodes' backs.
#[derive(Clone)]
pub struct Truth {
    store: Arc<dyn ObjectStore>,
    hash_seed: u64,
    shards: u32,
}

/// What the log says of one document.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Told {
    /// Times that it was accepted.
    pub accepted: usize,
    /// How it ended, each time that it did: `ready` or the code of the failure, with the moment.
    pub results: Vec<(String, u64)>,
    /// Times that it was deleted.
    pub deleted: usize,
    /// Its last revision.
    pub revision: u32,
}

/// The bucket at `endpoint`.
async fn bucket(endpoint: &str) -> Result<Arc<dyn ObjectStore>, LiveError> {
    let settings = Settings {
        prefix: PREFIX.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        path_style: true,
        access_key: Some(Secret::new("test")),
        secret_key: Some(Secret::new("test")),
        ..Settings::new(BUCKET, "us-east-1")
    };
    Ok(Arc::new(Bucket::open(settings).await.map_err(LiveError::store("opening the bucket"))?))
}

impl Truth {
    /// The truth of a cluster that has started once.
    pub async fn behind(endpoint: &str) -> Result<Self, LiveError> {
        let store = bucket(endpoint).await?;
        let cluster =
            log::read_cluster(&*store).await.map_err(LiveError::store("reading the cluster's record"))?;
        let cluster = cluster.ok_or_else(|| LiveError::Unrest("no node has begun a cluster".to_owned()))?;
        Ok(Self { store, hash_seed: cluster.hash_seed, shards: cluster.shard_count })
    }

    /// The store itself, past every node.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The owner of each shard that has one, and its epoch.
    pub async fn owners(&self) -> Result<BTreeMap<u32, (String, u64)>, LiveError> {
        let mut owners = BTreeMap::new();
        for shard in 0..self.shards {
            let manifest = log::read_manifest(&*self.store, shard).await;
            let manifest = manifest.map_err(LiveError::store("reading a shard's manifest"))?;
            let Some(manifest) = manifest.map(|found| found.value) else { continue };
            if let Some(owner) = manifest.owner {
                owners.insert(shard, (owner.node, manifest.epoch));
            }
        }
        Ok(owners)
    }

    /// Shards that `node` owns.
    pub async fn owned_by(&self, node: &str) -> Result<Vec<u32>, LiveError> {
        let owners = self.owners().await?;
        Ok(owners.into_iter().filter(|(_, (owner, _))| owner == node).map(|(shard, _)| shard).collect())
    }

    /// The shard of a document; `None` for what is no document's id.
    #[must_use]
    pub fn shard_of(&self, id: &str) -> Option<u32> {
        Some(id.parse::<DocumentId>().ok()?.shard(self.hash_seed, self.shards))
    }

    /// A note with `line` whose document comes into `shard`, or into any.
    #[must_use]
    pub fn paper(&self, line: &str, shard: Option<u32>, chance: &dyn Chance) -> Vec<u8> {
        let plain = note(&[line]);
        loop {
            let bytes = varied(plain.clone(), chance.next_u64());
            let content: [u8; 32] = Sha256::digest(&bytes).into();
            if shard.is_none_or(|shard| self.shard_of_content(&content) == shard) {
                return bytes;
            }
        }
    }

    /// The shard in which all uploads of some bytes meet (decision 0011), by the SHA-256 of the bytes.
    fn shard_of_content(&self, sha256: &[u8; 32]) -> u32 {
        let mut hash = blake3::Hasher::new();
        hash.update(TENANT.as_bytes()).update(sha256);
        let mut id = [0; 16];
        hash.finalize_xof().fill(&mut id);
        DocumentId(id).shard(self.hash_seed, self.shards)
    }

    /// Every document of every log. Reading verifies that each log is one chain: dense, linked, epochs never falling.
    /// Otherwise what is wrong with which log.
    pub async fn told(&self) -> Result<BTreeMap<DocumentId, Told>, String> {
        let mut all: BTreeMap<DocumentId, Told> = BTreeMap::new();
        for shard in 0..self.shards {
            let mut replay = log::replay(self.store.clone(), shard, Position::default());
            loop {
                let next =
                    replay.next().await.map_err(|error| format!("the log of shard {shard}: {error}"))?;
                let Some(entry) = next else { break };
                entry.entry.ops.iter().for_each(|op| tell(&mut all, op));
            }
        }
        Ok(all)
    }
}

fn tell(all: &mut BTreeMap<DocumentId, Told>, op: &Op) {
    let Some(id) = op.document_id() else { return };
    let told = all.entry(id).or_default();
    match op {
        Op::Accepted { document } => {
            told.accepted += 1;
            told.revision = told.revision.max(document.revision);
        }
        Op::Ready { processed_ms, .. } => told.results.push(("ready".to_owned(), *processed_ms)),
        Op::Failed { reason, processed_ms, .. } => told.results.push((reason.code.clone(), *processed_ms)),
        Op::Deleted { .. } => told.deleted += 1,
        Op::PagesRead { .. } | Op::ChunksEmbedded { .. } | Op::Fence => {}
    }
}
