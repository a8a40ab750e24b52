//! Reads the text that a page itself carries: glyphs, then words, then lines, columns and tables in reading order.

mod accents;
mod direction;
mod fonts;
mod glyphs;
mod layout;
mod lines;
mod repair;
mod tables;
mod text;
mod words;

pub(crate) use fonts::Fonts;
pub(crate) use glyphs::{Gathered, ImageSeen, gather};
pub(crate) use layout::blocks;
pub(crate) use repair::repair;
pub(crate) use text::{Laid, write};
pub(crate) use words::Piece;

/// The page's text in reading order, with the places of its words.
pub(crate) fn lay_out(gathered: &Gathered, page: (f32, f32)) -> Laid {
    let mut laid = Laid::default();
    for turned in words::by_direction(&gathered.glyphs, page) {
        let blocks = blocks(turned.words);
        write(&blocks, &|rect| turned.turn.onto_page(rect), &mut laid);
    }
    laid
}
