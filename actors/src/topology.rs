//! The node's supervision tree: the only place that names several kinds of actors.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use enabler_cluster::actor::{self, Behaviour, Fault};
use enabler_cluster::address::Address;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::Net;
use enabler_cluster::owner::Means;
use enabler_cluster::pool::{Pool, Size};
use enabler_cluster::supervisor::{self, Child, Handle};
use enabler_cluster::tree::Tree;
use enabler_config::Settings;
use enabler_grounding::chunk::Sizes;
use enabler_inference::{catalogue, embedding as vectors, language};
use enabler_reading::{Limits, Program};
use enabler_storage::cache::Cache;
use enabler_storage::clock::Clock;
use enabler_storage::log::Cluster;
use enabler_storage::shard::Settings as IndexSettings;

use crate::analysis::Analyst;
use crate::calls::{Calls, Switchboard};
use crate::crew::{self, Crew, Here, role};
use crate::documents::ingest::Bench;
use crate::documents::intake::Intake;
use crate::documents::progress::Board;
use crate::documents::scrub::Findings;
use crate::embedding::{self, EmbeddingPool};
use crate::evaluator::{Evaluator, Library, Standing};
use crate::far;
use crate::files::Files;
use crate::keeper::Keeper;
use crate::model::far::FarHost;
use crate::model::installed::Installed;
use crate::model::{self, ModelHost};
use crate::ocr::{self, Reading};
use crate::operator::{self, Operator, Panel, Pins, Quarantine};
use crate::prompts::Prompts;
use crate::question::{Desk, Judge, Used};
use crate::records::Records;
use crate::recurring::{Pauses, Scheduler};
use crate::router::{Router, Table};
use crate::shard::{self, Shard, Shards, Verify, View};

/// Looks that may wait for the keeper; it looks at everything each time.
const KEEPER_PLACES: usize = 256;
/// Looks that may wait for the scheduler: one is as good as many.
const SCHEDULER_PLACES: usize = 8;
/// Appends and commands that may wait for one shard.
const SHARD_PLACES: usize = 1_024;
/// Pages that may wait for the OCR pool; each waiting ingest is bounded by itself.
const OCR_PLACES: usize = 256;
/// How long a request looks for a shard of a node alone, where nobody else will take it: a restart of its actor.
const ALONE_FIND_MAX: Duration = Duration::from_secs(2);
/// Answers that may wait for one evaluator.
const EVALUATOR_PLACES: usize = 256;
/// Messages that a stopping tree is given to end its work.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// A page's share of the document's time, waiting in the pool included.
const PAGE_WAIT_FACTOR: u32 = 10;

/// What a node is built from besides its settings.
pub struct Parts {
    /// Store, clock, chance, the node's name.
    pub means: Means,
    /// What may be forgotten.
    pub cache: Arc<dyn Cache>,
    /// The store's fixed facts.
    pub cluster: Cluster,
    /// How a reading child process is started.
    pub reader: Program,
    /// Checks an index in a child process.
    pub verify: Verify,
    /// Shipped rule sets: name and text.
    pub rule_sets: Vec<(String, String)>,
    /// A version of the program, which changes answers.
    pub recipe: String,
    /// What runs and how it fares; the links, which start first, are in it already.
    pub tree: Tree,
    /// The other nodes.
    pub net: Arc<dyn Net>,
    /// What answers their calls.
    pub switchboard: Switchboard,
    /// Whether no other node can have this one's shards.
    pub is_alone: bool,
    /// What this node runs.
    pub roles: Vec<String>,
    /// The root of the tree; what runs here is linked under it.
    pub root: Handle,
}

/// A running node's actors.
#[derive(Clone)]
pub struct Actors {
    /// What runs and how it fares.
    pub tree: Tree,
    /// The shards of this node.
    pub shards: Shards,
    /// Brings requests to the owners of shards.
    pub router: Router,
    /// Takes uploads.
    pub intake: Intake,
    /// Embeds, writes and applies rules, here or on another node.
    pub crew: Crew,
    /// What may be forgotten.
    pub cache: Arc<dyn Cache>,
    /// Progress of documents under way.
    pub board: Board,
    /// Whether the model that `auto` takes is loaded; absent when none is installed or the node runs none.
    pub writer: Option<model::Standing>,
    /// The model hosts of this node by their model, and whether each is loaded.
    pub hosts: Vec<(String, model::Standing)>,
    /// The name of the embedding model.
    pub embedding_model: String,
    /// Damaged objects that the last reading of the store found.
    pub findings: Findings,
    /// What operators see of all nodes and do to them.
    pub panel: Panel,
    draining: Arc<AtomicBool>,
    root: Handle,
}

impl Actors {
    /// Stops every actor, children before parents.
    pub async fn stop(&self) {
        self.root.stop(STOP_PATIENCE).await;
    }

    /// Lets this node's shards go to other nodes, for `patience` at most; says how many are left.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.draining.store(true, Ordering::Relaxed);
        let until = tokio::time::Instant::now() + patience;
        loop {
            let left = self.shards.owned().len();
            if left == 0 || tokio::time::Instant::now() >= until {
                return left;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The root of the tree: other parts of the node are linked under it.
    pub fn root(&self) -> &Handle {
        &self.root
    }
}

/// Threads that compute: what the settings say, or every core.
pub fn threads(settings: &Settings) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if settings.models.threads == 0 { cores } else { settings.models.threads.min(cores) }
}

/// Starts the tree `node → keeper, shards, ocr pool, embedding pool, model hosts, evaluators`, as far as its roles go.
///
/// # Errors
/// The fault of the first actor that could not start.
pub async fn start(settings: &Settings, parts: Parts) -> Result<Actors, Fault> {
    let tree = parts.tree.clone();
    let policy = policy(settings);
    let dir = &settings.data.dir;
    let has = |role: &str| parts.roles.iter().any(|own| own == role);
    let (board, mut children, mut here) = (Board::default(), Vec::new(), Here::default());
    if has(role::OCR) {
        let ocr = ocr_pool(settings, &parts, policy);
        let files = Files::new(parts.means.store.clone(), dir.join("spool"));
        here.reading = Some((ocr.queue(), files, workers(settings) as u32));
        children.push(ocr.child(&tree));
    }
    if has(role::EMBEDDING) {
        let (address, shared, child) = embedding_pool(settings, &parts.means.clock, &tree);
        here.embedding = Some((address, shared));
        children.push(child);
    }
    let mut writer = None;
    let mut hosts = Hosts::new();
    if has(role::GENERATION) {
        let (made, host_children) = model_hosts(settings, &parts.means.clock, &tree);
        let addresses = made.iter().map(|(name, address, _)| (name.clone(), address.clone())).collect();
        here.hosts = Some((Arc::new(addresses), settings.generation.streams_max as u32));
        children.push(group("node/models", policy, host_children, &tree));
        hosts = made;
    }
    if has(role::RULES) {
        let (judges, evaluator_children) = evaluators(settings, &parts, &tree);
        here.judges = Some(Arc::new(judges));
        children.push(group("node/rules", policy, evaluator_children, &tree));
    }
    let crew = Crew::new(parts.net.clone(), here);
    let quarantine = Quarantine::default();
    if let Err(error) = quarantine.look(&*parts.means.store).await {
        tracing::warn!(%error, "which documents are out of service is looked for again");
    }
    let bench = Bench {
        store: parts.means.store.clone(),
        cache: parts.cache.clone(),
        clock: parts.means.clock.clone(),
        crew: crew.clone(),
        sizes: sizes(settings),
        languages: settings.reading.languages.join("+"),
        recogniser: Some(settings.reading.ocr.clone()).filter(|name| name == far::TEXTRACT),
        pages_at_once: workers(settings) * 2,
        page_time_max: Duration::from_secs(settings.reading.page_seconds_max) * PAGE_WAIT_FACTOR,
        document_time_max: Duration::from_secs(settings.reading.document_seconds_max),
        board: board.clone(),
        quarantine: quarantine.clone(),
    };
    let (local, shard_children) =
        if has(role::DOCUMENTS) { shards(&parts, dir, &bench, policy, &tree) } else { Default::default() };
    let shards = Shards {
        hash_seed: parts.cluster.hash_seed,
        count: parts.cluster.shard_count,
        local: Arc::new(local),
    };
    children.push(group("node/shards", policy, shard_children, &tree));
    let is_cordoned = operator::is_cordoned(&*parts.means.store, &parts.means.node.name).await;
    let (table, draining) = (Table::of(shards.count), Arc::new(AtomicBool::new(is_cordoned)));
    let pins = Pins::default();
    let prompts = Prompts::start(parts.means.store.clone()).await;
    let operator = Operator::start(operator::Parts {
        tree: tree.clone(),
        shards: shards.clone(),
        table: table.clone(),
        net: parts.net.clone(),
        board: board.clone(),
        store: parts.means.store.clone(),
        cache: parts.cache.clone(),
        clock: parts.means.clock.clone(),
        chance: parts.means.chance.clone(),
        draining: draining.clone(),
        pins: pins.clone(),
        quarantine: quarantine.clone(),
        prompts: prompts.clone(),
        may_act: settings.operator.actions,
        crew: crew.clone(),
        pauses: Pauses {
            retention_hours: settings.recurring.retention_hours,
            dead_letters_hours: settings.recurring.dead_letters_hours,
            erasure_hours: settings.recurring.erasure_hours,
            index_refresh_hours: settings.recurring.index_refresh_hours,
            quality_hours: settings.recurring.quality_hours,
        },
        chunker: sizes(settings).name(),
        me: parts.means.node.clone(),
    });
    let keeper = Keeper {
        shards: shards.clone(),
        table: table.clone(),
        net: parts.net.clone(),
        crew: crew.clone(),
        store: parts.means.store.clone(),
        replicas: settings.cluster.replicas,
        lease: Duration::from_secs(settings.cluster.lease_seconds),
        draining: draining.clone(),
        pins,
    };
    children.push(child(keeper, &Address::new("node/keeper", KEEPER_PLACES), &tree));
    let desk = desk(settings, &parts, shards.clone(), crew.clone(), prompts);
    let calls = Arc::new(Calls {
        shards: shards.clone(),
        analyst: Analyst::new(desk.clone(), parts.means.store.clone(), threads(settings)),
        desk,
        crew: crew.clone(),
        board: board.clone(),
        clock: parts.means.clock.clone(),
        net: parts.net.clone(),
        operator: operator.clone(),
        quarantine,
    });
    let find = Duration::from_secs(settings.cluster.find_seconds);
    let patience = if parts.is_alone { find.min(ALONE_FIND_MAX) } else { find };
    let router = Router::new(parts.net.clone(), calls.clone(), table, patience);
    let panel = Panel::new(operator, router.clone());
    if has(role::DOCUMENTS) {
        let (store, clock) = (parts.means.store.clone(), parts.means.clock.clone());
        let scheduler = Scheduler::of(settings, store, clock, parts.means.node.clone(), &panel);
        let address = Address::new("node/scheduler", SCHEDULER_PLACES);
        children.extend(scheduler.map(|scheduler| child(scheduler, &address, &tree)));
    }
    let root = parts.root.clone();
    supervisor::spawn("node", policy, children, &tree, Some(root.cell())).await?;
    if has(role::GENERATION) {
        writer = warm(settings, &hosts);
        parts.net.tell(crew::MODELS, &installed(settings));
    }
    parts.switchboard.connect(calls);
    let intake = Intake {
        spool: dir.join("spool"),
        store: parts.means.store.clone(),
        clock: parts.means.clock.clone(),
        chance: parts.means.chance.clone(),
        router: router.clone(),
        retention: Duration::from_secs(settings.retention.days * 24 * 3600),
    };
    let (findings, cache) = (Findings::default(), parts.cache);
    let hosts = hosts.into_iter().map(|(name, _, standing)| (name, standing)).collect();
    let embedding_model = embedding_model(settings).to_owned();
    Ok(Actors {
        tree,
        shards,
        router,
        intake,
        crew,
        cache,
        board,
        writer,
        hosts,
        embedding_model,
        findings,
        panel,
        draining,
        root,
    })
}

/// How often actors are restarted before their supervisor escalates.
pub fn policy(settings: &Settings) -> Policy {
    Policy {
        restarts_max: settings.supervision.restarts_max,
        period_ms: settings.supervision.period_seconds * 1000,
        ..Policy::default()
    }
}

fn desk(settings: &Settings, parts: &Parts, shards: Shards, crew: Crew, prompts: Prompts) -> Desk {
    Desk {
        shards,
        crew,
        embedding_model: embedding_model(settings).to_owned(),
        used: Used::default(),
        models: Installed::within(settings.models.dir.clone()),
        preferred: settings.models.generation.clone(),
        cache: parts.cache.clone(),
        clock: parts.means.clock.clone(),
        answer_tokens_max: settings.generation.answer_tokens_max,
        answer_ttl: Duration::from_secs(settings.cache.answers_hours * 3600),
        embedding_ttl: Duration::from_secs(settings.cache.embeddings_days * 24 * 3600),
        session_ttl: Duration::from_secs(settings.cache.sessions_minutes * 60),
        recipe: parts.recipe.clone(),
        prompts,
        records: Records::new(&settings.answers.record, &parts.means),
    }
}

/// The language models that are installed, the one that `auto` takes first.
fn installed(settings: &Settings) -> String {
    let dir = &settings.models.dir;
    let mut names = Vec::new();
    if far::is_named(&settings.models.generation) {
        names.push(settings.models.generation.as_str());
    }
    if let catalogue::Location::Found { model, .. } = catalogue::choose_auto(dir) {
        names.push(model.name);
    }
    for model in catalogue::list().iter().filter(|model| model.kind == catalogue::Kind::Language) {
        let is_there = matches!(catalogue::locate(dir, model.name), Ok(catalogue::Location::Found { .. }));
        if is_there && !names.contains(&model.name) {
            names.push(model.name);
        }
    }
    names.join(",")
}

fn group(path: &'static str, policy: Policy, children: Vec<Child>, tree: &Tree) -> Child {
    let tree = tree.clone();
    Child::new(path, move |above| {
        let (tree, children) = (tree.clone(), children.clone());
        async move { Ok(supervisor::spawn(path, policy, children, &tree, Some(above)).await?.cell()) }
    })
}

fn child<B: Behaviour + Clone>(behaviour: B, address: &Address<B::Message>, tree: &Tree) -> Child {
    let (address, tree) = (address.clone(), tree.clone());
    Child::new(address.path().to_owned(), move |above| {
        let (behaviour, address, tree) = (behaviour.clone(), address.clone(), tree.clone());
        async move { actor::spawn(behaviour, address, &tree, above).await }
    })
}

fn workers(settings: &Settings) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if settings.reading.workers == 0 { cores } else { settings.reading.workers }
}

fn ocr_pool(settings: &Settings, parts: &Parts, policy: Policy) -> Pool<Reading> {
    let seconds = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let limits = Limits {
        memory_bytes_max: settings.reading.memory_bytes_max,
        file_bytes_max: settings.http.upload_bytes_max,
        pages_max: settings.reading.pages_max,
        page_seconds_max: seconds(settings.reading.page_seconds_max),
        document_seconds_max: seconds(settings.reading.document_seconds_max),
        ..Limits::default()
    };
    let languages = settings.reading.languages.join("+");
    let how = enabler_reading::Settings { languages, ..enabler_reading::Settings::default() };
    let far = far::reads(settings, &parts.means.clock);
    let falls_back = settings.reading.ocr_fallback == "tesseract";
    let far = far.map(|recogniser| ocr::Far { recogniser, falls_back });
    let reading = Reading { program: parts.reader.clone(), limits, settings: how, far };
    Pool::new("node/ocr", reading, Size { workers: workers(settings), queue_max: OCR_PLACES, policy })
}

fn embedding_model(settings: &Settings) -> &str {
    match settings.models.embedding.as_str() {
        "default" => catalogue::EMBEDDING_DEFAULT,
        name => name,
    }
}

fn embedding_pool(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    tree: &Tree,
) -> (Address<embedding::Message>, embedding::Shared, Child) {
    let name = embedding_model(settings);
    let precision = match settings.models.precision.as_str() {
        "f32" => vectors::Precision::F32,
        _ => vectors::Precision::Int8,
    };
    let shared = embedding::Shared::default();
    let pool = EmbeddingPool {
        models_dir: settings.models.dir.clone(),
        model: name.to_owned(),
        far: far::embeds(settings, clock, name),
        options: vectors::Options { precision, threads: threads(settings) },
        batch_tokens_max: settings.embedding.batch_tokens_max,
        shared: shared.clone(),
    };
    let address = Address::new("node/embedding", settings.embedding.queue_max);
    let child = child(pool, &address, tree);
    (address, shared, child)
}

fn sizes(settings: &Settings) -> Sizes {
    let target_tokens = settings.chunking.tokens_max;
    Sizes { target_tokens, overlap_tokens: settings.chunking.overlap_tokens, ..Sizes::default() }
}

type Local = Vec<(Address<shard::Message>, View)>;

fn shards(parts: &Parts, dir: &Path, bench: &Bench, policy: Policy, tree: &Tree) -> (Local, Vec<Child>) {
    let (mut seats, mut children) = (Vec::new(), Vec::new());
    let turns = Arc::new(tokio::sync::Semaphore::new(shard::TURNS));
    for number in 0..parts.cluster.shard_count {
        let address: Address<shard::Message> =
            Address::new(format!("node/shards/shard-{number}"), SHARD_PLACES);
        let view = View::new(number, parts.means.store.clone(), parts.means.clock.clone(), parts.is_alone);
        let shard = Shard {
            number,
            dir: index_dir(dir, number),
            settings: IndexSettings::here(),
            means: parts.means.clone(),
            verify: parts.verify.clone(),
            bench: bench.clone(),
            view: view.clone(),
            policy,
            net: parts.net.clone(),
            turns: turns.clone(),
            is_alone: parts.is_alone,
        };
        children.push(child(shard, &address, tree));
        seats.push((address, view));
    }
    (seats, children)
}

fn index_dir(dir: &Path, number: u32) -> PathBuf {
    dir.join("index").join(format!("{number:04x}"))
}

type Hosts = Vec<(String, Address<model::Message>, model::Standing)>;

fn model_hosts(settings: &Settings, clock: &Arc<dyn Clock>, tree: &Tree) -> (Hosts, Vec<Child>) {
    let (mut hosts, mut children) = (Vec::new(), Vec::new());
    for model in catalogue::list().iter().filter(|model| model.kind == catalogue::Kind::Language) {
        let address = Address::new(format!("node/models/{}", model.name), settings.generation.queue_max);
        let host = ModelHost {
            models_dir: settings.models.dir.clone(),
            model: model.name.to_owned(),
            options: language::Options { threads: threads(settings), ..language::Options::default() },
            streams_max: settings.generation.streams_max,
            queue_max: settings.generation.queue_max,
            standing: model::Standing::default(),
        };
        let standing = host.standing.clone();
        children.push(child(host, &address, tree));
        hosts.push((model.name.to_owned(), address, standing));
    }
    if let Some(writes) = far::writes(settings, clock, &settings.models.generation) {
        let address = Address::new("node/models/provider", settings.generation.queue_max);
        let host = FarHost {
            model: settings.models.generation.clone(),
            far: writes,
            streams_max: settings.generation.streams_max,
            queue_max: settings.generation.queue_max,
            standing: model::Standing::default(),
        };
        let standing = host.standing.clone();
        children.push(child(host, &address, tree));
        hosts.push((settings.models.generation.clone(), address, standing));
    }
    (hosts, children)
}

/// Loads the model that `auto` takes before the first question comes.
fn warm(settings: &Settings, hosts: &Hosts) -> Option<model::Standing> {
    if let Some((_, host, standing)) = hosts.iter().find(|(name, ..)| far::is_named(name)) {
        let _ = host.offer(model::Message::Warm);
        return Some(standing.clone());
    }
    let location = match settings.models.generation.as_str() {
        "auto" => Ok(catalogue::choose_auto(&settings.models.dir)),
        name => catalogue::locate(&settings.models.dir, name),
    };
    let Ok(catalogue::Location::Found { model, .. }) = location else { return None };
    let (_, host, standing) = hosts.iter().find(|(name, ..)| name == model.name)?;
    let _ = host.offer(model::Message::Warm);
    Some(standing.clone())
}

fn evaluators(settings: &Settings, parts: &Parts, tree: &Tree) -> (Vec<Judge>, Vec<Child>) {
    let (mut judges, mut children) = (Vec::new(), Vec::new());
    let library = Library {
        shipped: Arc::new(parts.rule_sets.clone()),
        folder: settings.data.dir.join(&settings.rules.dir),
        store: parts.means.store.clone(),
    };
    for (name, _) in &parts.rule_sets {
        let address = Address::new(format!("node/rules/{name}"), EVALUATOR_PLACES);
        let standing = Standing::default();
        let evaluator = Evaluator {
            name: name.clone(),
            library: library.clone(),
            look_every: Duration::from_secs(settings.rules.look_seconds.max(1)),
            clock: parts.means.clock.clone(),
            standing: standing.clone(),
        };
        children.push(child(evaluator, &address, tree));
        judges.push(Judge { name: name.clone(), address, standing });
    }
    (judges, children)
}
