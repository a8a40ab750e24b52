//! A Redis server of one's own: on a free port, without a disk.

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::leash::last_lines;
use crate::{Leashed, Place, ServerError, free_port};

const NAME: &str = "redis-server";
/// How long it may take to start on a busy machine.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// The pause between two looks whether it has.
const POLL: Duration = Duration::from_millis(20);

/// A running `redis-server`. It ends when it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    bus_port: u16,
    arguments: Vec<String>,
    process: Leashed,
    place: Place,
    password: Option<String>,
}

impl RedisServer {
    /// Starts a server with further arguments and waits until it answers.
    pub async fn start(arguments: &[&str]) -> Result<Self, ServerError> {
        Self::start_on(free_port()?, arguments).await
    }

    /// Starts a server on a port.
    pub async fn start_on(port: u16, arguments: &[&str]) -> Result<Self, ServerError> {
        let password = arguments.iter().skip_while(|argument| **argument != "--requirepass").nth(1);
        let (bus_port, place) = (free_port()?, Place::new_own()?);
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let process = launch(port, bus_port, &arguments, &place)?;
        let password = password.map(ToString::to_string);
        let mut server = Self { port, bus_port, arguments, process, place, password };
        server.answers().await?;
        Ok(server)
    }

    /// The address of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its port for other nodes of a Redis cluster.
    #[must_use]
    pub fn bus_port(&self) -> u16 {
        self.bus_port
    }

    /// Stops the server without a word, as a crash does.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.process.kill().await
    }

    /// Starts the server again on its port, empty, and waits until it answers.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill().await?;
        self.process = launch(self.port, self.bus_port, &self.arguments, &self.place)?;
        self.answers().await
    }

    /// Freezes the server: it keeps its connections and says nothing.
    pub fn freeze(&self) -> Result<(), ServerError> {
        self.process.signal(Signal::STOP)
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> Result<(), ServerError> {
        self.process.signal(Signal::CONT)
    }

    /// One command on a connection of its own; the reply as the server wrote it, `None` when there is none.
    pub async fn command(&self, words: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let mut sent = Vec::new();
        if let Some(password) = &self.password {
            sent.extend(encoded(&["AUTH", password]));
        }
        sent.extend(encoded(words));
        sent.extend(encoded(&["QUIT"]));
        stream.write_all(&sent).await.ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.ok()?;
        let reply = if self.password.is_some() { reply.strip_prefix("+OK\r\n")? } else { reply.as_str() };
        Some(reply.strip_suffix("+OK\r\n").unwrap_or(reply).to_owned())
    }

    async fn answers(&mut self) -> Result<(), ServerError> {
        let up = async {
            while self.process.ended().await?.is_none() {
                if self.command(&["PING"]).await.is_some_and(|reply| reply.starts_with("+PONG")) {
                    return Ok(true);
                }
                tokio::time::sleep(POLL).await;
            }
            Ok(false)
        };
        match tokio::time::timeout(START_TIME_MAX, up).await.unwrap_or(Ok(false))? {
            true => Ok(()),
            false => Err(ServerError::Silent { server: NAME, log: last_lines(&self.place.log()) }),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Of a process that was killed, nobody else removes it.
        if self.process.pid().is_none() {
            let _ = std::fs::remove_dir_all(self.place.path());
        }
    }
}

fn launch(port: u16, bus_port: u16, arguments: &[String], place: &Place) -> Result<Leashed, ServerError> {
    let port = port.to_string();
    let mut words: Vec<String> = [
        NAME,
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--daemonize",
        "no",
    ]
    .map(str::to_owned)
    .to_vec();
    words.extend(arguments.iter().cloned());
    if arguments.iter().any(|argument| argument == "--cluster-enabled") {
        // A node that has met nobody does not know its own address.
        words.extend(["--cluster-port".to_owned(), bus_port.to_string()]);
        words.extend(["--cluster-announce-ip", "127.0.0.1"].map(str::to_owned));
    }
    Leashed::start(&words, place, &place.log(), |_| {})
}

fn encoded(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}
