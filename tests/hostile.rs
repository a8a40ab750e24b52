//! Files made to do harm: each is refused or fails with its own reason, and the node goes on serving.

use reqwest::StatusCode;
use serde_json::Value;

use crate::node::{Home, Node, is_problem};
use crate::papers::made::{
    A4, Pdf, bomb, deflated, encrypted, good, image, many_pages, one_page, with_objects,
};
use crate::papers::note;

/// Small enough that a bomb goes off quickly; the default would only take longer.
const SETTINGS: &str = "[reading]\nmemory_bytes_max = \"512MiB\"\npage_seconds_max = 15\npages_max = 2000\n";

/// A file, and how it must end: `""` is ready.
struct Trap {
    name: &'static str,
    bytes: Vec<u8>,
    ends: &'static [&'static str],
}

fn traps() -> Vec<Trap> {
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 595 842]";
    let grey = "/BitsPerComponent 8 /ColorSpace /DeviceGray";
    let trap = |name, bytes, ends| Trap { name, bytes, ends };
    vec![
        trap("truncated.pdf", good()[..150].to_vec(), &["broken"]),
        trap("garbage.pdf", garbage(), &["broken"]),
        trap("locked.pdf", encrypted("aes256", "segredo"), &["encrypted"]),
        trap("pages.pdf", many_pages(10_000), &["too_many_pages"]),
        trap("no-pages.pdf", many_pages(0), &["broken"]),
        trap("empty-page.pdf", many_pages(1), &["no_text"]),
        trap("bomb.pdf", bomb(b" ", 1_500), &["too_large", "too_slow"]),
        trap("deep.pdf", deep(), &["broken", "too_large", "too_slow", "no_text"]),
        trap(
            "image.pdf",
            image(&format!("/Width 50000 /Height 50000 {grey} /Filter /FlateDecode"), &deflated(&[0; 100])),
            &["too_large"],
        ),
        trap(
            "itself.pdf",
            with_objects(A4, "/XObject << /X 6 0 R >>", "", b"/X Do", |pdf| {
                pdf.stream(&format!("{form} /Resources << /XObject << /X 6 0 R >> >>"), b"/X Do");
            }),
            &["no_text"],
        ),
        trap(
            "huge-page.pdf",
            one_page("[0 0 1000000000 1000000000]", "", "", b"BT /F 12 Tf 72 700 Td (Onde?) Tj ET"),
            &["broken", "too_large"],
        ),
        trap("unmapped.pdf", unmapped(), &["no_text", ""]),
    ]
}

fn garbage() -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    bytes.extend((0..50_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8));
    bytes
}

/// Dictionaries a million deep.
fn deep() -> Vec<u8> {
    let nested = format!("{}{}", "<< /A ".repeat(1_000_000), ">>".repeat(1_000_000));
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    pdf.add(format!("<< /Type /Page /MediaBox {A4} /Contents 4 0 R /Resources {nested} >>"));
    pdf.stream("", nested.as_bytes());
    pdf.finish(1)
}

/// Text in a font that says neither what its codes mean nor how its glyphs look.
fn unmapped() -> Vec<u8> {
    with_objects(A4, "/Font << /F 6 0 R >>", "", b"BT /F 12 Tf 72 700 Td <0102030405060708> Tj ET", |pdf| {
        pdf.add(
            "<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [7 0 R] >>",
        );
        pdf.add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 8 0 R >>");
        pdf.add("<< /Type /FontDescriptor /FontName /A /Flags 4 >>");
    })
}

#[tokio::test]
async fn each_harmful_file_ends_with_its_own_reason_and_the_next_good_one_is_answered() {
    let home = Home::new();
    home.settings(SETTINGS);
    let node = home.start().await;
    let (status, problem) = node.upload("sheet.pdf", b"PK\x03\x04 a spreadsheet".to_vec()).await;
    assert!(status == StatusCode::BAD_REQUEST && is_problem(status, &problem), "{problem}");

    // All at once, so that a good one has to come through between them.
    let mut sent = Vec::new();
    for trap in traps() {
        sent.push((node.accepted(trap.name, trap.bytes).await, trap.name, trap.ends));
    }
    still_answers(&node, "um", "Heliodora Campos").await;
    let mut wrong = Vec::new();
    for (id, name, ends) in sent {
        let document = node.settled(&id).await;
        let end = document["error_code"].as_str().unwrap_or_default();
        if !ends.contains(&end) || !explains(&document) {
            wrong.push(format!("{name}: must end as one of {ends:?}: {document}"));
        }
        let (status, problem) = node.ask(&id, "O que diz o documento?").await;
        if document["status"] == "failed" && !(status.is_client_error() && is_problem(status, &problem)) {
            wrong.push(format!("{name}: asked, it says {status}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    still_answers(&node, "outro", "Vicente Paranhos").await;
}

/// Whether a document that failed says why in a sentence, and none that did not.
fn explains(document: &Value) -> bool {
    let says = document["error"].as_str().is_some_and(|error| error.len() > 20);
    says == (document["status"] == "failed")
}

async fn still_answers(node: &Node, which: &str, name: &str) {
    let line = format!("O responsavel pelo arquivo {which} e {name}, do setor de protocolo.");
    let id = node
        .ready(&format!("{which}.pdf"), note(&[&line, "O arquivo fica aberto das oito ao meio-dia."]))
        .await;
    let answer = node.answer(&id, &format!("Quem e o responsavel pelo arquivo {which}?")).await;
    assert!(answer["answer"].as_str().unwrap().contains(name), "{answer}");
}
