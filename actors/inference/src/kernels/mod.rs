//! The arithmetic: each kernel exists for AVX-512, AVX2 and any processor, and the choice is made at run time.
//!
//! A kernel is written once over [`lanes::Lanes`] where the instruction sets differ only in width, and by hand
//! where they differ in kind (the integer dot products). Every function here that is not private is safe: it
//! asserts the shapes that its pointers rely on, and an [`Isa`] exists only for a processor that has it.

pub(crate) mod attention;
pub(crate) mod blocks;
pub(crate) mod channels;
pub(crate) mod dense;
mod isa;
mod lanes;
pub(crate) mod rows;
pub(crate) mod split;

pub use isa::Isa;

#[cfg(test)]
mod tests;
