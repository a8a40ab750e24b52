//! The DKR language: text to checked program to verdict. No IO, no async, no clock.
//!
//! [`program::load`] reads a rules file, with everything that is wrong with it; [`program::Program::apply`] applies it
//! to a question and its answer. [`compat`] does both as the predecessor did, defects included.

pub mod apply;
pub mod compat;
pub mod diagnostic;
mod fold;
pub mod format;
pub mod lint;
pub mod program;
pub mod service;
pub mod syntax;
pub mod terms;
pub mod testing;
pub mod value;
pub mod verdict;
