//! Kinds of messages as small numbers, so that one atomic holds what an actor is doing and since when.

use std::sync::OnceLock;

/// Different words of one node: some hundred kinds of messages; further ones are all called `message`.
const WORDS_MAX: usize = 512;
/// Places that are looked at for a word before it counts as one too many.
const PROBES_MAX: usize = 32;

/// The words that were seen, without a lock.
#[derive(Debug)]
pub(super) struct Words(Box<[OnceLock<&'static str>]>);

impl Default for Words {
    fn default() -> Self {
        Words((0..WORDS_MAX).map(|_| OnceLock::new()).collect())
    }
}

impl Words {
    /// The number of `word`; 0 when there is no room for it.
    pub(super) fn number(&self, word: &'static str) -> u16 {
        let from = (word.as_ptr() as usize >> 2).wrapping_mul(0x9E37_79B9) >> 3;
        let places = (0..PROBES_MAX).map(|step| (from + step) % WORDS_MAX);
        let is_here =
            |at: &usize| self.0.get(*at).is_some_and(|slot| std::ptr::eq(*slot.get_or_init(|| word), word));
        places.into_iter().find(is_here).map_or(0, |at| at as u16 + 1)
    }

    /// The word with this number.
    pub(super) fn word(&self, number: u16) -> &'static str {
        let at = usize::from(number).checked_sub(1);
        at.and_then(|at| self.0.get(at)?.get().copied()).unwrap_or("message")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_again_by_its_number() {
        let words = Words::default();
        let all = ["look", "manifest", "signed", "job", "read_page", "accept"];
        let numbers = all.map(|word| words.number(word));
        assert_eq!(all.map(|word| words.number(word)), numbers);
        assert_eq!(numbers.map(|number| words.word(number)), all);
        assert_eq!(words.word(0), "message");
    }
}
