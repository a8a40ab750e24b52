//! What this process takes of its machine, by what the kernel tells.

use tokio::time::Instant;

/// Ticks of a second in `/proc`; Linux tells them so on every architecture (`man 5 proc`).
const TICKS: f64 = 100.0;
/// Bytes of a page of memory as `/proc` counts it where nothing else is known.
const PAGE_BYTES: u64 = 4_096;

/// The processor time that was taken since it was last asked.
#[derive(Debug, Default)]
pub(super) struct Processor {
    before: Option<(Instant, u64)>,
    percent: Option<f64>,
}

impl Processor {
    /// Percent of one core since the last time, once there was one.
    pub(super) fn percent(&mut self, stat: &str, now: Instant) -> Option<f64> {
        let ticks = ticks(stat)?;
        if let Some((then, before)) = self.before {
            let seconds = now.saturating_duration_since(then).as_secs_f64();
            // Within less time the ticks are too coarse.
            if seconds < 0.5 {
                return self.percent;
            }
            let share = ticks.saturating_sub(before) as f64 / TICKS / seconds * 100.0;
            self.percent = Some((share * 10.0).round() / 10.0);
        }
        self.before = Some((now, ticks));
        self.percent
    }
}

/// User and system time: the 14th and 15th field of `/proc/self/stat`, counted behind the name, which may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Resident memory: the second field of `/proc/self/statm`, in pages.
pub(super) fn memory_bytes(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * PAGE_BYTES)
}

/// A file of `/proc`, which is made in memory as it is read.
pub(super) fn read(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STAT: &str = "42 (a (name) x) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 4 0 100 1000 10";

    #[tokio::test(start_paused = true)]
    async fn the_share_is_that_of_the_time_between_two_looks() {
        assert_eq!(ticks(STAT), Some(200));
        let mut processor = Processor::default();
        let began = Instant::now();
        assert_eq!(processor.percent(STAT, began), None);
        let later = STAT.replace(" 150 50 ", " 200 100 ");
        assert_eq!(processor.percent(&later, began + Duration::from_secs(4)), Some(25.0));
        assert_eq!(memory_bytes("100 25 1"), Some(25 * PAGE_BYTES));
        assert_eq!((ticks("none"), memory_bytes("")), (None, None));
    }
}
