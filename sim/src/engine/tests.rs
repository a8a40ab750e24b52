use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn engine(seed: u64) -> Engine {
    Engine::new(Chances::of_seed(seed, false), Trace::new(false))
}

#[test]
fn time_passes_only_when_nothing_is_ready() {
    let engine = engine(1);
    let seen = Arc::new(AtomicU64::new(0));
    let (inner, sum) = (engine.clone(), seen.clone());
    engine.spawn(WORLD, Lane::Hand, async move {
        inner.sleep(Duration::from_millis(70)).await;
        sum.fetch_add(inner.now_ms(), Ordering::Relaxed);
        inner.sleep(Duration::from_secs(3_600)).await;
        sum.fetch_add(inner.now_ms(), Ordering::Relaxed);
    });
    assert!(engine.run_until(1_000));
    assert_eq!(seen.load(Ordering::Relaxed), 70);
    assert!(engine.run_until(u64::MAX));
    assert_eq!(seen.load(Ordering::Relaxed), 70 + 70 + 3_600_000);
}

#[test]
fn a_frozen_group_stands_still_and_notices_its_timers_when_it_goes_on() {
    let engine = engine(1);
    let seen = Arc::new(AtomicU64::new(0));
    let (inner, at) = (engine.clone(), seen.clone());
    engine.spawn(Group(3), Lane::Node(1), async move {
        inner.sleep(Duration::from_millis(10)).await;
        at.store(inner.now_ms(), Ordering::Relaxed);
    });
    engine.run_until(0);
    engine.freeze(Group(3));
    let hand = engine.clone();
    engine.spawn(WORLD, Lane::Hand, async move {
        hand.sleep(Duration::from_millis(500)).await;
        hand.thaw(Group(3));
    });
    engine.run_until(10_000);
    assert_eq!(seen.load(Ordering::Relaxed), 500);
}

#[test]
fn an_ended_group_is_gone_in_mid_air_and_whoever_waits_for_it_hears_so() {
    let engine = engine(1);
    let (fill, slot) = Slot::<u8>::pair();
    let inner = engine.clone();
    engine.spawn(Group(3), Lane::Node(1), async move {
        inner.sleep(Duration::from_millis(10)).await;
        fill.with(1);
    });
    let heard = Arc::new(AtomicU64::new(7));
    let told = heard.clone();
    engine.spawn(WORLD, Lane::Hand, async move {
        told.store(u64::from(slot.taken().await.is_some()), Ordering::Relaxed);
    });
    engine.run_until(5);
    engine.end(Group(3));
    engine.run_until(100);
    assert_eq!(heard.load(Ordering::Relaxed), 0);
}

#[test]
fn one_seed_is_one_order_and_other_seeds_are_other_orders() {
    let order = |seed| {
        let engine = engine(seed);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for number in 0..6 {
            let (inner, seen) = (engine.clone(), seen.clone());
            engine.spawn(WORLD, Lane::Hand, async move {
                inner.sleep(Duration::from_millis(5)).await;
                seen.lock().unwrap().push(number);
            });
        }
        engine.run_until(100);
        let seen = seen.lock().unwrap().clone();
        (seen, engine.into_parts().1.hash())
    };
    assert_eq!(order(1), order(1));
    assert!((2..10).any(|seed| order(seed).0 != order(1).0));
}
