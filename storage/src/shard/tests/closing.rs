//! An index is closed while others still read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::world::{World, answers, copy, id, query, settings};
use super::{Settings, ShardError, ShardIndex, verify_dir};
use crate::record::Op;

#[tokio::test]
async fn an_index_is_closed_while_others_read_it_and_its_folder_is_trusted_after_another_boot() {
    let mut world = World::busy().await;
    let (dir, index) = world.built().await;
    let (expected, index) = (answers(&index), Arc::new(index));
    let end = Arc::new(AtomicBool::new(false));
    let reader = {
        let (index, end, expected) = (index.clone(), end.clone(), expected.clone());
        tokio::task::spawn_blocking(move || {
            let mut rounds = 0;
            while !end.load(Ordering::Relaxed) || rounds == 0 {
                assert_eq!(answers(&index), expected);
                rounds += 1;
            }
        })
    };
    let closing = index.clone();
    tokio::task::spawn_blocking(move || closing.close_shared()).await.unwrap().unwrap();
    // What a stop leaves behind at this moment, with readers still there.
    let stopped = tempfile::tempdir().unwrap();
    copy(dir.path(), stopped.path());
    end.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    verify_dir(stopped.path()).unwrap();
    let other_boot = || Settings { boot_id: "another".to_owned(), ..settings() };
    let again = ShardIndex::open(stopped.path(), other_boot()).unwrap();
    assert_eq!(answers(&again), expected);
    // Nothing is written any more, and the last reference leaves the files as they were hashed.
    let late = world.append(vec![Op::Fence]).await;
    assert!(matches!(index.apply(&late, &super::Blobs::default()), Err(ShardError::Closed)));
    assert!(matches!(index.flush(), Err(ShardError::Closed)));
    index.close_shared().unwrap();
    index.verify().unwrap();
    assert_eq!(answers(&index), expected);
    drop(index);
    verify_dir(dir.path()).unwrap();
    let again = ShardIndex::open(dir.path(), other_boot()).unwrap();
    assert_eq!(answers(&again), expected);
    world.replay_into(&again).await;
    assert_eq!(again.position().unwrap().seq, late.entry.seq);
}

#[tokio::test]
async fn entries_that_race_with_closing_are_in_the_folder_or_refused() {
    for _ in 0..8 {
        let mut world = World::busy().await;
        let (dir, index) = world.built().await;
        let from = world.entries.len();
        for number in 40..48 {
            world.upload(number, "acme", &["Um parágrafo sobre seguros."]).await;
        }
        let (index, entries) = (Arc::new(index), world.entries[from..].to_vec());
        let mut needed = Vec::new();
        for entry in &entries {
            needed.push(super::fetch_needed(&*world.store, &entry.entry).await.unwrap());
        }
        let applier = index.clone();
        let applied = tokio::task::spawn_blocking(move || {
            let all = entries.iter().zip(&needed);
            all.take_while(|(entry, blobs)| applier.apply(entry, blobs).is_ok()).count()
        });
        let closing = index.clone();
        tokio::task::spawn_blocking(move || closing.close_shared()).await.unwrap().unwrap();
        let applied = applied.await.unwrap();
        drop(index);
        verify_dir(dir.path()).unwrap();
        let again = ShardIndex::open(dir.path(), settings()).unwrap();
        assert_eq!(again.position().unwrap().seq, (from + applied) as u64);
        world.replay_into(&again).await;
        again.flush().unwrap();
        again.verify().unwrap();
        assert!(again.search(&query("seguros", "acme")).unwrap().iter().any(|hit| hit.document_id == id(47)));
    }
}
