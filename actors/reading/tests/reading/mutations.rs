//! A good file with a few bytes changed: never a hang, never a parent that fails.

use proptest::prelude::*;

use crate::files::{Pdf, deflated};
use crate::kit::Desk;

/// A document with a little of everything: two pages, a packed stream, a form, an image, a map to Unicode.
fn rich() -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.add("<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] >>");
    let resources = "/Resources << /Font << /F 7 0 R /G 8 0 R >> /XObject << /X 9 0 R /I 10 0 R >> >>";
    pdf.add(format!("<< /Type /Page /Parent 2 0 R /Contents 5 0 R {resources} >>"));
    pdf.add(format!("<< /Type /Page /Parent 2 0 R /Rotate 90 /Contents [6 0 R] {resources} >>"));
    pdf.stream(
        "/Filter /FlateDecode",
        &deflated(b"BT /F 12 Tf 72 700 Td (Primeira pagina) Tj 0 -14 Td [(com) -300 (kerning)] TJ ET /X Do"),
    );
    pdf.stream("", b"BT /G 12 Tf 1 0 0 1 72 700 Tm <00410042> Tj ET q 10 0 0 10 5 5 cm /I Do Q");
    pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
    pdf.add("<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [11 0 R] /ToUnicode 12 0 R >>");
    pdf.stream("/Type /XObject /Subtype /Form /BBox [0 0 100 100] /Matrix [1 0 0 1 0 0]", b"0 0 m 9 9 l S");
    pdf.stream(
        "/Type /XObject /Subtype /Image /Width 2 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceGray",
        b"\x00\xff\x00\xff",
    );
    pdf.add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 500 >>");
    pdf.stream("", b"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange 2 beginbfchar <0041> <0041> <0042> <00e7> endbfchar endcmap");
    pdf.finish(1)
}

#[tokio::test]
async fn the_rich_file_is_read_whole() {
    let mut desk = Desk::new();
    assert_eq!(desk.read(&rich()).await.unwrap().text, "Primeira pagina\ncom kerning");
    assert_eq!(desk.page(2).await.unwrap().text, "Aç");
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12);
    edits.prop_map(|edits| {
        let mut bytes = rich();
        for (at, value, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                2 => drop(bytes.drain(at..(at + usize::from(value)).min(bytes.len()))),
                _ => {
                    let piece: Vec<u8> = bytes[at..(at + usize::from(value)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                return rich();
            }
        }
        bytes
    })
}

#[test]
fn changed_files_never_hang_or_harm_the_parent() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let desk = tokio::sync::Mutex::new(runtime.block_on(async { Desk::new() }));
    proptest!(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() }, |(bytes in mutated())| {
        runtime.block_on(async {
            let mut desk = desk.lock().await;
            if let Ok(info) = desk.open(&bytes).await {
                for number in 1..=info.page_count.min(3) {
                    if let Ok(page) = desk.page(number).await {
                        for word in &page.words {
                            assert!(!page.word_text(word).is_empty(), "{word:?}");
                        }
                    }
                }
            }
        });
    });
    runtime.block_on(async { desk.lock().await.still_reads().await });
}
