//! One run: a cluster is started, clients work, things happen one after another, and in the end all is looked at.

// What happens to whom, and what clients notice.
mod chaos;

use std::collections::BTreeMap;
use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use self::chaos::Storm;
use crate::book::{Book, Wrong};
use crate::cluster::{ALL, Cluster, KEEPS, SHARDS};
use crate::error::LiveError;
use crate::event::Chaos;
use crate::history::{History, Record};
use crate::load::{Load, Pace};
use crate::network::Network;
use crate::plan::{Length, Plan};
use crate::progress::{Line, NOTHING, Summary, What};

/// Few requests at a time: what is uploaded in half an hour is checked on every node in the end.
const PACE: Pace = Pace { writers: 2, readers: 3, askers: 1, deleters: 1, rest: Duration::from_secs(1) };
/// The longest pause between two events.
const PAUSE_MS_MAX: u64 = 3_000;
/// Roles of the second of three nodes and more: it reads and embeds, so that the first one may be away.
const WORKS: &str = "api,documents,rules,ocr,embedding";

/// What the parts of a run share: when it began, who listens, and where it is written down.
pub(crate) struct Teller<'a> {
    began: Instant,
    progress: &'a mut dyn FnMut(&Line),
    pub(crate) history: History,
    violations_told: usize,
}

impl Teller<'_> {
    pub(crate) fn tell(&mut self, what: What) {
        (self.progress)(&Line { at: self.began.elapsed(), what });
    }

    fn note(&mut self, text: impl Into<String>) {
        self.tell(What::Note(text.into()));
    }

    /// Tells the broken promises that were not told before.
    pub(crate) fn tell_violations(&mut self, book: &Book) {
        for text in book.violations().iter().skip(self.violations_told) {
            (self.progress)(&Line { at: self.began.elapsed(), what: What::Violation(text.clone()) });
        }
        self.violations_told = book.violations().len();
    }
}

/// Carries out a plan, telling `progress` what happens.
///
/// It ends with the first broken promise, with the plan's length and a last look at everything, or with Ctrl-C or SIGTERM
/// ([`LiveError::Interrupted`]); what it has started has ended or is being ended then.
///
/// # Errors
///
/// When the run cannot be set up or goes wrong for a reason that is not the product's. A broken promise is no error: see
/// [`Summary::is_kept`].
pub async fn run(plan: &Plan, progress: &mut dyn FnMut(&Line)) -> Result<Summary, LiveError> {
    plan.check()?;
    let mut ended = signal(SignalKind::terminate()).map_err(LiveError::system("waiting for SIGTERM"))?;
    let began = Instant::now();
    let history = match &plan.report {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .map_err(LiveError::system(format!("making the folder `{}`", dir.display())))?;
            History::begin(dir, began)?
        }
        None => History::none(),
    };
    let mut teller = Teller { began, progress, history: history.clone(), violations_told: 0 };
    let again = plan.again();
    history.write(began, &Record::Run { again: &again, nodes: plan.nodes, seed: plan.seed, shards: SHARDS });
    let outcome = tokio::select! {
        outcome = carry_out(plan, &mut teller) => outcome,
        _ = tokio::signal::ctrl_c() => Err(LiveError::Interrupted),
        _ = ended.recv() => Err(LiveError::Interrupted),
    };
    history.finish()?;
    outcome
}

async fn carry_out(plan: &Plan, teller: &mut Teller<'_>) -> Result<Summary, LiveError> {
    let (mut chaos, mut network) = (plan.chaos.clone(), None);
    if chaos.contains(&Chaos::Cut) {
        match Network::make(plan.nodes).await {
            Ok(made) => network = Some(made),
            Err(error) => {
                teller.note(format!(
                    "cuts are left out, because nodes get no networks of their own (that takes root and iproute2): {}",
                    error.whole()
                ));
                chaos.remove(&Chaos::Cut);
            }
        }
    }
    if chaos.is_empty() {
        return Err(LiveError::Plan("without cuts nothing is left to happen".to_owned()));
    }
    // What was left out is left out when the run is repeated, too.
    let plan = &Plan { chaos: chaos.clone(), ..plan.clone() };
    teller.note(format!("starting a store, a Redis and {} nodes of {}", plan.nodes, plan.program.display()));
    let roles: Vec<&str> = (0..plan.nodes).map(|number| role(number, plan.nodes)).collect();
    let mut cluster = Cluster::prepare(&plan.program, &roles, network).await?;
    if let Some(dir) = &plan.report {
        // Nodes are started in folders of their own.
        let dir = dir.canonicalize().map_err(LiveError::system("looking for the report's folder"))?;
        cluster = cluster.logging_into(&dir);
    }
    cluster.launch_all().await?;
    cluster.calm().await?;
    let truth = cluster.truth().await?;
    let load = Load::start_telling(teller.history.clone(), cluster.doors(), &truth, plan.seed, PACE);
    let mut storm = Storm::new(SeededChance::new(plan.seed), truth, chaos, plan.nodes);
    teller.note("every shard has its owner; clients begin to work, and things to happen");
    storm.lay_in(&cluster, &load).await?;
    let over = weather(plan, &mut cluster, &load, &mut storm, teller).await;
    let book = come_to_rest(over, &mut cluster, load, &storm, teller).await?;
    cluster.end().await;
    Ok(summary(plan, &book, &storm, teller))
}

/// What the node with this number does: the first does everything, and most only keep shards.
fn role(number: usize, nodes: usize) -> &'static str {
    match number {
        0 => ALL,
        1 if nodes > 2 => WORKS,
        _ => KEEPS,
    }
}

/// Lets things happen until the run is over or a promise is broken.
async fn weather(
    plan: &Plan,
    cluster: &mut Cluster,
    load: &Load,
    storm: &mut Storm,
    teller: &mut Teller<'_>,
) -> Result<(), LiveError> {
    let began = Instant::now();
    let mut number = 0;
    let of = match plan.length {
        Length::Events(events) => Some(events),
        Length::Time(_) => None,
    };
    let is_over = |number: usize| match plan.length {
        Length::Events(events) => number >= events,
        Length::Time(time) => began.elapsed() >= time,
    };
    while !is_over(number) && load.book().violations_count() == 0 {
        number += 1;
        storm.gather(cluster, teller).await?;
        if plan.calm {
            storm.rest(cluster, load).await?;
        }
        storm.happen(cluster, load, (number, of), teller).await?;
        teller.tell_violations(&load.book());
        if plan.calm && load.book().violations_count() == 0 {
            storm.gather_all(cluster, teller).await?;
            cluster.calm().await?;
        }
        tokio::time::sleep(Duration::from_millis(storm.chance.next_u64() % PAUSE_MS_MAX)).await;
    }
    if load.book().violations_count() > 0 {
        return Ok(());
    }
    storm.gather_all(cluster, teller).await?;
    cluster.launch_all().await?;
    cluster.calm().await
}

/// Ends the clients and looks at everything, unless a promise is broken already.
async fn come_to_rest(
    over: Result<(), LiveError>,
    cluster: &mut Cluster,
    load: Load,
    storm: &Storm,
    teller: &mut Teller<'_>,
) -> Result<Book, LiveError> {
    match over {
        Err(error) if error.is_broken_promise() => load.book().violate(Wrong::Stuck, error.whole()),
        Err(error) => return Err(error),
        Ok(()) => {}
    }
    if load.book().violations_count() > 0 {
        let book = load.abandon();
        teller.tell_violations(&book);
        return Ok(book);
    }
    let mut book = load.end().await;
    if book.violations_count() == 0 {
        teller.note(format!("looking for all {} documents on every node", book.papers.len()));
        book.look_everywhere(&cluster.doors(), &storm.truth).await;
    }
    teller.tell_violations(&book);
    Ok(book)
}

fn summary(plan: &Plan, book: &Book, storm: &Storm, teller: &Teller<'_>) -> Summary {
    let measured: &BTreeMap<_, _> = &storm.measured;
    let mut kinds = Summary::kinds(&BTreeMap::from([(NOTHING, storm.at_rest.clone())]));
    kinds.retain(|kind| kind.events > 0);
    kinds.extend(Summary::kinds(measured));
    let summary = Summary {
        kinds,
        events: measured.values().map(Vec::len).sum(),
        answered: book.all_done().clone(),
        refused: book.all_refused().clone(),
        refusals: book.refusals().to_vec(),
        lost: book.violations_of(Wrong::Lost),
        seen_after_deletion: book.violations_of(Wrong::SeenAfterDeletion),
        violations_count: book.violations_count(),
        violations: book.violations().to_vec(),
        again: plan.again(),
    };
    teller.history.write(
        Instant::now(),
        &Record::Summary {
            events: summary.events,
            answered: &summary.answered,
            refused: &summary.refused,
            lost: summary.lost,
            seen_after_deletion: summary.seen_after_deletion,
            violations: summary.violations_count,
        },
    );
    summary
}
