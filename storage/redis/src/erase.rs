//! Deletion: one rename makes a whole group invisible, then its values are removed in batches.

use enabler_storage::cache::{Cache, CacheError, Reach, reach_of};
use fred::interfaces::{KeysInterface, SortedSetsInterface};
use fred::types::Value;

use crate::cache::RedisCache;
use crate::link::{NoAnswer, is_absent};
use crate::names::{self, GENERATION};

/// Values removed in one round trip; the Redis frees them in the background.
const BATCH: i64 = 500;

/// How often a deletion looks again because another one is at work on the same group.
const ROUNDS_MAX: usize = 16;

/// Why a deletion is not done.
enum NotDone {
    No(NoAnswer),
    Busy,
}

impl From<NoAnswer> for NotDone {
    fn from(no: NoAnswer) -> Self {
        Self::No(no)
    }
}

impl RedisCache {
    /// Forgets a group or a tenant, here and in the Redis.
    pub(crate) async fn erase(&self, prefix: &str) -> Result<u64, CacheError> {
        // First, so that what is being put on this node meanwhile is not held.
        self.marks().delete(prefix);
        let _cannot_fail = self.near().delete_prefix(prefix).await;
        let erased = match reach_of(prefix) {
            Some(Reach::Group) => self.erase_group(prefix).await,
            Some(Reach::Tenant) => self.erase_tenant(prefix).await,
            None => {
                return Err(CacheError { what: format!("`{prefix}` is not a prefix that can be deleted") });
            }
        };
        erased.map_err(|not| CacheError {
            what: match not {
                NotDone::No(NoAnswer::Away) => self.note(),
                NotDone::No(NoAnswer::Failed(error)) => error.details().to_owned(),
                NotDone::Busy => "another deletion is at work on the same keys".to_owned(),
            },
        })
    }

    async fn erase_tenant(&self, tenant: &str) -> Result<u64, NotDone> {
        let mut erased = 0;
        for _ in 0..ROUNDS_MAX {
            let renamed = self.bury(tenant).await?;
            loop {
                let groups = self.buried(tenant).await?;
                if groups.is_empty() {
                    break;
                }
                for group in groups.iter().filter(|name| *name != GENERATION) {
                    erased += self.erase_group(group).await?;
                }
                let _: i64 = self.ask(self.link().client().zrem(names::tomb(tenant), groups)).await?;
            }
            if renamed != Buried::TombTaken {
                return Ok(erased);
            }
        }
        Err(NotDone::Busy)
    }

    async fn erase_group(&self, group: &str) -> Result<u64, NotDone> {
        let mut erased = 0;
        for _ in 0..ROUNDS_MAX {
            let renamed = self.bury(group).await?;
            erased += self.empty_tomb(group).await?;
            if renamed != Buried::TombTaken {
                return Ok(erased);
            }
        }
        Err(NotDone::Busy)
    }

    /// Renames the index to the tomb, which takes the generation away: from here on nothing of it is seen.
    async fn bury(&self, prefix: &str) -> Result<Buried, NotDone> {
        let client = self.link().client();
        match self.ask(client.renamenx::<i64, _, _>(names::index(prefix), names::tomb(prefix))).await {
            Ok(1) => Ok(Buried::Now),
            Ok(_) => Ok(Buried::TombTaken),
            Err(NoAnswer::Failed(error)) if is_absent(&error) => Ok(Buried::Nothing),
            Err(no) => Err(no.into()),
        }
    }

    /// Some of the names in the tomb.
    async fn buried(&self, prefix: &str) -> Result<Vec<String>, NotDone> {
        let client = self.link().client();
        Ok(self.ask(client.zrange(names::tomb(prefix), 0, BATCH - 1, None, false, None, false)).await?)
    }

    /// Removes the values that the tomb names. A name leaves the tomb after its value is gone, so that a deletion
    /// which is cut off goes on where it was.
    async fn empty_tomb(&self, group: &str) -> Result<u64, NotDone> {
        let mut erased = 0;
        loop {
            let members = self.buried(group).await?;
            if members.is_empty() {
                return Ok(erased);
            }
            let values: Vec<String> = members
                .iter()
                .filter(|name| *name != GENERATION)
                .map(|name| names::value(group, name))
                .collect();
            let replies: Vec<Value> = self
                .pipeline(async |pipeline| {
                    if !values.is_empty() {
                        let _: () = pipeline.unlink(values).await?;
                    }
                    let _: () = pipeline.zrem(names::tomb(group), members.clone()).await?;
                    pipeline.all().await
                })
                .await?;
            if let [unlinked, _] = replies.as_slice() {
                erased += unlinked.as_u64().unwrap_or_default();
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Buried {
    Now,
    /// There was nothing, but another deletion may still be emptying the tomb.
    Nothing,
    /// The tomb of an earlier deletion is not empty yet.
    TombTaken,
}
