//! What this node tells those who watch it: what was recorded, and what is looked up when they ask.

pub(crate) mod emf;
mod process;
pub(crate) mod store;
pub(crate) mod traces;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use enabler_actors::calls::{STORE_DOWN, STORE_FACT};
use enabler_actors::crew::role;
use enabler_actors::topology::Actors;
use enabler_config::Settings;
use enabler_http::{Api as _, Metrics};
use enabler_telemetry::Seen;
use tokio::time::timeout;

use crate::api::{NodeApi, Started};
use crate::doors::Waiting;
use crate::membership;

/// How long the store or the cache may take to say that it is there.
const LOOK_TIME_MAX: Duration = Duration::from_millis(800);

/// Tells the metrics of one node, over all its generations.
pub(crate) struct Exporter {
    pub(crate) settings: Settings,
    pub(crate) started: Started,
    pub(crate) api: Arc<NodeApi>,
    pub(crate) audit: Waiting,
}

#[async_trait]
impl Metrics for Exporter {
    async fn text(&self) -> (String, &'static str) {
        let (roles, seen) = self.seen().await;
        (enabler_telemetry::text(&self.settings.node.name, &roles, &seen), enabler_telemetry::CONTENT_TYPE)
    }
}

impl Exporter {
    /// The node's roles, and what is looked up now.
    async fn seen(&self) -> (Vec<String>, Seen) {
        let (roles, mut seen) = (membership::roles(&self.settings), Seen::default());
        let named = roles.join(",");
        seen.add("rag_enabler_build_info", &[env!("CARGO_PKG_VERSION"), &named], 1.0);
        let ready = self.api.ready().await.ready;
        seen.add("rag_enabler_ready", &[], f64::from(u8::from(ready)));
        seen.add("rag_enabler_audit_lines_waiting", &[], self.audit.count() as f64);
        let (data, models) = (self.settings.data.dir.clone(), self.settings.models.dir.clone());
        let looked = tokio::task::spawn_blocking(move || process::look(&data, &models)).await;
        process::tell(&looked.unwrap_or_default(), &mut seen);
        if let Some(actors) = self.started.now() {
            actors.panel.here().measure(&mut seen).await;
            self.cache(&actors, &mut seen).await;
            store(&actors, &mut seen).await;
            workers(&actors, &mut seen);
        }
        (roles, seen)
    }

    async fn cache(&self, actors: &Actors, seen: &mut Seen) {
        let usage = timeout(LOOK_TIME_MAX, actors.cache.usage()).await.unwrap_or_default();
        if let Some((bytes, bytes_max)) = usage.node {
            seen.add("rag_enabler_cache_memory_bytes", &["node"], bytes as f64);
            seen.add("rag_enabler_cache_memory_max_bytes", &["node"], bytes_max as f64);
        }
        if let Some((bytes, bytes_max)) = usage.redis {
            seen.add("rag_enabler_cache_memory_bytes", &["redis"], bytes as f64);
            if let Some(bytes_max) = bytes_max {
                seen.add("rag_enabler_cache_memory_max_bytes", &["redis"], bytes_max as f64);
            }
        }
        if !self.settings.cache.url.is_empty() {
            let is_up = matches!(timeout(LOOK_TIME_MAX, actors.cache.is_up()).await, Ok(true));
            seen.add("rag_enabler_cache_up", &[], f64::from(u8::from(is_up)));
        }
    }
}

/// Whether the store takes this node's beats; a node alone, which has none, asks it.
async fn store(actors: &Actors, seen: &mut Seen) {
    let is_up = match actors.panel.here().own_fact(STORE_FACT).as_deref() {
        Some(fact) => fact != STORE_DOWN,
        None => {
            let look = actors.intake.store.list_after("v1/cluster", None, 1);
            matches!(timeout(LOOK_TIME_MAX, look).await, Ok(Ok(_)))
        }
    };
    seen.add("rag_enabler_store_up", &[], f64::from(u8::from(is_up)));
}

/// Queues, workers and models of this node.
fn workers(actors: &Actors, seen: &mut Seen) {
    const DEPTH: &str = "rag_enabler_queue_depth";
    const WORKERS: &str = "rag_enabler_pool_workers";
    const LOADED: &str = "rag_enabler_model_loaded";
    let here = actors.crew.here();
    if let Some((queue, ..)) = &here.reading {
        seen.add(DEPTH, &[role::OCR], queue.depth().0 as f64);
    }
    if let Some((address, shared)) = &here.embedding {
        seen.add(DEPTH, &[role::EMBEDDING], (address.depth() + shared.waiting()) as f64);
        let busy = shared.is_busy();
        seen.add(WORKERS, &[role::EMBEDDING, "busy"], f64::from(u8::from(busy)));
        seen.add(WORKERS, &[role::EMBEDDING, "idle"], f64::from(u8::from(!busy)));
        seen.add(LOADED, &[&actors.embedding_model], f64::from(u8::from(shared.model().is_ok())));
    }
    if let Some((hosts, streams)) = &here.hosts {
        let mailboxes: usize = hosts.iter().map(|(_, address)| address.depth()).sum();
        let waiting: usize = actors.hosts.iter().map(|(_, standing)| standing.waiting()).sum();
        let busy: usize = actors.hosts.iter().map(|(_, standing)| standing.busy()).sum();
        let loaded =
            actors.hosts.iter().filter(|(_, standing)| matches!(standing.get(), Some(Ok(())))).count();
        let width = *streams as usize * loaded;
        seen.add(DEPTH, &[role::GENERATION], (mailboxes + waiting) as f64);
        seen.add(WORKERS, &[role::GENERATION, "busy"], busy as f64);
        seen.add(WORKERS, &[role::GENERATION, "idle"], width.saturating_sub(busy) as f64);
    }
    for (model, standing) in &actors.hosts {
        // One that nobody asked for is neither loaded nor missed.
        let is_wanted = actors.writer.as_ref().is_some_and(|writer| writer.is(standing));
        match standing.get() {
            None if !is_wanted => {}
            told => seen.add(LOADED, &[model], f64::from(u8::from(matches!(told, Some(Ok(())))))),
        }
    }
    let judges = here.judges.iter().flat_map(|judges| judges.iter());
    let refused = judges.filter(|judge| judge.standing.is_refused()).count();
    seen.add("rag_enabler_rules_refused", &[], refused as f64);
}
