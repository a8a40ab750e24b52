//! Turns a file's bytes into pages of text with boxes, in a child process with limits.

mod child;
mod decide;
mod document;
mod fuzz;
mod highlight;
mod native;
mod ocr;
mod page;
mod picture;
mod plausible;
mod problem;
mod raster;
mod read;
mod reader;
mod second;
mod settings;
mod unread;

pub use child::child_main;
pub use fuzz::fuzz_open_and_read;
pub use highlight::{Highlights, LegendLine, Mark, Marked};
pub use page::{DocumentInfo, Page, Rect, Source, Table, Word};
pub use picture::Picture;
pub use problem::{DocumentProblem, PageProblem, Tongue};
pub use reader::{Program, Reader};
pub use settings::{Limits, Ocr, Recogniser, Settings};
pub use unread::{Begun, Recognised, Unread};
