//! Scripts and fonts: text that stands from the right, from top to bottom, or in fonts that the file lacks or says
//! nothing of.

use crate::files::{A4, with_objects};
use crate::kit::Desk;

/// A page of `content` whose font `/G` is object 6, and may refer to the objects after it.
fn with_font(content: &str, objects: &[String], streams: &[(&str, &[u8])]) -> Vec<u8> {
    with_objects(A4, "/Font << /G 6 0 R >>", "", content.as_bytes(), |pdf| {
        for object in objects {
            pdf.add(object.as_str());
        }
        for (entries, data) in streams {
            pdf.stream(entries, data);
        }
    })
}

/// A composite font (object 6) of character codes that are Unicode, which its map (object 9) says.
fn unicode_font(encoding: &str, width: u32) -> Vec<String> {
    vec![
        format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /Nenhuma /Encoding /{encoding} /DescendantFonts [7 0 R] /ToUnicode 9 0 R >>"
        ),
        format!(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Nenhuma /DW {width} /FontDescriptor 8 0 R /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
        ),
        "<< /Type /FontDescriptor /FontName /Nenhuma /Flags 4 /Ascent 800 /Descent -200 >>".into(),
    ]
}

const UNICODE: &[u8] = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n\
    1 begincodespacerange <0000> <ffff> endcodespacerange\n\
    3 beginbfrange <0000> <00ff> <0000> <0500> <06ff> <0500> <3000> <30ff> <3000> endbfrange\n\
    endcmap end end";

fn hex(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("{unit:04x}")).collect()
}

#[tokio::test]
async fn text_from_right_to_left_is_read_in_its_order() {
    // As most programs write it: each word as it stands on the page, from left to right.
    let shown: String = "שלום עולם 2024".chars().rev().collect::<String>().replace("4202", "2024");
    let content = format!("BT /G 12 Tf 72 700 Td <{}> Tj ET", hex(&shown));
    let page = Desk::new()
        .read(&with_font(&content, &unicode_font("Identity-H", 500), &[("", UNICODE)]))
        .await
        .unwrap();
    assert_eq!(page.text, "שלום עולם 2024");
    // As others do: letter by letter from the right.
    let mut content = "BT /G 12 Tf 1 0 0 1 300 700 Tm ".to_owned();
    for (at, letter) in "שלום".chars().enumerate() {
        content += &format!("1 0 0 1 {} 700 Tm <{}> Tj ", 300 - 6 * at, hex(&letter.to_string()));
    }
    content += "ET";
    let page = Desk::new()
        .read(&with_font(&content, &unicode_font("Identity-H", 500), &[("", UNICODE)]))
        .await
        .unwrap();
    assert_eq!(page.text, "שלום");
    let [x0, .., x1, _] = page.words[0].rect;
    assert!((x0 - 282.0).abs() < 0.5 && (x1 - 306.0).abs() < 0.5, "{x0} {x1}");
}

#[tokio::test]
async fn text_from_top_to_bottom_is_one_line() {
    let content = format!(
        "BT /G 20 Tf 1 0 0 1 300 700 Tm <{}> Tj 1 0 0 1 270 700 Tm <{}> Tj ET",
        hex("あのイーハ"),
        hex("すきとお")
    );
    let page = Desk::new()
        .read(&with_font(&content, &unicode_font("Identity-V", 1000), &[("", UNICODE)]))
        .await
        .unwrap();
    assert_eq!(page.text.split_whitespace().collect::<Vec<_>>(), ["あのイーハ", "すきとお"]);
    let [x0, y0, x1, y1] = page.words[0].rect;
    // Five squares of 20 points, hanging from the pen's place, half to each side of it.
    assert!((y0 - 142.0).abs() < 4.0 && (y1 - 242.0).abs() < 4.0, "{y0} {y1}");
    assert!((285.0..300.0).contains(&x0) && (300.0..315.0).contains(&x1), "{x0} {x1}");
}

/// A font that the file lacks, narrower than the one that stands in for it.
fn narrow() -> Vec<String> {
    let widths = ["450"; 95].join(" ");
    vec![
        format!(
            "<< /Type /Font /Subtype /TrueType /BaseFont /Estreita /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 126 /Widths [{widths}] /FontDescriptor 7 0 R >>"
        ),
        "<< /Type /FontDescriptor /FontName /Estreita /Flags 32 /Ascent 800 /Descent -200 >>".into(),
    ]
}

#[tokio::test]
async fn a_narrow_font_that_is_missing_does_not_split_words() {
    let together = "BT /G 12 Tf 72 700 Td (MANHA DE AMANHA) Tj ET".to_owned();
    let mut apart = "BT /G 12 Tf ".to_owned();
    for (at, letter) in "MANHA DE AMANHA".chars().enumerate().filter(|(_, letter)| *letter != ' ') {
        apart += &format!("1 0 0 1 {} 700 Tm ({letter}) Tj ", 72.0 + 5.4 * at as f32);
    }
    apart += "ET";
    for content in [together, apart] {
        let page = Desk::new().read(&with_font(&content, &narrow(), &[])).await.unwrap();
        assert_eq!(page.text, "MANHA DE AMANHA", "{content}");
    }
}

#[tokio::test]
async fn letters_set_wide_stay_words_and_narrow_spaces_part_them() {
    let wide = b"BT /F 12 Tf 1.6 Tc 72 700 Td (contrato de compra e venda) Tj ET";
    let page = Desk::new().read(&crate::files::one_page(A4, "", "", wide)).await.unwrap();
    assert_eq!(page.text, "contrato de compra e venda");
    let narrow = b"BT /F 12 Tf 72 700 Td [(10.) -120 (Das partes) ] TJ ET";
    let page = Desk::new().read(&crate::files::one_page(A4, "", "", narrow)).await.unwrap();
    assert_eq!(page.text, "10. Das partes");
}
