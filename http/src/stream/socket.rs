//! Streams over a WebSocket: many questions on one connection, each with the events of a stream.
//!
//! A client sends `{"type": "ask", "id", "document_id", "question", …}`, `{"type": "resume", "id", "last_event_id"}` or
//! `{"type": "cancel", "stream"}`; `id` is his own word for a question and comes back with each of its events. Each may
//! bring a `traceparent`, as a request does in its headers.

use std::sync::Arc;
use std::time::Duration;

use enabler_telemetry::trace::Within;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use warp::http::{HeaderMap, StatusCode};
use warp::ws::{Message as Frame, WebSocket};

use super::event::Event;
use super::sse::HEARTBEAT;
use super::{EventId, Follower, Streams};
use crate::ask::Ask;
use crate::context::Context;
use crate::error::{ApiError, Queue, Violation};
use crate::message::Message;
use crate::problem::Problem;
use crate::request;
use crate::service::Service;
use crate::upload::Refusal;

/// The longest message of a client.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Questions in work on one connection.
const QUESTIONS_MAX: usize = 8;
/// Events that wait for a slow client.
const WAITING_MAX: usize = 32;
/// How long one event may wait for a client that reads nothing.
const UNREAD_MAX: Duration = Duration::from_secs(30);
/// How long a connection may be without a word of the client, not even a pong.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// The longest word that a client may use for a question.
const ID_CHARS_MAX: usize = 64;
/// When a client should ask again who has too many questions in work.
const RETRY_SECONDS: u64 = 1;

/// What a client wants.
enum Wish {
    Ask { document: Uuid, fields: Map<String, Value> },
    Resume(EventId),
    Cancel(Uuid),
}

impl Wish {
    fn name(&self) -> &'static str {
        match self {
            Wish::Ask { .. } => "ask",
            Wish::Resume(_) => "resume",
            Wish::Cancel(_) => "cancel",
        }
    }
}

/// A client's message.
struct Said {
    /// His word for the question.
    id: Option<String>,
    /// The trace that he wants it to belong to.
    traceparent: Option<String>,
    wish: Wish,
}

/// Whoever is connected, and what his questions need.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) service: Arc<Service>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) context: Context,
    /// The headers that he came in with; they let each of his questions in.
    pub(crate) headers: HeaderMap,
    pub(crate) question_chars_max: usize,
}

/// Serves one connection until either side ends it.
pub(crate) async fn serve(guest: Guest, socket: WebSocket) {
    let (sink, mut frames) = socket.split();
    let (sender, outgoing) = mpsc::channel(WAITING_MAX);
    let writer = tokio::spawn(write(sink, outgoing));
    let connection = Connection { guest, sender };
    let mut questions = tokio::task::JoinSet::new();
    let mut heard = Instant::now();
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame,
            () = connection.sender.closed() => break,
            Some(_) = questions.join_next() => continue,
            () = sleep(HEARTBEAT) => {
                if heard.elapsed() > SILENT_MAX || connection.sender.try_send(Frame::ping(Vec::new())).is_err() {
                    break;
                }
                continue;
            }
        };
        heard = Instant::now();
        match frame {
            Some(Ok(frame)) if frame.is_text() || frame.is_binary() => {
                let text = frame.as_bytes().to_vec();
                if questions.len() >= QUESTIONS_MAX {
                    let retry_after_seconds = RETRY_SECONDS;
                    let error = ApiError::Overloaded { queue: Queue::Questions, retry_after_seconds };
                    connection.refuse(None, error.into()).await;
                    continue;
                }
                let connection = connection.clone();
                questions.spawn(async move { connection.answer(&text).await });
            }
            Some(Ok(frame)) if frame.is_close() => break,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    // Its questions lose their listener: a client that comes back in time resumes them.
    questions.abort_all();
    drop(connection);
    let _ = writer.await;
}

async fn write(mut sink: SplitSink<WebSocket, Frame>, mut outgoing: mpsc::Receiver<Frame>) {
    while let Some(frame) = outgoing.recv().await {
        if !matches!(timeout(UNREAD_MAX, sink.send(frame)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = timeout(UNREAD_MAX, sink.close()).await;
}

#[derive(Clone)]
struct Connection {
    guest: Guest,
    sender: mpsc::Sender<Frame>,
}

impl Connection {
    /// Answers one message, a request of its own.
    async fn answer(mut self, text: &[u8]) {
        let said = match read(text) {
            Ok(said) => said,
            Err(problem) => {
                self.refuse(None, problem.into()).await;
                return;
            }
        };
        let began = Instant::now();
        let Guest { service, context, headers, .. } = &self.guest;
        let (context, span) =
            service.message(headers, said.wish.name(), said.traceparent.as_deref(), context);
        self.guest.context = context;
        let work = self.grant(said.id.as_deref(), said.wish);
        let status = Within::of(span.place(), work).await;
        self.guest.service.message_ended(&self.guest.context, span, began.elapsed(), status);
    }

    /// Does what a client wants; gives the status that says over HTTP how that went.
    async fn grant(&self, id: Option<&str>, wish: Wish) -> u16 {
        let Guest { streams, context, .. } = &self.guest;
        let begun = match wish {
            Wish::Ask { document, fields } => match self.asked(&fields).await {
                Ok(ask) => streams.begin(context, document, ask).await.map_err(Refusal::from),
                Err(problem) => Err(problem.into()),
            },
            Wish::Resume(from) => streams.resume(context, from).await.map(|follower| (from.stream, follower)),
            Wish::Cancel(stream) => match streams.cancel(context, stream).await {
                Ok(()) => return StatusCode::NO_CONTENT.as_u16(),
                Err(problem) => Err(problem.into()),
            },
        };
        match begun {
            Ok((stream, follower)) => self.tell(id, stream, follower).await,
            Err(refusal) => self.refuse(id, refusal).await,
        }
    }

    async fn asked(&self, fields: &Map<String, Value>) -> Result<Ask, Problem> {
        let Guest { service, context, headers, question_chars_max, .. } = &self.guest;
        service.admit(headers, context.address).await?;
        request::ask(fields, *question_chars_max)
    }

    /// Tells all events of a stream; gives the status that says how that went.
    async fn tell(&self, id: Option<&str>, stream: Uuid, mut follower: Follower) -> u16 {
        let mut status = StatusCode::OK.as_u16();
        loop {
            match follower.next().await {
                Ok(Some((seq, event))) => {
                    if event.name == "error" {
                        let said = event.data["status"].as_u64().and_then(|said| u16::try_from(said).ok());
                        status = said.unwrap_or(status);
                    }
                    let place = Some(EventId { stream, seq });
                    if self.sender.send(frame(id, place, &event)).await.is_err() {
                        return status;
                    }
                }
                Ok(None) => return status,
                Err(error) => return self.refuse(id, error.into()).await,
            }
        }
    }

    /// Says why not; gives the status that says so over HTTP.
    async fn refuse(&self, id: Option<&str>, refusal: Refusal) -> u16 {
        let problem = match refusal {
            Refusal::Problem(problem) => problem,
            Refusal::Api(error) => Problem::from_api(error, &self.guest.context.request_id, 0),
        };
        let body = problem.body(self.guest.context.language, "/v1/stream", &self.guest.context.request_id);
        let _ = self.sender.send(frame(id, None, &Event::error(body))).await;
        problem.kind.status().as_u16()
    }
}

fn frame(id: Option<&str>, place: Option<EventId>, event: &Event) -> Frame {
    let text = json!({
        "type": event.name,
        "id": id,
        "stream": place.map(|place| place.stream),
        "seq": place.map(|place| place.seq),
        "event_id": place.map(|place| place.to_string()),
        "data": event.data,
    });
    Frame::text(text.to_string())
}

fn read(text: &[u8]) -> Result<Said, Problem> {
    let mut fields = request::json_object(text)?;
    let id = match fields.remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if id.chars().count() <= ID_CHARS_MAX => Some(id),
        Some(_) => return Err(Problem::field("id", Message::FieldTooLong { limit: ID_CHARS_MAX })),
    };
    let traceparent = match fields.remove("traceparent") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(Problem::field("traceparent", Message::NotText)),
    };
    let mut text = |name: &'static str| match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(Violation { field: name, message: Message::FieldMissing }),
        Some(_) => Err(Violation { field: name, message: Message::NotText }),
    };
    let one = |violation| Problem::invalid(vec![violation]);
    let wish = match text("type").map_err(one)?.as_str() {
        "ask" => {
            let document = text("document_id").map_err(one)?;
            let document = Uuid::try_parse(&document).map_err(|_| {
                let id = document.chars().take(60).collect();
                Problem::field("document_id", Message::DocumentIdMalformed { id })
            })?;
            Wish::Ask { document, fields }
        }
        "resume" => {
            let last = text("last_event_id").map_err(one)?;
            Wish::Resume(EventId::read(&last).ok_or_else(|| {
                let got = last.chars().take(60).collect();
                Problem::field("last_event_id", Message::EventIdMalformed { got })
            })?)
        }
        "cancel" => {
            let stream = text("stream").map_err(one)?;
            Wish::Cancel(Uuid::try_parse(&stream).map_err(|_| {
                let stream = stream.chars().take(60).collect();
                Problem::field("stream", Message::StreamUnknown { stream })
            })?)
        }
        other => {
            let got = other.chars().take(40).collect();
            let allowed = "ask, resume, cancel".to_owned();
            return Err(Problem::field("type", Message::NotOneOf { allowed, got }));
        }
    };
    Ok(Said { id, traceparent, wish })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_message_makes_it_panic(text in ".{0,120}") {
            let _ = read(text.as_bytes());
        }
    }

    #[test]
    fn each_wrong_message_says_what_is_wrong() {
        for (text, field) in [
            (r#"{"question": "Qual?"}"#, "type"),
            (r#"{"type": "tell"}"#, "type"),
            (r#"{"type": "ask", "question": "Qual?"}"#, "document_id"),
            (r#"{"type": "ask", "document_id": "x"}"#, "document_id"),
            (r#"{"type": "resume", "traceparent": 3}"#, "traceparent"),
            (r#"{"type": "resume", "last_event_id": "x"}"#, "last_event_id"),
            (r#"{"type": "cancel", "stream": 3}"#, "stream"),
        ] {
            let problem = read(text.as_bytes()).err().unwrap();
            assert_eq!(problem.violations.first().map(|one| one.field), Some(field), "{text}");
        }
    }
}
