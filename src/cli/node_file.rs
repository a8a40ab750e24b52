//! The file by which a running node can be found, and the lock that keeps a second one off its directory.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// Where a running node answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeFile {
    /// Its address, such as `http://127.0.0.1:8080`.
    pub(crate) url: String,
    /// Where it tells its metrics, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<String>,
    /// Its process.
    pub(crate) pid: u32,
    /// Its version.
    pub(crate) version: String,
}

/// A node's hold on its data directory, given up when dropped.
pub(crate) struct Hold {
    dir: PathBuf,
    // Held, not read: the lock lives as long as the open file.
    _lock: File,
}

/// Takes `dir` for this process.
pub(crate) fn hold(dir: &Path) -> Result<Hold, Failure> {
    std::fs::create_dir_all(dir)
        .map_err(|error| Failure::io(format!("creating the data directory {}", dir.display()), error))?;
    let path = dir.join("node.lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| Failure::io(format!("opening {}", path.display()), error))?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Hold { dir: dir.to_owned(), _lock: lock }),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let who = match read(dir) {
                Some(node) => format!("a node (process {}, {})", node.pid, node.url),
                None => "another node".to_owned(),
            };
            Err(Failure::Plain(format!(
                "{who} already uses {}.\nStop it first, or give this one a directory of its own with --data.",
                dir.display()
            )))
        }
        Err(error) => Err(Failure::io(format!("locking {}", path.display()), error.into())),
    }
}

impl Hold {
    /// Says where the node answers.
    pub(crate) fn announce(
        &self,
        address: SocketAddr,
        metrics: Option<SocketAddr>,
    ) -> Result<NodeFile, Failure> {
        let node = NodeFile {
            url: url(address),
            metrics: metrics.map(|metrics| format!("{}/metrics", url(metrics))),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let path = file(&self.dir);
        let fresh = path.with_extension("json.new");
        let doing = || format!("writing {}", path.display());
        let text = serde_json::to_vec_pretty(&node).map_err(|error| Failure::Plain(error.to_string()))?;
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|error| Failure::io(doing(), error))?;
        Ok(node)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A file that stays behind only costs the next client a failed connection.
        let _ = std::fs::remove_file(file(&self.dir));
    }
}

/// The address for a client on this machine, which cannot connect to "every address".
fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
        ip if ip.is_unspecified() => "[::1]".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    format!("http://{host}:{}", address.port())
}

fn file(dir: &Path) -> PathBuf {
    dir.join("node.json")
}

/// The node that says it serves `dir`.
pub(crate) fn read(dir: &Path) -> Option<NodeFile> {
    serde_json::from_slice(&std::fs::read(file(dir)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_is_kept_off_a_directory_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = hold(dir.path()).unwrap();
        let announced = first.announce("0.0.0.0:8080".parse().unwrap(), "[::1]:9464".parse().ok()).unwrap();
        assert_eq!(announced.url, "http://127.0.0.1:8080");
        assert_eq!(announced.metrics.as_deref(), Some("http://[::1]:9464/metrics"));
        assert_eq!(read(dir.path()), Some(announced));
        let message = hold(dir.path()).err().unwrap().to_string();
        assert!(message.contains("already uses") && message.contains("http://127.0.0.1:8080"), "{message}");
        drop(first);
        assert_eq!(read(dir.path()), None);
        assert!(hold(dir.path()).is_ok());
    }
}
