//! The limits a child sets itself before it looks at a file.

use std::io;

use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::settings::Limits;

/// Open files: the three streams, the document, and the language data while it is loaded.
const FILES_MAX: u64 = 32;

/// How much the reading thread stands back: on full cores what answers people and holds leases goes first.
const NICENESS: i32 = 10;

/// Sets every limit that holds for the child's whole life.
pub(super) fn confine(limits: &Limits) -> io::Result<()> {
    // By a signal of its own, so that the parent can tell it from a file's doing.
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // A page that is read as fast as ever breaks no limit.
    let _ = nice(NICENESS);
    let both = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, both(limits.memory_bytes_max))?;
    setrlimit(Resource::Fsize, both(0))?;
    setrlimit(Resource::Core, both(0))?;
    setrlimit(Resource::Nofile, both(FILES_MAX))?;
    Ok(())
}

/// Lets the child use `seconds` more of CPU; past them it is ended by a signal.
pub(super) fn allow_cpu(seconds: u32) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.max(0).unsigned_abs();
    // The used seconds are rounded down.
    let most = used + 1 + u64::from(seconds);
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(most), maximum: None })?)
}
