//! Bits flip in the files of a shard: it is found out, or it does no harm, and never changes an answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::world::{World, answers, copy, settings};
use super::{ShardIndex, verify_dir, wipe};
use crate::chance::{Chance, SeededChance};

const DIR_VARIABLE: &str = "STORAGE_TEST_VERIFY_DIR";

/// The child process of the tests below: verifies one folder and ends.
#[test]
fn child_that_verifies() {
    #[expect(clippy::disallowed_methods, reason = "a parent test hands the folder to its child this way")]
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    verify_dir(Path::new(&dir)).unwrap();
}

fn is_sound(dir: &Path) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "shard::tests::damage::child_that_verifies"]).env(DIR_VARIABLE, dir);
    child.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if fs::metadata(&path).unwrap().len() > 0 {
            into.push(path);
        }
    }
    into.sort();
}

fn flip(path: &Path, bit: u64) {
    let mut bytes = fs::read(path).unwrap();
    let at = usize::try_from(bit / 8).unwrap() % bytes.len();
    bytes[at] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

/// Flips bits of copies of `dir` one at a time; every shard must answer as before, after a rebuild where one is due.
async fn no_flip_changes_an_answer(mut world: World, dir: &Path, flips: usize, seed: u64) -> usize {
    let expected = {
        let sound = tempfile::tempdir().unwrap();
        answers(&world.open(sound.path()).await)
    };
    // Entries that come after the damage make LMDB reuse pages.
    let before = world.entries.len();
    world.upload(40, "acme", &["Um parágrafo posterior sobre seguros."]).await;
    let later = {
        let sound = tempfile::tempdir().unwrap();
        answers(&world.open(sound.path()).await)
    };
    let known: Vec<_> = world.entries[..before].to_vec();
    let chance = SeededChance::new(seed);
    let mut detected = 0;
    for round in 0..flips {
        let damaged = tempfile::tempdir().unwrap();
        copy(dir, damaged.path());
        let mut all = Vec::new();
        files(damaged.path(), &mut all);
        // The rows get half of the flips, because they are most of the bytes.
        let rows = damaged.path().join("rows/data.mdb");
        let pick = usize::try_from(chance.next_u64() % all.len() as u64).unwrap();
        let file = if round % 2 == 0 { &rows } else { &all[pick] };
        let bit = chance.next_u64() >> 1;
        flip(file, bit);
        let sound = is_sound(damaged.path());
        if !sound {
            detected += 1;
            wipe(damaged.path()).unwrap();
        }
        let index = ShardIndex::open(damaged.path(), settings()).unwrap();
        let at = format!("round {round}, bit {bit} of {}, sound: {sound}", file.display());
        assert!(index.position().unwrap().seq <= known.len() as u64, "{at}");
        for entry in &known {
            let blobs = super::fetch_needed(&*world.store, &entry.entry).await.unwrap();
            index.apply(entry, &blobs).unwrap();
        }
        assert_eq!(answers(&index), expected, "{at}");
        world.replay_into(&index).await;
        assert_eq!(answers(&index), later, "{at}");
        index.verify().unwrap();
    }
    detected
}

#[tokio::test]
async fn no_flipped_bit_of_a_closed_shard_changes_an_answer() {
    let world = World::busy().await;
    let (dir, index) = world.built().await;
    index.close().unwrap();
    assert!(is_sound(dir.path()));
    let detected = no_flip_changes_an_answer(world, dir.path(), 16, 11).await;
    assert!(detected >= 12, "{detected} of 16");
}

#[tokio::test]
async fn no_flipped_bit_of_a_killed_shard_changes_an_answer() {
    let world = World::busy().await;
    let (dir, index) = world.built().await;
    index.flush().unwrap();
    let killed = tempfile::tempdir().unwrap();
    copy(dir.path(), killed.path());
    assert!(is_sound(killed.path()));
    let detected = no_flip_changes_an_answer(world, killed.path(), 32, 12).await;
    assert!(detected >= 8, "{detected} of 32");
}
