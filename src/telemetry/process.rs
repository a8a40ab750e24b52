//! What this process takes of its machine, with its children: by what the kernel tells.

use std::path::{Path, PathBuf};

use enabler_telemetry::Seen;

/// Ticks of a second in `/proc`; Linux tells them so on every architecture (`man 5 proc`).
const TICKS: f64 = 100.0;
/// A disk of this size says that it has none, as EFS does: 8 EiB.
const DISK_BYTES_MAX: u64 = 1 << 60;
/// Children that are looked at: readers of pages, and a check of an index.
const CHILDREN_MAX: usize = 1_024;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    cpu_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    memory_max_bytes: Option<u64>,
    /// Used bytes and the size, of the disk of the data directory and of the models.
    disks: Vec<(&'static str, u64, Option<u64>)>,
}

/// Looks; the files of the kernel are made in memory, and a disk tells its size without being read.
pub(super) fn look(data: &Path, models: &Path) -> Looked {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let mut pids = vec!["self".to_owned()];
    pids.extend(children());
    let stats = pids.iter().map(|pid| read(&format!("/proc/{pid}/stat")));
    // Those that have ended are counted with whoever waited for them.
    let ticks: Option<u64> =
        stats.enumerate().filter_map(|(n, stat)| ticks(&stat, n == 0)).reduce(|a, b| a + b);
    let memory = pids.iter().filter_map(|pid| anonymous_bytes(&read(&format!("/proc/{pid}/status"))));
    let disk = |place, path: &Path| disk(path).map(|(used, size)| (place, used, size));
    Looked {
        cpu_seconds: ticks.map(|ticks| ticks as f64 / TICKS),
        memory_bytes: memory.reduce(|a, b| a + b),
        memory_max_bytes: memory_max(
            &read("/sys/fs/cgroup/memory.max"),
            &read("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
            &read("/proc/meminfo"),
        ),
        disks: [disk("data", data), disk("models", models)].into_iter().flatten().collect(),
    }
}

/// Tells what was found.
pub(super) fn tell(looked: &Looked, seen: &mut Seen) {
    if let Some(seconds) = looked.cpu_seconds {
        seen.add("rag_enabler_process_cpu_seconds_total", &[], seconds);
    }
    // The bound of its cgroup is in it.
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    seen.add("rag_enabler_process_cpus", &[], cpus as f64);
    for (name, bytes) in [
        ("rag_enabler_process_memory_bytes", looked.memory_bytes),
        ("rag_enabler_process_memory_max_bytes", looked.memory_max_bytes),
    ] {
        if let Some(bytes) = bytes {
            seen.add(name, &[], bytes as f64);
        }
    }
    for (place, used, size) in &looked.disks {
        seen.add("rag_enabler_disk_bytes", &[place], *used as f64);
        if let Some(size) = size {
            seen.add("rag_enabler_disk_max_bytes", &[place], *size as f64);
        }
    }
}

/// The children of this process, by the threads that started them.
fn children() -> Vec<String> {
    let threads: Vec<PathBuf> = std::fs::read_dir("/proc/self/task")
        .map(|threads| threads.flatten().map(|thread| thread.path().join("children")).collect())
        .unwrap_or_default();
    let told = threads.iter().map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let mut all: Vec<String> =
        told.flat_map(|told| told.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    all.truncate(CHILDREN_MAX);
    all
}

/// User and system time, the 14th and 15th field; for a process of ours also those of its children that have ended.
fn ticks(stat: &str, with_ended: bool) -> Option<u64> {
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: Vec<u64> =
        fields.take(if with_ended { 4 } else { 2 }).filter_map(|field| field.parse().ok()).collect();
    (ticks.len() >= 2).then(|| ticks.iter().sum())
}

/// What of a process' memory cannot be given back: the rest is files, which can be read again.
fn anonymous_bytes(status: &str) -> Option<u64> {
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((kilobytes("RssAnon:")? + kilobytes("RssShmem:").unwrap_or(0)) * 1_024)
}

/// The bound of the cgroup, of version 2 or 1, or the machine's memory.
fn memory_max(two: &str, one: &str, meminfo: &str) -> Option<u64> {
    let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let machine = kilobytes.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let machine = machine.map(|kilobytes| kilobytes * 1_024);
    let bound = [two, one].into_iter().find_map(|text| text.trim().parse::<u64>().ok());
    // Version 1 writes no bound as a number beyond all memory.
    match (bound, machine) {
        (Some(bound), Some(machine)) => Some(bound.min(machine)),
        (bound, machine) => bound.or(machine),
    }
}

/// Bytes in use on the disk of `path`, and its size if it has one.
fn disk(path: &Path) -> Option<(u64, Option<u64>)> {
    let told = rustix::fs::statvfs(path).ok()?;
    let size = told.f_blocks.saturating_mul(told.f_frsize);
    let used = told.f_blocks.saturating_sub(told.f_bfree).saturating_mul(told.f_frsize);
    Some((used, Some(size).filter(|size| (1..DISK_BYTES_MAX).contains(size))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a (name) x) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 7 3 20 0 4 0 100 1000 10";

    #[test]
    fn the_time_of_children_that_ended_is_that_of_the_node() {
        assert_eq!((ticks(STAT, true), ticks(STAT, false), ticks("", true)), (Some(210), Some(200), None));
    }

    #[test]
    fn memory_is_what_cannot_be_given_back() {
        let status = "Name:\tx\nVmRSS:\t 900 kB\nRssAnon:\t 100 kB\nRssFile:\t 798 kB\nRssShmem:\t 2 kB\n";
        assert_eq!((anonymous_bytes(status), anonymous_bytes("")), (Some(102 * 1_024), None));
    }

    #[test]
    fn the_bound_is_that_of_the_cgroup_and_else_of_the_machine() {
        let meminfo = "MemTotal:       4 kB\n";
        assert_eq!(memory_max("2048\n", "", meminfo), Some(2_048));
        assert_eq!(memory_max("max\n", "", meminfo), Some(4_096));
        assert_eq!(memory_max("", "9223372036854771712\n", meminfo), Some(4_096));
        assert_eq!(memory_max("", "", ""), None);
    }

    #[test]
    fn this_process_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let looked = look(dir.path(), &dir.path().join("absent"));
        assert!(looked.cpu_seconds.is_some() && looked.memory_bytes.is_some_and(|bytes| bytes > 0));
        assert!(looked.memory_max_bytes >= looked.memory_bytes);
        assert_eq!(looked.disks.iter().map(|(place, ..)| *place).collect::<Vec<_>>(), ["data"]);
    }
}
