//! The decisions: pure state machines that take events and a time, and give verdicts and effects.
//!
//! No tokio, no ractor, no clock, no randomness, no hash-map iteration: the simulator runs this code as it is.

pub mod agenda;
pub mod append;
pub mod claim;
pub mod credit;
pub mod custody;
pub mod horizon;
pub mod placement;
pub mod restart;
pub mod route;
pub mod tenure;
