//! Why a provider gave nothing, in words that hold no key and no text that was sent.

/// Why a provider gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It asks to be left alone, still after several tries.
    #[error("{provider} has too much to do; try again later")]
    Overloaded {
        /// Which provider.
        provider: &'static str,
    },
    /// The time was over first.
    #[error("{provider} did not answer in time")]
    TimedOut {
        /// Which provider.
        provider: &'static str,
    },
    /// It cannot be reached.
    #[error("{provider} cannot be reached at {address}: {why}")]
    Unreachable {
        /// Which provider.
        provider: &'static str,
        /// Where it was looked for.
        address: String,
        /// What the network said.
        why: String,
    },
    /// It says no.
    #[error("{provider} refuses: {why}")]
    Refused {
        /// Which provider.
        provider: &'static str,
        /// What it says.
        why: String,
    },
    /// It cannot take what was sent; something else it would.
    #[error("{provider} cannot take what was sent: {why}")]
    Unfit {
        /// Which provider.
        provider: &'static str,
        /// What it says.
        why: String,
    },
    /// It answers something else than it promises.
    #[error("{provider} answers something else than it promises: {what}")]
    Strange {
        /// Which provider.
        provider: &'static str,
        /// What is wrong with the answer.
        what: String,
    },
    /// The settings are wrong.
    #[error("{0}")]
    Settings(String),
}

impl ProviderError {
    /// Whether the same may go well a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::TimedOut { .. } | Self::Unreachable { .. })
    }
}
