//! The shapes of a question and its answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which language model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Model {
    /// Llama 3.1 8B.
    #[serde(rename = "llama3-8b")]
    Llama3,
    /// TinyLlama 1.1B.
    #[serde(rename = "tinyllama")]
    TinyLlama,
    /// The best one that is installed.
    #[default]
    #[serde(rename = "auto")]
    Auto,
}

impl Model {
    /// Every one, with its name in the API.
    pub const ALL: [(&'static str, Self); 3] =
        [("llama3-8b", Self::Llama3), ("tinyllama", Self::TinyLlama), ("auto", Self::Auto)];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, model)| *model == self).map_or("auto", |(name, _)| name)
    }

    /// The one called `name` in the API.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(other, _)| *other == name).map(|(_, model)| *model)
    }
}

/// A question that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The question, 3 to 1000 characters, without white space at its ends.
    pub question: String,
    /// Which language model answers.
    pub model: Model,
    /// Whether the rule set is applied.
    pub use_dkr: bool,
    /// Passages given to the language model, 1 to 20; `None` when the client did not say.
    pub top_k: Option<usize>,
    /// Whether the answer carries its sources.
    pub include_sources: bool,
    /// The stream that tells the answer, if one does: what is found is left for it at once.
    #[serde(default)]
    pub stream: Option<uuid::Uuid>,
    /// The conversation that the question belongs to: 1 to 64 letters, digits, `-` and `_` of the client's own.
    pub session_id: Option<String>,
}

/// A rectangle on a page, in points from the page's top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// Its left edge.
    pub x: f32,
    /// Its top edge.
    pub y: f32,
    /// Its width.
    pub width: f32,
    /// Its height.
    pub height: f32,
}

/// A passage that an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The document, where more than one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<Uuid>,
    /// The name of its file, where more than one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The page, counted from one.
    #[schemars(range(min = 1))]
    pub page: u32,
    /// The passage as it stands on the page.
    pub text: String,
    /// How well it fits the question, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub score: f32,
    /// Where it begins in the page's text, in characters.
    pub start: u32,
    /// Where it ends in the page's text, in characters; not included.
    pub end: u32,
    /// Where it is on the page.
    pub boxes: Vec<Region>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The answer's text; when `answered` is false, a sentence that says so.
    pub answer: String,
    /// Whether the document answers the question.
    pub answered: bool,
    /// How sure the answer is, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub confidence: f32,
    /// The passages that it rests on, best first; empty when the client wants none.
    pub sources: Vec<Source>,
    /// Whether the rule set was applied.
    pub dkr_applied: bool,
    /// What the rule set corrected, as sentences.
    pub dkr_corrections: Vec<String>,
    /// The language model that answered.
    pub model_used: String,
    /// How long it took, in milliseconds.
    pub processing_time_ms: u64,
    /// Whether it came from the cache.
    pub cached: bool,
    /// The conversation that the question belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}
