use enabler_storage::log::Entry;

use super::*;

/// Claimants and claims of a test, and of a soak (`RAG_ENABLER_SOAK`).
const SMALL: Fight = Fight { claimants: 50, claims: 500 };
const SOAK: Fight = Fight { claimants: 1_000, claims: 20_000 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claimants_every_epoch_has_one_owner() {
    #[expect(clippy::disallowed_methods, reason = "a soak is asked for this way")]
    let plan = if std::env::var_os("RAG_ENABLER_SOAK").is_some() { SOAK } else { SMALL };
    let fought = fight(plan, |begun| eprintln!("{begun} claims begun")).await.unwrap();
    assert_eq!(fought.violations, Vec::<String>::new());
    assert_eq!(fought.owned + fought.yielded, plan.claims);
    assert!(fought.owned > 0 && fought.yielded > 0, "there was no fight: {fought:?}");
    assert!(fought.entries >= fought.owned + fought.acknowledged, "{fought:?}");
    eprintln!("{plan:?}: {fought:?}");
}

/// A log of these epochs, writers and whether each entry is a fence.
fn entries(told: &[(u64, u128, bool)]) -> Vec<SealedEntry> {
    let deleted = Op::Deleted { document_id: DocumentId([1; 16]), reason: "requested".to_owned() };
    let entry = |(seq, (epoch, writer, is_fence)): (u64, &(u64, u128, bool))| {
        let ops = vec![if *is_fence { Op::Fence } else { deleted.clone() }];
        let (epoch, writer) = (*epoch, *writer);
        Entry { shard: SHARD, seq, epoch, writer, nonce: 1, prev: 0, wall_ms: 0, ops }.seal().unwrap()
    };
    (1..).zip(told).map(entry).collect()
}

fn judged(log: &[(u64, u128, bool)], reigns: &[Reign]) -> Vec<String> {
    let field = Field::default();
    judge(&entries(log), reigns, &field);
    field.violations.into_inner().unwrap().written
}

#[test]
fn two_owners_of_an_epoch_and_what_was_acknowledged_and_is_not_there_are_seen() {
    let sound = [(1, 10, true), (1, 10, false), (2, 20, true)];
    let reign = |epoch, writer, fence, written| Reign { epoch, writer, fence, written };
    assert_eq!(judged(&sound, &[reign(1, 10, 1, Some(2)), reign(2, 20, 3, None)]), Vec::<String>::new());
    let broken = [
        ("two owners of epoch 1", judged(&sound, &[reign(1, 10, 1, None), reign(1, 10, 1, None)])),
        ("entry 2 was acknowledged", judged(&sound, &[reign(2, 20, 3, Some(2))])),
        ("entry 9 was acknowledged", judged(&sound, &[reign(2, 20, 3, Some(9))])),
        ("two writers in epoch 1", judged(&[(1, 10, true), (1, 11, false)], &[])),
        ("should be its one fence", judged(&[(1, 10, true), (1, 10, true)], &[])),
        ("should be its one fence", judged(&[(1, 10, false)], &[])),
    ];
    for (words, told) in broken {
        assert!(told.iter().any(|what| what.contains(words)), "{words}: {told:?}");
    }
}
