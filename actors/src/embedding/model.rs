//! A model that embeds: one of ours, in this process, or a provider's.

use std::sync::Arc;
use std::time::Duration;

use enabler_inference::embedding::{Embedder, Input};
use enabler_providers::{Embeds, Identity};
use tokio::time::Instant;

use super::{Failure, Text};

/// How long a provider may take to say which model it has; it may have to load it.
const IDENTITY_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a provider may take for one batch, tries included; other batches wait behind it.
const BATCH_TIME_MAX: Duration = Duration::from_secs(60);

/// A model that embeds. Cheap to clone.
#[derive(Clone)]
pub enum Model {
    /// In this process.
    Own(Arc<Embedder>),
    /// Elsewhere.
    Far(Arc<dyn Embeds>, Identity),
}

impl Model {
    /// The model that a provider has.
    pub(super) async fn of_provider(far: Result<Arc<dyn Embeds>, String>) -> Result<Self, String> {
        let far = far?;
        let identity = far.identity(Instant::now() + IDENTITY_TIME_MAX).await;
        Ok(Self::Far(far, identity.map_err(|error| error.to_string())?))
    }

    /// Names the model with its version: vectors of two models with equal ids are comparable.
    pub fn model_id(&self) -> &str {
        match self {
            Self::Own(own) => own.model_id(),
            Self::Far(_, identity) => &identity.model_id,
        }
    }

    /// Tokens of a text; a provider's are estimated, on the large side, because what is too long is cut there.
    pub fn count_tokens(&self, text: &str) -> usize {
        match self {
            Self::Own(own) => own.count_tokens(text).unwrap_or(text.len()),
            Self::Far(..) => crate::question::tokens(text),
        }
    }

    /// What an operator reads.
    pub(super) fn note(&self) -> String {
        match self {
            Self::Own(own) => format!("{}, {} MB", own.model_id(), own.bytes() >> 20),
            Self::Far(_, identity) => identity.model_id.clone(),
        }
    }

    /// A vector for each text, or `None` if the computation panicked.
    pub(super) async fn embed(self, texts: Vec<Text>) -> Option<Result<Vec<Vec<f32>>, Failure>> {
        match self {
            Self::Own(own) => {
                let work = tokio::task::spawn_blocking(move || {
                    let inputs: Vec<_> =
                        texts.iter().map(|text| Input { kind: text.kind, text: &text.text }).collect();
                    let embedded = own.embed(&inputs).map_err(|error| Failure::Model(error.to_string()));
                    embedded.map(|all| all.into_iter().map(|one| one.vector).collect())
                });
                work.await.ok()
            }
            Self::Far(far, identity) => {
                let texts: Vec<String> = texts.into_iter().map(|text| text.text).collect();
                Some(match far.embed(&texts, Instant::now() + BATCH_TIME_MAX).await {
                    Ok(vectors) if vectors.iter().all(|vector| vector.len() == identity.dimensions) => {
                        Ok(vectors)
                    }
                    // Another model stands behind the name now: its vectors must not be mixed with those before.
                    Ok(_) => Err(Failure::Model("the provider's vectors have another length".to_owned())),
                    Err(error) if error.is_passing() => Err(Failure::Busy(error.to_string())),
                    Err(error) => Err(Failure::Model(error.to_string())),
                })
            }
        }
    }
}
