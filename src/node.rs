//! One node, built from its parts.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use enabler_actors::calls::Switchboard;
use enabler_actors::crew::role;
use enabler_actors::documents::intake::Intake;
use enabler_actors::documents::{scrub, sweep};
use enabler_actors::shard::Verify;
use enabler_actors::topology::{self, Actors, Parts};
use enabler_cluster::actor::Fault;
use enabler_cluster::owner::Means;
use enabler_cluster::supervisor;
use enabler_cluster::tree::Tree;
use enabler_config::{Secret, Settings};
use enabler_http::Limits;
use enabler_reading::Program;
use enabler_storage::chance::{Chance, OsChance};
use enabler_storage::clock::{Clock, SystemClock};
use enabler_storage::log::{self, Cluster};
use enabler_storage::objects::{ObjectStore, ProbeError, PutOutcome, StoreError, probe};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::{NodeApi, Started};
use crate::bundle;
use crate::doors::{self, Doors};
use crate::ledger;
use crate::membership::{self, Membership};
use crate::parts;
use crate::telemetry::{Exporter, emf, traces};

/// The longest that checking one index may take; a larger one is rebuilt as if it were damaged.
const VERIFY_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a starting node waits for an object store that does not answer; a wrong setting looks no different.
const STORE_PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two tries.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How often every object that counts is read and verified; the first time is at the start.
const SCRUB_EVERY: Duration = Duration::from_secs(24 * 3600);

/// From the storing of an upload to its record in the log: no request takes as long, whatever the settings and clocks.
const UPLOAD_UNDER_WAY_MAX: Duration = Duration::from_secs(3_600);

/// The pause before a node that could not begin anew tries again.
const BEGIN_AGAIN: Duration = Duration::from_secs(1);

/// What went wrong while a node ran.
pub type NodeError = Box<dyn Error + Send + Sync>;

/// Runs a node until `stop` fires and its work in hand is done.
///
/// The API answers from the first moment on; `/ready` says when the actors serve and the models are loaded. A node
/// that the others have declared dead, because it was frozen or cut off, begins anew as a new generation. Those who
/// watch it are answered on `watchers`.
///
/// # Errors
/// Why the node could not start or go on.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    watchers: Option<TcpListener>,
    key: Secret,
    stop: CancellationToken,
) -> Result<(), NodeError> {
    let traces = traces::start(&settings, &OsChance)?;
    let started = Started::default();
    let api = Arc::new(NodeApi::new(&settings, started.clone()));
    let (doors, told) = (Doors::default(), Arc::clone(&api));
    let (door, audit) = doors::door(&settings, &key, &doors, Arc::new(SystemClock), Arc::new(OsChance))?;
    let (ending, served) = (stop.clone(), CancellationToken::new());
    let (limits, ended) = (Limits::from(&settings.http), served.clone().drop_guard());
    let serving = enabler_http::serve_apart(listener, api, door, limits, ending.cancelled_owned())?;
    let serving = tokio::spawn(async move {
        let _ended = ended;
        serving.await
    });
    let exporter = Arc::new(Exporter {
        settings: settings.clone(),
        started: started.clone(),
        api: told,
        audit: audit.waiting(),
    });
    // Both go on while the node hands over what it has: that is watched as well.
    let lines = emf::start(exporter.clone(), Arc::new(SystemClock), served.clone());
    if let Some(watchers) = watchers {
        let over = served.clone();
        tokio::spawn(enabler_http::serve_metrics(watchers, exporter, async move {
            over.cancelled().await;
        }));
    }
    let mut has_lived = false;
    let outcome = loop {
        match generation(&settings, &started, &doors, &stop, &served).await {
            Ok(End::Stopped) => break Ok(()),
            Ok(End::DeclaredDead) => {
                has_lived = true;
                tracing::warn!("the other nodes have declared this node dead; it begins anew");
            }
            // Whoever starts a node must hear that it cannot start; one that has lived waits for what it needs.
            Ok(End::NotBegun(error)) if has_lived => {
                tracing::warn!(error = &*error as &dyn Error, "the node cannot begin anew yet");
                tokio::select! {
                    () = stop.cancelled() => break Ok(()),
                    () = tokio::time::sleep(BEGIN_AGAIN) => {}
                }
            }
            Ok(End::NotBegun(error)) | Err(error) => break Err(error),
        }
    };
    stop.cancel();
    let _ = serving.await;
    if let Some(lines) = lines {
        let _ = lines.await;
    }
    audit.close().await;
    if let Some(traces) = traces {
        traces.close().await;
    }
    outcome
}

/// Whether a node with these settings may have language models in its memory.
pub fn has_models(settings: &Settings) -> bool {
    let roles = membership::roles(settings);
    roles.iter().any(|own| own == role::EMBEDDING || own == role::GENERATION)
}

/// How a generation ended.
enum End {
    Stopped,
    DeclaredDead,
    /// It could not start.
    NotBegun(NodeError),
}

/// Lives one generation of the node. When `stop` fires, it goes on until the API has `served` what is in work.
async fn generation(
    settings: &Settings,
    started: &Started,
    doors: &Doors,
    stop: &CancellationToken,
    served: &CancellationToken,
) -> Result<End, NodeError> {
    let mut life = tokio::select! {
        life = start(settings) => match life {
            Ok(life) => life,
            Err(error) => return Ok(End::NotBegun(error)),
        },
        () = stop.cancelled() => return Err("stopped before it had started".into()),
    };
    let actors = life.actors.clone();
    if let Some(log) = crate::log::kept() {
        actors.panel.here().set_log(log);
    }
    doors.open(life.door.clone());
    started.set(Some(actors.clone()));
    let chores = [
        tokio::spawn(scrub_daily(actors.clone())),
        tokio::spawn(sweep_once(
            actors.clone(),
            actors.intake.store.clone(),
            swept_before_ms(&actors, &life),
        )),
    ];
    let end = tokio::select! {
        () = stop.cancelled() => Ok(End::Stopped),
        () = actors.root().wait() => {
            Err("the supervision tree gave up; the log above says which actor failed too often".into())
        }
        () = life.membership.dead() => Ok(End::DeclaredDead),
    };
    if matches!(end, Ok(End::Stopped)) && life.membership.has_peers() {
        let left = actors.drain(Duration::from_secs(settings.cluster.drain_seconds)).await;
        tracing::info!(left, "handed the shards over");
    }
    if matches!(end, Ok(End::Stopped)) {
        // Requests in work need the actors and the other nodes; the API itself bounds how long they may take.
        served.cancelled().await;
    }
    started.set(None);
    actors.router.close();
    chores.iter().for_each(tokio::task::JoinHandle::abort);
    life.membership.leave(matches!(end, Ok(End::Stopped))).await;
    actors.stop().await;
    end
}

/// Makes sure that the store keeps its conditions. One that does not answer now is waited for: a node that starts again
/// in an outage must not need somebody to start it once more.
async fn probed(store: &dyn ObjectStore, chance: &dyn Chance) -> Result<(), ProbeError> {
    let began = Instant::now();
    loop {
        match probe(store, chance).await {
            Err(ProbeError::Store(error @ StoreError::Unreachable { .. })) => {
                if began.elapsed() >= STORE_PATIENCE {
                    return Err(error.into());
                }
                tracing::warn!(%error, "waiting for the object store");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            probed => return probed,
        }
    }
}

/// A generation that runs.
struct Life {
    actors: Actors,
    membership: Membership,
    door: doors::Means,
}

async fn start(settings: &Settings) -> Result<Life, NodeError> {
    let (clock, chance): (Arc<dyn Clock>, Arc<dyn Chance>) = (Arc::new(SystemClock), Arc::new(OsChance));
    let spool = settings.data.dir.join("spool");
    let clear =
        move || Intake::clear(&spool).map_err(|error| Fault::from_error("clearing the spool", &error));
    tokio::task::spawn_blocking(clear).await??;
    let store = parts::store(settings).await?;
    probed(&*store, &*chance).await?;
    let mark = enabler_storage::bundle::read_mark(&*store).await?;
    let cluster = cluster(&*store, &*chance, settings.storage.shard_count).await?;
    let own = bundle::name(&cluster, mark.as_ref());
    bundle::keep_index_of(&settings.data.dir, &own, mark.is_some()).await?;
    let executable = std::env::current_exe()?;
    let node = membership::identity(settings, &*store, &*clock, &*chance).await?;
    let means = Means { store, clock: clock.clone(), chance, node, keeps: log::MIN_AGE };
    let tree = Tree::new(clock);
    let root = supervisor::spawn("node", topology::policy(settings), Vec::new(), &tree, None).await?;
    let switchboard = Switchboard::default();
    let membership = Membership::join(settings, &means, own, switchboard.clone(), &tree, root.cell()).await?;
    let parts::Shared { cache, counters } =
        parts::cache(settings, means.clock.clone(), means.chance.clone())?;
    let door = doors::Means { store: means.store.clone(), counters, node: means.node.clone() };
    let parts = Parts {
        cache,
        cluster,
        reader: Program {
            executable: executable.clone(),
            arguments: vec!["reading-child".into()],
            // What the allocator reserves would count as used under the child's limit.
            environment: vec![("MIMALLOC_ARENA_RESERVE".into(), "0".into())],
        },
        verify: verifier(executable),
        rule_sets: RULE_SETS.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect(),
        recipe: recipe(),
        tree,
        net: membership.net(),
        switchboard,
        is_alone: membership.is_alone(),
        roles: membership::roles(settings),
        root,
        means,
    };
    Ok(Life { actors: topology::start(settings, parts).await?, membership, door })
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
    while actors.router.table.ownerless() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    loop {
        let owned = actors.shards.owned();
        scrub::run(&actors.intake.store, &actors.shards, &owned, &actors.tree, &actors.findings).await;
        if let Err(error) = ledger::prune(&*actors.intake.store, actors.intake.clock.now_ms()).await {
            tracing::warn!(%error, "removing idempotency keys that are past their day");
        }
        tokio::time::sleep(SCRUB_EVERY).await;
    }
}

/// Blobs from before this moment may be orphans: with other nodes, one of them may have stored an upload and still be
/// looking for the owner of its shard.
fn swept_before_ms(actors: &Actors, life: &Life) -> u64 {
    let under_way = if life.membership.is_alone() { Duration::ZERO } else { UPLOAD_UNDER_WAY_MAX };
    actors.intake.clock.now_ms().saturating_sub(under_way.as_millis() as u64)
}

async fn sweep_once(actors: Actors, store: Arc<dyn ObjectStore>, before_ms: u64) {
    match sweep::run(&*store, &actors.shards, before_ms).await {
        Ok(0) => {}
        Ok(deleted) => tracing::info!(deleted, "removed blobs that belong to no document"),
        Err(error) => tracing::warn!(%error, "looking for blobs that belong to no document"),
    }
}
