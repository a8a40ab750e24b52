//! Whole documents, analysed: those written here as text, and real PDFs where the shared data is there.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

// A document as text, laid out with synthetic boxes.
mod paper;
// Fields held to the truth.
mod score;
// The documents of `pages/`, and what holds for every analysis.
mod texts;
// A third kind of document, by a profile of its own.
mod third;
