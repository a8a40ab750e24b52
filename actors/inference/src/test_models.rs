//! Where tests find the models that set-up imports.

use std::path::PathBuf;

/// `$RAG_ENABLER_MODELS`, or the user's cache.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where set-up put the models"
)]
pub(crate) fn models_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("RAG_ENABLER_MODELS") {
        return dir.into();
    }
    let home = std::env::var_os("HOME").expect("HOME, or RAG_ENABLER_MODELS, names where the models are");
    PathBuf::from(home).join(".cache/rag-enabler/models")
}
