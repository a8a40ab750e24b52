//! A case: one run that can be made again, also after the code has changed, because it holds what was drawn and not the seed alone.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::chance::{Draws, Stream};
use crate::core::{Plan, Scene};

/// The version of the file.
const VERSION: u32 = 1;

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The version of this file's layout.
    pub version: u32,
    /// What it shows, in a sentence.
    pub about: String,
    /// The planted bug that it needs, if it needs one.
    #[serde(default)]
    pub plant: Option<String>,
    /// Gives ids and nonces.
    pub seed: u64,
    /// Nodes, rates and steps.
    pub scene: Scene,
    /// What was drawn: stream, number in it, value; what is missing is 0.
    pub draws: Vec<(u16, u16, u32, u64)>,
}

impl Case {
    /// The case of a plan and what it drew.
    #[must_use]
    pub fn of(plan: &Plan, draws: &Draws, about: &str) -> Self {
        let draws = draws.iter().map(|((Stream(kind, of), number), value)| (*kind, *of, *number, *value));
        Case {
            version: VERSION,
            about: about.to_owned(),
            plant: None,
            seed: plan.seed,
            scene: plan.scene.clone(),
            draws: draws.collect(),
        }
    }

    /// The plan that makes the run again.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let draws =
            self.draws.iter().map(|(kind, of, number, value)| ((Stream(*kind, *of), *number), *value));
        Plan {
            seed: self.seed,
            scene: self.scene.clone(),
            kept: Some(draws.collect()),
            traces: false,
            records: true,
        }
    }

    /// Reads a case.
    ///
    /// # Errors
    /// If the file cannot be read, is no case, or is of a later version.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
        let case: Case =
            serde_json::from_str(&text).with_context(|| format!("`{}` is not a case", path.display()))?;
        anyhow::ensure!(
            case.version <= VERSION,
            "`{}` has version {}, this program reads up to {VERSION}; use a later one",
            path.display(),
            case.version
        );
        Ok(case)
    }

    /// Writes the case.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string(self).context("writing a case as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing `{}`", path.display()))
    }

    /// Steps and chances that are not plain: what a person has to look at.
    #[must_use]
    pub fn size(&self) -> usize {
        self.scene.steps.len() + self.draws.len()
    }
}
