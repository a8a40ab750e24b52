//! What an analysis gives: the result, each value with its place and doubt, the checks, and the tables.

use serde::{Deserialize, Serialize};

use crate::page::Rect;

/// What a document says, as a profile asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The profile's name.
    pub profile: String,
    /// An object with the profile's keys, every one of them present; what the document does not say is `null`, or an
    /// empty array for a list.
    pub result: serde_json::Value,
    /// Every value of `result` that was read in the document (counts and derived answers are in `result` alone), in
    /// the order of the profile.
    pub values: Vec<Value>,
    /// What was compared with what, and whether it agrees.
    pub checks: Vec<Check>,
    /// The lists of the result as tables, and a table of the single fields first.
    pub tables: Vec<Table>,
    /// From 0 to 1: the mean of the values' confidences, less the share of required fields that are missing and of
    /// checks that failed.
    pub confidence: f32,
}

/// A value with the place that it was read at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Where it stands in [`Analysis::result`], as a JSON pointer: `/clausula_a_herdeiros/herdeiros/0/cpf`.
    pub pointer: String,
    /// What a reader calls it, in Portuguese: `CPF do herdeiro`.
    pub label: String,
    /// Its colour group, one of [`crate::colours`].
    pub category: String,
    /// The value as it is in the result: a string, a number or a boolean. Dates are `dd/mm/yyyy`, money is in reais.
    pub value: serde_json::Value,
    /// The page, from 1.
    pub page: u32,
    /// The words that say so: an exact substring of the page's text.
    pub quotation: String,
    /// First byte of the quotation in the page's text.
    pub start: usize,
    /// One rectangle for each line of the quotation, made of its words' boxes.
    pub rects: Vec<Rect>,
    /// From 0 to 1, from the evidence: how strong the words beside it are, whether check digits hold, how sure OCR was
    /// and whether repeated mentions agree.
    pub confidence: f32,
    /// What is doubtful about it.
    pub flags: Vec<Flag>,
}

/// A doubt about a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// A stable name, as `invalid_check_digit`.
    pub code: String,
    /// A sentence for a Portuguese reader.
    pub pt: String,
    /// A sentence for an English reader.
    pub en: String,
}

/// A comparison of values of the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// A stable name, as `shares_sum`.
    pub code: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was compared, with the figures, in Portuguese.
    pub detail_pt: String,
    /// The same in English.
    pub detail_en: String,
    /// The values compared, as pointers into the result.
    pub pointers: Vec<String>,
}

/// A sheet of rows for people who work in spreadsheets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The sheet's name, at most 31 letters.
    pub name: String,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows; each has one cell for each column.
    pub rows: Vec<Vec<serde_json::Value>>,
}
