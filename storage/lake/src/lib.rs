//! What a store holds as Parquet files for analysts: documents, chunks, answers and verdicts, a folder a day.
//!
//! `raw/` has what was uploaded, `curated/` what was made of it, `artifacts/` what it was made with. Words of documents
//! and of questions are left out unless they are asked for. Deliberately not here: what the numbers mean.

mod export;
mod rows;
mod table;
#[cfg(test)]
mod tests;

pub use export::{ExportError, Exported, Options, export};
