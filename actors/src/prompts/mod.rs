//! The prompts that answers are drafted with: versions in the store, and the one in force, which every node looks for.

mod record;
mod told;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use enabler_grounding::prompt::{SHIPPED, Template};
use enabler_grounding::question::Language;
use enabler_storage::objects::ObjectStore;

use crate::question::tokens;

pub(crate) use self::record::{Candidate, Verdict, candidate, conclude, in_force};
pub(crate) use self::told::Promoted;

/// How often it is looked which version is in force.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Versions on trial that are remembered: one at a time is tried.
const TRIED_MAX: usize = 4;
/// A prompt file in bytes.
const FILE_BYTES_MAX: usize = 8 * 1024;
/// Tokens of a prompt around its passages: about half of what a draft may read stays for them.
const FRAME_TOKENS_MAX: usize = 450;

/// One version of the prompts, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name: `v1` ships, `p1`, `p2` and so on are in the store.
    pub name: String,
    portuguese: Template,
    english: Template,
}

impl Version {
    /// The version that ships, which is there whatever the store holds.
    pub fn shipped() -> Self {
        Version {
            name: SHIPPED.to_owned(),
            portuguese: Template::shipped(Language::Portuguese),
            english: Template::shipped(Language::English),
        }
    }

    /// Reads a version.
    ///
    /// # Errors
    /// What is wrong with one of its files, in words.
    pub fn read(name: &str, portuguese: &str, english: &str) -> Result<Self, String> {
        let file = |language, text: &str| {
            let template = Template::versioned(name, language, text).map_err(|error| error.to_string())?;
            let size = template.size(&tokens);
            if text.len() > FILE_BYTES_MAX {
                return Err(format!("prompt `{}` has more than {FILE_BYTES_MAX} bytes", template.name));
            }
            if size > FRAME_TOKENS_MAX {
                return Err(format!(
                    "prompt `{}` takes about {size} tokens and leaves the passages too little: at most {FRAME_TOKENS_MAX}",
                    template.name
                ));
            }
            Ok(template)
        };
        Ok(Version {
            name: name.to_owned(),
            portuguese: file(Language::Portuguese, portuguese)?,
            english: file(Language::English, english)?,
        })
    }

    /// The prompt for answers in `language`.
    pub fn template(&self, language: Language) -> &Template {
        match language {
            Language::Portuguese => &self.portuguese,
            Language::English => &self.english,
        }
    }
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn ObjectStore>,
    now: RwLock<Arc<Version>>,
    tried: Mutex<VecDeque<Arc<Version>>>,
}

/// The versions as this node knows them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prompts(Arc<Inner>);

impl Prompts {
    /// Looks which version is in force, and goes on looking until nobody holds this any more.
    pub async fn start(store: Arc<dyn ObjectStore>) -> Self {
        let now = RwLock::new(Arc::new(Version::shipped()));
        let prompts = Prompts(Arc::new(Inner { store, now, tried: Mutex::default() }));
        prompts.look().await;
        let watched = Arc::downgrade(&prompts.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(inner) = watched.upgrade() else { return };
                Prompts(inner).look().await;
            }
        });
        prompts
    }

    /// The version in force.
    pub fn now(&self) -> Arc<Version> {
        self.0.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version with this name, in force or not.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn named(&self, name: &str) -> Result<Arc<Version>, String> {
        let known = |known: &Arc<Version>| known.name == name;
        if let Some(now) = Some(self.now()).filter(known) {
            return Ok(now);
        }
        let tried = self
            .0
            .tried
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|one| known(one))
            .cloned();
        if let Some(tried) = tried {
            return Ok(tried);
        }
        let version = Arc::new(record::version(&*self.0.store, name).await?);
        let mut tried = self.0.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.push_back(version.clone());
        if tried.len() > TRIED_MAX {
            tried.pop_front();
        }
        Ok(version)
    }

    /// Takes in the version in force. While the store is away, or what it names cannot be read, the one before holds.
    async fn look(&self) {
        let found = match record::in_force(&*self.0.store).await {
            Ok(name) if name == self.now().name => return,
            Ok(name) => self.named(&name).await,
            Err(why) => {
                tracing::debug!(why, "looking which prompt is in force");
                return;
            }
        };
        match found {
            Ok(version) => {
                tracing::info!(version = %version.name, "this prompt is in force");
                *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = version;
            }
            Err(why) => {
                tracing::warn!(why, "the prompt that shall be in force cannot be; the one before holds")
            }
        }
    }
}

#[cfg(test)]
mod tests;
