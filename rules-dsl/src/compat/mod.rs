//! The predecessor's reading and running of a rules file, kept bit for bit by a small, old-fashioned reader of its
//! own: a clean language cannot share a grammar with one that drops what it does not know, and sharing would let
//! every repair of the one quietly change the other.
//!
//! The predecessor was a Python program of regular expressions over stripped lines, so "the same" here means the same
//! as Python's `str.strip`, `str.lower`, `\s`, `\w` and `re.IGNORECASE`; the file `python.rs` holds where those differ from Rust.
//! Nothing is reported, because it reported nothing: what is not recognised is dropped. Linear in the text, no state.
//!
//! Chosen where no recorded case decides: newlines are those of a file that Python opens as text; a replacement text is
//! read only when its entry hits; an entry that hits is reported even if it changes nothing; a rule and its template
//! end at any line that begins with the word `QUANDO`; a line without one whole quoted term holds bare terms; a
//! repeated `Resposta deve conter:` adds to the list; with corrections off, no rule counts as evaluated; the
//! validator's words for repeated facts, for rules without text and for facts of one level are ours.

mod answer;
mod apply;
mod automatic;
mod bound;
mod detect;
mod form;
mod grammar;
mod normalise;
mod python;
mod read;
mod replacement;
mod rule;
mod validate;

#[cfg(test)]
mod tests;

pub use apply::{Input, Outcome, Raised};
pub use form::{Action, Expansion, Fact, Intent, Level, Normalisation, Rule, RuleSet, Synonym};
pub use validate::Validation;
