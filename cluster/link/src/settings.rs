//! What a node must know to link to others, checked once at the start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Longest name of a node: it is also a DNS label in its certificate.
const NAME_BYTES_MAX: usize = 63;
/// Longest cluster id and longest advertised address, in bytes.
const TEXT_BYTES_MAX: usize = 255;

/// How a node links to the others.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node's name: lower-case letters, digits and hyphens, at most 63 bytes, as in its certificate.
    pub node: String,
    /// This start of the node; a later start has a larger number.
    pub generation: u128,
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// `host:port` that others dial; empty means the address listened on.
    pub advertise: String,
    /// Certificates of this node.
    pub tls: TlsFiles,
    /// Nodes with another id are refused, in gossip and handshake.
    pub cluster_id: String,
    /// `host:port` of nodes to find the others through; see [`crate::Links::set_seeds`].
    pub seeds: Vec<String>,
    /// Time between gossip rounds.
    pub gossip_every: Duration,
    /// A link on which nothing arrived for so long is cut.
    pub silence_max: Duration,
    /// Bounds.
    pub limits: Limits,
}

/// PEM files of a node.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Certificates of the authority that signs every node of the cluster, and nothing else.
    pub authority: PathBuf,
    /// This node's certificate chain; the node's name is among its DNS names.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What may be under way at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Calls without an answer, per peer and direction; a quarter of them is kept for frames above 16 KiB.
    pub calls_in_flight_max: u32,
    /// Bytes of such large calls, per peer and direction; and of answers that the peer has not yet taken.
    pub bytes_in_flight_max: u64,
    /// The largest body of a call or an answer.
    pub frame_bytes_max: u32,
    /// Inbound connections that are in their handshake; more are closed at once.
    pub handshakes_max: u32,
    /// Time for a handshake, from the accepted connection to the agreed link.
    pub handshake_time_max: Duration,
    /// Peers with a link.
    pub peers_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls_in_flight_max: 256,
            bytes_in_flight_max: 16 << 20,
            frame_bytes_max: 4 << 20,
            handshakes_max: 64,
            handshake_time_max: Duration::from_secs(3),
            peers_max: 64,
        }
    }
}

impl Settings {
    /// Settings with the usual times and bounds.
    pub fn new(
        node: impl Into<String>,
        generation: u128,
        listen: SocketAddr,
        tls: TlsFiles,
        cluster_id: impl Into<String>,
    ) -> Self {
        Settings {
            node: node.into(),
            generation,
            listen,
            advertise: String::new(),
            tls,
            cluster_id: cluster_id.into(),
            seeds: Vec::new(),
            gossip_every: Duration::from_millis(250),
            silence_max: Duration::from_secs(2),
            limits: Limits::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), LinkError> {
        let wrong = |what: &'static str, why: String| Err(LinkError::Setting { what, why });
        if !name_is_good(&self.node) {
            return wrong("node", format!("`{}` must match [a-z0-9][a-z0-9-]{{0,62}}", self.node));
        }
        if self.cluster_id.is_empty() || self.cluster_id.len() > TEXT_BYTES_MAX {
            return wrong("cluster_id", format!("must have 1 to {TEXT_BYTES_MAX} bytes"));
        }
        if !self.advertise.is_empty() && !address_is_good(&self.advertise) {
            return wrong("advertise", format!("`{}` is not `host:port`", self.advertise));
        }
        if self.gossip_every < Duration::from_millis(10) || self.silence_max < self.gossip_every * 4 {
            return wrong("silence_max", "must be at least four gossip rounds of at least 10 ms".to_owned());
        }
        let limits = &self.limits;
        if limits.calls_in_flight_max < 4 || limits.handshakes_max == 0 || limits.peers_max == 0 {
            return wrong("limits", "at least 4 calls, 1 handshake and 1 peer are needed".to_owned());
        }
        if limits.frame_bytes_max < 1 << 10 || limits.frame_bytes_max > 64 << 20 {
            return wrong("limits.frame_bytes_max", "must be between 1 KiB and 64 MiB".to_owned());
        }
        // Confirmations of answers come in portions of an eighth: two frames always fit beside the open portion.
        if u64::from(limits.frame_bytes_max) * 2 > limits.bytes_in_flight_max {
            return wrong(
                "limits.bytes_in_flight_max",
                "must hold at least two of the largest frames".to_owned(),
            );
        }
        Ok(())
    }
}

/// Whether `name` may name a node.
pub(crate) fn name_is_good(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= NAME_BYTES_MAX
        && name.bytes().next().is_some_and(good)
        && name.bytes().all(|byte| good(byte) || byte == b'-')
}

/// Whether `address` looks like `host:port`.
pub(crate) fn address_is_good(address: &str) -> bool {
    address.len() <= TEXT_BYTES_MAX
        && address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Why the links could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A setting cannot work.
    #[error("setting `{what}` of the links between nodes: {why}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate or key cannot be used.
    #[error("using the certificate files of the links")]
    Tls(#[source] crate::tls::TlsError),
    /// The listening address cannot be had.
    #[error("listening for other nodes at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The actors of the links did not start.
    #[error("starting the actors of the links: {0}")]
    Start(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_name_is_one_dns_label() {
        for good in ["a", "node-1", "0", &"x".repeat(63)] {
            assert!(name_is_good(good), "{good}");
        }
        for bad in ["", "-a", "A", "a.b", "a_b", "ä", &"x".repeat(64)] {
            assert!(!name_is_good(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_needs_a_host_and_a_port() {
        assert!(address_is_good("localhost:7000") && address_is_good("[::1]:7000"));
        assert!(!address_is_good("localhost") && !address_is_good(":1") && !address_is_good("a:0"));
    }
}
