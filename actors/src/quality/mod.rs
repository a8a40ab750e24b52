//! Measures how well questions are answered: suites of questions with what is expected, runs of them, and a gate.
//!
//! What is expected, how it is scored and what the gate allows is pure (`suite.rs`, `score.rs`, `gate.rs`); the runs are
//! put to the cluster by the recurring job `quality`.

pub(crate) mod asking;
pub(crate) mod gate;
pub(crate) mod record;
mod score;
mod suite;
mod told;

pub use score::{Measure, Score};
pub use suite::{Expected, Gate, Question, Suite};
