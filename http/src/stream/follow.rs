//! Follows a stream from some event on, wherever it is produced, and takes it over when its node is gone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::event::Event;
use super::live::Listener;
use super::produce::{self, Question};
use super::{Streams, note};
use crate::context::Context;
use crate::error::ApiError;

/// How often it is looked what another node has said.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long another node may show no sign of life before its stream is produced here.
const SILENT_MAX: Duration = Duration::from_secs(3);
/// Events fetched at one time.
const FETCH_MAX: u64 = 32;

/// A place in a stream.
pub(crate) struct Follower {
    streams: Arc<Streams>,
    context: Context,
    id: Uuid,
    question: Question,
    next: u64,
    fetched: VecDeque<Event>,
    here: Option<Listener>,
    silent_since: Option<Instant>,
    is_over: bool,
}

impl Follower {
    /// Follows the stream `id` behind event `seq`; `here` when this node produces it.
    pub(crate) fn new(
        streams: &Arc<Streams>,
        context: &Context,
        id: Uuid,
        question: Question,
        seq: u64,
        here: Option<Listener>,
    ) -> Self {
        let streams = Arc::clone(streams);
        let context = context.clone();
        Self {
            streams,
            context,
            id,
            question,
            next: seq.saturating_add(1),
            fetched: VecDeque::new(),
            here,
            silent_since: None,
            is_over: false,
        }
    }

    /// Follows nothing: the client saw the last event.
    pub(crate) fn ended(self) -> Self {
        Self { is_over: true, ..self }
    }

    /// The next event with its number; `None` behind the last. Dropped half-way it loses nothing.
    ///
    /// # Errors
    /// When the stream must be produced here and there is no place for it.
    pub(crate) async fn next(&mut self) -> Result<Option<(u64, Event)>, ApiError> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            let event = match (&mut self.here, self.fetched.pop_front()) {
                (_, Some(event)) => event,
                (Some(here), None) => match here.hear(self.next).await {
                    Some(event) => event,
                    None => {
                        self.is_over = true;
                        return Ok(None);
                    }
                },
                (None, None) => {
                    self.look().await?;
                    continue;
                }
            };
            let seq = self.next;
            self.next += 1;
            self.is_over = event.is_last();
            return Ok(Some((seq, event)));
        }
    }

    /// Looks what another node has said since; takes its stream over when it shows no sign of life.
    async fn look(&mut self) -> Result<(), ApiError> {
        let document = Some(self.question.document);
        let mut keys: Vec<_> = (self.next..self.next.saturating_add(FETCH_MAX))
            .map(|seq| note(&self.context, document, self.id, &seq.to_string()))
            .collect();
        keys.push(note(&self.context, None, self.id, "alive"));
        let mut found = self.streams.memory.recall(&keys).await;
        let is_alive = found.pop().flatten().is_some();
        let events = found.into_iter().map_while(|bytes| Event::from_bytes(&bytes?));
        self.fetched.extend(events);
        if !self.fetched.is_empty() {
            self.silent_since = None;
            return Ok(());
        }
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        if is_alive {
            self.silent_since = None;
        } else if since.elapsed() >= SILENT_MAX {
            // The answer to the same question is the same, and so is the number of each of its events.
            self.here = Some(produce::begin(&self.streams, &self.context, self.id, self.question.clone())?);
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
        Ok(())
    }
}
