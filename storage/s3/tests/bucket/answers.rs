//! Answers that a real store gives at bad times, from a server that says exactly what it was told to say.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use enabler_s3::Bucket;
use enabler_storage::objects::{ETag, Key, ObjectStore, PutOutcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::store::{open, settings};

const REMEMBERED_BYTES_MAX: usize = 8 << 10;

/// A server that gives each request the next answer, the last one again and again, and remembers the requests.
pub(crate) struct Scripted {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) async fn new(answers: impl IntoIterator<Item = String>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (left, all) = (Mutex::new(answers.into_iter().collect::<VecDeque<_>>()), heard.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = {
                    let mut left = left.lock().unwrap();
                    if left.len() > 1 { left.pop_front() } else { left.front().cloned() }
                };
                answer_one(stream, &answer.unwrap(), &all).await;
            }
        });
        Self { url, heard }
    }

    async fn bucket(&self) -> Bucket {
        open(settings(&self.url)).await
    }

    /// The requests so far, each with its head and body.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer_one(mut stream: TcpStream, answer: &str, heard: &Mutex<Vec<String>>) {
    let (mut request, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    // The length of the whole request, once its head is there.
    let mut length = None;
    while length.is_none_or(|length| request.len() < length) {
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => request.extend_from_slice(&piece[..read]),
            _ => return,
        }
        if length.is_none() {
            length = length_of(&request);
        }
    }
    // Of a part of a file, the beginning is enough.
    request.truncate(REMEMBERED_BYTES_MAX);
    heard.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The length of a request as its head tells it, if that is complete.
fn length_of(request: &[u8]) -> Option<usize> {
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some(head + body.map_or(0, |body| body.parse::<usize>().unwrap()))
}

/// A whole answer with a body as S3 writes errors.
pub(crate) fn error(status: u16, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>Told to.</Message></Error>");
    answer(status, &[], &body)
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status} Told\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn done(etag: &str) -> String {
    answer(200, &[("ETag", etag)], "")
}

fn key() -> Key {
    Key::new("v1/manifest").unwrap()
}

#[tokio::test]
async fn a_write_that_met_another_one_is_sent_again_as_it_was() {
    let conflict = error(409, "ConditionalRequestConflict");
    let server = Scripted::new([conflict.clone(), conflict.clone(), done("\"one\"")]).await;
    let outcome = server.bucket().await.put_new(&key(), "content".into()).await;
    assert!(matches!(&outcome, PutOutcome::Done(etag) if etag.0 == "\"one\""), "{outcome:?}");
    let heard = server.heard();
    assert_eq!(heard.len(), 3);
    for request in heard {
        assert!(request.starts_with("PUT /papers/test/") && request.ends_with("content"), "{request}");
        assert!(request.to_lowercase().contains("if-none-match: *"), "{request}");
    }
    let server = Scripted::new([conflict, error(412, "PreconditionFailed")]).await;
    let outcome = server.bucket().await.put_if(&key(), &ETag("\"v\"".into()), "content".into()).await;
    assert!(matches!(outcome, PutOutcome::Changed), "{outcome:?}");
    assert!(server.heard().iter().all(|request| request.to_lowercase().contains("if-match: \"v\"")));
}

#[tokio::test]
async fn a_write_that_always_meets_another_one_is_unknown_in_the_end() {
    let server = Scripted::new([error(409, "ConditionalRequestConflict")]).await;
    let outcome = server.bucket().await.put_new(&key(), "content".into()).await;
    let PutOutcome::Unknown(error) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("409 ConditionalRequestConflict"), "{error}");
    assert_eq!(server.heard().len(), 6);
}

#[tokio::test]
async fn every_other_answer_to_a_write_is_unknown_after_one_request_and_says_what_the_store_said() {
    let answers = [
        (500, "InternalError"),
        (503, "SlowDown"),
        (403, "AccessDenied"),
        (403, "SignatureDoesNotMatch"),
        (400, "RequestTimeout"),
        (301, "PermanentRedirect"),
        (404, "NoSuchBucket"),
        (501, "NotImplemented"),
    ];
    for (status, code) in answers {
        let server = Scripted::new([error(status, code)]).await;
        let bucket = server.bucket().await;
        for outcome in [
            bucket.put_new(&key(), "x".into()).await,
            bucket.put_if(&key(), &ETag("\"v\"".into()), "x".into()).await,
        ] {
            let PutOutcome::Unknown(error) = outcome else { panic!("{status} {code}: {outcome:?}") };
            assert!(error.to_string().contains(&format!("{status} {code}")), "{error}");
        }
        assert_eq!(server.heard().len(), 2, "{status} {code} was sent again");
    }
}

#[tokio::test]
async fn a_success_without_a_version_is_unknown() {
    let server = Scripted::new([answer(200, &[], "")]).await;
    let outcome = server.bucket().await.put_new(&key(), "x".into()).await;
    assert!(matches!(outcome, PutOutcome::Unknown(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_version_of_what_is_gone_has_changed() {
    let server = Scripted::new([error(404, "NoSuchKey")]).await;
    let outcome = server.bucket().await.put_if(&key(), &ETag("\"v\"".into()), "x".into()).await;
    assert!(matches!(outcome, PutOutcome::Changed), "{outcome:?}");
}

#[tokio::test]
async fn a_read_that_breaks_off_is_read_again_and_never_given_half() {
    let whole = answer(200, &[("ETag", "\"v\"")], "0123456789");
    let half = whole[..whole.len() - 5].to_owned();
    let server = Scripted::new([half.clone(), half.clone(), whole]).await;
    assert_eq!(server.bucket().await.get(&key()).await.unwrap().unwrap().bytes, "0123456789");
    assert_eq!(server.heard().len(), 3);
    let server = Scripted::new([half]).await;
    let error = server.bucket().await.get(&key()).await.unwrap_err().to_string();
    assert!(error.contains("reading `v1/manifest`"), "{error}");
    assert_eq!(server.heard().len(), 3);
}

#[tokio::test]
async fn a_server_that_fails_at_first_is_asked_again_for_reads() {
    let whole = answer(200, &[("ETag", "\"v\"")], "content");
    let server = Scripted::new([error(503, "SlowDown"), error(500, "InternalError"), whole]).await;
    assert_eq!(server.bucket().await.get(&key()).await.unwrap().unwrap().bytes, "content");
}

#[tokio::test]
async fn a_range_is_never_filled_with_something_else() {
    // As a server answers that does not know ranges: with everything.
    let server = Scripted::new([answer(200, &[("ETag", "\"v\"")], "0123456789")]).await;
    assert!(server.bucket().await.get_range(&key(), 2..4).await.is_err());
    let short = answer(206, &[("ETag", "\"v\""), ("Content-Range", "bytes 2-3/10")], "2");
    let server = Scripted::new([short]).await;
    assert!(server.bucket().await.get_range(&key(), 2..4).await.is_err());
}

/// A file of two parts, and the answers to everything before its completion.
fn large_file(dir: &tempfile::TempDir) -> (std::path::PathBuf, [String; 3]) {
    let file = dir.path().join("large");
    std::fs::write(&file, vec![3; 17 << 20]).unwrap();
    let begun = "<InitiateMultipartUploadResult><UploadId>its-id</UploadId></InitiateMultipartUploadResult>";
    (file, [answer(200, &[], begun), done("\"part\""), done("\"part\"")])
}

/// What was asked, by the first words of each request.
fn asked(server: &Scripted) -> Vec<&'static str> {
    let kind = |request: String| {
        let line = request.lines().next().unwrap_or_default().to_owned();
        match line.split(' ').next().unwrap_or_default() {
            "HEAD" => "look",
            "POST" if line.contains("uploads") => "begin",
            "POST" if line.contains("uploadId=its-id") => "complete",
            "PUT" if line.contains("partNumber=") => "part",
            "DELETE" if line.contains("uploadId=its-id") => "abort",
            _ => "other",
        }
    };
    server.heard().into_iter().map(kind).collect()
}

#[tokio::test]
async fn an_upload_in_parts_that_met_another_write_is_sent_again_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let (file, parts) = large_file(&dir);
    let whole = "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>";
    let first = [answer(404, &[], "")].into_iter().chain(parts.clone());
    let met = [error(409, "ConditionalRequestConflict"), answer(204, &[], "")];
    let second = parts.into_iter().chain([answer(200, &[], whole)]);
    let server = Scripted::new(first.chain(met).chain(second)).await;
    let outcome = server.bucket().await.put_file_new(&key(), &file).await;
    assert!(matches!(&outcome, PutOutcome::Done(etag) if etag.0 == "\"whole\""), "{outcome:?}");
    let once = ["begin", "part", "part", "complete"];
    let expected: Vec<_> = ["look"].into_iter().chain(once).chain(["abort"]).chain(once).collect();
    assert_eq!(asked(&server), expected);
    let completed =
        server.heard().into_iter().filter(|request| request.contains("<PartNumber>2</PartNumber>"));
    assert!(completed.filter(|request| request.to_lowercase().contains("if-none-match: *")).count() == 2);
}

#[tokio::test]
async fn a_completion_without_a_clear_answer_is_unknown_is_not_sent_again_and_leaves_no_parts() {
    let dir = tempfile::tempdir().unwrap();
    // S3 may also put an error into an answer that begins as a success.
    let late = "<Error><Code>InternalError</Code><Message>Told to.</Message></Error>";
    for unclear in [error(500, "InternalError"), answer(200, &[], late)] {
        let (file, parts) = large_file(&dir);
        let answers = [answer(404, &[], "")].into_iter().chain(parts).chain([unclear, answer(204, &[], "")]);
        let server = Scripted::new(answers).await;
        let outcome = server.bucket().await.put_file_new(&key(), &file).await;
        assert!(matches!(outcome, PutOutcome::Unknown(_)), "{outcome:?}");
        assert_eq!(asked(&server), ["look", "begin", "part", "part", "complete", "abort"]);
    }
}
