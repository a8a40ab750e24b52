//! Answers that a real store gives at bad times, from a server that says exactly what it was told to say.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use enabler_s3::Bucket;
use enabler_storage::objects::{ETag, Key, ObjectStore, PutOutcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::store::{open, settings};

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
    let (mut request, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                heard.lock().unwrap().push(text);
                break;
            }
        }
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => request.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
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
