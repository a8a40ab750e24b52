//! Where a shard's index lies on this node's disk: no folder is opened twice, and none is removed under a reader.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use enabler_storage::shard::{ShardIndex, wipe};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long those who still read an index are waited for; an answer that is being written may take longer, and then
/// the index is built anew in another folder.
const READERS_WAIT_MAX: Duration = Duration::from_secs(2);

/// An index that is open. Its folder is free again when the last who holds it has let go.
#[derive(Debug)]
pub struct Index {
    // Before the right to the folder, so that it is closed when that goes back.
    open: ShardIndex,
    _right: OwnedSemaphorePermit,
    /// So that whoever looks for the shelf while this is open finds the same one.
    _shelf: Arc<Shelf>,
}

impl Deref for Index {
    type Target = ShardIndex;

    fn deref(&self) -> &ShardIndex {
        &self.open
    }
}

/// A folder that nobody else has open.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    right: OwnedSemaphorePermit,
    shelf: Arc<Shelf>,
}

impl Place {
    pub(super) fn hold(self, open: ShardIndex) -> Index {
        Index { open, _right: self.right, _shelf: self.shelf }
    }
}

/// Every shelf of this process: what LMDB has open is the process's, over generations of its node.
static SHELVES: Mutex<BTreeMap<PathBuf, Weak<Shelf>>> = Mutex::new(BTreeMap::new());

/// The place of one shard's index.
#[derive(Debug)]
pub(super) struct Shelf {
    base: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The folder in use, its number, and the one right to it; absent before the first look at the disk.
    current: Option<Current>,
    /// The index that was opened last, while it may be gone on with.
    last: Weak<Index>,
}

#[derive(Debug, Clone)]
struct Current {
    number: u64,
    right: Arc<Semaphore>,
}

impl Current {
    fn of(number: u64) -> Self {
        Current { number, right: Arc::new(Semaphore::new(1)) }
    }
}

impl Shelf {
    /// The shelf for the index that should be at `base`.
    pub(super) fn at(base: &Path) -> Arc<Self> {
        let mut all = SHELVES.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, shelf| shelf.strong_count() > 0);
        if let Some(shelf) = all.get(base).and_then(Weak::upgrade) {
            return shelf;
        }
        let shelf = Arc::new(Shelf { base: base.to_path_buf(), kept: Mutex::default() });
        all.insert(base.to_path_buf(), Arc::downgrade(&shelf));
        shelf
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what is open.
    pub(super) fn keep(&self, index: &Arc<Index>) {
        self.kept().last = Arc::downgrade(index);
    }

    /// What was let go and is still read: one can go on with it.
    pub(super) fn last(&self) -> Option<Arc<Index>> {
        self.kept().last.upgrade()
    }

    /// Says that what is open is closed or damaged: nobody goes on with it.
    pub(super) fn forget(&self) {
        self.kept().last = Weak::new();
    }

    /// A folder for the index: the one in use once its last reader has gone, else a fresh one beside it.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let current = self.current().await;
        let right = tokio::time::timeout(READERS_WAIT_MAX, current.right.clone().acquire_owned()).await;
        if let Ok(Ok(right)) = right {
            return Place { folder: self.folder(current.number), right, shelf: self.clone() };
        }
        tracing::info!(folder = %self.base.display(), "the index is still read: a fresh folder is taken");
        let next = Current::of(current.number + 1);
        let first = next.right.clone().try_acquire_owned();
        self.kept().current = Some(next.clone());
        tokio::spawn(remove_when_free(self.folder(current.number), current.right));
        match first {
            Ok(right) => Place { folder: self.folder(next.number), right, shelf: self.clone() },
            // A semaphore that was just made has its permit; were it not so, the next folder has.
            Err(_) => Box::pin(self.take()).await,
        }
    }

    async fn current(&self) -> Current {
        if let Some(current) = self.kept().current.clone() {
            return current;
        }
        let base = self.base.clone();
        let number = tokio::task::spawn_blocking(move || newest(&base)).await.unwrap_or(0);
        self.kept().current.get_or_insert(Current::of(number)).clone()
    }

    fn folder(&self, number: u64) -> PathBuf {
        folder(&self.base, number)
    }
}

async fn remove_when_free(folder: PathBuf, right: Arc<Semaphore>) {
    let Ok(_right) = right.acquire_owned().await else { return };
    let removed = tokio::task::spawn_blocking(move || wipe(&folder)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%error, "removing an index that was replaced; the next start tries again");
    }
}

fn folder(base: &Path, number: u64) -> PathBuf {
    match number {
        0 => base.to_path_buf(),
        number => base.with_extension(number.to_string()),
    }
}

/// The number of the newest folder; the others, which an end of the process left behind, are removed.
fn newest(base: &Path) -> u64 {
    let (Some(dir), Some(name)) = (base.parent(), base.file_name().and_then(|name| name.to_str())) else {
        return 0;
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> = entries
        .filter_map(|entry| {
            let rest = entry.file_name().to_str()?.strip_prefix(name)?.to_owned();
            if rest.is_empty() { Some(0) } else { rest.strip_prefix('.')?.parse().ok() }
        })
        .collect();
    numbers.sort_unstable();
    let newest = numbers.pop().unwrap_or(0);
    for number in numbers {
        if let Err(error) = wipe(&folder(base, number)) {
            tracing::warn!(%error, "removing an index that was replaced");
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use enabler_storage::shard::Settings;

    use super::*;

    fn open(place: Place) -> Arc<Index> {
        let settings = Settings { map_bytes: 1 << 20, ..Settings::here() };
        let index = ShardIndex::open(&place.folder, settings).unwrap();
        Arc::new(place.hold(index))
    }

    #[tokio::test]
    async fn a_folder_is_used_again_when_its_last_reader_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("0003");
        let shelf = Shelf::at(&base);
        let index = open(shelf.take().await);
        shelf.keep(&index);
        let reader = index.clone();
        drop((index, shelf));
        // As a later generation of the node finds it in the same process.
        let shelf = Shelf::at(&base);
        assert_eq!(shelf.last().unwrap().position().unwrap(), reader.position().unwrap());
        let waits = tokio::spawn({
            let shelf = shelf.clone();
            async move { shelf.take().await }
        });
        tokio::task::yield_now().await;
        drop(reader);
        let place = waits.await.unwrap();
        assert!(place.folder == base && shelf.last().is_none());
        // LMDB itself refuses to open a folder twice.
        open(place);
    }

    #[tokio::test]
    async fn whoever_reads_on_keeps_what_it_reads_while_the_index_is_built_anew_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("0003");
        let shelf = Shelf::at(&base);
        let reader = open(shelf.take().await);
        let place = shelf.take().await;
        assert_ne!(place.folder, base);
        wipe(&place.folder).unwrap();
        let fresh = open(place);
        assert_eq!(reader.position().unwrap(), fresh.position().unwrap());
        assert!(base.exists(), "a folder was removed under its reader");
        drop(reader);
        while base.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn after_a_start_the_newest_folder_counts_and_the_others_go() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["0003", "0003.2", "0003.10", "00031", "0004"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let place = Shelf::at(&dir.path().join("0003")).take().await;
        assert_eq!(place.folder, dir.path().join("0003.10"));
        let mut left: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort_unstable();
        assert_eq!(left, ["0003.10", "00031", "0004"]);
    }
}
