//! Links over `ractor_cluster`: one node server per lane, one gateway, and no name or group anywhere.
//!
//! What that library leaves open is handled around it: streams are fed in from outside after both ends proved who
//! they are, its own listener leads nowhere, and a peer has at most one session per lane, so that its election of
//! sessions (which can lock a node out) never has anything to elect.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::ActorCell;
use enabler_cluster::actor::Fault;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use ractor_cluster::node::{NodeConnectionMode, NodeServerSessionInformation};
use ractor_cluster::{
    BoxRead, BoxWrite, BytesConvertable, ClusterBidiStream, IncomingEncryptionMode, NodeEventSubscription,
    NodeServer, NodeServerMessage, NodeSessionMessage,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::pace::{Pace, Paced};
use crate::peer::{Arrivals, Carrier, Gone, PeerLink, Stream, Streams};
use crate::wire::Lane;

/// Time for both sessions of a link to come about once their streams are there.
const OPEN_TIME_MAX: Duration = Duration::from_secs(3);
/// Room beside the body for our header and the library's own framing, in bytes.
const FRAMING_BYTES_MAX: u64 = 64 << 10;

/// The one remotable message of a node: a frame, whose meaning is in `wire.rs`.
pub(crate) struct Frame(Vec<u8>);

impl BytesConvertable for Frame {
    fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        Frame(bytes)
    }
}

/// The one remotable actor of a node.
struct Gateway(Arc<dyn Arrivals>);

impl Actor for Gateway {
    type Msg = Frame;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Frame>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Frame>, frame: Frame, (): &mut ()) -> Result<(), ActorProcessingErr> {
        let arrivals = AssertUnwindSafe(&self.0);
        // One frame that cannot be handled must not take every link of the node with it.
        if std::panic::catch_unwind(move || arrivals.arrived(Bytes::from(frame.0))).is_err() {
            tracing::error!("a frame from a peer could not be handled");
        }
        Ok(())
    }
}

struct Session {
    peer: String,
    lane: Lane,
    actor: Option<ActorRef<NodeSessionMessage>>,
    ready: bool,
    cut: CancellationToken,
}

/// The sessions that exist, by label. A label is the token of the link and its lane.
#[derive(Default)]
struct Sessions {
    by_label: Mutex<BTreeMap<String, Session>>,
    changed: Notify,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.by_label.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, label: &str, update: impl FnOnce(&mut Session)) {
        if let Some(session) = self.lock().get_mut(label) {
            update(session);
        }
        self.changed.notify_waiters();
    }

    fn remove(&self, label: &str) {
        let removed = self.lock().remove(label);
        if let Some(session) = removed {
            session.cut.cancel();
        }
        self.changed.notify_waiters();
    }

    /// Waits until `look` finds something.
    async fn until<T>(&self, mut look: impl FnMut(&mut BTreeMap<String, Session>) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }
}

/// Hears from a node server what becomes of its sessions.
struct Events(Arc<Sessions>);

impl NodeEventSubscription for Events {
    fn node_session_opened(&self, session: NodeServerSessionInformation) {
        self.0.update(&session.peer_addr, |known| known.actor = Some(session.actor.clone()));
    }

    fn node_session_disconnected(&self, session: NodeServerSessionInformation) {
        self.0.remove(&session.peer_addr);
    }

    fn node_session_authenticated(&self, _: NodeServerSessionInformation) {}

    fn node_session_ready(&self, session: NodeServerSessionInformation) {
        self.0.update(&session.peer_addr, |known| known.ready = true);
    }
}

/// A stream as the library takes it; its label is how its session is found again.
struct Labelled {
    label: String,
    stream: Box<dyn Stream>,
}

impl ClusterBidiStream for Labelled {
    fn split(self: Box<Self>) -> (BoxRead, BoxWrite) {
        let (read, write) = tokio::io::split(self.stream);
        (Box::new(read), Box::new(write))
    }

    fn peer_label(&self) -> Option<String> {
        Some(self.label.clone())
    }
}

/// What a carrier is told at its start.
pub(crate) struct Plan {
    /// The node's name and generation.
    pub(crate) node: String,
    pub(crate) cluster: String,
    pub(crate) frame_bytes_max: u32,
    pub(crate) arrivals: Arc<dyn Arrivals>,
}

/// The node servers and the gateway of this node.
pub(crate) struct Ractor {
    gateway: u64,
    small: ActorRef<NodeServerMessage>,
    large: ActorRef<NodeServerMessage>,
    sessions: Arc<Sessions>,
}

impl Ractor {
    /// Starts the servers and the gateway under `above`, which must fail when one of them ends.
    pub(crate) async fn start(plan: Plan, above: ActorCell) -> Result<Self, Fault> {
        let fault = |error: &dyn std::fmt::Display| Fault::new(format!("starting the carrier: {error}"));
        let (gateway, _) = Actor::spawn_linked(None, Gateway(plan.arrivals), (), above.clone())
            .await
            .map_err(|error| fault(&error))?;
        let gateway = gateway.get_id().pid();
        let sessions = Arc::new(Sessions::default());
        let mut servers = Vec::new();
        for lane in ["small", "large"] {
            // Whoever reaches the library's own listener meets a handshake that cannot succeed.
            let nowhere = crate::tls::dead_end().map_err(|error| fault(&error))?;
            // The peers' certificates are what counts; the library only wants both ends to say the same.
            let cookie = format!("rag-enabler {} {lane}", plan.cluster);
            let server = NodeServer::new(
                0,
                cookie,
                format!("{}.{gateway}", plan.node),
                lane.to_owned(),
                Some(IncomingEncryptionMode::Tls(nowhere)),
                Some(NodeConnectionMode::Isolated),
            )
            .with_listen_addr(IpAddr::V4(Ipv4Addr::LOCALHOST))
            .with_max_inbound_frame_size(u64::from(plan.frame_bytes_max) + FRAMING_BYTES_MAX);
            let (server, _) =
                Actor::spawn_linked(None, server, (), above.clone()).await.map_err(|error| fault(&error))?;
            let subscription = Box::new(Events(sessions.clone()));
            server
                .cast(NodeServerMessage::SubscribeToEvents { id: "links".to_owned(), subscription })
                .map_err(|error| fault(&error))?;
            servers.push(server);
        }
        let (Some(large), Some(small)) = (servers.pop(), servers.pop()) else {
            return Err(Fault::new("starting the carrier: no servers"));
        };
        Ok(Ractor { gateway, small, large, sessions })
    }

    async fn lane(
        &self,
        lane: Lane,
        stream: Box<dyn Stream>,
        link: &Link<'_>,
    ) -> Result<ActorRef<Frame>, String> {
        let label = label(link.token, lane);
        // An earlier session of this peer must be gone, or the library would choose between the two.
        self.sessions
            .until(|open| {
                let taken = open.values().any(|other| other.lane == lane && other.peer == link.peer);
                let session = || Session {
                    peer: link.peer.to_owned(),
                    lane,
                    actor: None,
                    ready: false,
                    cut: link.cut.clone(),
                };
                (!taken).then(|| open.insert(label.clone(), session())).map(|_| ())
            })
            .await;
        let server = if lane == Lane::Small { &self.small } else { &self.large };
        let stream = Box::new(Labelled { label: label.clone(), stream });
        server
            .cast(NodeServerMessage::ConnectionOpenedExternal { stream, is_server: !link.dialed })
            .map_err(|error| error.to_string())?;
        let found = self.sessions.until(|open| match open.get(&label) {
            None => Some(None),
            Some(Session { ready: true, actor: Some(actor), .. }) => Some(Some(actor.clone())),
            Some(_) => None,
        });
        let session = found.await.ok_or("the session ended before it was ready")?;
        loop {
            let gateway = session
                .get_children()
                .into_iter()
                .find(|child| !child.get_id().is_local() && child.get_id().pid() == link.gateway);
            match gateway {
                Some(gateway) => return Ok(gateway.into()),
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }
}

fn label(token: u128, lane: Lane) -> String {
    format!("{token:032x}-{lane:?}")
}

/// What both lanes of a link share.
struct Link<'a> {
    peer: &'a str,
    token: u128,
    gateway: u64,
    dialed: bool,
    cut: &'a CancellationToken,
}

#[async_trait]
impl Carrier for Ractor {
    fn gateway(&self) -> u64 {
        self.gateway
    }

    async fn open(&self, streams: Streams) -> Result<Arc<dyn PeerLink>, String> {
        let Streams { peer, token, gateway, dialed, small, large, cut } = streams;
        let link = Link { peer: &peer, token, gateway, dialed, cut: &cut };
        let pace = Arc::new(Pace::default());
        let large = Box::new(Paced { stream: large, pace: pace.clone() });
        let both = futures_util::future::try_join(
            self.lane(Lane::Small, small, &link),
            self.lane(Lane::Large, large, &link),
        );
        let opened = tokio::select! {
            () = cut.cancelled() => Err("the link was cut while it was made".to_owned()),
            opened = tokio::time::timeout(OPEN_TIME_MAX, both) => {
                opened.unwrap_or_else(|_| Err("the sessions did not come about in time".to_owned()))
            }
        };
        match opened {
            Ok((small, large)) => {
                let end = cut.clone();
                pace.open(Box::new(move |frame| {
                    if large.cast(Frame(frame)).is_err() {
                        end.cancel();
                    }
                }));
                Ok(Arc::new(Pair { small, large: pace, cut }))
            }
            Err(why) => {
                cut.cancel();
                for lane in [Lane::Small, Lane::Large] {
                    let label = label(token, lane);
                    // A session that was never opened has nobody to tell of its end.
                    if self.sessions.lock().get(&label).is_some_and(|session| session.actor.is_none()) {
                        self.sessions.remove(&label);
                    }
                }
                Err(why)
            }
        }
    }
}

/// The peer's gateway, as each lane's session knows it.
struct Pair {
    small: ActorRef<Frame>,
    large: Arc<Pace>,
    cut: CancellationToken,
}

impl PeerLink for Pair {
    fn send(&self, lane: Lane, frame: Vec<u8>) -> Result<(), Gone> {
        if self.cut.is_cancelled() {
            return Err(Gone);
        }
        match lane {
            Lane::Small => self.small.cast(Frame(frame)).map_err(|_| Gone),
            Lane::Large => {
                self.large.send(frame);
                Ok(())
            }
        }
    }
}
