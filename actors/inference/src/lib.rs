//! Runs embedding and language models on the CPU: weights in, vectors and tokens out.
//!
//! The room is synchronous and thread-safe: no actors, no network, no clock. Whoever owns a model decides when
//! to call it; a call uses at most the threads that the model was loaded with.

pub mod catalogue;
pub mod embedding;
pub mod import;
mod kernels;
pub mod language;

pub use kernels::Isa;

#[cfg(test)]
mod test_models;
