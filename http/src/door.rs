//! The door to chance: ids of requests and spans, which decide nothing.

/// A name that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "the name of a stream decides nothing, it is only looked up")]
pub(crate) fn random_uuid() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}

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
