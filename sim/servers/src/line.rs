//! A line to a server that can be cut, held up and silenced while it is in use: what networks do, on purpose.
//!
//! It knows only bytes, so it serves any protocol over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ServerError;

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 64 << 10;
/// The rest after a connection that could not be taken, such as when there are no more file handles.
const AFTER_A_FAILURE: Duration = Duration::from_millis(20);

/// What the line does to the connections on it, also to those that stood before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Pass,
    /// Every connection is closed at once.
    Refuse,
    /// Connections stand, and nothing passes in either direction.
    BlackHole,
    /// Requests pass. At the first byte of an answer the connection is closed, and the answer is lost.
    CutAnswers,
    /// Every piece of an answer comes this much later.
    Delay(Duration),
}

/// A line from a port of this machine to a server. It ends when it is dropped.
#[derive(Debug)]
pub struct Line {
    port: u16,
    mode: watch::Sender<Mode>,
    struck: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line that passes everything to `server`.
    pub async fn to(server: SocketAddr) -> Result<Self, ServerError> {
        let doing = || ServerError::system(format!("opening a line to {server}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(doing())?;
        let port = listener.local_addr().map_err(doing())?.port();
        let (mode, seen) = watch::channel(Mode::Pass);
        let struck = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, server, seen, struck.clone()));
        Ok(Self { port, mode, struck, task })
    }

    /// The line's own end on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on the line does `mode`. Connections that were refused or silenced stay lost.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How often something was refused, swallowed, cut or held up: a test that relies on it can say so.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    mode: watch::Receiver<Mode>,
    struck: Arc<AtomicU64>,
) {
    // Dropped with the task, and with it every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(AFTER_A_FAILURE).await;
            continue;
        };
        connections.spawn(connect(client, server, mode.clone(), struck.clone()));
    }
}

async fn connect(client: TcpStream, server: SocketAddr, mode: watch::Receiver<Mode>, struck: Arc<AtomicU64>) {
    if *mode.borrow() == Mode::Refuse {
        struck.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    at_once(&client);
    at_once(&server);
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let hit = || {
        struck.fetch_add(1, Ordering::SeqCst);
    };
    // The first direction that ends takes the other one with it.
    tokio::select! {
        () = carry((from_client, to_server), Way::There, mode.clone(), &hit) => {}
        () = carry((from_server, to_client), Way::Back, mode.clone(), &hit) => {}
    }
}

/// Sends what is written at once: an answer in two pieces would wait 40 ms for the other end's acknowledgement of the first.
pub fn at_once(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

/// Where bytes go.
#[derive(Clone, Copy)]
enum Way {
    There,
    Back,
}

/// Carries bytes one way. Requests go on or are swallowed; answers may also come late, or not at all.
async fn carry(
    (mut from, mut to): (OwnedReadHalf, OwnedWriteHalf),
    way: Way,
    mut mode: watch::Receiver<Mode>,
    hit: &impl Fn(),
) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Some(read) = next(&mut from, &mut piece, &mut mode, hit).await {
        let now = *mode.borrow_and_update();
        match (way, now) {
            (_, Mode::BlackHole) => return silence(&mut mode, hit).await,
            (Way::Back, Mode::Refuse | Mode::CutAnswers) => return hit(),
            (Way::Back, Mode::Delay(by)) => {
                hit();
                tokio::time::sleep(by).await;
            }
            (Way::There, _) | (Way::Back, Mode::Pass) => {}
        }
        if to.write_all(read).await.is_err() {
            return;
        }
    }
}

/// The next piece, or `None` at the end and as soon as everything is refused.
async fn next<'a>(
    from: &mut OwnedReadHalf,
    piece: &'a mut [u8],
    mode: &mut watch::Receiver<Mode>,
    hit: &impl Fn(),
) -> Option<&'a [u8]> {
    tokio::select! {
        read = from.read(piece) => piece.get(..read.ok()?).filter(|read| !read.is_empty()),
        _ = mode.wait_for(|mode| *mode == Mode::Refuse) => {
            hit();
            None
        }
    }
}

/// Holds the connection without a word until the mode changes; what was swallowed is lost, and so is the connection.
async fn silence(mode: &mut watch::Receiver<Mode>, hit: &impl Fn()) {
    hit();
    // The line's end ends the wait as well.
    let _ = mode.wait_for(|mode| *mode != Mode::BlackHole).await;
}
