//! What of this node is told as metrics, looked up when somebody asks.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use enabler_cluster::decide::custody::Part;
use enabler_cluster::net::Reach;
use enabler_cluster::tree::{Look, Status};
use enabler_storage::shard::{Outcomes, ShardIndex};
use enabler_telemetry::Seen;
use tokio::time::Instant;

use super::Operator;
use crate::shard::View;

/// From when on a document that has not come on is told.
const STALLED_AFTER_MS: u64 = 60_000;
/// Documents that are told as stalled, and messages as set aside, at most: behind that an operator looks anyway.
const LIST_MAX: usize = 1_000;
/// How long it is believed how the documents of a shard ended that is written to: every one of them is looked at.
const OUTCOMES_AGE_MAX: Duration = Duration::from_secs(30);

/// How the documents of each shard ended, after which entry, and when that was looked up.
pub(super) type Known = BTreeMap<u32, (u64, Instant, Outcomes)>;

impl Operator {
    /// Adds what this node says of itself.
    pub async fn measure(&self, seen: &mut Seen) {
        let started = self.0.started_ms as f64 / 1_000.0;
        seen.add("rag_enabler_process_start_timestamp_seconds", &[], started);
        for (kind, count) in self.tree().kinds() {
            seen.add("rag_enabler_actors", &[kind], count as f64);
        }
        self.measure_cluster(seen);
        self.measure_shards(seen);
        self.measure_documents(seen).await;
        self.measure_workers(seen);
    }

    fn measure_cluster(&self, seen: &mut Seen) {
        let view = self.0.parts.net.view().borrow().clone();
        let alive = view.members.iter().filter(|member| member.is_alive()).count();
        let others = view.members.iter().filter(|member| member.id != view.me);
        let linked = others.filter(|member| member.reach == Reach::Linked).count();
        seen.add("rag_enabler_nodes_alive", &[], alive as f64);
        seen.add("rag_enabler_links_up", &[], linked as f64);
        let is_there = |number: u32| {
            let owner = self.0.parts.table.row(number).owner;
            owner.is_some_and(|(owner, _)| view.member(&owner).is_some_and(|member| member.is_alive()))
        };
        let unowned = (0..self.0.parts.shards.count).filter(|number| !is_there(*number)).count();
        seen.add("rag_enabler_shards_unowned", &[], unowned as f64);
    }

    fn measure_shards(&self, seen: &mut Seen) {
        for status in ["serving", "claiming", "following", "handing_over", "refused"] {
            seen.add("rag_enabler_shards", &[status], 0.0);
        }
        seen.most("rag_enabler_replica_lag_entries", &[], 0.0);
        for (address, view) in self.0.parts.shards.local.iter() {
            if let Some(status) = self.shard_status(address.path(), view) {
                seen.add("rag_enabler_shards", &[status], 1.0);
            }
            if view.standing().part == Part::Replica {
                seen.most("rag_enabler_replica_lag_entries", &[], view.lag() as f64);
            }
        }
    }

    fn shard_status(&self, path: &str, view: &View) -> Option<&'static str> {
        let standing = view.standing();
        let seat = self.tree().find(path);
        let is_draining = seat.as_ref().is_some_and(|seat| seat.status() == Status::Draining);
        let is_claiming = || {
            let note = seat.and_then(|seat| seat.noted()).unwrap_or_default();
            note.starts_with("claiming") || note.starts_with("opening")
        };
        match standing.part {
            Part::Owner if is_draining => Some("handing_over"),
            Part::Owner => Some("serving"),
            _ if view.refuses() => Some("refused"),
            _ if standing.is_coming || is_claiming() => Some("claiming"),
            Part::Replica => Some("following"),
            Part::None => None,
        }
    }

    async fn measure_documents(&self, seen: &mut Seen) {
        for (number, index) in self.owned() {
            let Some((_, view)) = self.0.parts.shards.get(number) else { continue };
            let applied = view.applied();
            let known = {
                let known = self.0.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                known.get(&number).copied()
            };
            let is_good = |(at, since, _): &(u64, Instant, Outcomes)| {
                *at == applied || since.elapsed() < OUTCOMES_AGE_MAX
            };
            let outcomes = match known.filter(is_good) {
                Some((.., outcomes)) => Some(outcomes),
                None => self.read(index, ShardIndex::outcomes).await,
            };
            let Some(outcomes) = outcomes else { continue };
            if known.is_none_or(|known| !is_good(&known)) {
                let mut known = self.0.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(number, (applied, Instant::now(), outcomes));
            }
            seen.add("rag_enabler_documents", &["processing"], outcomes.processing as f64);
            seen.add("rag_enabler_documents", &["ready"], outcomes.ready as f64);
            seen.add("rag_enabler_documents", &["failed"], outcomes.failed as f64);
        }
        let stalled = self.stalled_here(STALLED_AFTER_MS, LIST_MAX).await;
        for one in stalled["documents"].as_array().into_iter().flatten() {
            let stage = one["stage"].as_str().unwrap_or_default();
            seen.add("rag_enabler_documents_stalled", &[stage], 1.0);
        }
        if let Ok(letters) = self.dead_letters_here(LIST_MAX).await {
            let count = letters["dead_letters"].as_array().map_or(0, Vec::len);
            seen.add("rag_enabler_dead_letters", &[], count as f64);
        }
    }

    /// Workers of the pool of readers, by what each is doing.
    fn measure_workers(&self, seen: &mut Seen) {
        let look = Look { under: "node/ocr".to_owned(), depth: 1, limit: LIST_MAX, ..Look::default() };
        for found in self.tree().look(&look).0 {
            let status = match found.vitals.status {
                Status::Busy | Status::Stuck => "busy",
                Status::Restarting | Status::Failed | Status::Stopped => "restarting",
                _ => "idle",
            };
            seen.add("rag_enabler_pool_workers", &["ocr", status], 1.0);
        }
    }
}
