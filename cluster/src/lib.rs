//! Who owns what, and how a message gets there: ownership of shards, routing, supervision and its inspection.
//!
//! Nothing here knows the product: no document text, OCR, embedding or question.

pub mod decide;

pub mod actor;
pub mod address;
pub mod lease;
mod moment;
pub mod net;
pub mod owner;
mod panics;
pub mod pool;
pub mod request;
pub mod supervisor;
pub mod tree;

pub use panics::plain;
pub use ractor::ActorCell;
