//! Gathers a page's glyphs and images from the drawing calls of its interpreter.

use hayro_interpret::font::{Glyph as Shape, GlyphRun, PositionedGlyph};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, TransformExt, interpret_page,
};

use super::fonts::Fonts;
use super::words::ASCENT;

/// Glyphs kept of one page: the densest real page (a telephone book) has 30,000, and at this many the layout
/// still takes under a second.
const GLYPHS_MAX: usize = 200_000;

/// Images remembered of one page; more of them are tiles of one picture.
const IMAGES_MAX: usize = 64;

/// Cells along each side of the grid by which the area under images is measured.
const GRID: usize = 32;

/// One glyph where it stands on the displayed page, in points from the top left.
#[derive(Clone, Debug)]
pub(crate) struct Glyph {
    /// The text it stands for; `None` where the font does not say.
    pub(crate) text: Option<String>,
    /// The code by which the file names it.
    pub(crate) code: u32,
    /// Its origin on the baseline.
    pub(crate) origin: (f32, f32),
    /// The direction of the text as a unit vector; `(1, 0)` is upright.
    pub(crate) along: (f32, f32),
    /// How far the pen moves, in points.
    pub(crate) width: f32,
    /// The font's size as it appears, in points.
    pub(crate) size: f32,
    /// Whether it is drawn at all: an OCR layer is not.
    pub(crate) visible: bool,
}

/// An image as placed on the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageSeen {
    /// Pixels.
    pub(crate) pixels: (u32, u32),
    /// From the image's pixels to points.
    pub(crate) transform: Affine,
}

/// All that a page draws, as far as reading it needs.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// In the order drawn.
    pub(crate) glyphs: Vec<Glyph>,
    /// In the order drawn, at most [`IMAGES_MAX`].
    pub(crate) images: Vec<ImageSeen>,
    /// How many images there were.
    pub(crate) image_count: usize,
    /// The share of the page under images, from 0 to 1.
    pub(crate) image_cover: f32,
    /// How many paths were drawn; text turned into outlines shows here.
    pub(crate) path_count: usize,
    /// Whether glyphs were left out for their number.
    pub(crate) truncated: bool,
}

/// Interprets `page` and keeps what its text needs.
pub(crate) fn gather<'a>(
    page: &Page<'a>,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
    fonts: &mut Fonts,
) -> Gathered {
    let (width, height) = page.render_dimensions();
    let bounds = Rect::new(0.0, 0.0, width.into(), height.into());
    let transform = page.initial_transform(true).to_kurbo();
    let mut context = Context::new(transform, bounds, cache, page.xref(), settings.clone());
    let mut gatherer = Gatherer { bounds, gathered: Gathered::default(), grid: [0; GRID], fonts };
    interpret_page(page, &mut context, &mut gatherer);
    let covered: u32 = gatherer.grid.iter().map(|row| row.count_ones()).sum();
    gatherer.gathered.image_cover = covered as f32 / (GRID * GRID) as f32;
    gatherer.gathered
}

struct Gatherer<'f> {
    bounds: Rect,
    gathered: Gathered,
    grid: [u32; GRID],
    fonts: &'f mut Fonts,
}

impl Gatherer<'_> {
    fn text(&mut self, glyph: &Shape<'_>) -> Option<String> {
        match (glyph.as_unicode(), glyph) {
            (Some(BfString::Char(one)), _) => Some(one.to_string()),
            (Some(BfString::String(several)), _) => Some(several),
            (None, Shape::Outline(outline)) => self.fonts.meaning(outline).map(str::to_owned),
            (None, Shape::Type3(_)) => None,
        }
    }

    fn cover(&mut self, area: Rect) {
        let area = area.intersect(self.bounds);
        if area.width() <= 0.0 || area.height() <= 0.0 {
            return;
        }
        let cell = |at: f64, side: f64| ((at / side * GRID as f64).round() as usize).min(GRID);
        let (x0, x1) = (cell(area.x0, self.bounds.width()), cell(area.x1, self.bounds.width()));
        let (y0, y1) = (cell(area.y0, self.bounds.height()), cell(area.y1, self.bounds.height()));
        let bits = (x0..x1).fold(0_u32, |bits, x| bits | 1 << x);
        self.grid.iter_mut().take(y1).skip(y0).for_each(|row| *row |= bits);
    }
}

impl<'a> Device<'a> for Gatherer<'_> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let visible = !matches!(mode, DrawMode::Invisible);
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let first = self.gathered.glyphs.len();
        let stretched = stretched(run);
        for positioned in run.glyphs() {
            if self.gathered.glyphs.len() >= GLYPHS_MAX {
                self.gathered.truncated = true;
                return;
            }
            let (advance, type3) = match &**positioned {
                Shape::Outline(outline) => (outline.advance_width(), false),
                Shape::Type3(drawn) => (drawn.advance_width(), true),
            };
            let shape = Drawn {
                transform: props.transform * positioned.transform(),
                advance: advance.unwrap_or(0.0).max(0.0),
                stretched,
                vertical,
                type3,
            };
            if let Some(place) = shape.place()
                && self
                    .bounds
                    .inflate(1.0, 1.0)
                    .contains(Point::new(place.origin.0.into(), place.origin.1.into()))
            {
                let Place { origin, along, width, size } = place;
                let text = self.text(positioned);
                let glyph = Glyph { text, code: positioned.char_code(), origin, along, width, size, visible };
                // A substitute font may be stretched, which the pen's own way to the next glyph corrects.
                if let Some(before) = self.gathered.glyphs.get_mut(first..).and_then(<[_]>::last_mut) {
                    let step = (glyph.origin.0 - before.origin.0) * before.along.0
                        + (glyph.origin.1 - before.origin.1) * before.along.1;
                    if step > 0.05 * before.size && step < before.width {
                        before.width = step;
                    }
                }
                self.gathered.glyphs.push(glyph);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = (image.width(), image.height());
        let whole = Rect::new(0.0, 0.0, pixels.0.into(), pixels.1.into());
        self.cover(props.transform.transform_rect_bbox(whole));
        self.gathered.image_count += 1;
        if self.gathered.images.len() < IMAGES_MAX {
            self.gathered.images.push(ImageSeen { pixels, transform: props.transform });
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.gathered.path_count += 1;
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// Whether the run's font stands in for one that the file lacks, each of its glyphs stretched to the other's width.
fn stretched(run: &GlyphRun<'_, '_>) -> bool {
    let shapes: Vec<(f64, f32)> = run.glyphs().iter().filter_map(|glyph| ratio(glyph)).collect();
    let Some((first, advance)) = shapes.first().copied() else { return false };
    if shapes.iter().any(|(ratio, _)| (ratio / first - 1.0).abs() > 0.01) {
        return true;
    }
    let all_alike = shapes.iter().any(|(_, other)| (other - advance).abs() > 1.0);
    !all_alike && is_stretch(first, advance)
}

/// How much wider than high a glyph of an outline font is drawn, with its advance.
fn ratio(glyph: &PositionedGlyph<'_>) -> Option<(f64, f32)> {
    let Shape::Outline(outline) = &**glyph else { return None };
    let [a, b, c, d, ..] = glyph.transform().as_coeffs();
    Some((a.hypot(b) / c.hypot(d).max(1e-9), outline.advance_width()?))
}

/// Tells a stretch, which leads from a standard font's width in whole units to the file's, from a page's own scale,
/// which is a round number.
fn is_stretch(ratio: f64, advance: f32) -> bool {
    let whole = |value: f64, within: f64| (value - value.round()).abs() < within;
    (0.3..3.0).contains(&ratio) && !whole(ratio * 1e4, 1e-3) && whole(f64::from(advance) / ratio, 0.01)
}

/// A glyph as it is drawn: `transform` maps its own space, 1,000 units to the em, to the page.
struct Drawn {
    transform: Affine,
    /// How far the pen moves, in the glyph's own space.
    advance: f32,
    stretched: bool,
    vertical: bool,
    type3: bool,
}

/// Where a glyph stands, see [`Glyph`].
struct Place {
    origin: (f32, f32),
    along: (f32, f32),
    width: f32,
    size: f32,
}

impl Drawn {
    /// Its place, unless it has no extent on the page.
    fn place(&self) -> Option<Place> {
        let [a, b, c, d, e, f] = self.transform.as_coeffs().map(|value| value as f32);
        let (stride, rise) = (a.hypot(b), c.hypot(d));
        // The widths of the font that a substitute stands in for are not stretched.
        let width = self.advance * if self.stretched { rise } else { stride };
        let mut size = rise * 1000.0;
        // The font matrix of a Type 3 font may hold its size, so that the text's own size says nothing.
        if self.type3 && !(0.2..1.6).contains(&(width / size)) && width > 0.0 {
            size = width * 1.8;
        }
        let fine = [size, width, e, f, stride].iter().all(|value| value.is_finite() && value.abs() < 1e6);
        if !fine || size <= 0.01 || stride <= 0.0 {
            return None;
        }
        let along = (a / stride, b / stride);
        if !self.vertical {
            return Some(Place { origin: (e, f), along, width, size });
        }
        // The pen moves from the top of each square downwards; letters hang from the line's right side.
        let down = (-c / rise, -d / rise);
        let origin = |right: f32, up: f32| {
            (e + size * (right * along.0 - up * down.0), f + size * (right * along.1 - up * down.1))
        };
        Some(Place { origin: origin(1.0 - ASCENT, 1.0 - DROP), along: down, width: size, size })
    }
}

/// How far below the top of its square the baseline of a glyph of vertical writing is, as a share of its size.
const DROP: f32 = 0.12;
