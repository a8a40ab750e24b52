//! A Redis server of the test's own: on a free port, without a disk, stopped with the test.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A running `redis-server`.
pub(crate) struct RedisServer {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// Its port for other nodes of a cluster.
    pub(crate) bus_port: u16,
    arguments: Vec<String>,
    child: Child,
    folder: tempfile::TempDir,
    password: Option<String>,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl RedisServer {
    /// Starts a server with further arguments and waits until it answers.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_on(free_port(), arguments).await
    }

    /// Starts a server on a port.
    pub(crate) async fn start_on(port: u16, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password = arguments.iter().skip_while(|argument| **argument != "--requirepass").nth(1);
        let mut server = Self {
            port,
            bus_port: free_port(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            child: Command::new("true").spawn().unwrap(),
            password: password.map(ToString::to_string),
            folder,
        };
        server.restart().await;
        server
    }

    /// The address of the server.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops the server without a word, as a crash does.
    pub(crate) fn kill(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }

    /// Starts the server again on its port, empty.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let clustered = self.arguments.iter().any(|argument| argument == "--cluster-enabled");
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.arg("--dir").arg(self.folder.path()).args(["--daemonize", "no"]).args(&self.arguments);
        if clustered {
            // A node that has met nobody does not know its own address.
            command.args([
                "--cluster-port",
                &self.bus_port.to_string(),
                "--cluster-announce-ip",
                "127.0.0.1",
            ]);
        }
        self.child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed (apt-get install redis-server)");
        for _ in 0..500 {
            if self.try_command(&["PING"]).await.is_some_and(|reply| reply.starts_with("+PONG")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("redis-server on port {} does not answer", self.port);
    }

    /// Freezes the server: it keeps its connections and says nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen server go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    /// One command on a connection of its own; the reply as the server wrote it.
    pub(crate) async fn command(&self, words: &[&str]) -> String {
        self.try_command(words).await.expect("the server answers")
    }

    /// The names of all values of groups, as they are in the Redis.
    pub(crate) async fn values(&self) -> Vec<String> {
        let reply = self.command(&["KEYS", "*}=*"]).await;
        reply.lines().filter(|line| line.contains("}=")).map(str::to_owned).collect()
    }

    async fn try_command(&self, words: &[&str]) -> Option<String> {
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
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn encoded(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}
