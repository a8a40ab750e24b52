//! Records that a newer version may extend at their end: what it added is kept, though not understood.
//!
//! Fields are never removed, reordered or put between others: a new one goes before [`Rest`], as [`Added`], and older
//! versions find it in their `rest`. A field of a record inside a list is added as a list of its own at the end of
//! the outermost record. Whoever may not be passed over by an older version (an operation that changes rows in a new
//! way) takes a new version number instead, which older versions refuse.

use bincode::de::read::Reader;
use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};

/// Says that a value is the whole of its bytes, so that what follows its known fields is its own.
///
/// A record with a [`Rest`] decodes in this context alone; inside another record its bytes go with their length.
#[derive(Debug, Clone, Copy)]
pub struct Whole(());

/// The fields of a record that a newer version added; written back as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rest(Vec<u8>);

/// Steps in which [`Rest`] looks for bytes; the last is one, so that none is left.
const STEPS: [usize; 3] = [4_096, 64, 1];

impl Rest {
    /// Whether there is nothing that this version does not know.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as a newer version wrote them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Rest {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Encode for Rest {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        encoder.writer().write(&self.0)
    }
}

impl Decode<Whole> for Rest {
    fn decode<D: Decoder<Context = Whole>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let mut bytes = Vec::new();
        for step in STEPS {
            while let Some(part) = decoder.reader().peek_read(step) {
                bytes.extend_from_slice(part);
                decoder.reader().consume(step);
            }
        }
        Ok(Self(bytes))
    }
}

bincode::impl_borrow_decode_with_context!(Rest, Whole);

/// A field that was added after the first version: its default in records that older versions wrote.
///
/// It is always written, so that the fields behind it keep their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Added<T>(pub T);

impl<T: Encode> Encode for Added<T> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.encode(encoder)
    }
}

impl<T: Decode<Whole> + Default> Decode<Whole> for Added<T> {
    fn decode<D: Decoder<Context = Whole>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let has_more = decoder.reader().peek_read(1).is_some();
        if has_more { T::decode(decoder).map(Self) } else { Ok(Self::default()) }
    }
}

impl<'de, T: Decode<Whole> + Default> BorrowDecode<'de, Whole> for Added<T> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Whole>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Decode::decode(decoder)
    }
}

/// Decodes a value and everything that stands behind it.
///
/// # Errors
///
/// If the bytes are not such a value, or the value has no [`Rest`] and more follows.
pub(crate) fn decode_whole<T: Decode<Whole>, C: bincode::config::Config>(
    bytes: &[u8],
    layout: C,
) -> Result<T, DecodeError> {
    match bincode::decode_from_slice_with_context(bytes, layout, Whole(()))? {
        (value, used) if used == bytes.len() => Ok(value),
        _ => Err(DecodeError::Other("bytes left over behind the value")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAYOUT: bincode::config::Configuration<
        bincode::config::LittleEndian,
        bincode::config::Fixint,
        bincode::config::NoLimit,
    > = bincode::config::legacy();

    #[derive(Debug, Clone, PartialEq, Encode, Decode)]
    #[bincode(decode_context = "Whole")]
    struct First {
        name: String,
        count: u32,
        rest: Rest,
    }

    #[derive(Debug, Clone, PartialEq, Encode, Decode)]
    #[bincode(decode_context = "Whole")]
    struct Second {
        name: String,
        count: u32,
        colour: Added<String>,
        sizes: Added<Vec<u64>>,
        rest: Rest,
    }

    fn bytes<T: Encode>(value: &T) -> Vec<u8> {
        bincode::encode_to_vec(value, LAYOUT).unwrap()
    }

    #[test]
    fn a_field_that_an_older_version_did_not_write_is_its_default() {
        let first = First { name: "a".to_owned(), count: 1, rest: Rest::default() };
        let second: Second = decode_whole(&bytes(&first), LAYOUT).unwrap();
        assert_eq!((second.colour, second.sizes, second.rest), Default::default());
    }

    #[test]
    fn a_record_without_a_rest_takes_no_bytes_behind_it() {
        assert!(decode_whole::<u32, _>(&[1, 0, 0, 0], LAYOUT).is_ok());
        assert!(decode_whole::<u32, _>(&[1, 0, 0, 0, 9], LAYOUT).is_err());
    }

    proptest! {
        #[test]
        fn what_a_newer_version_added_survives_a_change_by_an_older_one(
            name in ".{0,20}", count: u32, colour in ".{0,9000}", sizes: Vec<u64>, third: Vec<u8>,
        ) {
            let rest = Rest(third);
            let newer = Second { name, count, colour: Added(colour), sizes: Added(sizes), rest };
            let mut older: First = decode_whole(&bytes(&newer), LAYOUT).unwrap();
            older.count = older.count.wrapping_add(1);
            let back: Second = decode_whole(&bytes(&older), LAYOUT).unwrap();
            prop_assert_eq!(back, Second { count: older.count, ..newer });
        }
    }
}
