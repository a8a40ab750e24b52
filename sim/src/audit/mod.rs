//! What a run does not reach by itself: the index on real files, the stores and the cache, and decisions that stand apart.
//!
//! Each audit is drawn by the seed of the run that it follows, so that it can be made again with it.

mod index;
mod machines;
mod places;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::World;
use crate::core::judge::Promise;

/// Of so many runs one has its logs replayed into a real index.
const INDEX_EVERY: u64 = 16;
/// Of so many runs one has the stores and the cache tried.
const PLACES_EVERY: u64 = 128;
/// Of so many runs one has the decisions tried that stand apart.
const MACHINES_EVERY: u64 = 4;

/// A broken promise, and how.
pub(crate) type Broken = (Promise, String);

/// Audits what a run has left behind.
///
/// # Errors
/// The first broken promise.
pub(crate) fn audit(world: &World, seed: u64) -> Result<(), Broken> {
    if seed % MACHINES_EVERY == 1 {
        machines::check(seed)?;
    }
    if seed % PLACES_EVERY == 5 {
        places::check(seed)?;
    }
    if seed % INDEX_EVERY == 3 && !world.judge.has_damage() {
        index::check(world, seed)?;
    }
    Ok(())
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder that goes with this; in memory where there is such a place.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("enabler-sim-audit-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).ok()?;
        Some(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
