//! Searches and answers over everything that a tenant has: every shard, on whichever node it is.
//!
//! A search without one of its shards is an error, never a shorter answer: "nothing was found" must mean that nothing is
//! there.

pub mod facts;
mod models;
mod query;
pub(crate) mod shard;

use enabler_cluster::request::Request;
use enabler_storage::index::fuse;
use enabler_storage::record::DocumentRecord;
use enabler_storage::shard::{Hit as Stored, TOP_K_MAX};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

pub use self::models::Vectors;
pub use self::query::Inquiry;
pub use crate::wire::Hit;

use crate::question::{AskFailure, Meant};
use crate::router::{Errand, RouteError, Router};
use crate::wire;

/// Shards that are asked at one time: each reading takes a thread of the node that holds it.
const SHARDS_AT_ONCE: usize = 16;

/// A search over everything that a tenant has.
#[derive(Debug, Clone, PartialEq)]
pub struct Seek {
    /// Whose documents.
    pub tenant: String,
    /// What is looked for, by its words and by its meaning.
    pub text: String,
    /// Facts that a document must have; see [`facts::fit`].
    pub filters: Vec<(String, String)>,
    /// Passages wanted, 1 to 100.
    pub top_k: usize,
}

impl Router {
    /// The best passages for `seek` among all documents of its tenant, best first.
    ///
    /// # Errors
    /// See [`AskFailure`]; also when a single shard cannot be asked.
    pub async fn search(&self, request: &Request, seek: &Seek) -> Result<Vec<Hit>, AskFailure> {
        let meant = self.calls.desk.vector_of(request, &seek.text).await?;
        self.scatter(request, seek, &seek.text, &meant).await
    }

    /// Asks every shard for `words` and what is `meant`, and fuses by score: a score is absolute (see
    /// [`enabler_storage::index::fuse`]), so hits of different shards compare.
    async fn scatter(
        &self,
        request: &Request,
        seek: &Seek,
        words: &str,
        meant: &Meant,
    ) -> Result<Vec<Hit>, AskFailure> {
        let top_k = seek.top_k.clamp(1, TOP_K_MAX);
        let errands = (0..self.shards.count).map(|shard| {
            let search = wire::Search {
                shard,
                tenant: seek.tenant.clone(),
                text: words.to_owned(),
                vector: meant.vector.clone(),
                filters: seek.filters.clone(),
                top_k: top_k as u32,
            };
            let body = wire::encode_search(&search, &meant.model_id);
            self.search_shard(request, Errand { shard, kind: wire::SEARCH, body, is_read: true })
        });
        let parts: Vec<Vec<Hit>> =
            stream::iter(errands).buffer_unordered(SHARDS_AT_ONCE).try_collect().await?;
        Ok(fuse::merge(parts.into_iter().flatten(), top_k, |hit| ((hit.document_id, hit.ordinal), hit.score)))
    }

    async fn search_shard(&self, request: &Request, errand: Errand) -> Result<Vec<Hit>, AskFailure> {
        match self.ask_shard::<wire::Searched>(request, &errand).await {
            Ok(searched) => Ok(searched.hits),
            Err(error) => Err(not_searched(errand.shard, error)),
        }
    }
}

fn not_searched(shard: u32, error: RouteError) -> AskFailure {
    match error {
        RouteError::Overloaded => AskFailure::Overloaded,
        RouteError::Ended(ended) => AskFailure::Ended(ended),
        RouteError::Unavailable(what) => {
            AskFailure::Unavailable(format!("shard {shard} of the knowledge base ({what})"))
        }
        error => AskFailure::Internal(format!("searching shard {shard}: {error}")),
    }
}

/// A passage with what is told of its document.
pub(crate) fn passage_of(hit: Stored, record: &DocumentRecord) -> Hit {
    let chunk = hit.chunk;
    Hit {
        document_id: hit.document_id,
        revision: hit.revision,
        ordinal: chunk.ordinal,
        page: chunk.page,
        start: chunk.start,
        end: chunk.end,
        text: chunk.text,
        context: chunk.context,
        boxes: chunk.boxes,
        score: hit.score,
        filename: record.filename.clone(),
        template: crate::documents::pages::template_of(record),
        metadata_json: record.metadata_json.clone(),
    }
}
