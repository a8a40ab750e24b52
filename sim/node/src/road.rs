//! The way of a node to the object store, on which requests and answers are slow, lost, late or cut off.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::objects::{ETag, Head, Key, Listed, Object, ObjectStore, PutOutcome, StoreError};
use tokio::sync::oneshot;

use crate::book::{self, Event, Kind, Message};
use crate::bucket::{Bucket, Deed, Said};
use crate::gate::Gate;

/// How long a client of a bucket waits before it calls a request lost.
const GIVE_UP_MS: (u64, u64) = (500, 4_000);

/// What becomes of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    /// It never arrives.
    Lost,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is given up, and done this much later.
    Late(u64),
}

/// The way of one generation to the bucket.
pub(crate) struct Road {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) gate: Gate,
}

impl std::fmt::Debug for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Road({})", self.gate.id)
    }
}

fn unreachable(what: &str) -> StoreError {
    StoreError::Unreachable { what: what.to_owned() }
}

async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

impl Road {
    fn fate(&self, node: &str, deed: &Deed) -> Fate {
        let weather = self.bucket.weather(|weather| weather.clone());
        if weather.is_out || weather.cut_off.contains(node) {
            return Fate::Lost;
        }
        if !weather.is_rough {
            return Fate::Arrives;
        }
        let label = format!("fate {node}");
        match self.bucket.dice.draw(&label) % 1_000 {
            0..20 => Fate::Lost,
            20..60 => Fate::AnswerLost,
            60..70 if deed.changes() => Fate::Late(self.bucket.dice.between(&label, 200, 8_000)),
            _ => Fate::Arrives,
        }
    }

    /// One way of a request, in milliseconds.
    fn way_ms(&self, node: &str) -> u64 {
        let label = format!("way {node}");
        let is_rough = self.bucket.weather(|weather| weather.is_rough);
        match self.bucket.dice.draw(&label) % 1_000 {
            0..30 if is_rough => self.bucket.dice.between(&label, 200, 1_500),
            _ => self.bucket.dice.between(&label, 2, 15),
        }
    }

    /// Sends a request: once it is on its way it goes on, whatever becomes of the node.
    async fn send(&self, deed: Deed) -> Result<Said, StoreError> {
        self.gate.pass().await;
        let (bucket, node, words) = (self.bucket.clone(), self.gate.id.name.clone(), deed.words());
        let fate = self.fate(&node, &deed);
        let (there_ms, back_ms) = (self.way_ms(&node), self.way_ms(&node));
        let give_up_ms = bucket.dice.between(&format!("give up {node}"), GIVE_UP_MS.0, GIVE_UP_MS.1);
        let (way, takes_ms, how) = match fate {
            Fate::Arrives => (book::Fate::Arrives, there_ms, words.clone()),
            Fate::AnswerLost => (book::Fate::Arrives, there_ms, format!("{words}: {fate:?}")),
            Fate::Lost => (book::Fate::Lost, there_ms, format!("{words}: {fate:?}")),
            Fate::Late(ms) => (book::Fate::Late, give_up_ms + ms, format!("{words}: {fate:?}")),
        };
        let arrives_ms = bucket.book.now_ms() + takes_ms;
        let sent = bucket.book.write(Event {
            kind: Kind::Sends,
            who: node.clone(),
            what: how,
            message: Some(Message { to: "store".to_owned(), arrives_ms, fate: way }),
            ..Event::default()
        });
        let (answer, answered) = oneshot::channel();
        if fate != Fate::Lost {
            tokio::spawn(async move {
                wait(if let Fate::Late(ms) = fate { give_up_ms + ms } else { there_ms }).await;
                let changes = deed.changes();
                let said = bucket.answer(&node, deed);
                let is_refused = matches!(said, Said::Put(PutOutcome::Exists | PutOutcome::Changed));
                let how = if is_refused { "refused" } else { "done" };
                bucket.book.write(Event {
                    who: "store".to_owned(),
                    what: format!("{words} of {node}: {how}"),
                    cause: Some(sent),
                    ..Event::default()
                });
                if fate != Fate::Arrives && changes && !is_refused {
                    bucket.book.sometimes("a write was applied and its answer lost");
                }
                if fate == Fate::Arrives {
                    wait(back_ms).await;
                    let _ = answer.send(said);
                }
            });
        }
        let said = match fate {
            Fate::Arrives => answered.await.map_err(|_| unreachable("the run is over")),
            _ => {
                wait(give_up_ms).await;
                Err(unreachable("no answer (drawn)"))
            }
        };
        self.gate.pass().await;
        said
    }

    async fn put(&self, deed: Deed) -> PutOutcome {
        match self.send(deed).await {
            Ok(Said::Put(outcome)) => outcome,
            Ok(_) => PutOutcome::Unknown(unreachable("an answer to another question")),
            Err(error) => PutOutcome::Unknown(error),
        }
    }
}

#[async_trait]
impl ObjectStore for Road {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.put(Deed::PutNew(key.clone(), bytes)).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.put(Deed::PutIf(key.clone(), etag.clone(), bytes)).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        match tokio::fs::read(file).await {
            Ok(bytes) => self.put_new(key, bytes.into()).await,
            Err(error) => PutOutcome::Unknown(StoreError::Io {
                doing: "reading",
                path: file.to_path_buf(),
                source: Arc::new(error),
            }),
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        match self.send(Deed::Get(key.clone())).await? {
            Said::Object(found) => Ok(found),
            _ => Err(unreachable("an answer to another question")),
        }
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let Some(object) = self.get(key).await? else { return Ok(None) };
        let size_bytes = object.bytes.len() as u64;
        let (from, to) = (usize::try_from(range.start), usize::try_from(range.end));
        match (from, to) {
            (Ok(from), Ok(to)) if from <= to && range.end <= size_bytes => {
                Ok(Some(object.bytes.slice(from..to)))
            }
            _ => Err(StoreError::Range { key: key.clone(), start: range.start, end: range.end, size_bytes }),
        }
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        match self.send(Deed::Head(key.clone())).await? {
            Said::Head(found) => Ok(found),
            _ => Err(unreachable("an answer to another question")),
        }
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let deed = Deed::List { prefix: prefix.to_owned(), after: after.cloned(), limit };
        match self.send(deed).await? {
            Said::List(found) => Ok(found),
            _ => Err(unreachable("an answer to another question")),
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        match self.send(Deed::Delete(key.clone())).await? {
            Said::Deleted => Ok(()),
            _ => Err(unreachable("an answer to another question")),
        }
    }
}
