//! A shard is what its log says: applied, asked, damaged and rebuilt.

mod closing;
mod committing;
mod damage;
mod snapshot;
mod world;

use std::collections::BTreeSet;

use self::world::{World, embed, id, record};
use super::*;
use crate::record::{Make, Op, Outcome, Reason};

#[tokio::test]
async fn a_ready_document_is_found_by_meaning_and_by_words_with_its_page() {
    let mut world = World::new();
    world.upload(1, "acme", &["O aluguel mensal é de mil reais.", "A multa é de três aluguéis."]).await;
    world.upload(2, "acme", &["Ata da assembleia de condôminos."]).await;
    let (_dir, index) = world.built().await;
    let (text, vector) = ("Qual a multa?", embed("Qual a multa?"));
    for (text, vector) in
        [(text, Some(&vector[..])), (text, None), ("", Some(&embed("multa três aluguéis")[..]))]
    {
        let hits = index.search(&Query { vector, ..world::query(text, "acme") }).unwrap();
        assert_eq!((hits[0].document_id, hits[0].chunk.page), (id(1), 2), "{text} {}", vector.is_some());
        assert!((0.0..=1.0).contains(&hits[0].score));
    }
    let counts = index.counts().unwrap();
    assert_eq!(counts, Counts { documents: 2, chunks: 3, unfinished: 0 });
    index.verify().unwrap();
}

#[tokio::test]
async fn wiping_and_replaying_gives_the_same_answers_and_the_same_rows() {
    let world = World::busy().await;
    let (dir, index) = world.built().await;
    let (answers, meta) = (world::answers(&index), index.rows.meta(&index.rows.read().unwrap()).unwrap());
    index.close().unwrap();
    wipe(dir.path()).unwrap();
    let again = world.open(dir.path()).await;
    assert_eq!(world::answers(&again), answers);
    let again_meta = again.rows.meta(&again.rows.read().unwrap()).unwrap();
    assert_eq!(again_meta.position, meta.position);
}

#[tokio::test]
async fn a_reopened_shard_answers_as_before_and_goes_on_from_its_position() {
    let mut world = World::busy().await;
    let (dir, index) = world.built().await;
    let (answers, position) = (world::answers(&index), index.position().unwrap());
    index.close().unwrap();
    verify_dir(dir.path()).unwrap();
    let again = ShardIndex::open(dir.path(), world::settings()).unwrap();
    assert_eq!((world::answers(&again), again.position().unwrap()), (answers, position));
    world.upload(50, "acme", &["Cláusula inteiramente nova sobre pinguins."]).await;
    world.replay_into(&again).await;
    assert_eq!(again.search(&world::query("pinguins", "acme")).unwrap()[0].document_id, id(50));
    again.verify().unwrap();
}

#[tokio::test]
async fn a_shard_that_was_killed_answers_as_before_in_the_same_boot_only() {
    let world = World::busy().await;
    let (dir, index) = world.built().await;
    let answers = world::answers(&index);
    let copy = tempfile::tempdir().unwrap();
    // A copy of the files as they stand is what a killed process leaves behind.
    world::copy(dir.path(), copy.path());
    verify_dir(copy.path()).unwrap();
    let again = ShardIndex::open(copy.path(), world::settings()).unwrap();
    assert_eq!(world::answers(&again), answers);
    let copy = tempfile::tempdir().unwrap();
    world::copy(dir.path(), copy.path());
    let other_boot = Settings { boot_id: "another".to_owned(), ..world::settings() };
    let again = ShardIndex::open(copy.path(), other_boot).unwrap();
    assert_eq!(again.position().unwrap(), Position::default());
}

#[tokio::test]
async fn the_keyword_index_is_filled_again_from_the_rows_when_it_is_lost() {
    let world = World::busy().await;
    let (dir, index) = world.built().await;
    let answers = world::answers(&index);
    index.close().unwrap();
    fs::remove_dir_all(dir.path().join("words")).unwrap();
    let again = ShardIndex::open(dir.path(), world::settings()).unwrap();
    assert_eq!(world::answers(&again), answers);
}

#[tokio::test]
async fn entries_apply_once_and_in_order() {
    let mut world = World::new();
    world.upload(1, "acme", &["um"]).await;
    let (_dir, index) = world.built().await;
    let before = index.rows.meta(&index.rows.read().unwrap()).unwrap();
    for entry in &world.entries {
        index.apply(entry, &Blobs::default()).unwrap();
    }
    assert_eq!(index.rows.meta(&index.rows.read().unwrap()).unwrap(), before);
    world.append(vec![Op::Fence]).await;
    let later = world.append(vec![Op::Fence]).await;
    assert!(matches!(
        index.apply(&later, &Blobs::default()),
        Err(ShardError::OutOfOrder { applied: 4, seq: 6 })
    ));
    let mut other = World::new();
    other.upload(9, "acme", &["outra história"]).await;
    let stranger = other.append(vec![Op::Fence]).await;
    assert!(index.apply(&stranger, &Blobs::default()).unwrap_err().is_damage());
}

#[tokio::test]
async fn a_deleted_document_is_gone_everywhere_and_never_comes_back() {
    let mut world = World::new();
    world.upload(1, "acme", &["segredo industrial"]).await;
    world.append(vec![Op::Deleted { document_id: id(1), reason: "requested".to_owned() }]).await;
    // Results that were under way, and even a new acceptance, arrive too late.
    world.upload(1, "acme", &["segredo industrial"]).await;
    let (_dir, index) = world.built().await;
    assert!(index.document(id(1)).unwrap().is_none() && index.is_deleted(id(1)).unwrap());
    assert!(index.search(&world::query("segredo industrial", "acme")).unwrap().is_empty());
    assert!(index.chunks(id(1)).unwrap().is_empty());
    assert!(index.documents("acme", None, 10).unwrap().documents.is_empty());
    assert!(index.find_by_content("acme", &[1; 32]).unwrap().is_empty());
    assert!(index.find_by_idempotency_key("acme", "request-1").unwrap().is_none());
    assert_eq!(index.counts().unwrap(), Counts::default());
    index.verify().unwrap();
}

#[tokio::test]
async fn a_result_of_an_older_revision_is_dropped() {
    let mut world = World::new();
    world.upload(1, "acme", &["texto antigo"]).await;
    let mut second = record(1, "acme");
    second.revision = 2;
    world.append(vec![Op::Accepted { document: Box::new(second) }]).await;
    let reason = Reason { code: "late".to_owned(), message: "late".to_owned() };
    world.append(vec![Op::Failed { document_id: id(1), revision: 1, reason, processed_ms: 1 }]).await;
    let (_dir, index) = world.built().await;
    let record = index.document(id(1)).unwrap().unwrap();
    assert_eq!((record.revision, record.status.outcome), (2, Outcome::Processing));
    assert!(index.search(&world::query("texto antigo", "acme")).unwrap().is_empty());
    assert_eq!(index.unfinished().unwrap().len(), 1);
}

#[tokio::test]
async fn tenants_documents_and_metadata_limit_what_is_seen() {
    let mut world = World::new();
    for number in 1..=6 {
        let tenant = if number % 2 == 0 { "acme" } else { "acm" };
        world.upload(number, tenant, &["prazo de sessenta dias"]).await;
    }
    let (_dir, index) = world.built().await;
    let question = embed("prazo de sessenta dias");
    let seen = |query: Query<'_>| -> BTreeSet<u8> {
        let hits = index.search(&Query { vector: Some(&question), ..query }).unwrap();
        hits.iter().map(|hit| hit.document_id.0[0]).collect()
    };
    let base = world::query("prazo", "acme");
    assert_eq!(seen(base.clone()), BTreeSet::from([2, 4, 6]));
    assert_eq!(seen(Query { documents: Some(&[id(1), id(4)]), ..base.clone() }), BTreeSet::from([4]));
    let metadata = [("number".to_owned(), serde_json::json!(6))];
    assert_eq!(seen(Query { metadata: &metadata, ..base.clone() }), BTreeSet::from([6]));
    assert_eq!(seen(Query { now_ms: u64::MAX, ..base.clone() }), BTreeSet::new());
    assert_eq!(seen(Query { tenant: "nobody", ..base }), BTreeSet::new());
}

#[tokio::test]
async fn listings_page_newest_first_without_loss() {
    let mut world = World::new();
    for number in 1..=7 {
        world.upload(number, "acme", &["x"]).await;
    }
    world.upload(8, "acme2", &["x"]).await;
    let (_dir, index) = world.built().await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = index.documents("acme", cursor.as_deref(), 3).unwrap();
        seen.extend(page.documents.iter().map(|record| record.document_id.0[0]));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(index.find_by_content("acme", &[3; 32]).unwrap(), [id(3)]);
    assert_eq!(index.find_by_idempotency_key("acme", "request-5").unwrap(), Some(id(5)));
    assert_eq!(index.find_by_idempotency_key("acme2", "request-5").unwrap(), None);
}

#[tokio::test]
async fn unfinished_documents_wait_to_be_resumed_where_they_stopped() {
    let mut world = World::new();
    world.append(vec![Op::Accepted { document: Box::new(record(1, "acme")) }]).await;
    world.upload(2, "acme", &["x"]).await;
    let pages = record(1, "acme").original;
    let report_json = "{}".to_owned();
    let read =
        Op::PagesRead { document_id: id(1), revision: 1, pages, page_count: 3, word_count: 9, report_json };
    world.append(vec![read]).await;
    let (_dir, index) = world.built().await;
    let unfinished = index.unfinished().unwrap();
    assert_eq!((unfinished.len(), unfinished[0].status.page_count, unfinished[0].ticket), (1, 3, 1));
    assert!(unfinished[0].status.pages.is_some() && unfinished[0].status.chunks.is_none());
}

#[tokio::test]
async fn a_question_is_compared_with_vectors_of_its_own_model_alone_and_others_are_found_by_words() {
    let mut world = World::new();
    world.upload(1, "acme", &["um dois"]).await;
    world.upload_with_model(2, "acme", &["tatu bola"], "other-model").await;
    let (_dir, index) = world.built().await;
    let short = [1.0; 3];
    let wrong = index.search(&Query { vector: Some(&short), ..world::query("um", "acme") });
    assert!(matches!(wrong, Err(ShardError::Dimensions { found: 3, .. })));
    let question = embed("tatu");
    let hits = index.search(&Query { vector: Some(&question), ..world::query("tatu", "acme") }).unwrap();
    assert!(hits.iter().any(|hit| hit.document_id == id(2) && hit.cosine.is_none()));
    assert!(hits.iter().all(|hit| hit.document_id == id(2) || hit.cosine.is_some()));
    // A question by the other model sees the other vectors.
    let other = Query { vector: Some(&question), model: "other-model", ..world::query("tatu", "acme") };
    let hits = index.search(&other).unwrap();
    assert!(hits.iter().any(|hit| hit.document_id == id(2) && hit.cosine.is_some_and(|cosine| cosine > 0.3)));
    let by_meaning = index.search(&Query { text: "", ..other.clone() }).unwrap();
    assert!(by_meaning.iter().all(|hit| hit.document_id == id(2)) && !by_meaning.is_empty());
    // One that no document has vectors of leaves the words, and a document that is asked by name answers as a whole.
    let strange = Query { model: "a third", ..other };
    assert!(index.search(&strange).unwrap().iter().all(|hit| hit.cosine.is_none()));
    let one = [id(1)];
    let named = Query { text: "peixe", documents: Some(&one), ..strange.clone() };
    let hits = index.search(&named).unwrap();
    assert_eq!((hits.len(), hits[0].document_id, hits[0].cosine), (1, id(1), None));
    assert!(index.search(&Query { tenant: "nobody", ..named }).unwrap().is_empty());
}

#[tokio::test]
async fn another_make_takes_the_place_of_the_former_in_one_entry_and_leaves_nothing_of_it() {
    let mut world = World::new();
    world.upload(1, "acme", &["um dois", "tatu bola", "onça parda"]).await;
    world.upload(2, "acme", &["arara azul"]).await;
    let (dir, index) = world.built().await;
    let wanted = Make { model_id: "newer".to_owned(), chunker: "2/7/7/7".to_owned() };
    assert_eq!(index.made_otherwise(&wanted, 0), [id(1), id(2)]);
    assert!(index.made_otherwise(&wanted, u64::MAX).is_empty());
    assert_eq!(index.make_of(id(1)).unwrap().model_id, world::MODEL);
    for number in [1, 2] {
        world.make_again(number, 2, &["tatu bola, onça parda"], &wanted).await;
        world.replay_into(&index).await;
        let record = index.document(id(number)).unwrap().unwrap();
        assert_eq!((record.revision, record.status.outcome), (2, Outcome::Ready));
        assert_eq!(index.made_otherwise(&wanted, 0).len(), 2 - usize::from(number));
    }
    let question = embed("onça parda");
    let asked = Query { vector: Some(&question), model: "newer", ..world::query("onça parda", "acme") };
    for index in [&index, &world.open(&dir.path().join("again")).await] {
        let hits = index.search(&asked).unwrap();
        assert!(hits.len() == 2 && hits.iter().all(|hit| hit.revision == 2 && hit.cosine.is_some()));
        assert_eq!(index.counts().unwrap().chunks, 2);
        assert!(
            index.live().space_of(world::MODEL, question.len()).is_none(),
            "vectors of the former are left"
        );
        let former = Query { model: world::MODEL, text: "", ..asked.clone() };
        assert!(index.search(&former).unwrap().is_empty());
        index.verify().unwrap();
    }
    // Once more changes nothing: the revision is taken.
    world.make_again(1, 2, &["outra coisa"], &wanted).await;
    world.replay_into(&index).await;
    assert_eq!(index.chunks(id(1)).unwrap()[0].text, "tatu bola, onça parda");
}

#[tokio::test]
async fn a_document_is_found_at_every_moment_while_another_make_takes_its_place() {
    let mut world = World::new();
    world.upload(1, "acme", &["um dois", "tatu bola", "onça parda"]).await;
    let (_dir, index) = world.built().await;
    let from = world.entries.len();
    for revision in 2..40 {
        let texts = ["tatu bola e mais", "cauda"];
        let make = Make { model_id: format!("model-{revision}"), chunker: String::new() };
        world.make_again(1, revision, &texts[..1 + revision as usize % 2], &make).await;
    }
    let blobs = world.blobs(from).await;
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (question, one) = (embed("tatu"), [id(1)]);
            let mut asked = 0;
            loop {
                let base = Query { documents: Some(&one), ..world::query("tatu bola", "acme") };
                let hits = index.search(&Query { vector: Some(&question), ..base }).unwrap();
                assert_eq!(hits.first().map(|hit| hit.document_id), Some(id(1)), "after {asked} questions");
                asked += 1;
                if hits[0].revision == 39 {
                    return asked;
                }
            }
        });
        for (entry, blobs) in world.entries[from..].iter().zip(&blobs) {
            index.apply(entry, blobs).unwrap();
        }
        assert!(asking.join().unwrap() > 0);
    });
    index.verify().unwrap();
}

#[tokio::test]
async fn a_missing_blob_fails_its_document_and_nothing_else() {
    let mut world = World::new();
    world.upload(1, "acme", &["um"]).await;
    world.upload(2, "acme", &["dois"]).await;
    crate::record::delete_blobs(&*world.store, "acme", id(1)).await.unwrap();
    let (_dir, index) = world.built().await;
    let outcome = index.document(id(1)).unwrap().unwrap().status.outcome;
    assert!(matches!(outcome, Outcome::Failed(reason) if reason.code == "chunks_missing"));
    assert_eq!(index.document(id(2)).unwrap().unwrap().status.outcome, Outcome::Ready);
}

#[tokio::test]
async fn neighbours_are_of_the_same_page() {
    let mut world = World::new();
    world.upload_on_pages(1, "acme", &[("a", 1), ("b", 1), ("c", 1), ("d", 2)]).await;
    let (_dir, index) = world.built().await;
    let near = |ordinal| -> Vec<u32> {
        index.neighbours(id(1), ordinal, 1).unwrap().iter().map(|chunk| chunk.ordinal).collect()
    };
    assert_eq!((near(0), near(1), near(2), near(3)), (vec![0, 1], vec![0, 1, 2], vec![1, 2], vec![3]));
}

#[tokio::test]
async fn a_large_shard_answers_from_trees_and_tail_as_from_a_scan() {
    let mut world = World::busy().await;
    let dir = tempfile::tempdir().unwrap();
    let large = Settings { trees_from_chunks: 1, ..world::settings() };
    let index = ShardIndex::open(dir.path(), large).unwrap();
    world.replay_into(&index).await;
    let before = world::answers(&index);
    assert!(index.build_trees().unwrap());
    assert_eq!(world::answers(&index), before);
    world.upload(60, "acme", &["Um pinguim na cauda."]).await;
    world.append(vec![Op::Deleted { document_id: id(7), reason: "requested".to_owned() }]).await;
    world.replay_into(&index).await;
    let vector = embed("pinguim cauda");
    let hits = index.search(&Query { vector: Some(&vector), ..world::query("", "acme") }).unwrap();
    assert_eq!(hits[0].document_id, id(60));
    assert!(hits.iter().all(|hit| hit.document_id != id(7)));
    let (_scan_dir, scan) = world.built().await;
    assert!(world::answers(&index) == world::answers(&scan));
    assert!(!scan.build_trees().unwrap());
}
