//! A shard that this node owns: it appends, and its documents live under it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::ActorCell;
use enabler_cluster::actor::{self, Context, Fault};
use enabler_cluster::address::{Address, Reply};
use enabler_cluster::decide::claim::WHOEVER_HOLDS;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::restart::{History, Verdict};
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{Group, OwnError, Owner};
use enabler_cluster::tree::{Change, Status};
use enabler_storage::record::{DocumentId, DocumentRecord, Op, Reason};
use tokio::time::Instant;

use super::compaction::Looked;
use super::following::Following;
use super::{Message, Mode, Shard, Standing, State, Taken, blocking};
use crate::documents::document::{Command, CommandError, Document};
use crate::wire;

/// Commands that may wait for one document.
const DOCUMENT_PLACES: usize = 64;
/// Document actors of one shard in memory; the next upload hears "try again later".
const DOCUMENTS_MAX: usize = 10_000;
/// How long an owner goes on without having looked at its manifest.
const MANIFEST_AGE_MAX: Duration = Duration::from_secs(4);
/// How long bytes count as arriving: longer than an append may take.
const ARRIVING_MAX: Duration = Duration::from_secs(60);

/// Bytes whose upload is being written down.
struct Arrival {
    since: Instant,
    /// Whether it is in the log. Of one that failed that is not known, so it counts until its time is up.
    is_taken: Arc<AtomicBool>,
}

impl Arrival {
    fn is_over(&self) -> bool {
        self.is_taken.load(Ordering::SeqCst) || self.since.elapsed() >= ARRIVING_MAX
    }
}

/// A shard that is ours.
pub(super) struct Serving {
    pub(super) owner: Owner,
    pub(super) following: Box<Following>,
    documents: BTreeMap<DocumentId, (Address<Command>, ActorCell)>,
    histories: BTreeMap<DocumentId, History>,
    /// Appends for the next entry.
    group: Group<Reply<Result<u64, String>>>,
    /// Uploads on their way into the log, by tenant and content.
    arriving: BTreeMap<(String, [u8; 32]), Arrival>,
    /// When the length of the log was looked at.
    pub(super) looked: Looked,
    /// Where the shard is being brought.
    pub(super) leaving: Option<NodeId>,
    /// Before this moment it is not tried again to bring it anywhere.
    pub(super) stays_until: Option<Instant>,
    began: Instant,
}

impl Serving {
    /// Ends the ownership: its documents stop, whoever waits for an append hears that there is none.
    pub(super) fn end(mut self, context: &Context<Message>) -> Box<Following> {
        for (_, (_, cell)) in std::mem::take(&mut self.documents) {
            cell.stop(None);
        }
        let (_, replies) = self.group.take();
        for reply in replies {
            reply.send(Err("the shard has another owner now".to_owned()));
        }
        context.seat().note("replica");
        self.following
    }
}

impl Shard {
    /// Begins to serve: unfinished documents come back.
    pub(super) async fn serve(
        &self,
        context: &Context<Message>,
        owner: Owner,
        following: Box<Following>,
    ) -> Result<Serving, Fault> {
        let index = following.index.clone();
        let unfinished = blocking("looking for unfinished documents", move || index.unfinished()).await?;
        context.seat().note(format!("owner, epoch {}, entry {}", owner.epoch(), owner.position().seq));
        self.stand(Part::Owner, owner.epoch());
        context.seat().set_status(Status::Running);
        context.seat().happened("owns", Some(format!("epoch {}", owner.epoch())));
        self.tells(context, "serving", Some(&self.means.node), owner.epoch());
        self.resume_later(context, unfinished);
        self.notice();
        let looked = Looked::now(owner.position().seq);
        Ok(Serving {
            owner,
            looked,
            following,
            documents: BTreeMap::new(),
            histories: BTreeMap::new(),
            group: Group::default(),
            arriving: BTreeMap::new(),
            leaving: None,
            stays_until: None,
            began: Instant::now(),
        })
    }

    pub(super) async fn handle_serving(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        let Mode::Serving(serving) = &mut state.part else {
            self.not_serving(message);
            return Ok(());
        };
        match message {
            Message::Accept { record, reply } => self.accept(context, serving, record, reply).await?,
            // Written for an ownership that has ended: what this one has accepted meanwhile may contradict it.
            Message::Append { epoch, reply, .. } if epoch != serving.owner.epoch() => {
                reply.send(Err(format!("shard {} has another owner now", self.number)));
            }
            Message::Append { ops, reply, .. } => {
                if !serving.group.has_room_for(&ops) {
                    self.commit(context, state).await?;
                }
                let Mode::Serving(serving) = &mut state.part else {
                    reply.send(Err(format!("shard {} has another owner now", self.number)));
                    return Ok(());
                };
                let is_first = serving.group.is_empty();
                serving.group.add(ops, reply);
                // Behind the appends that wait in the mailbox, so that they join; without a place there it is now.
                if is_first && context.address().offer(Message::Commit).is_err() {
                    self.commit(context, state).await?;
                }
            }
            Message::Commit => self.commit(context, state).await?,
            Message::Deliver(id, command) => {
                if let Some(address) = self.document(context, serving, id).await? {
                    // A full mailbox drops the command, and with it the reply: its caller hears of it.
                    let _ = address.offer(command);
                }
            }
            Message::Renew(id) => {
                // It has a history of its own kind: told to, and not because it failed.
                if let Some((_, cell)) = serving.documents.remove(&id) {
                    let address = context.address().clone();
                    tokio::spawn(async move {
                        let ended = cell.stop_and_wait(None, Some(Duration::from_secs(3))).await;
                        if ended.is_err() {
                            cell.kill();
                        }
                        let _ = address.send(Message::Revive(id)).await;
                    });
                }
            }
            Message::Idle(id) => {
                let rests = serving.documents.get(&id).is_some_and(|(address, _)| address.depth() == 0);
                if rests && let Some((_, cell)) = serving.documents.remove(&id) {
                    cell.stop(None);
                }
            }
            Message::Revive(id) => {
                if let Some(address) = self.document(context, serving, id).await? {
                    let _ = address.offer(Command::Resume);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A command that came after the ownership had ended; a dropped reply tells its caller to look again.
    fn not_serving(&self, message: Message) {
        match message {
            Message::Append { reply, .. } => {
                reply.send(Err(format!("shard {} is not owned by this node", self.number)));
            }
            Message::Accept { reply, .. } => reply.send(Err(CommandError::NotOwner)),
            _ => {}
        }
    }

    /// Takes an upload once: the same bytes of the same tenant always come to this shard, one after the other.
    async fn accept(
        &self,
        context: &Context<Message>,
        serving: &mut Serving,
        record: Box<DocumentRecord>,
        reply: Reply<Result<Taken, CommandError>>,
    ) -> Result<(), Fault> {
        let (index, now_ms) = (serving.following.index.clone(), self.means.clock.now_ms());
        let (tenant, sha256, id) = (record.tenant.clone(), record.sha256, record.document_id);
        let content = (tenant.clone(), sha256);
        let known = move || index.usable_content(&tenant, &sha256, now_ms);
        let known = blocking("looking for the same bytes", known);
        if let Some(document_id) = known.await? {
            serving.arriving.remove(&content);
            // Nothing is appended that would tell a replaced owner that it is one, and the document may be gone since.
            let overtaken = if self.is_alone { Ok(false) } else { serving.owner.is_overtaken().await };
            reply.send(match overtaken {
                Ok(false) => Ok(Taken { document_id, is_duplicate: document_id != id }),
                Ok(true) => {
                    self.view.notice(context.address());
                    Err(CommandError::NotOwner)
                }
                Err(error) => {
                    let fault = Fault::from_error("looking for a later owner", &error);
                    Err(CommandError::NotRecorded(fault.reason))
                }
            });
            return Ok(());
        }
        serving.arriving.retain(|_, arrival| !arrival.is_over());
        if serving.arriving.contains_key(&content) {
            reply.send(Err(CommandError::Arriving));
            return Ok(());
        }
        let Some(address) = self.document(context, serving, id).await? else { return Ok(()) };
        let (answer, accepted) = Reply::pair();
        if address.offer(Command::Accept { record, reply: answer }).is_err() {
            return Ok(());
        }
        let arrival = Arrival { since: Instant::now(), is_taken: Arc::default() };
        let is_taken = arrival.is_taken.clone();
        serving.arriving.insert(content, arrival);
        tokio::spawn(async move {
            match accepted.await {
                Ok(outcome) => {
                    is_taken.store(outcome.is_ok(), Ordering::SeqCst);
                    reply.send(outcome.map(|()| Taken { document_id: id, is_duplicate: false }));
                }
                Err(_) => drop(reply),
            }
        });
        Ok(())
    }

    /// Writes what waits as one entry and answers everybody who waits for it.
    pub(super) async fn commit(&self, context: &Context<Message>, state: &mut State) -> Result<(), Fault> {
        let Mode::Serving(serving) = &mut state.part else { return Ok(()) };
        let (ops, replies) = serving.group.take();
        if replies.is_empty() {
            return Ok(());
        }
        let Serving { owner, following, .. } = &mut **serving;
        let appended = {
            let _waits = context.seat().waits("store");
            owner.append(ops, &mut **following).await
        };
        match appended {
            Ok(seq) => {
                context.seat().note(format!("owner, epoch {}, entry {seq}", owner.epoch()));
                replies.into_iter().for_each(|reply| reply.send(Ok(seq)));
                self.notice();
                Ok(())
            }
            Err(error) => {
                let fault = Fault::from_error("appending to the shard log", &error);
                replies.into_iter().for_each(|reply| reply.send(Err(fault.reason.clone())));
                self.lost(context, state, &error, fault)
            }
        }
    }

    /// Ownership is over with any error; the index stays readable unless it is the index that failed.
    fn lost(
        &self,
        context: &Context<Message>,
        state: &mut State,
        error: &OwnError,
        fault: Fault,
    ) -> Result<(), Fault> {
        if !error.is_passing() {
            return Err(fault);
        }
        context.seat().failed("append", fault.reason, None);
        self.step_down(context, state, None);
        Ok(())
    }

    /// Goes on as a replica.
    pub(super) fn step_down(&self, context: &Context<Message>, state: &mut State, to: Option<(NodeId, u64)>) {
        if let Mode::Serving(serving) = std::mem::replace(&mut state.part, Mode::Resting) {
            let epoch = to.as_ref().map_or(serving.owner.epoch(), |(_, epoch)| *epoch);
            let handed_to = to.map(|(to, _)| to);
            context.seat().set_status(Status::Running);
            let whom = handed_to.as_ref().map(|to| format!("handed over to {to}, epoch {epoch}"));
            context.seat().happened("stepped_down", whom);
            self.tells(context, "following", handed_to.as_ref(), epoch);
            self.view.stand(Standing { part: Part::Replica, epoch, handed_to, is_coming: false });
            state.part = Mode::Following(serving.end(context));
            self.view.notice(context.address());
            if self.is_alone {
                let _ = context.address().offer(Message::Claim(WHOEVER_HOLDS));
            }
        }
    }

    /// Steps down if the log says that a later owner has written: one that was frozen or cut off learns of it here.
    pub(super) async fn look_for_a_later_owner(&self, context: &Context<Message>, state: &mut State) {
        let Mode::Serving(serving) = &mut state.part else { return };
        if matches!(serving.owner.is_overtaken().await, Ok(true)) {
            tracing::info!(shard = self.number, "a later owner has written");
            self.step_down(context, state, None);
        }
    }

    /// Steps down if the manifest names a later owner: one that was chosen and has not written yet is not in the log.
    pub(super) async fn look_at_the_manifest(&self, context: &Context<Message>, state: &mut State) {
        let Mode::Serving(serving) = &mut state.part else { return };
        if let Err(OwnError::Superseded { epoch, .. }) = serving.owner.look(MANIFEST_AGE_MAX).await {
            tracing::info!(shard = self.number, epoch, "the manifest names a later owner");
            self.step_down(context, state, None);
        }
    }

    /// Steps down because another node serves under a later epoch.
    pub(super) fn superseded(&self, context: &Context<Message>, state: &mut State, epoch: u64) {
        let Mode::Serving(serving) = &state.part else { return };
        if serving.owner.epoch() < epoch {
            tracing::info!(shard = self.number, epoch, "another node owns the shard");
            self.step_down(context, state, None);
        }
    }

    /// Tells operators who owns the shard now.
    fn tells(&self, context: &Context<Message>, status: &str, owner: Option<&NodeId>, epoch: u64) {
        let data = serde_json::json!({
            "shard": self.number,
            "node": self.means.node.name,
            "owner": owner.map(|owner| &owner.name),
            "epoch": epoch,
            "status": status,
            "at_ms": self.means.clock.now_ms(),
        });
        context.tree().changed(Change::Told { name: "shard".to_owned(), data: data.to_string() });
    }

    /// Tells those who follow the shard that its log has grown; a telling that is lost is made up for by their ticks.
    pub(super) fn notice(&self) {
        let (followers, net, shard) = (self.view.followers(), self.net.clone(), self.number);
        if followers.is_empty() {
            return;
        }
        tokio::spawn(async move {
            let body: Bytes = wire::encode(&wire::Noticed { shard });
            for follower in followers.iter() {
                let _ = net.cast(follower, wire::NOTICED, body.clone()).await;
            }
        });
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

    async fn document(
        &self,
        context: &Context<Message>,
        serving: &mut Serving,
        id: DocumentId,
    ) -> Result<Option<Address<Command>>, Fault> {
        if let Some((address, _)) = serving.documents.get(&id) {
            return Ok(Some(address.clone()));
        }
        if serving.documents.len() >= DOCUMENTS_MAX {
            return Ok(None);
        }
        let path = format!("{}/document-{id}", context.address().path());
        let address = Address::new(path, DOCUMENT_PLACES);
        let document = Document {
            id,
            bench: self.bench.clone(),
            shard: context.address().clone(),
            epoch: serving.owner.epoch(),
            view: self.view.clone(),
        };
        let cell = actor::spawn(document, address.clone(), context.tree(), context.cell()).await?;
        serving.documents.insert(id, (address.clone(), cell));
        Ok(Some(address))
    }

    pub(super) async fn document_ended(
        &self,
        context: &Context<Message>,
        state: &mut State,
        child: &ActorCell,
        fault: Option<String>,
    ) -> Result<(), Fault> {
        let Mode::Serving(serving) = &mut state.part else { return Ok(()) };
        let found = serving.documents.iter().find(|(_, (_, cell))| cell.get_id() == child.get_id());
        let Some(id) = found.map(|(id, _)| *id) else { return Ok(()) };
        serving.documents.remove(&id);
        if fault.is_none() {
            return Ok(());
        }
        let now_ms = serving.began.elapsed().as_millis() as u64;
        if let Some(seat) = context.tree().find(&format!("{}/document-{id}", context.address().path())) {
            let (allowed, period_ms) = (self.policy.restarts_max, self.policy.period_ms);
            seat.counts(allowed, period_ms, self.means.clock.uptime_ms());
            seat.set_status(Status::Restarting);
        }
        match serving.histories.entry(id).or_default().fail(&self.policy, now_ms) {
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

    async fn give_up(
        &self,
        context: &Context<Message>,
        state: &mut State,
        id: DocumentId,
        why: String,
    ) -> Result<(), Fault> {
        let Mode::Serving(serving) = &mut state.part else { return Ok(()) };
        serving.histories.remove(&id);
        let index = serving.following.index.clone();
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
        // Behind what the document still had to say.
        serving.group.add(vec![failed], Reply::pair().0);
        self.commit(context, state).await
    }
}
