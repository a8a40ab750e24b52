//! The product's actors: documents, OCR pool, embedding pool, model hosts, rule evaluators.
//!
//! HTTP is not here. Actors know messages, not each other: only [`topology`] names several of them.

pub mod documents;
pub mod embedding;
pub mod evaluator;
pub mod model;
pub mod ocr;
pub mod question;
pub mod shard;
pub mod topology;
