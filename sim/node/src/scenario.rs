//! One run from its beginning to its end: nodes start, clients ask, things break, and then everything must come right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use enabler_actors::calls::{STORE_FACT, STORE_UP};
use enabler_actors::crew::role;
use enabler_actors::router::LIST_MAX;
use enabler_cluster::request::Request;
use enabler_config::{Settings, merge};
use enabler_storage::record::{DocumentId, DocumentRecord, Outcome as Ended};
use tokio_util::sync::CancellationToken;

use crate::Plan;
use crate::book::{Book, Closed};
use crate::bucket::{Bucket, Plant};
use crate::chain::Stage;
use crate::client::Client;
use crate::dice::Dice;
use crate::fabric::{Fabric, TICK};
use crate::faults::Faults;
use crate::gate::Phase;
use crate::history::History;
use crate::node::{Node, World};
use crate::standing::Standings;
use crate::worker::Worker;

/// Clients of a run.
const CLIENTS: usize = 4;
/// How long nodes without faults may take until every shard has an owner that serves: two leases, and what a start costs.
const OWNED_WITHIN: Duration = Duration::from_secs(15);
/// How long documents may take to end, once nothing fails any more: the longest pause of an ingest, and its work.
const ENDED_WITHIN: Duration = Duration::from_secs(90);
/// How long a node may take to tell what every other node tells.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

struct Scene {
    nodes: Arc<Vec<Node>>,
    bucket: Arc<Bucket>,
    fabric: Arc<Fabric>,
    history: Arc<History>,
    book: Arc<Book>,
    shards: u32,
}

/// Plays `plan` with the nodes' disks in `dir`; returns the book, and the simulated time in milliseconds.
pub(crate) async fn play(plan: &Plan, plant: Plant, dir: PathBuf) -> (Closed, u64) {
    let (book, dice) = (Arc::new(Book::new()), Arc::new(Dice::new(plan.seed)));
    let bucket = Bucket::new(book.clone(), dice.clone(), plant);
    let fabric = Fabric::new(book.clone(), dice.clone());
    let settings = match settings() {
        Ok(settings) => settings,
        Err(why) => {
            book.violated(format!("the settings of a run: {why}"));
            return (book.close(), 0);
        }
    };
    tokio::spawn(fabric.clone().run());
    let workers_rough = Arc::new(AtomicBool::new(false));
    for name in crate::WORKERS {
        Worker::start(name, &fabric, &bucket, &workers_rough);
    }
    let shards = plan.shards.max(1);
    let world = Arc::new(World { bucket: bucket.clone(), fabric: fabric.clone(), settings, shards, dir });
    let nodes: Vec<Node> =
        (1..=plan.nodes.max(1)).map(|number| Node::new(&format!("n{number}"), &world)).collect();
    let (nodes, history) = (Arc::new(nodes), History::new(&book, &bucket));
    let scene = Scene { nodes, bucket, fabric, history, book, shards };
    for node in scene.nodes.iter() {
        tokio::spawn(node.clone().live());
    }
    tokio::spawn(watch(
        scene.nodes.clone(),
        scene.bucket.clone(),
        scene.fabric.clone(),
        scene.history.clone(),
    ));
    scene.until_all_is_owned("at the beginning").await;
    scene.trouble(plan, &dice, &workers_rough).await;
    scene.until_all_is_owned("after the last fault").await;
    scene.until_all_has_ended().await;
    scene.hear_every_node().await;
    scene.look_for_twins();
    scene.look_for_panics();
    let simulated_ms = scene.book.now_ms();
    (scene.book.close(), simulated_ms)
}

/// The product's defaults, with the times of a node whose work takes moments.
fn settings() -> Result<Settings, String> {
    let merged = merge(&Default::default()).map_err(|problems| problems.to_string())?;
    let mut settings = merged.settings;
    settings.reading.workers = 2;
    // What recurs once an hour would only be noise in minutes.
    settings.recurring.retention_hours = 0;
    settings.recurring.dead_letters_hours = 0;
    settings.recurring.erasure_hours = 0;
    settings.recurring.index_refresh_hours = 0;
    settings.recurring.quality_hours = 0;
    settings.reading.page_seconds_max = 1;
    settings.reading.document_seconds_max = 60;
    Ok(settings)
}

/// Writes down who serves what, and remembers when a node could not know whether what it tells is old: it reaches neither
/// the store nor a node that says that it does (decision 0009).
async fn watch(nodes: Arc<Vec<Node>>, bucket: Arc<Bucket>, fabric: Arc<Fabric>, history: Arc<History>) {
    let mut standings = Standings::default();
    loop {
        standings.look(&nodes, &bucket.book);
        let weather = bucket.weather(|weather| weather.clone());
        let is_blind = |node: &Node| {
            let is_bad = weather.is_out || weather.is_rough || weather.cut_off.contains(&node.name);
            let Some(serving) = node.serving().filter(|_| is_bad) else { return false };
            let view = fabric.view(&serving.gate.id).borrow().clone();
            !view.members.iter().any(|member| {
                let counts = member.id != view.me && member.is_alive() && member.has_role(role::DOCUMENTS);
                counts && member.fact(STORE_FACT) == STORE_UP
            })
        };
        if nodes.iter().any(is_blind) {
            history.is_blind_for(2 * TICK.as_millis() as u64);
        }
        tokio::time::sleep(TICK).await;
    }
}

impl Scene {
    /// Clients ask while things break; at the end everything that broke is whole again.
    async fn trouble(&self, plan: &Plan, dice: &Arc<Dice>, workers_rough: &Arc<AtomicBool>) {
        let calm = CancellationToken::new();
        let faults = Faults {
            nodes: self.nodes.clone(),
            bucket: self.bucket.clone(),
            fabric: self.fabric.clone(),
            workers_rough: workers_rough.clone(),
            book: self.book.clone(),
            dice: dice.clone(),
            calm: calm.clone(),
        };
        let clients = async {
            let clients = (1..=CLIENTS).map(|number| {
                let client = Client {
                    name: format!("client {number}"),
                    nodes: self.nodes.clone(),
                    history: self.history.clone(),
                    book: self.book.clone(),
                    dice: dice.clone(),
                };
                tokio::spawn(client.live(plan.events / CLIENTS))
            });
            futures_util::future::join_all(clients.collect::<Vec<_>>()).await;
            calm.cancel();
        };
        tokio::join!(biased; clients, faults.run(plan));
        self.bucket.clear();
        self.book.note("faults", "all is well again");
    }

    async fn until_all_is_owned(&self, when: &str) {
        let until = tokio::time::Instant::now() + OWNED_WITHIN;
        let began_ms = self.book.now_ms();
        loop {
            let mut owned = BTreeSet::new();
            for serving in self.nodes.iter().filter_map(Node::serving) {
                if serving.gate.phase() == Phase::Running {
                    owned.extend(serving.actors.shards.owned());
                }
            }
            if owned.len() as u32 >= self.shards {
                let took_ms = self.book.now_ms() - began_ms;
                return self
                    .book
                    .note("checker", format!("every shard has an owner {when}, after {took_ms} ms"));
            }
            if tokio::time::Instant::now() >= until {
                let missing: Vec<u32> = (0..self.shards).filter(|shard| !owned.contains(shard)).collect();
                return self.book.violated(format!("shards {missing:?} have no owner that serves, {when}"));
            }
            tokio::time::sleep(TICK).await;
        }
    }

    async fn until_all_has_ended(&self) {
        let until = tokio::time::Instant::now() + ENDED_WITHIN;
        loop {
            let documents = self.bucket.chains.documents();
            let under_way = documents.iter().filter(|(_, logged)| logged.stage == Stage::Accepted);
            let under_way: Vec<String> = under_way.map(|(id, _)| id.to_string()).collect();
            if under_way.is_empty() {
                return self.book.note("checker", format!("{} documents have ended", documents.len()));
            }
            if tokio::time::Instant::now() >= until {
                return self
                    .book
                    .violated(format!("accepted documents do not end: {}", under_way.join(", ")));
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Every node tells what the logs say, and nothing else.
    async fn hear_every_node(&self) {
        for tenant in crate::TENANTS {
            for node in self.nodes.iter() {
                self.hear(node, tenant).await;
            }
        }
    }

    /// The documents of a tenant that the logs hold now.
    fn logged(&self, tenant: &str) -> BTreeMap<DocumentId, Stage> {
        let documents = self.bucket.chains.documents().into_iter();
        let of_tenant = documents.filter(|(_, logged)| logged.record.tenant == tenant);
        let there = of_tenant.filter(|(_, logged)| logged.stage != Stage::Deleted);
        there.map(|(id, logged)| (id, logged.stage)).collect()
    }

    async fn hear(&self, node: &Node, tenant: &str) {
        let until = tokio::time::Instant::now() + TOLD_WITHIN;
        let (asked, before, records) = loop {
            let (asked, before) = (self.history.ask(), self.logged(tenant));
            let heard = match node.serving() {
                None => Err("it does not serve".to_owned()),
                Some(serving) => {
                    all(&serving.actors.router, &Request::new("checker", TOLD_WITHIN), tenant).await
                }
            };
            match heard {
                Ok(records) => break (asked, before, records),
                Err(why) if tokio::time::Instant::now() >= until => {
                    return self.book.violated(format!("{} does not tell its documents: {why}", node.name));
                }
                Err(_) => tokio::time::sleep(TICK).await,
            }
        };
        self.history.listed(asked, &node.name, tenant, &records);
        let told: BTreeMap<DocumentId, &DocumentRecord> =
            records.iter().map(|record| (record.document_id, record)).collect();
        // An upload whose client has given up may still come.
        let after = self.logged(tenant);
        for (id, stage) in before.iter().filter(|(id, stage)| after.get(id) == Some(stage)) {
            let outcome = told.get(id).map(|record| &record.status.outcome);
            let is_same = match (stage, outcome) {
                (Stage::Ready, Some(Ended::Ready)) => true,
                (Stage::Accepted, Some(Ended::Processing)) => true,
                (Stage::Failed(code), Some(Ended::Failed(reason))) => *code == reason.code,
                _ => false,
            };
            if !is_same {
                let what = format!("document {id} is {stage:?} in the log and told as {outcome:?}");
                self.book.violated(format!("{}: {what}", node.name));
            }
        }
        for id in told.keys().filter(|id| !before.contains_key(id) && !after.contains_key(id)) {
            self.book.violated(format!("{} tells of document {id}, which the log does not hold", node.name));
        }
        self.book.note("checker", format!("{} told {} documents of {tenant}", node.name, told.len()));
    }

    /// The same bytes of a tenant are one document, unless one of them failed.
    fn look_for_twins(&self) {
        let mut seen: BTreeMap<(String, [u8; 32]), DocumentId> = BTreeMap::new();
        for (id, logged) in self.bucket.chains.documents() {
            if logged.stage != Stage::Ready {
                continue;
            }
            let content = (logged.record.tenant.clone(), logged.record.sha256);
            if let Some(twin) = seen.insert(content, id) {
                self.book.violated(format!("the same bytes are two documents at the end, {twin} and {id}"));
            }
        }
    }

    fn look_for_panics(&self) {
        for serving in self.nodes.iter().filter_map(Node::serving) {
            for failure in serving.actors.tree.failures() {
                if failure.reason.starts_with("panic") {
                    self.book.violated(format!("{}: {}", failure.path, failure.reason));
                }
            }
        }
    }
}

/// Every document of a tenant, as one node tells it.
async fn all(
    router: &enabler_actors::router::Router,
    request: &Request,
    tenant: &str,
) -> Result<Vec<DocumentRecord>, String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page =
            router.documents(request, tenant, after, LIST_MAX).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some((last.created_ms, last.document_id));
        all.extend(page);
    }
}
