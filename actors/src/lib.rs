//! The product's actors: documents, OCR pool, embedding pool, model hosts, rule evaluators.
//!
//! HTTP is not here. Actors know messages, not each other: only [`topology`] names several of them.

pub mod analysis;
pub mod calls;
mod counted;
pub mod crew;
pub mod documents;
pub mod embedding;
pub mod evaluator;
mod far;
pub mod files;
pub mod keeper;
mod kept;
pub mod knowledge;
pub mod model;
pub mod ocr;
pub mod operator;
pub mod prompts;
pub mod quality;
pub mod question;
pub mod records;
pub mod recurring;
mod remembered;
pub mod router;
pub mod session;
pub mod shard;
pub mod topology;
pub mod wire;
