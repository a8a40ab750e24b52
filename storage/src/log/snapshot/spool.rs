//! A snapshot on its way to the store: its parts as files in a local folder.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Head, Line, Wire, WireLine};
use crate::codec::{self, CodecError, Kind};
use crate::log::Position;
use crate::log::error::LogError;
use crate::plant;

/// Most parts of one snapshot, which all stand in the manifest: 4 GiB of records are far more than one shard holds.
const PARTS_MAX: u32 = 1_000;

/// Bytes that a line takes besides its body, at most.
const LINE_BYTES: usize = 16;

/// A snapshot on the local disk, ready to be put into the store. Its folder goes with it.
#[derive(Debug)]
pub struct Spooled {
    pub(super) position: Position,
    pub(super) parts: Vec<SpooledPart>,
    dir: Dir,
}

#[derive(Debug)]
pub(super) struct SpooledPart {
    pub(super) path: PathBuf,
    pub(super) sha256: [u8; 32],
    pub(super) size_bytes: u64,
}

#[derive(Debug)]
struct Dir(PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(error = %e, path = %self.0.display(), "removing a spooled snapshot");
        }
    }
}

impl Spooled {
    /// The log position that it stands for.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size_bytes).sum()
    }

    /// The files of its parts, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.path.as_path())
    }
}

/// Writes the parts of a snapshot to a local folder, one part in memory at a time. Blocking.
#[derive(Debug)]
pub struct Spool {
    head: Head,
    part_bytes_max: usize,
    lines: Vec<WireLine>,
    bytes: usize,
    spooled: Spooled,
}

impl Spool {
    /// Starts in the new folder `dir`; parts are at most `part_bytes_max` long, unless a single record takes more.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created.
    pub fn create(dir: PathBuf, head: Head, part_bytes_max: usize) -> Result<Self, LogError> {
        std::fs::create_dir_all(&dir).map_err(LogError::spool("creating", &dir))?;
        let spooled = Spooled { position: head.position, parts: Vec::new(), dir: Dir(dir) };
        Ok(Self { head, part_bytes_max, lines: Vec::new(), bytes: 0, spooled })
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded, or a full part cannot be written.
    pub fn push(&mut self, line: &Line) -> Result<(), LogError> {
        if plant::here("snapshot-forgets-deletions") && matches!(line, Line::Tombstone { .. }) {
            return Ok(());
        }
        let line = line.to_wire().map_err(|source| self.wrong(source))?;
        let bytes = LINE_BYTES + line.body.len();
        let head_bytes = codec::HEADER_BYTES + 64 + self.head.model_id.len();
        if !self.lines.is_empty() && head_bytes + self.bytes + bytes > self.part_bytes_max {
            self.write(false)?;
            if plant::here("full-part-drops-a-record") {
                return Ok(());
            }
        }
        self.bytes += bytes;
        self.lines.push(line);
        Ok(())
    }

    /// Writes the last part, which there always is.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<Spooled, LogError> {
        self.write(true)?;
        Ok(self.spooled)
    }

    fn write(&mut self, is_last: bool) -> Result<(), LogError> {
        let index = u32::try_from(self.spooled.parts.len()).ok().filter(|index| *index < PARTS_MAX);
        let index = index.ok_or_else(|| self.wrong(CodecError::TooLarge))?;
        let path = self.spooled.dir.0.join(format!("{index:04}"));
        let wire = Wire { head: self.head.clone(), index, is_last, lines: std::mem::take(&mut self.lines) };
        self.bytes = 0;
        let bytes = codec::encode(Kind::Snapshot, &wire).map_err(|source| self.wrong(source))?;
        std::fs::write(&path, &bytes).map_err(LogError::spool("writing", &path))?;
        let (sha256, size_bytes) = (Sha256::digest(&bytes).into(), bytes.len() as u64);
        self.spooled.parts.push(SpooledPart { path, sha256, size_bytes });
        Ok(())
    }

    fn wrong(&self, source: CodecError) -> LogError {
        LogError::EncodeAt { key: self.spooled.dir.0.display().to_string(), source }
    }
}
