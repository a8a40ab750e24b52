//! Links between nodes: mutual TLS, credit, silence, gossip, and one gateway that always answers.
//!
//! A node dials and accepts by itself, over TLS 1.3 with certificates on both sides. Each peer has two connections,
//! for small and for large frames, and a window of what may be under way. Members find each other by gossip over
//! these links; a member that only others can reach is called through one of them. Nothing here knows the product.

pub mod certs;
mod core;
mod gossip;
mod handshake;
mod id;
mod link;
mod mesh;
mod pace;
mod parts;
pub mod peer;
mod serve;
mod session;
mod settings;
mod table;
mod tls;
mod view;
mod watch;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::ActorCell;
use enabler_cluster::actor;
use enabler_cluster::address::Address;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::{CallError, Net, NodeId, Reach, Service, View};
use enabler_cluster::request::Request;
use enabler_cluster::supervisor::{self, Child};
use enabler_cluster::tree::Tree;
use tokio::net::TcpListener;
use tokio::sync::watch as values;

use crate::core::Core;
use crate::link::Route;
use crate::wire::{FLAG_RELAY, What};

pub use link::CODE_VERSION;
pub use settings::{Limits, LinkError, Settings, TlsFiles};
pub use tls::TlsError;

/// Directives for the log filter, always in force: below `info` these libraries print whole messages, and with
/// them the text of documents; above it they repeat what the links themselves say.
pub const LOG_DIRECTIVES: [&str; 3] = ["ractor_cluster=error", "ractor=warn", "chitchat=warn"];

/// Third nodes that a call is offered to when its own link is down.
const RELAYS_MAX: usize = 3;

/// The links of this node. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    core: Arc<Core>,
    view: values::Receiver<Arc<View>>,
    actors: supervisor::Handle,
}

impl Links {
    /// Starts listening, dialing and gossiping; its actors appear in `tree` under `node/links`.
    ///
    /// # Errors
    /// See [`LinkError`]; nothing runs then.
    pub async fn start(
        settings: Settings,
        service: Arc<dyn Service>,
        tree: &Tree,
        above: ActorCell,
    ) -> Result<Links, LinkError> {
        settings.check()?;
        let tls = tls::Tls::load(&settings.tls, &settings.node).map_err(LinkError::Tls)?;
        let address = settings.listen;
        let failed = |source| LinkError::Listen { address, source };
        let listener = Arc::new(TcpListener::bind(address).await.map_err(failed)?);
        let local = listener.local_addr().map_err(failed)?;
        let (core, view) = Core::new(settings, local, tls, service);
        let children = vec![
            child("node/links/_carrier", tree, core.clone(), |core| parts::Carry(core.clone())),
            child("node/links/_acceptor", tree, core.clone(), move |core| parts::Accept {
                core: core.clone(),
                listener: listener.clone(),
            }),
            child("node/links/_membership", tree, core.clone(), {
                let starts = Arc::default();
                move |core| gossip::Membership { core: core.clone(), starts: Arc::clone(&starts) }
            }),
            child("node/links/_dialer", tree, core.clone(), |core| mesh::Mesh(core.clone())),
        ];
        let actors = supervisor::spawn("node/links", Policy::default(), children, tree, Some(above))
            .await
            .map_err(|fault| LinkError::Start(fault.reason))?;
        Ok(Links { core, view, actors })
    }

    /// Replaces the seeds; links that exist stay.
    pub fn set_seeds(&self, seeds: Vec<String>) {
        self.core.set_seeds(seeds);
    }

    /// Refuses links with the node of this name, and cuts the one that exists, until told otherwise: for operators
    /// who take a node out of the mesh, and for drills.
    pub fn sever(&self, name: &str, severed: bool) {
        self.core.sever(name, severed);
    }

    /// Kills a part of the links (`_carrier`, `_acceptor`, `_membership`, `_dialer`), which its supervisor starts
    /// again: for drills.
    pub fn kill(&self, part: &str) {
        self.actors.kill(&format!("node/links/{part}"));
    }

    /// Leaves the cluster: says goodbye, lets calls in flight end within `patience`, and closes.
    pub async fn stop(&self, patience: Duration) {
        self.core.leave();
        for link in self.core.table.all() {
            let _ = link.signal(What::Bye, &[]);
        }
        let quiet = async {
            while self.core.table.all().iter().any(|link| link.is_busy()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(patience, quiet).await;
        // The last answers are with the carrier, which tells nobody when it has written them.
        tokio::time::sleep(Duration::from_millis(20)).await;
        for link in self.core.table.all() {
            self.core.table.remove(&link);
        }
        self.actors.stop(patience.max(Duration::from_secs(1))).await;
    }

    /// Where this node listens.
    pub fn local_address(&self) -> SocketAddr {
        self.core.local
    }

    /// Linked nodes that may reach `to`, if `to` is heard of.
    fn relays(&self, to: &NodeId) -> Vec<Arc<link::Link>> {
        let view = self.core.view.borrow().clone();
        let heard = view.members.iter().any(|member| member.id == *to && member.reach == Reach::Heard);
        if !heard {
            return Vec::new();
        }
        let links = self.core.table.all().into_iter().filter(|link| link.is_ready() && link.peer != *to);
        links.take(RELAYS_MAX).collect()
    }
}

#[async_trait]
impl Net for Links {
    fn view(&self) -> values::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// Tells all nodes a fact about this one; at most 64 facts of 4 KiB, what is more is logged and not told.
    fn tell(&self, key: &str, value: &str) {
        self.core.tell(key, value);
    }

    async fn call(&self, to: &NodeId, kind: u16, body: Bytes, request: &Request) -> Result<Bytes, CallError> {
        if let Some(link) = self.core.table.ready(to) {
            match link.call(kind, &body, request, Route::default()).await {
                // Nothing was sent: another way may be open.
                Err(CallError::NoLink) => {}
                outcome => return outcome,
            }
        }
        for relay in self.relays(to) {
            match relay.call(kind, &body, request, via(to)).await {
                Err(CallError::NoLink) => {}
                outcome => return outcome,
            }
        }
        Err(CallError::NoLink)
    }

    async fn cast(&self, to: &NodeId, kind: u16, body: Bytes) -> Result<(), CallError> {
        if let Some(link) = self.core.table.ready(to) {
            match link.cast(kind, &body, Route::default()) {
                Err(CallError::NoLink) => {}
                outcome => return outcome,
            }
        }
        self.relays(to).first().map_or(Err(CallError::NoLink), |relay| relay.cast(kind, &body, via(to)))
    }
}

fn via(to: &NodeId) -> Route {
    Route { flags: FLAG_RELAY, hops: 0, to: Some(to.clone()), origin: None }
}

fn child<B: actor::Behaviour>(
    path: &'static str,
    tree: &Tree,
    core: Arc<Core>,
    make: impl Fn(&Arc<Core>) -> B + Send + Sync + 'static,
) -> Child {
    // One message at a time: each of these actors only looks again, and looking twice says nothing new.
    let (address, tree, make) = (Address::new(path, 1), tree.clone(), Arc::new(make));
    Child::new(path, move |above| {
        let (address, tree, core, make) = (address.clone(), tree.clone(), core.clone(), make.clone());
        async move { actor::spawn(make(&core), address, &tree, above).await }
    })
}

#[cfg(test)]
mod tests;
