//! A whole cluster on this machine: real nodes, a real S3 server behind a line that can be cut, a real Redis.

// Whether everything is where it belongs.
mod calm;
// What a node is told.
mod settings;
// Servers, certificates and places for nodes.
mod setup;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use enabler_link::{TlsFiles, certs};
use enabler_sim_servers::{Leashed, Line, Ministack, RedisServer};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::door::{Door, STUCK_AFTER};
use crate::error::LiveError;
use crate::network::Network;
use crate::node::{Home, Node, NotReady};
use crate::truth::Truth;

/// The API key that all nodes share.
pub(crate) const KEY: &str = "chave-do-cluster-de-teste";
pub(crate) const BUCKET: &str = "rag-enabler";
pub(crate) const PREFIX: &str = "cluster";
/// Shards of the store: enough that each of a few nodes has some, few enough for the logs to be read in the end.
pub const SHARDS: u32 = 8;
/// How long a lease lasts; the default of the settings.
pub const LEASE: Duration = Duration::from_secs(3);
/// Roles of a node that takes requests and keeps shards, and computes nothing.
pub const KEEPS: &str = "api,documents,rules";
/// Roles of a node that does everything.
pub const ALL: &str = "all";

/// Starts of a node while the store is away, before it is called stuck.
const STARTS_MAX: usize = 50;

/// A node's place: its folder, whether it runs or not.
#[derive(Debug)]
struct Seat {
    door: Door,
    home: Home,
    node: Option<Node>,
    roles: String,
    host: IpAddr,
    link_port: u16,
}

/// A cluster. Its nodes, servers and networks end with it.
///
/// Nodes are known by their numbers from 0 on; a number that was never given out is an error of the caller.
#[derive(Debug)]
pub struct Cluster {
    seats: Vec<Seat>,
    /// The only way of the nodes to the store.
    pub line: Line,
    /// What the nodes remember answers in.
    pub redis: RedisServer,
    store: Ministack,
    network: Option<Network>,
    program: PathBuf,
    /// Holds the certificates and every node's home.
    root: TempDir,
    /// Removes the root when it is dropped, or when nobody is left to drop it.
    _broom: Leashed,
    /// Where the nodes log, when not in their homes.
    logs: Option<PathBuf>,
    /// Addresses of the store and of Redis, as nodes reach them.
    ways: (SocketAddr, SocketAddr),
}

impl Cluster {
    /// The certificates of a node.
    #[must_use]
    pub fn files_of(&self, number: usize) -> TlsFiles {
        certs::files(&self.certs(), &self.seats[number].door.name)
    }

    /// Starts a node's process with changed settings, and waits for nothing.
    pub fn begin_with(
        &mut self,
        number: usize,
        change: impl FnOnce(String) -> String,
    ) -> Result<(), LiveError> {
        let settings = change(self.settings(&self.seats[number]));
        let seat = &mut self.seats[number];
        seat.home.settings(&settings)?;
        seat.node = Some(seat.home.launch()?);
        Ok(())
    }

    /// Starts a node's process and waits for nothing.
    pub fn begin(&mut self, number: usize) -> Result<(), LiveError> {
        self.begin_with(number, |settings| settings)
    }

    /// Waits until a node that was begun is ready, for `time_max` at most, and opens its door.
    pub async fn wait_until_ready(&mut self, number: usize, time_max: Duration) -> Result<(), NotReady> {
        let seat = &mut self.seats[number];
        let Some(node) = seat.node.as_mut() else { return Err(NotReady::Ended(String::new())) };
        node.wait_until_ready(time_max).await?;
        seat.door.open(node.url());
        Ok(())
    }

    /// Starts a node and waits until it is ready.
    pub async fn launch(&mut self, number: usize) -> Result<(), LiveError> {
        self.begin(number)?;
        self.until_ready(number).await
    }

    async fn until_ready(&mut self, number: usize) -> Result<(), LiveError> {
        let ready = self.wait_until_ready(number, STUCK_AFTER).await;
        ready.map_err(|source| LiveError::Node { node: self.seats[number].door.name.clone(), source })
    }

    /// Starts every node that does not run, and waits until all of them are ready.
    pub async fn launch_all(&mut self) -> Result<(), LiveError> {
        let idle: Vec<usize> = (0..self.seats.len()).filter(|&n| self.seats[n].node.is_none()).collect();
        for &number in &idle {
            self.begin(number)?;
        }
        for number in idle {
            self.until_ready(number).await?;
        }
        Ok(())
    }

    /// Everything that a node has logged, over all its lives.
    #[must_use]
    pub fn log_of(&self, number: usize) -> String {
        self.seats[number].home.log()
    }

    /// The generation that a node has last begun.
    #[must_use]
    pub fn generation(&self, number: usize) -> String {
        std::fs::read_to_string(self.data_of(number).join("generation")).unwrap_or_default()
    }

    /// Where a node keeps what is its own.
    #[must_use]
    pub fn data_of(&self, number: usize) -> PathBuf {
        self.seats[number].home.data()
    }

    /// Nodes that run and whose doors are shut.
    #[must_use]
    pub fn away(&self) -> Vec<usize> {
        let is_away = |seat: &Seat| seat.node.is_some() && !seat.door.is_open();
        (0..self.seats.len()).filter(|&number| is_away(&self.seats[number])).collect()
    }

    /// A client's way to a node.
    #[must_use]
    pub fn door(&self, number: usize) -> &Door {
        &self.seats[number].door
    }

    /// The ways to all nodes.
    #[must_use]
    pub fn doors(&self) -> Vec<Door> {
        self.seats.iter().map(|seat| seat.door.clone()).collect()
    }

    /// The place of the node with this name.
    #[must_use]
    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.door.name == name)
    }

    /// The networks of the nodes, if each has its own.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// What the store says, whatever the line to it does.
    pub async fn truth(&self) -> Result<Truth, LiveError> {
        Truth::behind(&self.store.url()).await
    }

    /// Ends a node as a power cut does; one that does not run stays as it is.
    pub async fn kill(&mut self, number: usize) -> Result<(), LiveError> {
        let seat = &mut self.seats[number];
        seat.door.shut();
        match seat.node.take() {
            Some(node) => node.kill().await,
            None => Ok(()),
        }
    }

    /// Freezes a node: it keeps its connections and says nothing.
    pub fn freeze(&self, number: usize) -> Result<(), LiveError> {
        self.seats[number].door.shut();
        self.signal(number, Signal::STOP)
    }

    /// Lets a frozen node go on; its door stays shut until [`Self::back`].
    pub fn thaw(&self, number: usize) -> Result<(), LiveError> {
        self.signal(number, Signal::CONT)
    }

    fn signal(&self, number: usize, signal: Signal) -> Result<(), LiveError> {
        self.seats[number].node.as_ref().map_or(Ok(()), |node| node.signal(signal))
    }

    /// Waits until a node that was begun, frozen or cut off is ready again.
    ///
    /// One that was started while the store was away has ended with a message, and is started again as an
    /// orchestrator does.
    pub async fn back(&mut self, number: usize) -> Result<(), LiveError> {
        for _ in 0..STARTS_MAX {
            match self.until_ready(number).await {
                Err(LiveError::Node { source: NotReady::Ended(said), .. })
                    if said.contains("object store is unreachable") =>
                {
                    self.begin(number)?;
                }
                outcome => return outcome,
            }
        }
        self.until_ready(number).await
    }

    /// Stops a node as an orchestrator does: no new requests, then SIGTERM. It must end in peace.
    pub async fn drain(&mut self, number: usize) -> Result<(), LiveError> {
        let seat = &mut self.seats[number];
        seat.door.close_softly();
        let Some(node) = seat.node.take() else { return Ok(()) };
        let stopped = node.stop(STUCK_AFTER).await;
        stopped.map_err(|how| LiveError::NoPeace { node: seat.door.name.clone(), how })
    }

    /// Ends every node and then what they use, and waits until all is gone.
    pub async fn end(mut self) {
        for number in 0..self.seats.len() {
            // What cannot be ended now ends when it is dropped.
            let _ = self.kill(number).await;
        }
        let _ = tokio::join!(self.store.kill(), self.redis.kill());
        if let Some(network) = self.network.take() {
            network.end().await;
        }
    }
}
