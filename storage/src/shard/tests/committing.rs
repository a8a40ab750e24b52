//! The keyword index is committed while entries come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::world::{World, answers, id, query};
use crate::record::Op;

#[tokio::test]
async fn an_entry_does_not_wait_for_a_commit_of_the_keyword_index() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let (entry, index) = (world.append(vec![Op::Fence]).await, Arc::new(index));
    let ((begin, may_begin), (applied, is_applied)) = (mpsc::channel::<()>(), mpsc::channel());
    let applier = index.clone();
    let applying = tokio::task::spawn_blocking(move || {
        may_begin.recv().unwrap();
        applied.send(applier.apply(&entry, &super::Blobs::default())).unwrap();
    });
    // As long as this is held, a commit is under way.
    let committing = index.committing.lock().unwrap();
    begin.send(()).unwrap();
    // Far longer than it takes: whoever waits for the commit waits for ever.
    is_applied.recv_timeout(Duration::from_secs(60)).expect("the entry waits").unwrap();
    drop(committing);
    applying.await.unwrap();
    index.flush().unwrap();
    index.verify().unwrap();
}

#[tokio::test]
async fn what_comes_and_goes_while_the_keyword_index_commits_is_found_as_if_nothing_had_been_beside() {
    let mut world = World::busy().await;
    let (_dir, index) = world.built().await;
    let from = world.entries.len();
    for number in 40..56 {
        world.upload(number, "acme", &["Um parágrafo sobre seguros.", "Outro sobre pinguins."]).await;
        if number % 3 == 0 {
            world.append(vec![Op::Deleted { document_id: id(number), reason: "requested".to_owned() }]).await;
        }
    }
    let entries = world.entries[from..].to_vec();
    let mut needed = Vec::new();
    for entry in &entries {
        needed.push(super::fetch_needed(&*world.store, &entry.entry).await.unwrap());
    }
    let (index, is_over) = (Arc::new(index), Arc::new(AtomicBool::new(false)));
    let committer = {
        let (index, is_over) = (index.clone(), is_over.clone());
        tokio::task::spawn_blocking(move || {
            while !is_over.load(Ordering::Relaxed) {
                index.flush().unwrap();
            }
        })
    };
    for (entry, blobs) in entries.iter().zip(&needed) {
        index.apply(entry, blobs).unwrap();
        index.search(&query("pinguins", "acme")).unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    committer.await.unwrap();
    index.flush().unwrap();
    index.verify().unwrap();
    let (_other_dir, other) = world.built().await;
    assert_eq!(answers(&index), answers(&other));
    let found = index.search(&query("pinguins", "acme")).unwrap();
    assert!(found.iter().all(|hit| hit.document_id != id(42)), "what was deleted is not found");
    assert!(!found.is_empty());
}
