//! Overload, deadlines, disconnects, panics and stopping, each with its own answer.

use std::sync::mpsc;
use std::time::Duration;

use enabler_http::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::fake::{limits, piped, problem, server, server_in_place, server_with};

#[tokio::test]
async fn overload_says_when_to_come_back() {
    let server = server().await;
    for (question, code, seconds) in [("overloaded", "overloaded", "3"), ("unavailable", "unavailable", "2")]
    {
        let response = server.ask(question).send().await.unwrap();
        assert_eq!(response.headers()["retry-after"], seconds);
        let body = problem(server.ask(question), 503, code).await;
        assert!(!body.to_string().contains("secret"), "{body}");
    }
}

#[tokio::test]
async fn a_request_beyond_the_bound_is_turned_away_but_probes_are_answered() {
    let server = server_with(Limits { requests_max: 1, ..limits() }).await;
    let waiting = tokio::spawn(server.ask("wait").send());
    server.fake.0.entered.notified().await;
    problem(server.ask("Qual o prazo?"), 503, "overloaded").await;
    assert_eq!(server.get("/health").send().await.unwrap().status(), 200);
    server.fake.0.release.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    assert_eq!(server.ask("Qual o prazo?").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_upload_beyond_the_bound_is_turned_away() {
    let server = server_with(Limits { uploads_max: 1, ..limits() }).await;
    let (sender, body) = piped();
    sender.send(b"%PDF-1.7".repeat(200)).unwrap();
    let part = |body| reqwest::multipart::Part::stream(body).file_name("a.pdf");
    let form = reqwest::multipart::Form::new().part("file", part(body));
    let first = tokio::spawn(server.post("/v1/documents").multipart(form).send());
    server.fake.0.entered.notified().await;
    let form = reqwest::multipart::Form::new().part("file", part(reqwest::Body::from("%PDF-1.7")));
    problem(server.post("/v1/documents").multipart(form), 503, "overloaded").await;
    drop(sender);
    assert_eq!(first.await.unwrap().unwrap().status(), 202);
}

#[tokio::test]
async fn a_request_that_outlives_its_deadline_is_ended() {
    let server = server_with(Limits { request_time_max: Duration::from_millis(50), ..limits() }).await;
    let body = problem(server.ask("wait"), 504, "deadline").await;
    assert!(body["detail"].as_str().unwrap().contains("was ended"), "{body}");
    server.fake.0.cancelled.notified().await;
    let token = server.fake.0.asked.lock().unwrap()[0].1.cancel.token().clone();
    assert!(token.is_cancelled());
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_work() {
    let server = server().await;
    let asking = tokio::spawn(server.ask("wait").send());
    server.fake.0.entered.notified().await;
    let token = server.fake.0.asked.lock().unwrap()[0].1.cancel.token().clone();
    assert!(!token.is_cancelled());
    asking.abort();
    server.fake.0.cancelled.notified().await;
    token.cancelled().await;
}

#[tokio::test]
async fn a_panic_is_a_problem_of_its_own_request_only() {
    let server = server().await;
    let body = problem(server.ask("panic"), 500, "internal").await;
    assert!(!body.to_string().contains("asked to panic"), "{body}");
    assert_eq!(server.ask("Qual o prazo?").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stopping_server_lets_requests_in_work_end() {
    let mut server = server().await;
    let waiting = tokio::spawn(server.ask("wait").send());
    server.fake.0.entered.notified().await;
    server.stop.cancel();
    server.fake.0.release.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    assert!((&mut server.served).await.unwrap());
    assert!(server.get("/live").send().await.is_err());
}

#[test]
fn that_a_node_lives_is_said_while_its_workers_are_busy_and_the_rest_waits_for_them() {
    let workers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = workers.block_on(server());
    let ((busy, is_busy), (release, held)) = (mpsc::channel(), mpsc::channel::<()>());
    workers.spawn(async move {
        busy.send(()).unwrap();
        held.recv()
    });
    is_busy.recv().unwrap();
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        for path in ["/live", "/v1/live"] {
            let asked = server.get(path).timeout(Duration::from_secs(30));
            assert_eq!(asked.send().await.unwrap().status(), 200);
        }
        let waits = server.get("/ready").timeout(Duration::from_millis(200)).send();
        assert!(waits.await.unwrap_err().is_timeout());
        release.send(()).unwrap();
        assert_eq!(server.get("/ready").send().await.unwrap().status(), 200);
    });
}

#[tokio::test]
async fn headers_beyond_the_bound_are_refused_without_a_crash() {
    let server = server().await;
    let response = server.get("/live").header("x-long", "x".repeat(100_000)).send().await.unwrap();
    assert_eq!(response.status(), 431);
    assert_eq!(server.get("/live").send().await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_or_no_whole_head_loses_its_connection() {
    let server = server_in_place(limits()).await;
    // The second begins as HTTP/2 does, the last has been answered before.
    for sent in ["", "PRI * HTTP", "GET /live HTTP/1.1\r\nHost: a", "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        let began = tokio::time::Instant::now();
        client.write_all(sent.as_bytes()).await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard.contains("200 OK"), sent.ends_with("\r\n\r\n"), "{sent:?} {heard}");
        assert!((20..25).contains(&began.elapsed().as_secs()), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_its_time_is_no_silence() {
    let server = server_in_place(Limits { request_time_max: Duration::from_secs(90), ..limits() }).await;
    problem(server.ask("wait"), 504, "deadline").await;
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_given_up() {
    let server = server_with(Limits { upload_time_max: Duration::from_millis(100), ..limits() }).await;
    let (sender, body) = piped();
    sender.send(b"%PDF-1.7".to_vec()).unwrap();
    let part = reqwest::multipart::Part::stream(body).file_name("a.pdf");
    let form = reqwest::multipart::Form::new().part("file", part);
    let asking = server.post("/v1/documents").multipart(form);
    problem(asking, 408, "body_slow").await;
    drop(sender);
}
