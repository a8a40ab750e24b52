//! Tesseract: one warm handle for each choice of languages, and what it says of a picture.

use std::ffi::CString;

use super::handle::Handle;
use super::pix::Picture;
use crate::problem::PageProblem;

/// Handles kept warm in one process: all languages together, and the one that a document turned out to be in.
/// Each takes 60 to 150 MB.
const HANDLES_MAX: usize = 2;

/// A word as tesseract saw it, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) x0: f32,
    pub(crate) y0: f32,
    pub(crate) x1: f32,
    pub(crate) y1: f32,
    /// From 0 to 1.
    pub(crate) confidence: f32,
    /// Its line, counted over the page.
    pub(crate) line: u32,
}

/// The warm handles of a process.
#[derive(Default)]
pub(crate) struct Engine {
    handles: Vec<(String, Handle)>,
}

impl Engine {
    /// Reads a picture in `languages`; `find_way` lets tesseract find which way the page stands, at a cost.
    pub(crate) fn read(
        &mut self,
        picture: &Picture,
        dpi: f32,
        languages: &str,
        find_way: bool,
    ) -> Result<Vec<Seen>, PageProblem> {
        let dpi = dpi.round().clamp(70.0, 2_400.0) as i32;
        self.handle(languages)?.read(picture, dpi, find_way).ok_or(PageProblem::Crashed)
    }

    fn handle(&mut self, languages: &str) -> Result<&mut Handle, PageProblem> {
        if let Some(at) = self.handles.iter().position(|(known, _)| known == languages) {
            // The one used last stands last, so that the first is the one to drop.
            let used = self.handles.remove(at);
            self.handles.push(used);
        } else {
            let missing = || PageProblem::NoOcr { language: languages.to_owned() };
            let known = languages.split('+').all(|name| {
                !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            });
            let name = CString::new(languages).ok().filter(|_| known).ok_or_else(missing)?;
            if self.handles.len() >= HANDLES_MAX {
                self.handles.remove(0);
            }
            let handle = Handle::new(&name).ok_or_else(missing)?;
            self.handles.push((languages.to_owned(), handle));
        }
        self.handles.last_mut().map(|(_, handle)| handle).ok_or(PageProblem::Crashed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_that_is_no_name_never_reaches_tesseract() {
        let mut engine = Engine::default();
        let refused = engine.handle("../../etc/passwd").err();
        assert!(matches!(refused, Some(PageProblem::NoOcr { .. })), "{refused:?}");
    }
}
