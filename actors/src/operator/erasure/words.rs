//! Picks the words by which a document's traces are known. Pure.

use std::collections::BTreeSet;

/// Words that are looked for: enough that one of them is the document's own.
const WORDS_MAX: usize = 16;
/// Shorter ones are everybody's.
const LETTERS_MIN: usize = 6;
/// Longer ones are runs of characters and no words.
const LETTERS_MAX: usize = 40;

/// The longest different words of these texts: the longer, the rarer.
pub(super) fn marks<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words = BTreeSet::new();
    for text in texts {
        for word in text.split(|letter: char| !letter.is_alphanumeric()) {
            let letters = word.chars().count();
            if (LETTERS_MIN..=LETTERS_MAX).contains(&letters) {
                words.insert((std::cmp::Reverse(letters), word.to_lowercase()));
            }
            if words.len() > WORDS_MAX {
                words.pop_last();
            }
        }
    }
    words.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_words_are_the_marks_each_once() {
        let texts = ["Eulalia Tavares Monjardim, curadora.", "A curadora Monjardim e o Museu."];
        assert_eq!(marks(texts.into_iter()), ["monjardim", "curadora", "eulalia", "tavares"]);
        let many: String = (0..100).map(|number| format!("palavra{number:02} ")).collect();
        assert_eq!(marks([many.as_str()].into_iter()).len(), WORDS_MAX);
    }
}
