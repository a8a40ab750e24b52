//! Validates a model directory: sizes and hashes against its manifest, and that the weights' header reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, ManifestError, sha256_of};

/// A safetensors header lists tensors; 100 MB is the format's own limit.
const SAFETENSORS_HEADER_MAX: u64 = 100_000_000;

/// What [`check`] found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The weights file whose header was read.
    pub weights: PathBuf,
    /// Sum of the sizes of the files checked, in bytes.
    pub bytes: u64,
    /// Whether a manifest vouched for every byte; without one only the header was read.
    pub hashed: bool,
}

/// What is wrong with a model directory.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The directory or a file in it could not be read.
    #[error("reading `{path}`")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The manifest could not be used.
    #[error("reading the manifest of `{dir}`")]
    Manifest {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: ManifestError,
    },
    /// A file's size or content is not what the manifest says.
    #[error("`{path}` is damaged: {what}; import or fetch the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
    /// There is no weights file.
    #[error("`{dir}` holds neither a .safetensors nor a .gguf file")]
    NoWeights {
        /// The directory.
        dir: PathBuf,
    },
}

/// Validates the model in `dir`, reading every byte when there is a manifest.
pub fn check(dir: &Path) -> Result<Checked, CheckError> {
    let manifest =
        Manifest::read(dir).map_err(|source| CheckError::Manifest { dir: dir.to_owned(), source })?;
    let weights = weights_of(dir)?;
    let mut bytes = 0;
    if let Some(manifest) = &manifest {
        for file in &manifest.files {
            let path = dir.join(&file.name);
            let (sha256, size) =
                sha256_of(&path).map_err(|source| CheckError::Io { path: path.clone(), source })?;
            if size != file.bytes {
                let what = format!("it has {size} bytes where {} are expected", file.bytes);
                return Err(CheckError::Damaged { path, what });
            }
            if sha256 != file.sha256 {
                let what = format!("its SHA-256 is {sha256} where {} is expected", file.sha256);
                return Err(CheckError::Damaged { path, what });
            }
            bytes += size;
        }
    } else {
        bytes = std::fs::metadata(&weights)
            .map_err(|source| CheckError::Io { path: weights.clone(), source })?
            .len();
    }
    read_header(&weights)?;
    Ok(Checked { weights, bytes, hashed: manifest.is_some() })
}

fn weights_of(dir: &Path) -> Result<PathBuf, CheckError> {
    let io = |source| CheckError::Io { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|ext| ext == "safetensors" || ext == "gguf") {
            found.push(path);
        }
    }
    found.sort();
    found.into_iter().next().ok_or_else(|| CheckError::NoWeights { dir: dir.to_owned() })
}

fn read_header(path: &Path) -> Result<(), CheckError> {
    let io = |source| CheckError::Io { path: path.to_owned(), source };
    let damaged = |what: String| CheckError::Damaged { path: path.to_owned(), what };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if path.extension().is_some_and(|ext| ext == "gguf") {
        let content = candle_core::quantized::gguf_file::Content::read(&mut file)
            .map_err(|error| damaged(format!("its GGUF header does not read ({error})")))?;
        return crate::language::check_extent(&content, size).map_err(damaged);
    }
    let mut length = [0u8; 8];
    file.read_exact(&mut length).map_err(|_| damaged("it is shorter than a safetensors header".into()))?;
    let length = u64::from_le_bytes(length);
    if length > SAFETENSORS_HEADER_MAX || length + 8 > size {
        return Err(damaged(format!("its safetensors header claims {length} bytes")));
    }
    let mut text = vec![0u8; length as usize];
    file.read_exact(&mut text).map_err(io)?;
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text)
        .map_err(|error| damaged(format!("its safetensors header does not parse ({error})")))?;
    let end = header
        .values()
        .filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64())
        .max()
        .unwrap_or_default();
    if end.checked_add(length + 8) != Some(size) {
        return Err(damaged(format!("its tensors end at byte {end} after the header, the file at {size}")));
    }
    Ok(())
}
