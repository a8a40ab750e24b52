//! How long a client of one shard had to wait.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use reqwest::StatusCode;
use tokio::time::Instant;

use crate::cluster::book::{Book, Known};
use crate::cluster::door::{Door, STUCK_AFTER};
use crate::cluster::load::Load;
use crate::cluster::truth::Truth;

/// The pause between two tries of a client that was not served.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// One try of a client that comes back soon rather than waits.
const TRY_MAX: Duration = Duration::from_secs(5);

/// How long a reader and a writer were not served; `None` when they never were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    read: Option<Duration>,
    write: Option<Duration>,
}

impl Outcome {
    /// What never succeeded.
    pub(super) fn stuck(&self) -> impl Iterator<Item = &'static str> {
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
pub(super) struct Probe {
    /// Documents of the shard that are not deleted now.
    ids: Vec<String>,
    book: Arc<Mutex<Book>>,
    truth: Truth,
    shard: u32,
    chance: SeededChance,
}

impl Probe {
    pub(super) fn of(load: &Load, truth: &Truth, shard: u32, seed: u64) -> Self {
        let book = load.book();
        let all = book.all(Known::Accepted).into_iter().map(|number| book.papers[number].id.clone());
        let ids = all.filter(|id| truth.shard_of(id) == shard).collect();
        let (truth, chance) = (truth.clone(), SeededChance::new(seed));
        Self { ids, book: load.shared(), truth, shard, chance }
    }

    fn door<'a>(&self, doors: &'a [Door]) -> Option<&'a Door> {
        let open: Vec<&Door> = doors.iter().filter(|door| door.is_open()).collect();
        open.get((self.chance.next_u64() % open.len().max(1) as u64) as usize).copied()
    }

    async fn read(&self, doors: &[Door]) -> bool {
        // A document may be deleted meanwhile; that it is gone was found out all the same.
        let id = self.ids.get((self.chance.next_u64() % self.ids.len().max(1) as u64) as usize);
        let (Some(id), Some(door)) = (id, self.door(doors)) else { return self.ids.is_empty() };
        let said = tokio::time::timeout(TRY_MAX, door.document(id)).await.ok().flatten();
        said.is_some_and(|said| matches!(said.status, StatusCode::OK | StatusCode::NOT_FOUND))
    }

    /// The time until a new document is taken.
    async fn written(&self, doors: &[Door]) -> Option<Duration> {
        let mark = self.chance.next_u64();
        let line = format!("A sonda numero {mark} passou pela pasta do condominio.");
        let bytes = self.truth.paper(&line, Some(self.shard), &self.chance);
        let name = format!("sonda-{mark:016x}.pdf");
        let number = self.book.lock().unwrap().send(name.clone(), line);
        let taken = async || {
            let Some(door) = self.door(doors) else { return false };
            let said = tokio::time::timeout(TRY_MAX, door.upload(&name, bytes.clone())).await.ok().flatten();
            let Some(said) = said.filter(|said| said.status == StatusCode::ACCEPTED) else { return false };
            self.book.lock().unwrap().accept(number, &said);
            true
        };
        self.first(taken).await
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
    pub(super) async fn first_success(&self, doors: &[Door]) -> Outcome {
        let (read, write) = tokio::join!(self.first(async || self.read(doors).await), self.written(doors));
        Outcome { read, write }
    }

    /// As [`Self::first_success`]; the cause heals after `time` whether there was a success before or not.
    pub(super) async fn first_success_while(
        &self,
        doors: &[Door],
        time: Duration,
        heal: impl Future<Output = ()>,
    ) -> Outcome {
        let healing = async {
            tokio::time::sleep(time).await;
            heal.await;
        };
        tokio::join!(self.first_success(doors), healing).0
    }

    /// The slowest request while `event` lasts, which must make none fail.
    pub(super) async fn slowest_during(&self, doors: &[Door], event: impl Future<Output = ()>) -> Outcome {
        let slowest = Cell::new(Outcome { read: Some(Duration::ZERO), write: Some(Duration::ZERO) });
        let work = async {
            loop {
                let (before, now) = (slowest.get(), self.first_success(doors).await);
                let longer = |before: Option<Duration>, now: Option<Duration>| Some(before?.max(now?));
                slowest.set(Outcome {
                    read: longer(before.read, now.read),
                    write: longer(before.write, now.write),
                });
                tokio::time::sleep(TRY_AGAIN).await;
            }
        };
        tokio::select! {
            () = event => slowest.get(),
            () = work => unreachable!("it works until the event is over"),
        }
    }
}

/// All outcomes, by what happened.
#[derive(Debug, Default)]
pub(super) struct Measured(BTreeMap<&'static str, Vec<Outcome>>);

impl Measured {
    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.0.entry(name).or_default().push(outcome);
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcomes) in &self.0 {
            let spread = |times: Vec<Option<Duration>>| {
                let mut ms: Vec<u128> = times.into_iter().flatten().map(|time| time.as_millis()).collect();
                ms.sort_unstable();
                let last = ms.len().saturating_sub(1);
                let at = |share: usize| ms.get(last * share / 100).copied().unwrap_or(0);
                format!("p50 {} p90 {} max {} ms", at(50), at(90), ms.last().copied().unwrap_or(0))
            };
            let reads = spread(outcomes.iter().map(|outcome| outcome.read).collect());
            let writes = spread(outcomes.iter().map(|outcome| outcome.write).collect());
            writeln!(f, "  {name:<18} {:>3} times   read {reads}   upload {writes}", outcomes.len())?;
        }
        Ok(())
    }
}
