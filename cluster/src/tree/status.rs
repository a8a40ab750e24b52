//! What an actor is doing, in one word.

use serde::{Deserialize, Serialize};

/// What an actor is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being started.
    Starting,
    /// Ready for its next message.
    Running,
    /// Handles a message.
    Busy,
    /// Has handled one message for longer than its kind should take.
    Stuck,
    /// Waits for another part, such as the store or a pool.
    Waiting,
    /// Hands over what it has and takes nothing new.
    Draining,
    /// Held back by an operator; what comes is kept.
    Paused,
    /// Taken out of service by an operator.
    Quarantined,
    /// Failed or was told to start again; waits for that.
    Restarting,
    /// Failed for good; its supervisor gave up.
    Failed,
    /// Ended in peace.
    Stopped,
}

impl Status {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Starting,
        Self::Running,
        Self::Busy,
        Self::Stuck,
        Self::Waiting,
        Self::Draining,
        Self::Paused,
        Self::Quarantined,
        Self::Restarting,
        Self::Failed,
        Self::Stopped,
    ];

    /// Its name, as operators read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Busy => "busy",
            Self::Stuck => "stuck",
            Self::Waiting => "waiting",
            Self::Draining => "draining",
            Self::Paused => "paused",
            Self::Quarantined => "quarantined",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// The one called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn of(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Starting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_found_by_its_name_and_its_number() {
        for status in Status::ALL {
            assert_eq!((Status::named(status.name()), Status::of(status.number())), (Some(status), status));
        }
    }
}
