//! SentencePiece tokenization as Llama and TinyLlama files carry it: pieces with scores, and a piece for each byte.
//!
//! The text's characters are merged pairwise, always the pair whose piece has the best score, the leftmost of
//! equals; what is no piece in the end is spelled in bytes.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// A vocabulary of pieces.
#[derive(Debug)]
pub(super) struct Spm {
    ids: HashMap<Box<str>, (u32, f32)>,
    bytes: Vec<Option<u32>>,
    unknown: u32,
}

#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: usize,
    end: usize,
    previous: Option<usize>,
    next: Option<usize>,
}

/// A pair that could be merged. Stale ones are recognised by the length that they were made for.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Pair {}
impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl Spm {
    /// `mergeable` are the ordinary pieces with their ids and scores; `bytes` the ids of the byte pieces.
    pub(super) fn new(
        mergeable: impl Iterator<Item = (Box<str>, u32, f32)>,
        bytes: Vec<Option<u32>>,
        unknown: u32,
    ) -> Self {
        Self { ids: mergeable.map(|(piece, id, score)| (piece, (id, score))).collect(), bytes, unknown }
    }

    /// The ids of `text`, in which a space is written `▁` and one is put before the first word if `lead`.
    pub(super) fn encode(&self, text: &str, lead: bool) -> Vec<u32> {
        if text.is_empty() {
            return Vec::new();
        }
        let text = format!("{}{}", if lead { "\u{2581}" } else { "" }, text.replace(' ', "\u{2581}"));
        let mut symbols = symbols_of(&text);
        let mut pairs = BinaryHeap::new();
        for left in 0..symbols.len().saturating_sub(1) {
            self.consider(&text, &symbols, left, &mut pairs);
        }
        while let Some(pair) = pairs.pop() {
            let (left, right) = (symbols[pair.left], symbols[pair.right]);
            let is_fresh = left.next == Some(pair.right)
                && left.start != left.end
                && right.end.checked_sub(left.start) == Some(pair.length);
            if !is_fresh {
                continue;
            }
            symbols[pair.left].end = right.end;
            symbols[pair.left].next = right.next;
            if let Some(next) = right.next {
                symbols[next].previous = Some(pair.left);
                self.consider(&text, &symbols, pair.left, &mut pairs);
            }
            symbols[pair.right].start = right.end;
            if let Some(previous) = left.previous {
                self.consider(&text, &symbols, previous, &mut pairs);
            }
        }
        let mut ids = Vec::new();
        let mut at = Some(0);
        while let Some(symbol) = at.and_then(|index| symbols.get(index)) {
            self.spell(&text[symbol.start..symbol.end], &mut ids);
            at = symbol.next;
        }
        ids
    }

    fn consider(&self, text: &str, symbols: &[Symbol], left: usize, pairs: &mut BinaryHeap<Pair>) {
        let Some(right) = symbols[left].next else { return };
        let (start, end) = (symbols[left].start, symbols[right].end);
        if let Some((_, score)) = self.ids.get(&text[start..end]) {
            pairs.push(Pair { score: *score, left, right, length: end - start });
        }
    }

    fn spell(&self, piece: &str, ids: &mut Vec<u32>) {
        if let Some((id, _)) = self.ids.get(piece) {
            ids.push(*id);
            return;
        }
        let spelled = piece.bytes().map(|byte| self.bytes.get(usize::from(byte)).copied().flatten());
        match spelled.collect::<Option<Vec<u32>>>() {
            Some(spelled) => ids.extend(spelled),
            None => ids.push(self.unknown),
        }
    }
}

fn symbols_of(text: &str) -> Vec<Symbol> {
    let count = text.chars().count();
    let place = |(index, (start, character)): (usize, (usize, char))| Symbol {
        start,
        end: start + character.len_utf8(),
        previous: index.checked_sub(1),
        next: Some(index + 1).filter(|next| *next < count),
    };
    text.char_indices().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vocabulary(pieces: &[(&str, f32)]) -> Spm {
        let with_ids =
            pieces.iter().enumerate().map(|(id, (piece, score))| (Box::from(*piece), id as u32, *score));
        Spm::new(with_ids, (0..256).map(|byte| Some(1000 + byte)).collect(), 999)
    }

    /// Merges by looking at every pair each time, as the rule is stated.
    fn slowly(pieces: &[(&str, f32)], text: &str) -> Vec<u32> {
        let mut parts: Vec<String> =
            format!("\u{2581}{}", text.replace(' ', "\u{2581}")).chars().map(String::from).collect();
        let find = |part: &str| pieces.iter().position(|(piece, _)| *piece == part);
        loop {
            let mut best: Option<(f32, usize)> = None;
            for i in 1..parts.len() {
                if let Some(at) = find(&format!("{}{}", parts[i - 1], parts[i]))
                    && best.is_none_or(|(score, _)| pieces[at].1 > score)
                {
                    best = Some((pieces[at].1, i));
                }
            }
            let Some((_, i)) = best else { break };
            let right = parts.remove(i);
            parts[i - 1] += &right;
        }
        let spell = |part: &String| match find(part) {
            Some(id) => vec![id as u32],
            None => part.bytes().map(|byte| 1000 + u32::from(byte)).collect(),
        };
        parts.iter().flat_map(spell).collect()
    }

    const PIECES: &[(&str, f32)] = &[
        ("\u{2581}", -1.0),
        ("a", -2.0),
        ("b", -2.5),
        ("c", -3.0),
        ("ab", -4.0),
        ("bc", -3.5),
        ("abc", -6.0),
        ("\u{2581}a", -3.2),
        ("ca", -3.4),
        ("aa", -3.3),
        ("\u{2581}ab", -5.0),
        ("caa", -7.0),
        ("é", -8.0),
    ];

    #[test]
    fn the_best_pair_is_merged_first() {
        // `bc` (-3.5) goes before `ab` (-4), then `abc` can be made.
        assert_eq!(vocabulary(PIECES).encode("abc", false), [6]);
        assert_eq!(vocabulary(PIECES).encode("ab", true), [10]);
    }

    #[test]
    fn what_is_no_piece_is_spelled_in_bytes() {
        assert_eq!(vocabulary(PIECES).encode("aéõ", false), [1, 12, 1000 + 0xc3, 1000 + 0xb5]);
        assert_eq!(vocabulary(PIECES).encode("", true), [0u32; 0]);
    }

    proptest! {
        #[test]
        fn the_queue_merges_as_the_rule_says(text in "[abc é]{1,24}") {
            prop_assert_eq!(vocabulary(PIECES).encode(&text, true), slowly(PIECES, &text));
        }
    }
}
