//! Servers that nodes use, started for a trial as processes of their own, and lines to them that can be cut.
//!
//! It knows nothing of the product, so that the rooms of every outside server can try themselves against it. What was
//! started ends with its owner, also when the owner is killed: see [`Leashed`].

// Processes that end with whoever started them.
mod leash;
// A line that is cut, held up and silenced.
mod line;
// A store that speaks S3.
mod ministack;
// A Redis.
mod redis;

pub use leash::{Leashed, Place};
pub use line::{Line, Mode, at_once};
pub use ministack::Ministack;
pub use redis::RedisServer;

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It is not installed.
    #[error("`{}` is not installed: run deploy/setup.sh", .0.display())]
    Missing(PathBuf),
    /// The operating system refuses something that it needs.
    #[error("{doing}")]
    System {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// It was started and does not answer.
    #[error("{server} was started and does not answer; its log ends with:\n{log}")]
    Silent {
        /// Which server.
        server: &'static str,
        /// The end of what it has written.
        log: String,
    },
    /// It answers something else than was wanted.
    #[error("{server} answers `{asked}` with `{answer}`")]
    Refused {
        /// Which server.
        server: &'static str,
        /// The request.
        asked: String,
        /// Its answer.
        answer: String,
    },
}

impl ServerError {
    /// Says what was being done when the operating system refused it.
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }
}

/// Ports from which the system serves outgoing connections begin above these.
const LISTENING_PORTS: std::ops::Range<u16> = 10_000..30_000;
/// Ports tried before all are called taken.
const PORTS_TRIED_MAX: u64 = 1_000;

/// A port that is free and that no outgoing connection takes: who is down for a while, or not up yet, finds it as it was.
///
/// `draw` is any number, and another one for each port of a run.
pub fn listening_port(draw: u64) -> Result<u16, ServerError> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 0..PORTS_TRIED_MAX {
        let offset = draw.wrapping_add(step) % u64::from(LISTENING_PORTS.end - LISTENING_PORTS.start);
        let port = LISTENING_PORTS.start.saturating_add(u16::try_from(offset).unwrap_or(0));
        match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_free) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(ServerError::system("looking for a port to listen at")(last))
}

/// A port of this machine on which nothing listens at this moment.
pub fn free_port() -> Result<u16, ServerError> {
    let bound =
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(bound.map_err(ServerError::system("looking for a free port"))?.port())
}
