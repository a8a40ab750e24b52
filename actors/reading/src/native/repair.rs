//! Reads letters whose font says nothing of them by their codes, where those turn out to be the usual ones.

use super::glyphs::Glyph;
use crate::plausible;

/// Gives unmapped glyphs the Latin-1 letter of their code, if most such letters together read as a language.
pub(crate) fn repair(glyphs: &mut [Glyph]) {
    let unmapped = glyphs.iter().filter(|glyph| glyph.text.is_none()).count();
    // A few signs without a meaning are symbols, which their codes would only disguise as letters.
    if unmapped * 5 < glyphs.len() {
        return;
    }
    let guess: String =
        glyphs.iter().filter(|glyph| glyph.text.is_none()).map(|g| latin(g.code).unwrap_or(' ')).collect();
    if plausible::score(&guess).is_none_or(|score| score < plausible::DOUBTFUL) {
        return;
    }
    for glyph in glyphs.iter_mut().filter(|glyph| glyph.text.is_none()) {
        glyph.text = latin(glyph.code).map(String::from);
    }
}

fn latin(code: u32) -> Option<char> {
    u8::try_from(code).ok().filter(|byte| matches!(byte, 0x20..=0x7e | 0xa0..=0xff)).map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmapped(text: &str, shift: u32) -> Vec<Glyph> {
        let glyph = |letter: char| Glyph {
            text: None,
            code: u32::from(letter) + shift,
            origin: (0.0, 0.0),
            along: (1.0, 0.0),
            width: 1.0,
            size: 1.0,
            visible: true,
        };
        text.chars().map(glyph).collect()
    }

    const TEXT: &str =
        "As partes declaram aceitar todos os termos e as condicoes deste contrato de compra e venda";

    #[test]
    fn usual_codes_are_read_and_others_left_to_ocr() {
        let mut usual = unmapped(TEXT, 0);
        repair(&mut usual);
        let read: String = usual.iter().filter_map(|glyph| glyph.text.clone()).collect();
        assert_eq!(read, TEXT);
        let mut shifted = unmapped(TEXT, 3);
        repair(&mut shifted);
        assert!(shifted.iter().all(|glyph| glyph.text.is_none()));
    }
}
