//! Why a run cannot go on, and which of it is the product's fault.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use enabler_sim_servers::ServerError;

use crate::node::NotReady;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The plan cannot be carried out.
    #[error("the plan cannot be carried out: {0}")]
    Plan(String),
    /// There is no program to start nodes of.
    #[error("no program `{}`: build it with `cargo build --bin rag-enabler`, or name another with --program", .0.display())]
    NoProgram(PathBuf),
    /// A server that nodes use cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A node does not become ready.
    #[error("{node} is not ready")]
    Node {
        /// Its name.
        node: String,
        /// Why.
        source: NotReady,
    },
    /// A node that was asked to stop does not end in peace.
    #[error("{node} does not stop in peace: {how}")]
    NoPeace {
        /// Its name.
        node: String,
        /// What it did instead, with the end of its log.
        how: String,
    },
    /// The shards do not come to those who shall own them, or to anybody.
    #[error("the shards do not come to rest: {0}")]
    Unrest(String),
    /// A program of the system fails.
    #[error("`{command}` fails: {said}")]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        said: String,
    },
    /// The operating system refuses something.
    #[error("{doing}")]
    System {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The store cannot be read past the nodes.
    #[error("{doing} in the store")]
    Store {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Somebody ended the run before it was over.
    #[error("interrupted; everything that was started is being ended")]
    Interrupted,
}

impl LiveError {
    /// Whether the product is at fault once it has run: then this is a broken promise and no accident of the run.
    #[must_use]
    pub fn is_broken_promise(&self) -> bool {
        matches!(self, Self::Node { .. } | Self::NoPeace { .. } | Self::Unrest(_))
    }

    /// This with every cause, in one text.
    #[must_use]
    pub fn whole(&self) -> String {
        let (mut text, mut cause) = (self.to_string(), self.source());
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// Says what was being done when the operating system refused it.
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }

    /// Says what was being done when the store failed.
    pub(crate) fn store<E: Error + Send + Sync + 'static>(
        doing: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |error| Self::Store { doing, source: Box::new(error) }
    }
}
