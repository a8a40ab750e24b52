//! Letters without their accents and cases, one ASCII byte for each character.

use unicode_normalization::UnicodeNormalization as _;

/// The ASCII byte that stands for `c` in patterns; `~` where none does.
pub(crate) fn fold_char(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        '\u{20}'..='\u{7e}' | '\n' | '\t' => c,
        'º' | '°' => 'o',
        'ª' => 'a',
        '‐'..='―' | '−' | '\u{ad}' => '-',
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' | '´' | '′' => '\'',
        '•' | '·' | '●' | '▪' | '■' | '◦' | '○' | '‣' | '►' | '✓' => '*',
        '§' => 's',
        c if c.is_whitespace() => ' ',
        c => match c.nfd().next() {
            Some(base) if base.is_ascii_graphic() => base.to_ascii_lowercase(),
            _ => '~',
        },
    }
}

/// A text as patterns see it: one byte for each character.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

/// A text with each run of white space as one space, and none at the ends.
pub(crate) fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_and_ordinals_are_folded() {
        assert_eq!(fold("Célia, 2º Ofício — ÓTICA “x” 3ª"), "celia, 2o oficio - otica \"x\" 3a");
    }

    proptest! {
        #[test]
        fn every_character_becomes_one_byte(text in any::<String>()) {
            prop_assert_eq!(fold(&text).len(), text.chars().count());
        }
    }
}
