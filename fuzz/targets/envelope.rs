//! Any bytes as a stored record: never a panic, and an envelope that opens is the one that was sealed.
#![no_main]

use enabler_storage::{log, record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first two bytes choose the place that an entry is read from.
    if let [shard, seq, rest @ ..] = bytes {
        if let Ok(sealed) = log::SealedEntry::open(u32::from(*shard), u64::from(*seq), rest.to_vec().into()) {
            assert_eq!(sealed.bytes.as_ref(), rest);
        }
    }
    let _ = record::decode_pages(bytes);
    let _ = record::decode_chunks(bytes);
});
