//! JSON records in the store: one line, and below it that line's checksum, so that no flipped bit is taken for a record.
//!
//! People and other programs read such an object as JSON Lines. What the shards live on has a layout of its own (`codec`).

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why bytes are no JSON record.
#[derive(Debug, Error)]
pub enum SealError {
    /// The checksum is that of another line, or is no checksum.
    #[error("the record is damaged: its checksum does not fit")]
    Damaged,
    /// The line is not what the reader knows.
    #[error("the record is not understood: {0}")]
    Unknown(#[from] serde_json::Error),
}

/// `value` as one line of JSON with its checksum below.
///
/// # Errors
/// If `value` cannot be said in JSON.
pub fn seal<T: Serialize>(value: &T) -> Result<Bytes, serde_json::Error> {
    let mut text = serde_json::to_vec(value)?;
    let checksum = checksum(&text);
    text.extend_from_slice(checksum.as_bytes());
    Ok(text.into())
}

/// What was sealed.
///
/// A text without a second line is a record of a version that wrote no checksum, and is read as it is.
///
/// # Errors
/// [`SealError::Damaged`] if anything was changed since, [`SealError::Unknown`] if it is sound and another kind of record.
pub fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SealError> {
    // In compact JSON a line break is always escaped.
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, below) = bytes.split_at(end);
    if !below.is_empty() && below != checksum(line).as_bytes() {
        return Err(SealError::Damaged);
    }
    serde_json::from_slice(line).map_err(|error| match error.classify() {
        // A line that was sealed is whole JSON: one that is not was never sealed, or its end was changed.
        serde_json::error::Category::Data => SealError::Unknown(error),
        _ => SealError::Damaged,
    })
}

fn checksum(line: &[u8]) -> String {
    format!("\n{{\"crc32c\":\"{:08x}\"}}\n", crc32c::crc32c(line))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_without_a_checksum_is_read_and_one_that_was_cut_is_not() {
        assert_eq!(open::<Vec<u8>>(b"[1,2]").unwrap(), [1, 2]);
        assert!(matches!(open::<Vec<u8>>(b"{}"), Err(SealError::Unknown(_))));
        assert!(matches!(open::<Vec<u8>>(b"[1,2"), Err(SealError::Damaged)));
        assert!(matches!(open::<Vec<u8>>(b"[1,2]\n"), Err(SealError::Damaged)));
    }

    #[test]
    fn each_line_is_json_by_itself() {
        let sealed = seal(&"one\ntwo").unwrap();
        let lines: Vec<&[u8]> = sealed.trim_ascii_end().split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok()));
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_and_no_flipped_bit_passes(
            value in prop::collection::btree_map(".{0,12}", ".{0,40}", 0..6),
            bit in any::<prop::sample::Index>(),
        ) {
            let sealed = seal(&value).unwrap();
            prop_assert_eq!(&open::<BTreeMap<String, String>>(&sealed).unwrap(), &value);
            let mut flipped = sealed.to_vec();
            let bit = bit.index(flipped.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(matches!(open::<BTreeMap<String, String>>(&flipped), Err(SealError::Damaged)));
        }
    }
}
