use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::*;

/// A recorded answer: status, further headers, body. An empty body with status 0 is silence.
type Recorded = (u16, &'static str, String);

/// A server on loopback that gives recorded answers in order, the last one for ever, and keeps what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Server {
    async fn start(recorded: Vec<Recorded>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let (kept, left) = (asked.clone(), Arc::new(Mutex::new(VecDeque::from(recorded))));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, kept.clone(), left.clone()));
            }
        });
        Self { url, asked }
    }

    /// First line and body of each request.
    fn asked(&self) -> Vec<(String, Value)> {
        let line = |(head, body): (String, Value)| (head.lines().next().unwrap().to_owned(), body);
        self.asked.lock().unwrap().clone().into_iter().map(line).collect()
    }

    /// The header `name` of the last request, in small letters.
    fn header(&self, name: &str) -> Option<String> {
        let asked = self.asked.lock().unwrap();
        let head = &asked.last()?.0;
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    }
}

async fn answer(
    mut stream: TcpStream,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    left: Arc<Mutex<VecDeque<Recorded>>>,
) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&part[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let total = end + 4 + length.unwrap_or(0);
            if bytes.len() >= total {
                break (head, total - end - 4);
            }
        }
    };
    let body = bytes.split_off(bytes.len() - length);
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    asked.lock().unwrap().push((head, body));
    let (status, headers, body) = {
        let mut left = left.lock().unwrap();
        if left.len() > 1 { left.pop_front().unwrap() } else { left.front().unwrap().clone() }
    };
    if status == 0 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn good(body: Value) -> Recorded {
    (200, "", body.to_string())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn ollama(server: &Server) -> Ollama {
    let settings = OllamaSettings { url: server.url.clone(), model: "all-minilm".to_owned() };
    Ollama::new(settings).unwrap()
}

/// As Ollama's documentation shows it.
fn embedded() -> Value {
    json!({
        "model": "all-minilm",
        "embeddings": [[0.3, 0.4, 0.0], [0.0, -2.0, 0.0]],
        "total_duration": 14143917, "load_duration": 1019500, "prompt_eval_count": 8
    })
}

fn tags() -> Value {
    json!({ "models": [{
        "name": "all-minilm:latest", "model": "all-minilm:latest",
        "modified_at": "2025-05-10T08:06:48.639712648-07:00", "size": 45960996,
        "digest": "1b226e2802dbb772b5fc32a58f103ca1804ef7501331012de126ab22f67475ef",
        "details": { "family": "bert", "parameter_size": "23M", "quantization_level": "F16" }
    }]})
}

fn texts() -> Vec<String> {
    vec!["Why is the sky blue?".to_owned(), "Why is the grass green?".to_owned()]
}

#[tokio::test]
async fn texts_go_out_as_documented_and_come_back_as_unit_vectors_in_order() {
    let server = Server::start(vec![good(embedded())]).await;
    let vectors = ollama(&server).embed(&texts(), soon()).await.unwrap();
    assert_eq!(vectors, [[0.6, 0.8, 0.0], [0.0, -1.0, 0.0]]);
    let body = json!({ "model": "all-minilm", "input": texts(), "truncate": true });
    assert_eq!(server.asked(), [("post /api/embed http/1.1".to_owned(), body)]);
}

#[tokio::test]
async fn a_model_is_known_by_provider_name_digest_and_dimensions() {
    let one = json!({ "model": "all-minilm", "embeddings": [[1.0, 0.0, 0.0]] });
    let server = Server::start(vec![good(tags()), good(one)]).await;
    let identity = ollama(&server).identity(soon()).await.unwrap();
    assert_eq!(identity.model_id, "ollama:all-minilm@1b226e2802db/3");
    assert_eq!(identity.dimensions, 3);
    let none = Server::start(vec![good(json!({ "models": [] }))]).await;
    let error = ollama(&none).identity(soon()).await.unwrap_err();
    assert!(error.to_string().contains("ollama pull all-minilm"), "{error}");
}

#[tokio::test]
async fn an_answer_is_written_as_documented() {
    let chatted = json!({
        "model": "all-minilm", "created_at": "2023-12-12T14:13:43.416799Z",
        "message": { "role": "assistant", "content": " Hello! How are you today?\n" },
        "done": true, "done_reason": "stop", "total_duration": 5191566416_u64,
        "prompt_eval_count": 26, "eval_count": 298
    });
    let server = Server::start(vec![good(chatted)]).await;
    let written = ollama(&server).write("be brief", "hi?", 96, soon()).await.unwrap();
    assert_eq!(
        written,
        Written { text: "Hello! How are you today?".to_owned(), prompt_tokens: 26, answer_tokens: 298 }
    );
    let (line, body) = server.asked().remove(0);
    assert_eq!(line, "post /api/chat http/1.1");
    assert_eq!((&body["stream"], &body["options"]["num_predict"]), (&json!(false), &json!(96)));
    assert_eq!(body["messages"][0], json!({ "role": "system", "content": "be brief" }));
    assert_eq!(body["messages"][1], json!({ "role": "user", "content": "hi?" }));
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_and_then_called_overloaded() {
    let busy = || (503, "", json!({ "error": "server busy, please try again" }).to_string());
    let server =
        Server::start(vec![busy(), (429, "retry-after: 0\r\n", String::new()), good(embedded())]).await;
    ollama(&server).embed(&texts(), soon()).await.unwrap();
    assert_eq!(server.asked().len(), 3);
    let server = Server::start(vec![busy()]).await;
    let error = ollama(&server).embed(&texts(), soon()).await.unwrap_err();
    assert_eq!(error, ProviderError::Overloaded { provider: "ollama" });
    assert!(error.is_passing());
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn a_silent_provider_costs_the_time_that_there_is_and_no_more() {
    let server = Server::start(vec![(0, "", String::new())]).await;
    let until = Instant::now() + Duration::from_millis(80);
    let error = ollama(&server).embed(&texts(), until).await.unwrap_err();
    assert_eq!(error, ProviderError::TimedOut { provider: "ollama" });
}

#[tokio::test]
async fn an_answer_that_was_not_promised_is_no_answer() {
    let wrong = [
        json!({ "embeddings": [[1.0, 0.0]] }),
        json!({ "embeddings": [[1.0, 0.0], [1.0]] }),
        json!({ "embeddings": [[1.0, 0.0], [0.0, 0.0]] }),
        json!({ "embeddings": "many" }),
        json!({ "embedding": [1.0] }),
    ];
    for body in wrong {
        let server = Server::start(vec![good(body.clone())]).await;
        let error = ollama(&server).embed(&texts(), soon()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Strange { .. }), "{body}: {error}");
        assert_eq!(server.asked().len(), 1, "asking again gives the same");
    }
    let server = Server::start(vec![(200, "", "<html>".to_owned())]).await;
    let error = ollama(&server).write("a", "b", 9, soon()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Strange { .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_tells_why_once_and_holds_no_word_that_was_sent() {
    let said = json!({ "error": "model \"all-minilm\" not found, try pulling it first" }).to_string();
    let server = Server::start(vec![(404, "", said)]).await;
    let error = ollama(&server).write("secret instructions", "secret question", 9, soon()).await.unwrap_err();
    assert!(error.to_string().contains("not found") && !error.to_string().contains("secret"), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn no_password_of_an_address_is_in_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://ana:geheim@{address}");
    let model = Ollama::new(OllamaSettings { url, model: "m".to_owned() }).unwrap();
    let error = model.embed(&texts(), soon()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unreachable { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("geheim"), "{error:?}");
    let wrong = Ollama::new(OllamaSettings { url: "geheim@nowhere".to_owned(), model: "m".to_owned() });
    assert!(!wrong.unwrap_err().to_string().contains("geheim"));
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn account(server: &Server) -> Account {
    Account {
        region: "sa-east-1".to_owned(),
        endpoint: Some(server.url.clone()),
        keys: Some(("AKIDEXAMPLE".to_owned(), SECRET.to_owned())),
        clock: Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)),
    }
}

fn titan(server: &Server) -> Bedrock {
    Bedrock::new(&account(server), "amazon.titan-embed-text-v2:0".to_owned()).unwrap()
}

/// As the documentation of Titan's second version shows it.
fn titan_answer(embedding: Value) -> Recorded {
    good(json!({
        "embedding": embedding, "inputTextTokenCount": 3, "embeddingsByType": { "float": embedding }
    }))
}

#[tokio::test]
async fn titan_is_asked_one_text_at_a_time_with_a_signature_over_service_region_and_day() {
    let server = Server::start(vec![titan_answer(json!([0.0, 3.0]))]).await;
    let vectors = titan(&server).embed(&["Olá".to_owned()], soon()).await.unwrap();
    assert_eq!(vectors, [[0.0, 1.0]]);
    let body = json!({ "inputText": "Olá", "dimensions": 1024, "normalize": true });
    let line = "post /model/amazon.titan-embed-text-v2%3a0/invoke http/1.1";
    assert_eq!(server.asked(), [(line.to_owned(), body)]);
    let signature = server.header("authorization").unwrap();
    let scope = "aws4-hmac-sha256 credential=akidexample/20260102/sa-east-1/bedrock/aws4_request, ";
    let covers = "signedheaders=accept;content-type;host;x-amz-date";
    assert!(signature.starts_with(scope) && signature.contains(covers), "{signature}");
    assert_eq!(server.header("x-amz-date").unwrap(), "20260102t030405z");
    assert_eq!(server.header("content-type").unwrap(), "application/json");
}

#[test]
fn a_signature_is_that_of_another_implementation() {
    // Computed from the published steps with Python's hmac over the public address.
    let expected = "53dc61f8300edb4c7e7645723b9720592dafb1d2a16212f1d82b81e9c75681d7";
    let account = Account {
        region: "sa-east-1".to_owned(),
        endpoint: None,
        keys: Some(("AKIDEXAMPLE".to_owned(), SECRET.to_owned())),
        clock: Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)),
    };
    let body = r#"{"inputText":"Olá","dimensions":1024,"normalize":true}"#;
    let signed = crate::aws::signature_of(&account, "/model/amazon.titan-embed-text-v2%3A0/invoke", body);
    assert_eq!(signed, expected);
}

#[tokio::test]
async fn titan_is_known_by_its_name_and_dimensions_and_no_other_model_embeds() {
    let server = Server::start(vec![titan_answer(json!([1.0, 0.0, 0.0, 0.0]))]).await;
    let identity = titan(&server).identity(soon()).await.unwrap();
    assert_eq!(identity.model_id, "bedrock:amazon.titan-embed-text-v2:0/4");
    let other = Bedrock::new(&account(&server), "anthropic.claude-3-haiku".to_owned()).unwrap();
    assert!(matches!(other.identity(soon()).await, Err(ProviderError::Settings(_))));
}

#[tokio::test]
async fn claude_converses_as_documented() {
    let conversed = json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": "O prazo é de 45 dias." }] } },
        "stopReason": "end_turn",
        "usage": { "inputTokens": 30, "outputTokens": 9, "totalTokens": 39 },
        "metrics": { "latencyMs": 1275 }
    });
    let server = Server::start(vec![good(conversed)]).await;
    let claude =
        Bedrock::new(&account(&server), "anthropic.claude-3-haiku-20240307-v1:0".to_owned()).unwrap();
    let written = claude.write("seja breve", "Qual o prazo?", 96, soon()).await.unwrap();
    assert_eq!(
        (written.text.as_str(), written.prompt_tokens, written.answer_tokens),
        ("O prazo é de 45 dias.", 30, 9)
    );
    let (line, body) = server.asked().remove(0);
    assert_eq!(line, "post /model/anthropic.claude-3-haiku-20240307-v1%3a0/converse http/1.1");
    let expected = json!({
        "messages": [{ "role": "user", "content": [{ "text": "Qual o prazo?" }] }],
        "system": [{ "text": "seja breve" }],
        "inferenceConfig": { "maxTokens": 96, "temperature": 0.0 }
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn throttling_by_status_or_by_name_is_waited_out_and_then_called_overloaded() {
    let by_status = || (429, "", json!({ "message": "Too many requests, please wait." }).to_string());
    let by_name =
        || (400, "", json!({ "__type": "com.amazon.coral.availability#ThrottlingException" }).to_string());
    let server = Server::start(vec![by_status(), by_name(), titan_answer(json!([1.0, 0.0]))]).await;
    titan(&server).embed(&["a".to_owned()], soon()).await.unwrap();
    assert_eq!(server.asked().len(), 3);
    let server = Server::start(vec![by_name()]).await;
    let error = titan(&server).embed(&["a".to_owned()], soon()).await.unwrap_err();
    assert_eq!(error, ProviderError::Overloaded { provider: "bedrock" });
}

#[tokio::test]
async fn no_key_is_in_an_error_or_in_what_a_log_shows() {
    let told = "The canonical string should have been x-amz-security-token:geheim AKIDEXAMPLE";
    let said = json!({ "__type": "InvalidSignatureException", "message": told }).to_string();
    let server = Server::start(vec![(403, "", said)]).await;
    let titan = titan(&server);
    let error = titan.embed(&["a".to_owned()], soon()).await.unwrap_err();
    let shown = format!("{error} {error:?} {titan:?} {:?}", account(&server));
    assert!(!["geheim", "AKIDEXAMPLE", SECRET].iter().any(|secret| shown.contains(secret)), "{shown}");
    assert!(error.to_string().contains("keys"), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_of_titan_that_was_not_promised_is_no_answer() {
    for body in [json!({ "embedding": [] }), json!({ "vector": [1.0] }), json!({ "embedding": [0.0, 0.0] })] {
        let server = Server::start(vec![good(body.clone())]).await;
        let error = titan(&server).embed(&["a".to_owned()], soon()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Strange { .. }), "{body}: {error}");
    }
}

fn textract(server: &Server) -> Textract {
    Textract::new(&account(server)).unwrap()
}

/// As the documentation of `DetectDocumentText` shows it: a page, two lines, and their words.
fn detected() -> Value {
    let geometry = |left: f32, top: f32, width: f32, height: f32| {
        json!({
            "BoundingBox": { "Width": width, "Height": height, "Left": left, "Top": top },
            "Polygon": [{ "X": left, "Y": top }, { "X": left + width, "Y": top },
                        { "X": left + width, "Y": top + height }, { "X": left, "Y": top + height }]
        })
    };
    let word = |id: &str, text: &str, confidence: f32, place: Value| {
        json!({
            "BlockType": "WORD", "Confidence": confidence, "Text": text, "TextType": "PRINTED",
            "Geometry": place, "Id": id
        })
    };
    let line = |id: &str, text: &str, ids: &[&str], place: Value| {
        json!({
            "BlockType": "LINE", "Confidence": 99.1, "Text": text, "Geometry": place, "Id": id,
            "Relationships": [{ "Type": "CHILD", "Ids": ids }]
        })
    };
    json!({
        "DocumentMetadata": { "Pages": 1 },
        "Blocks": [
            { "BlockType": "PAGE", "Geometry": geometry(0.0, 0.0, 1.0, 1.0), "Id": "p",
              "Relationships": [{ "Type": "CHILD", "Ids": ["l1", "l2"] }] },
            line("l1", "Ata da reunião", &["w1", "w2", "w3"], geometry(0.1, 0.1, 0.4, 0.05)),
            line("l2", "R$ 1.234,56", &["w5", "w4"], geometry(0.1, 0.2, 0.3, 0.05)),
            word("w1", "Ata", 99.5, geometry(0.1, 0.1, 0.125, 0.05)),
            word("w2", "da", 98.0, geometry(0.25, 0.1, 0.0625, 0.05)),
            word("w3", "reunião", 97.25, geometry(0.375, 0.1, 0.125, 0.05)),
            word("w4", "1.234,56", 88.0, geometry(0.25, 0.25, 0.125, 0.0625)),
            word("w5", "R$", 93.5, geometry(0.125, 0.25, 0.0625, 0.0625)),
        ],
        "DetectDocumentTextModelVersion": "1.0"
    })
}

#[tokio::test]
async fn a_picture_goes_out_as_documented_and_its_words_come_back_line_by_line() {
    let server = Server::start(vec![good(detected())]).await;
    let words = textract(&server).read(b"\x89PNG of a page", soon()).await.unwrap();
    let said: Vec<(&str, u32)> = words.iter().map(|word| (word.text.as_str(), word.line)).collect();
    assert_eq!(said, [("Ata", 0), ("da", 0), ("reunião", 0), ("R$", 1), ("1.234,56", 1)]);
    assert_eq!(words[3].rect, [0.125, 0.25, 0.1875, 0.3125]);
    assert!((words[4].confidence - 0.88).abs() < 1e-6, "{:?}", words[4]);
    let body = json!({ "Document": { "Bytes": "iVBORyBvZiBhIHBhZ2U=" } });
    assert_eq!(server.asked(), [("post / http/1.1".to_owned(), body)]);
    assert_eq!(server.header("x-amz-target").unwrap(), "textract.detectdocumenttext");
    assert_eq!(server.header("content-type").unwrap(), "application/x-amz-json-1.1");
    let signature = server.header("authorization").unwrap();
    let scope = "aws4-hmac-sha256 credential=akidexample/20260102/sa-east-1/textract/aws4_request, ";
    let covers = "signedheaders=content-type;host;x-amz-date;x-amz-target";
    assert!(signature.starts_with(scope) && signature.contains(covers), "{signature}");
}

#[tokio::test]
async fn a_page_without_a_word_and_a_word_without_a_line_are_answers_too() {
    let mut blank = detected();
    blank["Blocks"].as_array_mut().unwrap().truncate(1);
    let mut loose = detected();
    loose["Blocks"].as_array_mut().unwrap().retain(|block| block["Id"] != "l2");
    let server = Server::start(vec![good(blank), good(loose)]).await;
    assert_eq!(textract(&server).read(b"png", soon()).await.unwrap(), []);
    let words = textract(&server).read(b"png", soon()).await.unwrap();
    let lines: Vec<u32> = words.iter().map(|word| word.line).collect();
    assert_eq!(lines, [0, 0, 0, 1, 2]);
}

#[tokio::test]
async fn a_recogniser_that_throttles_is_waited_out_and_a_silent_one_costs_the_time_that_there_is() {
    let kind = |name: &str| (400, "", json!({ "__type": name, "Message": "Rate exceeded" }).to_string());
    let server = Server::start(vec![
        kind("ProvisionedThroughputExceededException"),
        kind("com.amazonaws.textract#ThrottlingException"),
        good(detected()),
    ]);
    let server = server.await;
    assert_eq!(textract(&server).read(b"png", soon()).await.unwrap().len(), 5);
    assert_eq!(server.asked().len(), 3);
    let server = Server::start(vec![(0, "", String::new())]).await;
    let until = Instant::now() + Duration::from_millis(80);
    let error = textract(&server).read(b"png", until).await.unwrap_err();
    assert_eq!(error, ProviderError::TimedOut { provider: "textract" });
}

#[tokio::test]
async fn a_refusal_of_the_keys_is_told_from_one_of_the_picture_and_asked_once() {
    let told = "User: arn:aws:sts::123456789012:assumed-role/geheim is not authorized";
    for name in ["AccessDeniedException", "com.amazon.coral.service#UnrecognizedClientException"] {
        let said = json!({ "__type": name, "Message": told }).to_string();
        let server = Server::start(vec![(400, "", said)]).await;
        let error = textract(&server).read(b"png", soon()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("keys") && !error.to_string().contains("geheim"), "{error}");
        assert_eq!(server.asked().len(), 1);
    }
    for name in ["UnsupportedDocumentException", "BadDocumentException", "DocumentTooLargeException"] {
        let said = json!({ "__type": name, "Message": told }).to_string();
        let server = Server::start(vec![(400, "", said)]).await;
        let error = textract(&server).read(b"png", soon()).await.unwrap_err();
        assert_eq!(error, ProviderError::Unfit { provider: "textract", why: name.to_owned() });
        assert!(!error.is_passing());
    }
}

#[tokio::test]
async fn an_answer_of_textract_that_was_not_promised_is_no_answer_and_tells_no_word() {
    let with = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut body = detected();
        let blocks = body["Blocks"].as_array_mut().unwrap();
        change(blocks.iter_mut().find(|block| block["Id"] == id).unwrap());
        body
    };
    let wrong = [
        json!({ "DocumentMetadata": { "Pages": 1 } }),
        json!({ "Blocks": [] }),
        with("p", &|block| block["BlockType"] = json!("WORD")),
        with("w3", &|block| block["Text"] = Value::Null),
        with("w3", &|block| block["Confidence"] = json!(101.0)),
        with("w3", &|block| block["Geometry"]["BoundingBox"]["Left"] = json!(12.0)),
        with("w3", &|block| block["Geometry"]["BoundingBox"]["Width"] = json!(0.0)),
        with("w3", &|block| block["Geometry"] = json!("everywhere")),
        with("l1", &|block| block["Relationships"][0]["Ids"] = json!(["w1", "gone"])),
        with("l1", &|block| block["Relationships"][0]["Ids"] = json!(["w1", "w1"])),
    ];
    for body in wrong {
        let server = Server::start(vec![good(body.clone())]).await;
        let error = textract(&server).read(b"png", soon()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Strange { .. }), "{body}: {error}");
        assert!(!error.to_string().contains("reunião"), "{error}");
        assert_eq!(server.asked().len(), 1, "asking again gives the same");
    }
}
