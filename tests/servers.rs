//! Servers that tests run against, as processes of their own: they end with the test, also with one that is killed.
//!
//! Any test includes this file by its path. `deploy/setup.sh` installs the servers.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

/// How long a server may take to start on a busy machine.
const START_TIME_MAX: Duration = Duration::from_secs(120);
/// Ports tried: a free one may be taken by somebody else before the server has it.
const PORTS_TRIED_MAX: usize = 5;
/// Runs a server, and kills it when the input ends, which it does with the process that holds it; then nobody needs
/// the server's directory any more, unless the last word was to keep it.
const LEASH: &str = r#"dir=$1; shift; "$@" & server=$!; read -r word; kill -9 "$server"; wait "$server"; [ "$word" = keep ] || rm -rf "$dir""#;

/// A process that is killed as soon as this is dropped or this test's process ends, whichever way.
pub(crate) struct Leashed {
    child: Child,
    leash: Option<ChildStdin>,
}

impl Leashed {
    /// Starts `program` in `dir`, which is removed after it, its output going to the file `log` there.
    pub(crate) fn start(program: &Path, set: impl FnOnce(&mut Command), dir: &Path) -> Self {
        let file = std::fs::File::create(dir.join("log")).expect("a log for the server");
        let mut command = Command::new("sh");
        command.args(["-c", LEASH, "sh"]).arg(dir).arg(program).current_dir(dir).stdin(Stdio::piped());
        command.stdout(file.try_clone().expect("a second handle of the log")).stderr(file);
        set(&mut command);
        let mut child = command.spawn().expect("sh starts");
        let leash = child.stdin.take();
        Self { child, leash }
    }

    /// Ends the process as `kill -9` does, waits until it is gone, and leaves its directory.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut leash) = self.leash.take() {
            leash.write_all(b"keep\n").await.expect("the server is still on its leash");
        }
        self.child.wait().await.expect("the server's end is seen");
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the server's state is seen").is_some()
    }
}

/// A server that speaks S3 and keeps its objects across `kill -9`: ministack.
pub(crate) struct Ministack {
    process: Leashed,
    port: u16,
    dir: PathBuf,
}

impl Ministack {
    /// Starts one with no buckets and waits until it answers.
    pub(crate) async fn start() -> Self {
        let mut log = String::new();
        for _ in 0..PORTS_TRIED_MAX {
            let (port, dir) = (free_port(), server_dir());
            let mut process = launch(port, &dir);
            if answers(&mut process, port).await {
                return Self { process, port, dir };
            }
            log = said(&dir);
        }
        panic!("ministack does not start:\n{log}");
    }

    /// Its address as an URL, for the key `test` with the secret `test` and the bucket in the path.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Creates the bucket `name`, of 3 to 63 characters.
    pub(crate) async fn create_bucket(&self, name: &str) {
        let answer = ask(self.port, &format!("PUT /{name}")).await.expect("ministack answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "ministack creates no bucket: {answer}");
    }

    /// Ends it as `kill -9` does; what it has stored stays.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Starts it again at the same address with what it had stored.
    pub(crate) async fn revive(&mut self) {
        self.process = launch(self.port, &self.dir);
        let up = answers(&mut self.process, self.port).await;
        assert!(up, "ministack does not start again:\n{}", said(&self.dir));
    }
}

/// A port of this machine on which nothing listens at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// An empty directory for a server on a [`Leashed`], which removes it.
pub(crate) fn server_dir() -> PathBuf {
    tempfile::Builder::new().prefix("rag-enabler-server-").tempdir().expect("a directory").keep()
}

/// The directory where the set-up puts what only tests need.
fn tools() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test looks where the set-up has put a server")]
    let home = std::env::var_os("HOME").expect("HOME is set");
    PathBuf::from(home).join(".cache/rag-enabler/tools")
}

fn launch(port: u16, dir: &Path) -> Leashed {
    let program = tools().join("ministack/bin/ministack");
    assert!(program.exists(), "ministack is not installed at {}: run deploy/setup.sh", program.display());
    let set = |command: &mut Command| {
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        command.env("S3_PERSIST", "1").env("S3_DATA_DIR", dir.join("s3"));
    };
    Leashed::start(&program, set, dir)
}

async fn answers(process: &mut Leashed, port: u16) -> bool {
    let up = async {
        while !process.has_ended() {
            let answer = ask(port, "GET /_ministack/health").await;
            if answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    };
    tokio::time::timeout(START_TIME_MAX, up).await.unwrap_or(false)
}

/// The whole answer to a request without a body.
async fn ask(port: u16, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let head =
        format!("{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn said(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default()
}
