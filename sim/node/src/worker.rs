//! A stand-in for the nodes that read pages and embed texts: it answers the same calls over the same links.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_actors::crew::role;
use enabler_actors::wire::{self, refusal};
use enabler_cluster::net::{Incoming, NodeId, ROLES, Refused, Service};
use enabler_storage::objects::Key;

use crate::bucket::Bucket;
use crate::dice::Dice;
use crate::fabric::Fabric;
use crate::gate::Gate;
use crate::paper;

/// What it takes to read a page, and to embed some texts.
const PAGE_MS: (u64, u64) = (20, 400);
const EMBED_MS: (u64, u64) = (10, 200);

/// A node with the roles `ocr` and `embedding`.
pub(crate) struct Worker {
    name: String,
    bucket: Arc<Bucket>,
    dice: Arc<Dice>,
    /// Whether work is refused and lost now and then.
    is_rough: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the worker `name`.
    pub(crate) fn start(
        name: &str,
        fabric: &Fabric,
        bucket: &Arc<Bucket>,
        is_rough: &Arc<AtomicBool>,
    ) -> Gate {
        let gate = Gate::new(NodeId { name: name.to_owned(), generation: 1 });
        let worker = Worker {
            name: name.to_owned(),
            bucket: bucket.clone(),
            dice: fabric.dice.clone(),
            is_rough: is_rough.clone(),
        };
        let roles = format!("{},{}", role::OCR, role::EMBEDDING);
        fabric.join(&gate, Arc::new(worker), [(ROLES.to_owned(), roles)].into());
        gate
    }

    async fn takes(&self, (low, high): (u64, u64)) -> Result<(), Refused> {
        let label = format!("work {}", self.name);
        if self.is_rough.load(Ordering::Relaxed) {
            match self.dice.draw(&label) % 100 {
                0..3 => return Err(Refused::Busy),
                // Far too slow: whoever waits gives up first.
                3..5 => tokio::time::sleep(Duration::from_secs(12)).await,
                5..7 => return Err(Refused::Code(refusal::INTERNAL, "the worker failed (drawn)".to_owned())),
                _ => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(self.dice.between(&label, low, high))).await;
        Ok(())
    }

    fn upload(&self, key: &str) -> Result<Bytes, Refused> {
        let found = Key::new(key).ok().and_then(|key| self.bucket.look(&key));
        found.ok_or_else(|| Refused::Code(refusal::ORIGINAL, format!("{key} is gone")))
    }
}

fn malformed<E: std::error::Error>(error: E) -> Refused {
    Refused::Code(refusal::MALFORMED, error.to_string())
}

#[async_trait]
impl Service for Worker {
    async fn serve(&self, _: &NodeId, call: Incoming) -> Result<Bytes, Refused> {
        match call.kind {
            wire::OPEN => {
                let wire::Open { blob } = wire::decode(&call.body).map_err(malformed)?;
                self.takes(PAGE_MS).await?;
                Ok(wire::encode(&wire::Opened { outcome: paper::open(&self.upload(&blob.key)?) }))
            }
            wire::PAGE => {
                let wire::ReadPage { blob, number } = wire::decode(&call.body).map_err(malformed)?;
                self.takes(PAGE_MS).await?;
                let page = paper::page(&self.upload(&blob.key)?, number);
                Ok(wire::encode(&wire::PageRead { outcome: Ok(page) }))
            }
            wire::EMBED => {
                let wire::Embed { texts, .. } = wire::decode(&call.body).map_err(malformed)?;
                self.takes(EMBED_MS).await?;
                let vectors = texts.iter().map(|(_, text)| paper::vector(text)).collect();
                Ok(wire::encode(&wire::Embedded { model_id: paper::MODEL.to_owned(), vectors }))
            }
            _ => Err(Refused::Unsupported),
        }
    }
}
