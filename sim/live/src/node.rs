//! A node as a process of its own: its folder, which outlives it, and its life from the start to the end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use enabler_sim_servers::{Leashed, Place};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::door::POLL;
use crate::error::LiveError;

/// What of the environment a node gets: whatever else the caller has set must not change a run.
const ENVIRONMENT: [&str; 6] =
    ["HOME", "PATH", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "RAG_ENABLER_MODELS", "RAG_ENABLER_LOG"];
/// Lines of a node's log that are shown when it fails.
const LAST_LINES: usize = 30;
/// How long a node may take to say whether it is ready.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A node's folder with what belongs to it; it outlives the node.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
    program: PathBuf,
    /// A program, with its arguments, in whose surroundings the node runs; empty for ours.
    within: Vec<String>,
    listen: String,
    log: PathBuf,
}

impl Home {
    /// An empty home of `program` below `parent`, whose nodes answer at `listen` and are started by `within`, such as
    /// `ip netns exec NAME`.
    pub fn new(
        parent: &Path,
        program: &Path,
        within: Vec<String>,
        listen: String,
    ) -> Result<Self, LiveError> {
        let dir = tempfile::Builder::new().prefix("rag-enabler-node-").tempdir_in(parent);
        let dir = dir.map_err(LiveError::system("making a folder for a node"))?;
        let log = dir.path().join("node.log");
        let home = Self { dir, program: program.to_owned(), within, listen, log };
        std::fs::create_dir(home.data()).map_err(LiveError::system("making a data folder for a node"))?;
        Ok(home)
    }

    /// Its nodes log into `log` instead of a file of the home.
    #[must_use]
    pub fn logging_to(self, log: PathBuf) -> Self {
        Self { log, ..self }
    }

    /// Gives every node of this home this API key instead of one of its own.
    pub fn share_key(&self, key: &str) -> Result<(), LiveError> {
        std::fs::write(self.data().join("key"), key).map_err(LiveError::system("writing a node's key"))
    }

    /// Settings for every node of this home, as TOML.
    pub fn settings(&self, toml: &str) -> Result<(), LiveError> {
        let file = self.path().join("rag-enabler.toml");
        std::fs::write(file, toml).map_err(LiveError::system("writing a node's settings"))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where its nodes keep what is theirs.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Everything that the nodes of this home have logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// A command of the program in this home; its arguments are still to be given.
    #[must_use]
    pub fn command(&self) -> Command {
        let words = self.words();
        let mut command = Command::new(words.first().map_or("", String::as_str));
        command.args(words.iter().skip(1)).current_dir(self.path()).kill_on_drop(true).stdin(Stdio::null());
        surround(&mut command);
        command
    }

    /// Starts a node and waits for nothing.
    pub fn launch(&self) -> Result<Node, LiveError> {
        let mut words = self.words();
        words.extend(["serve", "--listen", &self.listen].map(str::to_owned));
        let process = Leashed::start(&words, &Place::Lent(self.path().to_owned()), &self.log, surround)?;
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIME_MAX).build().unwrap_or_default();
        let (log, data) = (self.log.clone(), self.data());
        Ok(Node { process, log, data, url: String::new(), key: String::new(), http })
    }

    fn words(&self) -> Vec<String> {
        let program =
            [&self.program.to_string_lossy(), "--data", &self.data().to_string_lossy()].map(str::to_owned);
        self.within.iter().cloned().chain(program).collect()
    }
}

fn surround(command: &mut Command) {
    let kept = ENVIRONMENT.iter().filter_map(|name| Some((name, variable(name)?)));
    command.env_clear().envs(kept);
}

#[expect(clippy::disallowed_methods, reason = "this is where a node's surroundings are taken from ours")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Why a node is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Its process ended; the end of its log.
    #[error("it ended:\n{0}")]
    Ended(String),
    /// It has not become ready within the time; the end of its log.
    #[error("it still waits:\n{0}")]
    Waits(String),
}

/// A running node. It ends when it is dropped, and when the process that holds it ends, whichever way.
#[derive(Debug)]
pub struct Node {
    process: Leashed,
    log: PathBuf,
    data: PathBuf,
    url: String,
    key: String,
    http: reqwest::Client,
}

impl Node {
    /// Waits until the node is ready, for `time_max` at most.
    pub async fn wait_until_ready(&mut self, time_max: Duration) -> Result<(), NotReady> {
        let outcome = tokio::time::timeout(time_max, self.become_ready()).await;
        outcome.unwrap_or_else(|_| Err(NotReady::Waits(self.last_words())))
    }

    async fn become_ready(&mut self) -> Result<(), NotReady> {
        loop {
            if !matches!(self.process.ended().await, Ok(None)) {
                return Err(NotReady::Ended(self.last_words()));
            }
            if self.find().is_some() && self.is_ready().await {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Learns the address and the key, unless the file is one that a killed node left behind.
    fn find(&mut self) -> Option<()> {
        let bytes = std::fs::read(self.data.join("node.json")).ok()?;
        let file = serde_json::from_slice::<Value>(&bytes).ok()?;
        if file["pid"].as_u64()? != u64::from(self.process.pid()?) {
            return None;
        }
        file["url"].as_str()?.clone_into(&mut self.url);
        self.key = std::fs::read_to_string(self.data.join("key")).ok()?.trim().to_owned();
        Some(())
    }

    async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/ready", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Where its API is, once it has been found ready.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key of its API, once it has been found ready.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sends its process a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), LiveError> {
        Ok(self.process.signal(signal)?)
    }

    /// Ends the process at once, as a power cut would.
    pub async fn kill(mut self) -> Result<(), LiveError> {
        Ok(self.process.kill().await?)
    }

    /// Asks the node to stop and waits until it has, for `time_max` at most; otherwise how it failed to.
    pub async fn stop(mut self, time_max: Duration) -> Result<(), String> {
        self.signal(Signal::TERM).map_err(|error| error.whole())?;
        match tokio::time::timeout(time_max, self.process.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("it ended with {status}:\n{}", self.last_words())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                Err(format!("it is still there after {} s:\n{}", time_max.as_secs(), self.last_words()))
            }
        }
    }

    /// The end of the node's log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
    }
}
