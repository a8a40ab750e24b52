//! The bodies of requests as they are described. Handlers read them field by field, so as to say everything
//! that is wrong at once; tests hold the two to each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ask::Model;
use crate::document::Template;

/// A text of at least three characters between white space.
pub(super) const QUESTION: &str = r"[^\s\u0000-\u001f\u007f-\u009f][\s\S]+[^\s\u0000-\u001f\u007f-\u009f]";

/// A PDF with what you say about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct UploadForm {
    /// The PDF, at most 50 MB.
    #[schemars(extend("format" = "binary", "contentMediaType" = "application/pdf"))]
    pub(super) file: String,
    /// What kind of document it is.
    #[serde(default)]
    pub(super) template: Template,
    /// Your own facts about it: a JSON object, at most 16 KiB as text.
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

/// A question about one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskRequest {
    /// The question; white space at its ends does not count.
    #[schemars(length(min = 3, max = 1000), regex(pattern = QUESTION))]
    pub(super) question: String,
    /// Which language model answers.
    #[schemars(extend("default" = "auto"))]
    pub(super) model: Option<Model>,
    /// Whether the rule set is applied.
    #[schemars(extend("default" = true))]
    pub(super) use_dkr: Option<bool>,
    /// Passages given to the language model.
    #[schemars(range(min = 1, max = 20), extend("default" = 5))]
    pub(super) top_k: Option<u8>,
    /// Whether the answer carries its sources.
    #[schemars(extend("default" = true))]
    pub(super) include_sources: Option<bool>,
}
