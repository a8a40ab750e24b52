//! Marks passages in a PDF as real highlight annotations, in an update behind the file's own bytes, and adds a legend.

mod annotation;
mod legend;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bincode::{Decode, Encode};
use hayro_interpret::TransformExt as _;
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::kurbo::Affine;
use lopdf::{Document, IncrementalDocument, LoadOptions, Object, ObjectId};

use crate::document;
use crate::page::Rect;
use crate::problem::DocumentProblem;

/// The most marks in one file; more are no help to a reader.
const MARKS_MAX: usize = 5_000;
/// Lines of one mark; a value that runs over more is a passage, not a value.
const RECTS_MAX: usize = 64;
/// What is written behind the original, in bytes; it travels in one frame between nodes.
const UPDATE_BYTES_MAX: usize = 3_500_000;
/// Bytes that one stream may unpack to while the file's structure is read.
const STREAM_BYTES_MAX: usize = 64 << 20;
/// How much deeper a page tree may be than any real one.
const TREE_DEPTH_MAX: usize = 64;

/// What is marked in a file, and the page behind its last one that explains it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Highlights {
    /// The passages.
    pub marks: Vec<Mark>,
    /// The heading of the legend.
    pub title: String,
    /// The lines of the legend; without any there is no legend.
    pub legend: Vec<LegendLine>,
}

/// A passage that is marked.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Mark {
    /// The page, counted from 1.
    pub page: u32,
    /// Where it stands, one rectangle for each line.
    pub rects: Vec<Rect>,
    /// Red, green and blue.
    pub colour: [u8; 3],
    /// What a viewer shows beside it.
    pub note: String,
}

/// A line of the legend.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct LegendLine {
    /// The colour that the line explains, if it explains one.
    pub colour: Option<[u8; 3]>,
    /// The words.
    pub text: String,
    /// Whether it heads the lines below it.
    pub is_heading: bool,
}

/// A file with marks: so many bytes of the original, then these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Marked {
    /// Bytes of the original that come first: all of them, or none where its tables had to be written anew.
    pub keep_bytes: u64,
    /// What follows them.
    pub bytes: Vec<u8>,
}

/// `file`, which was opened as `pdf`, with `highlights` in it.
pub(crate) fn mark(
    file: &[u8],
    pdf: &Pdf,
    highlights: &Highlights,
    pages_max: u32,
) -> Result<Marked, DocumentProblem> {
    let pages = pdf.pages().len();
    // What only the second opinion could open has other bytes than those that are here.
    let marked = catch_unwind(AssertUnwindSafe(|| written(file, pdf, highlights)))
        .unwrap_or(Err(DocumentProblem::Crashed))?;
    if marked.bytes.len() > UPDATE_BYTES_MAX {
        let (bytes, max) = (marked.bytes.len() as u64, UPDATE_BYTES_MAX as u64);
        return Err(DocumentProblem::TooLarge { bytes, max });
    }
    // Nobody is given a file that was not opened once.
    let kept = file.get(..marked.keep_bytes as usize).unwrap_or_default();
    let whole = [kept, &marked.bytes].concat();
    let (_, info) = document::load(whole, pages_max.saturating_add(LEGEND_PAGES_MAX))?;
    let added = (info.page_count as usize).checked_sub(pages);
    if added.is_none_or(|added| added > LEGEND_PAGES_MAX as usize) {
        return Err(DocumentProblem::Damaged);
    }
    Ok(marked)
}

/// Pages of a legend at most.
const LEGEND_PAGES_MAX: u32 = legend::PAGES_MAX;

fn written(file: &[u8], pdf: &Pdf, highlights: &Highlights) -> Result<Marked, DocumentProblem> {
    // Offsets count from the header, before which readers allow other bytes.
    let header = file.windows(5).position(|mark| mark == b"%PDF-").unwrap_or(0);
    let (before, body) = file.split_at(header);
    let options = LoadOptions { max_decompressed_size: Some(STREAM_BYTES_MAX), ..LoadOptions::default() };
    let original = Document::load_mem_with_options(body, options).map_err(|_| DocumentProblem::Damaged)?;
    if original.is_encrypted() {
        return Err(DocumentProblem::EncryptionUnsupported);
    }
    let ids: Vec<ObjectId> = original.page_iter().take(pdf.pages().len() + 1).collect();
    if ids.len() != pdf.pages().len() {
        return Err(DocumentProblem::Damaged);
    }
    let repaired = original.xref_recovery.is_some();
    let by_page = by_page(pdf, highlights);
    if repaired && original.encryption_state.is_some() {
        return Err(DocumentProblem::EncryptionUnsupported);
    }
    if repaired {
        let mut anew = original.clone();
        change(&original, &mut anew, &ids, &by_page, highlights)?;
        let mut bytes = Vec::with_capacity(body.len());
        anew.save_to(&mut bytes).map_err(|_| DocumentProblem::Damaged)?;
        return Ok(Marked { keep_bytes: 0, bytes });
    }
    let mut update = IncrementalDocument::create_from(body.to_vec(), original.clone());
    change(&original, &mut update.new_document, &ids, &by_page, highlights)?;
    let mut bytes = Vec::with_capacity(body.len() + (1 << 20));
    update.save_to(&mut bytes).map_err(|_| DocumentProblem::Damaged)?;
    let bytes = bytes.split_off(body.len().min(bytes.len()));
    Ok(Marked { keep_bytes: (before.len() + body.len()) as u64, bytes })
}

/// The marks of each page, by its place in the file, in the page's own coordinates.
type ByPage<'h> = BTreeMap<usize, Vec<(&'h Mark, Vec<[(f64, f64); 4]>)>>;

fn by_page<'h>(pdf: &Pdf, highlights: &'h Highlights) -> ByPage<'h> {
    let mut pages = ByPage::new();
    for mark in highlights.marks.iter().take(MARKS_MAX) {
        let Some(at) = (mark.page as usize).checked_sub(1) else { continue };
        let Some(page) = pdf.pages().get(at) else { continue };
        let (width, height) = page.render_dimensions();
        let back = page.initial_transform(true).to_kurbo().inverse();
        let quads: Vec<_> = mark
            .rects
            .iter()
            .take(RECTS_MAX)
            .filter_map(|rect| within(rect, width, height))
            .map(|rect| corners(&rect, back))
            .collect();
        if !quads.is_empty() {
            pages.entry(at).or_default().push((mark, quads));
        }
    }
    pages
}

/// The part of `rect` that is on the page, if there is one.
fn within(rect: &Rect, width: f32, height: f32) -> Option<Rect> {
    let [x0, y0, x1, y1] = *rect;
    if !rect.iter().all(|side| side.is_finite()) {
        return None;
    }
    let (x0, y0, x1, y1) = (x0.max(0.0), y0.max(0.0), x1.min(width), y1.min(height));
    (x1 - x0 > 0.1 && y1 - y0 > 0.1).then_some([x0, y0, x1, y1])
}

/// Top left, top right, bottom left and bottom right as the page is shown: the order that viewers expect.
fn corners(rect: &Rect, back: Affine) -> [(f64, f64); 4] {
    let [x0, y0, x1, y1] = rect.map(f64::from);
    [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|corner| {
        let point = back * hayro_interpret::kurbo::Point::from(corner);
        (point.x, point.y)
    })
}

/// Puts the marks and the legend of `highlights` into `into`, which goes on from `original`.
fn change(
    original: &Document,
    into: &mut Document,
    ids: &[ObjectId],
    by_page: &ByPage<'_>,
    highlights: &Highlights,
) -> Result<(), DocumentProblem> {
    for (at, marks) in by_page {
        let Some(id) = ids.get(*at).copied() else { continue };
        // The same page may stand in the file twice: then it gathers the marks of both places.
        let page = into.get_dictionary(id).or_else(|_| original.get_dictionary(id));
        let mut page = page.map_err(|_| DocumentProblem::Damaged)?.clone();
        let mut annotations = match page.get(b"Annots") {
            Ok(Object::Array(own)) => own.clone(),
            Ok(Object::Reference(array)) => match original.get_object(*array) {
                Ok(Object::Array(own)) => own.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        for (mark, quads) in marks {
            annotations.push(Object::Reference(annotation::add(into, id, mark, quads)));
        }
        page.set("Annots", annotations);
        into.set_object(id, page);
    }
    if highlights.legend.is_empty() {
        return Ok(());
    }
    let root = tree(original).ok_or(DocumentProblem::Damaged)?;
    let mut pages = original.get_dictionary(root).map_err(|_| DocumentProblem::Damaged)?.clone();
    let legend = legend::add(into, root, highlights);
    let kids = pages.get(b"Kids").ok().and_then(|kids| original.dereference(kids).ok());
    let kids = kids.and_then(|(_, kids)| kids.as_array().ok()).ok_or(DocumentProblem::Damaged)?;
    let kids: Vec<Object> =
        kids.iter().cloned().chain(legend.iter().map(|id| Object::Reference(*id))).collect();
    pages.set("Kids", kids);
    pages.set("Count", (ids.len() + legend.len()) as i64);
    into.set_object(root, pages);
    Ok(())
}

/// The root of the page tree, where it is one.
fn tree(document: &Document) -> Option<ObjectId> {
    let mut id = document.catalog().ok()?.get(b"Pages").ok()?.as_reference().ok()?;
    for _ in 0..TREE_DEPTH_MAX {
        match document.get_dictionary(id).ok()?.get(b"Parent").ok().and_then(|up| up.as_reference().ok()) {
            Some(up) => id = up,
            None => return document.get_dictionary(id).ok().filter(|root| root.has(b"Kids")).map(|_| id),
        }
    }
    None
}

/// A text string: plain where it is ASCII, else UTF-16 with its mark.
fn text_string(text: &str) -> Object {
    if text.is_ascii() {
        return Object::string_literal(text.replace(['\r', '\n'], " "));
    }
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    Object::String(units.flat_map(u16::to_be_bytes).collect(), lopdf::StringFormat::Hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_the_page_is_cut_or_left_out() {
        assert_eq!(within(&[-5.0, 10.0, 20.0, 30.0], 100.0, 100.0), Some([0.0, 10.0, 20.0, 30.0]));
        assert_eq!(within(&[120.0, 10.0, 130.0, 30.0], 100.0, 100.0), None);
        assert_eq!(within(&[f32::NAN, 10.0, 20.0, 30.0], 100.0, 100.0), None);
        assert_eq!(within(&[10.0, 10.0, 10.0, 30.0], 100.0, 100.0), None);
    }

    #[test]
    fn what_is_no_ascii_is_written_in_utf_16() {
        assert_eq!(text_string("CPF: 1"), Object::string_literal("CPF: 1"));
        let Object::String(bytes, _) = text_string("Óbito") else { panic!() };
        assert_eq!(bytes.get(..4), Some(&[0xfe, 0xff, 0x00, 0xd3][..]));
    }
}
