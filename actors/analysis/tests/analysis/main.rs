//! Whole documents, written here as text, analysed.

#![expect(clippy::unwrap_used, reason = "what fails a test fails it loudly")]

// A document as text, laid out with synthetic boxes.
mod paper;
// What stands beside a thing and is not said of it.
mod attribution;
// What must not be said, and what beside it must.
mod precise;
// Fields held to the truth.
mod score;
// The documents of `pages/`, and what holds for every analysis.
mod texts;
// Ways of saying one thing.
mod wordings;
// A third kind of document, by a profile of its own.
mod third;
