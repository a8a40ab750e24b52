//! The documents of a run: bytes that say how many pages they have and whether they can be read, and what the stand-ins
//! for reading and embedding make of them. What is simulated is failure, not text.

use enabler_reading::{DocumentInfo, DocumentProblem, Page, Source};

use crate::dice;

/// The numbers of a stand-in's vector; few, because nobody searches.
const DIMENSIONS: usize = 16;
/// What the stand-in for the embedding model is called.
pub(crate) const MODEL: &str = "stand-in";

/// A document as its client has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Paper {
    pub(crate) number: u64,
    pub(crate) pages: u32,
    /// No reader can open it.
    pub(crate) is_damaged: bool,
}

impl Paper {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let kind = if self.is_damaged { "damaged" } else { "sound" };
        format!("%SIM {kind} {} {}\n", self.pages, self.number).into_bytes()
    }

    /// Reads the bytes of an upload.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut words = text.strip_prefix("%SIM ")?.split_whitespace();
        let is_damaged = words.next()? == "damaged";
        Some(Paper { pages: words.next()?.parse().ok()?, number: words.next()?.parse().ok()?, is_damaged })
    }
}

/// What opening these bytes says.
pub(crate) fn open(bytes: &[u8]) -> Result<DocumentInfo, DocumentProblem> {
    match Paper::parse(bytes) {
        Some(paper) if paper.is_damaged => Err(DocumentProblem::Damaged),
        Some(paper) => Ok(DocumentInfo { page_count: paper.pages, ..DocumentInfo::default() }),
        None => Err(DocumentProblem::NotPdf),
    }
}

/// Page `number` of these bytes.
pub(crate) fn page(bytes: &[u8], number: u32) -> Page {
    let paper = Paper::parse(bytes).map_or(0, |paper| paper.number);
    let text = format!(
        "Page {number} of paper {paper}.\n\nThe contract of paper {paper} ends in the year {}. Its value is {} euros.\n",
        2_000 + paper % 50,
        paper * 100 + u64::from(number),
    );
    Page { text, source: Source::Native, ..Page::empty(number, 595.0, 842.0) }
}

/// A vector of unit length for `text`.
pub(crate) fn vector(text: &str) -> Vec<f32> {
    let number = |at: usize| (dice::hash(at as u64, text.as_bytes()) % 2_000) as f32 / 1_000.0 - 1.0;
    let numbers: Vec<f32> = (0..DIMENSIONS).map(number).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    numbers.into_iter().map(|number| number / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_into_the_bytes_is_read_out_of_them() {
        let paper = Paper { number: 7, pages: 3, is_damaged: false };
        assert_eq!(Paper::parse(&paper.bytes()), Some(paper.clone()));
        assert_eq!(open(&paper.bytes()).unwrap().page_count, 3);
        let damaged = Paper { is_damaged: true, ..paper };
        assert_eq!(open(&damaged.bytes()), Err(DocumentProblem::Damaged));
        assert_eq!(open(b"%PDF-1.7"), Err(DocumentProblem::NotPdf));
    }

    #[test]
    fn a_vector_has_unit_length_and_follows_from_the_text_alone() {
        let length: f32 = vector("a").iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-5);
        assert_eq!(vector("a"), vector("a"));
        assert_ne!(vector("a"), vector("b"));
    }
}
