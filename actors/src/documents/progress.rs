//! How far documents under way have come, and how fast reading has been lately.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_cluster::tree::Seat;
use enabler_storage::record::DocumentId;

use super::journey::{Journeys, Step};

/// What is being done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its turn.
    Queued,
    /// Its pages are being read.
    Reading,
    /// Its chunks are being embedded.
    Embedding,
    /// Its chunks are being indexed.
    Indexing,
}

impl Stage {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Queued => "queued",
            Stage::Reading => "reading",
            Stage::Embedding => "embedding",
            Stage::Indexing => "indexing",
        }
    }

    fn waits_for(self) -> &'static str {
        match self {
            Stage::Queued | Stage::Reading => "pool ocr",
            Stage::Embedding => "pool embedding",
            Stage::Indexing => "store",
        }
    }
}

/// How far a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Pages that are read.
    pub pages_done: u32,
    /// Pages in all, once the file was opened.
    pub pages_total: Option<u32>,
}

/// Bytes per second of reading before anything was measured: a scanned page of 150 kB in 3 s.
const BYTES_PER_SECOND_FIRST: f64 = 50_000.0;
/// Seconds per page before anything was measured.
const SECONDS_PER_PAGE_FIRST: f64 = 2.0;
/// The weight of the newest measurement.
const NEWEST: f64 = 0.3;

#[derive(Debug)]
struct Rates {
    bytes_per_second: f64,
    seconds_per_page: f64,
}

#[derive(Debug)]
struct Inner {
    under_way: BTreeMap<DocumentId, Progress>,
    seats: BTreeMap<DocumentId, Arc<Seat>>,
    journeys: Journeys,
    rates: Rates,
}

/// The progress of this node's documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board(Arc<Mutex<Inner>>);

impl Default for Board {
    fn default() -> Self {
        let rates =
            Rates { bytes_per_second: BYTES_PER_SECOND_FIRST, seconds_per_page: SECONDS_PER_PAGE_FIRST };
        Board(Arc::new(Mutex::new(Inner {
            under_way: BTreeMap::new(),
            seats: BTreeMap::new(),
            journeys: Journeys::default(),
            rates,
        })))
    }
}

impl Board {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far `document` is, if it is under way on this node.
    pub fn of(&self, document: DocumentId) -> Option<Progress> {
        self.inner().under_way.get(&document).copied()
    }

    /// Says how far `document` is.
    pub fn set(&self, document: DocumentId, progress: Progress) {
        let mut inner = self.inner();
        inner.under_way.insert(document, progress);
        let Some(seat) = inner.seats.get(&document).cloned() else { return };
        seat.waits_on(Some(progress.stage.waits_for()));
        inner.journeys.steps(document, seat.path(), progress.stage.name(), seat.tree().clock().now_ms());
    }

    /// The work for `document` begins; from here on its actor tells what it waits for, and its steps are remembered.
    pub fn begin(&self, document: DocumentId, seat: Arc<Seat>) {
        self.inner().seats.insert(document, seat);
    }

    /// The work for `document` has ended, well or not.
    pub fn ended(&self, document: DocumentId, is_well: bool) {
        let mut inner = self.inner();
        if let Some(seat) = inner.seats.remove(&document) {
            inner.journeys.ends(document, is_well, seat.tree().clock().now_ms());
        }
    }

    /// What was done to `document` on this node lately, in order.
    pub fn steps(&self, document: DocumentId) -> Vec<Step> {
        self.inner().journeys.of(document)
    }

    /// When the work for `document` last came on, in Unix milliseconds, if it is under way here.
    pub fn moved_ms(&self, document: DocumentId) -> Option<u64> {
        self.inner().journeys.moved_ms(document)
    }

    /// Counts one page of `document` as read.
    pub fn page_done(&self, document: DocumentId) {
        let mut inner = self.inner();
        if let Some(progress) = inner.under_way.get_mut(&document) {
            progress.pages_done += 1;
        }
        if let Some(seat) = inner.seats.get(&document).cloned() {
            inner.journeys.moves(document, seat.tree().clock().now_ms());
        }
    }

    /// `document` is no longer under way.
    pub fn over(&self, document: DocumentId) {
        let mut inner = self.inner();
        inner.under_way.remove(&document);
        if let Some(seat) = inner.seats.get(&document) {
            seat.waits_on(None);
        }
    }

    /// Learns from a document of `bytes` bytes and `pages` pages that was read in `took`.
    pub fn learn(&self, bytes: u64, pages: u32, took: Duration) {
        let seconds = took.as_secs_f64().max(0.01);
        let rates = &mut self.inner().rates;
        rates.bytes_per_second += NEWEST * (bytes as f64 / seconds - rates.bytes_per_second);
        rates.seconds_per_page += NEWEST * (seconds / f64::from(pages.max(1)) - rates.seconds_per_page);
    }

    /// How long reading `bytes` bytes will take behind what is under way, in seconds, at least 1.
    pub fn estimate_seconds(&self, bytes: u64) -> u64 {
        let inner = self.inner();
        let alone = bytes as f64 / inner.rates.bytes_per_second.max(1.0);
        ((alone * (1.0 + inner.under_way.len() as f64 / 2.0)).ceil() as u64).max(1)
    }

    /// How long the rest of a document will take, in seconds, once its pages are counted.
    pub fn remaining_seconds(&self, progress: &Progress) -> Option<u64> {
        let left = progress.pages_total?.saturating_sub(progress.pages_done);
        Some((f64::from(left) * self.inner().rates.seconds_per_page).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_follow_what_was_measured() {
        let board = Board::default();
        let before = board.estimate_seconds(5_000_000);
        for _ in 0..20 {
            board.learn(5_000_000, 10, Duration::from_secs(2));
        }
        assert!(board.estimate_seconds(5_000_000) < before);
        let progress = Progress { stage: Stage::Reading, pages_done: 5, pages_total: Some(15) };
        assert_eq!(board.remaining_seconds(&progress), Some(2));
        assert_eq!(board.estimate_seconds(1), 1);
    }
}
