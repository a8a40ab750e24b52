//! From a TCP connection to an agreed link: TLS on both sides, then one message each way.
//!
//! Nothing that a peer says is believed before its certificate is checked, and the certificate must carry the name
//! that it claims. Only then are the streams handed to the carrier.

use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::net::NodeId;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use crate::core::Core;
use crate::id::{id_of, id_text};
use crate::link::{Bounds, Link};
use crate::peer::{Carrier, Stream, Streams};
use crate::settings::name_is_good;
use crate::table::Offered;
use crate::tls;
use crate::watch::Watch;
use crate::wire::{self, FIRST_BYTES, Hello, Welcome, WireError};

/// Time for a TCP connection: within one region a host answers in milliseconds or not at all.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(700);

/// Why a connection did not become a link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("connecting to `{address}`")]
    Connect { address: String, source: std::io::Error },
    #[error("the handshake")]
    Io(#[from] std::io::Error),
    #[error("the handshake")]
    Wire(#[from] WireError),
    #[error("the handshake took longer than {} ms", .0.as_millis())]
    Slow(Duration),
    #[error("the peer claims to be `{0}`, which its certificate does not say")]
    Name(String),
    #[error("the peer refused: {0}")]
    Refused(String),
    #[error("no link is made: {0}")]
    Not(String),
}

impl HandshakeError {
    /// Counts a link that was refused, by either side; one that nobody answered was none.
    pub(crate) fn count(&self) {
        let reason = match self {
            HandshakeError::Name(_) => "certificate",
            HandshakeError::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(
                    tokio_rustls::rustls::Error::InvalidCertificate(_)
                    | tokio_rustls::rustls::Error::NoCertificatesPresented
                    | tokio_rustls::rustls::Error::AlertReceived(_),
                ) => "certificate",
                _ => return,
            },
            HandshakeError::Refused(_) | HandshakeError::Not(_) | HandshakeError::Wire(_) => "refused",
            HandshakeError::Connect { .. } | HandshakeError::Slow(_) => return,
        };
        enabler_telemetry::metrics::LINK_CUTS.one([reason]);
    }
}

/// What a dialed address turned out to be.
pub(crate) enum Dialed {
    /// This node itself.
    Myself,
    /// A node to which there is a link now.
    Peer(NodeId),
}

fn tune(stream: &TcpStream, silence_max: Duration) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(silence_max).with_interval(silence_max / 2).with_retries(3);
    // What the system does not offer is made up for by the watch over the stream.
    let _ = stream.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(silence_max * 2));
}

async fn write_first(
    stream: &mut (impl Stream + ?Sized),
    message: &impl bincode::Encode,
) -> std::io::Result<()> {
    stream.write_all(&wire::encode_first(message)).await?;
    stream.flush().await
}

async fn read_first<T: bincode::Decode<()>>(
    stream: &mut (impl Stream + ?Sized),
) -> Result<((u8, u8), Option<T>), HandshakeError> {
    let mut head = [0; FIRST_BYTES];
    stream.read_exact(&mut head).await?;
    let (versions, length) = wire::decode_first_head(head)?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    // What a version without common ground says is not read.
    let message = if wire::versions_meet(versions) { Some(wire::decode_first(&bytes)?) } else { None };
    Ok((versions, message))
}

fn versions_apart(theirs: (u8, u8)) -> String {
    let (low, high) = theirs;
    let (min, max) = (wire::VERSION_MIN, wire::VERSION_MAX);
    format!(
        "one node speaks versions {low} to {high} of the links, the other {min} to {max}; update the older one"
    )
}

fn check(
    core: &Core,
    certificates: Option<&[CertificateDer<'_>]>,
    hello: &Hello,
) -> Result<(), HandshakeError> {
    let name = &hello.node.name;
    let named =
        certificates.and_then(<[_]>::first).is_some_and(|own| name_is_good(name) && tls::names(own, name));
    if !named {
        return Err(HandshakeError::Name(name.chars().take(64).collect()));
    }
    let not = |why: String| Err(HandshakeError::Not(why));
    if hello.cluster != core.settings.cluster_id {
        return not(format!("`{name}` belongs to another cluster"));
    }
    if core.is_severed(name) {
        return not(format!("`{name}` is severed by an operator"));
    }
    if core.is_leaving() {
        return not("this node is leaving".to_owned());
    }
    if !hello.advertise.is_empty() && !crate::settings::address_is_good(&hello.advertise) {
        return not(format!("`{name}` advertises no `host:port`"));
    }
    Ok(())
}

fn watched(core: &Core, stream: impl Stream + 'static, link: &Link) -> Box<dyn Stream> {
    Box::new(Watch::new(stream, core.settings.silence_max, &link.cut, &link.silent))
}

/// Dials `address` until there is a link to the node behind it, or there was one already.
pub(crate) async fn dial(core: &Arc<Core>, address: &str) -> Result<Dialed, HandshakeError> {
    match attempt(core, address, 0).await? {
        Attempt::Done(dialed) => Ok(dialed),
        // The node holds a link that is not held here: say so, and it lets go of it.
        Attempt::Lost(token) => match attempt(core, address, token).await? {
            Attempt::Done(dialed) => Ok(dialed),
            Attempt::Lost(_) => Err(HandshakeError::Not("the peer holds on to another link".to_owned())),
        },
    }
}

enum Attempt {
    Done(Dialed),
    Lost(u128),
}

async fn connect(
    core: &Core,
    address: &str,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, HandshakeError> {
    let failed = |source| HandshakeError::Connect { address: address.to_owned(), source };
    let tcp = timeout(CONNECT_TIME_MAX, TcpStream::connect(address))
        .await
        .map_err(|_| HandshakeError::Slow(CONNECT_TIME_MAX))?
        .map_err(failed)?;
    tune(&tcp, core.settings.silence_max);
    // The certificate is asked for a node, not for a host; this name is never sent.
    let anyone = ServerName::try_from("node").map_err(|error| failed(std::io::Error::other(error)))?;
    Ok(core.tls.connect.connect(anyone, tcp).await?)
}

async fn greet(
    core: &Core,
    address: &str,
    hello: &Hello,
) -> Result<(tokio_rustls::client::TlsStream<TcpStream>, Welcome), HandshakeError> {
    let limit = core.settings.limits.handshake_time_max;
    let greeting = async {
        let mut stream = connect(core, address).await?;
        write_first(&mut stream, hello).await?;
        let (versions, welcome) = read_first::<Welcome>(&mut stream).await?;
        let welcome = welcome.ok_or_else(|| HandshakeError::Refused(versions_apart(versions)))?;
        Ok((stream, welcome))
    };
    timeout(limit, greeting).await.unwrap_or(Err(HandshakeError::Slow(limit)))
}

async fn attempt(core: &Arc<Core>, address: &str, instead_of: u128) -> Result<Attempt, HandshakeError> {
    let carrier = core.carrier().ok_or_else(|| HandshakeError::Not("the carrier is not up".to_owned()))?;
    let hello = core.hello(carrier.gateway(), core.tls.token()?, instead_of, false);
    let (small, welcome) = greet(core, address, &hello).await?;
    check(core, small.get_ref().1.peer_certificates(), &welcome.hello)?;
    let peer = id_of(welcome.hello.node.clone());
    if peer == core.me {
        return Ok(Attempt::Done(Dialed::Myself));
    }
    if !welcome.accepted {
        let held = core.table.by_name(&peer.name).is_some_and(|link| link.token == welcome.existing);
        return match welcome.existing {
            0 => Err(HandshakeError::Refused(welcome.refusal.chars().take(200).collect())),
            _ if held => Ok(Attempt::Done(Dialed::Peer(peer))),
            token => Ok(Attempt::Lost(token)),
        };
    }
    let bounds = Bounds::agreed(&hello, &welcome.hello);
    let link = Arc::new(Link::new(&welcome.hello, true, hello.token, bounds));
    match core.table.offer(&link, 0, None, &core.me, core.settings.limits.peers_max as usize) {
        Offered::Installed => {}
        Offered::Kept(_) => return Ok(Attempt::Done(Dialed::Peer(peer))),
        Offered::Stale => return Err(HandshakeError::Not(format!("`{}` has started anew since", peer.name))),
        Offered::Full => return Err(HandshakeError::Not("there are `peers_max` links already".to_owned())),
    }
    let second = second(core, address, &Hello { large: true, ..hello }, &peer).await;
    let large = second.inspect_err(|_| core.table.remove(&link))?;
    spawn(
        core,
        &link,
        carrier,
        welcome.hello.gateway,
        watched(core, small, &link),
        watched(core, large, &link),
    );
    Ok(Attempt::Done(Dialed::Peer(peer)))
}

async fn second(
    core: &Core,
    address: &str,
    hello: &Hello,
    peer: &NodeId,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, HandshakeError> {
    let (large, welcome) = greet(core, address, hello).await?;
    check(core, large.get_ref().1.peer_certificates(), &welcome.hello)?;
    if !welcome.accepted || id_of(welcome.hello.node) != *peer {
        return Err(HandshakeError::Refused(welcome.refusal.chars().take(200).collect()));
    }
    Ok(large)
}

fn spawn(
    core: &Arc<Core>,
    link: &Arc<Link>,
    carrier: Arc<dyn Carrier>,
    gateway: u64,
    small: Box<dyn Stream>,
    large: Box<dyn Stream>,
) {
    let streams = Streams {
        peer: id_text(&link.peer),
        token: link.token,
        gateway,
        dialed: link.dialed,
        small,
        large,
        cut: link.cut.clone(),
    };
    tokio::spawn(core.clone().run_link(link.clone(), carrier, streams));
}

/// Takes an accepted connection as far as it goes. Nothing is sent before the peer's certificate is checked.
pub(crate) async fn receive(core: &Arc<Core>, tcp: TcpStream) -> Result<(), HandshakeError> {
    let limit = core.settings.limits.handshake_time_max;
    tune(&tcp, core.settings.silence_max);
    let greeting = async {
        let mut stream = core.tls.accept.accept(tcp).await?;
        let (versions, hello) = read_first::<Hello>(&mut stream).await?;
        Ok::<_, HandshakeError>((stream, versions, hello))
    };
    let (mut stream, versions, hello) =
        timeout(limit, greeting).await.unwrap_or(Err(HandshakeError::Slow(limit)))?;
    let carrier = core.carrier().ok_or_else(|| HandshakeError::Not("the carrier is not up".to_owned()))?;
    let mine = core.hello(carrier.gateway(), 0, 0, false);
    let welcome = |accepted: bool, existing: u128, refusal: &str| Welcome {
        accepted,
        existing,
        refusal: refusal.to_owned(),
        hello: mine.clone(),
    };
    let Some(hello) = hello else {
        let why = versions_apart(versions);
        write_first(&mut stream, &welcome(false, 0, &why)).await?;
        return Err(HandshakeError::Not(why));
    };
    if let Err(error) = check(core, stream.get_ref().1.peer_certificates(), &hello) {
        // Who claims another's name gets no answer; any other reason is told.
        if let HandshakeError::Not(why) = &error {
            write_first(&mut stream, &welcome(false, 0, why)).await?;
        }
        return Err(error);
    }
    let peer = id_of(hello.node.clone());
    if peer.name == core.me.name {
        write_first(&mut stream, &welcome(false, 0, "the node has the same name")).await?;
        return if peer == core.me {
            Ok(())
        } else {
            Err(HandshakeError::Not("a node has our name".to_owned()))
        };
    }
    if hello.large {
        let waiting = core.table.second(hello.token, &peer);
        let link = core.table.by_token(hello.token);
        let (Some(waiting), Some(link)) = (waiting, link) else {
            write_first(&mut stream, &welcome(false, 0, "there is no such link")).await?;
            return Err(HandshakeError::Not("it is the second connection of no link".to_owned()));
        };
        write_first(&mut stream, &welcome(true, 0, "")).await?;
        let _ = waiting.send(watched(core, stream, &link));
        return Ok(());
    }
    let link = Arc::new(Link::new(&hello, false, hello.token, Bounds::agreed(&mine, &hello)));
    let (sender, second) = oneshot::channel();
    let peers_max = core.settings.limits.peers_max as usize;
    let refusal = match core.table.offer(&link, hello.instead_of, Some(sender), &core.me, peers_max) {
        Offered::Installed => None,
        Offered::Kept(existing) => Some(welcome(false, existing.token, "there is a link already")),
        Offered::Stale => Some(welcome(false, 0, "a later start of the node is linked")),
        Offered::Full => Some(welcome(false, 0, "the node has as many links as it may have")),
    };
    if let Some(refusal) = refusal {
        return Ok(write_first(&mut stream, &refusal).await?);
    }
    let rest = async {
        write_first(&mut stream, &welcome(true, 0, "")).await?;
        second.await.map_err(|_| HandshakeError::Not("the link was replaced while it was made".to_owned()))
    };
    let large = match timeout(limit, rest).await.unwrap_or(Err(HandshakeError::Slow(limit))) {
        Ok(large) => large,
        Err(error) => {
            core.table.remove(&link);
            return Err(error);
        }
    };
    spawn(core, &link, carrier, hello.gateway, watched(core, stream, &link), large);
    Ok(())
}
