//! The envelope around everything that outlives a process: self-describing, versioned, checksummed.
//!
//! Layout, little-endian: magic `DQL1` (4) | format version (1) | codec id (1) | compression (1) | kind (1) |
//! payload length (4) | crc32c (4) of everything else | payload. The codec is bincode 2.0.1 in its `legacy`
//! layout, which `wincode` reads byte for byte should bincode ever have to go. Behind the envelope nothing may stand;
//! inside it a newer version may add fields, which a record with a [`Rest`] keeps.

mod open;

use bincode::{Decode, Encode};

pub(crate) use open::decode_whole;
pub use open::{Added, Rest, Whole};

/// The first bytes of every envelope.
const MAGIC: &[u8; 4] = b"DQL1";
/// The envelope's own version.
const VERSION: u8 = 1;
/// Codec 1: bincode, legacy layout.
const CODEC_BINCODE_LEGACY: u8 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Bytes before the payload.
pub const HEADER_BYTES: usize = 16;
/// Where the checksum stands in the header.
const CRC_AT: usize = 12;

/// Largest payload after decompression: the text and vectors of a 50 MB document fit several times; more is a lie.
pub const PAYLOAD_BYTES_MAX: usize = 256 << 20;

/// Below this, compression saves nothing worth its header.
const COMPRESS_FROM_BYTES: usize = 512;

/// Fast enough to disappear beside the write of the object, and still halves text.
const ZSTD_LEVEL: i32 = 3;

/// What an envelope holds, so that a manifest is never read as an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// One entry of a shard log.
    Entry = 1,
    /// A shard's manifest.
    Manifest = 2,
    /// The chunks of one revision.
    Chunks = 3,
    /// The page texts of one revision.
    Pages = 4,
    /// The store-wide settings that never change.
    Cluster = 5,
    /// A row of a shard index.
    Row = 6,
    /// Part of a snapshot.
    Snapshot = 7,
    /// A node's own record (address, roles, last beat).
    Node = 8,
}

/// Why bytes are not the envelope that was expected.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes are shorter than they say, or than a header.
    #[error("the record is cut short: {has} of {needs} bytes")]
    Truncated {
        /// Bytes present.
        has: usize,
        /// Bytes needed.
        needs: usize,
    },
    /// There is more after the record.
    #[error("the record is followed by {extra} bytes that do not belong to it")]
    Trailing {
        /// Bytes too many.
        extra: usize,
    },
    /// The checksum does not fit the bytes.
    #[error("the record is damaged: checksum {found:08x} where {expected:08x} was written")]
    Damaged {
        /// What the bytes give.
        found: u32,
        /// What the record says.
        expected: u32,
    },
    /// The magic is not ours.
    #[error("these bytes are not a record of this product")]
    Foreign,
    /// A newer version of the product wrote this.
    #[error(
        "the record has {what} {found}, newer than this version reads (up to {known}); upgrade this node"
    )]
    Newer {
        /// Which number is too high.
        what: &'static str,
        /// Its value.
        found: u32,
        /// The highest value known here.
        known: u32,
    },
    /// The envelope holds something else.
    #[error("the record is of kind {found} where {expected:?} was expected")]
    Kind {
        /// The kind byte found.
        found: u8,
        /// What was expected.
        expected: Kind,
    },
    /// The content is larger than this product ever writes.
    #[error("the record would take more than {PAYLOAD_BYTES_MAX} bytes")]
    TooLarge,
    /// Compression failed.
    #[error("unpacking the record")]
    Zstd(#[source] std::io::Error),
    /// The value could not be written.
    #[error("encoding the record")]
    Encode(#[source] bincode::error::EncodeError),
    /// The payload is not such a value.
    #[error("decoding the record")]
    Decode(#[source] bincode::error::DecodeError),
}

fn layout() -> impl bincode::config::Config {
    bincode::config::legacy().with_limit::<PAYLOAD_BYTES_MAX>()
}

/// Wraps `value` as `kind`; long payloads are compressed.
///
/// # Errors
///
/// If the value takes more than [`PAYLOAD_BYTES_MAX`].
pub fn encode<T: Encode>(kind: Kind, value: &T) -> Result<Vec<u8>, CodecError> {
    let payload = to_bytes(value)?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(CodecError::TooLarge);
    }
    let packed = if payload.len() >= COMPRESS_FROM_BYTES {
        let packed = zstd::bulk::compress(&payload, ZSTD_LEVEL).map_err(CodecError::Zstd)?;
        Some(packed).filter(|packed| packed.len() < payload.len())
    } else {
        None
    };
    let (zip, body) = packed.as_ref().map_or((PLAIN, &payload), |packed| (ZSTD, packed));
    let length = u32::try_from(body.len()).map_err(|_| CodecError::TooLarge)?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[VERSION, CODEC_BINCODE_LEGACY, zip, kind as u8]);
    bytes.extend_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), body);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// Unwraps what [`encode`] made of a value of this `kind`. Any single damaged bit is an error.
///
/// # Errors
///
/// A [`CodecError`] that says what is wrong with the bytes.
pub fn decode<T: Decode<Whole>>(kind: Kind, bytes: &[u8]) -> Result<T, CodecError> {
    let (header, body) = checked(bytes)?;
    if header.kind != kind as u8 {
        return Err(CodecError::Kind { found: header.kind, expected: kind });
    }
    let unpacked;
    let payload = match header.zip {
        PLAIN => body,
        ZSTD => {
            unpacked = unpack(body)?;
            &unpacked
        }
        other => return Err(newer("compression", other.into(), ZSTD.into())),
    };
    from_bytes(payload)
}

/// A value without an envelope, to stand with its length inside another record.
pub(crate) fn to_bytes<T: Encode>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::encode_to_vec(value, layout()).map_err(CodecError::Encode)
}

/// Reads what [`to_bytes`] wrote.
pub(crate) fn from_bytes<T: Decode<Whole>>(bytes: &[u8]) -> Result<T, CodecError> {
    decode_whole(bytes, layout()).map_err(CodecError::Decode)
}

/// The checksum that stands in an envelope; it names the envelope in a chain.
///
/// # Errors
///
/// If the bytes are not a whole, undamaged envelope.
pub fn checksum(bytes: &[u8]) -> Result<u32, CodecError> {
    checked(bytes).map(|(header, _)| header.crc)
}

struct Header {
    zip: u8,
    kind: u8,
    crc: u32,
}

fn checked(bytes: &[u8]) -> Result<(Header, &[u8]), CodecError> {
    let short = |needs| CodecError::Truncated { has: bytes.len(), needs };
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or_else(|| short(HEADER_BYTES))?;
    let [m0, m1, m2, m3, version, codec, zip, kind, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    if [m0, m1, m2, m3] != *MAGIC {
        return Err(CodecError::Foreign);
    }
    if version > VERSION {
        return Err(newer("format version", version.into(), VERSION.into()));
    }
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| CodecError::TooLarge)?;
    if body.len() < length {
        return Err(short(HEADER_BYTES + length));
    }
    if body.len() > length {
        return Err(CodecError::Trailing { extra: body.len() - length });
    }
    let crc = u32::from_le_bytes([c0, c1, c2, c3]);
    let found = crc32c::crc32c_append(crc32c::crc32c(header.get(..CRC_AT).unwrap_or_default()), body);
    if found != crc && !crate::plant::here("checksum-not-verified") {
        return Err(CodecError::Damaged { found, expected: crc });
    }
    if version != VERSION || codec != CODEC_BINCODE_LEGACY {
        return Err(newer("codec", codec.into(), CODEC_BINCODE_LEGACY.into()));
    }
    Ok((Header { zip, kind, crc }, body))
}

fn newer(what: &'static str, found: u32, known: u32) -> CodecError {
    CodecError::Newer { what, found, known }
}

/// Unpacks with a limit, because a few bytes can claim to unpack to gigabytes.
fn unpack(body: &[u8]) -> Result<Vec<u8>, CodecError> {
    use std::io::Read;
    let decoder = zstd::stream::read::Decoder::new(body).map_err(CodecError::Zstd)?;
    let mut payload = Vec::new();
    let limit = PAYLOAD_BYTES_MAX as u64;
    decoder.take(limit + 1).read_to_end(&mut payload).map_err(CodecError::Zstd)?;
    if payload.len() > PAYLOAD_BYTES_MAX { Err(CodecError::TooLarge) } else { Ok(payload) }
}

#[cfg(test)]
mod tests;
