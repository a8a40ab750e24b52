//! Brings a request to the node that owns its document's shard, follows redirects, and turns to replicas for reading.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::route::{Next, Route, Tried};
use enabler_cluster::net::{CallError, Incoming, Member, Net, NodeId, Refused, Service};
use enabler_cluster::request::{Ended, Request};
use enabler_storage::record::{DocumentId, DocumentRecord, Make};
use enabler_telemetry::trace::{Attribute, Span, Step, step};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::analysis::{Analysed, Analyze, AnalyzeFailure};
use crate::calls::Calls;
use crate::documents::progress::{Progress, Stage};
use crate::question::{Answer, Ask, AskFailure};
use crate::shard::{Shards, Standing, Taken};
use crate::wire::{self, refusal};

/// The most documents in one list.
pub const LIST_MAX: usize = 100;

/// Who owns and who follows each shard, as far as this node knows. Cheap to clone.
#[derive(Clone)]
pub struct Table(Arc<watch::Sender<Vec<Row>>>);

/// What is known of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its owner and the epoch of the ownership.
    pub owner: Option<(NodeId, u64)>,
    /// Who follows it.
    pub replicas: Vec<NodeId>,
}

impl Table {
    /// A table of `count` shards of which nothing is known yet.
    pub fn of(count: u32) -> Self {
        Table(Arc::new(watch::Sender::new(vec![Row::default(); count as usize])))
    }

    /// What is known of `shard`.
    pub fn row(&self, shard: u32) -> Row {
        self.0.borrow().get(shard as usize).cloned().unwrap_or_default()
    }

    /// Replaces everything but owners of a later epoch, of which a request has learned before the nodes tell.
    pub fn set(&self, mut rows: Vec<Row>) {
        self.0.send_if_modified(|known| {
            for (row, known) in rows.iter_mut().zip(known.iter()) {
                let later =
                    |known: &&(NodeId, u64)| row.owner.as_ref().is_none_or(|(_, epoch)| known.1 > *epoch);
                if let Some(later) = known.owner.as_ref().filter(later) {
                    row.owner = Some(later.clone());
                }
            }
            let is_new = *known != rows;
            *known = rows;
            is_new
        });
    }

    /// Shards whose owner is not known.
    pub fn ownerless(&self) -> usize {
        self.0.borrow().iter().filter(|row| row.owner.is_none()).count()
    }

    fn learn(&self, shard: u32, node: NodeId, epoch: u64) {
        self.0.send_if_modified(|rows| match rows.get_mut(shard as usize) {
            Some(row) if row.owner.as_ref().is_none_or(|(_, known)| epoch > *known) => {
                row.owner = Some((node, epoch));
                true
            }
            _ => false,
        });
    }
}

/// Why a request brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// There is no such document for this tenant.
    #[error("there is no such document")]
    Unknown,
    /// Too much waits.
    #[error("too much waits")]
    Overloaded,
    /// A part of the cluster is not there now.
    #[error("{0} is not available")]
    Unavailable(String),
    /// The change could not be recorded; whether it was is unknown.
    #[error("the change could not be recorded: {0}")]
    NotRecorded(String),
    /// The request ended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// Whoever answered refused with another code.
    #[error("{1}")]
    Refused(u16, String),
}

/// A document as its owner or a replica tells it.
#[derive(Debug, Clone)]
pub struct Found {
    /// What the log says of it.
    pub record: DocumentRecord,
    /// How far it is, if it is under way.
    pub progress: Option<Progress>,
}

/// Brings requests to shards. Cheap to clone.
#[derive(Clone)]
pub struct Router {
    /// The shards of this node.
    pub shards: Shards,
    /// What is known of all shards.
    pub table: Table,
    net: Arc<dyn Net>,
    pub(crate) calls: Arc<Calls>,
    patience: Duration,
    over: CancellationToken,
}

/// A call on its way to a shard.
pub(crate) struct Errand {
    pub(crate) shard: u32,
    pub(crate) kind: u16,
    pub(crate) body: Bytes,
    pub(crate) is_read: bool,
}

/// Changes in what is known of a shard: whoever waits for its owner need not wait longer.
struct News {
    table: watch::Receiver<Vec<Row>>,
    row: Row,
    shard: usize,
    here: Option<watch::Receiver<Standing>>,
}

impl News {
    fn of(router: &Router, shard: u32) -> Self {
        let here = router.shards.get(shard).map(|(_, view)| view.standings());
        let table = router.table.0.subscribe();
        News { table, row: router.table.row(shard), shard: shard as usize, here }
    }

    /// Waits for a change since the last call, for `time_max` at most.
    async fn within(&mut self, time_max: Duration) {
        let News { table, row, shard, here } = self;
        let there = async {
            let changed = |rows: &Vec<Row>| rows.get(*shard).is_some_and(|now| now.owner != row.owner);
            table.wait_for(changed).await.ok().and_then(|rows| rows.get(*shard).cloned())
        };
        let here = async {
            if let Some(here) = here {
                while here.changed().await.is_ok() {
                    if here.borrow_and_update().part == Part::Owner {
                        return;
                    }
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = tokio::time::sleep(time_max) => {}
            Some(now) = there => *row = now,
            () = here => {}
        }
    }
}

impl Router {
    /// A router that looks for a shard's owner for `patience` at most.
    pub fn new(net: Arc<dyn Net>, calls: Arc<Calls>, table: Table, patience: Duration) -> Self {
        let over = CancellationToken::new();
        Router { shards: calls.shards.clone(), table, net, calls, patience, over }
    }

    /// Ends what it has in work, and takes nothing more: this generation of the node is over, its links lead nowhere, and
    /// whoever waits would wait in vain.
    pub fn close(&self) {
        self.over.cancel();
    }

    /// Whether no shard has an owner that can be reached from here: then this node is outside the cluster, though it
    /// may read the shards that it follows.
    pub fn is_cut_off(&self) -> bool {
        let view = self.net.view().borrow().clone();
        let is_there = |id: &NodeId| *id == view.me || view.member(id).is_some_and(Member::is_alive);
        let owner = |shard: u32| self.table.row(shard).owner.map(|(owner, _)| owner);
        !(0..self.shards.count).any(|shard| owner(shard).is_some_and(|owner| is_there(&owner)))
    }

    /// What is known of a document.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn document(
        &self,
        request: &Request,
        tenant: &str,
        id: DocumentId,
    ) -> Result<Found, RouteError> {
        let body = wire::encode(&wire::Which { tenant: tenant.to_owned(), document_id: id });
        // Its owner knows how far it is; the record alone is on replicas too.
        let errand = Errand { shard: self.shards.of(id), kind: wire::DOCUMENT, body, is_read: true };
        let found: wire::Found = self.ask_shard(request, &errand).await?;
        let progress = found.progress.map(|progress| Progress {
            stage: match progress.stage {
                0 => Stage::Queued,
                1 => Stage::Reading,
                2 => Stage::Embedding,
                _ => Stage::Indexing,
            },
            pages_done: progress.pages_done,
            pages_total: progress.pages_total,
        });
        Ok(Found { record: unpacked(&found.record)?, progress })
    }

    /// The document of a tenant that has these bytes, if there is one.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn known(
        &self,
        request: &Request,
        tenant: &str,
        sha256: [u8; 32],
    ) -> Result<Option<DocumentId>, RouteError> {
        let body = wire::encode(&wire::Known { tenant: tenant.to_owned(), sha256 });
        let shard = self.shards.of_content(tenant, &sha256);
        let errand = Errand { shard, kind: wire::KNOWN, body, is_read: true };
        let knows: wire::Knows = self.ask_shard(request, &errand).await?;
        Ok(knows.document_id)
    }

    /// Has an upload taken, whose bytes are in the store.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn accept(&self, request: &Request, record: DocumentRecord) -> Result<Taken, RouteError> {
        let shard = self.shards.of(record.document_id);
        let body = wire::encode(&wire::Accept { record: wire::pack(&record) });
        let errand = Errand { shard, kind: wire::ACCEPT, body, is_read: false };
        let taken: wire::TakenWire = self.ask_shard(request, &errand).await?;
        Ok(Taken { document_id: taken.document_id, is_duplicate: taken.is_duplicate })
    }

    /// Erases a document.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn delete(
        &self,
        request: &Request,
        tenant: &str,
        id: DocumentId,
        reason: &str,
    ) -> Result<(), RouteError> {
        let (tenant, reason) = (tenant.to_owned(), reason.to_owned());
        let body = wire::encode(&wire::Delete { tenant, document_id: id, reason });
        let errand = Errand { shard: self.shards.of(id), kind: wire::DELETE, body, is_read: false };
        let mut may_be_done = false;
        match self.carry(request, &errand, &mut may_be_done).await {
            Ok(_) => Ok(()),
            // A try whose answer was lost has erased it.
            Err(RouteError::Unknown) if may_be_done => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads a document again that could not be read.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn retry(&self, request: &Request, tenant: &str, id: DocumentId) -> Result<(), RouteError> {
        let body = wire::encode(&wire::Which { tenant: tenant.to_owned(), document_id: id });
        let errand = Errand { shard: self.shards.of(id), kind: wire::RETRY, body, is_read: false };
        self.carry(request, &errand, &mut false).await.map(drop)
    }

    /// Has the chunks of a document made again, unless they are made with `wanted`; it answers meanwhile.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn refresh(
        &self,
        request: &Request,
        tenant: &str,
        id: DocumentId,
        wanted: &Make,
    ) -> Result<(), RouteError> {
        let Make { model_id, chunker } = wanted.clone();
        let body =
            wire::encode(&wire::Refresh { tenant: tenant.to_owned(), document_id: id, model_id, chunker });
        let errand = Errand { shard: self.shards.of(id), kind: wire::REFRESH, body, is_read: false };
        self.carry(request, &errand, &mut false).await.map(drop)
    }

    /// Up to `limit` documents of a tenant after `after`, newest first.
    ///
    /// # Errors
    /// See [`RouteError`]; a list without one of its shards would be taken for the whole.
    pub async fn documents(
        &self,
        request: &Request,
        tenant: &str,
        after: Option<(u64, DocumentId)>,
        limit: usize,
    ) -> Result<Vec<DocumentRecord>, RouteError> {
        let limit = limit.min(LIST_MAX + 1);
        let parts = (0..self.shards.count).map(|shard| async move {
            let (tenant, limit) = (tenant.to_owned(), limit as u32);
            let body = wire::encode(&wire::List { tenant, shard, after, limit });
            let errand = Errand { shard, kind: wire::LIST, body, is_read: true };
            let listed: wire::Listed = self.ask_shard(request, &errand).await?;
            listed.records.iter().map(|record| unpacked(record)).collect::<Result<Vec<_>, RouteError>>()
        });
        let parts = futures_util::future::try_join_all(parts).await?;
        let mut records: Vec<_> = parts.into_iter().flatten().collect();
        records.sort_by_key(|record| (std::cmp::Reverse(record.created_ms), record.document_id));
        records.truncate(limit);
        Ok(records)
    }

    /// Answers a question about one document.
    ///
    /// # Errors
    /// See [`AskFailure`].
    pub async fn ask(&self, request: &Request, ask: &Ask) -> Result<Answer, AskFailure> {
        // What is remembered here is told without being packed for a journey that it does not make.
        if let Ok(Some(answer)) = request.run(step("remembered", self.calls.remembered(ask))).await {
            return Ok(answer);
        }
        let body = serde_json::to_vec(ask).map_err(|error| AskFailure::Internal(error.to_string()))?;
        let shard = self.shards.of(ask.document_id);
        let errand = Errand { shard, kind: wire::ASK, body: body.into(), is_read: true };
        match self.carry(request, &errand, &mut false).await {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| AskFailure::Internal(error.to_string()))
            }
            Err(error) => Err(self.unasked(request, &ask.tenant, ask.document_id, error).await),
        }
    }

    /// Analyses one document.
    ///
    /// # Errors
    /// See [`AnalyzeFailure`].
    pub async fn analyze(&self, request: &Request, analyze: &Analyze) -> Result<Analysed, AnalyzeFailure> {
        let internal = |error: serde_json::Error| AskFailure::Internal(error.to_string());
        let body = serde_json::to_vec(analyze).map_err(internal)?;
        let shard = self.shards.of(analyze.document_id);
        let errand = Errand { shard, kind: wire::ANALYZE, body: body.into(), is_read: true };
        match self.carry(request, &errand, &mut false).await {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).map_err(internal)?),
            Err(RouteError::Refused(refusal::NO_PROFILE, text)) => {
                let mut lines = text.lines().map(str::to_owned);
                let wanted = lines.next().filter(|name| !name.is_empty());
                Err(AnalyzeFailure::NoProfile { wanted, known: lines.collect() })
            }
            Err(error) => {
                Err(self.unasked(request, &analyze.tenant, analyze.document_id, error).await.into())
            }
        }
    }

    /// Why a question about document `id`, or an analysis of it, brought nothing.
    async fn unasked(
        &self,
        request: &Request,
        tenant: &str,
        id: DocumentId,
        error: RouteError,
    ) -> AskFailure {
        match error {
            RouteError::Unknown => AskFailure::Unknown,
            RouteError::Overloaded => AskFailure::Overloaded,
            RouteError::Unavailable(what) => AskFailure::Unavailable(what),
            RouteError::Ended(ended) => AskFailure::Ended(ended),
            RouteError::NotRecorded(why) => AskFailure::Internal(why),
            RouteError::Refused(refusal::NOT_READY, _) => match self.document(request, tenant, id).await {
                Ok(found) => AskFailure::NotReady(Box::new(found.record)),
                Err(_) => AskFailure::Unavailable("the document".to_owned()),
            },
            RouteError::Refused(refusal::NO_MODEL, text) => {
                let (model, explanation) = text.split_once('\n').unwrap_or(("", &text));
                AskFailure::NoModel { model: model.to_owned(), explanation: explanation.to_owned() }
            }
            RouteError::Refused(refusal::QUARANTINED, _) => AskFailure::Quarantined,
            RouteError::Refused(refusal::NOT_REMEMBERED, _) => AskFailure::NotRemembered,
            RouteError::Refused(_, why) => AskFailure::Internal(why),
        }
    }

    pub(crate) async fn ask_shard<T: bincode::Decode<()>>(
        &self,
        request: &Request,
        errand: &Errand,
    ) -> Result<T, RouteError> {
        let bytes = self.carry(request, errand, &mut false).await?;
        wire::decode(&bytes).map_err(|error| RouteError::Refused(refusal::MALFORMED, error.to_string()))
    }

    /// Tries until somebody answers, the patience is spent or the request ends. `may_be_done` is set when a try was
    /// sent and its answer never came.
    async fn carry(
        &self,
        request: &Request,
        errand: &Errand,
        may_be_done: &mut bool,
    ) -> Result<Bytes, RouteError> {
        let mut span = Span::of("route");
        span.note(Attribute::Shard(u64::from(errand.shard)));
        span.note(Attribute::Call(u64::from(errand.kind)));
        let tries = self.over.run_until_cancelled(self.try_all(request, errand, may_be_done));
        let ended = || Err(RouteError::Unavailable("the node, which is starting or stopping,".to_owned()));
        Step::of(span, tries).await.unwrap_or_else(ended)
    }

    async fn try_all(
        &self,
        request: &Request,
        errand: &Errand,
        may_be_done: &mut bool,
    ) -> Result<Bytes, RouteError> {
        let looking = request.part(self.patience);
        let (mut route, mut next) = (Route::default(), Next::Owner { after_ms: 0 });
        let (mut spin, mut is_first) = (0, true);
        let mut news = News::of(self, errand.shard);
        loop {
            let node = match next {
                Next::Owner { after_ms } => {
                    if after_ms > 0 {
                        let news = news.within(Duration::from_millis(after_ms));
                        looking.run(news).await.map_err(|ended| self.nobody(request, ended))?;
                    }
                    if is_first { self.nearest(errand) } else { self.owner(errand) }
                }
                Next::Replica => {
                    spin += 1;
                    self.replica(errand.shard, spin)
                }
            };
            let tried = match node {
                None => Tried::NotSent,
                Some(node) => match self.call(&node, request, errand).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(error) => self.tried(errand, &node, error)?,
                },
            };
            is_first = false;
            *may_be_done |= tried == Tried::Unknown;
            if looking.ended().is_some() {
                return Err(self.nobody(request, Ended::TimedOut));
            }
            next = route.step(tried, errand.is_read);
        }
    }

    fn nobody(&self, request: &Request, ended: Ended) -> RouteError {
        match request.ended() {
            Some(ended) => RouteError::Ended(ended),
            None if ended == Ended::Cancelled => RouteError::Ended(ended),
            None => {
                RouteError::Unavailable("the shard, which has no owner that can be reached now,".to_owned())
            }
        }
    }

    /// This node if it can do it, else the owner.
    fn nearest(&self, errand: &Errand) -> Option<NodeId> {
        let view = self.shards.get(errand.shard).map(|(_, view)| view);
        let reads_here = errand.is_read && view.is_some_and(|view| view.index().is_some());
        if reads_here { Some(self.net.view().borrow().me.clone()) } else { self.owner(errand) }
    }

    /// The owner, as far as it is known.
    fn owner(&self, errand: &Errand) -> Option<NodeId> {
        let view = self.shards.get(errand.shard).map(|(_, view)| view);
        if view.is_some_and(|view| view.standing().part == Part::Owner) {
            return Some(self.net.view().borrow().me.clone());
        }
        self.table.row(errand.shard).owner.map(|(owner, _)| owner)
    }

    fn replica(&self, shard: u32, spin: usize) -> Option<NodeId> {
        let row = self.table.row(shard);
        let mut all = row.replicas;
        all.extend(row.owner.map(|(owner, _)| owner));
        let count = all.len().max(1);
        all.into_iter().nth(spin % count)
    }

    async fn call(&self, node: &NodeId, request: &Request, errand: &Errand) -> Result<Bytes, CallError> {
        let me = self.net.view().borrow().me.clone();
        if *node != me {
            return self.net.call(node, errand.kind, errand.body.clone(), request).await;
        }
        let call = Incoming { kind: errand.kind, body: errand.body.clone(), request: request.clone() };
        self.calls.serve(&me, call).await.map_err(|refused| match refused {
            Refused::Unsupported => CallError::Unsupported,
            Refused::Busy => CallError::Overloaded,
            Refused::Code(code, text) => CallError::Refused(code, text),
        })
    }

    /// Whether to go on, and how.
    fn tried(&self, errand: &Errand, node: &NodeId, error: CallError) -> Result<Tried, RouteError> {
        match error {
            CallError::NoLink | CallError::Overloaded => Ok(Tried::NotSent),
            CallError::Unknown(_) => Ok(Tried::Unknown),
            CallError::Ended(ended) => Err(RouteError::Ended(ended)),
            error @ (CallError::TooLarge { .. } | CallError::Unsupported) => {
                Err(RouteError::Refused(refusal::INTERNAL, error.to_string()))
            }
            CallError::Refused(code, text) => match code {
                refusal::NOT_OWNER => {
                    let hint = hint(&text);
                    let known = hint.is_some();
                    if let Some((node, epoch)) = hint {
                        self.table.learn(errand.shard, node, epoch);
                    }
                    Ok(Tried::NotOwner { hint: known })
                }
                // Its owner may know more, and answers without the store.
                refusal::UNCONFIRMED if errand.is_read => {
                    let owner = self.owner(errand);
                    Ok(Tried::NotOwner { hint: owner.is_some_and(|owner| owner != *node) })
                }
                refusal::ARRIVING | refusal::UNCONFIRMED | refusal::UNAVAILABLE => Ok(Tried::NotSent),
                refusal::UNKNOWN_DOCUMENT => Err(RouteError::Unknown),
                refusal::OVERLOADED => Err(RouteError::Overloaded),
                refusal::NOT_RECORDED => Err(RouteError::NotRecorded(text)),
                refusal::ENDED => Err(RouteError::Ended(Ended::TimedOut)),
                code => Err(RouteError::Refused(code, text)),
            },
        }
    }
}

fn unpacked(bytes: &[u8]) -> Result<DocumentRecord, RouteError> {
    wire::unpack(bytes).map_err(|error| RouteError::Refused(refusal::MALFORMED, error.to_string()))
}

fn hint(text: &str) -> Option<(NodeId, u64)> {
    let mut parts = text.split('/');
    let (name, generation, epoch) = (parts.next()?, parts.next()?, parts.next()?);
    let generation = u128::from_str_radix(generation, 16).ok()?;
    Some((NodeId { name: name.to_owned(), generation }, epoch.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_that_is_none_is_passed_over() {
        let node = NodeId { name: "b".to_owned(), generation: 255 };
        assert_eq!(hint("b/000000000000000000000000000000ff/7"), Some((node, 7)));
        assert_eq!(hint(""), None);
        assert_eq!(hint("b/xyz/7"), None);
    }

    #[test]
    fn a_later_owner_replaces_an_earlier_one_and_never_the_reverse() {
        let node = |name: &str| NodeId { name: name.to_owned(), generation: 1 };
        let table = Table::of(1);
        table.learn(0, node("a"), 5);
        table.learn(0, node("b"), 4);
        assert_eq!(table.row(0).owner, Some((node("a"), 5)));
    }
}
