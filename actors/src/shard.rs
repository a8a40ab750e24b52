//! A shard actor: owns one shard of the log, keeps its index, and brings its document actors to life.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use enabler_cluster::actor::{self, Behaviour, Context, Fault};
use enabler_cluster::address::{Address, Reply};
use enabler_cluster::decide::restart::{History, Policy, Verdict};
use enabler_cluster::owner::{FollowError, Follower, Group, Means, Owner};
use enabler_cluster::{ActorCell, request::Request};
use enabler_storage::log::{Position, SealedEntry};
use enabler_storage::objects::ObjectStore;
use enabler_storage::record::{DocumentId, DocumentRecord, Op, Reason};
use enabler_storage::shard::{self as index, Settings, ShardIndex};
use tokio::time::Instant;

use crate::documents::document::{Command, Document};
use crate::documents::ingest::Bench;

/// Commands that may wait for one document.
const DOCUMENT_PLACES: usize = 64;
/// Document actors of one shard in memory; the next upload hears "try again later".
const DOCUMENTS_MAX: usize = 10_000;
/// How often the index is made durable and the retention is looked after.
const TICK: Duration = Duration::from_secs(5);
/// Expired documents that are erased in one tick.
const EXPIRED_AT_ONCE: usize = 16;

/// Checks an index directory in a child process: LMDB may crash on a damaged file.
pub type Verify =
    Arc<dyn Fn(PathBuf) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What a shard actor is told.
pub enum Message {
    /// Append these operations together; those that come while an entry is written share the next one.
    Append {
        /// The change.
        ops: Vec<Op>,
        /// Its sequence number, once it is durable and applied.
        reply: Reply<Result<u64, String>>,
    },
    /// Write what waits to be appended.
    Commit,
    /// Hand a command to a document actor, bringing it to life if need be.
    Deliver(DocumentId, Command),
    /// A document actor has nothing to do.
    Idle(DocumentId),
    /// A reader found the index damaged.
    Damaged(String),
    /// Bring back a document actor that failed.
    Revive(DocumentId),
    /// Time for upkeep.
    Tick,
}

/// The index of a shard as readers see it, over restarts of its actor.
#[derive(Clone, Default)]
pub struct View(Arc<RwLock<Option<Arc<ShardIndex>>>>);

impl View {
    /// The index, once the shard serves.
    pub fn index(&self) -> Option<Arc<ShardIndex>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, index: Option<Arc<ShardIndex>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = index;
    }
}

/// One shard.
#[derive(Clone)]
pub struct Shard {
    /// Its number.
    pub number: u32,
    /// Where its index is.
    pub dir: PathBuf,
    /// How its index is kept.
    pub settings: Settings,
    /// Store, clock, chance.
    pub means: Means,
    /// Checks the index before it is opened.
    pub verify: Verify,
    /// What its documents' ingests work with.
    pub bench: Bench,
    /// Where readers find the index.
    pub view: View,
    /// Restarts of its document actors.
    pub policy: Policy,
}

/// What a shard actor remembers.
pub enum State {
    /// The shard is ours.
    Serving(Box<Serving>),
    /// It could not be claimed: it answers nothing, the other shards go on, and each tick tries again.
    Refusing,
}

/// A shard that is ours.
pub struct Serving {
    owner: Owner,
    follower: IndexFollower,
    documents: BTreeMap<DocumentId, (Address<Command>, ActorCell)>,
    histories: BTreeMap<DocumentId, History>,
    /// Appends for the next entry.
    group: Group<Reply<Result<u64, String>>>,
    began: Instant,
}

struct IndexFollower {
    position: Position,
    index: Arc<ShardIndex>,
    store: Arc<dyn ObjectStore>,
}

impl Follower for IndexFollower {
    fn position(&self) -> Position {
        self.position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        let blobs = index::fetch_needed(&*self.store, &entry.entry).await;
        let wrong = |error: &dyn std::error::Error| {
            FollowError(Fault::from_error("applying an entry to the index", error).reason)
        };
        let blobs = blobs.map_err(|error| wrong(&error))?;
        let next = self.position.follow(entry).map_err(|error| wrong(&error))?;
        let (index, entry) = (self.index.clone(), entry.clone());
        let applied = tokio::task::spawn_blocking(move || index.apply(&entry, &blobs)).await;
        applied.map_err(|error| wrong(&error))?.map_err(|error| wrong(&error))?;
        self.position = next;
        Ok(())
    }
}

impl Behaviour for Shard {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "shard";

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Append { .. } => "append",
            Message::Commit => "commit",
            Message::Deliver(..) => "deliver",
            Message::Idle(_) => "idle",
            Message::Damaged(_) => "damaged",
            Message::Revive(_) => "revive",
            Message::Tick => "tick",
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        self.view.set(None);
        if let Err(why) = (self.verify)(self.dir.clone()).await {
            context.seat().failed("verify", format!("the index is damaged and is rebuilt: {why}"), None);
            self.wipe().await?;
        }
        self.tick_later(context);
        match self.serve(context).await {
            Ok(serving) => return Ok(State::Serving(Box::new(serving))),
            // The log is the truth: an index that cannot take it is made anew, once.
            Err(fault) => {
                context.seat().failed("replay", format!("{fault}; the index is rebuilt"), None);
                self.wipe().await?;
            }
        }
        match self.serve(context).await {
            Ok(serving) => Ok(State::Serving(Box::new(serving))),
            Err(fault) => {
                context.seat().failed("claim", fault.reason.clone(), None);
                context.seat().note(format!("refuses: {fault}"));
                Ok(State::Refusing)
            }
        }
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match (state, message) {
            (State::Serving(serving), message) => self.handle_serving(context, serving, message).await,
            (State::Refusing, Message::Append { reply, .. }) => {
                reply.send(Err(format!("shard {} cannot be claimed", self.number)));
                Ok(())
            }
            (state @ State::Refusing, Message::Tick) => {
                self.tick_later(context);
                if let Ok(serving) = self.serve(context).await {
                    *state = State::Serving(Box::new(serving));
                }
                Ok(())
            }
            (State::Refusing, _) => Ok(()),
        }
    }

    async fn child_ended(
        &self,
        context: &Context<Message>,
        state: &mut State,
        child: ActorCell,
        fault: Option<String>,
    ) -> Result<(), Fault> {
        let State::Serving(state) = state else { return Ok(()) };
        let found = state.documents.iter().find(|(_, (_, cell))| cell.get_id() == child.get_id());
        let Some(id) = found.map(|(id, _)| *id) else { return Ok(()) };
        state.documents.remove(&id);
        if fault.is_none() {
            return Ok(());
        }
        let now_ms = state.began.elapsed().as_millis() as u64;
        match state.histories.entry(id).or_default().fail(&self.policy, now_ms) {
            Verdict::RestartAfter(wait_ms) => {
                let address = context.address().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    let _ = address.send(Message::Revive(id)).await;
                });
                Ok(())
            }
            // One document that always fails must not take its shard down: it ends as failed.
            Verdict::Escalate => self.give_up(context, state, id, fault.unwrap_or_default()).await,
        }
    }

    fn stopped(&self, _: &Context<Message>, state: &mut State) {
        self.view.set(None);
        let State::Serving(state) = state else { return };
        if let Err(error) = state.follower.index.flush() {
            tracing::warn!(%error, shard = self.number, "flushing the index at the end");
        }
    }
}

impl Shard {
    async fn handle_serving(
        &self,
        context: &Context<Message>,
        state: &mut Serving,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Append { ops, reply } => {
                if !state.group.has_room_for(&ops) {
                    self.commit(context, state).await?;
                }
                let is_first = state.group.is_empty();
                state.group.add(ops, reply);
                // Behind the appends that wait in the mailbox, so that they join; without a place there it is now.
                if is_first && context.address().offer(Message::Commit).is_err() {
                    self.commit(context, state).await?;
                }
            }
            Message::Commit => self.commit(context, state).await?,
            Message::Deliver(id, command) => {
                if let Some(address) = self.document(context, state, id).await? {
                    // A full mailbox drops the command, and with it the reply: its caller hears of it.
                    let _ = address.offer(command);
                }
            }
            Message::Idle(id) => {
                let rests = state.documents.get(&id).is_some_and(|(address, _)| address.depth() == 0);
                if rests && let Some((_, cell)) = state.documents.remove(&id) {
                    cell.stop(None);
                }
            }
            Message::Revive(id) => {
                if let Some(address) = self.document(context, state, id).await? {
                    let _ = address.offer(Command::Resume);
                }
            }
            Message::Damaged(why) => return Err(Fault::new(format!("the index is damaged: {why}"))),
            Message::Tick => {
                self.upkeep(context, state).await?;
                self.tick_later(context);
            }
        }
        Ok(())
    }

    /// Writes what waits as one entry and answers everybody who waits for it.
    async fn commit(&self, context: &Context<Message>, state: &mut Serving) -> Result<(), Fault> {
        let (ops, replies) = state.group.take();
        if replies.is_empty() {
            return Ok(());
        }
        match state.owner.append(ops, &mut state.follower).await {
            Ok(seq) => {
                context.seat().note(format!("owner, epoch {}, entry {seq}", state.owner.epoch()));
                replies.into_iter().for_each(|reply| reply.send(Ok(seq)));
                Ok(())
            }
            Err(error) => {
                // Ownership is over with any error: come back, claim, and see what the log says.
                let fault = Fault::from_error("appending to the shard log", &error);
                replies.into_iter().for_each(|reply| reply.send(Err(fault.reason.clone())));
                Err(fault)
            }
        }
    }

    /// Opens the index, claims the shard, and brings unfinished documents back.
    async fn serve(&self, context: &Context<Message>) -> Result<Serving, Fault> {
        let (owner, follower) = self.claim(context).await?;
        context.seat().note(format!("owner, epoch {}", owner.epoch()));
        self.view.set(Some(follower.index.clone()));
        let index = follower.index.clone();
        let unfinished = blocking("looking for unfinished documents", move || index.unfinished()).await?;
        self.resume_later(context, unfinished);
        let (documents, histories) = (BTreeMap::new(), BTreeMap::new());
        let group = Group::default();
        Ok(Serving { owner, follower, documents, histories, group, began: Instant::now() })
    }

    async fn wipe(&self) -> Result<(), Fault> {
        let dir = self.dir.clone();
        blocking("wiping the index", move || index::wipe(&dir)).await
    }

    async fn claim(&self, context: &Context<Message>) -> Result<(Owner, IndexFollower), Fault> {
        context.seat().note("replaying the log");
        let (dir, settings) = (self.dir.clone(), self.settings.clone());
        let open = move || {
            let index = ShardIndex::open(&dir, settings)?;
            Ok((index.position()?, index))
        };
        let (position, index) = blocking("opening the index", open).await?;
        let mut follower =
            IndexFollower { position, index: Arc::new(index), store: self.means.store.clone() };
        let owner = Owner::claim(self.means.clone(), self.number, &mut follower).await;
        let owner = owner.map_err(|error| Fault::from_error("claiming the shard", &error))?;
        Ok((owner, follower))
    }

    fn resume_later(&self, context: &Context<Message>, unfinished: Vec<DocumentRecord>) {
        if unfinished.is_empty() {
            return;
        }
        tracing::info!(shard = self.number, documents = unfinished.len(), "resuming unfinished documents");
        let address = context.address().clone();
        tokio::spawn(async move {
            for record in unfinished {
                let id = record.document_id;
                // The address is attached when the start is over.
                while address.send(Message::Deliver(id, Command::Resume)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
    }

    fn tick_later(&self, context: &Context<Message>) {
        let address = context.address().clone();
        tokio::spawn(async move {
            tokio::time::sleep(TICK).await;
            let _ = address.offer(Message::Tick);
        });
    }

    async fn document(
        &self,
        context: &Context<Message>,
        state: &mut Serving,
        id: DocumentId,
    ) -> Result<Option<Address<Command>>, Fault> {
        if let Some((address, _)) = state.documents.get(&id) {
            return Ok(Some(address.clone()));
        }
        if state.documents.len() >= DOCUMENTS_MAX {
            return Ok(None);
        }
        let path = format!("{}/document-{id}", context.address().path());
        let address = Address::new(path, DOCUMENT_PLACES);
        let document = Document {
            id,
            bench: self.bench.clone(),
            shard: context.address().clone(),
            index: state.follower.index.clone(),
        };
        let cell = actor::spawn(document, address.clone(), context.tree(), context.cell()).await?;
        state.documents.insert(id, (address.clone(), cell));
        Ok(Some(address))
    }

    async fn give_up(
        &self,
        context: &Context<Message>,
        state: &mut Serving,
        id: DocumentId,
        why: String,
    ) -> Result<(), Fault> {
        state.histories.remove(&id);
        // What the document still had to say comes first.
        self.commit(context, state).await?;
        let index = state.follower.index.clone();
        let record = blocking("reading a document", move || index.document(id)).await?;
        let Some(record) = record.filter(DocumentRecord::is_unfinished) else { return Ok(()) };
        let reason = Reason {
            code: "internal".to_owned(),
            message: format!("its actor failed again and again: {why}"),
        };
        let failed = Op::Failed {
            document_id: id,
            revision: record.revision,
            reason,
            processed_ms: self.means.clock.now_ms(),
        };
        let appended = state.owner.append(vec![failed], &mut state.follower).await;
        appended.map(drop).map_err(|error| Fault::from_error("recording that a document failed", &error))
    }

    async fn upkeep(&self, context: &Context<Message>, state: &mut Serving) -> Result<(), Fault> {
        let (index, now_ms) = (state.follower.index.clone(), self.means.clock.now_ms());
        let expired = blocking("looking after the index", move || {
            index.flush()?;
            index.expired(now_ms, EXPIRED_AT_ONCE)
        });
        for record in expired.await? {
            let id = record.document_id;
            let Some(address) = self.document(context, state, id).await? else { break };
            let (reply, gone) = Reply::pair();
            if address.offer(Command::Delete { reason: "expired".to_owned(), reply }).is_ok() {
                tokio::spawn(async move {
                    if let Ok(Err(error)) = gone.await {
                        tracing::warn!(%error, document = %id, "an expired document was not erased yet");
                    }
                });
            }
        }
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> Result<T, index::ShardError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Fault::from_error(doing, &error)),
        Err(_) => Err(Fault::new(format!("{doing}: panicked"))),
    }
}

/// All shards of this node: where a document's commands and reads go.
#[derive(Clone)]
pub struct Shards {
    /// The seed of the hash that gives a document its shard.
    pub hash_seed: u64,
    /// Address and view of each shard, by number.
    pub shards: Arc<Vec<(Address<Message>, View)>>,
}

impl Shards {
    fn of(&self, id: DocumentId) -> Option<&(Address<Message>, View)> {
        self.shards.get(id.shard(self.hash_seed, self.shards.len() as u32) as usize)
    }

    /// The index that holds `id`, if its shard serves.
    pub fn index(&self, id: DocumentId) -> Option<Arc<ShardIndex>> {
        self.of(id)?.1.index()
    }

    /// Every index that serves.
    pub fn indexes(&self) -> Vec<Arc<ShardIndex>> {
        self.shards.iter().filter_map(|(_, view)| view.index()).collect()
    }

    /// Shards that do not serve at present.
    pub fn missing(&self) -> usize {
        self.shards.iter().filter(|(_, view)| view.index().is_none()).count()
    }

    /// Hands a command to the document's actor and waits for its answer.
    ///
    /// # Errors
    /// As [`Address::ask`].
    pub async fn command<R>(
        &self,
        request: &Request,
        id: DocumentId,
        make: impl FnOnce(Reply<R>) -> Command,
    ) -> Result<R, enabler_cluster::address::AskError> {
        let nobody = || enabler_cluster::address::Refusal::Down { path: "shards".to_owned() };
        let (address, _) = self.of(id).ok_or_else(nobody)?;
        address.ask(request, |reply| Message::Deliver(id, make(reply))).await
    }

    /// Tells the shard of `id` that a reader found its index damaged.
    pub fn damaged(&self, id: DocumentId, why: String) {
        if let Some((address, _)) = self.of(id) {
            let _ = address.offer(Message::Damaged(why));
        }
    }
}
