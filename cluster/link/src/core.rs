//! What the parts of a node's links share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use enabler_cluster::net::{Member, NodeId, Reach, Service, View};
use enabler_telemetry::metrics;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::id::{id_text, place_of};
use crate::link::Link;
use crate::peer::{Arrivals, Carrier, Streams};
use crate::serve;
use crate::settings::Settings;
use crate::table::Table;
use crate::tls::Tls;
use crate::wire::{self, Hello, Status, What, WireError};

/// Facts that a node may tell, and the bytes of one.
pub(crate) const FACTS_MAX: usize = 64;
pub(crate) const FACT_BYTES_MAX: usize = 4 << 10;

/// A gossip message and the link that it came by.
pub(crate) type Gossip = (Arc<Link>, Bytes);

pub(crate) struct Core {
    pub(crate) me: NodeId,
    pub(crate) settings: Settings,
    pub(crate) local: SocketAddr,
    pub(crate) advertise: String,
    pub(crate) tls: Tls,
    pub(crate) service: Arc<dyn Service>,
    pub(crate) table: Table,
    pub(crate) view: watch::Sender<Arc<View>>,
    carrier: Mutex<Option<Arc<dyn Carrier>>>,
    gossip: Mutex<Option<mpsc::Sender<Gossip>>>,
    facts: Mutex<BTreeMap<String, String>>,
    seeds: Mutex<Vec<String>>,
    severed: Mutex<BTreeSet<String>>,
    /// Starts of peers that said goodbye.
    left: Mutex<BTreeSet<NodeId>>,
    leaving: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(
        settings: Settings,
        local: SocketAddr,
        tls: Tls,
        service: Arc<dyn Service>,
    ) -> (Arc<Self>, watch::Receiver<Arc<View>>) {
        let me = NodeId { name: settings.node.clone(), generation: settings.generation };
        let advertise =
            if settings.advertise.is_empty() { local.to_string() } else { settings.advertise.clone() };
        let own = Member {
            id: me.clone(),
            address: advertise.clone(),
            reach: Reach::Linked,
            since: Instant::now(),
            facts: BTreeMap::new(),
        };
        let (view, seen) = watch::channel(Arc::new(View { me: me.clone(), members: vec![own] }));
        let core = Core {
            me,
            local,
            advertise,
            tls,
            service,
            table: Table::default(),
            view,
            carrier: Mutex::default(),
            gossip: Mutex::default(),
            facts: Mutex::default(),
            seeds: Mutex::new(settings.seeds.clone()),
            severed: Mutex::default(),
            left: Mutex::default(),
            leaving: AtomicBool::new(false),
            settings,
        };
        (Arc::new(core), seen)
    }

    pub(crate) fn set_carrier(&self, carrier: Option<Arc<dyn Carrier>>) {
        *lock(&self.carrier) = carrier;
        for link in self.table.all() {
            self.table.remove(&link);
        }
    }

    pub(crate) fn carrier(&self) -> Option<Arc<dyn Carrier>> {
        lock(&self.carrier).clone()
    }

    pub(crate) fn set_gossip(&self, gossip: mpsc::Sender<Gossip>) {
        *lock(&self.gossip) = Some(gossip);
    }

    pub(crate) fn tell(&self, key: &str, value: &str) {
        let mut facts = lock(&self.facts);
        let fits = key.len() + value.len() <= FACT_BYTES_MAX;
        if !fits || (facts.len() >= FACTS_MAX && !facts.contains_key(key)) {
            tracing::warn!(
                key,
                "a fact about this node is not told: {FACTS_MAX} of {FACT_BYTES_MAX} bytes are the bound"
            );
            return;
        }
        facts.insert(key.to_owned(), value.to_owned());
        drop(facts);
        self.table.changed.notify_waiters();
    }

    pub(crate) fn facts(&self) -> BTreeMap<String, String> {
        lock(&self.facts).clone()
    }

    pub(crate) fn set_seeds(&self, seeds: Vec<String>) {
        *lock(&self.seeds) = seeds;
    }

    pub(crate) fn seeds(&self) -> Vec<String> {
        lock(&self.seeds).clone()
    }

    pub(crate) fn sever(&self, name: &str, severed: bool) {
        if severed {
            lock(&self.severed).insert(name.to_owned());
            if let Some(link) = self.table.by_name(name) {
                self.table.remove(&link);
            }
        } else {
            lock(&self.severed).remove(name);
        }
    }

    pub(crate) fn is_severed(&self, name: &str) -> bool {
        lock(&self.severed).contains(name)
    }

    pub(crate) fn has_left(&self, id: &NodeId) -> bool {
        lock(&self.left).contains(id)
    }

    fn note_left(&self, id: &NodeId) {
        let mut left = lock(&self.left);
        // One start per name: a later start makes the earlier ones meaningless.
        left.retain(|other| other.name != id.name);
        if left.len() < self.settings.limits.peers_max as usize {
            left.insert(id.clone());
        }
    }

    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(crate) fn hello(&self, gateway: u64, token: u128, instead_of: u128, large: bool) -> Hello {
        let limits = &self.settings.limits;
        Hello {
            cluster: self.settings.cluster_id.clone(),
            node: place_of(&self.me),
            advertise: self.advertise.clone(),
            gateway,
            large,
            token,
            instead_of,
            calls_max: limits.calls_in_flight_max,
            bytes_max: limits.bytes_in_flight_max,
            frame_max: limits.frame_bytes_max,
        }
    }

    /// Makes a link of two streams and keeps it until it ends.
    pub(crate) async fn run_link(
        self: Arc<Self>,
        link: Arc<Link>,
        carrier: Arc<dyn Carrier>,
        streams: Streams,
    ) {
        match carrier.open(streams).await {
            Ok(opened) => {
                link.ready(opened);
                tracing::info!(peer = id_text(&link.peer), "linked");
                self.table.changed.notify_waiters();
                let beat = self.settings.silence_max / 4;
                // A link that carries nothing would look silent to the peer: both streams get a sign of life.
                while tokio::time::timeout(beat, link.cut.cancelled()).await.is_err() {
                    if link.beat().is_err() {
                        break;
                    }
                }
                let silent = link.silent.load(std::sync::atomic::Ordering::Relaxed);
                metrics::LINK_CUTS.one([if silent { "silent" } else { "closed" }]);
            }
            Err(why) => tracing::warn!(peer = id_text(&link.peer), why, "a link did not come about"),
        }
        self.table.remove(&link);
        tracing::info!(peer = id_text(&link.peer), "no longer linked");
    }

    fn violated(&self, link: &Arc<Link>, what: &str) {
        tracing::warn!(
            peer = id_text(&link.peer),
            what,
            "the peer broke the rules of the link, which is cut"
        );
        self.table.remove(link);
    }

    fn take(self: &Arc<Self>, link: &Arc<Link>, frame: wire::Frame) {
        if !link.confirmed(frame.header.taken) {
            return self.violated(link, "it confirmed bytes that were never sent");
        }
        match frame.what {
            What::Call | What::Cast => match link.admit(frame.id, frame.body.len()) {
                Some(cancel) => serve::begin(self, link, frame, cancel),
                None => self.violated(link, "it has no credit for this frame"),
            },
            What::Answer => {
                let status = Status::from_code(frame.header.status);
                if !link.answered(frame.id, status, frame.header.kind, frame.body) {
                    self.violated(link, "it answered what was never asked");
                }
            }
            What::Cancel => link.cancelled(frame.id),
            What::Beat => {}
            What::Gossip => {
                let inbox = lock(&self.gossip).clone();
                // A full inbox drops: gossip repeats itself.
                let _ = inbox.map(|inbox| inbox.try_send((link.clone(), frame.body)));
            }
            What::Bye => {
                self.note_left(&link.peer);
                self.table.changed.notify_waiters();
            }
        }
    }
}

/// Arrivals hold the core weakly: the gateway must not keep a node alive that was dropped.
pub(crate) struct Inbox(pub(crate) std::sync::Weak<Core>);

impl Arrivals for Inbox {
    fn arrived(&self, bytes: Bytes) {
        let Some(core) = self.0.upgrade() else { return };
        match wire::decode(&bytes) {
            Ok(frame) => match core.table.by_token(frame.token) {
                Some(link) => core.take(&link, frame),
                // Of a link that has just ended, or of nobody we know.
                None => tracing::debug!(what = ?frame.what, "a frame of no link was dropped"),
            },
            Err(error @ (WireError::Version(preamble) | WireError::What(preamble))) => {
                if let Some(link) = core.table.by_token(preamble.token) {
                    link.refuse_unread(preamble.id, &error.to_string());
                }
            }
            Err(WireError::Header(preamble)) => {
                if let Some(link) = core.table.by_token(preamble.token) {
                    core.violated(&link, "its frame cannot be read");
                }
            }
            Err(error) => tracing::warn!(%error, "a frame was dropped"),
        }
    }
}
