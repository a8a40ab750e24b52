//! A node whose scanned pages Amazon Textract reads keeps its words and places, waits for it, and reads nothing in its place
//! unless it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::node::{Home, POLL, pages};
use crate::papers::{note, sample};

/// Three scanned pages without a text of their own.
const SCAN: &str = "ata-solar-das-acacias.pdf";
/// What is read on each of them: nothing that stands on the scan, so that tesseract cannot have read it.
const LINES: [&str; 2] =
    ["Ata da assembleia do Clube de Remo Agua Funda.", "A tesoureira do clube e Marlene Figueira Duarte."];
const QUESTION: &str = "Quem e a tesoureira do clube?";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// How a server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// It throttles the first request and then reads.
    Throttles,
    /// It accepts no keys.
    Refuses,
    /// It has too much to do, for ever.
    Busy,
}

/// A server that answers `DetectDocumentText` and keeps the pictures that it was sent.
struct Textract {
    url: String,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Textract {
    async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = sent.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, kept.clone(), mood));
            }
        });
        Self { url, sent }
    }

    fn settings(&self, fallback: &str) -> String {
        format!(
            "[reading]\nocr = \"textract\"\nocr_fallback = {fallback:?}\n[providers]\naws_region = \"sa-east-1\"\n\
             textract_endpoint = {:?}\naws_access_key = \"AKIDEXAMPLE\"\naws_secret_key = {SECRET:?}\n\
             [log]\nfilter = \"debug\"\n",
            self.url
        )
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, sent: Arc<Mutex<Vec<Vec<u8>>>>, mood: Mood) {
    let mut bytes = Vec::new();
    let body: Value = loop {
        let mut part = vec![0; 65_536];
        let read = stream.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&part[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        assert!(head.contains("x-amz-target: textract.detectdocumenttext"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0_usize) {
            break serde_json::from_slice(&bytes[end + 4..]).unwrap();
        }
    };
    let picture = STANDARD.decode(body["Document"]["Bytes"].as_str().unwrap()).unwrap();
    let is_first = {
        let mut sent = sent.lock().unwrap();
        sent.push(picture);
        sent.len() == 1
    };
    let (status, said) = match mood {
        Mood::Throttles if !is_first => (200, detected()),
        Mood::Throttles | Mood::Busy => (400, json!({ "__type": "ThrottlingException" })),
        Mood::Refuses => (400, json!({ "__type": "AccessDeniedException", "Message": "not authorized" })),
    };
    let said = said.to_string();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\n");
    let _ = stream.write_all(format!("{head}content-length: {}\r\n\r\n{said}", said.len()).as_bytes()).await;
}

/// [`LINES`] from a tenth of the page's width on and from a quarter of its height down, as the documentation shows an answer.
fn detected() -> Value {
    let mut blocks = vec![json!({ "BlockType": "PAGE", "Id": "page" })];
    for (at, line) in LINES.iter().enumerate() {
        let (mut ids, mut left) = (Vec::new(), 0.1);
        for (nth, text) in line.split(' ').enumerate() {
            let (id, width) = (format!("{at}-{nth}"), text.len() as f32 * 0.012);
            let place =
                json!({ "Left": left, "Top": 0.25 + at as f32 * 0.05, "Width": width, "Height": 0.015 });
            blocks.push(json!({
                "BlockType": "WORD", "Id": id, "Text": text, "Confidence": 99.0, "TextType": "PRINTED",
                "Geometry": { "BoundingBox": place }
            }));
            ids.push(id);
            left += width + 0.012;
        }
        let relation = json!([{ "Type": "CHILD", "Ids": ids }]);
        blocks.push(json!({ "BlockType": "LINE", "Id": format!("line-{at}"), "Relationships": relation }));
    }
    json!({ "DocumentMetadata": { "Pages": 1 }, "Blocks": blocks, "DetectDocumentTextModelVersion": "1.0" })
}

#[tokio::test]
async fn a_scanned_page_is_read_by_textract_and_an_answer_shows_where_it_stands() {
    let server = Textract::start(Mood::Throttles).await;
    let home = Home::new();
    home.settings(&server.settings("none"));
    let node = home.start().await;
    // What has a text of its own is read on the node.
    node.ready("ata.pdf", note(&["Ata do clube de xadrez.", "O presidente e Otavio Lins."])).await;
    assert!(server.sent().is_empty(), "a page with a text of its own leaves the machine");
    let id = node.ready("scan.pdf", sample(SCAN)).await;
    let sent = server.sent();
    assert_eq!(sent.len(), 4, "three pages, one of them twice");
    for picture in &sent {
        assert!(picture.starts_with(b"\x89PNG") && picture.len() <= 5_000_000, "{}", picture.len());
        let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
        assert!(side(16) > 1_000 && side(20) > side(16), "{} by {}", side(16), side(20));
    }
    let answer = node.answer(&id, QUESTION).await;
    assert!(answer["answer"].as_str().unwrap().contains("Marlene Figueira Duarte"), "{answer}");
    assert!(!pages(&answer).is_empty(), "{answer}");
    let place = &answer["sources"][0]["boxes"][0];
    let at = |field: &str| place[field].as_f64().unwrap();
    // An upright A4 page has 595 by 842 points; the scan leans by less than a degree.
    assert!((at("x") - 59.5).abs() < 12.0 && (at("y") - 0.25 * 842.0).abs() < 60.0, "{answer}");
    node.stop().await;
    let log = home.log();
    assert!(!log.contains(SECRET) && !log.contains("iVBOR"), "the log shows a secret or a picture");
}

#[tokio::test]
async fn a_recogniser_that_refuses_fails_the_document_with_the_reason_unless_tesseract_may_read_it() {
    let server = Textract::start(Mood::Refuses).await;
    let home = Home::new();
    home.settings(&server.settings("none"));
    let node = home.start().await;
    let id = node.accepted("scan.pdf", sample(SCAN)).await;
    let ended = node.settled(&id).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    assert!(home.log().contains("it does not accept the keys"), "the log names the reason");
    node.stop().await;

    let home = Home::new();
    home.settings(&server.settings("tesseract"));
    let node = home.start().await;
    let id = node.ready("scan.pdf", sample(SCAN)).await;
    let answer = node.answer(&id, "Quem foi eleita síndica do condomínio?").await;
    assert!(answer["answer"].as_str().unwrap().contains("Dalva Quintanilha"), "{answer}");
}

#[tokio::test]
async fn a_document_waits_for_a_recogniser_that_is_busy_and_other_documents_do_not() {
    let server = Textract::start(Mood::Busy).await;
    let home = Home::new();
    home.settings(&server.settings("none"));
    let node = home.start().await;
    let id = node.accepted("scan.pdf", sample(SCAN)).await;
    while server.sent().len() < 2 {
        tokio::time::sleep(POLL).await;
    }
    let other = tokio::time::timeout(Duration::from_secs(120), node.ready("ata.pdf", note(&LINES))).await;
    assert!(other.is_ok(), "a note waits for the recogniser of a scan");
    let (_, waiting) = node.document(&id).await;
    assert_eq!(waiting["status"], "processing", "{waiting}");
}
