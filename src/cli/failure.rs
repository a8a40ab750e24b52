//! Why a command did not do what was asked, said so that the next step is clear.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The settings are wrong.
    #[error("{0}")]
    Settings(#[from] enabler_config::Problems),
    /// No node could be reached.
    #[error(
        "no node answers at {url} ({cause}).\nStart one with `rag-enabler serve`, or name another with --url."
    )]
    Unreachable { url: String, cause: String },
    /// The data directory names no node.
    #[error("no node serves {dir}.\nStart one with `rag-enabler serve`, or name one with --url.")]
    NoNode { dir: PathBuf },
    /// There is no key to send.
    #[error(
        "no API key: {path} does not exist and RAG_ENABLER_KEY is not set.\n\
         Set RAG_ENABLER_KEY, or name a file that holds the key with --key-file."
    )]
    NoKey { path: PathBuf },
    /// The node refused.
    #[error("{0}")]
    Refused(Refusal),
    /// A file or directory could not be used.
    #[error("{doing}: {source}")]
    Io { doing: String, source: std::io::Error },
    /// Something else that is clear by itself.
    #[error("{0}")]
    Plain(String),
}

/// What a node answered instead of what was asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The sentence for people.
    pub(crate) detail: String,
    /// Each wrong field.
    pub(crate) details: Vec<String>,
    /// When to try again, in seconds.
    pub(crate) retry_after_seconds: Option<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.details.as_slice() {
            [] => write!(f, "{}", self.detail),
            [only] if *only == self.detail => write!(f, "{only}"),
            details => write!(f, "the node refused the request:\n  {}", details.join("\n  ")),
        }
    }
}

impl Failure {
    pub(crate) fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }

    /// 2 when the command was wrong, 3 when no node could be reached, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::NoKey { .. } => ExitCode::from(2),
            Self::Unreachable { .. } | Self::NoNode { .. } => ExitCode::from(3),
            Self::Refused(_) | Self::Io { .. } | Self::Plain(_) => ExitCode::FAILURE,
        }
    }
}
