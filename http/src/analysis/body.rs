//! The bodies of analyses, as types: what is sent and what is described are one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{AnalysisCheck, AnalysisRules, AnalysisValue};

/// A document to analyse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnalyzeRequest {
    /// The document.
    pub(crate) document_id: Uuid,
    /// The profile, such as `inventory` or `meeting_minutes`. Without one the template that was named at the upload is
    /// taken, or the one that the document's own words ask for.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub(crate) profile: Option<String>,
    /// Whether a language model may fill fields that were not found, each with words that stand in the document.
    #[schemars(extend("default" = false))]
    pub(crate) use_model: Option<bool>,
}

/// An analysis as a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Analysis")]
pub(crate) struct AnalysisFile {
    /// The document.
    pub(crate) document_id: Uuid,
    /// The profile that was used.
    pub(crate) profile: String,
    /// Why this profile, in Portuguese.
    pub(crate) template_reason: String,
    /// The fields of the profile; `null`, or an empty list, for what the document does not say.
    pub(crate) result: Map<String, Value>,
    /// Each value with its page, its words and its place.
    pub(crate) values: Vec<AnalysisValue>,
    /// What was compared with what, and whether it agrees.
    pub(crate) checks: Vec<AnalysisCheck>,
    /// What the rule set of the template says of it.
    pub(crate) rules: AnalysisRules,
    /// How sure it is, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) confidence: f32,
}

/// What the analysis found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AnalyzeAnswer {
    /// The analysis.
    #[serde(flatten)]
    pub(crate) file: AnalysisFile,
    /// How long it took, in milliseconds.
    pub(crate) processing_time_ms: u64,
    /// Whether it was remembered.
    pub(crate) cached: bool,
}
