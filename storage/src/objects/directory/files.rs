//! The file operations of the directory store; every one is blocking and leaves either the old or the new state.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::objects::{ETag, Head, Key, Listed, Object, PutOutcome, StoreError};

/// Bytes copied at once from a spooled file: a large upload never sits whole in memory.
const COPY_BYTES: usize = 64 << 10;

/// Files that are being written live here; a name appears under its key only when it is whole.
const TEMPORARY: &str = ".tmp";

#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Our own temporary folder, locked while we live, so that a start sweeps only the folders of the dead.
    temporary: PathBuf,
    _alive: File,
    next: AtomicU64,
}

/// Names what we were doing when an operation failed.
pub(super) fn during(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::Io { doing, path, source: Arc::new(source) }
}

impl Files {
    pub(super) fn open(root: PathBuf) -> Result<Self, StoreError> {
        let all = root.join(TEMPORARY);
        fs::create_dir_all(&all).map_err(during("creating", &all))?;
        let _sweeping = lock(&all.join("sweep"))?;
        sweep(&all)?;
        // Process ids repeat between containers that share a directory, so the first free number is taken instead.
        for number in 0_u64.. {
            let (temporary, alive) = (all.join(number.to_string()), all.join(format!("{number}.alive")));
            let file = open_lock(&alive)?;
            match file.try_lock() {
                Ok(()) => {
                    fs::create_dir_all(&temporary).map_err(during("creating", &temporary))?;
                    return Ok(Self { root, temporary, _alive: file, next: AtomicU64::new(0) });
                }
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(e)) => return Err(during("locking", &alive)(e)),
            }
        }
        Err(StoreError::Stopped)
    }

    pub(super) fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Writes a temporary file from `source`, makes it durable and names it with `link`, which refuses an existing name.
    pub(super) fn create(&self, key: &Key, source: &mut dyn Read) -> Result<PutOutcome, StoreError> {
        let path = self.path(key);
        if path.exists() {
            return Ok(PutOutcome::Exists);
        }
        let folder = self.make_folder(&path)?;
        let (spooled, etag) = self.spool(source)?;
        let linked = fs::hard_link(&spooled.0, &path);
        drop(spooled);
        match linked {
            Ok(()) => {
                sync_folder(&folder)?;
                Ok(PutOutcome::Done(etag))
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(PutOutcome::Exists),
            Err(e) => Err(during("naming", &path)(e)),
        }
    }

    /// Replaces under an exclusive lock of the folder, so that of several processes one at a time compares and renames.
    pub(super) fn replace(&self, key: &Key, etag: &ETag, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let path = self.path(key);
        let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else {
            return Ok(PutOutcome::Changed);
        };
        let _exclusive = lock(&folder.join(".lock"))?;
        match self.read(key)? {
            Some(object) if object.etag == *etag => {}
            _ => return Ok(PutOutcome::Changed),
        }
        let (spooled, etag) = self.spool(&mut &*bytes)?;
        fs::rename(&spooled.0, &path).map_err(during("renaming onto", &path))?;
        sync_folder(folder)?;
        Ok(PutOutcome::Done(etag))
    }

    pub(super) fn read(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        let path = self.path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if is_absent(&e) => return Ok(None),
            Err(e) => return Err(during("reading", &path)(e)),
        };
        let etag = etag_of(blake3::hash(&bytes));
        Ok(Some(Object { bytes: bytes.into(), etag }))
    }

    pub(super) fn read_range(&self, key: &Key, range: &Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(key);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if is_absent(&e) => return Ok(None),
            Err(e) => return Err(during("opening", &path)(e)),
        };
        let size_bytes = file.metadata().map_err(during("measuring", &path))?.len();
        let outside =
            || StoreError::Range { key: key.clone(), start: range.start, end: range.end, size_bytes };
        if range.start > range.end || range.end > size_bytes {
            return Err(outside());
        }
        let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(|_| outside())?];
        file.seek(SeekFrom::Start(range.start)).map_err(during("seeking in", &path))?;
        file.read_exact(&mut bytes).map_err(during("reading", &path))?;
        Ok(Some(bytes.into()))
    }

    pub(super) fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let path = self.path(key);
        let found = match fs::metadata(&path) {
            Ok(found) if found.is_file() => found,
            Ok(_) => return Ok(None),
            Err(e) if is_absent(&e) => return Ok(None),
            Err(e) => return Err(during("measuring", &path)(e)),
        };
        let modified = found.modified().map_err(during("dating", &path))?;
        let modified_ms = modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let modified_ms = u64::try_from(modified_ms).unwrap_or(u64::MAX);
        Ok(Some(Head { size_bytes: found.len(), etag: None, modified_ms }))
    }

    pub(super) fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Ok(()) => path.parent().map_or(Ok(()), sync_folder),
            Err(e) if is_absent(&e) => Ok(()),
            Err(e) => Err(during("removing", &path)(e)),
        }
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        self.walk("", &mut Walk { prefix, after: after.map_or("", Key::as_str), limit }, &mut listed)?;
        Ok(listed)
    }

    /// Visits one folder in key order and goes down only where a wanted key can be.
    fn walk(&self, folder: &str, wanted: &mut Walk<'_>, listed: &mut Vec<Listed>) -> Result<(), StoreError> {
        let path = self.root.join(folder);
        let found = match fs::read_dir(&path) {
            Ok(found) => found,
            Err(e) if is_absent(&e) => return Ok(()),
            Err(e) => return Err(during("listing", &path)(e)),
        };
        // A folder sorts as its name with the slash, because that is what its keys start with.
        let mut names = Vec::new();
        for entry in found {
            let entry = entry.map_err(during("listing", &path))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let is_folder = entry.file_type().map_err(during("listing", &path))?.is_dir();
            names.push((
                if is_folder { format!("{folder}{name}/") } else { format!("{folder}{name}") },
                is_folder,
            ));
        }
        names.sort_unstable();
        for (name, is_folder) in names {
            if listed.len() >= wanted.limit {
                return Ok(());
            }
            if is_folder {
                if wanted.may_be_below(&name) {
                    self.walk(&name, wanted, listed)?;
                }
            } else if wanted.wants(&name)
                && let Ok(key) = Key::new(name)
                && let Some(head) = self.head(&key)?
            {
                listed.push(Listed { key, size_bytes: head.size_bytes });
            }
        }
        Ok(())
    }

    fn spool(&self, source: &mut dyn Read) -> Result<(Spooled, ETag), StoreError> {
        let path = self.temporary.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let mut file = File::create(&path).map_err(during("creating", &path))?;
        let spooled = Spooled(path);
        let path = &spooled.0;
        let mut hash = blake3::Hasher::new();
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = source.read(&mut buffer).map_err(during("reading the source of", path))?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            file.write_all(part).map_err(during("writing", path))?;
        }
        file.sync_all().map_err(during("making durable", path))?;
        Ok((spooled, etag_of(hash.finalize())))
    }

    /// Creates the missing folders and makes each durable in its parent.
    fn make_folder(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let folder = path.parent().unwrap_or(&self.root).to_path_buf();
        let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
        if !missing.is_empty() {
            fs::create_dir_all(&folder).map_err(during("creating", &folder))?;
            for made in missing {
                made.parent().map_or(Ok(()), sync_folder)?;
            }
        }
        Ok(folder)
    }
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
}

impl Walk<'_> {
    fn wants(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && key > self.after
    }

    fn may_be_below(&self, folder: &str) -> bool {
        let on_the_way = folder.starts_with(self.prefix) || self.prefix.starts_with(folder);
        on_the_way && (folder > self.after || self.after.starts_with(folder))
    }
}

/// A temporary file, gone when dropped (after a rename there is nothing left to remove).
struct Spooled(PathBuf);

impl Drop for Spooled {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

fn etag_of(hash: blake3::Hash) -> ETag {
    ETag(hash.to_hex().to_string())
}

fn is_absent(e: &io::Error) -> bool {
    // A key below a file (`a` exists, `a/b` is asked for) is as absent as any other.
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory)
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(during("making durable", folder))
}

fn open_lock(path: &Path) -> Result<File, StoreError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(during("opening the lock", path))
}

/// Waits for the lock; the system releases it when the file closes, also when the process is killed.
fn lock(path: &Path) -> Result<File, StoreError> {
    let file = open_lock(path)?;
    file.lock().map_err(during("locking", path))?;
    Ok(file)
}

/// Removes what writers that no longer live have left behind.
fn sweep(all: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(all).map_err(during("listing", all))? {
        let path = entry.map_err(during("listing", all))?.path();
        if !path.is_dir() {
            continue;
        }
        let alive = open_lock(&path.with_extension("alive"))?;
        if alive.try_lock().is_ok() {
            fs::remove_dir_all(&path).map_err(during("sweeping", &path))?;
        }
    }
    Ok(())
}
