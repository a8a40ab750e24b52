//! The marker of a shard's folder: who used it last, and whether it was closed cleanly, with the hash of its rows.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::{ShardError, during};

/// What stands in the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    boot_id: String,
    /// The hash of the rows' file, when the folder was closed cleanly.
    pub(super) closed: Option<String>,
}

impl Marker {
    pub(super) fn in_use(boot_id: &str) -> Self {
        Self { boot_id: boot_id.to_owned(), closed: None }
    }

    pub(super) fn closed(boot_id: &str, dir: &Path) -> Result<Self, ShardError> {
        Ok(Self { boot_id: boot_id.to_owned(), closed: Some(hash_of(&rows_file(dir))?) })
    }

    /// Unreadable and damaged markers read as a folder of another boot that was not closed.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let bytes = fs::read(dir.join(NAME)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let (body, sum) = text.trim_end().rsplit_once(' ').unwrap_or(("", ""));
        let mut parts = body.split(' ');
        match (parts.next(), parts.next()) {
            (Some(boot_id), Some(closed)) if sum == sum_of(body) => Some(Self {
                boot_id: boot_id.to_owned(),
                closed: Some(closed.to_owned()).filter(|closed| closed != "open"),
            }),
            _ => Some(Self::in_use("damaged")),
        }
    }

    /// Whether the rows are what was written: closed cleanly, or in the memory of this same boot.
    pub(super) fn is_trusted(&self, boot_id: &str) -> bool {
        self.closed.is_some() || self.boot_id == boot_id
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), ShardError> {
        fs::create_dir_all(dir).map_err(during("creating", dir))?;
        let (path, new) = (dir.join(NAME), dir.join("marker.new"));
        let body = format!("{} {}", self.boot_id, self.closed.as_deref().unwrap_or("open"));
        let mut file = fs::File::create(&new).map_err(during("creating", &new))?;
        writeln!(file, "{body} {}", sum_of(&body)).map_err(during("writing", &new))?;
        file.sync_all().map_err(during("making durable", &new))?;
        fs::rename(&new, &path).map_err(during("renaming onto", &path))?;
        fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(during("making durable", dir))
    }
}

const NAME: &str = "marker";

pub(super) fn rows_file(dir: &Path) -> PathBuf {
    dir.join("rows").join("data.mdb")
}

fn sum_of(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().get(..16).unwrap_or_default().to_owned()
}

/// The hash of a file's whole content.
pub(super) fn hash_of(path: &Path) -> Result<String, ShardError> {
    let mut file = fs::File::open(path).map_err(during("opening", path))?;
    let (mut hash, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer).map_err(during("reading", path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
    }
    Ok(hash.finalize().to_hex().to_string())
}

/// Names this boot of the machine; where the system does not tell, every start counts as another boot.
pub(super) fn boot_id() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let told = told.trim();
    if told.is_empty() { "unknown".to_owned() } else { told.to_owned() }
}
