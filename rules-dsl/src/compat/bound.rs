//! What one evaluation may write, because a file of doubling normalisations would otherwise fill the memory.

use super::apply::Raised;

/// Bytes that a text may grow by; a thousand times a long answer.
const GROWTH_BYTES_MAX: usize = 1 << 20;

/// Bytes that one evaluation may write in all, each rewriting counting its whole text; a thousand
/// normalisations that all hit a long answer write a tenth of it.
const WRITTEN_BYTES_MAX: usize = 64 << 20;

/// What is left to one evaluation.
pub(super) struct Budget {
    text_bytes_max: usize,
    written_bytes_left: usize,
}

impl Budget {
    /// For texts that begin with so many bytes.
    pub(super) fn new(given_bytes: usize) -> Budget {
        Budget {
            text_bytes_max: given_bytes.saturating_add(GROWTH_BYTES_MAX),
            written_bytes_left: given_bytes.saturating_add(WRITTEN_BYTES_MAX),
        }
    }

    /// A new text that this budget pays for.
    pub(super) fn text(&mut self) -> Text<'_> {
        Text { text: String::new(), budget: self }
    }
}

/// A text that grows within a budget.
pub(super) struct Text<'a> {
    text: String,
    budget: &'a mut Budget,
}

impl Text<'_> {
    pub(super) fn push(&mut self, more: &str) -> Result<(), Raised> {
        let left = self.budget.written_bytes_left.checked_sub(more.len());
        let fits = self.text.len().saturating_add(more.len()) <= self.budget.text_bytes_max;
        let (Some(left), true) = (left, fits) else {
            return Err(Raised("MemoryError: the rules make the answer too long".to_owned()));
        };
        self.budget.written_bytes_left = left;
        self.text.push_str(more);
        Ok(())
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
