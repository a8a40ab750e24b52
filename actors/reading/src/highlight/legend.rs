//! The legend: pages of text behind a file's own, in a font that every viewer has.

use lopdf::{Document, Object, ObjectId, Stream, dictionary};

use super::Highlights;

/// Pages of a legend at most; lines beyond them are left out and said to be.
pub(super) const PAGES_MAX: u32 = 8;
/// A4, in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
/// Around the text.
const MARGIN: f32 = 56.0;
/// From line to line.
const LEADING: f32 = 15.0;
/// Of the letters.
const SIZE: f32 = 9.5;
/// Of the heading's.
const TITLE_SIZE: f32 = 15.0;
/// The side of a square of colour.
const SWATCH: f32 = 9.0;
/// From the margin to the text beside a square.
const INDENT: f32 = 18.0;
/// How wide a letter is on average, of its size, on the safe side.
const LETTER: f32 = 0.56;
/// What stands for lines that found no place.
const MORE: &str = "(...)";

/// Adds the pages of the legend of `highlights` under `parent`.
pub(super) fn add(into: &mut Document, parent: ObjectId, highlights: &Highlights) -> Vec<ObjectId> {
    let font = |name: &str| dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => name, "Encoding" => "WinAnsiEncoding" };
    let (plain, bold) = (into.add_object(font("Helvetica")), into.add_object(font("Helvetica-Bold")));
    contents(highlights)
        .into_iter()
        .map(|content| {
            let content = into.add_object(Stream::new(dictionary! {}, content));
            let bounds: Vec<Object> = vec![0.into(), 0.into(), Object::Real(WIDTH), Object::Real(HEIGHT)];
            into.add_object(dictionary! {
                "Type" => "Page",
                "Parent" => parent,
                // Its own, because a page inherits what it does not have from the file's pages.
                "MediaBox" => bounds.clone(),
                "CropBox" => bounds,
                "Rotate" => 0,
                "Resources" => dictionary! { "Font" => dictionary! { "F" => plain, "B" => bold } },
                "Contents" => content,
            })
        })
        .collect()
}

/// What each page draws.
fn contents(highlights: &Highlights) -> Vec<Vec<u8>> {
    let (mut pages, mut page, mut y) = (Vec::new(), Vec::new(), HEIGHT - MARGIN);
    for line in wrapped(&highlights.title, TITLE_SIZE, 0.0) {
        y -= TITLE_SIZE + 4.0;
        text(&mut page, b'B', TITLE_SIZE, MARGIN, y, &line);
    }
    y -= LEADING;
    for line in &highlights.legend {
        let (font, indent) = if line.is_heading { (b'B', 0.0) } else { (b'F', INDENT) };
        let rows = wrapped(&line.text, SIZE, indent);
        let above = if line.is_heading { LEADING / 2.0 } else { 0.0 };
        if y - above - LEADING * rows.len() as f32 <= MARGIN && y < HEIGHT - 2.0 * MARGIN {
            if pages.len() + 1 == PAGES_MAX as usize {
                text(&mut page, b'F', SIZE, MARGIN, MARGIN, MORE);
                break;
            }
            pages.push(std::mem::take(&mut page));
            y = HEIGHT - MARGIN;
        }
        y -= above;
        for (at, row) in rows.iter().enumerate() {
            y -= LEADING;
            if at == 0
                && let Some([red, green, blue]) = line.colour
            {
                let [red, green, blue] = [red, green, blue].map(|part| f32::from(part) / 255.0);
                let square = format!(
                    "q {red:.3} {green:.3} {blue:.3} rg {MARGIN} {} {SWATCH} {SWATCH} re f Q\n",
                    y - 1.5
                );
                page.extend_from_slice(square.as_bytes());
            }
            text(&mut page, font, SIZE, MARGIN + indent, y, row);
        }
    }
    pages.push(page);
    pages
}

fn text(page: &mut Vec<u8>, font: u8, size: f32, x: f32, y: f32, line: &str) {
    page.extend_from_slice(format!("BT /{} {size} Tf {x} {y:.1} Td (", char::from(font)).as_bytes());
    for byte in line.chars().map(windows_1252) {
        if matches!(byte, b'(' | b')' | b'\\') {
            page.push(b'\\');
        }
        page.push(byte);
    }
    page.extend_from_slice(b") Tj ET\n");
}

/// `text` in lines that fit beside `indent`.
fn wrapped(text: &str, size: f32, indent: f32) -> Vec<String> {
    let letters_max = ((WIDTH - 2.0 * MARGIN - indent) / (size * LETTER)) as usize;
    let (mut lines, mut line, mut length) = (Vec::new(), String::new(), 0);
    for word in text.split_whitespace() {
        // A word longer than a line is cut: it is no word.
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(letters_max.max(1)) {
            if length > 0 && length + 1 + piece.len() > letters_max {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    lines.push(line);
    lines
}

/// The letter in the encoding of the font; `?` for one that it does not have.
fn windows_1252(letter: char) -> u8 {
    match letter {
        ' '..='~' => letter as u8,
        '\u{a0}'..='\u{ff}' => letter as u8,
        '€' => 0x80,
        '…' => 0x85,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '—' => 0x97,
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::super::LegendLine;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_legend_goes_on_on_a_further_page_and_ends_at_the_last() {
        let line = || LegendLine { text: "Herdeiro: Otávio (p. 1)".into(), ..LegendLine::default() };
        let of = |count: usize| Highlights {
            legend: (0..count).map(|_| line()).collect(),
            ..Highlights::default()
        };
        assert_eq!(contents(&of(3)).len(), 1);
        assert_eq!(contents(&of(60)).len(), 2);
        assert_eq!(contents(&of(5_000)).len(), PAGES_MAX as usize);
    }

    #[test]
    fn letters_are_written_as_the_font_has_them() {
        let mut page = Vec::new();
        text(&mut page, b'F', 9.0, 1.0, 2.0, "R$ (3\\4) ção – ≥");
        assert!(page.windows(13).any(|part| part == b"R$ \\(3\\\\4\\) \xe7"), "{page:?}");
        assert!(page.ends_with(b"\xe7\xe3o \x96 ?) Tj ET\n"));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_page_and_no_word_is_lost(text in "[a-zç ]{0,400}") {
            let lines = wrapped(&text, SIZE, INDENT);
            let most = ((WIDTH - 2.0 * MARGIN - INDENT) / (SIZE * LETTER)) as usize;
            prop_assert!(lines.iter().all(|line| line.chars().count() <= most));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
