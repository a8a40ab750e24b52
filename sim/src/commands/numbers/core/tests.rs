use enabler_sim::search::MUST_SEE;

use super::*;

fn found() -> Found {
    let sometimes = MUST_SEE.into_iter().map(|what| (what, 1)).collect();
    Found { seeds: 10_000, took_ms: 84_000, sometimes, ..Found::default() }
}

#[test]
fn a_search_is_kept_in_time_without_a_broken_promise_and_without_a_hole() {
    let measured = searched(&found(), 17_200);
    assert!(measured.is_kept);
    assert!(
        measured.text.starts_with("2,000 in 17.2 s, 10,000 in 84.0 s; 0 promises broken"),
        "{}",
        measured.text
    );
    assert!(!searched(&found(), 60_001).is_kept);
    assert!(!searched(&Found { took_ms: 300_001, ..found() }, 1).is_kept);
    assert!(!searched(&Found { sometimes: Default::default(), ..found() }, 1).is_kept);
    assert!(!searched(&Found { seeds: 9_999, ..found() }, 1).is_kept);
}

#[test]
fn one_mistake_that_is_missed_is_named_and_not_kept() {
    let caught_in = |seeds| Hunt::Caught { seeds, promise: 1, text: String::new() };
    let mut hunts: Vec<(&Plant, Hunt)> = PLANTS.iter().map(|plant| (plant, caught_in(3))).collect();
    let all = caught(&hunts);
    assert!(all.is_kept && all.text.contains("median within 3 seeds"), "{all:?}");
    hunts[0].1 = Hunt::Missed;
    let some = caught(&hunts);
    assert!(!some.is_kept && some.text.contains(&format!("missed: {}", PLANTS[0].name)), "{some:?}");
    let slow: Vec<_> = PLANTS.iter().map(|plant| (plant, caught_in(11))).collect();
    assert!(!caught(&slow).is_kept);
}

#[test]
fn failures_that_need_nothing_of_their_run_do_not_count_as_small() {
    let small = |promise, after| Small { promise, before: 1_000, after, events: (500, 50), took_ms: 9_000 };
    let nine: Vec<Small> = (1..=9).map(|promise| small(promise, 12)).collect();
    let measured = shrunk(&nine);
    assert!(measured.is_kept && measured.text.contains("98.8 %"), "{measured:?}");
    let eight: Vec<Small> =
        (1..=9).map(|promise| small(promise, if promise == 1 { 0 } else { 12 })).collect();
    assert!(!shrunk(&eight).is_kept);
    let large: Vec<Small> = (1..=9).map(|promise| small(promise, 26)).collect();
    assert!(!shrunk(&large).is_kept);
    let late: Vec<Small> = nine.iter().map(|small| Small { took_ms: 31_000, ..*small }).collect();
    assert!(!shrunk(&late).is_kept);
}

#[test]
fn one_flipped_bit_that_is_served_is_not_kept_and_its_kind_is_named() {
    let sound = Flipped { kind: "manifest", objects: 1, bytes: 10, detected: 80, served: 0 };
    assert!(flipped(std::slice::from_ref(&sound)).is_kept);
    let measured = flipped(&[sound.clone(), Flipped { kind: "pages", detected: 79, served: 1, ..sound }]);
    assert!(!measured.is_kept && measured.text.ends_with("1 served (pages)"), "{measured:?}");
    assert!(!flipped(&[]).is_kept);
}
