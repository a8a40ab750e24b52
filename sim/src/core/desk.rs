//! Clients, and the way of their requests from the node where they enter to the one that can answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::route::{Next, Route, Tried};
use enabler_cluster::net::NodeId;
use enabler_storage::codec::Rest;
use enabler_storage::record::{BlobRef, BlobStage, DocumentId, DocumentRecord, Status, put_blob};
use sha2::{Digest, Sha256};

use super::judge::short;
use super::net::{Answer, Call, NoAnswer};
use super::node::{self, Node};
use super::world::World;
use crate::chance::mixed;
use crate::engine::{Slot, WORLD};
use crate::trace::{Lane, What};

/// How long a request looks for a shard.
const PATIENCE_MS: u64 = 10_000;
/// How long one call may take.
const CALL_TIME_MAX: Duration = Duration::from_secs(12);
/// How long a client waits.
const CLIENT_WAITS: Duration = Duration::from_secs(60);
/// Retention: a year.
const LIVES_MS: u64 = 365 * 24 * 3_600_000;

/// Whose a client is; two clients share a tenant.
fn tenant(client: u8) -> String {
    format!("tenant-{}", client % 2)
}

fn sha_of(content: u16) -> [u8; 32] {
    Sha256::digest(content.to_le_bytes()).into()
}

fn shard_of_content(world: &World, tenant: &str, content: u16) -> u32 {
    let hash = tenant.bytes().fold(u64::from(content), |hash, byte| mixed(hash ^ u64::from(byte)));
    (hash % u64::from(world.scene.shards.max(1))) as u32
}

/// Runs a request of a client at a node, wherever it ends.
async fn at_door<T: Send + 'static, F: Future<Output = Result<T, NoAnswer>> + Send + 'static>(
    world: &Arc<World>,
    door: u8,
    ask: impl FnOnce(Arc<Node>) -> F,
) -> Result<T, NoAnswer> {
    let Some(node) = world.node(door) else { return Err(NoAnswer::NoLink) };
    let (fill, slot) = Slot::pair();
    let asked = ask(node.clone());
    node.spawn(async move { fill.with(asked.await) });
    // A client whose node dies does not know what became of its request.
    world.engine.within(CLIENT_WAITS, slot.taken()).await.flatten().unwrap_or(Err(NoAnswer::Unknown))
}

/// A client uploads.
pub(super) fn upload(world: &Arc<World>, client: u8, door: u8, content: u16) {
    let (world, tenant) = (world.clone(), tenant(client));
    world.clone().engine.spawn(WORLD, Lane::Client(client), async move {
        world.engine.event(What::Asks, None, None, || format!("uploads file {content} at n{door}"));
        let request = world.book.begins(world.engine.now_ms());
        let (inner, of) = (world.clone(), tenant.clone());
        let outcome =
            at_door(&world, door, |node| async move { put(&inner, &node, &of, content).await }).await;
        world.engine.event(What::Answered, None, None, || match &outcome {
            Ok(id) => format!("file {content} is document {}", short(*id)),
            Err(why) => format!("file {content}: {why:?}"),
        });
        world.book.uploaded(&world, request, &tenant, content, outcome.ok());
    });
}

async fn put(
    world: &Arc<World>,
    node: &Arc<Node>,
    tenant: &str,
    content: u16,
) -> Result<DocumentId, NoAnswer> {
    let shard = shard_of_content(world, tenant, content);
    let (clock, chance) = (&*node.means.clock, &*node.means.chance);
    let id = loop {
        let id = DocumentId::mint(clock, chance);
        if id.shard(0, world.scene.shards) == shard {
            break id;
        }
    };
    let bytes = Bytes::copy_from_slice(&content.to_le_bytes());
    let stored = put_blob(&*node.means.store, tenant, id, BlobStage::Original, bytes).await;
    let original = stored.map_err(|_| NoAnswer::NotRecorded)?;
    let record = Box::new(record(node, id, tenant, content, original));
    let call = || Call::Accept { record: record.clone(), shard };
    match carry(node, shard, call, false, &mut false).await? {
        Answer::Taken(id) => Ok(id),
        _ => Err(NoAnswer::Unknown),
    }
}

fn record(node: &Node, id: DocumentId, tenant: &str, content: u16, original: BlobRef) -> DocumentRecord {
    let now_ms = node.means.clock.now_ms();
    DocumentRecord {
        document_id: id,
        revision: 1,
        tenant: tenant.to_owned(),
        filename: format!("{content}.pdf"),
        template: "generic".to_owned(),
        metadata_json: "{}".to_owned(),
        idempotency_key: None,
        sha256: sha_of(content),
        size_bytes: 2,
        media_type: "application/pdf".to_owned(),
        original,
        created_ms: now_ms,
        expires_ms: now_ms + LIVES_MS,
        ticket: 0,
        status: Status::default(),
        // Every third comes from a version that knows more.
        rest: if content.is_multiple_of(3) { Rest::from(&b"added later"[..]) } else { Rest::default() },
    }
}

/// A client deletes what it got for a file.
pub(super) fn delete(world: &Arc<World>, client: u8, door: u8, content: u16) {
    let (world, tenant) = (world.clone(), tenant(client));
    let Some(id) = world.book.document(&tenant, content) else { return };
    world.clone().engine.spawn(WORLD, Lane::Client(client), async move {
        world.engine.event(What::Asks, None, None, || format!("deletes {} at n{door}", short(id)));
        let request = world.book.begins(world.engine.now_ms());
        world.book.deletes(id, world.engine.now_ms());
        let of = tenant.clone();
        let shard = id.shard(0, world.scene.shards);
        let outcome = at_door(&world, door, |node| async move {
            let mut may_be_done = false;
            let call = || Call::Delete { tenant: of.clone(), id, shard };
            match carry(&node, shard, call, false, &mut may_be_done).await {
                // A try whose answer was lost has erased it.
                Err(NoAnswer::NoDocument) if may_be_done => Ok(()),
                told => told.map(|_| ()),
            }
        })
        .await;
        world.engine.event(What::Answered, None, None, || format!("deletion of {}: {outcome:?}", short(id)));
        world.book.deleted(&world, request, id, outcome);
    });
}

/// A client reads what it got for a file.
pub(super) fn read(world: &Arc<World>, client: u8, door: u8, content: u16) {
    let (world, tenant) = (world.clone(), tenant(client));
    let Some(id) = world.book.document(&tenant, content) else { return };
    world.clone().engine.spawn(WORLD, Lane::Client(client), async move {
        read_one(&world, door, &tenant, id).await;
        // What belongs to somebody else is not there.
        let stranger = format!("{tenant}-stranger");
        let of = stranger.clone();
        let shard = id.shard(0, world.scene.shards);
        let foreign = at_door(&world, door, |node| async move {
            let call = || Call::Document { tenant: of.clone(), id, shard };
            carry(&node, shard, call, true, &mut false).await
        })
        .await;
        if foreign.is_ok() {
            world.judge.broken(super::judge::TENANTS, format!("{stranger} was shown {}", short(id)));
        }
    });
}

async fn read_one(world: &Arc<World>, door: u8, tenant: &str, id: DocumentId) -> bool {
    world.engine.event(What::Asks, None, None, || format!("reads {} at n{door}", short(id)));
    let request = world.book.begins(world.engine.now_ms());
    let (of, shard) = (tenant.to_owned(), id.shard(0, world.scene.shards));
    let outcome = at_door(world, door, |node| async move {
        let call = || Call::Document { tenant: of.clone(), id, shard };
        match carry(&node, shard, call, true, &mut false).await? {
            Answer::Document(record) => Ok(record),
            _ => Err(NoAnswer::Unknown),
        }
    })
    .await;
    world.engine.event(What::Answered, None, None, || match &outcome {
        Ok(record) => format!("{} is {:?}", short(id), record.status.outcome),
        Err(why) => format!("{}: {why:?}", short(id)),
    });
    let is_answered = matches!(outcome, Ok(_) | Err(NoAnswer::NoDocument));
    world.book.read(world, request, tenant, id, outcome);
    is_answered
}

/// At the end every document is read once more at every node.
pub(super) async fn read_all(world: &Arc<World>) {
    for (tenant, id) in world.book.all() {
        for door in 1..=world.scene.nodes {
            if !read_one(world, door, &tenant, id).await {
                let text = format!("{} cannot be read at n{door} when all is whole", short(id));
                world.judge.broken(super::judge::ANSWERED, text);
            }
        }
    }
}

/// Brings a call to the owner of a shard, or to a replica, as the product's router does.
async fn carry(
    node: &Arc<Node>,
    shard: u32,
    call: impl Fn() -> Call,
    is_read: bool,
    may_be_done: &mut bool,
) -> Result<Answer, NoAnswer> {
    let until_ms = node.engine().now_ms() + PATIENCE_MS;
    let (mut route, mut next) = (Route::default(), Next::Owner { after_ms: 0 });
    let (mut spin, mut is_first, mut tries) = (0, true, 0_u32);
    loop {
        tries += 1;
        if tries > 300 {
            node.world.judge.broken(super::judge::BOUNDED, "a request was tried 300 times");
            return Err(NoAnswer::Unavailable);
        }
        let to = match next {
            Next::Owner { after_ms } => {
                node.engine().sleep(Duration::from_millis(after_ms)).await;
                if is_first && is_read && node.cell(shard).is_some_and(|cell| cell.view().is_open) {
                    Some(node.id.clone())
                } else {
                    owner(node, shard)
                }
            }
            Next::Replica => {
                if !is_read {
                    let text = "a write was sent to a replica".to_owned();
                    node.world.judge.broken(super::judge::FENCED, text);
                }
                spin += 1;
                let row = node.row(shard);
                let mut all = row.replicas;
                all.extend(row.owner.map(|(owner, _)| owner));
                let count = all.len().max(1);
                all.into_iter().nth(spin % count)
            }
        };
        is_first = false;
        let tried = match to {
            None => Tried::NotSent,
            Some(to) => {
                let told = if to == node.id {
                    node::answered(node, call()).await
                } else {
                    let there = (Node::number_of(&to), &to);
                    node.world.net.call(node.number, there, call(), CALL_TIME_MAX).await
                };
                match told {
                    Ok(answer) => return Ok(answer),
                    Err(NoAnswer::NoLink | NoAnswer::Unavailable) => Tried::NotSent,
                    Err(NoAnswer::Unknown) => Tried::Unknown,
                    Err(NoAnswer::NotOwner(hint)) => {
                        let known = hint.is_some();
                        if let Some((owner, epoch)) = hint {
                            node.learn(shard, owner, epoch);
                            node.world.sometimes("a redirect was followed");
                        }
                        Tried::NotOwner { hint: known }
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        *may_be_done |= tried == Tried::Unknown;
        if node.engine().now_ms() >= until_ms {
            return Err(NoAnswer::Unavailable);
        }
        next = route.step(tried, is_read);
    }
}

fn owner(node: &Arc<Node>, shard: u32) -> Option<NodeId> {
    if node.cell(shard).is_some_and(|cell| cell.view().part == Part::Owner) {
        return Some(node.id.clone());
    }
    node.row(shard).owner.map(|(owner, _)| owner)
}
