//! A cluster before its nodes run: servers, certificates, and a place for each node.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use enabler_sim_servers::{Leashed, Line, Ministack, Place, RedisServer, listening_port};
use enabler_storage::chance::{Chance, OsChance};
use tokio::process::Command;

use super::{BUCKET, Cluster, KEY, Seat};
use crate::door::Door;
use crate::error::LiveError;
use crate::network::Network;
use crate::node::Home;

/// Where everything is when there is no network of its own.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Cluster {
    /// A cluster of nodes of `program`, named `n1`, `n2` and so on, with these roles; none of them runs yet.
    ///
    /// Each has a network of its own when there is a `network` for so many.
    pub async fn prepare(
        program: &Path,
        roles: &[&str],
        mut network: Option<Network>,
    ) -> Result<Self, LiveError> {
        let (store, redis) =
            tokio::try_join!(Ministack::start(), RedisServer::start(&["--protected-mode", "no"]))?;
        store.create_bucket(BUCKET).await?;
        let line = Line::to(here(store.port())).await?;
        let ways = match &mut network {
            Some(network) => (network.way_to(line.port()).await?, network.way_to(redis.port()).await?),
            None => (here(line.port()), here(redis.port())),
        };
        let root = tempfile::Builder::new().prefix("rag-enabler-cluster-").tempdir();
        let root = root.map_err(LiveError::system("making a folder for a cluster"))?;
        let place = Place::Own(root.path().to_owned());
        let broom = Leashed::start(&["sleep", "infinity"].map(str::to_owned), &place, &place.log(), |_| {})?;
        let program = program.to_owned();
        let mut cluster = Self {
            seats: Vec::new(),
            line,
            redis,
            store,
            network,
            program,
            root,
            _broom: broom,
            logs: None,
            ways,
        };
        let names: Vec<String> = (1..=roles.len()).map(|number| format!("n{number}")).collect();
        cluster.certify(&names).await?;
        for (name, roles) in names.iter().zip(roles) {
            cluster.add(name, roles)?;
        }
        Ok(cluster)
    }

    /// Its nodes log into `dir`, each into a file of its own, over an older one; for a cluster none of whose nodes has run.
    #[must_use]
    pub fn logging_into(mut self, dir: &Path) -> Self {
        let log = |door: &Door| {
            let log = dir.join(format!("{}.log", door.name));
            // What is not there need not be removed.
            let _ = std::fs::remove_file(&log);
            log
        };
        self.seats = self
            .seats
            .into_iter()
            .map(|seat| {
                let home = seat.home.logging_to(log(&seat.door));
                Seat { home, ..seat }
            })
            .collect();
        self.logs = Some(dir.to_owned());
        self
    }

    /// Makes certificates as an operator does.
    async fn certify(&self, names: &[String]) -> Result<(), LiveError> {
        let mut command = Command::new(&self.program);
        command.args(["certs", "new"]).arg(self.certs()).stdin(Stdio::null()).kill_on_drop(true);
        for name in names {
            command.args(["--node", name]);
        }
        let doing = format!("running `{} certs new`", self.program.display());
        let output = command.output().await.map_err(LiveError::system(doing))?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(LiveError::Command { command: format!("{} certs new", self.program.display()), said })
            }
        }
    }

    pub(super) fn certs(&self) -> PathBuf {
        self.root.path().join("certs")
    }

    /// A place for a further node, which does not run yet.
    fn add(&mut self, name: &str, roles: &str) -> Result<(), LiveError> {
        let number = self.seats.len();
        let (within, host) = match &self.network {
            Some(network) => (network.within(number), network.host(number)),
            None => (Vec::new(), HERE),
        };
        let mut home =
            Home::new(self.root.path(), &self.program, within, SocketAddr::new(host, 0).to_string())?;
        if let Some(dir) = &self.logs {
            home = home.logging_to(dir.join(format!("{name}.log")));
        }
        home.share_key(KEY)?;
        let door = Door::new(name);
        door.shut();
        let (roles, link_port) = (roles.to_owned(), listening_port(OsChance.next_u64())?);
        self.seats.push(Seat { door, home, node: None, roles, host, link_port });
        Ok(())
    }

    /// A place for a further node of a running cluster, which joins when it is launched.
    pub async fn reserve(&mut self, roles: &str) -> Result<usize, LiveError> {
        let name = format!("n{}", self.seats.len() + 1);
        self.certify(std::slice::from_ref(&name)).await?;
        self.add(&name, roles)?;
        Ok(self.seats.len() - 1)
    }
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::new(HERE, port)
}
