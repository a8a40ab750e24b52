use enabler_grounding::prompt::shipped_text;
use enabler_storage::objects::Memory;
use proptest::prelude::*;

use super::record::{Standing, VersionRecord};
use super::*;

const PORTUGUESE: &str = "[system]\nResponda com os trechos.\n{context}\n[user]\n{question}";
const ENGLISH: &str = "[system]\nAnswer from the passages.\n{context}\n[user]\n{question}";

fn order(version: &str, id: &str) -> Candidate {
    Candidate { id: id.into(), version: version.into(), by: "ana".into(), reason: "a test".into(), at_ms: 1 }
}

fn kept(pt: &str, en: &str) -> VersionRecord {
    let text = |text: &str| text.to_owned();
    VersionRecord { version: text(""), at_ms: 1, by: text("ana"), note: text(""), pt: text(pt), en: text(en) }
}

#[test]
fn a_version_without_room_for_passages_or_without_its_placeholders_is_refused() {
    let shipped = shipped_text(Language::Portuguese);
    assert_eq!(Version::read("v1", shipped, shipped_text(Language::English)).unwrap(), Version::shipped());
    assert!(Version::read("p1", PORTUGUESE, ENGLISH).is_ok());
    let long = PORTUGUESE.replace("trechos", &"trechos ".repeat(200));
    assert!(Version::read("p1", &long, ENGLISH).unwrap_err().contains("answer.p1.pt` takes about"));
    let blind = ENGLISH.replace("{context}", "");
    assert!(
        Version::read("p1", PORTUGUESE, &blind).unwrap_err().contains("must hold {context} exactly once")
    );
}

#[tokio::test(start_paused = true)]
async fn a_promoted_version_is_in_force_on_every_node_and_taken_back_it_is_the_one_before() {
    let store: Arc<dyn ObjectStore> = Arc::new(Memory::new());
    let (one, other) = (Prompts::start(store.clone()).await, Prompts::start(store.clone()).await);
    let name = record::keep(&*store, &kept(PORTUGUESE, ENGLISH), 10).await.unwrap();
    assert_eq!(name, "p1");
    assert_eq!(record::keep(&*store, &kept(PORTUGUESE, ENGLISH), 10).await.unwrap(), "p1", "the same words");
    assert_eq!(
        record::keep(&*store, &kept(PORTUGUESE, &ENGLISH.replace("from", "by")), 10).await.unwrap(),
        "p2"
    );
    let promote = |version: &'static str| {
        let store = store.clone();
        async move {
            let change = |standing: &mut Standing| {
                standing.promote(&order(version, "a"), "promoted", 1, String::new());
                Ok(())
            };
            record::change(&*store, change).await.unwrap();
        }
    };
    for version in ["p1", "p2"] {
        promote(version).await;
        tokio::time::sleep(LOOK_EVERY * 2).await;
        assert_eq!([&*one.now().name, &*other.now().name], [version; 2]);
        assert!(one.now().template(Language::English).name.contains(version));
    }
    for version in ["p1", "v1"] {
        let back = record::change(&*store, |standing| standing.roll_back(&order("", "b"), 2)).await;
        assert_eq!(back.unwrap(), version);
        tokio::time::sleep(LOOK_EVERY * 2).await;
        assert_eq!([&*one.now().name, &*other.now().name], [version; 2]);
    }
    let back = record::change(&*store, |standing| standing.roll_back(&order("", "c"), 2)).await;
    assert!(back.unwrap_err().contains("ships, is in force"));
    promote("p9").await;
    tokio::time::sleep(LOOK_EVERY * 2).await;
    assert_eq!(one.now().name, "v1", "one that is not there is not taken in");
    assert_eq!(one.named("p2").await.unwrap().name, "p2");
    assert!(one.named("p9").await.is_err() && one.named("../x").await.is_err());
}

#[test]
fn a_trial_ends_once_and_one_that_was_overtaken_changes_nothing() {
    let mut standing = Standing::default();
    standing.try_out(order("p1", "first")).unwrap();
    assert!(standing.try_out(order("p2", "second")).unwrap_err().contains("p1 is on trial"));
    assert!(!standing.conclude("second", &Verdict::Passed(String::new()), 2));
    assert!(standing.conclude("first", &Verdict::Refused("suite `a`".into()), 2));
    assert!(!standing.conclude("first", &Verdict::Passed(String::new()), 3));
    assert_eq!((standing.in_force(), &*standing.changes[0].what), ("v1", "refused"));
    standing.try_out(order("p2", "third")).unwrap();
    assert!(standing.conclude("third", &Verdict::Passed("well".into()), 4));
    assert_eq!(standing.in_force(), "p2");
}

proptest! {
    #[test]
    fn whatever_is_promoted_is_taken_back_in_the_reverse_order(versions in prop::collection::vec(1..9_u8, 0..150)) {
        let mut standing = Standing::default();
        for version in &versions {
            standing.promote(&order(&format!("p{version}"), "a"), "promoted", 1, String::new());
        }
        for version in versions.iter().rev().take(100) {
            prop_assert_eq!(standing.in_force(), format!("p{version}"));
            standing.roll_back(&order("", "b"), 2).unwrap();
        }
        prop_assert_eq!(standing.in_force(), "v1");
        prop_assert!(standing.changes.len() <= 100);
    }
}
