//! The sample documents and what the tour asks them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::failure::Failure;

/// The samples in a directory.
#[derive(Debug, Deserialize)]
pub(super) struct Samples {
    /// The directory.
    #[serde(skip)]
    pub(super) dir: PathBuf,
    /// The documents.
    pub(super) files: Vec<File>,
    /// The questions, in the order to be asked.
    pub(super) questions: Vec<Question>,
}

/// One sample document.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    /// Its path in the directory.
    pub(super) path: String,
    /// What kind of document it is.
    pub(super) template: String,
}

/// One question.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    /// The path of the document that it is about.
    pub(super) document: String,
    /// The question.
    pub(super) question: String,
}

impl Samples {
    /// Reads `tour.toml` in `dir`.
    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join("tour.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::Plain(format!(
                "{} cannot be read ({error}).\nRun the tour in the repository, or name its samples with --samples.",
                path.display()
            ))
        })?;
        let mut samples: Self = toml::from_str(&text)
            .map_err(|error| Failure::Plain(format!("{} is no list of samples: {error}", path.display())))?;
        samples.dir = dir.to_owned();
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_of_the_shipped_tour_is_about_a_shipped_file() {
        let samples = Samples::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")).unwrap();
        assert!(!samples.questions.is_empty());
        for file in &samples.files {
            assert!(samples.dir.join(&file.path).is_file(), "{} is missing", file.path);
        }
        for question in &samples.questions {
            assert!(samples.files.iter().any(|file| file.path == question.document), "{question:?}");
        }
    }
}
