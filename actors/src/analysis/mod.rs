//! Analyses: what a document says, read from its stored pages where its shard is, judged by its rules.

mod analyst;
mod judged;
mod marks;
mod model;

use enabler_analysis::{Check, Colour, Flag, Table, Value, Word};
use enabler_storage::record::{DocumentId, PagesBlob};
use serde::{Deserialize, Serialize};

use crate::question::{AskFailure, as_text};

pub use analyst::Analyst;
pub use marks::highlights;

/// A document to analyse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analyze {
    /// Whose document.
    pub tenant: String,
    /// The document.
    #[serde(with = "as_text")]
    pub document_id: DocumentId,
    /// The profile; without one the uploader's template, or what the document's own words ask for.
    pub profile: Option<String>,
    /// Whether a language model may fill what the rules left empty.
    pub use_model: bool,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysed {
    /// The profile's name.
    pub profile: String,
    /// Why this profile, in Portuguese.
    pub template_reason: String,
    /// The profile's keys, each with what the document says, or `null`.
    pub result: serde_json::Value,
    /// Each value with its place.
    pub values: Vec<Value>,
    /// What was compared with what.
    pub checks: Vec<Check>,
    /// The result as sheets of rows.
    pub tables: Vec<Table>,
    /// The colours of the values' groups.
    pub colours: Vec<Colour>,
    /// What the rule set of the template says of it.
    pub rules: Judged,
    /// 0 to 1.
    pub confidence: f32,
    /// Whether it was remembered.
    #[serde(default)]
    pub cached: bool,
}

/// What a rule set says of an analysis. It changes nothing: each value stays what the document says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Whether a rule set was applied.
    pub applied: bool,
    /// Whether a rule objects.
    pub disputed: bool,
    /// What it would correct and what it objects to, one sentence each.
    pub corrections: Vec<String>,
}

/// Why a document was not analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeFailure {
    /// No profile is called so, or none fits the document's words.
    #[error("no profile fits")]
    NoProfile {
        /// The name that was asked for, if one was.
        wanted: Option<String>,
        /// The profiles that there are.
        known: Vec<String>,
    },
    /// As for a question.
    #[error(transparent)]
    Asked(#[from] AskFailure),
}

/// A value that a language model found, and that stands where it says.
pub(crate) fn flag_of_model() -> Flag {
    Flag {
        code: "from_model".to_owned(),
        pt: "Preenchido por um modelo de linguagem; a citação existe no documento.".to_owned(),
        en: "Filled in by a language model; the quotation is in the document.".to_owned(),
    }
}

/// Stored pages as an analysis takes them.
pub fn pages(blob: &PagesBlob) -> Vec<enabler_analysis::Page> {
    let page = |page: &enabler_storage::record::PageRecord| enabler_analysis::Page {
        number: page.number,
        width: page.width_pt,
        height: page.height_pt,
        text: page.text.clone(),
        words: page
            .words
            .iter()
            .map(|word| Word {
                start: word.start as usize,
                end: word.end as usize,
                rect: word.rect,
                confidence: page.confidence,
            })
            .collect(),
        is_ocr: page.is_ocr,
    };
    blob.pages.iter().map(page).collect()
}
