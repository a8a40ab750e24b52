//! Pure: an analysis as an answer that rules can judge, and what they said of it.

use enabler_analysis::Page;
use enabler_storage::record::DocumentRecord;

use super::{Analysed, Judged};
use crate::crew::{Case, Ruled};
use crate::question::metadata;

/// Letters of all pages that rules look at; a deed has a tenth of it.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// The analysis as an answer: a line for each value.
pub(super) fn case(record: &DocumentRecord, analysed: &Analysed, pages: &[Page]) -> Case {
    let lines = analysed.values.iter().map(|value| {
        let text = value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned);
        format!("{}: {text}.", value.label)
    });
    let mut left = TEXT_BYTES_MAX;
    let passages = pages.iter().take_while(|page| {
        let fits = page.text.len() <= left;
        left = left.saturating_sub(page.text.len());
        fits
    });
    Case {
        template: analysed.profile.clone(),
        question: String::new(),
        answer: lines.collect::<Vec<_>>().join("\n"),
        passages: passages.map(|page| (Some(page.number), page.text.clone())).collect(),
        confidence: Some(f64::from(analysed.confidence)),
        metadata: metadata(&record.metadata_json),
        correct: true,
    }
}

/// What the rules said.
pub(super) fn of(ruled: Ruled) -> Judged {
    Judged { applied: ruled.applied, disputed: ruled.disputed, corrections: ruled.corrections }
}
