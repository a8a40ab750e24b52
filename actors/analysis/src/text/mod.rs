//! The document as one run of text: folded for patterns, with the way back to each page.

mod flow;
mod fold;
mod mend;
mod place;

pub(crate) use flow::Flow;
pub(crate) use fold::{fold, squeeze};
pub(crate) use place::Place;

/// A range of characters of a [`Flow`].
pub(crate) type Span = std::ops::Range<usize>;
