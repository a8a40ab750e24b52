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
    watchers: Option<TcpListener>,
    key: Secret,
    stop: CancellationToken,
) -> Result<(), rag_enabler::node::NodeError> {
    rag_enabler::node::run(settings, listener, watchers, key, stop).await
}

/// Reads documents as a child process of a node.
pub(crate) fn reading_child() -> ExitCode {
    enabler_reading::child_main()
}

/// Checks the index of the shard in `dir`; it may crash, which is why a node runs it as a child process.
pub(crate) fn verify_shard(dir: &Path) -> ExitCode {
    match enabler_storage::shard::verify_dir(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
