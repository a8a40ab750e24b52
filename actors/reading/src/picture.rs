//! Makes the picture of a page that people look at: drawn in colour, with passages marked.

use bincode::{Decode, Encode};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_interpret::InterpreterSettings;
use hayro_interpret::hayro_syntax::page::Page;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::problem::PageProblem;

/// The largest picture, in bytes; it travels in one frame between nodes.
const PICTURE_BYTES_MAX: usize = 3_500_000;
/// How often a picture is drawn again, smaller, to fit.
const TRIES_MAX: usize = 4;
/// How much smaller.
const SHRINK: f32 = 0.7;
/// What is left of blue under a mark: yellow paper with the ink as it is.
const BLUE_LEFT: u16 = 90;

/// How a page is drawn.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Picture {
    /// The page, counted from 1.
    pub number: u32,
    /// Dots per inch; less when the picture would be too large.
    pub dpi: u32,
    /// What is marked: left, top, width and height, in points from the page's top left corner.
    pub marks: Vec<[f32; 4]>,
}

/// `page` as a PNG.
pub(crate) fn draw<'a>(
    page: &'a Page<'a>,
    interpreter: &InterpreterSettings,
    picture: &Picture,
    pixels_max: u64,
) -> Result<Vec<u8>, PageProblem> {
    let (width, height) = page.render_dimensions();
    let mut scale = (picture.dpi as f32 / 72.0)
        .min((pixels_max as f32 / (width * height)).sqrt())
        .max(1.0 / width.min(height));
    for _ in 0..TRIES_MAX {
        let pixels = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
        let drawn =
            hayro::render(page, &RenderCache::new(), interpreter, &RenderSettings::default(), &pixels);
        let (columns, lines) = (u32::from(drawn.width()), u32::from(drawn.height()));
        let rgba = drawn.data_as_u8_slice();
        let mut rgb: Vec<u8> = rgba.chunks_exact(4).flat_map(|pixel| pixel.iter().take(3)).copied().collect();
        if columns == 0 || lines == 0 || rgb.len() != columns as usize * lines as usize * 3 {
            return Err(PageProblem::Damaged);
        }
        for mark in &picture.marks {
            colour(&mut rgb, columns, lines, &mark.map(|points| points * scale));
        }
        let mut png = Vec::new();
        let written = PngEncoder::new(&mut png).write_image(&rgb, columns, lines, ExtendedColorType::Rgb8);
        written.map_err(|_| PageProblem::Damaged)?;
        if png.len() <= PICTURE_BYTES_MAX {
            return Ok(png);
        }
        scale *= SHRINK;
    }
    Err(PageProblem::TooMuchText)
}

/// Lays yellow over a rectangle of pixels; what lies outside the picture is left out.
fn colour(rgb: &mut [u8], columns: u32, lines: u32, [left, top, width, height]: &[f32; 4]) {
    let within = |at: f32, most: u32| at.clamp(0.0, most as f32) as usize;
    let (from, to) = (within(*left, columns), within((left + width).ceil(), columns));
    for line in within(*top, lines)..within((top + height).ceil(), lines) {
        let row = (line * columns as usize + from) * 3..(line * columns as usize + to.max(from)) * 3;
        for pixel in rgb.get_mut(row).into_iter().flat_map(|row| row.chunks_exact_mut(3)) {
            if let [_, _, blue] = pixel {
                *blue = (u16::from(*blue) * BLUE_LEFT / 255) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mark_colours_its_pixels_and_no_others() {
        let mut rgb = vec![255; 4 * 3 * 3];
        colour(&mut rgb, 4, 3, &[1.0, 1.0, 2.0, 1.0]);
        let marked: Vec<usize> =
            rgb.chunks(3).enumerate().filter(|(_, pixel)| pixel[2] != 255).map(|(at, _)| at).collect();
        assert_eq!(marked, [5, 6]);
        assert!(rgb.chunks(3).all(|pixel| pixel[..2] == [255, 255]));
    }

    proptest! {
        #[test]
        fn no_mark_makes_it_panic(mark in prop::array::uniform4(any::<f32>())) {
            colour(&mut [255; 4 * 3 * 3], 4, 3, &mark);
        }
    }
}
