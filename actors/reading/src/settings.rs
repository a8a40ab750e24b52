//! How pages are read, and the limits within which a child process reads them.

use std::time::Duration;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// When a page is read by OCR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Ocr {
    /// Where a page's own text is missing or not to be trusted.
    #[default]
    WhereNeeded,
    /// Never: a scanned page is then empty.
    Never,
    /// Always, also where a page has good text of its own.
    Always,
}

/// Who recognises the characters in a page's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Recogniser {
    /// Tesseract, in the child process.
    #[default]
    Here,
    /// Somebody else: the child gives the picture, and is given nothing back.
    Elsewhere,
}

/// How a page is read. Part of the key of every cache of pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// When OCR is used.
    pub ocr: Ocr,
    /// Tesseract's name of the languages, most likely first, as `por+eng`.
    pub languages: String,
    /// Dots per inch of a page drawn for OCR.
    pub dpi: u32,
    /// Who recognises characters.
    pub recogniser: Recogniser,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ocr: Ocr::WhereNeeded,
            languages: "por+eng".to_owned(),
            dpi: 300,
            recogniser: Recogniser::Here,
        }
    }
}

/// What a child process, and the file it reads, may use at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Address space of the child. A page at 300 dpi with tesseract's two languages stays under 700 MiB.
    pub memory_bytes_max: u64,
    /// Bytes of a file; a larger one is refused unread.
    pub file_bytes_max: u64,
    /// Pages of a document; one with more is refused when opened.
    pub pages_max: u32,
    /// Seconds of CPU to open a document. A real one opens within one.
    pub open_seconds_max: u32,
    /// Seconds of CPU for one page. OCR of a crowded page at 300 dpi takes about five.
    pub page_seconds_max: u32,
    /// Seconds from the opening of a document to its last page, whatever is left to read then.
    pub document_seconds_max: u32,
    /// Pixels of one image or drawn page: A3 at 300 dpi has 17 million, A2 35 million.
    pub pixels_max: u64,
    /// Bytes of one answer of the child; a page of dense text and its boxes takes 0.2 MiB.
    pub answer_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 1536 << 20,
            file_bytes_max: 256 << 20,
            pages_max: 5_000,
            open_seconds_max: 15,
            page_seconds_max: 25,
            document_seconds_max: 3_600,
            pixels_max: 60_000_000,
            answer_bytes_max: 16 << 20,
        }
    }
}

impl Limits {
    /// The time a whole document may take.
    pub fn document_time(&self) -> Duration {
        Duration::from_secs(self.document_seconds_max.into())
    }
}
