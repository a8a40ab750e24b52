//! Microseconds since this process first asked: small enough for an atomic, and never going back.

use std::sync::LazyLock;

use tokio::time::Instant;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now.
pub(crate) fn now_us() -> u64 {
    let began = *BEGAN;
    u64::try_from(Instant::now().saturating_duration_since(began).as_micros()).unwrap_or(u64::MAX)
}
