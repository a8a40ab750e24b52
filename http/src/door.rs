//! The door to chance: ids of requests and spans, which decide nothing.

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
