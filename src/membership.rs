//! This node among the others: who it is, how it finds and links them, and the beat that says that it lives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use enabler_actors::calls::{STORE_DOWN, STORE_FACT, STORE_UP, Switchboard};
use enabler_actors::crew::role;
use enabler_actors::keeper::BEAT;
use enabler_cluster::ActorCell;
use enabler_cluster::lease::{self, Beat, Lease};
use enabler_cluster::net::{self, Alone, Net, NodeId};
use enabler_cluster::owner::Means;
use enabler_cluster::tree::Tree;
use enabler_config::Settings;
use enabler_link::{Links, TlsFiles};
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::log::{self, NodeRecord};
use enabler_storage::objects::ObjectStore;
use tokio_util::sync::CancellationToken;

use crate::node::NodeError;

/// How often nodes are looked for anew.
const DISCOVER_EVERY: Duration = Duration::from_secs(5);
/// How long a leaving node waits for calls that are under way.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// What a node runs, by its settings.
pub(crate) fn roles(settings: &Settings) -> Vec<String> {
    const ALL: [&str; 6] =
        [role::API, role::DOCUMENTS, role::OCR, role::EMBEDDING, role::GENERATION, role::RULES];
    if settings.node.roles.iter().any(|own| own == "all") {
        return ALL.map(str::to_owned).to_vec();
    }
    settings.node.roles.clone()
}

/// A new generation of this node. The one that had the data directory before has ended for certain: this process
/// holds its lock.
pub(crate) async fn identity(
    settings: &Settings,
    store: &dyn ObjectStore,
    clock: &dyn Clock,
    chance: &dyn Chance,
) -> Result<NodeId, NodeError> {
    let file = settings.data.dir.join("generation");
    // Later ones are greater: the time in front, chance behind.
    let generation = u128::from(clock.now_ms()) << 64 | u128::from(chance.next_u64());
    let node = NodeId { name: settings.node.name.clone(), generation };
    if let Ok(text) = tokio::fs::read_to_string(&file).await
        && let Some((name, generation)) = text.trim().split_once(' ')
        && let Ok(generation) = u128::from_str_radix(generation, 16)
    {
        lease::declare_ended(store, &NodeId { name: name.to_owned(), generation }).await?;
    }
    tokio::fs::write(&file, format!("{} {generation:032x}\n", node.name)).await?;
    Ok(node)
}

/// This node's place in the cluster.
pub(crate) struct Membership {
    net: Arc<dyn Net>,
    links: Option<Links>,
    lease: Option<Arc<tokio::sync::Mutex<Lease>>>,
    dead: CancellationToken,
    over: CancellationToken,
}

impl Membership {
    /// Links this node with the others of `store`, if it is not alone.
    pub(crate) async fn join(
        settings: &Settings,
        means: &Means,
        store: String,
        switchboard: Switchboard,
        tree: &Tree,
        above: ActorCell,
    ) -> Result<Self, NodeError> {
        let (dead, over) = (CancellationToken::new(), CancellationToken::new());
        let roles = roles(settings).join(",");
        if settings.cluster.listen.is_empty() {
            let facts = [(net::ROLES.to_owned(), roles)].into();
            let net: Arc<dyn Net> = Arc::new(Alone::new(means.node.clone(), facts));
            return Ok(Membership { net, links: None, lease: None, dead, over });
        }
        let links =
            Links::start(link_settings(settings, means, store).await?, Arc::new(switchboard), tree, above)
                .await?;
        links.tell(net::ROLES, &roles);
        links.tell("version", env!("CARGO_PKG_VERSION"));
        let record = NodeRecord {
            node: means.node.name.clone(),
            generation: means.node.generation,
            address: advertised(settings, &links),
            roles: self::roles(settings),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..NodeRecord::default()
        };
        let lease = Lease::new(means.store.clone(), means.clock.clone(), record);
        let lease = Arc::new(tokio::sync::Mutex::new(lease));
        let every = lease::beat_every(Duration::from_secs(settings.cluster.lease_seconds));
        tokio::spawn(beat(lease.clone(), links.clone(), every, dead.clone(), over.clone()));
        tokio::spawn(discover(settings.clone(), means.clone(), links.clone(), over.clone()));
        let net: Arc<dyn Net> = Arc::new(links.clone());
        Ok(Membership { net, links: Some(links), lease: Some(lease), dead, over })
    }

    /// The other nodes.
    pub(crate) fn net(&self) -> Arc<dyn Net> {
        self.net.clone()
    }

    /// Whether no other node can have this one's shards.
    pub(crate) fn is_alone(&self) -> bool {
        self.links.is_none()
    }

    /// Whether there is somebody to hand shards over to.
    pub(crate) fn has_peers(&self) -> bool {
        let view = self.net.view().borrow().clone();
        view.members
            .iter()
            .any(|member| member.id != view.me && member.is_alive() && member.has_role(role::DOCUMENTS))
    }

    /// Waits until the others have declared this generation dead.
    pub(crate) async fn dead(&mut self) {
        self.dead.cancelled().await;
    }

    /// Leaves the cluster; after a stop in peace its shards may be claimed at once.
    pub(crate) async fn leave(&self, in_peace: bool) {
        self.over.cancel();
        if let Some(lease) = self.lease.as_ref().filter(|_| in_peace) {
            lease.lock().await.end().await;
        }
        if let Some(links) = &self.links {
            links.stop(LEAVE_PATIENCE).await;
        }
    }
}

fn advertised(settings: &Settings, links: &Links) -> String {
    match settings.cluster.advertise.as_str() {
        "" => links.local_address().to_string(),
        given => given.to_owned(),
    }
}

async fn link_settings(
    settings: &Settings,
    means: &Means,
    store: String,
) -> Result<enabler_link::Settings, NodeError> {
    let own = &settings.cluster;
    for (name, path) in [("authority", &own.authority), ("certificate", &own.certificate), ("key", &own.key)]
    {
        if path.as_os_str().is_empty() {
            return Err(format!(
                "`cluster.{name}` is not set: nodes talk to each other with certificates only; \
                 `rag-enabler certs new DIR --node {}` makes some for a try",
                settings.node.name
            )
            .into());
        }
    }
    let listen = resolve(&own.listen).await?.into_iter().next();
    let listen = listen.ok_or_else(|| format!("`cluster.listen` is no address: {}", own.listen))?;
    let tls = TlsFiles {
        authority: own.authority.clone(),
        certificate: own.certificate.clone(),
        key: own.key.clone(),
    };
    // Nodes of another store are of another cluster, whatever their certificates say.
    let mut link = enabler_link::Settings::new(&means.node.name, means.node.generation, listen, tls, store);
    link.advertise.clone_from(&own.advertise);
    link.seeds = seeds(settings, means).await;
    Ok(link)
}

async fn resolve(address: &str) -> Result<Vec<SocketAddr>, NodeError> {
    let found = tokio::net::lookup_host(address).await;
    Ok(found.map_err(|error| format!("the address `{address}` cannot be resolved: {error}"))?.collect())
}

/// Where other nodes may be, as `host:port`.
async fn seeds(settings: &Settings, means: &Means) -> Vec<String> {
    let own = &settings.cluster;
    match own.discovery.as_str() {
        "dns" => {
            let mut all = Vec::new();
            for name in &own.seeds {
                match resolve(name).await {
                    Ok(found) => all.extend(found.iter().map(SocketAddr::to_string)),
                    Err(error) => tracing::warn!(%error, "looking for other nodes"),
                }
            }
            all
        }
        "store" => match log::list_nodes(&*means.store, None).await {
            Ok(page) => {
                let others = page.nodes.into_iter().map(|node| node.value);
                let others = others.filter(|node| !node.ended && node.generation != means.node.generation);
                others.map(|node| node.address).filter(|address| !address.is_empty()).collect()
            }
            Err(error) => {
                tracing::warn!(%error, "looking for other nodes");
                Vec::new()
            }
        },
        _ => own.seeds.clone(),
    }
}

async fn discover(settings: Settings, means: Means, links: Links, over: CancellationToken) {
    if settings.cluster.discovery == "seeds" {
        return;
    }
    while !over.is_cancelled() {
        links.set_seeds(seeds(&settings, &means).await);
        tokio::select! {
            () = over.cancelled() => return,
            () = tokio::time::sleep(DISCOVER_EVERY) => {}
        }
    }
}

async fn beat(
    lease: Arc<tokio::sync::Mutex<Lease>>,
    links: Links,
    every: Duration,
    dead: CancellationToken,
    over: CancellationToken,
) {
    while !over.is_cancelled() {
        // A store that is silent is as good as none; whether this beat was written shows with the next one.
        let beaten = tokio::time::timeout(every * 2, async { lease.lock().await.beat().await }).await;
        match beaten.unwrap_or(Beat::NoStore) {
            Beat::Alive(number) => {
                links.tell(BEAT, &number.to_string());
                links.tell(STORE_FACT, STORE_UP);
            }
            Beat::NoStore => links.tell(STORE_FACT, STORE_DOWN),
            Beat::Dead => {
                dead.cancel();
                return;
            }
        }
        tokio::select! {
            () = over.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}
