//! Which language models are on disk, looked at no more than once a second: every question asks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_inference::catalogue::{self, Location, UnknownModel};
use tokio::time::Instant;

/// How long a model that was found counts as there.
const FOUND_AGE_MAX: Duration = Duration::from_secs(1);

/// The models in one folder. Cheap to clone.
#[derive(Clone)]
pub struct Installed {
    dir: PathBuf,
    /// By the name that was asked for; the catalogue's names bound it.
    found: Arc<Mutex<BTreeMap<String, (&'static str, Instant)>>>,
}

impl Installed {
    /// The models in `dir`.
    pub fn within(dir: PathBuf) -> Self {
        Installed { dir, found: Arc::default() }
    }

    /// The name in the catalogue of the model called `name`; `auto` is the best that is there.
    ///
    /// # Errors
    /// Where the model was looked for, if it is in the catalogue and not on disk.
    pub fn named(&self, name: &str) -> Result<Result<&'static str, Location>, UnknownModel> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((model, seen)) = found.get(name)
            && seen.elapsed() < FOUND_AGE_MAX
        {
            return Ok(Ok(model));
        }
        let location = match name {
            "auto" => catalogue::choose_auto(&self.dir),
            name => catalogue::locate(&self.dir, name)?,
        };
        Ok(match location {
            Location::Found { model, .. } => {
                found.insert(name.to_owned(), (model.name, Instant::now()));
                Ok(model.name)
            }
            missing @ Location::Missing { .. } => {
                found.remove(name);
                Err(missing)
            }
        })
    }
}
