//! Finds every term of a rule set in a text in one pass over it.

use crate::fold::{Folded, begins, ends, in_word};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// The ASCII characters that belong to a word.
const WORD: [bool; 128] = {
    let mut table = [false; 128];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        table[byte] = c.is_ascii_alphanumeric() || c == b'_';
        byte += 1;
    }
    table
};

/// So few terms are searched one after the other.
const FEW: usize = 8;

/// How much of a word a term must cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The term begins a word: `nomead` finds `nomeada`.
    Prefix,
    /// The term is whole words: `MIT` does not find `permite` nor `mitigar`. Option `[palavra]`.
    Word,
    /// The term may stand anywhere. Option `[parte]`.
    Part,
}

impl Reach {
    /// The reach of a term without an option: whole words for capitals, numbers and short terms, else a prefix.
    pub fn usual(term: &str) -> Reach {
        const SHORT: usize = 3;
        let last = term.rsplit(char::is_whitespace).next().unwrap_or(term);
        let (mut upper, mut lower, mut digit) = (0, 0, false);
        for c in last.chars() {
            if c.is_ascii() {
                upper += usize::from(c.is_ascii_uppercase());
                lower += usize::from(c.is_ascii_lowercase());
                digit |= c.is_ascii_digit();
            } else {
                upper += usize::from(c.is_uppercase());
                lower += usize::from(c.is_lowercase());
                digit |= c.is_numeric();
            }
        }
        let capitals = upper >= 2 && lower == 0;
        // A character has at most four bytes.
        let short = term.len() <= SHORT * 4 && term.chars().take(SHORT + 1).count() <= SHORT;
        if capitals || digit || short { Reach::Word } else { Reach::Prefix }
    }
}

/// The terms of a rule set, sorted, so that one walk along the text finds all that begin at a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Folded text and reach, sorted by text; the position in it is found through `ids`.
    sorted: Vec<(Box<str>, Reach, u32)>,
    /// Where the terms with a given first byte begin.
    first: Vec<u32>,
    /// Terms that may begin inside a word.
    loose: Vec<(Box<str>, Reach, u32)>,
    count: u32,
}

/// Collects terms and gives each a number.
#[derive(Debug, Default)]
pub(crate) struct TermsBuilder {
    known: HashMap<(Box<str>, Reach), u32, RandomState>,
}

impl TermsBuilder {
    /// With room for about so many terms.
    pub(crate) fn with_capacity(terms: usize) -> Self {
        TermsBuilder { known: HashMap::with_capacity_and_hasher(terms, RandomState::default()) }
    }

    /// The number of a term (already folded).
    pub(crate) fn add(&mut self, folded: &str, reach: Reach) -> u32 {
        let next = self.known.len() as u32;
        *self.known.entry((folded.into(), reach)).or_insert(next)
    }

    pub(crate) fn build(self) -> Terms {
        let count = self.known.len() as u32;
        let (mut loose, mut sorted): (Vec<_>, Vec<_>) = self
            .known
            .into_iter()
            .map(|((text, reach), id)| (text, reach, id))
            .partition(|(text, reach, _)| *reach == Reach::Part || !text.starts_with(in_word));
        // In order, so that the same rules always act alike.
        sorted.sort_unstable();
        loose.sort_unstable();
        let mut first = vec![0; 257];
        for (text, ..) in &sorted {
            if let Some(slot) = text.bytes().next().and_then(|byte| first.get_mut(usize::from(byte) + 1)) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut first {
            sum += *slot;
            *slot = sum;
        }
        Terms { sorted, first, loose, count }
    }
}

impl Terms {
    /// Which terms occur in a folded text.
    pub(crate) fn found(&self, text: &Folded) -> Found {
        let mut found = Found { bits: vec![0; (self.count as usize).div_ceil(64)] };
        if self.count > 0 {
            self.each(text, |id, _| found.insert(id));
        }
        found
    }

    /// Calls for every occurrence: the term's number and its place in the folded text.
    pub(crate) fn each(&self, text: &Folded, mut on: impl FnMut(u32, std::ops::Range<usize>)) {
        let folded = text.text.as_str();
        let bytes = folded.as_bytes();
        let (mut inside, mut at) = (false, 0);
        while let Some(&byte) = bytes.get(at) {
            let (word, width) = if byte.is_ascii() {
                (WORD.get(usize::from(byte)).copied().unwrap_or(false), 1)
            } else {
                let c = folded.get(at..).and_then(|rest| rest.chars().next());
                c.map_or((false, 1), |c| (in_word(c), c.len_utf8()))
            };
            // A look at the first letter saves most words the walk.
            if word && !inside && self.may_begin(byte) {
                self.starting(folded, bytes, at, &mut on);
            }
            (inside, at) = (word, at + width);
        }
        for (term, reach, id) in &self.loose {
            let mut from = 0;
            while let Some(at) = folded.get(from..).and_then(|rest| rest.find(&**term)).map(|at| from + at) {
                let end = at + term.len();
                if *reach != Reach::Word || ends(folded, end) {
                    on(*id, at..end);
                }
                from = at + folded.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            }
        }
    }

    #[inline]
    fn may_begin(&self, byte: u8) -> bool {
        let byte = usize::from(byte);
        self.first.get(byte) != self.first.get(byte + 1)
    }

    fn starting(
        &self,
        folded: &str,
        bytes: &[u8],
        at: usize,
        on: &mut impl FnMut(u32, std::ops::Range<usize>),
    ) {
        let Some(&byte) = bytes.get(at) else { return };
        let slot = usize::from(byte);
        let (Some(&low), Some(&high)) = (self.first.get(slot), self.first.get(slot + 1)) else { return };
        let Some(mut range) = self.sorted.get(low as usize..high as usize) else { return };
        // No letter stands before; of numbers also `1,` must not.
        if range.is_empty() || (byte.is_ascii_digit() && !begins(folded, at)) {
            return;
        }
        let mut depth = 1;
        loop {
            // Sorted, so the terms that end here stand before those that go on.
            while let Some(((term, reach, id), rest)) = range.split_first() {
                if term.len() != depth {
                    break;
                }
                if *reach != Reach::Word || ends(folded, at + depth) {
                    on(*id, at..at + depth);
                }
                range = rest;
            }
            let (Some(&byte), false) = (bytes.get(at + depth), range.is_empty()) else { return };
            let key = |entry: &(Box<str>, Reach, u32)| entry.0.as_bytes().get(depth).copied().unwrap_or(0);
            // A few are looked at one by one, which is quicker than halving.
            let (low, high) = if range.len() <= FEW {
                let low = range.iter().take_while(|entry| key(entry) < byte).count();
                (low, low + range.iter().skip(low).take_while(|entry| key(entry) == byte).count())
            } else {
                (
                    range.partition_point(|entry| key(entry) < byte),
                    range.partition_point(|entry| key(entry) <= byte),
                )
            };
            range = range.get(low..high).unwrap_or(&[]);
            depth += 1;
        }
    }
}

/// A set of terms by their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    bits: Vec<u64>,
}

impl Found {
    fn insert(&mut self, id: u32) {
        if let Some(word) = self.bits.get_mut(id as usize / 64) {
            *word |= 1 << (id % 64);
        }
    }

    /// Whether a term is in it.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.bits.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// Whether any of them is.
    pub(crate) fn any(&self, ids: &[u32]) -> bool {
        ids.iter().any(|&id| self.has(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::fold;
    use proptest::prelude::*;

    fn finds(term: &str, text: &str) -> bool {
        let mut builder = TermsBuilder::default();
        builder.add("outro termo", Reach::Prefix);
        let id = builder.add(&fold(term), Reach::usual(term));
        builder.build().found(&Folded::of(text)).has(id)
    }

    #[test]
    fn terms_begin_words_and_capitals_numbers_and_short_terms_end_them() {
        assert!(finds("nomead", "Foi nomeada a Sra. Lúcia"));
        assert!(finds("MIT", "A licença mit."));
        assert!(!finds("MIT", "O texto permite cópia"));
        assert!(!finds("GPL", "A LGPL e a GPLv3"));
        assert!(finds("GPL", "A GPL-3.0"));
        assert!(!finds("2%", "12% e 1,2%"));
        assert!(finds("2%", "(2%)"));
        assert!(!finds("10.000", "10.000.000 e 10.0001"));
        assert!(finds("10.000", "são 10.000."));
        assert!(finds("compatib", "incompatível, compatibilidade"));
        assert!(!finds("patib", "compatibilidade"));
        assert!(finds("§ 2", "conforme o § 2º"));
        assert!(!finds("§ 2", "conforme o § 20"));
    }

    proptest! {
        #[test]
        fn the_walk_finds_what_a_search_for_each_term_finds(
            terms in proptest::collection::vec("[ab1.%]{1,4}( [ab])?", 1..12),
            text in "[ab1.,% ]{0,40}",
            whole in any::<bool>(),
        ) {
            let reach = if whole { Reach::Word } else { Reach::Prefix };
            let mut builder = TermsBuilder::default();
            let ids: Vec<_> = terms.iter().map(|term| builder.add(term, reach)).collect();
            let found = builder.build().found(&Folded::of(&text));
            for (term, id) in terms.iter().zip(ids) {
                let starts = term.starts_with(in_word);
                let naive = (0..text.len()).any(|at| {
                    text[at..].starts_with(term.as_str())
                        && (!starts || begins(&text, at))
                        && (!whole || ends(&text, at + term.len()))
                });
                prop_assert_eq!(found.has(id), naive, "{:?} in {:?}", term, text);
            }
        }
    }
}
