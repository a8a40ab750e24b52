//! The node's supervision tree: the only place that names several kinds of actors.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::actor::{self, Behaviour, Fault};
use enabler_cluster::address::Address;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::owner::Means;
use enabler_cluster::pool::{Pool, Queue, Size};
use enabler_cluster::supervisor::{self, Child, Handle};
use enabler_cluster::tree::Tree;
use enabler_config::Settings;
use enabler_grounding::chunk::Sizes;
use enabler_inference::{catalogue, embedding as vectors, language};
use enabler_reading::{Limits, Program};
use enabler_storage::cache::Cache;
use enabler_storage::log::Cluster;
use enabler_storage::shard::Settings as IndexSettings;

use crate::documents::ingest::Bench;
use crate::documents::intake::Intake;
use crate::documents::progress::Board;
use crate::documents::scrub::Findings;
use crate::embedding::{self, EmbeddingPool};
use crate::evaluator::{Evaluator, Library, Standing};
use crate::model::{self, ModelHost};
use crate::ocr::{Job, Reading};
use crate::question::{Desk, Judge};
use crate::shard::{self, Shard, Shards, Verify, View};

/// Appends and commands that may wait for one shard.
const SHARD_PLACES: usize = 1_024;
/// Pages that may wait for the OCR pool; each waiting ingest is bounded by itself.
const OCR_PLACES: usize = 256;
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
    /// A version of everything shipped that changes answers.
    pub recipe: String,
}

/// A running node's actors.
#[derive(Clone)]
pub struct Actors {
    /// What runs and how it fares.
    pub tree: Tree,
    /// Where documents live.
    pub shards: Shards,
    /// Takes uploads.
    pub intake: Intake,
    /// Answers questions.
    pub desk: Desk,
    /// Progress of documents under way.
    pub board: Board,
    /// The OCR pool's queue.
    pub ocr: Queue<Job>,
    /// Whether the model that `auto` takes is loaded; absent when none is installed.
    pub writer: Option<model::Standing>,
    /// Damaged objects that the last reading of the store found.
    pub findings: Findings,
    root: Handle,
}

impl Actors {
    /// Stops every actor, children before parents.
    pub async fn stop(&self) {
        self.root.stop(STOP_PATIENCE).await;
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

/// Starts the tree `node → shards, ocr pool, embedding pool, model hosts, evaluators`.
///
/// # Errors
/// The fault of the first actor that could not start.
pub async fn start(settings: &Settings, parts: Parts) -> Result<Actors, Fault> {
    let tree = Tree::new(parts.means.clock.clone());
    let policy = Policy {
        restarts_max: settings.supervision.restarts_max,
        period_ms: settings.supervision.period_seconds * 1000,
        ..Policy::default()
    };
    let dir = &settings.data.dir;
    let board = Board::default();
    let ocr = ocr_pool(settings, &parts, policy);
    let (queue, workers) = (ocr.queue(), workers(settings));
    let (embedding, embedder, embedding_child) = embedding_pool(settings, &tree);
    let bench = Bench {
        store: parts.means.store.clone(),
        cache: parts.cache.clone(),
        clock: parts.means.clock.clone(),
        ocr: queue.clone(),
        embedding: embedding.clone(),
        embedder: embedder.clone(),
        sizes: sizes(settings),
        languages: settings.reading.languages.join("+"),
        pages_at_once: workers * 2,
        page_time_max: Duration::from_secs(settings.reading.page_seconds_max) * PAGE_WAIT_FACTOR,
        document_time_max: Duration::from_secs(settings.reading.document_seconds_max),
        board: board.clone(),
    };
    let (shards, shard_children) = shards(&parts, dir, &bench, policy, &tree);
    let (hosts, host_children) = model_hosts(settings, &tree);
    let (judges, evaluator_children) = evaluators(settings, &parts, &tree);
    let children = vec![
        ocr.child(&tree),
        embedding_child,
        group("node/models", policy, host_children, &tree),
        group("node/rules", policy, evaluator_children, &tree),
        group("node/shards", policy, shard_children, &tree),
    ];
    let root = supervisor::spawn("node", policy, children, &tree, None).await?;
    let writer = warm(settings, &hosts);
    let hosts: Vec<_> = hosts.into_iter().map(|(name, address, _)| (name, address)).collect();
    let desk = Desk {
        shards: shards.clone(),
        embedding,
        embedder,
        hosts: Arc::new(hosts),
        evaluators: Arc::new(judges),
        models_dir: settings.models.dir.clone(),
        preferred: settings.models.generation.clone(),
        cache: parts.cache.clone(),
        clock: parts.means.clock.clone(),
        answer_tokens_max: settings.generation.answer_tokens_max,
        answer_ttl: Duration::from_secs(settings.cache.answers_hours * 3600),
        embedding_ttl: Duration::from_secs(settings.cache.embeddings_days * 24 * 3600),
        recipe: parts.recipe,
    };
    let intake = Intake {
        spool: dir.join("spool"),
        store: parts.means.store.clone(),
        clock: parts.means.clock.clone(),
        chance: parts.means.chance.clone(),
        shards: shards.clone(),
        retention: Duration::from_secs(settings.retention.days * 24 * 3600),
    };
    Ok(Actors { tree, shards, intake, desk, board, ocr: queue, writer, findings: Findings::default(), root })
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
    let reading = Reading { program: parts.reader.clone(), limits, settings: how };
    Pool::new("node/ocr", reading, Size { workers: workers(settings), queue_max: OCR_PLACES, policy })
}

fn embedding_pool(
    settings: &Settings,
    tree: &Tree,
) -> (Address<embedding::Message>, embedding::Shared, Child) {
    let name = match settings.models.embedding.as_str() {
        "default" => catalogue::EMBEDDING_DEFAULT,
        name => name,
    };
    let precision = match settings.models.precision.as_str() {
        "f32" => vectors::Precision::F32,
        _ => vectors::Precision::Int8,
    };
    let shared = embedding::Shared::default();
    let pool = EmbeddingPool {
        models_dir: settings.models.dir.clone(),
        model: name.to_owned(),
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

fn shards(parts: &Parts, dir: &Path, bench: &Bench, policy: Policy, tree: &Tree) -> (Shards, Vec<Child>) {
    let (mut seats, mut children) = (Vec::new(), Vec::new());
    for number in 0..parts.cluster.shard_count {
        let address: Address<shard::Message> =
            Address::new(format!("node/shards/shard-{number}"), SHARD_PLACES);
        let view = View::default();
        let shard = Shard {
            number,
            dir: index_dir(dir, number),
            settings: IndexSettings::here(),
            means: parts.means.clone(),
            verify: parts.verify.clone(),
            bench: bench.clone(),
            view: view.clone(),
            policy,
        };
        children.push(child(shard, &address, tree));
        seats.push((address, view));
    }
    (Shards { hash_seed: parts.cluster.hash_seed, shards: Arc::new(seats) }, children)
}

fn index_dir(dir: &Path, number: u32) -> PathBuf {
    dir.join("index").join(format!("{number:04x}"))
}

type Hosts = Vec<(String, Address<model::Message>, model::Standing)>;

fn model_hosts(settings: &Settings, tree: &Tree) -> (Hosts, Vec<Child>) {
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
    (hosts, children)
}

/// Loads the model that `auto` takes before the first question comes.
fn warm(settings: &Settings, hosts: &Hosts) -> Option<model::Standing> {
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
