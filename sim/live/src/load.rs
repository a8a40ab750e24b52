//! Clients that upload, read, ask and delete through every door at once, and write down what they are told.

// What one client does again and again.
mod client;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use enabler_storage::chance::SeededChance;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::client::{Client, Deed};
use crate::book::{Book, Wrong};
use crate::door::{Door, STUCK_AFTER};
use crate::history::History;
use crate::truth::Truth;

/// How many clients there are, and how long each rests between two requests.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Clients that upload.
    pub writers: usize,
    /// Clients that read what was uploaded, and what was deleted; they rest a quarter of the time.
    pub readers: usize,
    /// Clients that ask about it; they rest four times as long.
    pub askers: usize,
    /// Clients that delete; they rest three times as long.
    pub deleters: usize,
    /// The middle pause between two requests of a client.
    pub rest: Duration,
}

/// Few requests at a time: each upload is read and embedded, which two cores do a few times in a second.
pub const GENTLE: Pace =
    Pace { writers: 2, readers: 2, askers: 1, deleters: 1, rest: Duration::from_millis(300) };

/// Clients at work. They end when it is dropped.
pub struct Load {
    book: Arc<Mutex<Book>>,
    stop: CancellationToken,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts clients, each with a seed of its own, that come through any of the `doors` which is open.
    #[must_use]
    pub fn start(doors: Vec<Door>, truth: &Truth, seed: u64, pace: Pace) -> Self {
        Self::start_telling(History::none(), doors, truth, seed, pace)
    }

    /// As [`Self::start`]; what they are told goes into `history` as well.
    #[must_use]
    pub fn start_telling(history: History, doors: Vec<Door>, truth: &Truth, seed: u64, pace: Pace) -> Self {
        let (book, stop) = (Arc::new(Mutex::new(Book::telling(history))), CancellationToken::new());
        let mut clients = JoinSet::new();
        let mut number = 0;
        let mut client = || {
            number += 1;
            let chance = Arc::new(SeededChance::new(seed.wrapping_add(number)));
            Client {
                book: book.clone(),
                doors: doors.clone(),
                truth: truth.clone(),
                chance,
                stop: stop.clone(),
            }
        };
        let deeds = [
            (Deed::Write, pace.writers, pace.rest),
            (Deed::Read, pace.readers, pace.rest / 4),
            (Deed::Ask, pace.askers, pace.rest * 4),
            (Deed::Delete, pace.deleters, pace.rest * 3),
        ];
        for (deed, clients_count, rest) in deeds {
            for _ in 0..clients_count {
                clients.spawn(client().repeat(deed, rest));
            }
        }
        Self { book, stop, clients }
    }

    /// What was written down until now.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        open(&self.book)
    }

    /// The book, for somebody who writes into it as well.
    #[must_use]
    pub fn shared(&self) -> Arc<Mutex<Book>> {
        self.book.clone()
    }

    /// Lets requests under way end, and gives what was written down; a client that is not served for
    /// [`STUCK_AFTER`] is a broken promise.
    pub async fn end(mut self) -> Book {
        self.stop.cancel();
        let until = Instant::now() + STUCK_AFTER;
        loop {
            match tokio::time::timeout_at(until, self.clients.join_next()).await {
                Ok(None) => break,
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(error))) => {
                    let what = format!("a client of the simulator has failed: {error}");
                    self.book().violate(Wrong::Stuck, what);
                }
                Err(_) => {
                    let (clients, seconds) = (self.clients.len(), STUCK_AFTER.as_secs());
                    let what =
                        format!("{clients} clients are not served within {seconds} s after the last event");
                    self.book().violate(Wrong::Stuck, what);
                    break;
                }
            }
        }
        self.abandon()
    }

    /// Ends the clients at once, and gives what was written down.
    #[must_use]
    pub fn abandon(self) -> Book {
        std::mem::take(&mut *self.book())
    }
}

/// Opens a book; what a client that failed has written stands.
pub(crate) fn open(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
