//! Has documents made again whose chunks and vectors are of another embedding model or chunker than the nodes are set to.
//!
//! A document is searched by the former ones until one entry of its shard's log has the new ones take their place. What
//! is left is seen from the index alone, so that a run that was cut off is gone on with wherever it was.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use enabler_cluster::actor::Fault;
use enabler_cluster::request::Request;
use enabler_storage::record::{DocumentId, Make};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::audit::{AuditDesk, Deed};
use super::{Done, Hold, Job, record};
use crate::documents::ingest::told;
use crate::operator::Panel;
use crate::operator::makes::Makings;
use crate::router::RouteError;

pub(super) const NAME: &str = "index_refresh";
/// Documents that are made again at one time, over all nodes.
const AT_ONCE: usize = 2;
/// Documents that are looked for at one time.
const PORTION: usize = 16;
/// How long one run goes on before the other jobs get their turn; it asks for the next one itself.
const SLICE: Duration = Duration::from_secs(5 * 60);
/// How long it is waited for nodes that have just started: their model and their shards.
const STARTING_MAX: Duration = Duration::from_secs(20);
/// How long it is waited for a moment in which nobody uploads or waits for a vector; then one step is taken.
const QUIET_MAX: Duration = Duration::from_secs(30);
/// The pause between two looks, and between two steps: people wait for the same processors.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one document may take.
const DOCUMENT_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// The refresh of the index.
pub(super) struct Refresh {
    pub(super) panel: Panel,
    pub(super) desk: AuditDesk,
}

/// What all nodes together make with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Agreed {
    /// All with the same.
    On(Make),
    /// That is not known yet, for this reason.
    NotYet(String),
    /// They are set to different things: nobody knows which of them is meant.
    Not(String),
}

/// What the nodes make with, by what they say. Pure.
fn agreed(makings: &Makings) -> Agreed {
    if let Some(silent) = makings.silent.first() {
        return Agreed::NotYet(format!("a node does not say what it makes with: {silent}"));
    }
    let owned: u32 = makings.nodes.iter().map(|(_, making)| making.owned).sum();
    if owned < makings.shards {
        return Agreed::NotYet(format!("{owned} of {} shards have an owner", makings.shards));
    }
    let (mut models, mut chunkers, mut missing) = (BTreeSet::new(), BTreeSet::new(), None);
    for (node, making) in &makings.nodes {
        chunkers.extend(making.chunker.as_deref());
        match &making.model {
            Some(Ok(model)) => {
                models.insert(model.as_str());
            }
            Some(Err(why)) => missing = Some(format!("{node}: {why}")),
            None => {}
        }
    }
    let of_all = |all: &BTreeSet<&str>| all.iter().copied().collect::<Vec<_>>().join(" and ");
    if models.len() > 1 || chunkers.len() > 1 {
        let (models, chunkers) = (of_all(&models), of_all(&chunkers));
        return Agreed::Not(format!("the nodes are set differently: models {models}; chunkers {chunkers}"));
    }
    match (models.first(), chunkers.first(), missing) {
        (_, _, Some(missing)) => Agreed::NotYet(missing),
        (Some(model), Some(chunker), None) => {
            Agreed::On(Make { model_id: (*model).to_owned(), chunker: (*chunker).to_owned() })
        }
        _ => Agreed::NotYet("no node embeds".to_owned()),
    }
}

/// The next documents over all nodes, in the order of their ids, each once. Pure.
fn next(makings: &Makings, limit: usize) -> Vec<(String, String)> {
    let all = makings.nodes.iter().flat_map(|(_, making)| making.documents.iter().cloned());
    all.collect::<BTreeSet<_>>().into_iter().take(limit).collect()
}

fn left(makings: &Makings) -> u64 {
    makings.nodes.iter().map(|(_, making)| making.left).sum()
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Tally {
    made: u64,
    failed: u64,
    left: u64,
    /// Why one of them failed.
    why: String,
    /// Whether its time was over before it had tried every document.
    is_cut: bool,
}

impl Tally {
    /// Whether the next run shall come at once. One that changed nothing would only try the same once more.
    fn goes_on(&self) -> bool {
        self.is_cut && self.made > 0
    }

    fn outcome(&self) -> Result<Done, Fault> {
        let Self { made, failed, left, why, .. } = self;
        let said = format!("{made} documents were made again, {left} are left");
        if *failed > 0 {
            return Err(Fault::new(format!("{said}; {failed} could not be, of one it is said: {why}")));
        }
        Ok(Done { touched: *made, detail: said })
    }
}

#[async_trait]
impl Job for Refresh {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, hold: &Hold) -> Result<Done, Fault> {
        let Some(wanted) = self.wanted(hold).await? else {
            return Ok(Done { touched: 0, detail: "there is no document".to_owned() });
        };
        let tally = self.make_all(hold, &wanted).await?;
        if tally.goes_on() {
            let (store, reason) = (&*self.desk.store, format!("{} documents are left", tally.left));
            let asked = record::ask_for(store, NAME, "recurring", &reason, self.desk.clock.now_ms());
            asked.await.map_err(Fault::new)?;
        }
        tally.outcome()
    }
}

impl Refresh {
    /// What every node makes with, once they have started; nothing if there is no document.
    async fn wanted(&self, hold: &Hold) -> Result<Option<Make>, Fault> {
        let began = Instant::now();
        loop {
            hold.check()?;
            let makings = self.panel.makings(None, None, 0).await;
            match agreed(&makings) {
                Agreed::On(_) if left(&makings) == 0 => return Ok(None),
                Agreed::On(wanted) => return Ok(Some(wanted)),
                Agreed::NotYet(_) if began.elapsed() < STARTING_MAX => sleep(PAUSE).await,
                Agreed::NotYet(_) if left(&makings) == 0 && makings.silent.is_empty() => return Ok(None),
                Agreed::NotYet(why) | Agreed::Not(why) => return Err(Fault::new(why)),
            }
        }
    }

    async fn make_all(&self, hold: &Hold, wanted: &Make) -> Result<Tally, Fault> {
        let (began, mut tally, mut after) = (Instant::now(), Tally::default(), None::<String>);
        loop {
            let makings = self.look(hold, wanted, after.as_deref()).await?;
            tally.left = left(&makings);
            self.tell(hold, tally.left).await?;
            let portion = next(&makings, PORTION);
            let Some((last, _)) = portion.last() else { return Ok(tally) };
            if after.is_none() {
                self.note(hold, wanted, tally.left).await?;
            }
            after = Some(last.clone());
            for step in portion.chunks(AT_ONCE) {
                if began.elapsed() >= SLICE {
                    tally.is_cut = true;
                    return Ok(tally);
                }
                self.quiet(hold, wanted).await?;
                let made = join_all(step.iter().map(|(id, tenant)| self.make(id, tenant, wanted))).await;
                for made in made {
                    match made {
                        Ok(()) => {
                            tally.made += 1;
                            tally.left = tally.left.saturating_sub(1);
                        }
                        Err(why) => {
                            tally.failed += 1;
                            tally.why = why;
                        }
                    }
                }
                self.tell(hold, tally.left).await?;
                sleep(PAUSE).await;
            }
        }
    }

    /// The next documents that were made with something else, as long as all nodes make with `wanted`.
    async fn look(&self, hold: &Hold, wanted: &Make, after: Option<&str>) -> Result<Makings, Fault> {
        hold.check()?;
        let makings = self.panel.makings(Some(wanted), after, PORTION).await;
        match agreed(&makings) {
            Agreed::On(now) if now == *wanted => Ok(makings),
            Agreed::On(now) => Err(Fault::new(format!("the nodes make with {} now", told(&now)))),
            Agreed::NotYet(why) | Agreed::Not(why) => Err(Fault::new(why)),
        }
    }

    /// Waits until nobody uploads or waits for a vector, but not for ever: a cluster that always works gets there too.
    async fn quiet(&self, hold: &Hold, wanted: &Make) -> Result<(), Fault> {
        let began = Instant::now();
        loop {
            hold.check()?;
            let makings = self.panel.makings(Some(wanted), None, 0).await;
            let waiting: u64 = makings.nodes.iter().map(|(_, making)| making.waiting).sum();
            if waiting == 0 || began.elapsed() >= QUIET_MAX {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    async fn make(&self, id: &str, tenant: &str, wanted: &Make) -> Result<(), String> {
        let document: DocumentId = id.parse().map_err(|_| format!("{id} is no document's id"))?;
        let request = Request::new(id, DOCUMENT_TIME_MAX);
        match self.panel.router.refresh(&request, tenant, document, wanted).await {
            // Its user deletes it, or its time is over.
            Ok(()) | Err(RouteError::Unknown) => Ok(()),
            Err(error) => Err(format!("{id}: {error}")),
        }
    }

    async fn tell(&self, hold: &Hold, left: u64) -> Result<(), Fault> {
        hold.check()?;
        record::note_left(&*self.desk.store, NAME, hold, left).await.map(drop).map_err(Fault::new)
    }

    /// One line in the audit log for the run, before it changes anything.
    async fn note(&self, hold: &Hold, wanted: &Make, left: u64) -> Result<(), Fault> {
        let reason = format!("{left} documents are to be made again with {}", told(wanted));
        let deed = Deed { tenant: String::new(), about: "index".to_owned(), reason };
        self.desk.note(NAME, hold, 0, &[deed]).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operator::makes::Making;

    fn node(model: Option<Result<&str, &str>>, chunker: Option<&str>) -> Making {
        let model = model.map(|model| model.map(str::to_owned).map_err(str::to_owned));
        Making { model, chunker: chunker.map(str::to_owned), owned: 1, ..Making::default() }
    }

    fn all(nodes: Vec<Making>) -> Makings {
        let nodes: Vec<_> =
            nodes.into_iter().enumerate().map(|(at, making)| (format!("n{at}"), making)).collect();
        Makings { shards: nodes.len() as u32, nodes, silent: Vec::new() }
    }

    #[test]
    fn nodes_with_several_roles_agree_on_one_model_and_chunker_and_wait_for_what_is_loading() {
        let on = Agreed::On(Make { model_id: "m".to_owned(), chunker: "1".to_owned() });
        assert_eq!(agreed(&all(vec![node(Some(Ok("m")), Some("1"))])), on);
        assert_eq!(agreed(&all(vec![node(Some(Ok("m")), None), node(None, Some("1"))])), on);
        let loading = all(vec![node(Some(Ok("m")), Some("1")), node(Some(Err("it is loading")), None)]);
        assert!(matches!(agreed(&loading), Agreed::NotYet(why) if why.contains("n1: it is loading")));
        let few = Makings { shards: 9, ..all(vec![node(Some(Ok("m")), Some("1"))]) };
        assert!(matches!(agreed(&few), Agreed::NotYet(why) if why.contains("1 of 9 shards")));
        assert!(matches!(agreed(&all(vec![node(None, Some("1"))])), Agreed::NotYet(_)));
    }

    #[test]
    fn a_run_that_was_cut_comes_again_at_once_unless_it_changed_nothing() {
        let tally = |made, failed, is_cut| Tally { made, failed, left: 3, why: "w".to_owned(), is_cut };
        assert!(tally(1, 0, true).goes_on() && tally(1, 1, true).goes_on());
        assert!(!tally(0, 2, true).goes_on() && !tally(5, 0, false).goes_on());
        assert_eq!(tally(5, 0, false).outcome().unwrap().touched, 5);
        assert!(tally(5, 1, false).outcome().unwrap_err().reason.contains("3 are left; 1 could not be"));
    }

    fn making() -> impl Strategy<Value = Making> {
        let model = prop_oneof![
            Just(None),
            "[ab]".prop_map(|model| Some(Ok(model))),
            Just(Some(Err("it is loading".to_owned()))),
        ];
        let documents = prop::collection::btree_set((0_u8..20).prop_map(|id| format!("{id:02}")), 0..9);
        (model, prop::option::of("[12]"), 0_u32..3, documents).prop_map(
            |(model, chunker, owned, documents)| Making {
                model,
                chunker,
                owned,
                left: documents.len() as u64,
                documents: documents.into_iter().map(|id| (id, "t".to_owned())).collect(),
                ..Making::default()
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_is_made_again_unless_every_node_says_the_same(
            nodes in prop::collection::vec(making(), 0..5), shards in 0_u32..8, is_silent: bool,
        ) {
            let silent = if is_silent { vec!["n9: silence".to_owned()] } else { Vec::new() };
            let makings = Makings { shards, silent, ..all(nodes.clone()) };
            if let Agreed::On(make) = agreed(&makings) {
                prop_assert!(!is_silent);
                prop_assert!(nodes.iter().map(|node| node.owned).sum::<u32>() >= shards);
                let same = |node: &Making| {
                    node.model.as_ref().is_none_or(|model| model.as_ref() == Ok(&make.model_id))
                        && node.chunker.as_ref().is_none_or(|chunker| *chunker == make.chunker)
                };
                prop_assert!(nodes.iter().all(same));
            }
        }

        #[test]
        fn walking_behind_the_last_one_meets_every_document_once(
            nodes in prop::collection::vec(making(), 0..5), limit in 1_usize..6,
        ) {
            let expected: BTreeSet<String> =
                nodes.iter().flat_map(|node| node.documents.iter().map(|(id, _)| id.clone())).collect();
            let (mut met, mut after) = (Vec::new(), None::<String>);
            loop {
                // Each node tells the first few behind the last one.
                let told = nodes.iter().cloned().map(|mut node| {
                    node.documents.retain(|(id, _)| after.as_ref().is_none_or(|after| id > after));
                    node.documents.truncate(limit);
                    node
                });
                let portion = next(&all(told.collect()), limit);
                let Some((last, _)) = portion.last() else { break };
                after = Some(last.clone());
                met.extend(portion.into_iter().map(|(id, _)| id));
            }
            prop_assert_eq!(met, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
