//! A stream as server-sent events.
//!
//! Source: HTML Living Standard, section 9.2.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use enabler_telemetry::metrics;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use warp::Reply as _;
use warp::http::{HeaderMap, HeaderValue, header};
use warp::reply::Response;

use super::event::Event;
use super::{EventId, Follower};
use crate::context::Context;
use crate::problem::Problem;
use crate::silence::Work;

/// The longest silence: shorter than the minute after which proxies take a connection for dead.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);
/// Events that wait for a slow client.
const WAITING_MAX: usize = 16;
/// How long one event may wait for a client that reads nothing.
const UNREAD_MAX: Duration = Duration::from_secs(30);
/// What a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// What is done when the last of a stream was sent or its client has gone: how long it took is counted, and its connection
/// has nothing in work any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(Arc<Ends>);

#[derive(Debug, Default)]
struct Ends {
    told: OnceLock<Told>,
    work: OnceLock<Work>,
}

/// A request by its route and its beginning; it is over when this is dropped.
#[derive(Debug)]
struct Told(&'static str, Instant);

impl Drop for Told {
    fn drop(&mut self) {
        metrics::HTTP_SECONDS.took([self.0], self.1.elapsed());
    }
}

impl Ending {
    /// The request on this route began at `began`.
    pub(crate) fn times(&self, route: &'static str, began: Instant) {
        let _ = self.0.told.set(Told(route, began));
    }

    /// `work` is done no sooner than this.
    pub(crate) fn keeps(&self, work: Work) {
        let _ = self.0.work.set(work);
    }
}

/// Whether the client wants events rather than one answer.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|range| {
        range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
    })
}

/// The event that the client saw last. One that does not say, or names an event of another stream, hears all from the
/// first on: to hear something twice is better than to miss it.
pub(crate) fn last_seen(headers: &HeaderMap, stream: Uuid) -> EventId {
    let said = headers.get("last-event-id").and_then(|value| EventId::read(value.to_str().ok()?));
    said.filter(|id| id.stream == stream).unwrap_or(EventId { stream, seq: 0 })
}

/// One event as its lines.
pub(crate) fn lines(id: &str, event: &Event) -> Bytes {
    // JSON has no line breaks of its own, so one line of data carries it whole.
    format!("id: {id}\nevent: {}\ndata: {}\n\n", event.name, event.data).into()
}

/// The answer that tells a stream as it happens.
pub(crate) fn reply(context: &Context, stream: Uuid, mut follower: Follower) -> Response {
    let (sender, response) = body();
    let context = context.clone();
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = follower.next() => next,
                () = sleep(HEARTBEAT) => {
                    if !send(&sender, beat()).await {
                        return;
                    }
                    continue;
                }
                () = sender.closed() => return,
            };
            let bytes = match next {
                Ok(Some((seq, event))) => lines(&EventId { stream, seq }.to_string(), &event),
                Ok(None) => return,
                Err(error) => {
                    let problem = Problem::from_api(error, &context.request_id, 0);
                    let path = format!("/v1/streams/{stream}");
                    let event = Event::error(problem.body(context.language, &path, &context.request_id));
                    let _ = send(&sender, lines("", &event)).await;
                    return;
                }
            };
            if !send(&sender, bytes).await {
                return;
            }
        }
    });
    response
}

/// A response whose body is what is sent, and the way to send it.
pub(crate) fn body() -> (mpsc::Sender<Bytes>, Response) {
    let (sender, mut events) = mpsc::channel::<Bytes>(WAITING_MAX);
    let begin = Bytes::from(format!("retry: {RETRY_MS}\n\n"));
    let (mut begin, ending) = (Some(begin), Ending::default());
    let until = ending.clone();
    let body = stream::poll_fn(move |cx| {
        let _until = &until;
        match begin.take() {
            Some(begin) => std::task::Poll::Ready(Some(begin)),
            None => events.poll_recv(cx),
        }
    });
    let body = futures_util::StreamExt::map(body, Ok::<_, std::convert::Infallible>);
    let mut response = warp::reply::stream(body).into_response();
    response.extensions_mut().insert(ending);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    // Without it nginx collects an answer before it passes it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (sender, response)
}

/// A line that means nothing and keeps the connection.
pub(crate) fn beat() -> Bytes {
    Bytes::from_static(b": beat\n\n")
}

/// Sends `bytes`; whether the client still reads.
pub(crate) async fn send(sender: &mpsc::Sender<Bytes>, bytes: Bytes) -> bool {
    matches!(timeout(UNREAD_MAX, sender.send(bytes)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_block_of_lines_whatever_it_says() {
        let event = Event { name: "delta", data: json!({ "text": "um\r\n\ndois\u{2028}" }) };
        let text = String::from_utf8(lines("s:3", &event).to_vec()).unwrap();
        assert!(text.starts_with("id: s:3\nevent: delta\ndata: {") && text.ends_with("}\n\n"), "{text}");
        assert_eq!(text.trim_end().lines().count(), 3);
    }

    #[test]
    fn events_are_wanted_by_whoever_names_them() {
        for (accept, wanted) in [
            ("text/event-stream", true),
            ("application/json, text/event-stream;q=0.5", true),
            ("application/json", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(is_wanted(&headers), wanted, "{accept}");
        }
    }
}
