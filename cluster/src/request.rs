//! What travels with every request: its deadline, its trace and its cancel token.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why a request ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The deadline passed.
    #[error("the deadline passed")]
    TimedOut,
    /// Whoever asked no longer waits.
    #[error("the request was cancelled")]
    Cancelled,
}

/// The deadline, trace id and cancel token of one request. Cheap to clone; clones share the token.
#[derive(Debug, Clone)]
pub struct Request {
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The trace that logs of this request carry.
    pub trace: Arc<str>,
    /// Fires when the caller is gone.
    pub cancel: CancellationToken,
}

impl Request {
    /// A request that ends `limit` from now.
    pub fn new(trace: impl Into<Arc<str>>, limit: Duration) -> Self {
        Request { deadline: Instant::now() + limit, trace: trace.into(), cancel: CancellationToken::new() }
    }

    /// A part of this request: cancelled with it, cancellable alone, never later than it.
    pub fn part(&self, limit: Duration) -> Self {
        Request {
            deadline: self.deadline.min(Instant::now() + limit),
            trace: self.trace.clone(),
            cancel: self.cancel.child_token(),
        }
    }

    /// How much time is left; zero when the deadline passed.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Why there is no use in going on, if so.
    pub fn ended(&self) -> Option<Ended> {
        if self.cancel.is_cancelled() {
            Some(Ended::Cancelled)
        } else if self.left().is_zero() {
            Some(Ended::TimedOut)
        } else {
            None
        }
    }

    /// Runs `work` until it is done, the deadline passes or the request is cancelled.
    ///
    /// # Errors
    /// Says which of the two ended it; `work` is dropped then.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Ended::Cancelled),
            done = tokio::time::timeout_at(self.deadline, work) => done.map_err(|_| Ended::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_never_outlives_the_whole() {
        let whole = Request::new("t", Duration::from_secs(1));
        assert_eq!(whole.part(Duration::from_secs(9)).deadline, whole.deadline);
        let part = whole.part(Duration::from_millis(10));
        assert_eq!(part.run(std::future::pending::<()>()).await, Err(Ended::TimedOut));
        assert_eq!(whole.ended(), None);
    }

    #[tokio::test]
    async fn cancelling_the_whole_ends_its_parts_and_not_the_reverse() {
        let whole = Request::new("t", Duration::from_secs(60));
        let part = whole.part(Duration::from_secs(1));
        part.cancel.cancel();
        assert_eq!((part.ended(), whole.ended()), (Some(Ended::Cancelled), None));
        let other = whole.part(Duration::from_secs(1));
        whole.cancel.cancel();
        assert_eq!(other.run(std::future::pending::<()>()).await, Err(Ended::Cancelled));
    }
}
