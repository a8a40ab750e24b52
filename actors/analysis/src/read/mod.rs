//! Reading a document by a profile: fields, lists, shares, checks, and the result made of them.

mod checks;
mod clauses;
mod derive;
mod document;
mod fields;
mod find;
mod grid;
mod items;
mod lists;
mod output;
mod people;
mod rows;
mod shares;

pub(crate) use document::{Document, Text};
pub(crate) use find::{Asked, holds_value};
pub(crate) use output::{flag, run};
