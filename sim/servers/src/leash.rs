//! Processes that end with whoever started them, whichever way that one ends: also by `kill -9`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

use crate::ServerError;

/// Becomes the program, and leaves a watcher beside it: when its input ends without a word, its starter has, and then
/// the watcher kills the program and removes the folder that nobody needs any more: again and again, because others that
/// write into it may end a little later.
const LEASH: &str = r#"
folder=$1; shift
exec 3<&0 0</dev/null
( trap '' INT TERM
  read -r word <&3 && exit
  kill -9 $$
  [ -z "$folder" ] || for pause in 0.1 0.5 1 2; do sleep $pause; rm -rf "$folder"; done ) &
exec 3<&-
exec "$@"
"#;

/// Where a leashed process works.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder that is removed with the process, unless it was killed by [`Leashed::kill`].
    Own(PathBuf),
    /// A folder that stays.
    Lent(PathBuf),
}

impl Place {
    /// An empty folder of a server's own.
    pub fn new_own() -> Result<Self, ServerError> {
        let folder = tempfile::Builder::new().prefix("rag-enabler-server-").tempdir();
        Ok(Self::Own(folder.map_err(ServerError::system("making a folder for a server"))?.keep()))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Lent(path) => path,
        }
    }

    /// The file in it that a process writes to; each start adds to it.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path().join("log")
    }
}

/// A process that is killed as soon as this is dropped or the process that holds it ends, whichever way.
///
/// It stands in a process group of its own, so that Ctrl-C on a terminal reaches only the one who started it.
#[derive(Debug)]
pub struct Leashed {
    child: Child,
    leash: Option<ChildStdin>,
}

impl Leashed {
    /// Starts `words` (a program and its arguments) in `place`, its output going to `log`; `set` gives it more.
    pub fn start(
        words: &[String],
        place: &Place,
        log: &Path,
        set: impl FnOnce(&mut Command),
    ) -> Result<Self, ServerError> {
        let doing = || ServerError::system(format!("starting `{}`", words.join(" ")));
        let file = std::fs::File::options().create(true).append(true).open(log).map_err(doing())?;
        let copy = file.try_clone().map_err(doing())?;
        let mut command = Command::new("sh");
        set(&mut command);
        let removed = match place {
            Place::Own(path) => path.as_os_str(),
            Place::Lent(_) => "".as_ref(),
        };
        command.args(["-c", LEASH, "sh"]).arg(removed).args(words).current_dir(place.path());
        command.stdin(Stdio::piped()).stdout(file).stderr(copy).process_group(0);
        let mut child = command.spawn().map_err(doing())?;
        let leash = child.stdin.take();
        Ok(Self { child, leash })
    }

    /// The number of the process while it has not been seen to end.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends the process a signal; one that has ended takes none.
    pub fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())) else { return Ok(()) };
        kill_process(pid, signal)
            .map_err(io::Error::from)
            .map_err(ServerError::system(format!("sending {signal:?} to process {}", pid.as_raw_nonzero())))
    }

    /// Ends the process as `kill -9` does, waits until it is gone, and leaves its folder.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        // One that has ended by itself is as dead.
        let _ = self.child.start_kill();
        self.wait().await.map(|_status| ())
    }

    /// Waits until the process has ended, for ever if need be; its folder stays.
    pub async fn wait(&mut self) -> Result<ExitStatus, ServerError> {
        let status = self.child.wait().await.map_err(ServerError::system("waiting for a process to end"))?;
        self.release().await;
        Ok(status)
    }

    /// How the process has ended, if it has.
    pub async fn ended(&mut self) -> Result<Option<ExitStatus>, ServerError> {
        let ended =
            self.child.try_wait().map_err(ServerError::system("looking whether a process has ended"))?;
        if ended.is_some() {
            self.release().await;
        }
        Ok(ended)
    }

    /// Lets the watcher go without killing: the number of a process that is gone may soon be another's.
    async fn release(&mut self) {
        if let Some(mut leash) = self.leash.take() {
            let _ = leash.write_all(b"ended\n").await;
        }
    }
}

/// The last lines of a log, 30 at most.
pub(crate) fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests;
