//! The seam between the command line and the product: the three things that only the product can do.

use std::path::Path;
use std::process::ExitCode;

use enabler_config::{Secret, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::out;

/// Runs a node until `stop` fires and its work in hand is done.
pub(crate) async fn run(
    settings: Settings,
    listener: TcpListener,
    key: Secret,
    stop: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    drop((settings, listener, key, stop));
    Err("this build has no node".into())
}

/// Reads one document as a child process of a node.
pub(crate) fn reading_child() -> ExitCode {
    out::error("this build cannot read documents");
    ExitCode::FAILURE
}

/// Checks the shard in `dir`.
pub(crate) fn verify_shard(dir: &Path) -> ExitCode {
    out::error(&format!("this build cannot check {}", dir.display()));
    ExitCode::FAILURE
}
