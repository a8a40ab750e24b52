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

pub(crate) fn debug(pages: &[crate::Page], profile: &crate::Profile) -> String {
    let document = Document::of(pages, &profile.model.section);
    let mut out = String::new();
    let mut at = 0;
    for line in document.text.flow.folded.split('\n') {
        out.push_str(&format!(
            "[{}] {}\n",
            document.section(at + line.len() / 2).unwrap_or(""),
            document.text.flow.printed(at..at + line.len())
        ));
        at += line.len() + 1;
    }
    let people = people::People::of(&document);
    for one in people.iter() {
        out.push_str(&format!(
            "PERSON {} nested={} opens={} own={:?} group={:?}\n",
            one.name,
            one.nested,
            one.opens,
            document.text.folded(one.own.clone()),
            document.text.folded(one.groups.last().cloned().unwrap_or(0..0))
        ));
    }
    out
}
