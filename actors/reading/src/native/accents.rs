//! Puts accents that a font draws as glyphs of their own onto their letters, and writes ligatures out.

use unicode_normalization::UnicodeNormalization as _;

/// The combining form of an accent that stands alone, as old TeX fonts draw it.
pub(super) fn combining(accent: char) -> Option<char> {
    Some(match accent {
        '`' | '\u{2cb}' => '\u{300}',
        '´' | '\u{2ca}' => '\u{301}',
        '^' | '\u{2c6}' => '\u{302}',
        '~' | '\u{2dc}' => '\u{303}',
        '¯' | '\u{2c9}' => '\u{304}',
        '\u{2d8}' => '\u{306}',
        '\u{2d9}' => '\u{307}',
        '¨' => '\u{308}',
        '\u{2da}' => '\u{30a}',
        '\u{2dd}' => '\u{30b}',
        '\u{2c7}' => '\u{30c}',
        '¸' => '\u{327}',
        '\u{2db}' => '\u{328}',
        '\u{300}'..='\u{36f}' => accent,
        _ => return None,
    })
}

/// `letter` with `mark` on it as one character, where there is such a one.
pub(super) fn compose(letter: char, mark: char) -> Option<char> {
    let letter = match letter {
        '\u{131}' => 'i',
        '\u{237}' => 'j',
        other => other,
    };
    unicode_normalization::char::compose(letter, mark)
}

/// Adds a glyph's text as it should be searched: composed, with ligatures written out and no control characters.
pub(super) fn push_clean(text: &str, into: &mut String) {
    for letter in text.nfc() {
        match letter {
            '\u{fb00}'..='\u{fb06}' => into.extend(std::iter::once(letter).nfkc()),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => into.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{feff}' => {}
            control if control.is_control() => {}
            plain => into.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_are_written_out_and_controls_dropped() {
        let mut text = String::new();
        push_clean("o\u{fb03}ce\u{0}\u{200b}", &mut text);
        assert_eq!(text, "office");
    }

    #[test]
    fn a_lone_accent_joins_its_letter() {
        assert_eq!(combining('´').and_then(|mark| compose('a', mark)), Some('á'));
        assert_eq!(combining('~').and_then(|mark| compose('o', mark)), Some('õ'));
        assert_eq!(combining('´').and_then(|mark| compose('\u{131}', mark)), Some('í'));
        assert_eq!(combining('x'), None);
    }
}
