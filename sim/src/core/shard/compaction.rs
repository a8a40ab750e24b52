//! Keeps a simulated log short with the production's snapshots and removals.

use std::time::Duration;

use enabler_storage::log::compact::{self, Backlog, Limits};
use enabler_storage::log::{self, Head, SnapshotRef, Spool};
use enabler_storage::plant;

use super::{Actor, Message, Mode, State, locked};
use crate::core::rows::Rows;
use crate::trace::What;

/// So small that a snapshot of a few documents has several parts.
const PART_BYTES_MAX: usize = 700;

impl Actor {
    pub(super) fn compact_later(&self, state: &mut State, now: bool) {
        let Mode::Serving(serving) = &mut state.mode else { return };
        let seq = serving.owner.position().seq;
        let after = self.node.world.scene.compact_after;
        let is_time = now || seq - serving.looked_seq.min(seq) >= after;
        if after == 0 || serving.looks || !is_time {
            return;
        }
        (serving.looks, serving.looked_seq) = (true, seq);
        let (node, shard, epoch) = (self.node.clone(), self.number, serving.owner.epoch());
        let held = serving.following.held.clone();
        self.node.spawn(async move {
            let actor = Actor { node: node.clone(), number: shard };
            let made = actor.compact(epoch, &held).await;
            if let Some(cell) = node.cell(shard) {
                let _ = cell.mailbox.offer(Message::Compacted(made));
            }
        });
    }

    async fn compact(
        &self,
        epoch: u64,
        held: &std::sync::Arc<std::sync::Mutex<super::Held>>,
    ) -> Option<SnapshotRef> {
        let (store, world) = (&*self.node.means.store, &self.node.world);
        let manifest = log::read_manifest(store, self.number).await.ok()??.value;
        if manifest.epoch != epoch {
            return None;
        }
        let (now_ms, keeps) = (self.node.means.clock.now_ms(), self.node.means.keeps);
        let collected = log::collect(store, self.number, &manifest, now_ms, keeps).await.ok()?;
        if collected.entries > 0 {
            world.sometimes("entries were removed");
        }
        let floor = manifest.floor_seq;
        let limits = Limits {
            bytes: 1,
            dead_percent: 10,
            erasure: Duration::from_secs(3_600),
            entries_min: world.scene.compact_after,
        };
        let early = locked(held).rows.clone();
        let measured = log::measure(store, self.number, floor, limits.bytes).await.ok()?;
        let (rows, position): (Rows, _) = {
            let held = locked(held);
            (if plant::here("snapshot-of-two-moments") { early } else { held.rows.clone() }, held.position)
        };
        let backlog = Backlog {
            entries: measured.entries,
            bytes: measured.bytes,
            documents: rows.documents.len() as u64,
            erased: rows.tombstones.values().filter(|seq| **seq > floor).count() as u64,
            oldest_erasure: None,
        };
        if !compact::is_due(&backlog, &limits) {
            return None;
        }
        world.judge.restored(&self.node.id.name, self.number, position.seq, &rows);
        let spooled = {
            let head = Head { position, dimensions: 0, model_id: String::new() };
            let mut spool = Spool::create(world.spool_dir(), head, PART_BYTES_MAX).ok()?;
            for line in rows.lines() {
                spool.push(&line).ok()?;
            }
            spool.finish().ok()?
        };
        let written = log::write_snapshot(store, self.number, epoch, &spooled).await;
        world.sometimes("a snapshot was written");
        written.ok()
    }

    pub(super) async fn compacted(&self, state: &mut State, made: Option<SnapshotRef>) {
        let Mode::Serving(serving) = &mut state.mode else { return };
        serving.looks = false;
        if let Some(snapshot) = made
            && let Err(error) = serving.owner.name_snapshot(snapshot).await
        {
            self.node
                .engine()
                .event(What::Note, Some(self.number), None, || format!("naming a snapshot: {error}"));
        }
    }
}
