//! Every environment variable that the program reads.
//!
//! Each setting `section.name` is also `RAG_ENABLER_SECTION_NAME`, such as `RAG_ENABLER_HTTP_LISTEN`. The
//! others are below. A variable that begins with the prefix and is neither is reported as a problem, so
//! that a misspelt one is never silently without effect.

/// What every variable of the program begins with.
pub const PREFIX: &str = "RAG_ENABLER_";

/// The first API key of a node, and the key that the command-line client sends. A secret.
pub const KEY: &str = "RAG_ENABLER_KEY";

/// The settings file to read, like `--config`.
pub const CONFIG: &str = "RAG_ENABLER_CONFIG";

/// The node that the command-line client talks to, such as `http://127.0.0.1:8080`.
pub const URL: &str = "RAG_ENABLER_URL";

/// A short name for the setting `models.dir`.
pub const MODELS: &str = "RAG_ENABLER_MODELS";

/// A short name for the setting `data.dir`.
pub const DATA: &str = "RAG_ENABLER_DATA";

/// A short name for the setting `log.filter`.
pub const LOG: &str = "RAG_ENABLER_LOG";

/// The home directory, which a leading `~` of a path stands for.
pub const HOME: &str = "HOME";

/// Variables that set a setting under a short name, with the setting.
pub const SHORT_NAMES: &[(&str, &str)] = &[(MODELS, "models.dir"), (DATA, "data.dir"), (LOG, "log.filter")];

/// Variables that are no setting, with what they are for.
pub const OTHERS: &[(&str, &str)] = &[
    (KEY, "the first API key of a node, and the key that the client sends"),
    (CONFIG, "the settings file to read"),
    (URL, "the node that the client talks to"),
];

/// Every variable with the setting that it sets.
pub fn settings() -> impl Iterator<Item = (String, &'static str)> {
    let short = SHORT_NAMES.iter().map(|(name, path)| ((*name).to_owned(), *path));
    short.chain(crate::key::KEYS.iter().map(|key| (key.variable(), key.path)))
}
