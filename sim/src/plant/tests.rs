use std::collections::BTreeSet;

use super::*;
use crate::core::judge::PROMISES;

#[test]
fn every_plant_has_a_name_of_its_own_and_promises_that_exist() {
    let names: BTreeSet<&str> = PLANTS.iter().map(|plant| plant.name).collect();
    assert_eq!(names.len(), PLANTS.len());
    assert!(PLANTS.len() >= 48, "{}", PLANTS.len());
    let known = |promise: &u16| PROMISES.iter().any(|known| known.0 == *promise);
    for plant in PLANTS {
        assert!(!plant.promises.is_empty() && plant.promises.iter().all(known), "{}", plant.name);
        assert!(plant.name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{}", plant.name);
        assert!(plant.sentence.ends_with('.'), "{}", plant.name);
    }
}

#[test]
fn at_least_twenty_plants_re_enact_an_issue_of_their_own() {
    let issues: Vec<&str> = PLANTS.iter().filter_map(|plant| plant.issue).collect();
    assert!(issues.iter().collect::<BTreeSet<_>>().len() >= 20, "{issues:?}");
    for issue in issues {
        let (repository, number) = issue.split_once('#').unwrap();
        assert!(repository.split('/').count() == 2 && number.parse::<u32>().is_ok(), "{issue}");
    }
}

/// Caught by the first seeds, each by another part of the judge.
const QUICK: [&str; 10] = [
    "acknowledged-before-the-append",
    "beat-overwrites-a-death",
    "claim-drops-unknown-fields",
    "entry-names-no-entry-before",
    "living-owner-is-robbed",
    "one-replica-too-few",
    "read-by-any-tenant",
    "refusal-is-a-fence",
    "restarts-without-a-wait",
    "unfinished-work-is-forgotten",
];

#[test]
fn a_planted_mistake_is_caught_and_told_as_the_promise_that_it_breaks() {
    for name in QUICK {
        let plant = find(name).unwrap();
        let Hunt::Caught { promise, text, .. } = hunt(plant, 0..200) else { panic!("{name} was missed") };
        assert!(plant.promises.contains(&promise), "{name} was told as {promise}: {text}");
    }
}

#[test]
fn nothing_is_caught_where_nothing_is_planted() {
    let nothing = Plant { name: "nothing", ..*find(QUICK[0]).unwrap() };
    assert_eq!(hunt(&nothing, 0..200), Hunt::Missed);
}
