//! How long a client of one shard had to wait.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use reqwest::StatusCode;
use tokio::time::Instant;

use crate::book::{Book, Known, Wrong};
use crate::door::{Door, STUCK_AFTER, Said};
use crate::error::LiveError;
use crate::load::{Load, open};
use crate::truth::Truth;

/// The pause between two tries of a client that was not served.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// One try of a client that comes back soon rather than waits.
const TRY_MAX: Duration = Duration::from_secs(5);

/// How long a reader and a writer were not served; `None` when they never were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Of a reader.
    pub read: Option<Duration>,
    /// Of a writer.
    pub write: Option<Duration>,
}

impl Outcome {
    /// What never succeeded.
    pub fn stuck(&self) -> impl Iterator<Item = &'static str> {
        let both = [(self.read, "a read"), (self.write, "an upload")];
        both.into_iter().filter(|(time, _)| time.is_none()).map(|(_, what)| what)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Option<Duration>| {
            time.map_or_else(|| "never".to_owned(), |time| format!("{} ms", time.as_millis()))
        };
        write!(f, "read {}, upload {}", ms(self.read), ms(self.write))
    }
}

/// A client of one shard.
pub(crate) struct Probe {
    /// Documents of the shard that are not deleted now, with their numbers.
    papers: Vec<(usize, String)>,
    book: Arc<Mutex<Book>>,
    truth: Truth,
    shard: u32,
    chance: SeededChance,
}

impl Probe {
    pub(crate) fn of(load: &Load, truth: &Truth, shard: u32, seed: u64) -> Self {
        let book = load.book();
        let all =
            book.all(Known::Accepted).into_iter().map(|number| (number, book.papers[number].id.clone()));
        let papers = all.filter(|(_, id)| truth.shard_of(id) == Some(shard)).collect();
        let (truth, chance) = (truth.clone(), SeededChance::new(seed));
        Self { papers, book: load.shared(), truth, shard, chance }
    }

    fn door<'a>(&self, doors: &'a [Door]) -> Option<&'a Door> {
        let open: Vec<&Door> = doors.iter().filter(|door| door.is_open()).collect();
        open.get((self.chance.next_u64() % open.len().max(1) as u64) as usize).copied()
    }

    async fn read(&self, doors: &[Door]) -> bool {
        let paper = self.papers.get((self.chance.next_u64() % self.papers.len().max(1) as u64) as usize);
        let (Some((number, id)), Some(door)) = (paper, self.door(doors)) else { return false };
        let fine = |said: &Said| matches!(said.status, StatusCode::OK | StatusCode::NOT_FOUND);
        let said = self.tried("probe read", door, door.document(id), fine).await;
        let is_gone = said.as_ref().is_some_and(|said| said.status == StatusCode::NOT_FOUND);
        let mut book = open(&self.book);
        // It may be deleted meanwhile; that it is gone was found out all the same.
        if is_gone && book.papers[*number].known == Known::Accepted {
            book.violate(Wrong::Lost, format!("{id} was acknowledged, and {} does not know it", door.name));
        }
        said.is_some()
    }

    /// What is said to one try in time, if it is fine.
    async fn tried(
        &self,
        what: &'static str,
        door: &Door,
        request: impl Future<Output = Option<Said>>,
        is_fine: impl Fn(&Said) -> bool,
    ) -> Option<Said> {
        let sent = Instant::now();
        let said = tokio::time::timeout(TRY_MAX, request).await.ok().flatten();
        let fine = said.as_ref().is_some_and(is_fine);
        open(&self.book).told(what, door, said.as_ref(), sent, if fine { "answered" } else { "disturbed" });
        said.filter(|_| fine)
    }

    /// Uploads a document that no client deletes, so that there is always something to read; whether it was taken.
    pub(crate) async fn lay_in(&self, doors: &[Door]) -> bool {
        let (number, time) = self.written(doors).await;
        open(&self.book).papers[number].is_kept = true;
        time.is_some()
    }

    /// The number of a new document, and the time until it is taken.
    async fn written(&self, doors: &[Door]) -> (usize, Option<Duration>) {
        let mark = self.chance.next_u64();
        let line = format!("A sonda numero {mark} passou pela pasta do condominio.");
        let bytes = self.truth.paper(&line, Some(self.shard), &self.chance);
        let name = format!("sonda-{mark:016x}.pdf");
        let number = open(&self.book).send(name.clone(), line);
        let taken = async || {
            let Some(door) = self.door(doors) else { return false };
            let fine = |said: &Said| said.status == StatusCode::ACCEPTED;
            let said = self.tried("probe upload", door, door.upload(&name, bytes.clone()), fine).await;
            let Some(said) = said else { return false };
            open(&self.book).accept(number, &said);
            true
        };
        (number, self.first(taken).await)
    }

    async fn first(&self, mut attempt: impl AsyncFnMut() -> bool) -> Option<Duration> {
        let began = Instant::now();
        while !attempt().await {
            if began.elapsed() > STUCK_AFTER {
                return None;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        Some(began.elapsed())
    }

    /// The time to the first success from now on.
    pub(crate) async fn first_success(&self, doors: &[Door]) -> Outcome {
        let reading = self.first(async || self.read(doors).await);
        let (read, (_, write)) = tokio::join!(reading, self.written(doors));
        Outcome { read, write }
    }

    /// As [`Self::first_success`]; the cause heals after `time` whether there was a success before or not.
    pub(crate) async fn first_success_while(
        &self,
        doors: &[Door],
        time: Duration,
        heal: impl Future<Output = Result<(), LiveError>>,
    ) -> Result<Outcome, LiveError> {
        let healing = async {
            tokio::time::sleep(time).await;
            heal.await
        };
        let (outcome, healed) = tokio::join!(self.first_success(doors), healing);
        healed.map(|()| outcome)
    }

    /// The slowest of the requests that were sent while `event` lasted.
    pub(crate) async fn slowest_during(
        &self,
        doors: &[Door],
        event: impl Future<Output = Result<(), LiveError>>,
    ) -> Result<Outcome, LiveError> {
        let is_over = Cell::new(false);
        let work = async {
            let mut slowest = self.first_success(doors).await;
            while !is_over.get() {
                tokio::time::sleep(TRY_AGAIN).await;
                let now = self.first_success(doors).await;
                let longer = |before: Option<Duration>, now: Option<Duration>| Some(before?.max(now?));
                slowest =
                    Outcome { read: longer(slowest.read, now.read), write: longer(slowest.write, now.write) };
            }
            slowest
        };
        let ending = async {
            let outcome = event.await;
            is_over.set(true);
            outcome
        };
        // What was sent before the end is waited for: it is the slowest when the event holds it up.
        let (outcome, slowest) = tokio::join!(ending, work);
        outcome.map(|()| slowest)
    }
}
