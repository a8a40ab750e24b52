use std::sync::Arc;

use futures_util::future::join_all;

use super::*;
use crate::chance::SeededChance;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn stores() -> (tempfile::TempDir, Vec<Arc<dyn ObjectStore>>) {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path().join("store")).unwrap();
    (dir, vec![Arc::new(directory), Arc::new(Memory::new())])
}

#[tokio::test]
async fn every_store_of_ours_passes_the_probe() {
    let (_dir, stores) = stores();
    for store in stores {
        probe(&*store, &SeededChance::new(1)).await.unwrap();
        assert!(store.list_after("v1/", None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused_by_name() {
    let store = Memory::new();
    store.always(Some(Fault::ConditionIgnored));
    let error = probe(&store, &SeededChance::new(1)).await.unwrap_err();
    assert!(matches!(error, ProbeError::CreateNotExclusive { winners: 8 }), "{error}");
    let store = Memory::new();
    // The creations of the first round are honest, the replacements are not.
    store.schedule([Fault::None; 9]);
    store.always(Some(Fault::ConditionIgnored));
    let error = probe(&store, &SeededChance::new(1)).await.unwrap_err();
    assert!(matches!(error, ProbeError::ReplaceNotExclusive { winners: 8 }), "{error}");
}

#[tokio::test]
async fn every_store_of_ours_keeps_the_contract() {
    let (dir, stores) = stores();
    for store in stores {
        let kept = conformance::check(&*store, dir.path()).await;
        assert!(kept.is_ok(), "{store:?}: {}", kept.unwrap_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_racing_processes_one_replaces() {
    // Two handles of one directory share no memory, as two processes do not.
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Directory::open(dir.path()).unwrap(), Directory::open(dir.path()).unwrap());
    for round in 0..10 {
        let k = key(&format!("k/{round}"));
        let created =
            join_all((0..8).map(|i| if i % 2 == 0 { &one } else { &two }).map(|s| s.put_new(&k, "0".into())));
        let won = created.await.into_iter().filter(|outcome| matches!(outcome, PutOutcome::Done(_))).count();
        assert_eq!(won, 1);
        let etag = one.get(&k).await.unwrap().unwrap().etag;
        let swaps = (0..8).map(|i| (if i % 2 == 0 { &one } else { &two }, Bytes::from(format!("v{i}"))));
        let swapped = join_all(swaps.map(|(store, bytes)| store.put_if(&k, &etag, bytes))).await;
        assert_eq!(swapped.iter().filter(|outcome| matches!(outcome, PutOutcome::Done(_))).count(), 1);
    }
}

#[tokio::test]
async fn a_start_sweeps_the_temporary_files_of_the_dead_and_not_of_the_living() {
    let dir = tempfile::tempdir().unwrap();
    let living = Directory::open(dir.path()).unwrap();
    let temporary = dir.path().join(".tmp");
    std::fs::write(temporary.join("0/7"), "half").unwrap();
    std::fs::create_dir_all(temporary.join("5")).unwrap();
    std::fs::write(temporary.join("5/1"), "left behind").unwrap();
    let second = Directory::open(dir.path()).unwrap();
    assert!(temporary.join("0/7").exists() && !temporary.join("5").exists());
    drop((living, second));
    let _third = Directory::open(dir.path()).unwrap();
    assert!(!temporary.join("0/7").exists());
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_was_applied() {
    let store = Memory::new();
    store.schedule([Fault::AnswerLost, Fault::Lost]);
    assert!(matches!(store.put_new(&key("a"), "x".into()).await, PutOutcome::Unknown(_)));
    assert!(matches!(store.put_new(&key("b"), "x".into()).await, PutOutcome::Unknown(_)));
    assert!(store.get(&key("a")).await.unwrap().is_some());
    assert!(store.get(&key("b")).await.unwrap().is_none());
}

const DIR_VARIABLE: &str = "STORAGE_TEST_WRITE_DIR";

/// The child process of the test below: creates and replaces objects until it is killed.
#[tokio::test]
async fn child_that_writes() {
    #[expect(clippy::disallowed_methods, reason = "a parent test hands the folder to its child this way")]
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let store = Directory::open(dir).unwrap();
    let manifest = key("v1/manifest");
    loop {
        let held = store.get(&manifest).await.unwrap();
        let count = held.as_ref().map_or(0, |held| held.bytes.len() as u64 / 1_000);
        let next = count + 1;
        let log = store.put_new(&key(&format!("v1/log/{next:08}")), vec![next as u8; 50_000].into()).await;
        assert!(matches!(log, PutOutcome::Done(_) | PutOutcome::Exists));
        let bytes = Bytes::from(vec![next as u8; next as usize * 1_000]);
        let outcome = match held {
            None => store.put_new(&manifest, bytes).await,
            Some(held) => store.put_if(&manifest, &held.etag, bytes).await,
        };
        assert!(matches!(outcome, PutOutcome::Done(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_objects_and_nothing_that_was_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut count = 0;
    for round in 0..6 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "objects::tests::child_that_writes"])
            .env(DIR_VARIABLE, dir.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let store = Directory::open(dir.path()).unwrap();
        let length =
            async || store.head(&key("v1/manifest")).await.unwrap().map_or(0, |head| head.size_bytes);
        let before = length().await;
        // A busy machine takes its time to start a child; one that never writes fails below.
        for _ in 0..500 {
            if length().await > before {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(round * 3)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Directory::open(dir.path()).unwrap();
        let entries = store.list_after("v1/log/", None, 1_000).await.unwrap();
        for (number, entry) in (1_u64..).zip(&entries) {
            assert_eq!(entry.key.as_str(), format!("v1/log/{number:08}"));
            let bytes = store.get(&entry.key).await.unwrap().unwrap().bytes;
            assert!(bytes.len() == 50_000 && bytes.iter().all(|byte| *byte == number as u8));
        }
        let manifest = store.get(&key("v1/manifest")).await.unwrap().map_or(0, |held| {
            let number = held.bytes.len() / 1_000;
            assert!(held.bytes.len() % 1_000 == 0 && held.bytes.iter().all(|byte| *byte == number as u8));
            number
        });
        // The log is written first, so it is level with the manifest or one ahead.
        assert!(manifest > count && (manifest..=manifest + 1).contains(&entries.len()));
        count = manifest;
    }
}
