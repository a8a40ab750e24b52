//! Keeps a shard's log short: a snapshot when it has grown, and the removal of what the snapshot stands in for.

use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::actor::{Context, Fault};
use enabler_cluster::address::Reply;
use enabler_storage::log::compact::{self, Backlog, Limits};
use enabler_storage::log::{self, Manifest, SnapshotRef};
use tokio::time::Instant;

use super::serving::Serving;
use super::{Message, Mode, Shard, State, blocking};

/// How often the length of the log is looked at: each look is a listing.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// Entries after which it is looked at sooner.
const LOOK_AFTER_ENTRIES: u64 = 1_000;

/// When the log was looked at last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    at: Instant,
    seq: u64,
    is_under_way: bool,
}

impl Looked {
    /// A shard that begins to be served is looked at with its first entries, not at once with all others.
    pub(super) fn now(seq: u64) -> Self {
        Looked { at: Instant::now(), seq, is_under_way: false }
    }
}

impl Shard {
    /// Looks at the log in the background, if it is time.
    pub(super) fn compact_later(&self, context: &Context<Message>, serving: &mut Serving) {
        let (looked, seq) = (serving.looked, serving.owner.position().seq);
        let is_time = looked.at.elapsed() >= LOOK_EVERY || seq - looked.seq.min(seq) >= LOOK_AFTER_ENTRIES;
        if looked.is_under_way || !is_time {
            return;
        }
        serving.looked = Looked { at: Instant::now(), seq, is_under_way: true };
        let (shard, index) = (self.clone(), serving.following.index.clone());
        let (epoch, address) = (serving.owner.epoch(), context.address().clone());
        tokio::spawn(async move {
            let made = shard.compact(&index, epoch).await.map_err(|fault| fault.reason);
            let _ = address.send(Message::Compacted(made)).await;
        });
    }

    /// Writes a snapshot if one is due; the manifest does not name it yet. Removes what an earlier one replaced.
    async fn compact(&self, index: &Arc<super::Index>, epoch: u64) -> Result<Option<SnapshotRef>, Fault> {
        let (store, shard, limits) = (&*self.means.store, self.number, Limits::default());
        let wrong = |error: log::LogError| Fault::from_error("looking at the length of the log", &error);
        let Some(manifest) = log::read_manifest(store, shard).await.map_err(wrong)? else { return Ok(None) };
        let manifest = manifest.value;
        if manifest.epoch != epoch {
            return Ok(None);
        }
        self.collect(&manifest).await?;
        let floor = manifest.floor_seq;
        let measured = log::measure(store, shard, floor, limits.bytes).await.map_err(wrong)?;
        let weighed = index.clone();
        let weight = blocking("weighing the shard", move || weighed.weigh(floor)).await?;
        let backlog = Backlog {
            entries: measured.entries,
            bytes: measured.bytes,
            documents: weight.documents,
            erased: weight.erased,
            oldest_erasure: self.age_of(weight.oldest_erasure_seq).await?,
        };
        if !compact::is_due(&backlog, &limits) {
            return Ok(None);
        }
        self.snapshot(index, epoch).await.map(Some)
    }

    async fn snapshot(&self, index: &Arc<super::Index>, epoch: u64) -> Result<SnapshotRef, Fault> {
        let exported = index.clone();
        let export = move || exported.export(log::PART_BYTES_MAX);
        let spooled = blocking("writing a snapshot", export).await?;
        let written = log::write_snapshot(&*self.means.store, self.number, epoch, &spooled).await;
        written.map_err(|error| Fault::from_error("storing a snapshot", &error))
    }

    /// Begins a snapshot in the background because something that was deleted must not wait for the next one.
    pub(super) fn compact_now(
        &self,
        context: &Context<Message>,
        state: &mut State,
        reply: Reply<Result<(), String>>,
    ) {
        let Mode::Serving(serving) = &mut state.part else {
            return reply.send(Err("another node owns the shard".to_owned()));
        };
        if serving.looked.is_under_way {
            return reply.send(Err("a snapshot is being written already".to_owned()));
        }
        let seq = serving.owner.position().seq;
        serving.looked = Looked { at: Instant::now(), seq, is_under_way: true };
        let (shard, index) = (self.clone(), serving.following.index.clone());
        let (epoch, address) = (serving.owner.epoch(), context.address().clone());
        tokio::spawn(async move {
            let named = log::read_manifest(&*shard.means.store, shard.number).await;
            let named = named.ok().flatten().and_then(|manifest| manifest.value.snapshot);
            let made = match named {
                Some(named) if named.position.seq >= seq => Ok(None),
                _ => shard.snapshot(&index, epoch).await.map(Some).map_err(|fault| fault.reason),
            };
            let _ = address.send(Message::CompactedNow(made, reply)).await;
        });
    }

    /// Names the snapshot that was asked for.
    pub(super) async fn compacted_now(
        &self,
        state: &mut State,
        made: Result<Option<SnapshotRef>, String>,
        reply: Reply<Result<(), String>>,
    ) {
        let Mode::Serving(serving) = &mut state.part else {
            return reply.send(Err("another node owns the shard now".to_owned()));
        };
        serving.looked.is_under_way = false;
        reply.send(match made {
            Ok(None) => Ok(()),
            Ok(Some(snapshot)) => {
                let named = serving.owner.name_snapshot(snapshot).await;
                named.map_err(|error| Fault::from_error("naming a snapshot", &error).reason)
            }
            Err(why) => Err(why),
        });
    }

    async fn age_of(&self, seq: Option<u64>) -> Result<Option<Duration>, Fault> {
        let Some(seq) = seq else { return Ok(None) };
        let entry = log::read_entry(&*self.means.store, self.number, seq).await;
        let entry = entry.map_err(|error| Fault::from_error("reading the entry of a deletion", &error))?;
        let now_ms = self.means.clock.now_ms();
        Ok(entry.map(|entry| Duration::from_millis(now_ms.saturating_sub(entry.entry.wall_ms))))
    }

    async fn collect(&self, manifest: &Manifest) -> Result<(), Fault> {
        let now_ms = self.means.clock.now_ms();
        let collected =
            log::collect(&*self.means.store, self.number, manifest, now_ms, self.means.keeps).await;
        let collected = collected.map_err(|error| Fault::from_error("removing old entries", &error))?;
        if collected.entries + collected.snapshots > 0 {
            tracing::info!(shard = self.number, ?collected, "removed what a snapshot stands in for");
        }
        Ok(())
    }

    /// Names a snapshot in the manifest: from then on a reader starts there.
    pub(super) async fn compacted(
        &self,
        context: &Context<Message>,
        state: &mut State,
        made: Result<Option<SnapshotRef>, String>,
    ) -> Result<(), Fault> {
        let Mode::Serving(serving) = &mut state.part else { return Ok(()) };
        serving.looked.is_under_way = false;
        match made {
            Ok(None) => {}
            Ok(Some(snapshot)) => {
                let seq = snapshot.position.seq;
                match serving.owner.name_snapshot(snapshot).await {
                    Ok(()) => tracing::info!(shard = self.number, seq, "a snapshot stands in for the log"),
                    Err(error) => {
                        let fault = Fault::from_error("naming a snapshot", &error);
                        context.seat().failed("compact", fault.reason, None);
                    }
                }
            }
            // The log stays as it is; the next look tries again.
            Err(why) => context.seat().failed("compact", why, None),
        }
        Ok(())
    }
}
