//! A handle of tesseract behind a safe face: its languages, one picture after the other, and the words it saw.

use std::ffi::{CStr, c_int};
use std::ptr::{NonNull, null};

use tesseract_plumbing::Text;
use tesseract_plumbing::tesseract_sys::{
    TessBaseAPI, TessBaseAPICreate, TessBaseAPIDelete, TessBaseAPIGetIterator, TessBaseAPIInit3,
    TessBaseAPIRecognize, TessBaseAPISetImage2, TessBaseAPISetPageSegMode, TessBaseAPISetSourceResolution,
    TessPageIteratorBoundingBox, TessPageIteratorIsAtBeginningOf, TessPageIteratorLevel,
    TessPageIteratorLevel_RIL_TEXTLINE as LINE, TessPageIteratorLevel_RIL_WORD as WORD,
    TessPageSegMode_PSM_AUTO, TessPageSegMode_PSM_AUTO_OSD, TessResultIterator, TessResultIteratorConfidence,
    TessResultIteratorDelete, TessResultIteratorGetPageIteratorConst, TessResultIteratorGetUTF8Text,
    TessResultIteratorNext,
};

use super::engine::Seen;
use super::pix::Picture;

/// One tesseract with its languages loaded.
pub(super) struct Handle(NonNull<TessBaseAPI>);

impl Handle {
    /// Loads `languages`, as `por+eng`; `None` where one of them is not installed.
    pub(super) fn new(languages: &CStr) -> Option<Self> {
        #[expect(unsafe_code, reason = "a call of tesseract")]
        // SAFETY: it takes nothing and gives a handle of our own, or null.
        let handle = Self(NonNull::new(unsafe { TessBaseAPICreate() })?);
        #[expect(unsafe_code, reason = "a call of tesseract")]
        // SAFETY: the handle is valid, no folder asks for the usual one, and the name ends with a zero.
        let failed = unsafe { TessBaseAPIInit3(handle.0.as_ptr(), null(), languages.as_ptr()) };
        (failed == 0).then_some(handle)
    }

    /// Reads a picture; `find_way` lets tesseract find which way the page stands, at a cost. `None` where it fails.
    pub(super) fn read(&mut self, picture: &Picture, dpi: i32, find_way: bool) -> Option<Vec<Seen>> {
        let api = self.0.as_ptr();
        let mode = if find_way { TessPageSegMode_PSM_AUTO_OSD } else { TessPageSegMode_PSM_AUTO };
        #[expect(unsafe_code, reason = "calls of tesseract")]
        // SAFETY: the handle is valid; tesseract takes a reference of its own to the picture.
        let failed = unsafe {
            TessBaseAPISetPageSegMode(api, mode);
            TessBaseAPISetImage2(api, picture.for_tesseract());
            TessBaseAPISetSourceResolution(api, dpi);
            TessBaseAPIRecognize(api, std::ptr::null_mut())
        };
        (failed == 0).then(|| self.words())
    }

    fn words(&mut self) -> Vec<Seen> {
        let mut words = Vec::new();
        #[expect(unsafe_code, reason = "a call of tesseract")]
        // SAFETY: the handle is valid; the iterator is ours and ends before the handle is used again.
        let Some(at) = NonNull::new(unsafe { TessBaseAPIGetIterator(self.0.as_ptr()) }) else { return words };
        let mut at = Place(at);
        let mut line = 0;
        loop {
            line += u32::from(at.begins(LINE));
            words.extend(at.word(line));
            if !at.next() {
                return words;
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a call of tesseract")]
        // SAFETY: the handle is valid and nobody uses it afterwards.
        unsafe {
            TessBaseAPIDelete(self.0.as_ptr());
        }
    }
}

/// A place among the words that tesseract saw.
struct Place(NonNull<TessResultIterator>);

impl Place {
    fn begins(&self, level: TessPageIteratorLevel) -> bool {
        #[expect(unsafe_code, reason = "calls of tesseract")]
        // SAFETY: the iterator is valid, and is one over the page too.
        let begins = unsafe {
            TessPageIteratorIsAtBeginningOf(TessResultIteratorGetPageIteratorConst(self.0.as_ptr()), level)
        };
        begins != 0
    }

    fn next(&mut self) -> bool {
        #[expect(unsafe_code, reason = "a call of tesseract")]
        // SAFETY: the iterator is valid.
        let next = unsafe { TessResultIteratorNext(self.0.as_ptr(), WORD) };
        next != 0
    }

    /// The word here, unless it is none.
    fn word(&self, line: u32) -> Option<Seen> {
        let at = self.0.as_ptr();
        let [mut x0, mut y0, mut x1, mut y1]: [c_int; 4] = [0; 4];
        #[expect(unsafe_code, reason = "calls of tesseract")]
        // SAFETY: the iterator is valid, the four numbers outlive the call, and the text is ours to free.
        let (there, confidence, text) = unsafe {
            let page = TessResultIteratorGetPageIteratorConst(at);
            let there = TessPageIteratorBoundingBox(page, WORD, &mut x0, &mut y0, &mut x1, &mut y1);
            let text = TessResultIteratorGetUTF8Text(at, WORD);
            let text = if text.is_null() { None } else { Some(Text::new(text)) };
            (there != 0, TessResultIteratorConfidence(at, WORD), text?)
        };
        let text = text.as_ref().to_string_lossy();
        let text = text.trim();
        (there && !text.is_empty()).then(|| Seen {
            text: text.to_owned(),
            x0: x0 as f32,
            y0: y0 as f32,
            x1: x1 as f32,
            y1: y1 as f32,
            confidence: (confidence / 100.0).clamp(0.0, 1.0),
            line,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a call of tesseract")]
        // SAFETY: the iterator is valid and nobody uses it afterwards.
        unsafe {
            TessResultIteratorDelete(self.0.as_ptr());
        }
    }
}
