//! Follows `item c` and `cláusula quinta` to what they point at, so that a vote on an item is a vote on its subject.

use std::sync::LazyLock;

use regex::Regex;

use super::Candidate;
use crate::text::{Word, fold, pattern, words};

/// A sentence seldom points at more.
const POINTED_AT_MAX: usize = 3;

static POINTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:item|itens|subitem|letra|al[íi]nea|inciso|condi[çc][ãa]o|clause|section)\s+[“\x22(]?([a-z]|[ivx]{1,5}|\d{1,2}(?:\.\d{1,2})*)\b",
    )
});

static MARK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^[(“\x22]?([a-z]|[ivx]{1,5}|\d{1,2}(?:\.\d{1,2})*)(?:\)|\.|\s+[-–—])\s"));

/// Gives every candidate that points at an item the words of that item, as its context.
pub(super) fn follow(found: &mut [Candidate], text_of: impl Fn(&Candidate) -> String) {
    let texts: Vec<String> = found.iter().map(text_of).collect();
    let marks: Vec<(String, usize)> = texts
        .iter()
        .enumerate()
        .filter_map(|(at, text)| Some((fold(MARK.captures(text)?.get(1)?.as_str()), at)))
        .collect();
    for (at, candidate) in found.iter_mut().enumerate() {
        let pointers = POINTER.captures_iter(&texts[at]).filter_map(|hit| hit.get(1)).take(POINTED_AT_MAX);
        let lent: Vec<Word> = pointers
            .filter_map(|name| {
                let name = fold(name.as_str());
                let mut bearers = marks.iter().filter(|(mark, bearer)| *mark == name && *bearer != at);
                let bearer = bearers.next()?.1;
                // Two items of one name leave open which is meant.
                bearers.next().is_none().then(|| words(&texts[bearer]))
            })
            .flatten()
            .collect();
        candidate.facts.context.extend(lent);
    }
}
