//! The door to chance and to the time of day: ids and dates that people look at, which decide nothing.

/// `bytes` random bytes as lower-case hexadecimal digits.
#[expect(
    clippy::disallowed_methods,
    reason = "an id of a request is looked at by people only, never acted on"
)]
pub(crate) fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0_u8; BYTES];
    // Without chance a request goes on under an id of zeros rather than not at all.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time of day in Unix seconds, as clients see it in an answer.
#[expect(
    clippy::disallowed_methods,
    reason = "a date in an answer is looked at by clients only, never acted on"
)]
pub(crate) fn now_unix() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
