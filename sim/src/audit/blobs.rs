//! Blobs through a store that fails, and the keys of the cache: each thing under a name of its own, and gone with its owner.

use bytes::Bytes;
use enabler_storage::cache::{self, AnswerKey, Place, Reach, jittered, place_of, reach_of};
use enabler_storage::objects::{Fault, Memory, ObjectStore};
use enabler_storage::record::{
    BlobError, BlobRef, BlobStage, DocumentId, delete_blobs, put_blob, put_blob_file, read_blob, verify_file,
};
use enabler_storage::shard::read_needed;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::time::Duration;

use super::{Broken, Dice, Folder, failed};
use crate::core::at_once;
use crate::core::judge::{BOUNDED, DAMAGE, DELETED, DURABLE, ONE_EFFECT, TENANTS};

/// Tries both.
pub(super) fn check(mut dice: Dice) -> Result<(), Broken> {
    names(&mut dice)?;
    at_once(async move { Some(all(&mut dice).await) }).unwrap_or(Ok(()))
}

async fn all(dice: &mut Dice) -> Result<(), Broken> {
    put(dice).await?;
    erased(dice).await?;
    files(dice).await
}

/// A reference is given for what is in the store, and for nothing else.
async fn put(dice: &mut Dice) -> Result<(), Broken> {
    let id = DocumentId([dice.below(200) as u8; 16]);
    let bytes = Bytes::from(vec![dice.below(200) as u8; 1 + dice.below(900) as usize]);
    for faults in [
        vec![Fault::None],
        vec![Fault::Lost],
        vec![Fault::AnswerLost],
        vec![Fault::Lost, Fault::Lost],
        vec![Fault::AnswerLost, Fault::Lost],
    ] {
        let store = Memory::new();
        store.schedule(faults.clone());
        let told = put_blob(&store, "acme", id, BlobStage::Chunks, bytes.clone()).await;
        store.schedule(Vec::new());
        let listed = store.list_after("v1/blob/", None, 9).await.unwrap_or_default();
        let is_there = !listed.is_empty();
        let must_be = faults == [Fault::None] || faults == [Fault::AnswerLost];
        let is_right = match &told {
            Ok(blob) => is_there && read_blob(&store, blob).await.ok().as_ref() == Some(&bytes),
            Err(_) => !must_be,
        };
        if !is_right {
            return Err((DURABLE, format!("a blob is told as {told:?} after {faults:?}, there: {is_there}")));
        }
        let again = put_blob(&store, "acme", id, BlobStage::Chunks, bytes.clone()).await;
        let Ok(blob) = again else { return Err((ONE_EFFECT, "a blob is not stored twice".to_owned())) };
        damaged(&store, &blob, dice).await?;
    }
    Ok(())
}

async fn damaged(store: &Memory, blob: &BlobRef, dice: &mut Dice) -> Result<(), Broken> {
    // On its way twice, and whole the third time.
    store.schedule([Fault::BitFlipped, Fault::BitFlipped]);
    if !matches!(read_needed(store, blob).await, Ok(Some(_))) {
        return Err((DURABLE, "a blob that was damaged on its way is given up".to_owned()));
    }
    let shorter = BlobRef { size_bytes: blob.size_bytes + 1, ..blob.clone() };
    if read_blob(store, &shorter).await.is_ok() {
        return Err((DAMAGE, "a blob of another size is read".to_owned()));
    }
    if let Ok(key) = enabler_storage::objects::Key::new(blob.key.as_str()) {
        store.flip(&key, dice.below(1 << 20) as usize);
        if read_blob(store, blob).await.is_ok() || !matches!(read_needed(store, blob).await, Ok(None)) {
            return Err((DAMAGE, "a damaged blob is read".to_owned()));
        }
        let _ = store.delete(&key).await;
        if !matches!(read_blob(store, blob).await, Err(BlobError::Missing { .. })) {
            return Err((DAMAGE, "a blob that is gone is not missed".to_owned()));
        }
    }
    store.schedule([Fault::Lost]);
    if read_needed(store, blob).await.is_ok() {
        return Err((DURABLE, "a store that does not answer says that a blob is gone".to_owned()));
    }
    Ok(())
}

/// Everything of a document goes with it, and nothing of anybody else.
async fn erased(dice: &mut Dice) -> Result<(), Broken> {
    let store = Memory::new();
    let stages = [BlobStage::Original, BlobStage::Pages, BlobStage::Chunks, BlobStage::Other];
    let mut all = Vec::new();
    for tenant in ["acme", "acm"] {
        for number in [1, 2] {
            let id = DocumentId([number; 16]);
            for stage in stages {
                let bytes = Bytes::from(vec![dice.below(99) as u8; 5]);
                let blob = put_blob(&store, tenant, id, stage, bytes).await;
                all.push((tenant, id, blob.map_err(|error| failed("storing a blob", &error))?));
            }
        }
    }
    let keys: BTreeSet<&str> = all.iter().map(|(_, _, blob)| blob.key.as_str()).collect();
    if keys.len() != all.len() {
        return Err((TENANTS, "two blobs have one name".to_owned()));
    }
    let gone = ("acme", DocumentId([1; 16]));
    let count = delete_blobs(&store, gone.0, gone.1).await.map_err(|error| failed("erasing", &error))?;
    for (tenant, id, blob) in &all {
        let is_there = read_blob(&store, blob).await.is_ok();
        if is_there == ((*tenant, *id) == gone) {
            return Err((DELETED, format!("after an erasure `{}` is there: {is_there}", blob.key)));
        }
    }
    if count == stages.len() { Ok(()) } else { Err((DELETED, format!("an erasure tells of {count} blobs"))) }
}

/// A file counts as the blob that it is a copy of while its bytes are.
async fn files(dice: &mut Dice) -> Result<(), Broken> {
    let Some(folder) = Folder::new() else { return Ok(()) };
    let path = folder.0.join("file");
    let mut bytes = vec![3; 70_000 + dice.below(70_000) as usize];
    let _ = std::fs::write(&path, &bytes);
    let (store, sha256) = (Memory::new(), Sha256::digest(&bytes).into());
    let size_bytes = bytes.len() as u64;
    let blob = put_blob_file(&store, "acme", DocumentId([1; 16]), &path, sha256, size_bytes).await;
    let blob = blob.map_err(|error| failed("storing a file", &error))?;
    if verify_file(&path, &blob).is_err()
        || read_blob(&store, &blob).await.ok().as_deref() != Some(&bytes[..])
    {
        return Err((DURABLE, "a file that is stored is another".to_owned()));
    }
    let at = dice.below(bytes.len() as u64) as usize;
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    let _ = std::fs::write(&path, &bytes);
    let flipped = verify_file(&path, &blob).is_ok();
    bytes.pop();
    let _ = std::fs::write(&path, &bytes);
    if flipped || verify_file(&path, &blob).is_ok() {
        return Err((DAMAGE, "a damaged file is taken for its blob".to_owned()));
    }
    Ok(())
}

/// What an answer depends on is in its key, and what a deletion must reach stands under its prefix.
fn names(dice: &mut Dice) -> Result<(), Broken> {
    let (one, other) = (DocumentId([1; 16]), DocumentId([2; 16]));
    let key = AnswerKey {
        tenant: "acme",
        document_id: Some(one),
        revision: dice.below(9),
        question: "Qual é o valor?",
        model: "m",
        rules_hash: "r",
        prompt_version: "1",
        top_k: 5,
        extra: "x",
    };
    let others = [
        AnswerKey { tenant: "acm", ..key },
        AnswerKey { document_id: Some(other), ..key },
        AnswerKey { document_id: None, ..key },
        AnswerKey { revision: key.revision + 1, ..key },
        AnswerKey { question: "Qual é o prazo?", ..key },
        AnswerKey { model: "n", ..key },
        AnswerKey { rules_hash: "s", ..key },
        AnswerKey { prompt_version: "2", ..key },
        AnswerKey { top_k: 6, ..key },
        AnswerKey { extra: "y", ..key },
        AnswerKey { model: "mr", rules_hash: "", ..key },
    ];
    let all: BTreeSet<String> = others.iter().chain([&key]).map(cache::answer_key).collect();
    if all.len() != others.len() + 1 {
        return Err((TENANTS, "two answers that may differ are remembered as one".to_owned()));
    }
    let same = AnswerKey { question: "  qual é o  VALOR ", ..key };
    if cache::answer_key(&same) != cache::answer_key(&key) {
        return Err((ONE_EFFECT, "a question is another one by its spaces".to_owned()));
    }
    let (file, page) = ([5; 32], 3);
    let reached = [
        (cache::answer_key(&key), cache::answer_prefix("acme", Some(one))),
        (cache::ocr_key("acme", &file, page, "por", "s"), cache::ocr_prefix("acme", &file)),
        (cache::session_key("acme", Some(one), "id"), cache::session_prefix("acme", Some(one))),
        (cache::session_key("acme", None, "id"), cache::session_prefix("acme", None)),
    ];
    for (key, prefix) in &reached {
        let Place::In(group) = place_of(key) else {
            return Err((DELETED, format!("no deletion reaches `{key}`")));
        };
        let whole = cache::tenant_prefix("acme");
        let is_reached = key.starts_with(prefix) && prefix.starts_with(&whole);
        let is_told = (group.prefix, group.tenant) == (prefix.as_str(), whole.as_str());
        let reach = (reach_of(prefix), reach_of(&whole));
        if !is_reached || !is_told || reach != (Some(Reach::Group), Some(Reach::Tenant)) {
            return Err((DELETED, format!("a deletion of `{prefix}` does not reach `{key}`")));
        }
        if key.starts_with(&cache::tenant_prefix("acm")) {
            return Err((TENANTS, format!("a deletion of another tenant reaches `{key}`")));
        }
    }
    let pages = [
        cache::ocr_key("acme", &file, 3, "por", "s"),
        cache::ocr_key("acme", &file, 4, "por", "s"),
        cache::ocr_key("acme", &file, 3, "eng", "s"),
        cache::ocr_key("acme", &file, 3, "por", "t"),
        cache::ocr_key("acm", &file, 3, "por", "s"),
        cache::ocr_key("acme", &[6; 32], 3, "por", "s"),
        cache::embedding_key("m", "t"),
        cache::embedding_key("m", "u"),
        cache::embedding_key("n", "t"),
        cache::session_key("acme", Some(one), "id"),
        cache::session_key("acme", Some(other), "id"),
        cache::session_key("acme", Some(one), "other"),
        cache::session_key("acm", Some(one), "id"),
    ];
    if pages.iter().collect::<BTreeSet<_>>().len() != pages.len() {
        return Err((TENANTS, "two things are remembered as one".to_owned()));
    }
    if place_of("dq:1:t:acme:qa") != Place::Nowhere || place_of("dq:1:emb:m:t") != Place::Free {
        return Err((DELETED, "a key is kept that no deletion finds".to_owned()));
    }
    let ttl = Duration::from_millis(10_000);
    let lives = jittered(&dice.below(1 << 40).to_string(), ttl);
    if lives < ttl * 89 / 100 || lives > ttl * 111 / 100 {
        return Err((BOUNDED, format!("what should live for 10 s lives for {lives:?}")));
    }
    Ok(())
}
