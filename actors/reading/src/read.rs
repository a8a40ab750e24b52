//! Reads one page: measures it, decides how, and does it.

use hayro_interpret::hayro_syntax::{self, Pdf};
use hayro_interpret::{InterpreterCache, InterpreterSettings};

use crate::decide::{Verdict, decide, measure, ocr_found_more};
use crate::native::{Fonts, Gathered, Laid, gather, lay_out, repair};
use crate::ocr::{self, Engine};
use crate::page::{Page, Source};
use crate::picture::{self, Picture};
use crate::problem::PageProblem;
use crate::raster::raster;
use crate::settings::{Limits, Ocr, Recogniser, Settings};
use crate::unread::{Begun, Unread};

/// Pages read with one cache of fonts; then it is emptied, as it only grows.
const PAGES_PER_CACHE: u32 = 50;

/// The longest side of a page, in points: 17 metres. PDF itself ends at 14,400 unless a page brings its own unit.
const SIDE_POINTS_MAX: f32 = 50_000.0;

/// An open document and what is kept warm between its pages.
pub(crate) struct Open<'p> {
    pdf: &'p Pdf,
    cache: InterpreterCache<'p>,
    interpreter: InterpreterSettings,
    fonts: Fonts,
    cached: u32,
}

impl<'p> Open<'p> {
    pub(crate) fn new(pdf: &'p Pdf) -> Self {
        let (cache, interpreter) = (InterpreterCache::new(), InterpreterSettings::default());
        Self { pdf, cache, interpreter, fonts: Fonts::default(), cached: 0 }
    }

    /// Page `number`, counted from 1, if its size is that of a page.
    fn page(&self, number: u32) -> Result<&'p hayro_syntax::page::Page<'p>, PageProblem> {
        let pages = self.pdf.pages();
        let at = (number as usize).checked_sub(1);
        let page = at
            .and_then(|at| pages.get(at))
            .ok_or(PageProblem::NoSuchPage { number, pages: pages.len() as u32 })?;
        let size = page.render_dimensions();
        if !(size.0 <= SIDE_POINTS_MAX && size.1 <= SIDE_POINTS_MAX) {
            let (width, height) = (size.0 as u64, size.1 as u64);
            return Err(PageProblem::TooLarge { width, height, max: SIDE_POINTS_MAX as u64 });
        }
        Ok(page)
    }

    /// Draws a page as a PNG.
    pub(crate) fn draw(&self, picture: &Picture, limits: &Limits) -> Result<Vec<u8>, PageProblem> {
        picture::draw(self.page(picture.number)?, &self.interpreter, picture, limits.pixels_max)
    }

    /// Reads page `number`, counted from 1.
    pub(crate) fn read(
        &mut self,
        number: u32,
        settings: &Settings,
        limits: &Limits,
        engine: &mut Engine,
    ) -> Result<Begun, PageProblem> {
        if self.cached >= PAGES_PER_CACHE {
            self.cache = InterpreterCache::new();
            self.cached = 0;
        }
        self.cached += 1;
        let page = self.page(number)?;
        let size = page.render_dimensions();
        let mut gathered = gather(page, &self.cache, &self.interpreter, &mut self.fonts);
        if gathered.truncated {
            return Err(PageProblem::TooMuchText);
        }
        repair(&mut gathered.glyphs);
        let measures = measure(&gathered);
        let verdict = match (settings.ocr, decide(&measures)) {
            (_, Verdict::Empty) => Verdict::Empty,
            (Ocr::Never, _) => Verdict::Native,
            (Ocr::Always, _) => Verdict::Ocr,
            (Ocr::WhereNeeded, verdict) => verdict,
        };
        if verdict == Verdict::Empty {
            return Ok(Begun::page(Page::empty(number, size.0, size.1)));
        }
        if verdict == Verdict::Native {
            return Ok(Begun::page(native(number, size, &gathered)));
        }
        let raster =
            raster(page, &gathered, &self.cache, &self.interpreter, settings.dpi, limits.pixels_max)?;
        let compare = verdict == Verdict::Compare;
        if settings.recogniser == Recogniser::Elsewhere {
            let drawn = ocr::draw(raster)?;
            let native = native(number, size, &gathered);
            return Ok(Begun::Unread(Box::new(Unread::new(drawn, native, measures.letters, compare))));
        }
        let read = ocr::recognise(engine, raster, size, &settings.languages)?;
        if is_native_better(measures.letters, &read.laid.text, compare) {
            return Ok(Begun::page(native(number, size, &gathered)));
        }
        let source = Source::Ocr {
            mean_confidence: read.mean_confidence,
            language: settings.languages.clone(),
            rotation_degrees: read.rotation_degrees,
        };
        Ok(Begun::page(page_of(number, size, read.laid, source)))
    }
}

/// Whether a page's own text of so many letters is the better reading, beside what was recognised.
pub(crate) fn is_native_better(native_letters: usize, recognised: &str, compare: bool) -> bool {
    let letters = recognised.chars().filter(|letter| letter.is_alphanumeric()).count();
    // OCR that finds nothing is no better than text, poor as it is, that has something.
    compare && !ocr_found_more(native_letters, letters) || letters * 10 < native_letters
}

fn native(number: u32, size: (f32, f32), gathered: &Gathered) -> Page {
    page_of(number, size, lay_out(gathered, size), Source::Native)
}

pub(crate) fn page_of(number: u32, (width, height): (f32, f32), laid: Laid, source: Source) -> Page {
    let Laid { text, words, tables } = laid;
    let source = if words.is_empty() { Source::Empty } else { source };
    Page { number, width, height, text, words, tables, source }
}
