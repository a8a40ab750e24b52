//! A whole cluster on this machine: real nodes, a real S3 server behind a line that can be cut, a real Redis.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use enabler_cluster::decide::placement::{self, Candidate};
use enabler_link::{TlsFiles, certs};
use enabler_storage::chance::{Chance, OsChance};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

use super::door::{Door, POLL, STUCK_AFTER};
use super::network::Network;
use super::truth::Truth;
use crate::faults::Line;
use crate::node::{Home, Node, NotReady, PROGRAM};
use crate::redis_server::RedisServer;
use crate::servers::Ministack;

/// The API key that all nodes share.
pub(super) const KEY: &str = "chave-do-cluster-de-teste";
pub(super) const BUCKET: &str = "rag-enabler";
pub(super) const PREFIX: &str = "cluster";
/// Enough that each of a few nodes has some, few enough for the logs to be read in a test.
pub(super) const SHARDS: u32 = 8;
/// Where everything is when there is no network of its own.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Roles of a node that takes requests and keeps shards, and computes nothing.
pub(super) const KEEPS: &str = "api,documents,rules";
/// Roles of a node that does everything.
pub(super) const ALL: &str = "all";

/// Starts of a node while the store is away, before it is called stuck.
const STARTS_MAX: usize = 50;

/// One cluster at a time: two would take each other's processor time, and look frozen to themselves.
static TURN: Mutex<()> = Mutex::const_new(());

/// A node's place: its directory, whether it runs or not.
pub(super) struct Seat {
    pub(super) door: Door,
    home: Home,
    node: Option<Node>,
    roles: String,
    host: IpAddr,
    link_port: u16,
}

/// A folder that is a file.
pub(super) struct Spoilt(PathBuf);

impl Spoilt {
    pub(super) fn repair(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

/// A cluster. Its nodes and servers end with it.
pub(super) struct Cluster {
    pub(super) seats: Vec<Seat>,
    pub(super) store: Ministack,
    /// The only way of the nodes to the store.
    pub(super) line: Line,
    pub(super) redis: RedisServer,
    pub(super) network: Option<Network>,
    certs: TempDir,
    /// Addresses of the store and of Redis, as nodes reach them.
    ways: (SocketAddr, SocketAddr),
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Starts nodes named `n1`, `n2` and so on with these roles and waits until all are ready.
    pub(super) async fn start(roles: &[&str]) -> Self {
        let mut cluster = Self::prepare(roles, false).await;
        cluster.launch_all().await;
        cluster
    }

    /// A cluster none of whose nodes runs yet; with `networked`, each has a network of its own where that is possible.
    pub(super) async fn prepare(roles: &[&str], networked: bool) -> Self {
        let turn = TURN.lock().await;
        let (store, redis) =
            tokio::join!(Ministack::start(), RedisServer::start(&["--protected-mode", "no"]));
        store.create_bucket(BUCKET).await;
        let line = Line::to(here(store.port())).await;
        let mut network = if networked { Network::make(roles.len()).await } else { None };
        let ways = match &mut network {
            Some(network) => (network.way_to(line.port()).await, network.way_to(redis.port).await),
            None => (here(line.port()), here(redis.port)),
        };
        let certs = tempfile::tempdir().unwrap();
        let mut cluster = Self { seats: Vec::new(), store, line, redis, network, certs, ways, _turn: turn };
        let names: Vec<String> = (1..=roles.len()).map(|number| format!("n{number}")).collect();
        cluster.certify(&names).await;
        for (name, roles) in names.iter().zip(roles) {
            cluster.add(name, roles);
        }
        cluster
    }

    /// Makes certificates as an operator does.
    async fn certify(&self, names: &[String]) {
        let mut command = Command::new(PROGRAM);
        command.args(["certs", "new"]).arg(self.certs.path());
        for name in names {
            command.args(["--node", name]);
        }
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A place for a further node, which does not run yet.
    fn add(&mut self, name: &str, roles: &str) {
        let number = self.seats.len();
        let (within, host) = match &self.network {
            Some(network) => (network.within(number), network.host(number)),
            None => (Vec::new(), HERE),
        };
        let home = Home::within(within, SocketAddr::new(host, 0).to_string());
        home.share_key(KEY);
        let door = Door::new(name);
        door.shut();
        self.seats.push(Seat {
            door,
            home,
            node: None,
            roles: roles.to_owned(),
            host,
            link_port: listening_port(),
        });
    }

    /// A place for a further node of a running cluster, which joins when it is launched.
    pub(super) async fn reserve(&mut self, roles: &str) -> usize {
        let name = format!("n{}", self.seats.len() + 1);
        self.certify(std::slice::from_ref(&name)).await;
        self.add(&name, roles);
        self.seats.len() - 1
    }

    /// Adds a node to a running cluster and waits until it is ready.
    pub(super) async fn join(&mut self, roles: &str) -> usize {
        let number = self.reserve(roles).await;
        self.launch(number).await;
        number
    }

    /// The certificates of a node.
    pub(super) fn files_of(&self, number: usize) -> TlsFiles {
        certs::files(self.certs.path(), &self.seats[number].door.name)
    }

    /// The settings of a node, as an operator writes them; `certs` is where its certificates are.
    fn settings(&self, seat: &Seat) -> String {
        let files = certs::files(self.certs.path(), &seat.door.name);
        let seeds: Vec<String> =
            self.seats.iter().map(|seat| format!("\"{}:{}\"", seat.host, seat.link_port)).collect();
        let roles: Vec<String> = seat.roles.split(',').map(|role| format!("\"{role}\"")).collect();
        let (store, redis) = self.ways;
        format!(
            "[node]\nname = \"{}\"\nroles = [{}]\n\
             [cluster]\nlisten = \"{}:{}\"\nseeds = [{}]\nauthority = {:?}\ncertificate = {:?}\nkey = {:?}\n\
             [storage]\nurl = \"s3://{BUCKET}/{PREFIX}\"\nendpoint = \"http://{store}\"\npath_style = \"yes\"\n\
             access_key = \"test\"\nsecret_key = \"test\"\nshard_count = {SHARDS}\n\
             [cache]\nurl = \"redis://{redis}\"\n\
             [generation]\nanswer_tokens_max = 16\n",
            seat.door.name,
            roles.join(", "),
            seat.host,
            seat.link_port,
            seeds.join(", "),
            files.authority,
            files.certificate,
            files.key,
        )
    }

    /// Starts a node's process and waits for nothing.
    pub(super) fn begin(&mut self, number: usize) {
        self.begin_with(number, |settings| settings);
    }

    /// Starts a node's process with changed settings.
    pub(super) fn begin_with(&mut self, number: usize, change: impl FnOnce(String) -> String) {
        let settings = change(self.settings(&self.seats[number]));
        let seat = &mut self.seats[number];
        seat.home.settings(&settings);
        seat.node = Some(seat.home.launch());
    }

    /// Waits until a node that was begun is ready, and opens its door.
    pub(super) async fn become_ready(&mut self, number: usize) -> Result<(), NotReady> {
        self.wait_until_ready(number, STUCK_AFTER).await
    }

    /// As [`Self::become_ready`], for `time_max` at most.
    pub(super) async fn wait_until_ready(
        &mut self,
        number: usize,
        time_max: Duration,
    ) -> Result<(), NotReady> {
        let seat = &mut self.seats[number];
        let node = seat.node.as_mut().expect("the node was begun");
        node.wait_until_ready(time_max).await?;
        seat.door.open(node.url());
        Ok(())
    }

    /// Everything that a node has logged, over all its lives.
    pub(super) fn log_of(&self, number: usize) -> String {
        self.seats[number].home.log()
    }

    /// The generation that a node has last begun.
    pub(super) fn generation(&self, number: usize) -> String {
        std::fs::read_to_string(self.seats[number].home.data().join("generation")).unwrap_or_default()
    }

    /// Puts a file where a node's indexes should be: none can be opened or made.
    pub(super) fn spoil_index(&self, number: usize) -> Spoilt {
        let path = self.seats[number].home.data().join("index");
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, "a file").unwrap();
        Spoilt(path)
    }

    pub(super) async fn launch(&mut self, number: usize) {
        self.begin(number);
        if let Err(why) = self.become_ready(number).await {
            panic!("{} is not ready: {why}", self.seats[number].door.name);
        }
    }

    /// Starts every node that does not run.
    pub(super) async fn launch_all(&mut self) {
        let idle: Vec<usize> = (0..self.seats.len()).filter(|&n| self.seats[n].node.is_none()).collect();
        idle.iter().for_each(|&number| self.begin(number));
        for number in idle {
            if let Err(why) = self.become_ready(number).await {
                panic!("{} is not ready: {why}", self.seats[number].door.name);
            }
        }
    }

    /// Nodes that run and whose doors are shut.
    pub(super) fn away(&self) -> Vec<usize> {
        (0..self.seats.len())
            .filter(|&n| self.seats[n].node.is_some() && !self.seats[n].door.is_open())
            .collect()
    }

    pub(super) fn door(&self, number: usize) -> &Door {
        &self.seats[number].door
    }

    pub(super) fn doors(&self) -> Vec<Door> {
        self.seats.iter().map(|seat| seat.door.clone()).collect()
    }

    /// The place of the node with this name.
    pub(super) fn number_of(&self, name: &str) -> usize {
        self.seats.iter().position(|seat| seat.door.name == name).expect("a node of this cluster")
    }

    /// What the store says, whatever the line to it does.
    pub(super) async fn truth(&self) -> Truth {
        Truth::behind(&self.store.url()).await
    }

    /// Ends a node as a power cut does.
    pub(super) async fn kill(&mut self, number: usize) {
        let seat = &mut self.seats[number];
        seat.door.shut();
        seat.node.take().expect("a node that runs").kill().await;
    }

    /// Freezes a node: it keeps its connections and says nothing.
    pub(super) fn freeze(&self, number: usize) {
        let seat = &self.seats[number];
        seat.door.shut();
        seat.node.as_ref().expect("a node that runs").signal(Signal::STOP);
    }

    /// Lets a frozen node go on; its door stays shut until [`Self::back`].
    pub(super) fn thaw(&self, number: usize) {
        self.seats[number].node.as_ref().expect("a node that runs").signal(Signal::CONT);
    }

    /// Waits until a node that was begun, frozen or cut off is ready again.
    ///
    /// One that was started while the store was away has ended with a message, and is started again as an
    /// orchestrator does.
    pub(super) async fn back(&mut self, number: usize) {
        for _ in 0..STARTS_MAX {
            match self.become_ready(number).await {
                Ok(()) => return,
                Err(NotReady::Ended(said)) if said.contains("object store is unreachable") => {
                    self.begin(number)
                }
                Err(why) => panic!("{} does not come back: {why}", self.seats[number].door.name),
            }
        }
        panic!("{} does not come back: it cannot reach the store", self.seats[number].door.name);
    }

    /// Stops a node as an orchestrator does: no new requests, then SIGTERM. It must end in peace.
    pub(super) async fn drain(&mut self, number: usize) {
        let seat = &mut self.seats[number];
        seat.door.close_softly();
        seat.node.take().expect("a node that runs").stop().await;
    }

    /// Waits until every shard is owned by the node that shall own it, nobody else says so, and every node is ready.
    pub(super) async fn calm(&self) {
        let calm = async {
            while !self.is_calm().await {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(STUCK_AFTER, calm).await.is_err() {
            panic!("the shards do not come to rest:\n{}", self.state().await);
        }
    }

    /// How every node sees itself and the cluster, for a test that fails.
    pub(super) async fn state(&self) -> String {
        let mut state = format!("the store says {:?}\n", self.truth().await.owners().await);
        for seat in self.seats.iter().filter(|seat| seat.node.is_some()) {
            let (door, note) = (&seat.door, seat.door.note("node/keeper").await);
            let (ready, owns) = (door.is_ready().await, door.owns().await);
            state += &format!("--- {} ready {ready} owns {owns:?}\nkeeper: {note:?}\n", door.name);
            state += &seat.node.as_ref().map(Node::last_words).unwrap_or_default();
            state += "\n";
        }
        state
    }

    async fn is_calm(&self) -> bool {
        let running: Vec<&Seat> = self.seats.iter().filter(|seat| seat.node.is_some()).collect();
        let keeps = |seat: &&&Seat| seat.roles == ALL || seat.roles.contains("documents");
        let candidates: Vec<Candidate<'_>> =
            running.iter().filter(keeps).map(|seat| Candidate { name: &seat.door.name, weight: 1 }).collect();
        let belongs = |shard: u32| candidates[placement::rank(shard, &candidates)[0]].name;
        for seat in running {
            let owned: Vec<u32> = seat.door.owns().await.into_keys().collect();
            let own: Vec<u32> = (0..SHARDS).filter(|shard| belongs(*shard) == seat.door.name).collect();
            if owned != own || !seat.door.is_ready().await {
                return false;
            }
        }
        true
    }
}

/// A port that is free, and below those from which the system serves connections: a node that is down for a while, or
/// not yet up, must find its port as it left it.
fn listening_port() -> u16 {
    loop {
        let port = 10_000 + (OsChance.next_u64() % 20_000) as u16;
        if TcpListener::bind(here(port)).is_ok() {
            return port;
        }
    }
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::new(HERE, port)
}

/// How long a lease lasts; the default of the settings.
pub(super) const LEASE: Duration = Duration::from_secs(3);
