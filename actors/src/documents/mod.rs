//! Documents: taken in, read, cut into chunks, embedded, and one day erased, each by its one writer.

pub mod document;
pub mod ingest;
pub mod intake;
pub mod journey;
pub mod pages;
pub mod progress;
pub mod scrub;
pub mod sweep;
