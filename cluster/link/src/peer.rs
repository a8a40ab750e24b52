//! What carries frames between two nodes, as the rest of this crate sees it.
//!
//! One implementation exists, over `ractor_cluster`, in `session.rs`; nothing else names that library.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::wire::Lane;

/// Two connections to one peer, over which frames can be sent.
pub trait PeerLink: Send + Sync {
    /// Hands a frame over for sending; it may still be lost when the link ends.
    ///
    /// # Errors
    /// [`Gone`] when the link has ended; nothing was sent then.
    fn send(&self, lane: Lane, frame: Vec<u8>) -> Result<(), Gone>;
}

/// The link has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link has ended")]
pub struct Gone;

/// Where frames of all peers arrive.
pub trait Arrivals: Send + Sync {
    /// Takes one frame. Must not block; nothing is known of the sender but what the frame says.
    fn arrived(&self, frame: Bytes);
}

/// A connected stream, encrypted and with a peer that proved who it is.
pub trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for S {}

/// Two streams to one peer, ready to become a link.
pub struct Streams {
    /// The start of the peer, as it was authenticated: `name.generation`.
    pub peer: String,
    /// The link's token.
    pub token: u128,
    /// The number of the peer's gateway.
    pub gateway: u64,
    /// Whether this node dialed.
    pub dialed: bool,
    /// For small frames.
    pub small: Box<dyn Stream>,
    /// For large frames.
    pub large: Box<dyn Stream>,
    /// Ends the link; also called when the link ends by itself.
    pub cut: CancellationToken,
}

/// Makes links out of streams.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// The number of this node's gateway, which peers must know.
    fn gateway(&self) -> u64;

    /// Makes a link; both sides do so at the same time.
    ///
    /// # Errors
    /// Why it did not come about.
    async fn open(&self, streams: Streams) -> Result<Arc<dyn PeerLink>, String>;
}
