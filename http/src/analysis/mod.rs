//! Analyses: what a client may ask for, what a document says, and the files that say it.

mod body;
mod csv;
pub(crate) mod handlers;
mod name;
mod read;
mod xlsx;

use async_trait::async_trait;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub(crate) use body::{AnalysisFile, AnalyzeAnswer, AnalyzeRequest};

use crate::context::Context;
use crate::error::ApiError;

/// An analysis that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analyze {
    /// The profile; without one the uploader's template, or what the document's own words ask for.
    pub profile: Option<String>,
    /// Whether a language model may fill what the rules left empty.
    pub use_model: bool,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The name of its file.
    pub filename: String,
    /// The profile that was used.
    pub profile: String,
    /// Why this profile, in Portuguese.
    pub template_reason: String,
    /// The profile's keys, each with what the document says, or `null`.
    pub result: Map<String, Value>,
    /// Each value with its place.
    pub values: Vec<AnalysisValue>,
    /// What was compared with what.
    pub checks: Vec<AnalysisCheck>,
    /// The result as sheets of rows.
    pub tables: Vec<AnalysisTable>,
    /// What the rule set of the template says of it.
    pub rules: AnalysisRules,
    /// How sure it is, from 0 to 1.
    pub confidence: f32,
    /// Whether it was remembered.
    pub cached: bool,
}

/// A value with the place where the document says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisValue {
    /// Where it stands in `result`, as a JSON pointer.
    pub pointer: String,
    /// What it is, in Portuguese.
    pub label: String,
    /// The group whose colour marks it.
    pub category: String,
    /// The value, as it is in `result`.
    pub value: Value,
    /// The page, counted from one.
    #[schemars(range(min = 1))]
    pub page: u32,
    /// The words that say so, as they stand on the page.
    pub quotation: String,
    /// Where they begin in the page's text, in bytes.
    pub start: u64,
    /// Left, top, right and bottom of each line, in points from the page's top left corner.
    pub rects: Vec<[f32; 4]>,
    /// How sure it is, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub confidence: f32,
    /// What is doubtful about it.
    pub flags: Vec<AnalysisFlag>,
}

/// A doubt about a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisFlag {
    /// Its name for programs, such as `invalid_check_digit`.
    pub code: String,
    /// A sentence in Portuguese.
    pub pt: String,
    /// The same in English.
    pub en: String,
}

/// A comparison of values of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisCheck {
    /// Its name for programs.
    pub code: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was compared, in Portuguese.
    pub detail_pt: String,
    /// The same in English.
    pub detail_en: String,
    /// The values compared, as pointers into `result`.
    pub pointers: Vec<String>,
}

/// A sheet of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnalysisTable {
    /// The sheet's name.
    pub name: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, a cell for each column.
    pub rows: Vec<Vec<Value>>,
}

/// What a rule set says of an analysis; the values stay what the document says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisRules {
    /// Whether a rule set was applied.
    pub applied: bool,
    /// Whether a rule objects.
    pub disputed: bool,
    /// What it would correct and what it objects to, one sentence each.
    pub corrections: Vec<String>,
}

/// A file that an analysis is given as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Pdf,
    Csv,
    Xlsx,
}

impl Format {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    pub(crate) fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// The part of the product that analyses.
#[async_trait]
pub trait AnalysisApi: Send + Sync + 'static {
    /// What the document `id` says.
    ///
    /// # Errors
    ///
    /// As [`crate::Api::ask`]; [`ApiError::ProfileUnknown`] when no profile is called so, [`ApiError::NoProfile`] when none
    /// fits the document.
    async fn analyze(&self, context: &Context, id: Uuid, analyze: Analyze) -> Result<Analysis, ApiError>;

    /// The file of the document `id` with what it says marked in it, and the name of the file.
    ///
    /// # Errors
    ///
    /// As [`AnalysisApi::analyze`]; [`ApiError::ReadingFailed`] when the file cannot be marked.
    async fn marked(
        &self,
        context: &Context,
        id: Uuid,
        analyze: Analyze,
    ) -> Result<(String, Bytes), ApiError>;
}
