//! Answers as streams: one vocabulary, every cut gone on with on any node, and an end that ends the work.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::fake::*;

/// One event: its id, its name, its data.
type Event = (String, String, Value);

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    Some((field("id: ")?, field("event: ")?, serde_json::from_str(&field("data: ")?).unwrap()))
}

/// The events of a stream, at most `count` of them; then the connection is cut.
async fn events(request: reqwest::RequestBuilder, count: usize) -> Vec<Event> {
    let response = request.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let (mut text, mut bytes) = (String::new(), response.bytes_stream());
    while let Some(piece) = bytes.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        if text.split("\n\n").filter_map(parse).count() >= count {
            break;
        }
    }
    let mut events: Vec<Event> = text.split("\n\n").filter_map(parse).collect();
    events.truncate(count);
    events
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|(_, name, _)| name.as_str()).collect()
}

fn stream_of(events: &[Event]) -> String {
    events[0].0.split(':').next().unwrap().to_owned()
}

fn text(events: &[Event]) -> String {
    events
        .iter()
        .filter(|(_, name, _)| name == "delta")
        .map(|(.., data)| data["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_stream_says_what_the_answer_without_one_says() {
    let server = server().await;
    let whole: Value = server.ask("Qual o prazo?").send().await.unwrap().json().await.unwrap();
    let events = events(server.ask("Qual o prazo?"), usize::MAX).await;
    assert_eq!(names(&events), ["sources", "delta", "verdict", "final"]);
    assert_eq!(events.last().unwrap().2, whole);
    assert_eq!(text(&events), whole["answer"].as_str().unwrap());
    assert_eq!(events[0].2["sources"], whole["sources"]);
    let numbers: Vec<String> =
        (1..=events.len()).map(|seq| format!("{}:{seq}", stream_of(&events))).collect();
    assert_eq!(events.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), numbers);
}

#[tokio::test]
async fn cut_after_each_event_it_goes_on_to_the_same_end_on_this_node_and_on_another() {
    let memory = Arc::<SharedMemory>::default();
    let one = server_beside(limits(), Arc::clone(&memory)).await;
    let other = server_beside(limits(), memory).await;
    let whole = events(one.ask("long"), usize::MAX).await;
    let stream = stream_of(&whole);
    assert!(whole.len() > 8, "{whole:?}");
    for cut in 0..=whole.len() {
        for node in [&one, &other] {
            let seen = format!("{stream}:{cut}");
            let resumed = node.get(&format!("/v1/streams/{stream}")).header("last-event-id", seen);
            assert_eq!(events(resumed, usize::MAX).await, whole[cut..], "behind event {cut}");
        }
    }
}

#[tokio::test]
async fn whoever_names_no_event_of_the_stream_hears_it_from_the_first() {
    let server = server().await;
    let whole = events(server.ask("Qual o prazo?"), usize::MAX).await;
    let path = format!("/v1/streams/{}", stream_of(&whole));
    for named in ["", "3", "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11:2"] {
        let again = server.get(&path).header("last-event-id", named);
        assert_eq!(events(again, usize::MAX).await, whole, "{named:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_while_it_is_told_goes_on_where_it_was() {
    let server = server().await;
    let seen = events(server.ask("wait"), 1).await;
    assert_eq!(names(&seen), ["sources"]);
    let resumed =
        server.get(&format!("/v1/streams/{}", stream_of(&seen))).header("last-event-id", &seen[0].0);
    let rest = tokio::spawn(events(resumed, usize::MAX));
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.fake.0.release.notify_one();
    assert_eq!(names(&rest.await.unwrap()), ["delta", "verdict", "final"]);
    assert_eq!(server.fake.0.asked.lock().unwrap().len(), 1, "the question was asked once");
}

#[tokio::test]
async fn a_stream_whose_node_is_gone_is_told_by_another() {
    let memory = Arc::<SharedMemory>::default();
    let one = server_beside(limits(), Arc::clone(&memory)).await;
    let other = server_beside(limits(), Arc::clone(&memory)).await;
    let whole = events(one.ask("long"), usize::MAX).await;
    // As if the node had gone after its third event.
    drop(one);
    (4..=whole.len()).for_each(|seq| memory.forget(&seq.to_string()));
    memory.forget("alive");
    let seen = &whole[1].0;
    let resumed = other.get(&format!("/v1/streams/{}", stream_of(&whole))).header("last-event-id", seen);
    assert_eq!(events(resumed, usize::MAX).await, whole[2..]);
    assert_eq!(other.fake.0.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cancelled_stream_ends_its_work_at_once_from_any_node() {
    let memory = Arc::<SharedMemory>::default();
    let one = server_beside(limits(), Arc::clone(&memory)).await;
    let other = server_beside(limits(), memory).await;
    for node in [&one, &other] {
        let seen = events(one.ask("wait"), 1).await;
        let stream = format!("/v1/streams/{}", stream_of(&seen));
        let cancel = node.client.delete(format!("{}{stream}", node.url)).header("x-api-key", KEY);
        assert_eq!(cancel.send().await.unwrap().status(), 204);
        one.fake.0.cancelled.notified().await;
        let rest = events(one.get(&stream).header("last-event-id", &seen[0].0), usize::MAX).await;
        assert_eq!(names(&rest), ["error"]);
        assert_eq!(rest[0].2["code"], "cancelled");
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_before_a_stream_begins() {
    let server = server().await;
    let ask = |id: &str| {
        let request = server.post(&format!("/v1/documents/{id}/ask")).header("accept", "text/event-stream");
        request.json(&json!({ "question": "Qual o prazo?" }))
    };
    problem(ask(MISSING), 404, "document_not_found").await;
    problem(ask(READING), 422, "not_ready").await;
    problem(ask(FAILED), 422, "reading_failed").await;
    problem(server.get("/v1/streams/4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11"), 404, "stream_unknown").await;
    problem(server.get("/v1/stream"), 426, "upgrade_required").await;
}

#[tokio::test]
async fn what_fails_on_the_way_ends_the_stream_with_its_problem() {
    let server = server().await;
    for (question, code) in [("overloaded", "overloaded"), ("panic", "internal"), ("internal", "internal")] {
        let events = events(server.ask(question), usize::MAX).await;
        let (_, name, data) = events.last().unwrap();
        assert_eq!((name.as_str(), data["code"].as_str()), ("error", Some(code)));
        assert!(!data.to_string().contains("secret"), "{data}");
    }
}

#[tokio::test]
async fn beyond_the_bound_no_stream_begins() {
    let server = server_with(enabler_http::Limits { streams_max: 1, ..limits() }).await;
    let _first = events(server.ask("wait"), 1).await;
    problem(server.ask("Qual o prazo?").header("accept", "text/event-stream"), 503, "overloaded").await;
}

#[tokio::test]
async fn the_progress_of_a_document_ends_with_its_end() {
    let server = server().await;
    let ready = events(server.get(&format!("/v1/documents/{READY}/events")), usize::MAX).await;
    assert_eq!(names(&ready), ["ready"]);
    let failed = events(server.get(&format!("/v1/documents/{FAILED}/events")), usize::MAX).await;
    assert_eq!((names(&failed), failed[0].2["error_code"].as_str()), (vec!["failed"], Some("encrypted")));
    let reading = events(server.get(&format!("/v1/documents/{READING}/events")), 1).await;
    assert_eq!(reading[0].2["progress"]["pages_done"], 1);
    problem(server.get(&format!("/v1/documents/{MISSING}/events")), 404, "document_not_found").await;
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(server: &Server) -> Socket {
    let mut request =
        format!("{}/v1/stream", server.url.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", KEY.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_websocket_answers_many_questions_with_the_same_events() {
    let server = server().await;
    let mut socket = connect(&server).await;
    for id in ["a", "b"] {
        say(
            &mut socket,
            json!({ "type": "ask", "id": id, "document_id": READY, "question": "Qual o prazo?" }),
        )
        .await;
    }
    let mut heard = std::collections::BTreeMap::<String, Vec<Value>>::new();
    while heard.values().flatten().filter(|frame| frame["type"] == "final").count() < 2 {
        let frame = hear(&mut socket).await;
        heard.entry(frame["id"].as_str().unwrap().to_owned()).or_default().push(frame);
    }
    let whole = events(server.ask("Qual o prazo?"), usize::MAX).await;
    for frames in heard.values() {
        let told: Vec<(&str, &Value)> =
            frames.iter().map(|f| (f["type"].as_str().unwrap(), &f["data"])).collect();
        assert_eq!(told, whole.iter().map(|(_, name, data)| (name.as_str(), data)).collect::<Vec<_>>());
    }
    // What was begun here is gone on with there.
    let first = &heard["a"][0];
    let (stream, id) = (first["stream"].as_str().unwrap(), first["event_id"].as_str().unwrap());
    let rest =
        events(server.get(&format!("/v1/streams/{stream}")).header("last-event-id", id), usize::MAX).await;
    assert_eq!(rest, whole_of(&heard["a"])[1..]);
}

fn whole_of(frames: &[Value]) -> Vec<Event> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    frames.iter().map(|f| (text(&f["event_id"]), text(&f["type"]), f["data"].clone())).collect()
}

#[tokio::test]
async fn a_websocket_cancels_resumes_and_says_what_is_wrong() {
    let server = server().await;
    let mut socket = connect(&server).await;
    say(&mut socket, json!({ "type": "ask", "id": "w", "document_id": READY, "question": "wait" })).await;
    let sources = hear(&mut socket).await;
    assert_eq!(sources["type"], "sources");
    say(&mut socket, json!({ "type": "cancel", "stream": sources["stream"] })).await;
    server.fake.0.cancelled.notified().await;
    let end = hear(&mut socket).await;
    assert_eq!((end["type"].as_str(), end["data"]["code"].as_str()), (Some("error"), Some("cancelled")));
    say(&mut socket, json!({ "type": "resume", "id": "r", "last_event_id": sources["event_id"] })).await;
    let again = hear(&mut socket).await;
    assert_eq!((&again["id"], &again["data"]), (&json!("r"), &end["data"]));
    say(&mut socket, json!({ "type": "ask", "document_id": READY, "question": "ab" })).await;
    let wrong = hear(&mut socket).await;
    assert_eq!(wrong["data"]["violations"][0]["field"], "question");
    socket.send(Message::text("{")).await.unwrap();
    assert_eq!(hear(&mut socket).await["data"]["code"], "malformed_json");
    say(&mut socket, json!({ "type": "ask", "document_id": MISSING, "question": "Qual?" })).await;
    assert_eq!(hear(&mut socket).await["data"]["code"], "document_not_found");
}

#[tokio::test]
async fn each_question_over_a_websocket_belongs_to_the_trace_that_it_brings_or_to_one_of_its_own() {
    let server = server().await;
    let mut socket = connect(&server).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let brought = [json!(format!("00-{trace}-00f067aa0ba902b7-01")), Value::Null, json!("rubbish")];
    for traceparent in brought {
        let ask = json!({
            "type": "ask", "document_id": READY, "question": "Qual o prazo?", "traceparent": traceparent
        });
        say(&mut socket, ask).await;
        while hear(&mut socket).await["type"] != "final" {}
    }
    let asked = server.fake.0.asked.lock().unwrap();
    let ids: Vec<(&str, &str)> =
        asked.iter().map(|(_, context)| (&*context.trace_id, &*context.span_id)).collect();
    assert_eq!((ids.len(), ids[0].0), (3, trace));
    let traces: std::collections::BTreeSet<&str> = ids.iter().map(|(trace, _)| *trace).collect();
    let spans: std::collections::BTreeSet<&str> = ids.iter().map(|(_, span)| *span).collect();
    assert_eq!((traces.len(), spans.len()), (3, 3), "{ids:?}");
}

#[tokio::test]
async fn a_websocket_without_a_key_is_not_opened() {
    let server = server().await;
    let request = format!("{}/v1/stream", server.url.replace("http", "ws")).into_client_request().unwrap();
    match tokio_tungstenite::connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_beyond_the_bound_ends_its_connection_only() {
    let server = server().await;
    let mut socket = connect(&server).await;
    let _ = socket.send(Message::text("x".repeat(100_000))).await;
    loop {
        match socket.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            None | Some(Err(_) | Ok(Message::Close(_))) => break,
            Some(Ok(other)) => panic!("{other:?}"),
        }
    }
    assert_eq!(server.ask("Qual o prazo?").send().await.unwrap().status(), 200);
}
