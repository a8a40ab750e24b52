//! What is analysed: pages of text, and where on the paper each word stands.

/// A rectangle on the displayed page in PDF points, origin at the top left: `[x0, y0, x1, y1]`.
pub type Rect = [f32; 4];

/// One page of a document as its reader left it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The page's place in the file, from 1.
    pub number: u32,
    /// Width in PDF points as displayed.
    pub width: f32,
    /// Height in PDF points as displayed.
    pub height: f32,
    /// The text in reading order: lines end with `\n`, paragraphs with a blank line; cells of a row may be separated
    /// by tabs.
    pub text: String,
    /// Every word, in the order of `text`. A word joined over a line end may have one entry for each of its parts.
    pub words: Vec<Word>,
    /// Whether the text was recognised in a picture, so that letters may be mistaken for others.
    pub is_ocr: bool,
}

/// A word, or the part of one that stands on one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Word {
    /// First byte of the word in [`Page::text`].
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// Where it stands.
    pub rect: Rect,
    /// How sure the reader was, from 0 to 1; 1 for native text.
    pub confidence: f32,
}
