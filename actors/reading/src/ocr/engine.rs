//! Tesseract: one warm handle for each choice of languages, and what it says of a picture.

use std::ffi::CString;

use tesseract_plumbing::TessBaseApi;
use tesseract_plumbing::tesseract_sys::{TessPageSegMode_PSM_AUTO, TessPageSegMode_PSM_AUTO_OSD};

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
    /// Its block, paragraph and line, which together name its line.
    pub(crate) line: (u32, u32, u32),
}

/// The warm handles of a process.
#[derive(Default)]
pub(crate) struct Engine {
    handles: Vec<(String, TessBaseApi)>,
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
        let api = self.handle(languages)?;
        api.set_page_seg_mode(if find_way { TessPageSegMode_PSM_AUTO_OSD } else { TessPageSegMode_PSM_AUTO });
        api.set_image_2(picture.pix());
        api.set_source_resolution(dpi.round().clamp(70.0, 2_400.0) as i32);
        api.recognize().map_err(|_| PageProblem::Crashed)?;
        let tsv = api.get_tsv_text(0).map_err(|_| PageProblem::Crashed)?;
        Ok(parse(&tsv.as_ref().to_string_lossy()))
    }

    fn handle(&mut self, languages: &str) -> Result<&mut TessBaseApi, PageProblem> {
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
            let mut api = TessBaseApi::create();
            api.init_2(None, Some(&name)).map_err(|_| missing())?;
            self.handles.push((languages.to_owned(), api));
        }
        self.handles.last_mut().map(|(_, api)| api).ok_or(PageProblem::Crashed)
    }
}

/// The words of tesseract's table: level, page, block, paragraph, line, word, left, top, width, height, confidence,
/// text.
fn parse(tsv: &str) -> Vec<Seen> {
    const WORD: u32 = 5;
    tsv.lines()
        .filter_map(|row| {
            let mut fields = row.splitn(12, '\t');
            let mut number = || fields.next()?.parse::<u32>().ok();
            let (level, _page) = (number()?, number()?);
            let line = (number()?, number()?, number()?);
            let _word = number()?;
            let (x, y, width, height) = (number()?, number()?, number()?, number()?);
            let confidence = fields.next()?.parse::<f32>().ok()?;
            let text = fields.next()?.trim();
            (level == WORD && !text.is_empty()).then(|| Seen {
                text: text.to_owned(),
                x0: x as f32,
                y0: y as f32,
                x1: (x + width) as f32,
                y1: (y + height) as f32,
                confidence: (confidence / 100.0).clamp(0.0, 1.0),
                line,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_with_their_boxes_and_lines() {
        let tsv = "4\t1\t1\t1\t2\t0\t10\t20\t300\t40\t-1\t\n5\t1\t1\t1\t2\t1\t10\t20\t90\t40\t96.5\tOlá,\n5\t1\t1\t1\t2\t2\t110\t20\t90\t40\t95\t \n";
        let words = parse(tsv);
        assert_eq!(words.len(), 1);
        assert_eq!((words[0].text.as_str(), words[0].line), ("Olá,", (1, 1, 2)));
        assert_eq!((words[0].x0, words[0].y0, words[0].x1, words[0].y1), (10.0, 20.0, 100.0, 60.0));
        assert!((words[0].confidence - 0.965).abs() < 1e-4);
    }

    #[test]
    fn a_language_that_is_no_name_never_reaches_tesseract() {
        let mut engine = Engine::default();
        let refused = engine.handle("../../etc/passwd").err();
        assert!(matches!(refused, Some(PageProblem::NoOcr { .. })), "{refused:?}");
    }
}
