//! The models as a client of the API uses them by themselves: their names, and embeddings of a client's own texts.

use enabler_cluster::request::Request;

use crate::embedding::Text;
use crate::question::{AskFailure, refused};
use crate::router::Router;

/// Texts that are embedded by one call: so many of the longest fit a frame between nodes several times.
const TEXTS_AT_ONCE: usize = 32;

/// Texts that were embedded.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// A vector of unit length for each text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts: counted where the model is on this node, else estimated by their bytes.
    pub tokens: usize,
}

impl Router {
    /// The name of the embedding model.
    pub fn embedding_model(&self) -> &str {
        &self.calls.desk.embedding_model
    }

    /// The language models that some node has, the one that `auto` takes first.
    pub fn language_models(&self) -> Vec<String> {
        self.calls.crew.models()
    }

    /// Embeds a client's texts, a single one before everything that is not urgent.
    ///
    /// # Errors
    /// See [`AskFailure`].
    pub async fn embed(&self, request: &Request, texts: &[Text]) -> Result<Vectors, AskFailure> {
        let crew = &self.calls.crew;
        let mut vectors = Vec::with_capacity(texts.len());
        for part in texts.chunks(TEXTS_AT_ONCE) {
            // A single text is somebody's search; many are a job.
            let (_, embedded) = crew.embed(request, part, texts.len() == 1).await.map_err(refused)?;
            vectors.extend(embedded);
        }
        let here = crew.here().embedding.as_ref().and_then(|(_, shared)| shared.model().ok());
        let count = |text: &Text| {
            let counted = here.as_ref().map(|model| model.count_tokens(&text.text));
            counted.unwrap_or_else(|| crate::question::tokens(&text.text))
        };
        Ok(Vectors { vectors, tokens: texts.iter().map(count).sum() })
    }
}
