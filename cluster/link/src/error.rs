//! Why a call to another node brought no answer, and how a service refuses one.

use enabler_cluster::request::Ended;

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no way to the node now; nothing was sent.
    #[error("there is no link to the node")]
    NoLink,
    /// Too much is under way to or at the node; nothing was begun.
    #[error("too many calls are under way to the node")]
    Overloaded,
    /// The body is above the limit; nothing was sent.
    #[error("{bytes} bytes are above the limit of {bytes_max} for one frame")]
    TooLarge {
        /// The body's size.
        bytes: u64,
        /// The limit of the two nodes.
        bytes_max: u64,
    },
    /// The node does not know this kind of call.
    #[error("the node does not support this call")]
    Unsupported,
    /// The node's service refused, with its code and a text for people.
    #[error("the node refused (code {0}): {1}")]
    Refused(u16, String),
    /// It was sent, and no answer came: it may have happened.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// The caller's own time was up, or it gave up: it may have happened.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// How a service refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It does not know the kind.
    Unsupported,
    /// It has too much to do; nothing was begun.
    Busy,
    /// A code of its own, and a text for people.
    Code(u16, String),
}
