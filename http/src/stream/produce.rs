//! Produces one stream: has the question answered, says what is known as soon as it is, and leaves it for those who were
//! cut off.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_telemetry::{metrics, trace};
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::event::{self, Event};
use super::live::{Listener, Live, Opened};
use super::{Streams, note};
use crate::ask::{Answer, Ask};
use crate::context::Context;
use crate::error::{ApiError, Queue};
use crate::message::Message;
use crate::problem::{Kind, Problem};

/// How long a stream that nobody hears goes on: a client that was cut off is back within seconds, one that left is not.
const UNHEARD_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether passages were found, or somebody ended the stream on another node.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How often a producer shows that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How long such a sign counts.
const BEAT_TTL: Duration = Duration::from_secs(4);
/// How long a stream can be gone on with after its last event.
pub(crate) const KEPT: Duration = Duration::from_secs(300);
/// When a client should come back after every place for a stream was taken.
const RETRY_SECONDS: u64 = 2;

/// A question that is answered by a stream, as it is kept for another node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) document: Uuid,
    pub(crate) ask: Ask,
}

/// Begins the stream `id`, or listens to it when this node produces it already.
///
/// # Errors
/// When every place for a stream is taken.
pub(crate) fn begin(
    streams: &Arc<Streams>,
    context: &Context,
    id: Uuid,
    question: Question,
) -> Result<Listener, ApiError> {
    let overloaded = || ApiError::Overloaded { queue: Queue::Requests, retry_after_seconds: RETRY_SECONDS };
    let opened = streams.table.open(id, &context.tenant);
    if opened.is_none() {
        metrics::HTTP_REFUSED.one(["streams_max"]);
    }
    match opened.ok_or_else(overloaded)? {
        Opened::UnderWay(listener) => Ok(listener),
        Opened::Fresh(live, listener) => {
            // Whoever asked may be cut off: the work is the stream's own and ends with it.
            let deadline = Instant::now() + streams.time_max;
            let context = Context { cancel: live.cancel.clone().into(), deadline, ..context.clone() };
            let streams = Arc::clone(streams);
            tokio::spawn(trace::step("stream", async move {
                let _told = metrics::HTTP_STREAMS.held([]);
                let work = Producer { streams: &streams, live: &live, context: &context, id };
                if AssertUnwindSafe(work.run(question)).catch_unwind().await.is_err() {
                    tracing::error!(request_id = &*context.request_id, "a stream panicked");
                    live.say(work.problem(&Problem::internal(&context.request_id)));
                }
                streams.table.close(id);
            }));
            Ok(listener)
        }
    }
}

#[derive(Clone, Copy)]
struct Producer<'a> {
    streams: &'a Streams,
    live: &'a Live,
    context: &'a Context,
    id: Uuid,
}

impl Producer<'_> {
    async fn run(self, question: Question) {
        if let Ok(kept) = serde_json::to_vec(&question) {
            let key = note(self.context, None, self.id, "question");
            self.streams.memory.keep(&key, kept.into(), KEPT + self.streams.time_max).await;
        }
        let document = question.document;
        let include_sources = question.ask.include_sources;
        let answered = self.answered(document, question.ask);
        let outcome = tokio::select! {
            outcome = timeout_at(self.context.deadline, answered) => outcome.unwrap_or(Err(ApiError::Deadline)),
            () = self.context.cancel.token().cancelled() => {
                let cancelled = Problem::new(Kind::Cancelled, Message::Cancelled);
                return self.say(document, self.problem(&cancelled)).await;
            }
        };
        match outcome {
            Ok(mut answer) => {
                if !include_sources {
                    answer.sources.clear();
                } else if self.live.count() == 0 {
                    self.say(document, Event::sources(&answer.sources)).await;
                }
                for event in event::of_answer(&answer) {
                    self.say(document, event).await;
                }
            }
            Err(error) => {
                if matches!(error, ApiError::Internal { .. }) {
                    let (error, request_id) = (&error as &dyn std::error::Error, &*self.context.request_id);
                    tracing::error!(request_id, error, "a stream failed");
                }
                let seconds = self.streams.time_max.as_secs();
                let problem = Problem::from_api(error, &self.context.request_id, seconds);
                self.say(document, self.problem(&problem)).await;
            }
        }
    }

    /// The answer; meanwhile the passages are said as soon as they are found, and whoever is gone for good is noticed.
    async fn answered(self, document: Uuid, ask: Ask) -> Result<Answer, ApiError> {
        let include_sources = ask.include_sources;
        let ask = Ask { stream: Some(self.id), ..ask };
        let mut answering = self.streams.api.ask(self.context, document, ask);
        let (mut heard, mut beaten) = (Instant::now(), None::<Instant>);
        loop {
            tokio::select! {
                answer = &mut answering => return answer,
                () = sleep(LOOK_EVERY) => {}
            }
            if self.live.is_heard() {
                heard = Instant::now();
            } else if heard.elapsed() > UNHEARD_MAX {
                self.context.cancel.fire();
            }
            if include_sources && self.live.count() == 0 {
                let found = self.streams.api.found(self.context, document, self.id).await;
                if let Some(found) = found {
                    self.say(document, Event::sources(&found)).await;
                }
            }
            if beaten.is_none_or(|at| at.elapsed() >= BEAT_EVERY) {
                beaten = Some(Instant::now());
                let alive = note(self.context, None, self.id, "alive");
                self.streams.memory.keep(&alive, Bytes::from_static(b"1"), BEAT_TTL).await;
                let ended = note(self.context, None, self.id, "ended");
                if self.streams.memory.recall(&[ended]).await.iter().any(Option::is_some) {
                    self.context.cancel.fire();
                }
            }
        }
    }

    /// Says `event` to those who listen, then leaves it for those who do not.
    async fn say(self, document: Uuid, event: Event) {
        let bytes = event.to_bytes();
        let seq = self.live.say(event);
        let key = note(self.context, Some(document), self.id, &seq.to_string());
        self.streams.memory.keep(&key, bytes.into(), KEPT).await;
    }

    fn problem(self, problem: &Problem) -> Event {
        metrics::ERRORS.one([problem.kind.code()]);
        let path = format!("/v1/streams/{}", self.id);
        Event::error(problem.body(self.context.language, &path, &self.context.request_id))
    }
}
