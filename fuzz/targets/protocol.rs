//! Any bytes as frames between the reading child and its parent: never a panic, and what is read is written back alike.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The protocol is private to its crate; compiled in here, it is the same code.
#[allow(dead_code, reason = "the sending half is the children's")]
#[path = "../../actors/reading/src/child/protocol.rs"]
mod protocol;
mod page {
    pub use enabler_reading::{DocumentInfo, Page};
}
mod problem {
    pub use enabler_reading::{DocumentProblem, PageProblem};
}
mod settings {
    pub use enabler_reading::{Limits, Settings};
}

/// As large as the fuzzer's input may be and more: the length field is what is tried.
const BYTES_MAX: u32 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut stream = bytes;
    while let Ok(Some(request)) =
        protocol::receive::<protocol::Request>(&mut stream, protocol::REQUEST_BYTES_MAX)
    {
        let written = protocol::frame(&request, BYTES_MAX).expect("what was read fits a frame");
        assert_eq!(protocol::message::<protocol::Request>(&written[4..]), Some(request));
    }
    let mut stream = bytes;
    while let Ok(Some(answer)) = protocol::receive::<protocol::Answer>(&mut stream, BYTES_MAX) {
        // Floats may be NaN, which equals nothing: their bytes are compared.
        let written = protocol::frame(&answer, u32::MAX).expect("what was read fits a frame");
        let again = protocol::message::<protocol::Answer>(&written[4..]).expect("what was written is read");
        assert_eq!(protocol::frame(&again, u32::MAX), Some(written));
    }
});
