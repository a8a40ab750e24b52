//! One client: it uploads, reads, asks or deletes again and again, and writes down what it is told.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use reqwest::StatusCode;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::open;
use crate::book::{Book, Known, Wrong};
use crate::door::{Door, Said};
use crate::truth::Truth;

/// Tries of one upload or deletion, through other doors; a client that gives up leaves it open what became of it.
const TRIES_MAX: usize = 40;
/// The pause before another try.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What a client does again and again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Write,
    Read,
    Ask,
    Delete,
}

/// One request.
enum Wish {
    Upload(String, Vec<u8>),
    Show(String),
    Ask(String),
    Delete(String),
}

impl Wish {
    async fn send(&self, door: &Door) -> Option<Said> {
        match self {
            Self::Upload(name, bytes) => door.upload(name, bytes.clone()).await,
            Self::Show(id) => door.document(id).await,
            Self::Ask(id) => door.ask(id, "Que comprovante foi arquivado na pasta?").await,
            Self::Delete(id) => door.delete(id).await,
        }
    }
}

pub(super) struct Client {
    pub(super) book: Arc<Mutex<Book>>,
    pub(super) doors: Vec<Door>,
    pub(super) truth: Truth,
    pub(super) chance: Arc<SeededChance>,
    pub(super) stop: CancellationToken,
}

impl Client {
    pub(super) async fn repeat(self, deed: Deed, rest: Duration) {
        while !self.stop.is_cancelled() {
            match deed {
                Deed::Write => self.write().await,
                Deed::Read => self.read().await,
                Deed::Ask => self.ask().await,
                Deed::Delete => self.delete().await,
            }
            let rest = rest.mul_f64((self.chance.next_u64() % 1_000) as f64 / 500.0);
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        open(&self.book)
    }

    fn pick(&self, count: usize) -> Option<usize> {
        (count > 0).then(|| (self.chance.next_u64() % count as u64) as usize)
    }

    /// Sends a request through some open door; what did not succeed there is written down if nobody touched the node.
    async fn through(
        &self,
        what: &'static str,
        is_fine: impl Fn(&Said) -> bool,
        wish: &Wish,
    ) -> Option<(Door, Said)> {
        let open: Vec<&Door> = self.doors.iter().filter(|door| door.is_open()).collect();
        let door = *open.get(self.pick(open.len())?)?;
        let (touched, sent) = (door.touched(), Instant::now());
        let said = wish.send(door).await;
        let is_fine = said.as_ref().is_some_and(&is_fine);
        self.book().answered(what, door, said.as_ref(), sent, is_fine, door.touched() != touched);
        said.map(|said| (door.clone(), said))
    }

    async fn write(&self) {
        let mark = self.chance.next_u64();
        let line = format!("O comprovante numero {mark} foi arquivado na pasta do condominio.");
        let (name, bytes) = (format!("nota-{mark:016x}.pdf"), self.truth.paper(&line, None, &*self.chance));
        let number = self.book().send(name.clone(), line);
        let wish = Wish::Upload(name, bytes);
        for _ in 0..TRIES_MAX {
            let is_taken = |said: &Said| said.status == StatusCode::ACCEPTED;
            if let Some((_, said)) =
                self.through("upload", is_taken, &wish).await.filter(|(_, said)| is_taken(said))
            {
                return self.book().accept(number, &said);
            }
            // A client that is not told repeats the same bytes, which are taken once.
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn read(&self) {
        let deleted = self.chance.next_u64().is_multiple_of(3);
        let Some((number, id)) = self.some(if deleted { Known::Deleted } else { Known::Accepted }) else {
            return;
        };
        let right = if deleted { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let wrong = if deleted { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let what = if deleted { "read deleted" } else { "read" };
        let wish = Wish::Show(id.clone());
        let said = self.through(what, |said| said.status == right || said.status == wrong, &wish).await;
        let Some((door, said)) = said else { return };
        let mut book = self.book();
        let still = book.papers[number].known;
        if said.status == wrong && deleted {
            book.violate(
                Wrong::SeenAfterDeletion,
                format!("{id} was deleted, and {} shows it: {}", door.name, said.body),
            );
        } else if said.status == wrong && still == Known::Accepted {
            book.violate(Wrong::Lost, format!("{id} was acknowledged, and {} does not know it", door.name));
        } else if said.status == StatusCode::OK && still == Known::Accepted {
            book.shown(number, &said.body, &door);
        }
    }

    async fn ask(&self) {
        let deleted = self.chance.next_u64().is_multiple_of(4);
        let Some((number, id)) = self.some(if deleted { Known::Deleted } else { Known::Accepted }) else {
            return;
        };
        let what = if deleted { "ask deleted" } else { "ask" };
        let wish = Wish::Ask(id.clone());
        let is_fine = |said: &Said| {
            matches!(said.status, StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY)
        };
        let Some((door, said)) = self.through(what, is_fine, &wish).await else { return };
        let mut book = self.book();
        let paper = book.papers[number].clone();
        if deleted && matches!(said.status, StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY) {
            book.violate(
                Wrong::SeenAfterDeletion,
                format!("{id} was deleted, and {} answers from it: {}", door.name, said.body),
            );
        } else if !deleted && said.status == StatusCode::NOT_FOUND && paper.known == Known::Accepted {
            book.violate(Wrong::Lost, format!("{id} was acknowledged, and {} does not know it", door.name));
        } else if said.status == StatusCode::OK {
            let mark = paper.line.split(' ').nth(3).unwrap_or_default();
            let sources = said.body["sources"].as_array().cloned().unwrap_or_default();
            let is_its_own = |source: &serde_json::Value| {
                source["page"] == 1 && source["text"].as_str().is_some_and(|text| text.contains(mark))
            };
            if !sources.iter().all(is_its_own) {
                book.violate(
                    Wrong::Answer,
                    format!("{id} is about {mark}, and {} cites {}", door.name, said.body),
                );
            }
        }
    }

    async fn delete(&self) {
        let Some((number, id)) = self.some(Known::Accepted) else { return };
        if self.book().papers[number].is_kept {
            return;
        }
        self.book().papers[number].known = Known::Deleting;
        for turn in 0..TRIES_MAX {
            // An earlier try, whose answer was lost, may have done it.
            let is_gone = |said: &Said| {
                said.status == StatusCode::NO_CONTENT || (turn > 0 && said.status == StatusCode::NOT_FOUND)
            };
            let wish = Wish::Delete(id.clone());
            let said = self.through("delete", is_gone, &wish).await;
            if let Some((door, said)) = said {
                if is_gone(&said) {
                    self.book().papers[number].known = Known::Deleted;
                    return;
                }
                if said.status == StatusCode::NOT_FOUND {
                    self.book().violate(
                        Wrong::Lost,
                        format!("{id} was acknowledged, and {} does not know it", door.name),
                    );
                    return;
                }
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// Some paper of which this is known.
    fn some(&self, known: Known) -> Option<(usize, String)> {
        let book = self.book();
        let all = book.all(known);
        let number = *all.get(self.pick(all.len())?)?;
        Some((number, book.papers[number].id.clone()))
    }
}
