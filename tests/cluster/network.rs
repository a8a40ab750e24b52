//! A network of its own for each node: namespaces on one bridge, whose cables can be pulled.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Stdio;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// Waits for the end of the test, however it comes, and takes the networks down.
const TAKE_DOWN: &str =
    r#"read -r _; bridge=$1; shift; for name; do ip netns del "$name"; done; ip link del "$bridge""#;
/// An address that no card here has.
const NOWHERE: &str = "02:00:00:00:00:99";

/// Networks of some nodes, taken down when dropped.
pub(super) struct Network {
    /// Unlike those of other test runs on this machine.
    mark: u32,
    nodes: usize,
    /// Ends the networks when its input ends.
    _janitor: Child,
    relays: JoinSet<()>,
}

async fn ip(words: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(words.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

impl Network {
    /// Makes networks for `nodes`, or says on the terminal why there are none.
    pub(super) async fn make(nodes: usize) -> Option<Self> {
        let mark = std::process::id() % 65_536;
        let name = |number: usize| format!("rag-{mark}-{number}");
        let bridge = format!("rag-b{mark}");
        if !ip(&format!("link add {bridge} type bridge")).await {
            eprintln!("no networks of their own for the nodes (that takes root and `ip`): links are not cut");
            return None;
        }
        let mut janitor = Command::new("sh");
        janitor.args(["-c", TAKE_DOWN, "sh", &bridge]).args((0..nodes).map(name)).stdin(Stdio::piped());
        let janitor = janitor.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let made = Self { mark, nodes, _janitor: janitor, relays: JoinSet::new() };
        let (own, mut orders) = (made.address(0), Vec::new());
        orders.push(format!("addr add {own}/24 dev {bridge}"));
        orders.push(format!("link set {bridge} up"));
        for number in 0..nodes {
            let (name, cable, address) = (name(number), made.cable(number), made.host(number));
            orders.push(format!("netns add {name}"));
            orders.push(format!("link add {cable} type veth peer name eth0 netns {name}"));
            orders.push(format!("link set {cable} master {bridge} up"));
            orders.push(format!("-n {name} addr add {address}/24 dev eth0"));
            orders.push(format!("-n {name} link set eth0 up"));
            orders.push(format!("-n {name} link set lo up"));
        }
        for order in orders {
            assert!(ip(&order).await, "`ip {order}` fails");
        }
        Some(made)
    }

    fn address(&self, last: u8) -> IpAddr {
        let [high, low] = (self.mark as u16).to_be_bytes();
        // Of 10.128.0.0/9, so that the usual private networks are left alone.
        IpAddr::V4(Ipv4Addr::new(10, 128 | high, low, last.saturating_add(1)))
    }

    fn cable(&self, number: usize) -> String {
        format!("rag{}n{number}", self.mark)
    }

    /// The address of a node.
    pub(super) fn host(&self, number: usize) -> IpAddr {
        self.address(u8::try_from(number).unwrap() + 1)
    }

    /// What starts a program in the network of a node.
    pub(super) fn within(&self, number: usize) -> Vec<String> {
        let name = format!("rag-{}-{number}", self.mark);
        ["ip", "netns", "exec", &name].map(str::to_owned).to_vec()
    }

    /// An address at which the nodes reach what listens at `port` of this machine.
    pub(super) async fn way_to(&mut self, port: u16) -> SocketAddr {
        let listener = TcpListener::bind((self.address(0), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        self.relays.spawn(async move {
            // Ends with the relay.
            let mut connections = JoinSet::new();
            loop {
                while connections.try_join_next().is_some() {}
                let Ok((mut near, _)) = listener.accept().await else { continue };
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        address
    }

    /// Pulls a node's cable: nobody reaches it, and it reaches nobody.
    pub(super) async fn unplug(&self, number: usize) {
        assert!(ip(&format!("link set {} down", self.cable(number))).await);
    }

    /// Puts a node's cable back.
    pub(super) async fn plug(&self, number: usize) {
        assert!(ip(&format!("link set {} up", self.cable(number))).await);
    }

    /// Cuts a node off from its peers, in both directions; the store, Redis and clients still reach it.
    pub(super) async fn estrange(&self, number: usize) {
        for other in (0..self.nodes).filter(|other| *other != number) {
            self.forward(number, other, "replace", &format!(" lladdr {NOWHERE} nud permanent")).await;
            self.forward(other, number, "replace", &format!(" lladdr {NOWHERE} nud permanent")).await;
        }
    }

    /// Ends [`Self::estrange`].
    pub(super) async fn reconcile(&self, number: usize) {
        for other in (0..self.nodes).filter(|other| *other != number) {
            self.forward(number, other, "del", "").await;
            self.forward(other, number, "del", "").await;
        }
    }

    /// Changes where the frames of one node to another go.
    async fn forward(&self, from: usize, to: usize, change: &str, how: &str) {
        let order = format!("-n rag-{}-{from} neigh {change} {} dev eth0{how}", self.mark, self.host(to));
        assert!(ip(&order).await, "`ip {order}` fails");
    }
}
