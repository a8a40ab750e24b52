//! Pure: what the pages of a document amount to: its stored texts, its report, and whether it can be used.

use enabler_analysis::Choice;
use enabler_grounding::chunk;
use enabler_reading::{Page, Source, Tongue};
use enabler_storage::record::{DocumentRecord, PageRecord, PagesBlob, Reason, WordBox};
use serde::{Deserialize, Serialize};

/// How one page was read, as it is kept with the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageReport {
    /// The page, from 1.
    pub page: u32,
    /// `native`, `ocr`, `empty` or `failed`.
    pub method: String,
    /// Words on it.
    pub words: u32,
    /// Mean confidence of the OCR, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// The code of why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why it failed, in English and in Portuguese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<(String, String)>,
    /// On the first page of a document whose uploader named no template: the one that its words ask for, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Choice>,
}

/// The template of a document whose uploader named none.
pub const TEMPLATE_OPEN: &str = "generic";

/// The template that was chosen by the words of a document, if it was read by a version that chooses.
pub fn chosen(record: &DocumentRecord) -> Option<Choice> {
    /// The one fact that is looked for; a report may have thousands of lines.
    #[derive(Deserialize)]
    struct Line {
        #[serde(default)]
        chosen: Option<Choice>,
    }
    if record.template != TEMPLATE_OPEN || !record.status.report_json.contains("\"chosen\"") {
        return None;
    }
    let lines: Vec<Line> = serde_json::from_str(&record.status.report_json).ok()?;
    lines.into_iter().find_map(|line| line.chosen)
}

/// The template whose rules and profile hold for a document: its uploader's, or the one that its words ask for.
pub fn template_of(record: &DocumentRecord) -> String {
    chosen(record).map_or_else(|| record.template.clone(), |choice| choice.template)
}

/// What a document's pages amount to.
#[derive(Debug)]
pub struct Reading {
    /// The texts, as they are stored.
    pub blob: PagesBlob,
    /// One line per page.
    pub report: Vec<PageReport>,
    /// Words in all.
    pub word_count: u32,
}

/// The code of a document in which no page has text.
pub const NO_TEXT: &str = "no_text";

/// Sums up `pages`, which come in order.
///
/// # Errors
/// Why the document cannot be used: no page has a word. Then the first page that failed tells why.
pub fn sum_up(pages: Vec<Page>) -> Result<Reading, (Reason, Vec<PageReport>)> {
    let report: Vec<_> = pages.iter().map(report).collect();
    let word_count: u32 = report.iter().map(|page| page.words).sum();
    if word_count == 0 {
        let failed = pages.iter().find_map(|page| match &page.source {
            Source::Failed { reason } => Some(Reason {
                code: reason.code().to_owned(),
                message: format!("page {}: {}", page.number, reason.message(Tongue::English)),
            }),
            _ => None,
        });
        let empty = || Reason {
            code: NO_TEXT.to_owned(),
            message: "no page has text, not even by optical recognition; upload a more legible copy"
                .to_owned(),
        };
        return Err((failed.unwrap_or_else(empty), report));
    }
    let blob = PagesBlob { pages: pages.into_iter().map(record).collect() };
    Ok(Reading { blob, report, word_count })
}

fn report(page: &Page) -> PageReport {
    let words = page.text.split_whitespace().count() as u32;
    let (method, confidence, failed) = match &page.source {
        Source::Native => ("native", None, None),
        Source::Ocr { mean_confidence, .. } => ("ocr", Some(*mean_confidence), None),
        Source::Empty => ("empty", None, None),
        Source::Failed { reason } => ("failed", None, Some(reason)),
    };
    PageReport {
        page: page.number,
        method: method.to_owned(),
        words,
        confidence,
        problem: failed.map(|reason| reason.code().to_owned()),
        messages: failed.map(|reason| (reason.message(Tongue::English), reason.message(Tongue::Portuguese))),
        chosen: None,
    }
}

fn record(page: Page) -> PageRecord {
    let (is_ocr, confidence) = match &page.source {
        Source::Ocr { mean_confidence, .. } => (true, *mean_confidence),
        Source::Native => (false, 1.0),
        Source::Empty | Source::Failed { .. } => (false, 0.0),
    };
    let words = page.words.iter();
    PageRecord {
        number: page.number,
        width_pt: page.width,
        height_pt: page.height,
        is_ocr,
        confidence,
        words: words.map(|word| WordBox { start: word.start, end: word.end, rect: word.rect }).collect(),
        table_rows: page.tables.iter().flat_map(|table| table.rows.iter().copied()).collect(),
        headings: Vec::new(),
        text: page.text,
    }
}

/// Cuts stored pages into chunks; `count` counts tokens of the embedding model.
pub fn cut(blob: &PagesBlob, sizes: &chunk::Sizes, count: &dyn Fn(&str) -> usize) -> Vec<chunk::Chunk> {
    let boxes: Vec<Vec<chunk::WordBox>> = blob.pages.iter().map(word_boxes).collect();
    let rows: Vec<Vec<_>> = blob
        .pages
        .iter()
        .map(|page| page.table_rows.iter().map(|(start, end)| *start as usize..*end as usize).collect())
        .collect();
    let pages: Vec<chunk::Page<'_>> = blob
        .pages
        .iter()
        .zip(&boxes)
        .zip(&rows)
        .map(|((page, words), rows)| chunk::Page { number: page.number, text: &page.text, words, rows })
        .collect();
    chunk::chunks(&pages, sizes, count)
}

fn word_boxes(page: &PageRecord) -> Vec<chunk::WordBox> {
    let words = page.words.iter();
    words
        .map(|word| chunk::WordBox { start: word.start as usize, end: word.end as usize, rect: word.rect })
        .collect()
}

#[cfg(test)]
mod tests {
    use enabler_reading::PageProblem;

    use super::*;

    fn page(number: u32, text: &str, source: Source) -> Page {
        Page {
            number,
            width: 595.0,
            height: 842.0,
            text: text.to_owned(),
            words: Vec::new(),
            tables: Vec::new(),
            source,
        }
    }

    #[test]
    fn a_document_without_a_word_is_never_usable() {
        let (reason, report) =
            sum_up(vec![page(1, "", Source::Empty), page(2, " \n", Source::Empty)]).unwrap_err();
        assert_eq!((reason.code.as_str(), report.len()), (NO_TEXT, 2));
    }

    #[test]
    fn a_document_whose_pages_failed_says_why_the_first_one_did() {
        let failed = page(2, "", Source::Failed { reason: PageProblem::TimedOut });
        let (reason, _) = sum_up(vec![page(1, "", Source::Empty), failed]).unwrap_err();
        assert_eq!(reason.code, PageProblem::TimedOut.code());
        assert!(reason.message.starts_with("page 2: "), "{}", reason.message);
    }

    #[test]
    fn one_good_page_is_enough_and_the_others_are_reported() {
        let failed = page(2, "", Source::Failed { reason: PageProblem::Crashed });
        let reading = sum_up(vec![page(1, "duas palavras", Source::Native), failed]).unwrap();
        assert_eq!((reading.word_count, reading.report[1].method.as_str()), (2, "failed"));
    }
}
