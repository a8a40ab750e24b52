//! A simulated shard that is owned: uploads, deletions, and the work on documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::Owner;
use enabler_storage::plant;
use enabler_storage::record::{
    BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, Vector, delete_blobs, encode_chunks,
    put_blob,
};

use super::{Actor, Following, Message, Mode, Serving, State, locked};
use crate::chance::Stream;
use crate::core::judge::short;
use crate::core::net::{Call, NoAnswer};
use crate::core::node::Node;
use crate::core::{DIMENSIONS, MODEL, word_of};
use crate::engine::{Fill, Slot};
use crate::trace::What;

const ARRIVING_MAX_MS: u64 = 60_000;
const TRIES_MAX: u32 = 5;
const WORK: u16 = 30;

impl Actor {
    pub(super) fn serve(&self, state: &mut State, owner: Owner, following: Following, asked_ms: u64) {
        let (epoch, id) = (owner.epoch(), &self.node.id);
        self.node.world.judge.serves(&id.name, id.generation, self.number, epoch, asked_ms);
        self.stand(Part::Owner, epoch, None);
        let unfinished: Vec<DocumentRecord> = locked(&following.held)
            .rows
            .documents
            .values()
            .filter(|record| record.is_unfinished())
            .cloned()
            .collect();
        let looked_seq = owner.position().seq;
        let mut serving = Serving {
            owner,
            following,
            group: enabler_cluster::owner::Group::default(),
            works: std::collections::BTreeMap::new(),
            deleted: std::collections::BTreeSet::new(),
            arriving: std::collections::BTreeMap::new(),
            leaving: None,
            stays_until_ms: 0,
            looks: false,
            looked_seq,
        };
        for record in unfinished.into_iter().filter(|_| !plant::here("unfinished-work-is-forgotten")) {
            self.node.world.sometimes("unfinished work was taken up again");
            self.begin(&mut serving, record);
        }
        state.mode = Mode::Serving(Box::new(serving));
        self.notice();
    }

    /// Ends the ownership; whoever waits for an append hears that there is none.
    pub(super) fn end(&self, mut serving: Serving) -> Following {
        for works in serving.works.values() {
            works.store(false, Ordering::Relaxed);
        }
        let (_, replies) = serving.group.take();
        replies.into_iter().for_each(|reply| reply.with(Err(NoAnswer::NotOwner(None))));
        serving.following
    }

    pub(super) fn end_serving(&self, state: &mut State) {
        if let Mode::Serving(serving) = std::mem::replace(&mut state.mode, Mode::Resting) {
            drop(self.end(*serving));
        }
        self.stand(Part::None, self.cell().view().epoch, None);
        self.cell().set_held(None);
    }

    pub(super) fn step_down(&self, state: &mut State, to: Option<(NodeId, u64)>) {
        if let Mode::Serving(serving) = std::mem::replace(&mut state.mode, Mode::Resting) {
            let epoch = to.as_ref().map_or(serving.owner.epoch(), |(_, epoch)| *epoch);
            self.stand(Part::Replica, epoch, to.map(|(to, _)| to));
            state.mode = Mode::Following(self.end(*serving));
            let _ = self.cell().mailbox.offer(Message::Noticed);
        }
    }

    pub(super) fn notice(&self) {
        for follower in self.cell().followers() {
            let there = (Node::number_of(&follower), &follower);
            self.node.world.net.cast(self.node.number, there, Call::Noticed { shard: self.number });
        }
    }

    pub(super) async fn handle_serving(&self, state: &mut State, message: Message) {
        let Mode::Serving(serving) = &mut state.mode else {
            let not_owner = || super::not_owner(self.cell());
            match message {
                Message::Accept { answer, .. } => answer.with(Err(not_owner())),
                Message::Write { answer, .. } => answer.with(Err(not_owner())),
                Message::Delete { answer, .. } => answer.with(Err(not_owner())),
                _ => {}
            }
            return;
        };
        match message {
            Message::Accept { record, answer } => self.accept(serving, record, answer).await,
            Message::Write { epoch, answer, .. }
                if epoch != serving.owner.epoch() && !plant::here("append-outlives-its-ownership") =>
            {
                self.node.world.sometimes("an append of an ownership that had ended was refused");
                answer.with(Err(NoAnswer::NotOwner(None)));
            }
            Message::Write { id, ops, answer, .. } => {
                if serving.deleted.contains(&id) {
                    self.node.world.sometimes("a result came after its document was deleted");
                    answer.with(Err(NoAnswer::NoDocument));
                    return;
                }
                if !serving.group.has_room_for(&ops) {
                    self.commit(state).await;
                }
                let Mode::Serving(serving) = &mut state.mode else {
                    answer.with(Err(NoAnswer::NotOwner(None)));
                    return;
                };
                let is_first = serving.group.is_empty();
                serving.group.add(ops, answer);
                if is_first && self.cell().mailbox.offer(Message::Commit).is_err() {
                    self.commit(state).await;
                }
            }
            Message::Commit => self.commit(state).await,
            Message::Delete { tenant, id, answer } => self.delete(serving, &tenant, id, answer),
            Message::Deleted(id) => {
                serving.deleted.insert(id);
            }
            _ => {}
        }
    }

    pub(super) async fn commit(&self, state: &mut State) {
        let Mode::Serving(serving) = &mut state.mode else { return };
        let (ops, replies) = serving.group.take();
        if replies.is_empty() {
            return;
        }
        let Serving { owner, following, .. } = &mut **serving;
        match owner.append(ops, following).await {
            Ok(seq) => {
                replies.into_iter().for_each(|reply| reply.with(Ok(seq)));
                self.notice();
            }
            Err(error) => {
                self.node.engine().event(What::Note, Some(self.number), None, || format!("append: {error}"));
                self.node.world.sometimes("an append failed");
                if let enabler_cluster::owner::OwnError::Superseded { epoch, .. } = error {
                    self.node.world.judge.yields(&self.node.id.name, self.number, epoch);
                }
                if let enabler_cluster::owner::OwnError::Split { .. } = error {
                    self.node.world.judge.broken(crate::core::judge::ONE_CHAIN, error.to_string());
                }
                if plant::here("failed-append-is-told-as-done") {
                    let seq = serving.owner.position().seq + 1;
                    return replies.into_iter().for_each(|reply| reply.with(Ok(seq)));
                }
                let is_passing = error.is_passing();
                replies.into_iter().for_each(|reply| reply.with(Err(NoAnswer::NotRecorded)));
                if is_passing {
                    self.step_down(state, None);
                } else {
                    self.end_serving(state);
                }
            }
        }
    }

    async fn accept(
        &self,
        serving: &mut Serving,
        record: Box<DocumentRecord>,
        answer: Fill<Result<DocumentId, NoAnswer>>,
    ) {
        let (id, now_ms) = (record.document_id, self.node.engine().now_ms());
        let content = (record.tenant.clone(), record.sha256);
        let mut known = locked(&serving.following.held).rows.content(&record.tenant, &record.sha256);
        if plant::here("files-are-known-across-tenants") {
            let held = locked(&serving.following.held);
            let same = held.rows.documents.values().find(|other| other.sha256 == record.sha256);
            known = same.map(|other| other.document_id);
        }
        if let Some(known) = known {
            serving.arriving.remove(&content);
            self.node.world.sometimes("the same bytes came twice");
            let shard = self.number;
            self.node
                .engine()
                .event(What::Note, Some(shard), None, || format!("has these bytes as {}", short(known)));
            let overtaken = match plant::here("known-file-without-confirming") {
                true => Ok(false),
                false => serving.owner.is_overtaken().await,
            };
            let told = match overtaken {
                Ok(false) => Ok(known),
                Ok(true) => {
                    let _ = self.cell().mailbox.offer(Message::Noticed);
                    Err(NoAnswer::NotOwner(None))
                }
                Err(_) => Err(NoAnswer::NotRecorded),
            };
            answer.with(told);
            return;
        }
        serving.arriving.retain(|_, since| now_ms - *since < ARRIVING_MAX_MS);
        if serving.arriving.contains_key(&content) && !plant::here("one-file-arrives-twice") {
            answer.with(Err(NoAnswer::Unavailable));
            return;
        }
        serving.arriving.insert(content, now_ms);
        let ops = vec![Op::Accepted { document: record.clone() }];
        let epoch = serving.owner.epoch();
        let appended = self.append(epoch, id, ops);
        let works = Arc::new(AtomicBool::new(true));
        serving.works.insert(id, works.clone());
        let (node, shard) = (self.node.clone(), self.number);
        let mut answer = answer;
        if plant::here("acknowledged-before-the-append") {
            std::mem::replace(&mut answer, Slot::pair().0).with(Ok(id));
        }
        self.node.spawn(async move {
            match appended.taken().await {
                Some(Ok(seq)) => {
                    let is_it =
                        |op: &Op| matches!(op, Op::Accepted { document } if document.document_id == id);
                    if node.world.judge.acknowledged(&node.id.name, shard, seq, "an upload", is_it) {
                        node.world.sometimes("an entry was found that the store had not answered for");
                    }
                    answer.with(Ok(id));
                    work(node, (shard, epoch), *record, works).await;
                }
                Some(Err(why)) => {
                    if plant::here("unknown-upload-is-cleaned-up") {
                        let _ = delete_blobs(&*node.means.store, &record.tenant, id).await;
                    }
                    answer.with(Err(why));
                }
                None => answer.with(Err(NoAnswer::NotRecorded)),
            }
        });
    }

    fn append(&self, epoch: u64, id: DocumentId, ops: Vec<Op>) -> Slot<Result<u64, NoAnswer>> {
        let (fill, slot) = Slot::pair();
        let _ = self.cell().mailbox.offer(Message::Write { epoch, id, ops, answer: fill });
        slot
    }

    fn begin(&self, serving: &mut Serving, record: DocumentRecord) {
        let works = Arc::new(AtomicBool::new(true));
        serving.works.insert(record.document_id, works.clone());
        let (node, shard) = (self.node.clone(), self.number);
        self.node.spawn(work(node, (shard, serving.owner.epoch()), record, works));
    }

    fn delete(
        &self,
        serving: &mut Serving,
        tenant: &str,
        id: DocumentId,
        answer: Fill<Result<(), NoAnswer>>,
    ) {
        let record = locked(&serving.following.held).rows.documents.get(&id).cloned();
        let Some(record) = record.filter(|record| record.tenant == tenant) else {
            answer.with(Err(NoAnswer::NoDocument));
            return;
        };
        if let Some(works) = serving.works.remove(&id) {
            works.store(false, Ordering::Relaxed);
        }
        if plant::here("blobs-go-before-the-entry") {
            let (node, tenant) = (self.node.clone(), record.tenant.clone());
            self.node.spawn(async move { drop(delete_blobs(&*node.means.store, &tenant, id).await) });
        }
        if plant::here("erased-in-the-index-alone") {
            locked(&serving.following.held).rows.documents.remove(&id);
            answer.with(Ok(()));
            return;
        }
        let appended = self.append(
            serving.owner.epoch(),
            id,
            vec![Op::Deleted { document_id: id, reason: "requested".to_owned() }],
        );
        let (node, shard) = (self.node.clone(), self.number);
        self.node.spawn(async move {
            match appended.taken().await {
                Some(Ok(seq)) => {
                    let is_it = |op: &Op| matches!(op, Op::Deleted { document_id, .. } if *document_id == id);
                    let _ = node.world.judge.acknowledged(&node.id.name, shard, seq, "a deletion", is_it);
                    if let Some(cell) = node.cell(shard) {
                        cell.send(&node, Message::Deleted(id)).await;
                    }
                    answer.with(Ok(()));
                    for tries in 0..TRIES_MAX {
                        if delete_blobs(&*node.means.store, &record.tenant, id).await.is_ok() {
                            break;
                        }
                        node.engine().sleep(Duration::from_secs(1 << tries)).await;
                    }
                }
                Some(Err(why)) => answer.with(Err(why)),
                None => answer.with(Err(NoAnswer::NotRecorded)),
            }
        });
    }
}

/// Brings a document to its end: its pages, its chunks, each result written down while the ownership lasts.
async fn work(node: Arc<Node>, of: (u32, u64), record: DocumentRecord, works: Arc<AtomicBool>) {
    let (id, revision) = (record.document_id, record.revision);
    let engine = node.engine().clone();
    for tries in 0..TRIES_MAX {
        if try_work(&node, of, &record, &works).await.is_some() || !works.load(Ordering::Relaxed) {
            return;
        }
        engine.sleep(Duration::from_millis(500 << tries)).await;
    }
    let reason = enabler_storage::record::Reason { code: "internal".to_owned(), message: String::new() };
    let processed_ms = node.means.clock.now_ms();
    let failed = Op::Failed { document_id: id, revision, reason, processed_ms };
    while works.load(Ordering::Relaxed) {
        if written(&node, of, id, vec![failed.clone()]).await.is_some() {
            return;
        }
        engine.sleep(Duration::from_secs(2)).await;
    }
}

async fn try_work(
    node: &Arc<Node>,
    of: (u32, u64),
    record: &DocumentRecord,
    works: &Arc<AtomicBool>,
) -> Option<()> {
    let (id, revision, tenant) = (record.document_id, record.revision, record.tenant.as_str());
    let engine = node.engine();
    let pause = |engine: &crate::engine::Engine| {
        let wait_ms = 20 + engine.draw(Stream(WORK, u16::from(node.number)), 900);
        engine.sleep(Duration::from_millis(wait_ms))
    };
    let store = &*node.means.store;
    if record.status.pages.is_none() {
        pause(engine).await;
        let bytes = Bytes::from(format!("pages of {id}"));
        let pages = put_blob(store, tenant, id, BlobStage::Pages, bytes).await.ok()?;
        if !works.load(Ordering::Relaxed) {
            return None;
        }
        let (page_count, word_count) = (1, 3);
        let report_json = "{}".to_owned();
        let read = Op::PagesRead { document_id: id, revision, pages, page_count, word_count, report_json };
        written(node, of, id, vec![read]).await?;
    }
    pause(engine).await;
    let (word, vector) = word_of(id);
    let chunk = Chunk {
        page: 1,
        end: word.len() as u32,
        text: word,
        vector: Vector::from_f32(&vector),
        ..Chunk::default()
    };
    let blob = ChunksBlob {
        model_id: MODEL.to_owned(),
        dimensions: DIMENSIONS as u32,
        chunks: vec![chunk],
        ..ChunksBlob::default()
    };
    let bytes = encode_chunks(&blob).ok()?;
    let chunks = put_blob(store, tenant, id, BlobStage::Chunks, bytes.into()).await.ok()?;
    if !works.load(Ordering::Relaxed) {
        return None;
    }
    let processed_ms = node.means.clock.now_ms();
    let ops = vec![
        Op::ChunksEmbedded { document_id: id, revision, chunks: chunks.clone(), chunk_count: 1 },
        Op::Ready { document_id: id, revision, chunks, processed_ms },
    ];
    written(node, of, id, ops).await.map(|_| ())
}

async fn written(node: &Arc<Node>, (shard, epoch): (u32, u64), id: DocumentId, ops: Vec<Op>) -> Option<u64> {
    let (fill, slot) = Slot::pair();
    node.cell(shard)?.mailbox.offer(Message::Write { epoch, id, ops, answer: fill }).ok()?;
    match slot.taken().await? {
        Ok(seq) => Some(seq),
        // The document is gone: there is nothing left to do.
        Err(NoAnswer::NoDocument) => Some(0),
        Err(_) => None,
    }
}
