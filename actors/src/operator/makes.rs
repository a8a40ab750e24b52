//! Which documents' chunks and vectors were made with another model or chunker than the nodes are set to.

use std::sync::Arc;

use enabler_storage::record::{DocumentId, Make};
use serde::{Deserialize, Serialize};

use super::told::Question;
use super::{Operator, Panel};

/// What a node makes chunks with, and what it owns that was made with something else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Making {
    /// Its embedding model, or why it has none now; nothing where it embeds nothing.
    pub(crate) model: Option<Result<String, String>>,
    /// Its chunker; nothing where it reads no documents.
    pub(crate) chunker: Option<String>,
    /// Documents under way and texts that wait to be embedded: who makes something again stands behind them.
    pub(crate) waiting: u64,
    /// Shards that it owns.
    pub(crate) owned: u32,
    /// Ready documents of its shards that were made with something else; all of them if nobody said what is wanted.
    pub(crate) left: u64,
    /// Some of them, with their tenants, in the order of their ids.
    pub(crate) documents: Vec<(String, String)>,
}

/// What all nodes make with, and who of those that live did not say.
#[derive(Debug, Default)]
pub(crate) struct Makings {
    pub(crate) nodes: Vec<(String, Making)>,
    pub(crate) silent: Vec<String>,
    /// Shards of the store.
    pub(crate) shards: u32,
}

impl Operator {
    /// What this node makes with, and up to `limit` documents of its own that were not made with `wanted`.
    pub(super) async fn making_here(
        &self,
        wanted: Option<Make>,
        after: Option<DocumentId>,
        limit: usize,
    ) -> Making {
        let parts = &self.0.parts;
        let here = parts.crew.here();
        let embeds = here.embedding.as_ref();
        let mut making = Making {
            model: embeds.map(|(_, shared)| shared.model().map(|model| model.model_id().to_owned())),
            chunker: (!parts.shards.local.is_empty()).then(|| parts.chunker.clone()),
            waiting: embeds.map_or(0, |(_, shared)| shared.waiting() as u64),
            ..Making::default()
        };
        // No document was made with nothing.
        let (wanted, now_ms) = (Arc::new(wanted.unwrap_or_default()), self.now_ms());
        let mut found = Vec::new();
        for (_, index) in self.owned() {
            let (wanted, quarantine) = (wanted.clone(), parts.quarantine.clone());
            let looked = self.read(index, move |index| {
                let unfinished = index.counts()?.unfinished;
                let others = index.made_otherwise(&wanted, now_ms);
                let others = others.into_iter().filter(|id| !quarantine.holds(*id));
                let others: Vec<DocumentId> = others.collect();
                let next = others.iter().copied().filter(|id| after.is_none_or(|after| *id > after));
                let mut told = Vec::new();
                for id in next.take(limit) {
                    told.extend(index.document(id)?.map(|record| (id.to_string(), record.tenant)));
                }
                Ok((unfinished, others.len() as u64, told))
            });
            if let Some((unfinished, left, told)) = looked.await {
                making.waiting += unfinished;
                making.left += left;
                making.owned += 1;
                found.extend(told);
            }
        }
        found.sort_unstable();
        found.truncate(limit);
        making.documents = found;
        making
    }
}

impl Panel {
    /// What every node makes with, and which documents behind `after` were not made with `wanted`.
    pub(crate) async fn makings(&self, wanted: Option<&Make>, after: Option<&str>, limit: usize) -> Makings {
        let question = Question::Makings {
            model_id: wanted.map(|wanted| wanted.model_id.clone()),
            chunker: wanted.map(|wanted| wanted.chunker.clone()),
            after: after.map(str::to_owned),
            limit,
        };
        let mut makings = Makings { shards: self.operator.0.parts.shards.count, ..Makings::default() };
        for one in self.ask(&question, |_| true).await {
            let is_gone = one.member.is_some_and(|member| member.id != *self.me() && !member.is_alive());
            let told = one.answer.and_then(|told| {
                serde_json::from_value(told).map_err(|error| format!("it answered strangely: {error}"))
            });
            match told {
                Ok(making) => makings.nodes.push((one.node.name, making)),
                // Who is not heard makes nothing now, and others own what was its own.
                Err(_) if is_gone => {}
                Err(why) => makings.silent.push(format!("{}: {why}", one.node.name)),
            }
        }
        makings
    }
}
