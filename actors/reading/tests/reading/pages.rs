//! Real documents: text, boxes, tables, and which pages need OCR.

use std::collections::HashMap;

use enabler_reading::{Begun, Page, Recognised, Recogniser, Settings, Source};
use serde_json::Value;
use tokio::time::Instant;

use crate::files::{A4, image, one_page, with_objects};
use crate::kit::{Desk, shared};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

async fn pages(desk: &mut Desk, path: &str) -> Option<Vec<Page>> {
    let path = shared(path)?;
    let deadline = Instant::now() + PATIENCE;
    let info = desk.reader.open(&path, deadline).await.unwrap();
    let mut pages = Vec::new();
    for number in 1..=info.page_count {
        pages.push(desk.reader.read_page(number, &Settings::default(), deadline).await.unwrap());
    }
    Some(pages)
}

/// The share of `truth`'s words that `text` has, each as often.
fn recall(truth: &str, text: &str) -> f32 {
    let mut have: HashMap<&str, usize> = HashMap::new();
    text.split_whitespace().for_each(|word| *have.entry(word).or_default() += 1);
    let mut found = 0;
    for word in truth.split_whitespace() {
        if let Some(count) = have.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            found += 1;
        }
    }
    found as f32 / truth.split_whitespace().count().max(1) as f32
}

fn truth() -> Option<Vec<Value>> {
    let text = std::fs::read(shared("pdfs/ground_truth.json")?).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

#[tokio::test]
async fn the_native_documents_are_read_word_for_word() {
    let mut desk = Desk::generous();
    for name in ["lic2_parecer", "inv2_adjudicacao", "ata2_fii"] {
        let Some(pages) = pages(&mut desk, &format!("pdfs/{name}.pdf")).await else { return };
        let text = format!("{}.txt", name.split('_').next().unwrap());
        let truth = std::fs::read_to_string(shared(&format!("pdfs/{text}")).unwrap()).unwrap();
        for (page, truth) in pages.iter().zip(truth.split('\u{c}')) {
            assert_eq!(page.source, Source::Native);
            let share = recall(truth, &page.text);
            assert!(share > 0.97, "{name} page {}: {share}\n{}", page.number, page.text);
        }
    }
}

#[tokio::test]
async fn words_stand_where_the_ground_truth_says() {
    let Some(documents) = truth() else { return };
    let mut desk = Desk::generous();
    for document in documents {
        let file = document["file"].as_str().unwrap();
        let pages = pages(&mut desk, &format!("pdfs/{file}")).await.unwrap();
        for highlight in document["highlights"].as_array().unwrap() {
            for occurrence in highlight["occurrences"].as_array().unwrap() {
                let page = &pages[occurrence["page"].as_u64().unwrap() as usize - 1];
                for rect in occurrence["rects"].as_array().unwrap() {
                    let truth: Vec<f32> =
                        rect.as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect();
                    let best = page.words.iter().map(|word| overlap(&truth, &word.rect)).fold(0.0, f32::max);
                    assert!(best > 0.6, "{file}: {:?} at {truth:?} has {best}", highlight["text"]);
                }
            }
        }
    }
}

/// Intersection over union.
fn overlap(a: &[f32], b: &[f32]) -> f32 {
    let (width, height) = (a[2].min(b[2]) - a[0].max(b[0]), a[3].min(b[3]) - a[1].max(b[1]));
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let area = |r: &[f32]| (r[2] - r[0]) * (r[3] - r[1]);
    width * height / (area(a) + area(b) - width * height)
}

#[tokio::test]
async fn scans_of_the_same_documents_read_the_same() {
    let mut desk = Desk::generous();
    let name = "ata2_fii";
    let Some(scanned) = pages(&mut desk, &format!("pdfs/{name}_scan.pdf")).await else { return };
    let native = pages(&mut desk, &format!("pdfs/{name}.pdf")).await.unwrap();
    for (scan, page) in scanned.iter().zip(&native) {
        assert!(
            matches!(&scan.source, Source::Ocr { mean_confidence, .. } if *mean_confidence > 0.8),
            "{:?}",
            scan.source
        );
        let share = recall(&page.text, &scan.text);
        assert!(share > 0.95, "page {}: {share}\n{}", scan.number, scan.text);
        assert!((scan.width - page.width).abs() < 3.0 && (scan.height - page.height).abs() < 3.0);
    }
}

#[tokio::test]
async fn scans_among_native_pages_are_found() {
    let mut desk = Desk::generous();
    let Some(pages) = pages(&mut desk, "scans/mixed.pdf").await else { return };
    let ocr: Vec<bool> = pages.iter().map(|page| matches!(page.source, Source::Ocr { .. })).collect();
    assert_eq!(ocr, [false, true, false, true]);
}

#[tokio::test]
async fn a_rotated_scan_is_turned_and_its_boxes_lie_on_the_page() {
    let mut desk = Desk::generous();
    let Some(path) = shared("scans/rot200.pdf") else { return };
    let deadline = Instant::now() + PATIENCE;
    desk.reader.open(&path, deadline).await.unwrap();
    let page = desk.reader.read_page(1, &Settings::default(), deadline).await.unwrap();
    let truth = std::fs::read_to_string(shared("scans/rot200.p1.txt").unwrap()).unwrap();
    assert!(recall(&truth, &page.text) > 0.97, "{}", page.text);
    assert!(matches!(page.source, Source::Ocr { rotation_degrees, .. } if rotation_degrees != 0));
    // Lines of a page on its side run up or down it.
    let tall = page.words.iter().filter(|w| w.rect[3] - w.rect[1] > w.rect[2] - w.rect[0]).count();
    let sideways = matches!(page.source, Source::Ocr { rotation_degrees: 90 | 270, .. });
    assert_eq!(tall * 2 > page.words.len(), sideways);
    assert!(page.words.iter().all(|w| w.rect[2] <= page.width && w.rect[3] <= page.height));
}

#[tokio::test]
async fn text_without_a_map_to_meaning_is_read_by_ocr() {
    // The letters are drawn as letters, but the file says that they are private signs.
    let map: String = (0x20..0x7f).map(|code| format!("<{code:02x}> <{:04x}> ", 0xe000 + code)).collect();
    let map = format!(
        "begincmap 1 begincodespacerange <00> <ff> endcodespacerange 95 beginbfchar {map} endbfchar endcmap"
    );
    let content =
        b"BT /G 24 Tf 30 700 Td (CONTRATO DE LOCACAO) Tj 0 -40 Td (entre as partes abaixo assinadas) Tj ET";
    let file = with_objects(A4, "/Font << /G 6 0 R >>", "", content, |pdf| {
        pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 7 0 R >>");
        pdf.stream("", map.as_bytes());
    });
    let mut desk = Desk::generous();
    let page = desk.read(&file).await.unwrap();
    assert!(matches!(page.source, Source::Ocr { .. }), "{page:?}");
    assert!(recall("CONTRATO DE entre as partes abaixo assinadas", &page.text) > 0.99, "{}", page.text);

    // Somebody else who sees the same words in the page's picture leaves the same page.
    let elsewhere = Settings { recogniser: Recogniser::Elsewhere, ..Settings::default() };
    let begun = desk.reader.begin_page(1, &elsewhere, Instant::now() + PATIENCE).await.unwrap();
    let Begun::Unread(unread) = begun else { panic!("{begun:?}") };
    let picture = image::load_from_memory(&unread.png).unwrap();
    assert_eq!(picture.color(), image::ColorType::L8);
    let (columns, lines) = (picture.width() as f32, picture.height() as f32);
    assert!((columns / lines - page.width / page.height).abs() < 0.01, "{columns} by {lines}");
    assert!(picture.to_luma8().pixels().filter(|pixel| pixel.0[0] < 128).count() > 1_000, "no ink");
    let share =
        |[x0, y0, x1, y1]: [f32; 4]| [x0 / page.width, y0 / page.height, x1 / page.width, y1 / page.height];
    let words = page.words.iter().map(|word| Recognised {
        text: page.word_text(word).to_owned(),
        rect: share(word.rect),
        confidence: 0.97,
        line: word.rect[1] as u32,
    });
    let told = unread.with(words.collect(), "textract");
    assert_eq!(told.text, page.text);
    for (word, own) in told.words.iter().zip(&page.words) {
        let is_there = word.rect.iter().zip(&own.rect).all(|(a, b)| (a - b).abs() < 1.0);
        assert!(is_there, "{word:?} is not at {own:?}");
    }
    assert!(
        matches!(&told.source, Source::Ocr { language, .. } if language == "textract"),
        "{:?}",
        told.source
    );
}

#[tokio::test]
async fn blank_pages_and_blank_scans_are_empty() {
    let blank = Desk::generous().read(&one_page(A4, "", "", b"")).await.unwrap();
    assert_eq!((blank.source, blank.width, blank.height), (Source::Empty, 595.0, 842.0));
    let grey = "/Width 1240 /Height 1754 /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /FlateDecode";
    let paper = crate::files::deflated(&vec![238_u8; 1240 * 1754]);
    let scan = Desk::generous().read(&image(grey, &paper)).await.unwrap();
    assert_eq!(scan.source, Source::Empty);
}

#[tokio::test]
async fn columns_are_read_one_after_the_other_and_tables_row_by_row() {
    let mut content = String::from("BT /F 10 Tf ");
    let left = [
        "O primeiro texto corre pela coluna",
        "da esquerda, linha apos linha, ate",
        "chegar ao fim da coluna inteira",
        "e so depois passa para a direita.",
    ];
    let right = [
        "O segundo texto esta na coluna da",
        "direita e deve ser lido depois do",
        "primeiro, sem que as linhas dos",
        "dois textos se misturem jamais.",
    ];
    for (line, (a, b)) in left.iter().zip(right).enumerate() {
        let y = 780 - 13 * line;
        content += &format!("1 0 0 1 50 {y} Tm ({a}) Tj 1 0 0 1 320 {y} Tm ({b}) Tj ");
    }
    let rows = [
        ["Item", "Quantidade", "Valor"],
        ["Parafuso", "120", "36,00"],
        ["Porca", "80", "12,50"],
        ["Arruela", "200", "8,90"],
    ];
    for (line, row) in rows.iter().enumerate() {
        let y = 600 - 16 * line;
        for (x, cell) in [50, 200, 330].iter().zip(row) {
            content += &format!("1 0 0 1 {x} {y} Tm ({cell}) Tj ");
        }
    }
    let page = Desk::generous().read(&one_page(A4, "", "", (content + "ET").as_bytes())).await.unwrap();
    let first = page.text.find("passa para a direita.").unwrap();
    assert!(first < page.text.find("O segundo texto").unwrap(), "{}", page.text);
    assert_eq!(page.tables.len(), 1, "{}", page.text);
    let lines: Vec<&str> =
        page.tables[0].rows.iter().map(|(from, to)| &page.text[*from as usize..*to as usize]).collect();
    assert_eq!(
        lines,
        ["Item\tQuantidade\tValor", "Parafuso\t120\t36,00", "Porca\t80\t12,50", "Arruela\t200\t8,90"]
    );
}

#[tokio::test]
async fn hyphens_rotation_and_overprinting_are_understood() {
    let content = b"BT /F 12 Tf 72 700 Td (Este docu-) Tj 0 -14 Td (mento continua) Tj ET \
        BT /F 12 Tf 72 600 Td (Negrito) Tj ET BT /F 12 Tf 72.3 600 Td (Negrito) Tj ET \
        BT /F 12 Tf 0 1 -1 0 500 300 Tm (na margem) Tj ET";
    let page = Desk::generous().read(&one_page(A4, "", "", content)).await.unwrap();
    assert_eq!(page.text, "Este documento\ncontinua\n\nNegrito\n\nna margem");
    let margin = page.words.iter().find(|word| page.word_text(word) == "margem").unwrap();
    assert!(margin.rect[3] - margin.rect[1] > margin.rect[2] - margin.rect[0], "{margin:?}");
}

/// Brotli's frame around data that it leaves as it is.
fn stored_brotli(data: &[u8]) -> Vec<u8> {
    // From the lowest bit: window 16, not the last block, length in four nibbles, the length less one, uncompressed.
    let head = (u32::try_from(data.len()).unwrap() - 1) << 4 | 1 << 20;
    let mut frame = head.to_le_bytes()[..3].to_vec();
    frame.extend_from_slice(data);
    frame.push(3);
    frame
}

#[tokio::test]
async fn a_file_that_only_the_second_reader_can_unpack_is_read() {
    let content = stored_brotli(b"BT /F 12 Tf 72 700 Td (Comprimido de um modo novo.) Tj ET");
    let page = Desk::new().read(&one_page(A4, "", "/Filter /BrotliDecode", &content)).await.unwrap();
    assert_eq!(page.text, "Comprimido de um modo novo.");
}
