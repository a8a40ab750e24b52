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
    }
}
