//! The words by which a partition names things again.

use std::collections::BTreeMap;

use crate::profile::{List, Shares};
use crate::read::lists::{MARK, Record};
use crate::text::fold;

/// A word by which a thing is named again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) word: String,
    pub(super) thing: usize,
    /// Whether it says what the thing is, and not which.
    pub(super) weak: bool,
    /// Whether a thing of another list is called so too: only what is said beside it tells which is meant.
    pub(super) shared: bool,
}

/// Words by which things are named again, those that say which before those that say what, the longest first; `known`
/// are the persons who may have a part.
pub(super) fn handles(
    things: &[Record],
    origins: &[&List],
    shares: &Shares,
    known: &[String],
) -> Vec<Handle> {
    let names: Vec<String> =
        known.iter().flat_map(|name| fold(name).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let words = &shares.words;
    let is = |words: &[String], word: &str| words.iter().any(|own| own == word);
    let mut found: Vec<Handle> = Vec::new();
    let text = |record: &Record, key: &str| record.get(key).and_then(|found| found.value.as_str()).map(fold);
    for (at, record) in things.iter().enumerate() {
        let mut add = |word: String, weak: bool| {
            found.push(Handle { word, thing: at, weak, shared: false });
        };
        // What is described at length has words that name much else.
        let described = origins.get(at).is_some_and(|list| list.beside.is_some());
        if let Some(name) = text(record, &shares.thing_name) {
            let parts = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            for word in parts.take(if described { NAMING_WORDS } else { usize::MAX }) {
                let plain =
                    word.len() >= 3 && !is(&words.common, word) && !word.chars().all(|c| c.is_ascii_digit());
                let elsewhere = described && (is(&words.elsewhere, word) || is(&names, word));
                if plain && !elsewhere {
                    add(word.to_owned(), is(&words.kinds, word));
                }
            }
            if described {
                leading(&name, &words.numbers).into_iter().for_each(|word| add(word, false));
            }
            add(name, false);
        }
        for key in &shares.thing_keys {
            if let Some(value) = text(record, key) {
                let weak = !value.contains(|c: char| c.is_ascii_digit());
                add(value, weak);
            }
        }
        if let Some(mark) = text(record, MARK) {
            for word in &words.marks {
                for quote in ["", "\""] {
                    add(format!("{word} {quote}{mark}{quote}"), false);
                }
            }
        }
    }
    // A word that names two things names none, unless what is said beside it tells things of two lists apart.
    let mut all: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for one in &found {
        let things = all.entry(one.word.clone()).or_default();
        if things.len() < SAME_WORD_MAX && !things.contains(&one.thing) {
            things.push(one.thing);
        }
    }
    let list = |thing: usize| origins.get(thing).map(|list| list.at.as_str());
    let others = |one: &Handle, same_list: bool| {
        let things = all.get(&one.word).map_or(&[][..], Vec::as_slice);
        things.iter().any(|other| *other != one.thing && (list(*other) == list(one.thing)) == same_list)
    };
    found.retain(|one| !others(one, true) && (one.weak || !others(one, false)));
    for one in &mut found {
        one.shared = others(one, false);
    }
    found.sort_by(|a, b| {
        (a.weak, b.word.len(), &a.word, a.thing).cmp(&(b.weak, a.word.len(), &b.word, b.thing))
    });
    found.dedup_by(|next, last| next.word == last.word && next.thing == last.thing);
    found
}

/// What a long description begins with, up to its first number, as others write it: "sala comercial no 812", "sala
/// comercial 812"; `numbers` are the words that lead to a number.
fn leading(name: &str, numbers: &[String]) -> Vec<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in name.split(' ').take(LEADING_WORDS) {
        let word = word.trim_end_matches(',');
        if !numbers.iter().any(|own| own == word) {
            words.push(word);
        }
        if words.len() > 1 && word.starts_with(|c: char| c.is_ascii_digit()) {
            let (number, what) = (words.pop().unwrap_or(""), words.join(" "));
            let before = numbers.first().map(|before| format!("{what} {before} {number}"));
            return std::iter::once(format!("{what} {number}")).chain(before).collect();
        }
    }
    Vec::new()
}

/// Things that one word is kept for; a word of so many names none of them.
const SAME_WORD_MAX: usize = 64;

/// Words of a description up to its first number at most.
const LEADING_WORDS: usize = 6;

/// Words of a long description that name the thing; later ones tell where it lies and where it is registered.
const NAMING_WORDS: usize = 9;
