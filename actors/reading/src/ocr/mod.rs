//! Reads a page's picture: looks at it, prepares it where that pays, and brings tesseract's words back to the page.

mod engine;
mod handle;
mod look;
mod pix;

use hayro_interpret::kurbo::{Affine, Rect as Area};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

pub(crate) use engine::{Engine, Seen};
pub(crate) use pix::silence;

use crate::native::{Laid, Piece, blocks, write};
use crate::page::Rect;
use crate::problem::PageProblem;
use crate::raster::Raster;
use look::{Background, Way};
use pix::Picture;

/// Pictures finer than this are reduced: tesseract gains nothing and takes longer.
const DPI_MAX: f32 = 330.0;

/// Pictures coarser than this are enlarged.
const DPI_MIN: f32 = 130.0;

/// Darker than this is ink, once the background is even.
const INK: u8 = 150;

/// Darker than this may be a ruled line, which is often printed grey.
const FAINT_INK: u8 = 200;

/// The same where the background was normalised, which leptonica brings to 200 and not to white.
const FAINT_INK_NORMALISED: u8 = 160;

/// Words below this confidence on a page with hardly any others are specks, not text.
const SPECK: f32 = 0.3;

/// The largest picture for another recogniser, in bytes and in pixels of a side: what Amazon Textract takes in one request.
const PNG_BYTES_MAX: usize = 5_000_000;
const SIDE_PIXELS_MAX: u32 = 10_000;

/// How often a picture is made smaller to fit, and by how much.
const TRIES_MAX: usize = 6;
const SHRINK: f32 = 0.7;

/// What OCR made of a page.
pub(crate) struct Recognised {
    pub(crate) laid: Laid,
    /// Over all words, from 0 to 1.
    pub(crate) mean_confidence: f32,
    /// How the page was turned clockwise.
    pub(crate) rotation_degrees: u16,
}

/// Reads `raster`, a picture of a page of `page` points.
pub(crate) fn recognise(
    engine: &mut Engine,
    raster: Raster,
    page: (f32, f32),
    languages: &str,
) -> Result<Recognised, PageProblem> {
    let prepared = prepare(raster)?;
    let seen = engine.read(&prepared.picture, prepared.dpi, languages, prepared.unsure)?;
    let (laid, mean_confidence) = lay_out(seen, prepared.to_page, page);
    Ok(Recognised { laid, mean_confidence, rotation_degrees: prepared.rotation_degrees })
}

/// Words seen in a picture, as text in reading order on a page of `page` points, and the mean of their confidence. Pure.
pub(crate) fn lay_out(mut seen: Vec<Seen>, to_page: Affine, page: (f32, f32)) -> (Laid, f32) {
    if seen.iter().all(|word| word.confidence < SPECK) {
        seen.clear();
    }
    let mean_confidence = seen.iter().map(|word| word.confidence).sum::<f32>() / (seen.len().max(1)) as f32;
    let place = |[x0, y0, x1, y1]: Rect| -> Rect {
        let area = Area::new(x0.into(), y0.into(), x1.into(), y1.into());
        let area = to_page.transform_rect_bbox(area);
        let (width, height) = (f64::from(page.0), f64::from(page.1));
        let (x, y) = (|at: f64| at.clamp(0.0, width) as f32, |at: f64| at.clamp(0.0, height) as f32);
        [x(area.x0), y(area.y0), x(area.x1), y(area.y1)]
    };
    let mut laid = Laid::default();
    write(&blocks(pieces(seen)), &place, &mut laid);
    (laid, mean_confidence)
}

/// A page's picture as a grey PNG, upright as far as its letters tell.
pub(crate) struct Drawn {
    pub(crate) png: Vec<u8>,
    /// Pixels.
    pub(crate) size: (u32, u32),
    /// From pixels to points of the displayed page.
    pub(crate) to_page: Affine,
    /// How the page was turned clockwise.
    pub(crate) rotation_degrees: u16,
}

/// The picture that another recogniser is given: what tesseract would see, made smaller where it is too large.
pub(crate) fn draw(raster: Raster) -> Result<Drawn, PageProblem> {
    let Prepared { mut picture, mut to_page, rotation_degrees, .. } = prepare(raster)?;
    for _ in 0..TRIES_MAX {
        let size = (picture.width(), picture.height());
        let longest = size.0.max(size.1);
        // A little less, so that rounding does not leave it too long.
        let mut factor = 0.99 * SIDE_PIXELS_MAX as f32 / longest as f32;
        if longest <= SIDE_PIXELS_MAX {
            let grey = picture.grey().ok_or(PageProblem::Damaged)?;
            let mut png = Vec::new();
            let written = PngEncoder::new(&mut png).write_image(&grey, size.0, size.1, ExtendedColorType::L8);
            written.map_err(|_| PageProblem::Damaged)?;
            if png.len() <= PNG_BYTES_MAX {
                return Ok(Drawn { png, size, to_page, rotation_degrees });
            }
            factor = SHRINK;
        }
        let smaller = picture.scaled(factor).ok_or(PageProblem::OutOfMemory)?;
        let (x, y) = (f64::from(smaller.width()), f64::from(smaller.height()));
        to_page *= Affine::scale_non_uniform(f64::from(size.0) / x, f64::from(size.1) / y);
        picture = smaller;
    }
    Err(PageProblem::ImageTooLarge { width: picture.width().into(), height: picture.height().into() })
}

struct Prepared {
    picture: Picture,
    dpi: f32,
    to_page: Affine,
    rotation_degrees: u16,
    /// Whether tesseract should find out which way the page stands.
    unsure: bool,
}

fn prepare(raster: Raster) -> Result<Prepared, PageProblem> {
    let Raster { grey, width, height, mut dpi, mut to_page } = raster;
    let background = Background::of(&grey, width as usize);
    let mut picture = Picture::from_grey(&grey, width, height).ok_or(PageProblem::OutOfMemory)?;
    drop(grey);
    if !(DPI_MIN..=DPI_MAX).contains(&dpi) {
        let factor = if dpi > DPI_MAX { 300.0 / dpi } else { (200.0 / dpi).min(3.0) };
        if let Some(scaled) = picture.scaled(factor) {
            let (fx, fy) = (
                f64::from(picture.width()) / f64::from(scaled.width()),
                f64::from(picture.height()) / f64::from(scaled.height()),
            );
            to_page *= Affine::scale_non_uniform(fx, fy);
            (picture, dpi) = (scaled, dpi * factor);
        }
    }
    let mut faint = FAINT_INK;
    if background.needs_normalising()
        && let Some(even) = picture.background_normalised()
    {
        picture = even;
        faint = FAINT_INK_NORMALISED;
    }
    let mut binary = picture.binary(INK);
    if let Some(degrees) = look::straighten(binary.as_ref().and_then(Picture::skew))
        && let Some(straight) = picture.turned(degrees)
    {
        let (x, y) = (f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0);
        to_page *= Affine::rotate_about(-f64::from(degrees).to_radians(), (x, y));
        picture = straight;
        binary = picture.binary(INK);
    }
    let way = look::way(binary.as_ref().and_then(Picture::stance));
    let quarters = if let Way::Quarters(quarters) = way { quarters } else { 0 };
    if quarters > 0
        && let Some(upright) = picture.quarters(quarters)
    {
        to_page *= turned_back(quarters, picture.width(), picture.height());
        picture = upright;
    }
    // Tesseract takes the rules of a table for letters, and cells beside them for parts of a figure.
    let rules = |inches: f32| (inches * dpi).max(40.0) as u32;
    if let Some(upright) = picture.binary(faint)
        && let Some(clean) = picture.without_rules(&upright, rules(1.2), rules(0.4))
    {
        picture = clean;
    }
    let rotation_degrees = u16::from(quarters) * 90;
    Ok(Prepared { picture, dpi, to_page, rotation_degrees, unsure: way == Way::Unsure })
}

/// From a picture turned clockwise by quarters to the `width` by `height` one it was.
fn turned_back(quarters: u8, width: u32, height: u32) -> Affine {
    let (width, height) = (f64::from(width), f64::from(height));
    match quarters {
        1 => Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, height]),
        2 => Affine::new([-1.0, 0.0, 0.0, -1.0, width, height]),
        3 => Affine::new([0.0, 1.0, -1.0, 0.0, width, 0.0]),
        _ => Affine::IDENTITY,
    }
}

/// Tesseract's words as the layout takes them: all words of a line as high as the line.
fn pieces(seen: Vec<Seen>) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(seen.len());
    let mut rest = seen.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|word| word.line == first.line).count();
        let (line, after) = rest.split_at(count);
        rest = after;
        let top = line.iter().map(|word| word.y0).fold(f32::MAX, f32::min);
        let bottom = line.iter().map(|word| word.y1).fold(f32::MIN, f32::max);
        let size = (bottom - top).max(1.0);
        pieces.extend(line.iter().map(|word| Piece {
            text: ordinals(&word.text),
            x0: word.x0,
            x1: word.x1,
            top,
            bottom,
            base: bottom - 0.22 * size,
            size,
            spaced: true,
            confidence: Some(word.confidence),
        }));
    }
    pieces
}

/// Tesseract takes the ordinal sign for the sign of degrees, which Portuguese hardly ever sets alone after a number.
fn ordinals(text: &str) -> String {
    match text.split_once('°') {
        Some((number, rest))
            if !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
                && rest.chars().all(|c| c.is_ascii_punctuation()) =>
        {
            format!("{number}º{rest}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hayro_interpret::kurbo::Point;

    #[test]
    fn only_a_number_of_its_own_becomes_an_ordinal() {
        assert_eq!(ordinals("10°,"), "10º,");
        assert_eq!(ordinals("25°C"), "25°C");
        assert_eq!(ordinals("°"), "°");
    }

    #[test]
    fn a_point_of_a_turned_page_comes_back_to_its_place() {
        // The corner at the top left of a 200 by 100 picture, after each turn.
        let corner = Point::new(0.0, 0.0);
        for (quarters, at) in [(1, (100.0, 0.0)), (2, (200.0, 100.0)), (3, (0.0, 200.0))] {
            let back = turned_back(quarters, 200, 100) * Point::from(at);
            assert!(back.distance(corner) < 1e-9, "{quarters}: {back:?}");
        }
    }
}
