//! One node, built from its parts.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use enabler_actors::documents::intake::Intake;
use enabler_actors::documents::{scrub, sweep};
use enabler_actors::shard::Verify;
use enabler_actors::topology::{self, Actors, Parts};
use enabler_cluster::actor::Fault;
use enabler_cluster::owner::Means;
use enabler_config::{Secret, Settings};
use enabler_http::{KeyHash, KeyRing, Limits, Tenant};
use enabler_reading::Program;
use enabler_storage::cache::InProcess;
use enabler_storage::chance::{Chance, OsChance};
use enabler_storage::clock::{Clock, SystemClock};
use enabler_storage::log::{self, Cluster};
use enabler_storage::objects::{Directory, ObjectStore, PutOutcome, probe};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{NodeApi, Started};

/// The tenant of a node's first key.
const FIRST_TENANT: &str = "default";
/// The longest that checking one index may take; a larger one is rebuilt as if it were damaged.
const VERIFY_TIME_MAX: Duration = Duration::from_secs(60);

/// How often every object that counts is read and verified; the first time is at the start.
const SCRUB_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What went wrong while a node ran.
pub type NodeError = Box<dyn Error + Send + Sync>;

/// Runs a node until `stop` fires and its work in hand is done.
///
/// The API answers from the first moment on; `/ready` says when the actors serve and the models are loaded.
///
/// # Errors
/// Why the node could not start or go on.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    key: Secret,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    let started = Started::default();
    let api = Arc::new(NodeApi::new(&settings, started.clone()));
    let keys = KeyRing::new([(KeyHash::of(key.reveal()), Tenant::new(FIRST_TENANT))]);
    let ending = stop.clone();
    let serving =
        tokio::spawn(enabler_http::serve(listener, api, keys, Limits::from(&settings.http), async move {
            ending.cancelled().await
        }));
    let outcome = tokio::select! {
        outcome = start(&settings) => outcome,
        () = stop.cancelled() => Err("stopped before it had started".into()),
    };
    let actors = match outcome {
        Ok(actors) => actors,
        Err(error) => {
            stop.cancel();
            let _ = serving.await;
            return Err(error);
        }
    };
    started.set(actors.clone());
    tokio::spawn(scrub_daily(actors.clone()));
    tokio::spawn(sweep_once(actors.clone(), actors.intake.store.clone(), actors.intake.clock.now_ms()));
    let failed = actors.root().wait();
    let outcome = tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = failed => Err("the supervision tree gave up; the log above says which actor failed too often".into()),
    };
    stop.cancel();
    let _ = serving.await;
    actors.stop().await;
    outcome
}

async fn start(settings: &Settings) -> Result<Actors, NodeError> {
    let (clock, chance): (Arc<dyn Clock>, Arc<dyn Chance>) = (Arc::new(SystemClock), Arc::new(OsChance));
    let dir = settings.data.dir.clone();
    let root = dir.join("store");
    let opened = tokio::task::spawn_blocking(move || {
        Intake::clear(&dir.join("spool")).map_err(|error| Fault::from_error("clearing the spool", &error))?;
        Directory::open(&root).map_err(|error| Fault::from_error("opening the store", &error))
    });
    let store: Arc<dyn ObjectStore> = Arc::new(opened.await??);
    probe(&*store, &*chance).await?;
    let cluster = cluster(&*store, &*chance, settings.storage.shard_count).await?;
    let executable = std::env::current_exe()?;
    let parts = Parts {
        means: Means { store, clock, chance, node: "node".into() },
        cache: Arc::new(InProcess::new(settings.cache.bytes_max)),
        cluster,
        reader: Program {
            executable: executable.clone(),
            arguments: vec!["reading-child".into()],
            environment: Vec::new(),
        },
        verify: verifier(executable),
        rule_sets: RULE_SETS.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect(),
        recipe: recipe(),
    };
    Ok(topology::start(settings, parts).await?)
}

/// The shipped rule sets, one per template.
const RULE_SETS: [(&str, &str); 4] = [
    ("generic", include_str!("../config/rules/generic.rules")),
    ("inventory", include_str!("../config/rules/inventory.rules")),
    ("licencas_software", include_str!("../config/rules/licencas_software.rules")),
    ("meeting_minutes", include_str!("../config/rules/meeting_minutes.rules")),
];

/// The version of how answers are found, checked and worded; raised with every change that may alter one.
const RECIPE: &str = "2";

/// Names the program and its recipe, so that an answer of another version is never remembered as ours.
fn recipe() -> String {
    format!("{}-{RECIPE}", env!("CARGO_PKG_VERSION"))
}

/// The store's fixed facts; a fresh store gets them now.
async fn cluster(
    store: &dyn ObjectStore,
    chance: &dyn Chance,
    shard_count: u32,
) -> Result<Cluster, NodeError> {
    if let Some(found) = log::read_cluster(store).await? {
        return Ok(found);
    }
    let fresh = Cluster { shard_count, hash_seed: chance.next_u64(), format_version: log::FORMAT_VERSION };
    match log::create_cluster(store, &fresh).await? {
        PutOutcome::Done(_) => Ok(fresh),
        // Whoever was faster, or an answer that was lost: what stands in the store counts.
        PutOutcome::Exists | PutOutcome::Changed | PutOutcome::Unknown(_) => {
            log::read_cluster(store).await?.ok_or_else(|| "the store did not keep its first record".into())
        }
    }
}

/// Checks an index in a child process, which may crash in our place.
fn verifier(executable: PathBuf) -> Verify {
    Arc::new(move |dir: PathBuf| {
        let executable = executable.clone();
        Box::pin(async move { verify(&executable, &dir).await })
    })
}

async fn verify(executable: &Path, dir: &Path) -> Result<(), String> {
    if !dir.exists() {
        return Ok(());
    }
    let child = tokio::process::Command::new(executable)
        .arg("verify-shard")
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(VERIFY_TIME_MAX, child).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{}: {}", output.status, said.lines().next().unwrap_or("it said nothing")))
        }
        Ok(Err(error)) => Err(format!("the check could not be started: {error}")),
        Err(_) => Err(format!("the check took more than {} s", VERIFY_TIME_MAX.as_secs())),
    }
}

async fn scrub_daily(actors: Actors) {
    loop {
        scrub::run(&actors.intake.store, &actors.shards, &actors.tree, &actors.findings).await;
        tokio::time::sleep(SCRUB_EVERY).await;
    }
}

async fn sweep_once(actors: Actors, store: Arc<dyn ObjectStore>, before_ms: u64) {
    match sweep::run(&*store, &actors.shards, before_ms).await {
        Ok(0) => {}
        Ok(deleted) => tracing::info!(deleted, "removed blobs that belong to no document"),
        Err(error) => tracing::warn!(%error, "looking for blobs that belong to no document"),
    }
}
