//! Passages marked in a file: real annotations on the words, the file's own text as it was.

use std::process::Command;

use enabler_reading::{DocumentProblem, Highlights, LegendLine, Mark, Marked, Page};
use lopdf::{Document, Object};
use tokio::time::{Duration, Instant};

use crate::files::{self, A4};
use crate::kit::{Desk, shared};

const YELLOW: [u8; 3] = [255, 235, 59];

/// Marks each word of `pages` that is in `words`.
fn marks(pages: &[Page], words: &[&str]) -> Highlights {
    let of = |page: &Page| {
        let wanted = page.words.iter().filter(|word| words.contains(&page.word_text(word)));
        let mark =
            |rect| Mark { page: page.number, rects: vec![rect], colour: YELLOW, note: "Óbito: sim".into() };
        wanted.map(|word| mark(word.rect)).collect::<Vec<_>>()
    };
    let line = LegendLine { colour: Some(YELLOW), text: "Herdeiros (3)".into(), is_heading: false };
    Highlights {
        marks: pages.iter().flat_map(of).collect(),
        title: "Análise de inventário".into(),
        legend: vec![line],
    }
}

async fn marked(desk: &mut Desk, file: &[u8], words: &[&str]) -> (Vec<Page>, Vec<u8>) {
    let count = desk.open(file).await.unwrap().page_count;
    let mut pages = Vec::new();
    for number in 1..=count {
        pages.push(desk.page(number).await.unwrap());
    }
    let marked = mark(desk, &marks(&pages, words)).await.unwrap();
    let kept = &file[..marked.keep_bytes as usize];
    (pages, [kept, &marked.bytes].concat())
}

async fn mark(desk: &mut Desk, highlights: &Highlights) -> Result<Marked, DocumentProblem> {
    desk.reader.mark(highlights, Instant::now() + Duration::from_secs(300)).await
}

/// Corners, colour and note of a highlight.
type Annotation = (Vec<f32>, Vec<f32>, String);

/// The highlight annotations of each page.
fn annotations(file: &[u8]) -> Vec<Vec<Annotation>> {
    let pdf = Document::load_mem(file).unwrap();
    let numbers = |object: &Object| -> Vec<f32> {
        object.as_array().unwrap().iter().map(|number| number.as_float().unwrap()).collect()
    };
    let of = |page| {
        let Ok(annotations) = pdf.get_page_annotations(page) else { return Vec::new() };
        let highlights = annotations
            .into_iter()
            .filter(|one| one.get(b"Subtype").unwrap().as_name().unwrap() == b"Highlight");
        highlights
            .map(|one| {
                let note = lopdf::decode_text_string(one.get(b"Contents").unwrap()).unwrap();
                let picture = one.get(b"AP").unwrap().as_dict().unwrap().get(b"N").unwrap();
                assert!(pdf.get_object(picture.as_reference().unwrap()).unwrap().as_stream().is_ok());
                (numbers(one.get(b"QuadPoints").unwrap()), numbers(one.get(b"C").unwrap()), note)
            })
            .collect()
    };
    pdf.page_iter().map(of).collect()
}

#[tokio::test]
async fn a_word_is_marked_where_it_stands_and_the_file_keeps_its_bytes() {
    let mut desk = Desk::new();
    let file = files::good();
    let (pages, whole) = marked(&mut desk, &file, &["documento"]).await;
    assert!(whole.starts_with(&file));
    let found = annotations(&whole);
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0]);
    let (quads, colour, note) = &found[0][0];
    let [x0, y0, x1, y1] =
        pages[0].words.iter().find(|word| pages[0].word_text(word) == "documento").unwrap().rect;
    let want = [x0, 842.0 - y0, x1, 842.0 - y0, x0, 842.0 - y1, x1, 842.0 - y1];
    assert!(quads.iter().zip(want).all(|(is, want)| (is - want).abs() < 0.02), "{quads:?} {want:?}");
    assert_eq!((colour[0], note.as_str()), (1.0, "Óbito: sim"));
    // The legend is a page of text.
    desk.open(&whole).await.unwrap();
    assert_eq!(desk.page(1).await.unwrap().text, pages[0].text);
    let legend = desk.page(2).await.unwrap().text;
    assert!(legend.contains("Análise de inventário") && legend.contains("Herdeiros (3)"), "{legend}");
}

#[tokio::test]
async fn a_turned_and_cropped_page_is_marked_on_its_word() {
    // 100 points of the paper are outside the crop box, and the page is shown on its side.
    for (rotate, words) in [(0, "sim"), (90, "sim"), (180, "sim"), (270, "sim")] {
        let mut pdf = files::Pdf::default();
        pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        pdf.add(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox {A4} /CropBox [100 100 500 700] /Rotate {rotate} /Annots 6 0 R \
             /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
        ));
        pdf.stream("", b"BT /F 40 Tf 200 400 Td (Lavrado sim e lido a todos) Tj ET");
        pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
        pdf.add("[<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (own) >>]");
        let file = pdf.finish(1);
        let mut desk = Desk::generous();
        let (_, whole) = marked(&mut desk, &file, &[words]).await;
        let found = annotations(&whole);
        let [(quads, ..)] = found[0].as_slice() else { panic!("{rotate}: {found:?}") };
        // In the page's own space the word begins about 155 points behind the line's start, whichever way it is shown.
        let (left, bottom) =
            quads.chunks(2).fold((f32::MAX, f32::MAX), |(x, y), point| (x.min(point[0]), y.min(point[1])));
        assert!((340.0..370.0).contains(&left), "{rotate}: {quads:?}");
        assert!((380.0..402.0).contains(&bottom), "{rotate}: {quads:?}");
        let own = Document::load_mem(&whole).unwrap();
        let page = own.page_iter().next().unwrap();
        assert_eq!(own.get_page_annotations(page).unwrap().len(), 2, "its own note stays");
    }
}

#[tokio::test]
async fn a_file_whose_tables_are_broken_is_written_anew() {
    let mut desk = Desk::new();
    let good = files::good();
    let text = String::from_utf8_lossy(&good).replace("startxref\n", "startxref\n9");
    let (_, whole) = marked(&mut desk, text.as_bytes(), &["documento"]).await;
    assert_eq!(annotations(&whole).iter().map(Vec::len).collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test]
async fn what_is_marked_elsewhere_than_on_a_page_is_left_out() {
    let mut desk = Desk::new();
    desk.open(&files::good()).await.unwrap();
    let at = |page, rect| Mark { page, rects: vec![rect], ..Mark::default() };
    let nowhere = Highlights {
        marks: vec![at(0, [1.0; 4]), at(9, [1.0, 1.0, 9.0, 9.0]), at(1, [900.0, 1.0, 950.0, 9.0])],
        ..Highlights::default()
    };
    let update = mark(&mut desk, &nowhere).await.unwrap();
    let whole = [&files::good()[..update.keep_bytes as usize], &update.bytes].concat();
    assert_eq!(annotations(&whole), [vec![]]);
    desk.still_reads().await;
}

/// What `program` of poppler says of `file`; `None` where it is not installed.
fn poppler(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let done = Command::new(program).args(arguments).output().ok()?;
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    Some(done.stdout)
}

#[tokio::test]
async fn real_documents_keep_their_text_for_other_readers() {
    for name in ["inv2_adjudicacao.pdf", "ata2_fii.pdf", "ata2_fii_scan.pdf"] {
        let Some(path) = shared(&format!("pdfs/{name}")) else { return };
        let file = std::fs::read(&path).unwrap();
        let mut desk = Desk::generous();
        let (pages, whole) =
            marked(&mut desk, &file, &["Brandão", "CPF", "CNPJ", "valor", "Assembleia"]).await;
        let marks: usize = annotations(&whole).iter().map(Vec::len).sum();
        assert!(marks > 1, "{name}: {marks}");
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("marked.pdf");
        std::fs::write(&out, &whole).unwrap();
        let last = pages.len().to_string();
        let text = |path: &std::path::Path| poppler("pdftotext", &["-l", &last, path.to_str().unwrap(), "-"]);
        let (Some(before), Some(after)) = (text(&path), text(&out)) else { return };
        assert_eq!(before, after, "{name}");
    }
}
