//! A network of its own for each node: namespaces on one bridge, whose cables can be pulled.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::error::LiveError;

/// Waits for the end of the run, however it comes, and takes the networks down.
const TAKE_DOWN: &str = r#"trap '' INT TERM
read -r _; bridge=$1; shift; for name; do ip netns del "$name"; done; ip link del "$bridge""#;
/// How long the networks may take to be taken down.
const TAKE_DOWN_TIME_MAX: Duration = Duration::from_secs(10);
/// An address that no card here has.
const NOWHERE: &str = "02:00:00:00:00:99";
/// The rest after a connection that could not be taken.
const AFTER_A_FAILURE: Duration = Duration::from_millis(20);

/// Networks of some nodes, taken down when dropped.
#[derive(Debug)]
pub struct Network {
    /// Unlike those of other runs on this machine.
    mark: u32,
    nodes: usize,
    /// Takes the networks down when its input ends.
    janitor: Child,
    relays: JoinSet<()>,
}

async fn ip(words: &str) -> Result<(), LiveError> {
    let mut command = Command::new("ip");
    let output = command.args(words.split(' ')).stdin(Stdio::null()).output().await;
    let output = output.map_err(LiveError::system(format!("running `ip {words}`")))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(LiveError::Command { command: format!("ip {words}"), said })
        }
    }
}

impl Network {
    /// Makes networks for `nodes`, 200 at most; without the rights or without `ip` there are none, and the error says
    /// which.
    pub async fn make(nodes: usize) -> Result<Self, LiveError> {
        let mark = std::process::id() % 65_536;
        let name = |number: usize| format!("rag-{mark}-{number}");
        let bridge = format!("rag-b{mark}");
        ip(&format!("link add {bridge} type bridge")).await?;
        let mut janitor = Command::new("sh");
        janitor.args(["-c", TAKE_DOWN, "sh", &bridge]).args((0..nodes).map(name)).stdin(Stdio::piped());
        janitor.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let janitor =
            janitor.spawn().map_err(LiveError::system("starting `sh` to take the networks down"))?;
        let made = Self { mark, nodes, janitor, relays: JoinSet::new() };
        let own = made.address(0);
        let mut orders = vec![format!("addr add {own}/24 dev {bridge}"), format!("link set {bridge} up")];
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
            ip(&order).await?;
        }
        Ok(made)
    }

    fn address(&self, last: usize) -> IpAddr {
        let [.., high, low] = self.mark.to_be_bytes();
        // Of 10.128.0.0/9, so that the usual private networks are left alone.
        IpAddr::V4(Ipv4Addr::new(10, 128 | high, low, u8::try_from(last).unwrap_or(253).saturating_add(1)))
    }

    fn cable(&self, number: usize) -> String {
        format!("rag{}n{number}", self.mark)
    }

    /// The address of a node.
    #[must_use]
    pub fn host(&self, number: usize) -> IpAddr {
        self.address(number + 1)
    }

    /// What starts a program in the network of a node.
    #[must_use]
    pub fn within(&self, number: usize) -> Vec<String> {
        let name = format!("rag-{}-{number}", self.mark);
        ["ip", "netns", "exec", &name].map(str::to_owned).to_vec()
    }

    /// An address at which the nodes reach what listens at `port` of this machine.
    pub async fn way_to(&mut self, port: u16) -> Result<SocketAddr, LiveError> {
        let doing = || LiveError::system(format!("leading the nodes to port {port}"));
        let listener = TcpListener::bind((self.address(0), 0)).await.map_err(doing())?;
        let address = listener.local_addr().map_err(doing())?;
        self.relays.spawn(async move {
            // Ends with the relay.
            let mut connections = JoinSet::new();
            loop {
                while connections.try_join_next().is_some() {}
                let Ok((mut near, _)) = listener.accept().await else {
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                    continue;
                };
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        enabler_sim_servers::at_once(&near);
                        enabler_sim_servers::at_once(&far);
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Ok(address)
    }

    /// Pulls a node's cable: nobody reaches it, and it reaches nobody.
    pub async fn unplug(&self, number: usize) -> Result<(), LiveError> {
        ip(&format!("link set {} down", self.cable(number))).await
    }

    /// Puts a node's cable back.
    pub async fn plug(&self, number: usize) -> Result<(), LiveError> {
        ip(&format!("link set {} up", self.cable(number))).await
    }

    /// Cuts a node off from its peers, in both directions; the store, Redis and clients still reach it.
    pub async fn estrange(&self, number: usize) -> Result<(), LiveError> {
        for other in (0..self.nodes).filter(|other| *other != number) {
            self.forward(number, other, "replace", &format!(" lladdr {NOWHERE} nud permanent")).await?;
            self.forward(other, number, "replace", &format!(" lladdr {NOWHERE} nud permanent")).await?;
        }
        Ok(())
    }

    /// Ends [`Self::estrange`].
    pub async fn reconcile(&self, number: usize) -> Result<(), LiveError> {
        for other in (0..self.nodes).filter(|other| *other != number) {
            self.forward(number, other, "del", "").await?;
            self.forward(other, number, "del", "").await?;
        }
        Ok(())
    }

    /// Changes where the frames of one node to another go.
    async fn forward(&self, from: usize, to: usize, change: &str, how: &str) -> Result<(), LiveError> {
        ip(&format!("-n rag-{}-{from} neigh {change} {} dev eth0{how}", self.mark, self.host(to))).await
    }

    /// Takes the networks down and waits until that is done.
    pub(crate) async fn end(mut self) {
        drop(self.janitor.stdin.take());
        // What is left after this time is taken down all the same, a little later.
        let _ = tokio::time::timeout(TAKE_DOWN_TIME_MAX, self.janitor.wait()).await;
    }
}
