//! A page whose characters somebody else recognises: its picture on the way out, and the page made of what comes back.

use bincode::{Decode, Encode};
use hayro_interpret::kurbo::Affine;

use crate::ocr::{self, Drawn, Seen};
use crate::page::{Page, Source};
use crate::read::{is_native_better, page_of};

/// What the reading of a page gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// The page.
    Page(Box<Page>),
    /// Its picture, because [`crate::Recogniser::Elsewhere`] was asked for and its own text does not do.
    Unread(Box<Unread>),
}

impl Begun {
    pub(crate) fn page(page: Page) -> Self {
        Begun::Page(Box::new(page))
    }
}

/// A page whose characters are to be recognised.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Unread {
    /// Its picture, grey: at most 5,000,000 bytes and 10,000 pixels a side.
    pub png: Vec<u8>,
    size: (u32, u32),
    to_page: [f64; 6],
    rotation_degrees: u16,
    /// What the page says by itself, poor as it is.
    native: Page,
    native_letters: u64,
    compare: bool,
}

/// A word that was recognised in [`Unread::png`].
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// What it says.
    pub text: String,
    /// Left, top, right and bottom as shares of the picture's width and height.
    pub rect: [f32; 4],
    /// From 0 to 1.
    pub confidence: f32,
    /// Its line, counted over the page; the words of one line follow each other.
    pub line: u32,
}

impl Unread {
    pub(crate) fn new(drawn: Drawn, native: Page, native_letters: usize, compare: bool) -> Self {
        let Drawn { png, size, to_page, rotation_degrees } = drawn;
        let (to_page, native_letters) = (to_page.as_coeffs(), native_letters as u64);
        Self { png, size, to_page, rotation_degrees, native, native_letters, compare }
    }

    /// The page with the words that `recogniser` saw, laid out as those of tesseract are. Pure.
    #[must_use]
    pub fn with(self, words: Vec<Recognised>, recogniser: &str) -> Page {
        let (columns, lines) = (self.size.0 as f32, self.size.1 as f32);
        let seen = words.into_iter().filter(|word| word.rect.iter().all(|share| share.is_finite()));
        let seen = seen.filter_map(|word| {
            let [x0, y0, x1, y1] = word.rect.map(|share| share.clamp(0.0, 1.0));
            // A tab would be the edge of a table's cell.
            let text = word.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (x0, y0, x1, y1) = (x0 * columns, y0 * lines, x1 * columns, y1 * lines);
            let (confidence, line) = (word.confidence, word.line);
            (!text.is_empty()).then_some(Seen { text, x0, y0, x1, y1, confidence, line })
        });
        let points = (self.native.width, self.native.height);
        let (laid, mean_confidence) = ocr::lay_out(seen.collect(), Affine::new(self.to_page), points);
        if is_native_better(self.native_letters as usize, &laid.text, self.compare) {
            return self.native;
        }
        let source = Source::Ocr {
            mean_confidence,
            language: recogniser.to_owned(),
            rotation_degrees: self.rotation_degrees,
        };
        page_of(self.native.number, points, laid, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A picture of 400 by 200 pixels of a page of 200 by 100 points, with nothing of its own.
    fn unread() -> Unread {
        let drawn =
            Drawn { png: Vec::new(), size: (400, 200), to_page: Affine::scale(0.5), rotation_degrees: 0 };
        Unread::new(drawn, Page::empty(3, 200.0, 100.0), 0, false)
    }

    fn word(text: &str, rect: [f32; 4], line: u32) -> Recognised {
        Recognised { text: text.to_owned(), rect, confidence: 0.9, line }
    }

    #[test]
    fn words_come_to_their_place_on_the_page_in_reading_order() {
        let words = vec![
            word("segunda", [0.1, 0.6, 0.4, 0.7], 1),
            word("primeira", [0.1, 0.2, 0.4, 0.3], 0),
            word("linha", [0.42, 0.2, 0.6, 0.3], 0),
        ];
        // The words of a line follow each other, but lines may come in any order.
        let page = unread().with(words, "textract");
        assert_eq!(page.text.split_whitespace().collect::<Vec<_>>(), ["primeira", "linha", "segunda"]);
        let linha = page.words.iter().find(|own| page.word_text(own) == "linha").unwrap();
        for (have, want) in linha.rect.iter().zip([84.0, 20.0, 120.0, 30.0]) {
            assert!((have - want).abs() < 0.01, "{:?}", linha.rect);
        }
        assert!(linha.confidence.is_some_and(|sure| (sure - 0.9).abs() < 1e-6));
        let Source::Ocr { language, mean_confidence, .. } = &page.source else { panic!("{page:?}") };
        assert!(language == "textract" && (mean_confidence - 0.9).abs() < 1e-6);
        assert_eq!((page.number, page.width, page.height), (3, 200.0, 100.0));
    }

    #[test]
    fn a_picture_without_a_word_is_an_empty_page_or_the_one_that_the_file_says() {
        assert_eq!(unread().with(Vec::new(), "textract").source, Source::Empty);
        let native = Page { text: "texto proprio".to_owned(), ..Page::empty(3, 200.0, 100.0) };
        let own = Unread { native: native.clone(), native_letters: 12, ..unread() };
        assert_eq!(own.with(Vec::new(), "textract"), native);
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic_or_leave_the_page(
            words in prop::collection::vec(
                ("[a-zé \\t]{0,6}", prop::array::uniform4(any::<f32>()), any::<f32>(), 0_u32..4), 0..12),
        ) {
            let words = words.into_iter();
            let words = words.map(|(text, rect, confidence, line)| Recognised { text, rect, confidence, line });
            let page = unread().with(words.collect(), "textract");
            for word in &page.words {
                prop_assert!(word.rect.iter().all(|at| (0.0..=200.0).contains(at)), "{word:?}");
                prop_assert!(!page.word_text(word).is_empty());
            }
        }
    }
}
