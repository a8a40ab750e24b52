//! Text to syntax tree: every byte is in a line, every line has its tokens, every problem is found at once.

pub mod cursor;
pub mod keyword;
mod parse;
mod template;
pub mod tree;

pub use parse::{SOURCE_MAX, parse};
