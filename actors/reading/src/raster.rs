//! Makes the grey picture of a page: its one image as it is where that suffices, else the page drawn.

use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_interpret::font::GlyphRun;
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps,
    InterpreterCache, InterpreterSettings, LumaData, SoftMask, TransformExt, interpret_page,
};

use crate::native::{Gathered, ImageSeen};
use crate::problem::PageProblem;

/// A page's own image is read as it is from this resolution on; below it, enlarging helps tesseract.
const OWN_DPI_MIN: f32 = 100.0;

/// What `vello_cpu` can address along one side.
const SIDE_PIXELS_MAX: f32 = 65_000.0;

/// A grey picture of a page.
pub(crate) struct Raster {
    /// One byte a pixel, row by row; 0 is black.
    pub(crate) grey: Vec<u8>,
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// Dots per inch.
    pub(crate) dpi: f32,
    /// From pixels to points of the displayed page.
    pub(crate) to_page: Affine,
}

/// The picture of `page`, of at most `pixels_max` pixels.
pub(crate) fn raster<'a>(
    page: &'a Page<'a>,
    gathered: &Gathered,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
    dpi: u32,
    pixels_max: u64,
) -> Result<Raster, PageProblem> {
    for image in &gathered.images {
        let (width, height) = (u64::from(image.pixels.0), u64::from(image.pixels.1));
        if width.saturating_mul(height) > pixels_max {
            return Err(PageProblem::ImageTooLarge { width, height });
        }
    }
    if let Some(image) = only_image(gathered, page.render_dimensions())
        && let Some(raster) = own_image(page, image, cache, settings, pixels_max)
    {
        return Ok(raster);
    }
    draw(page, settings, dpi, pixels_max)
}

/// The page's one image, where it covers the page, stands upright or on its side, and is fine enough.
fn only_image(gathered: &Gathered, (width, height): (f32, f32)) -> Option<ImageSeen> {
    let [image] = gathered.images.as_slice() else { return None };
    let drawn_else = gathered.glyphs.iter().any(|glyph| glyph.visible) || gathered.path_count > 8;
    let [a, b, c, d, ..] = image.transform.as_coeffs();
    let slant = b.abs().max(c.abs()) / a.abs().max(1e-9);
    let area = image.transform.transform_rect_bbox(whole(image.pixels));
    let page = Rect::new(0.0, 0.0, width.into(), height.into());
    let inside = area.intersect(page).area() / area.area().max(1e-9);
    let dpi = 72.0 / a.max(1e-9);
    let even = (a / d - 1.0).abs() < 0.1;
    (gathered.image_count == 1
        && gathered.image_cover > 0.6
        && inside > 0.95
        && !drawn_else
        && a > 0.0
        && d > 0.0
        && slant < 0.01
        && even
        && dpi >= f64::from(OWN_DPI_MIN))
    .then_some(*image)
}

fn whole((width, height): (u32, u32)) -> Rect {
    Rect::new(0.0, 0.0, width.into(), height.into())
}

fn own_image<'a>(
    page: &Page<'a>,
    seen: ImageSeen,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
    pixels_max: u64,
) -> Option<Raster> {
    let (width, height) = page.render_dimensions();
    let bounds = Rect::new(0.0, 0.0, width.into(), height.into());
    let mut context =
        Context::new(page.initial_transform(true).to_kurbo(), bounds, cache, page.xref(), settings.clone());
    let mut taker = Taker { grey: None, pixels_max };
    interpret_page(page, &mut context, &mut taker);
    let (grey, width, height) = taker.grey?;
    // The decoder may give fewer pixels than the file promises.
    let (fx, fy) =
        (f64::from(seen.pixels.0) / f64::from(width), f64::from(seen.pixels.1) / f64::from(height));
    let to_page = seen.transform * Affine::scale_non_uniform(fx, fy);
    let [a, ..] = to_page.as_coeffs();
    Some(Raster { grey, width, height, dpi: (72.0 / a) as f32, to_page })
}

/// Decodes the one image that a page draws.
struct Taker {
    grey: Option<(Vec<u8>, u32, u32)>,
    pixels_max: u64,
}

impl<'a> Device<'a> for Taker {
    fn draw_image(&mut self, image: Image<'a, '_>, _: ImageDrawProps<'a>) {
        if self.grey.is_some() {
            return;
        }
        let mut taken = None;
        match &image {
            Image::Raster(raster) => raster.with_rgba(|data, alpha| taken = Some(grey_of(data, alpha)), None),
            Image::Stencil(stencil) => stencil.with_stencil(
                |mask, _| {
                    let grey = mask.data.iter().map(|cover| 255 - cover).collect();
                    taken = Some((grey, mask.width, mask.height));
                },
                None,
            ),
        }
        self.grey = taken.filter(|(grey, width, height)| {
            let pixels = u64::from(*width) * u64::from(*height);
            pixels > 0 && pixels <= self.pixels_max && grey.len() as u64 == pixels
        });
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

fn grey_of(data: ImageData, alpha: Option<LumaData>) -> (Vec<u8>, u32, u32) {
    let (mut grey, width, height) = match data {
        ImageData::Luma(luma) => (luma.data, luma.width, luma.height),
        ImageData::Rgb(rgb) => (luma_bytes(&rgb.data, 3), rgb.width, rgb.height),
    };
    if let Some(alpha) = alpha.filter(|alpha| alpha.data.len() == grey.len()) {
        for (pixel, cover) in grey.iter_mut().zip(&alpha.data) {
            let (ink, cover) = (u16::from(*pixel), u16::from(*cover));
            *pixel = ((ink * cover + 255 * (255 - cover)) / 255) as u8;
        }
    }
    (grey, width, height)
}

/// The luma of pixels that start with red, green and blue, `stride` bytes each.
fn luma_bytes(pixels: &[u8], stride: usize) -> Vec<u8> {
    pixels
        .chunks_exact(stride)
        .map(|pixel| match pixel {
            [r, g, b, ..] => ((u32::from(*r) * 77 + u32::from(*g) * 150 + u32::from(*b) * 29) >> 8) as u8,
            _ => 255,
        })
        .collect()
}

/// The page drawn at `dpi`, or as finely as `pixels_max` allows.
fn draw<'a>(
    page: &'a Page<'a>,
    settings: &InterpreterSettings,
    dpi: u32,
    pixels_max: u64,
) -> Result<Raster, PageProblem> {
    let (width, height) = page.render_dimensions();
    let scale = (dpi as f32 / 72.0)
        .min(SIDE_PIXELS_MAX / width.max(height))
        .min((pixels_max as f32 / (width * height)).sqrt())
        .max(1.0 / width.min(height));
    let drawn = hayro::render(
        page,
        &RenderCache::new(),
        settings,
        &RenderSettings::default(),
        &PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE },
    );
    let (columns, lines) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let grey = luma_bytes(drawn.data_as_u8_slice(), 4);
    if columns == 0 || lines == 0 || grey.len() != columns as usize * lines as usize {
        return Err(PageProblem::Damaged);
    }
    let to_page = Affine::scale(1.0 / f64::from(scale));
    Ok(Raster { grey, width: columns, height: lines, dpi: scale * 72.0, to_page })
}
