//! Turns a file's bytes into pages of text with boxes, in a child process with limits.

mod page;
mod problem;
mod settings;

pub use page::{DocumentInfo, Page, Rect, Source, Table, Word};
pub use problem::{DocumentProblem, PageProblem, Tongue};
pub use settings::{Limits, Ocr, Settings};
