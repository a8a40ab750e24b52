//! What the product does over everything that a tenant has, and with its models.

pub(crate) mod handlers;
pub(crate) mod read;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ask::{Answer, Ask, Region};
use crate::context::Context;
use crate::error::ApiError;

/// A search that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What is looked for, 3 to 1000 characters.
    pub query: String,
    /// Passages wanted, 1 to 50.
    pub top_k: usize,
    /// Facts that a document must have, by name.
    pub filters: Vec<(String, String)>,
}

/// A passage that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// The document.
    pub document_id: Uuid,
    /// The name of the uploaded file.
    pub filename: String,
    /// The page, counted from one.
    pub page: u32,
    /// The passage as it stands on the page.
    pub text: String,
    /// How well it fits, from 0 to 1; comparable between documents.
    pub score: f32,
    /// Where it begins in the page's text, in characters.
    pub start: u32,
    /// Where it ends in the page's text, in characters; not included.
    pub end: u32,
    /// Where it is on the page.
    pub boxes: Vec<Region>,
    /// The client's facts about the document.
    pub metadata: Map<String, Value>,
}

/// A question to everything that a tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The question.
    pub ask: Ask,
    /// Facts that a document must have, by name.
    pub filters: Vec<(String, String)>,
}

/// A conversation whose last question is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// The document that is asked; everything that the tenant has without one.
    pub document_id: Option<Uuid>,
    /// The last question, 3 to 1000 characters.
    pub question: String,
    /// The questions before it, oldest first.
    pub earlier: Vec<String>,
    /// The language model by its name, or `auto`.
    pub model: String,
}

/// Texts to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    /// The embedding model by its name, or `auto`.
    pub model: String,
    /// The texts, 1 to 256.
    pub texts: Vec<String>,
    /// Whether they are questions; a model may read questions and passages differently.
    pub are_questions: bool,
}

/// Texts that were embedded.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The model's name.
    pub model: String,
    /// A vector of unit length for each text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts.
    pub tokens: usize,
}

/// A model that can be named in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// Its name.
    pub name: String,
    /// Whether it embeds texts; otherwise it writes answers.
    pub embeds: bool,
}

/// The part of the product that knows no single document.
#[async_trait]
pub trait KnowledgeApi: Send + Sync + 'static {
    /// The passages that fit best among all documents of the tenant, best first.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] when any part of the documents cannot be searched: "nothing found" means that
    /// nothing is there.
    async fn search(&self, context: &Context, search: Search) -> Result<Vec<SearchResult>, ApiError>;

    /// Answers a question from whatever documents hold the answer; each source names its document.
    ///
    /// # Errors
    ///
    /// As [`KnowledgeApi::search`] and [`crate::Api::ask`].
    async fn query(&self, context: &Context, query: Query) -> Result<Answer, ApiError>;

    /// Answers the last question of a conversation that the client itself remembers.
    ///
    /// # Errors
    ///
    /// As [`KnowledgeApi::query`] and [`crate::Api::ask`]; [`ApiError::ModelUnknown`] when nobody knows the model.
    async fn chat(&self, context: &Context, chat: Chat) -> Result<Answer, ApiError>;

    /// Embeds texts.
    ///
    /// # Errors
    ///
    /// [`ApiError::ModelUnknown`] when the model is not the one that embeds here.
    async fn embed(&self, context: &Context, embed: Embed) -> Result<Embedded, ApiError>;

    /// The models that can be named.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] while the node starts.
    async fn models(&self, context: &Context) -> Result<Vec<ModelCard>, ApiError>;
}
