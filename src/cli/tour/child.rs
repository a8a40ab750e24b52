//! The node that the tour starts: a child process with its log in the data directory.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use enabler_config::{Loaded, Origin};
use tokio::process::{Child, Command};

use super::super::arguments::Common;
use super::super::failure::Failure;

/// Lines of the node's log that are shown when it ends by itself.
const LINES_SHOWN: usize = 12;
/// How long a node may take to stop before it is ended.
const STOP_TIME_MAX: Duration = Duration::from_secs(25);

/// A node that runs as a child.
pub(super) struct Node {
    child: Child,
    log: PathBuf,
}

impl Node {
    /// Starts a node on the data directory of `loaded`.
    pub(super) fn start(loaded: &Loaded, common: &Common) -> Result<Self, Failure> {
        let dir = &loaded.merged.settings.data.dir;
        let program = std::env::current_exe().map_err(|error| Failure::io("finding this program", error))?;
        let log = dir.join("node.log");
        let doing = || format!("opening {}", log.display());
        let file = std::fs::File::create(&log).map_err(|error| Failure::io(doing(), error))?;
        let other = file.try_clone().map_err(|error| Failure::io(doing(), error))?;
        let mut command = Command::new(program);
        if let Some(config) = &common.config {
            command.arg("--config").arg(config);
        }
        command.arg("--data").arg(dir).args(["serve", "--with-parent"]);
        if needs_another_port(loaded) {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        // A group of its own: Ctrl-C is for the tour, which then stops the node in order.
        command.stdin(Stdio::null()).stdout(file).stderr(other).process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| Failure::io("starting a node", error))?;
        Ok(Self { child, log })
    }

    /// Waits until the node ends by itself, and says why it did.
    pub(super) async fn ended(&mut self) -> Failure {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let log = last_lines(&self.log);
        Failure::Plain(format!("the node ended ({status}). The end of {}:\n{log}", self.log.display()))
    }

    /// Asks the node to stop, and ends it when it does not.
    pub(super) async fn stop(mut self) {
        let pid =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // A node that is already gone needs no signal.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(STOP_TIME_MAX, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Whether nobody chose the port and another program has the usual one.
fn needs_another_port(loaded: &Loaded) -> bool {
    let chosen = loaded
        .merged
        .values
        .iter()
        .any(|(path, _, origin)| *path == "http.listen" && *origin != Origin::Default);
    let listen: SocketAddr = loaded.merged.settings.http.listen;
    !chosen && TcpListener::bind(listen).is_err()
}

fn last_lines(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let skip = lines.len().saturating_sub(LINES_SHOWN);
    lines.iter().skip(skip).map(|line| format!("  {line}\n")).collect()
}
