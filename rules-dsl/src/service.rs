//! What an editor asks about a rules file: pure functions over a [`Loaded`] file, in byte offsets.
//!
//! Every function takes any offset (it is clamped), is bounded, and is about linear in the file. [`Lines`] translates
//! offsets to the lines and UTF-16 columns of the language server protocol.

mod actions;
mod colour;
mod complete;
mod hover;
mod names;
mod navigate;
mod outline;
mod position;
mod words;

#[cfg(test)]
mod tests;

pub use actions::{Action, actions, diagnostics, format};
pub use colour::{Colour, Coloured, colours};
pub use complete::{Completion, CompletionKind, complete};
pub use hover::{Hover, hover};
pub use navigate::{Edit, Renaming, Target, definition, nameable, references, rename};
pub use outline::{Fold, Symbol, SymbolKind, folds, symbols};
pub use position::{Lines, Position};

use crate::syntax::tree::Span;

/// The nearest character boundary at or before an offset that may be anything.
fn clamp(source: &str, at: u32) -> u32 {
    let mut at = (at as usize).min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at as u32
}

/// The text of a file after edits; edits out of range or in each other are left out.
pub fn edited(source: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let (mut text, mut from) = (String::with_capacity(source.len()), 0);
    for edit in edits {
        let Span { start, end } = edit.span;
        let fits = start as usize >= from && source.get(start as usize..end as usize).is_some();
        let Some(kept) = source.get(from..start as usize).filter(|_| fits) else { continue };
        text.push_str(kept);
        text.push_str(&edit.text);
        from = end as usize;
    }
    text.push_str(source.get(from..).unwrap_or(""));
    text
}

/// The nearest character boundary at or after an offset.
fn clamp_up(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at += 1;
    }
    at
}
