//! Decides how a page is read: its own text, OCR, or not at all because nothing is on it.

use crate::native::Gathered;
use crate::plausible;

/// What is measured of a page before it is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measures {
    /// Glyphs that draw something.
    pub(crate) glyphs: usize,
    /// Glyphs whose font does not say what they mean, or says nonsense.
    pub(crate) garbage: usize,
    /// Letters and digits that can be read.
    pub(crate) letters: usize,
    /// Of them, those that are not drawn: another program's OCR.
    pub(crate) hidden: usize,
    /// The share of the page under images.
    pub(crate) image_cover: f32,
    /// Paths drawn.
    pub(crate) paths: usize,
    /// How much the text looks like a language, see [`plausible`]; `None` where there is too little of it.
    pub(crate) plausibility: Option<f32>,
    /// Letter pairs as they come from text decoded twice, per letter.
    pub(crate) mojibake: f32,
}

/// How a page is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// By its own text.
    Native,
    /// By OCR.
    Ocr,
    /// By OCR, unless that finds little more than the page's own text: a scan with a stamp, a slide on a picture.
    Compare,
    /// Nothing is on it.
    Empty,
}

/// Paths of a page that may hold words drawn as outlines; rules and frames alone are fewer.
const PATHS_OF_OUTLINES: usize = 120;

/// Decides by the measures alone.
pub(crate) fn decide(m: &Measures) -> Verdict {
    let garbage = m.garbage as f32 / m.glyphs.max(1) as f32;
    if m.letters == 0 && m.garbage == 0 {
        let drawn = m.image_cover >= 0.04 || m.paths >= PATHS_OF_OUTLINES;
        return if drawn { Verdict::Ocr } else { Verdict::Empty };
    }
    let strange = m.plausibility.is_some_and(|score| score < plausible::STRANGE);
    let doubtful = m.plausibility.is_some_and(|score| score < plausible::DOUBTFUL);
    if garbage > 0.3 || strange || m.mojibake > 0.01 || garbage > 0.08 && doubtful {
        return Verdict::Ocr;
    }
    // Text that nobody sees was never proofread.
    if m.hidden * 2 > m.letters && doubtful {
        return Verdict::Ocr;
    }
    let shown = m.letters - m.hidden.min(m.letters);
    if m.image_cover > 0.5 && m.hidden < 100 && shown < 400 {
        return Verdict::Compare;
    }
    Verdict::Native
}

/// Whether OCR of a page to [`Verdict::Compare`] found so much more that it is the better reading.
pub(crate) fn ocr_found_more(native_letters: usize, ocr_letters: usize) -> bool {
    ocr_letters as f32 > 1.25 * native_letters as f32 + 20.0
}

/// Measures what was gathered of a page.
pub(crate) fn measure(gathered: &Gathered) -> Measures {
    let mut measures =
        Measures { image_cover: gathered.image_cover, paths: gathered.path_count, ..Measures::default() };
    let mut text = String::new();
    for glyph in &gathered.glyphs {
        let Some(shown) = &glyph.text else {
            (measures.glyphs, measures.garbage) = (measures.glyphs + 1, measures.garbage + 1);
            continue;
        };
        if shown.chars().all(char::is_whitespace) {
            text.push(' ');
            continue;
        }
        measures.glyphs += 1;
        if shown.chars().any(is_garbage) {
            measures.garbage += 1;
            text.push(' ');
            continue;
        }
        let readable = shown.chars().filter(|letter| letter.is_alphanumeric()).count();
        measures.letters += readable;
        measures.hidden += if glyph.visible { 0 } else { readable };
        text.push_str(shown);
    }
    measures.plausibility = plausible::score(&text);
    measures.mojibake = plausible::mojibake(&text);
    measures
}

/// Characters that no font's map should give for a printed glyph.
fn is_garbage(letter: char) -> bool {
    matches!(letter, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
        || letter.is_control() && !letter.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Measures {
        Measures {
            glyphs: 2_000,
            letters: 1_700,
            plausibility: Some(plausible::DOUBTFUL + 0.4),
            ..Measures::default()
        }
    }

    #[test]
    fn a_page_of_plain_text_is_native() {
        assert_eq!(decide(&page()), Verdict::Native);
        assert_eq!(decide(&Measures { image_cover: 1.0, ..page() }), Verdict::Native, "on a letterhead");
    }

    #[test]
    fn a_scan_is_read_by_ocr_and_a_blank_page_is_empty() {
        assert_eq!(decide(&Measures { image_cover: 1.0, ..Measures::default() }), Verdict::Ocr);
        assert_eq!(decide(&Measures::default()), Verdict::Empty);
        assert_eq!(decide(&Measures { image_cover: 0.01, paths: 4, ..Measures::default() }), Verdict::Empty);
        assert_eq!(decide(&Measures { paths: 900, ..Measures::default() }), Verdict::Ocr, "outlined text");
    }

    #[test]
    fn text_without_meaning_is_read_by_ocr() {
        assert_eq!(decide(&Measures { garbage: 1_900, letters: 100, ..page() }), Verdict::Ocr);
        assert_eq!(
            decide(&Measures { plausibility: Some(plausible::STRANGE - 0.3), ..page() }),
            Verdict::Ocr
        );
        assert_eq!(decide(&Measures { mojibake: 0.03, ..page() }), Verdict::Ocr);
    }

    #[test]
    fn a_scan_with_a_stamp_is_compared() {
        let stamped = Measures { glyphs: 90, letters: 80, image_cover: 0.98, ..Measures::default() };
        assert_eq!(decide(&stamped), Verdict::Compare);
        assert!(ocr_found_more(80, 1_900));
        assert!(!ocr_found_more(80, 85));
    }

    #[test]
    fn a_hidden_layer_is_trusted_only_when_it_reads_well() {
        let layer = Measures { hidden: 1_700, image_cover: 1.0, ..page() };
        assert_eq!(decide(&layer), Verdict::Native);
        let poor = Measures { plausibility: Some((plausible::STRANGE + plausible::DOUBTFUL) / 2.0), ..layer };
        assert_eq!(decide(&poor), Verdict::Ocr);
    }
}
