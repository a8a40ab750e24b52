//! How a figure is timed and printed, as the peers do it.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

/// CPU seconds of all threads of this process.
pub(crate) fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Wall and CPU seconds of one run of `work`.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let made = work();
    (made, began.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

/// The shortest wall and CPU seconds of at least `runs_min` runs and one second, after one run that warms up.
pub(crate) fn best<E>(runs_min: usize, mut work: impl FnMut() -> Result<(), E>) -> Result<(f64, f64), E> {
    work()?;
    let (mut wall, mut cpu, began) = (f64::INFINITY, f64::INFINITY, Instant::now());
    let mut runs = 0;
    while runs < runs_min || (began.elapsed() < Duration::from_secs(1) && runs < 200) {
        let (done, wall_now, cpu_now) = timed(&mut work);
        done?;
        (wall, cpu, runs) = (wall.min(wall_now), cpu.min(cpu_now), runs + 1);
    }
    Ok((wall, cpu))
}

/// Prints one figure; `more` is an object of what belongs to it.
pub(crate) fn row(case: &str, value: f64, unit: &str, more: Value) {
    let mut row: Map<String, Value> = Map::new();
    row.insert("case".into(), json!(case));
    row.insert("value".into(), json!(value));
    row.insert("unit".into(), json!(unit));
    if let Value::Object(more) = more {
        row.extend(more);
    }
    println!("{}", Value::Object(row));
}
