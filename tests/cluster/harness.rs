//! A whole cluster on this machine: the simulator's, for a test that fails when it does not do as it is told.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use enabler_sim_live::{ALL, KEEPS, LEASE, SHARDS};
use tokio::sync::{Mutex, MutexGuard};

use super::door::STUCK_AFTER;
use super::truth::Truth;
use crate::node::{NotReady, PROGRAM};

/// One cluster at a time: two would take each other's processor time, and look frozen to themselves.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

/// A folder that is a file.
pub(super) struct Spoilt(PathBuf);

impl Spoilt {
    pub(super) fn repair(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

/// A cluster. Its nodes and servers end with it.
pub(crate) struct Cluster {
    cluster: enabler_sim_live::Cluster,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Cluster {
    type Target = enabler_sim_live::Cluster;

    fn deref(&self) -> &Self::Target {
        &self.cluster
    }
}

impl DerefMut for Cluster {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.cluster
    }
}

impl Cluster {
    /// Starts nodes named `n1`, `n2` and so on with these roles and waits until all are ready.
    pub(super) async fn start(roles: &[&str]) -> Self {
        let mut cluster = Self::prepare(roles).await;
        cluster.cluster.launch_all().await.unwrap();
        cluster
    }

    /// A cluster none of whose nodes runs yet.
    pub(super) async fn prepare(roles: &[&str]) -> Self {
        let turn = TURN.lock().await;
        let cluster = enabler_sim_live::Cluster::prepare(Path::new(PROGRAM), roles, None).await;
        Self { cluster: cluster.unwrap(), _turn: turn }
    }

    /// A place for a further node of a running cluster, which joins when it is launched.
    pub(super) async fn reserve(&mut self, roles: &str) -> usize {
        self.cluster.reserve(roles).await.unwrap()
    }

    /// Adds a node to a running cluster and waits until it is ready.
    pub(super) async fn join(&mut self, roles: &str) -> usize {
        let number = self.reserve(roles).await;
        self.launch(number).await;
        number
    }

    /// Starts a node's process and waits for nothing.
    pub(super) fn begin(&mut self, number: usize) {
        self.cluster.begin(number).unwrap();
    }

    /// Starts a node's process with changed settings.
    pub(super) fn begin_with(&mut self, number: usize, change: impl FnOnce(String) -> String) {
        self.cluster.begin_with(number, change).unwrap();
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
        self.cluster.wait_until_ready(number, time_max).await
    }

    /// Puts a file where a node's indexes should be: none can be opened or made.
    pub(super) fn spoil_index(&self, number: usize) -> Spoilt {
        let path = self.data_of(number).join("index");
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, "a file").unwrap();
        Spoilt(path)
    }

    pub(super) async fn launch(&mut self, number: usize) {
        self.begin(number);
        if let Err(why) = self.become_ready(number).await {
            panic!("{} is not ready: {why}", self.door(number).name);
        }
    }

    /// The place of the node with this name.
    pub(super) fn number_of(&self, name: &str) -> usize {
        self.cluster.number_of(name).expect("a node of this cluster")
    }

    /// What the store says, whatever the line to it does.
    pub(super) async fn truth(&self) -> Truth {
        Truth(self.cluster.truth().await.unwrap())
    }

    /// Ends a node as a power cut does.
    pub(super) async fn kill(&mut self, number: usize) {
        self.cluster.kill(number).await.unwrap();
    }

    /// Freezes a node: it keeps its connections and says nothing.
    pub(super) fn freeze(&self, number: usize) {
        self.cluster.freeze(number).unwrap();
    }

    /// Lets a frozen node go on; its door stays shut until [`Self::back`].
    pub(super) fn thaw(&self, number: usize) {
        self.cluster.thaw(number).unwrap();
    }

    /// Waits until a node that was begun, frozen or cut off is ready again.
    pub(super) async fn back(&mut self, number: usize) {
        self.cluster.back(number).await.unwrap_or_else(|error| panic!("{}", error.whole()));
    }

    /// Stops a node as an orchestrator does: no new requests, then SIGTERM. It must end in peace.
    pub(super) async fn drain(&mut self, number: usize) {
        self.cluster.drain(number).await.unwrap_or_else(|error| panic!("{}", error.whole()));
    }

    /// Waits until every shard is owned by the node that shall own it, nobody else says so, and every node is ready.
    pub(super) async fn calm(&self) {
        self.cluster.calm().await.unwrap_or_else(|error| panic!("{}", error.whole()));
    }
}

/// A cluster of nodes that tell what they do to the collector at `collector`.
pub(crate) async fn traced(roles: &[&str], collector: &str) -> Cluster {
    let mut cluster = Cluster::prepare(roles).await;
    for number in 0..roles.len() {
        cluster.begin_with(number, |own| format!("{own}[telemetry]\ntraces_endpoint = {collector:?}\n"));
    }
    for number in 0..roles.len() {
        if let Err(why) = cluster.become_ready(number).await {
            panic!("{} is not ready: {why}", cluster.door(number).name);
        }
    }
    cluster
}
