//! Work on many things at once: one thread for each core, and the results in the order of the things.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Cores of this machine; 1 if it does not tell.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What `work` makes of each of `things`, on `jobs` threads; every thread takes the next thing that nobody has taken.
pub fn at_once<'a, T: Sync, R: Send>(
    things: &'a [T],
    jobs: usize,
    work: impl Fn(&'a T) -> R + Sync,
) -> Vec<R> {
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(things.len())));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, things.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(thing) = things.get(place) else { return };
                    let result = work(thing);
                    made.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_things_whoever_made_them() {
        let things: Vec<u64> = (0..100).collect();
        for jobs in [0, 1, 3, 200] {
            assert_eq!(at_once(&things, jobs, |thing| thing * 2), (0..200).step_by(2).collect::<Vec<_>>());
        }
        assert!(at_once(&[] as &[u64], 4, |thing| *thing).is_empty());
    }
}
