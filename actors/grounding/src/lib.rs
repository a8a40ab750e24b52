//! Pure: cuts pages into chunks, fuses rankings, and holds an answer to the text that was retrieved.

pub mod answer;
pub mod chunk;
pub mod evidence;
mod layout;
pub mod prompt;
pub mod question;
pub mod rank;
mod score;
mod text;

pub use text::fold;
