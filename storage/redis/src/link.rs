//! The way to the Redis: connections that heal by themselves, and a breaker in front of them.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_storage::clock::Clock;
use fred::clients::{Client, Pool};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::breaker::{Breaker, Turn};
use crate::report::Report;
use crate::settings::{Settings, SettingsError, builder_of};

/// Pause before a connection's driver is started again, should it ever end.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Beginnings of replies that mean "not now" or "not you", as opposed to "not this command".
const REFUSALS: [&str; 7] =
    ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "NOPERM", "TRYAGAIN"];

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It was not asked, because it is known to be away.
    Away,
    /// It was asked and did not answer, or not with what was asked for.
    Failed(Error),
}

/// The connections to a Redis and what is known about it.
pub(crate) struct Link {
    pool: Pool,
    breaker: Arc<Mutex<Breaker>>,
    report: Arc<Report>,
    clock: Arc<dyn Clock>,
    began: Instant,
    command_timeout: Duration,
    tasks: Vec<AbortHandle>,
}

impl Link {
    /// Begins to connect, and goes on trying for as long as the link lives.
    pub(crate) fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let builder = builder_of(settings)?;
        let pool = builder
            .build_pool(settings.pool_size)
            .map_err(|error| SettingsError::Url { what: error.details().to_owned() })?;
        let (breaker, report) = (Arc::new(Mutex::new(Breaker::new())), Arc::new(Report::default()));
        let mut tasks = Vec::new();
        for client in pool.clients() {
            tasks.push(tokio::spawn(drive(client.clone())).abort_handle());
            tasks.push(
                tokio::spawn(listen(client.clone(), Arc::clone(&report), Arc::clone(&clock))).abort_handle(),
            );
            tasks.push(tokio::spawn(welcome(client.clone(), Arc::clone(&breaker))).abort_handle());
        }
        let (began, command_timeout) = (Instant::now(), settings.command_timeout);
        Ok(Self { pool, breaker, report, clock, began, command_timeout, tasks })
    }

    /// The connection whose turn it is.
    pub(crate) fn client(&self) -> &Client {
        self.pool.next_connected()
    }

    /// Whether the Redis is several nodes, so that keys of one command may live apart.
    pub(crate) fn is_clustered(&self) -> bool {
        self.pool.clients().first().is_some_and(|client| client.is_clustered())
    }

    /// Whether the Redis is believed to answer.
    pub(crate) fn is_up(&self) -> bool {
        self.breaker().is_closed() && self.is_connected()
    }

    /// One line for the operator.
    pub(crate) fn note(&self) -> String {
        let breaker = *self.breaker();
        self.report.note(&breaker, self.is_connected())
    }

    /// What the breaker thinks.
    pub(crate) fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_connected(&self) -> bool {
        self.pool.clients().iter().any(ClientLike::is_connected)
    }

    /// Makes one call if the breaker lets it, and tells the breaker how it went.
    pub(crate) async fn ask<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, NoAnswer> {
        let turn = self.breaker().turn(self.began.elapsed());
        let asked = match turn {
            Turn::Skip => return Err(NoAnswer::Away),
            // Without a connection a call would wait for its timeout; only the probe finds out the hard way.
            Turn::Ask if !self.is_connected() => {
                self.breaker().failed(self.began.elapsed());
                return Err(NoAnswer::Away);
            }
            // The library has timeouts of its own, but not on every path.
            Turn::Ask | Turn::Probe => tokio::time::timeout(self.command_timeout, call).await,
        };
        let outcome = asked.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "Request timed out.")));
        match &outcome {
            Err(error) if is_away(error) => {
                self.breaker().failed(self.began.elapsed());
                self.report.failed(self.clock.now_ms(), error);
            }
            Err(error) if is_absent(error) => {
                self.breaker().answered();
                self.report.answered();
            }
            Err(error) => {
                self.breaker().answered();
                tracing::warn!(error = error.details(), "the Redis refused a command");
            }
            Ok(_) => {
                self.breaker().answered();
                self.report.answered();
            }
        }
        outcome.map_err(NoAnswer::Failed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Whether an error says that the Redis is away, as opposed to an answer that we did not like.
fn is_away(error: &Error) -> bool {
    let answered = matches!(
        error.kind(),
        ErrorKind::Unknown
            | ErrorKind::InvalidArgument
            | ErrorKind::InvalidCommand
            | ErrorKind::NotFound
            | ErrorKind::Parse
    );
    !answered || REFUSALS.iter().any(|refusal| error.details().starts_with(refusal))
}

/// Whether an error says that what was to be renamed is not there: an answer like another.
pub(crate) fn is_absent(error: &Error) -> bool {
    error.details().contains("no such key")
}

/// Stops the driver of a connection when whoever drives it is stopped.
struct StopOnDrop(AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps the driver of a connection running. It ends by itself only on what the library takes for a mistake in the
/// settings, and a cluster that is being set up looks like one.
async fn drive(client: Client) {
    loop {
        let driver = client.connect();
        let _stop = StopOnDrop(driver.abort_handle());
        let ended = driver.await;
        tracing::warn!(?ended, "the connection to the Redis ended; it is started again");
        tokio::time::sleep(RESTART_AFTER).await;
    }
}

/// Notes why connecting fails.
async fn listen(client: Client, report: Arc<Report>, clock: Arc<dyn Clock>) {
    let mut errors = client.error_rx();
    loop {
        match errors.recv().await {
            Ok((error, _)) => report.failed(clock.now_ms(), &error),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Closes the breaker when a connection stands, so that nobody waits for the next probe.
async fn welcome(client: Client, breaker: Arc<Mutex<Breaker>>) {
    let mut connects = client.reconnect_rx();
    loop {
        match connects.recv().await {
            Ok(_) => breaker.lock().unwrap_or_else(PoisonError::into_inner).answered(),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_we_do_not_like_is_still_an_answer() {
        for (kind, details, away) in [
            (ErrorKind::Unknown, "OOM command not allowed when used memory > 'maxmemory'.", false),
            (ErrorKind::InvalidArgument, "WRONGTYPE Operation against a key", false),
            (ErrorKind::Unknown, "LOADING Redis is loading the dataset in memory", true),
            (ErrorKind::Unknown, "READONLY You can't write against a read only replica.", true),
            (ErrorKind::Timeout, "Request timed out.", true),
            (ErrorKind::IO, "Connection reset", true),
            (ErrorKind::Auth, "WRONGPASS", true),
        ] {
            assert_eq!(is_away(&Error::new(kind, details)), away, "{details}");
        }
    }
}
