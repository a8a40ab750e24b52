//! What a read page is: its text in reading order, and where on the paper each word stands.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::problem::PageProblem;

/// A rectangle on the displayed page in PDF points, origin at the top left: `[x0, y0, x1, y1]`.
pub type Rect = [f32; 4];

/// One page of a document, as its reader left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Encode, Decode)]
pub struct Page {
    /// The page's place in the file, from 1.
    pub number: u32,
    /// Width in PDF points as displayed, that is after `/Rotate` and within the crop box.
    pub width: f32,
    /// Height in PDF points as displayed.
    pub height: f32,
    /// The text in reading order: lines end with `\n`, paragraphs with a blank line, the cells of a table row
    /// are separated by a tab. A word that was hyphenated over two lines stands whole on the first of them.
    pub text: String,
    /// Every word, in the order of `text`. A word joined over a line end has one entry for each of its parts.
    pub words: Vec<Word>,
    /// The tables, in the order of `text`.
    pub tables: Vec<Table>,
    /// Where the text came from.
    pub source: Source,
}

/// A word, or the part of one that stands on one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Encode, Decode)]
pub struct Word {
    /// First byte of the word in [`Page::text`].
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
    /// Where it stands.
    pub rect: Rect,
    /// How sure OCR was, from 0 to 1; `None` for native text.
    pub confidence: Option<f32>,
}

/// A table within a page's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Table {
    /// First byte of the table in [`Page::text`].
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
    /// The byte range of each row, in order; its cells are separated by tabs.
    pub rows: Vec<(u32, u32)>,
}

/// Where a page's text came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Source {
    /// The text that the file itself carries.
    Native,
    /// Characters recognised in the page's image.
    Ocr {
        /// The mean over all words, from 0 to 1.
        mean_confidence: f32,
        /// Tesseract's name of the language or languages used, as `por+eng`; the service's name where one recognised.
        language: String,
        /// How the image was turned clockwise before it was read: 0, 90, 180 or 270.
        rotation_degrees: u16,
    },
    /// Nothing to read: a blank page, or one of pictures alone.
    Empty,
    /// The page could not be read; the rest of the document can.
    Failed {
        /// Why not.
        reason: PageProblem,
    },
}

impl Page {
    /// The page that stands for one that could not be read, so that a document keeps its numbering.
    pub fn failed(number: u32, reason: PageProblem) -> Self {
        Self { source: Source::Failed { reason }, ..Self::empty(number, 0.0, 0.0) }
    }

    /// A page of `width` by `height` points with nothing on it.
    pub fn empty(number: u32, width: f32, height: f32) -> Self {
        let (text, words, tables) = Default::default();
        Self { number, width, height, text, words, tables, source: Source::Empty }
    }

    /// The text of `word`, or `""` where the word is not one of this page's.
    pub fn word_text(&self, word: &Word) -> &str {
        self.text.get(word.start as usize..word.end as usize).unwrap_or("")
    }
}

/// What is known of a document once it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct DocumentInfo {
    /// How many pages it has.
    pub page_count: u32,
    /// Its title, where its metadata has one.
    pub title: Option<String>,
    /// Its author, where its metadata has one.
    pub author: Option<String>,
    /// The program that produced it, where its metadata says so.
    pub producer: Option<String>,
    /// When it was made, as `YYYY-MM-DD`, where its metadata says so.
    pub created: Option<String>,
    /// Whether it is encrypted with an empty user password, so that anyone may read it.
    pub encrypted: bool,
}
