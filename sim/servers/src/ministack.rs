//! A server that speaks S3 and keeps its objects across `kill -9`: ministack, as the set-up installs it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::leash::last_lines;
use crate::{Leashed, Place, ServerError, free_port};

const NAME: &str = "ministack";
/// How long it may take to start on a busy machine.
const START_TIME_MAX: Duration = Duration::from_secs(120);
/// The pause between two looks whether it has.
const POLL: Duration = Duration::from_millis(50);
/// Ports tried: a free one may be taken by somebody else before the server has it.
const PORTS_TRIED_MAX: usize = 5;

/// A running server. It ends with its folder when it is dropped.
#[derive(Debug)]
pub struct Ministack {
    process: Leashed,
    port: u16,
    place: Place,
}

impl Ministack {
    /// Starts one with no buckets and waits until it answers.
    pub async fn start() -> Result<Self, ServerError> {
        let mut log = String::new();
        for _ in 0..PORTS_TRIED_MAX {
            let (port, place) = (free_port()?, Place::new_own()?);
            let process = launch(port, &place)?;
            let mut server = Self { process, port, place };
            if server.answers().await? {
                return Ok(server);
            }
            log = last_lines(&server.place.log());
        }
        Err(ServerError::Silent { server: NAME, log })
    }

    /// Its address as an URL, for the key `test` with the secret `test` and the bucket in the path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates the bucket `name`, of 3 to 63 characters.
    pub async fn create_bucket(&self, name: &str) -> Result<(), ServerError> {
        let asked = format!("PUT /{name}");
        let answer = ask(self.port, &asked).await.map_err(ServerError::system("creating a bucket"))?;
        match answer.starts_with("HTTP/1.1 200") {
            true => Ok(()),
            false => Err(ServerError::Refused { server: NAME, asked, answer }),
        }
    }

    /// Ends it as `kill -9` does; what it has stored stays.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.process.kill().await
    }

    /// Starts it again at the same address with what it had stored.
    pub async fn revive(&mut self) -> Result<(), ServerError> {
        self.process = launch(self.port, &self.place)?;
        match self.answers().await? {
            true => Ok(()),
            false => Err(ServerError::Silent { server: NAME, log: last_lines(&self.place.log()) }),
        }
    }

    /// Whether it answers before it ends and before the time is over.
    async fn answers(&mut self) -> Result<bool, ServerError> {
        let up = async {
            while self.process.ended().await?.is_none() {
                let answer = ask(self.port, "GET /_ministack/health").await;
                if answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                    return Ok(true);
                }
                tokio::time::sleep(POLL).await;
            }
            Ok(false)
        };
        tokio::time::timeout(START_TIME_MAX, up).await.unwrap_or(Ok(false))
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // Of a process that was killed, nobody else removes it.
        if self.process.pid().is_none() {
            let _ = std::fs::remove_dir_all(self.place.path());
        }
    }
}

/// Where the set-up puts what only trials need.
fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the set-up puts the server below the home directory")]
    let home = std::env::var_os("HOME").unwrap_or_default();
    PathBuf::from(home).join(".cache/rag-enabler/tools/ministack/bin/ministack")
}

fn launch(port: u16, place: &Place) -> Result<Leashed, ServerError> {
    let program = program();
    if !program.exists() {
        return Err(ServerError::Missing(program));
    }
    let words = [program.to_string_lossy().into_owned()];
    Leashed::start(&words, place, &place.log(), |command| {
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        command.env("S3_PERSIST", "1").env("S3_DATA_DIR", place.path().join("s3"));
    })
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
