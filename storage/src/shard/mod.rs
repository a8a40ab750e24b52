//! A shard's index: documents, chunks, vectors and words of one shard, all derived from its log and rebuilt at will.
//!
//! A folder holds an LMDB environment (`rows`), a keyword index (`words`) and a marker. LMDB maps its file and
//! trusts it: a damaged page can end the process. So whoever opens a shard first runs [`verify_dir`] in a child
//! process; if the child reports damage or dies, the folder is wiped ([`wipe`]) and the log replayed.
//! Every method blocks; none is for a worker of an async runtime.

mod apply;
mod closing;
mod error;
mod export;
mod live;
mod marker;
mod put;
mod query;
mod read;
mod restore;
mod rows;
mod search;
#[cfg(test)]
mod tests;
mod trace;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use heed::{EnvFlags, EnvOpenOptions};

pub use error::ShardError;
pub use export::Weight;
pub use query::{Blobs, DocumentPage, Hit, Query, TOP_K_MAX, fetch_needed, read_needed};
pub use restore::{Restore, restore};
pub use rows::listing_cursor;
pub use verify::{verify_dir, wipe};

use self::closing::Applying;
use self::live::{Live, Searchable};
use self::marker::Marker;
use self::rows::Rows;
use crate::index::fuse::Calibration;
use crate::index::text::TextIndex;
use crate::index::vector::Trees;
use crate::log::Position;

/// Address space reserved for a shard's rows. Nothing is used before it is written, and LMDB cannot grow a live map.
pub const MAP_BYTES: usize = 64 << 30;

/// A scan of every vector takes 1.7 ms per 100,000 chunks, asking the trees 7 ms: they break even about here.
pub const TREES_FROM_CHUNKS: u64 = 400_000;

/// How a shard's index is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address space reserved for the rows, in bytes; smaller where the system limits it.
    pub map_bytes: usize,
    /// From this many chunks on, [`ShardIndex::build_trees`] builds trees; below, looking at every vector is faster
    /// and misses nothing.
    pub trees_from_chunks: u64,
    /// How signals become scores.
    pub calibration: Calibration,
    /// Identifies this boot of the machine; after another boot, what was not closed cleanly is not trusted.
    pub boot_id: String,
}

impl Settings {
    /// The usual settings on this machine.
    #[must_use]
    pub fn here() -> Self {
        Self {
            map_bytes: MAP_BYTES,
            trees_from_chunks: TREES_FROM_CHUNKS,
            calibration: Calibration::default(),
            boot_id: marker::boot_id(),
        }
    }
}

/// How much a shard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Documents, in any state.
    pub documents: u64,
    /// Chunks of documents that are ready.
    pub chunks: u64,
    /// Documents that are neither ready nor failed.
    pub unfinished: u64,
}

/// How many documents of a shard ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Neither ready nor failed.
    pub processing: u64,
    /// Ready to be asked.
    pub ready: u64,
    /// Not to be read.
    pub failed: u64,
}

/// The index of one shard. Shared by reference between threads: many readers, one applier at a time.
#[derive(Debug)]
pub struct ShardIndex {
    dir: PathBuf,
    settings: Settings,
    rows: Rows,
    /// What is searchable, in memory; rebuilt from the rows when opened.
    live: RwLock<Live>,
    text: TextIndex,
    /// One applier at a time; none once the folder is marked as closed.
    applying: Mutex<Applying>,
    /// One commit of the keyword index at a time, which entries do not wait for. Taken before `applying`.
    committing: Mutex<()>,
    /// Exports so far, each of which has a folder of its own.
    exports: AtomicU64,
}

impl ShardIndex {
    /// Opens the index in `dir`, creating it empty if there is none. Replay the log from [`Self::position`] afterwards.
    ///
    /// What was not closed cleanly before another boot of the machine is wiped: the rows are not synced on each commit.
    ///
    /// # Errors
    ///
    /// [`ShardError::is_damage`] tells whether wiping and replaying helps.
    pub fn open(dir: &Path, settings: Settings) -> Result<Self, ShardError> {
        let marker = Marker::read(dir);
        if marker.as_ref().is_some_and(|marker| !marker.is_trusted(&settings.boot_id)) {
            wipe(dir)?;
        }
        Marker::in_use(&settings.boot_id).write(dir)?;
        let trees = dir.join(TREES);
        if trees.exists() {
            fs::remove_dir_all(&trees).map_err(during("removing", &trees))?;
        }
        Self::clear_spool(dir)?;
        let rows = Rows::open(open_env(dir, settings.map_bytes)?)?;
        let position = {
            let txn = rows.read()?;
            rows.meta(&txn)?.position
        };
        let live = Live::load(&rows)?;
        let text = open_text(&dir.join("words"), position)?;
        let index = Self {
            dir: dir.to_path_buf(),
            settings,
            rows,
            live: RwLock::new(live),
            text,
            applying: Mutex::new(Applying::Open),
            committing: Mutex::new(()),
            exports: AtomicU64::new(0),
        };
        index.catch_up_from_nothing()?;
        Ok(index)
    }

    /// The log position up to which everything is applied.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read.
    pub fn position(&self) -> Result<Position, ShardError> {
        let txn = self.rows.read()?;
        Ok(self.rows.meta(&txn)?.position)
    }

    /// Makes what was applied searchable by words and durable against a loss of power. Call it every few seconds.
    ///
    /// # Errors
    ///
    /// If the files cannot be written.
    pub fn flush(&self) -> Result<(), ShardError> {
        self.commit_words()?;
        self.rows.env.force_sync().map_err(self.rows.failed("making rows durable"))?;
        self.rows.env.clear_stale_readers().map_err(self.rows.failed("clearing readers"))?;
        Ok(())
    }

    /// Checks every row, every keyword file, and that both hold the same. For a running shard, from time to time.
    ///
    /// # Errors
    ///
    /// [`ShardError::Damaged`] names what was found.
    pub fn verify(&self) -> Result<(), ShardError> {
        match self.commit_words() {
            Err(ShardError::Closed) => {}
            committed => committed?,
        }
        let _words = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let _still = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.rows.verify()?;
        verify::check_text(&self.text, &self.rows)
    }

    /// Builds search trees over what is ready now, if the shard is large and has none yet; says whether it has.
    ///
    /// Takes minutes for a large shard; questions and entries go on meanwhile. Call it on a thread of its own.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read or the trees not be written.
    pub fn build_trees(&self) -> Result<bool, ShardError> {
        if self.live().largest().is_some_and(|(_, space)| space.trees.is_some()) {
            return Ok(true);
        }
        if self.counts()?.chunks < self.settings.trees_from_chunks {
            return Ok(false);
        }
        let (documents, at, dimensions) = {
            let live = self.live();
            let Some((at, space)) = live.largest() else { return Ok(false) };
            let own = live.documents.iter().filter(|(_, document)| document.space == Some(at));
            let mut all: Vec<_> = own.map(|(id, document)| (*id, document.revision)).collect();
            all.sort_unstable();
            (all, at, space.dimensions)
        };
        let failure = std::cell::RefCell::new(None);
        let vectors = documents.into_iter().map_while(|(id, revision)| {
            let vectors = self.own_vectors(id, dimensions);
            let is_same = |document: &Searchable| (document.revision, document.space) == (revision, Some(at));
            if !self.live().documents.get(&id).is_some_and(is_same) {
                // Another revision, perhaps of another model, has taken its place: the trees hold nothing of it.
                return Some((id, revision, Vec::new()));
            }
            match vectors {
                Ok(vectors) => Some((id, revision, vectors)),
                Err(e) => {
                    failure.replace(Some(e));
                    None
                }
            }
        });
        let seed = self.position()?.seq;
        let dir = self.dir.join(TREES).join(seed.to_string());
        let trees = Trees::build(&dir, self.settings.map_bytes, dimensions, vectors, seed)?;
        if let Some(failure) = failure.into_inner() {
            return Err(failure);
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = live.spaces.get_mut(at) {
            space.trees = Some(trees);
        }
        Ok(true)
    }

    /// Bytes of memory that vectors take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.live().memory_bytes()
    }

    fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_env(dir: &Path, map_bytes: usize) -> Result<heed::Env<heed::WithoutTls>, ShardError> {
    let path = dir.join("rows");
    fs::create_dir_all(&path).map_err(during("creating", &path))?;
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_bytes).max_dbs(16).max_readers(READERS_MAX);
    #[expect(unsafe_code, reason = "LMDB maps its file, and trusts callers not to open it in two ways")]
    // SAFETY: only this function opens the folder, always with the same flags; heed refuses to open a folder twice in
    // one process, and the node's lock on its data folder keeps other processes out. Without syncing a loss of power
    // can damage the file, which the marker and the checksums catch; what is lost is in the log.
    unsafe { options.flags(EnvFlags::NO_SYNC).open(&path) }
        .map_err(rows::during("opening the shard's rows", map_bytes))
}

/// The folder of the search trees; removed at each start.
const TREES: &str = "trees";

/// Searches at once in one shard; a node admits fewer questions than that.
const READERS_MAX: u32 = 512;

/// Opens the keyword index, or starts an empty one if it is damaged or ahead of the rows: the rows can fill it again.
fn open_text(dir: &Path, position: Position) -> Result<TextIndex, ShardError> {
    let usable =
        |text: &TextIndex| text.verify_description().unwrap_or(false) && text.applied_seq() <= position.seq;
    match TextIndex::open(dir) {
        Ok(text) if usable(&text) => return Ok(text),
        Ok(_) => {}
        Err(e) => tracing::warn!(error = %e, "rebuilding a keyword index from the rows"),
    }
    fs::remove_dir_all(dir).map_err(during("removing", dir))?;
    TextIndex::open(dir).map_err(|source| ShardError::Text { doing: "creating", source })
}

fn during(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ShardError {
    let path = path.to_path_buf();
    move |source| ShardError::Io { doing, path, source }
}
