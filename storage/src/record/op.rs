//! The operations of a shard log. Each is tagged and versioned, so that a newer one is refused and never skipped.
//! A newer version may add to a body what an older one can do without; an accepted document keeps it.

use bincode::{Decode, Encode};

use super::{BlobRef, DocumentId, DocumentRecord, Reason};
use crate::codec::{Rest, Whole, decode_whole};

/// One change of a shard.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// An upload was taken, or an existing document is to be ingested again (a higher revision).
    Accepted {
        /// The document; `ticket` and `status` are set by applying.
        document: Box<DocumentRecord>,
    },
    /// The page texts are stored.
    PagesRead {
        /// The document.
        document_id: DocumentId,
        /// The revision that they were read from; dropped if it is no longer current.
        revision: u32,
        /// A [`super::PagesBlob`].
        pages: BlobRef,
        /// Pages of the document.
        page_count: u32,
        /// Words of the document.
        word_count: u32,
        /// What reading has to tell: JSON as text.
        report_json: String,
    },
    /// The chunks and their vectors are stored.
    ChunksEmbedded {
        /// The document.
        document_id: DocumentId,
        /// The revision that they were cut from; dropped if it is no longer current.
        revision: u32,
        /// A [`super::ChunksBlob`].
        chunks: BlobRef,
        /// Chunks in the blob.
        chunk_count: u32,
    },
    /// The document is searchable from here on.
    Ready {
        /// The document.
        document_id: DocumentId,
        /// The revision; dropped if it is no longer current.
        revision: u32,
        /// The same blob as in `ChunksEmbedded`: applying this entry indexes it.
        chunks: BlobRef,
        /// When, Unix milliseconds.
        processed_ms: u64,
    },
    /// The document cannot be made searchable.
    Failed {
        /// The document.
        document_id: DocumentId,
        /// The revision; dropped if it is no longer current.
        revision: u32,
        /// Why.
        reason: Reason,
        /// When, Unix milliseconds.
        processed_ms: u64,
    },
    /// The document is gone and never comes back under this id.
    Deleted {
        /// The document.
        document_id: DocumentId,
        /// Such as `requested` or `expired`.
        reason: String,
    },
    /// Nothing; a new owner's claim of the next position.
    Fence,
}

/// An operation as it stands in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WireOp {
    /// Which operation.
    pub tag: u16,
    /// Which version of its body.
    pub version: u16,
    /// The body in the codec's layout.
    pub body: Vec<u8>,
}

/// Why an operation of an entry cannot be applied by this version.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// A newer version of the product wrote it.
    #[error(
        "the log holds operation {tag} in version {version}, which this version does not know; upgrade this node"
    )]
    Newer {
        /// Which operation.
        tag: u16,
        /// Which version of it.
        version: u16,
    },
    /// The body is not what its tag says.
    #[error("decoding operation {tag} of the log")]
    Body {
        /// Which operation.
        tag: u16,
        /// What is wrong.
        #[source]
        source: bincode::error::DecodeError,
    },
    /// The operation could not be written.
    #[error("encoding operation {tag} for the log")]
    Encode {
        /// Which operation.
        tag: u16,
        /// What is wrong.
        #[source]
        source: bincode::error::EncodeError,
    },
}

/// The version of every body that this product writes.
const BODY_VERSION: u16 = 1;

/// Largest body in bytes: a record with 64 KiB of metadata fits; anything larger belongs into a blob.
const BODY_BYTES_MAX: usize = 4 << 20;

fn layout() -> impl bincode::config::Config {
    bincode::config::legacy().with_limit::<BODY_BYTES_MAX>()
}

impl Op {
    fn tag(&self) -> u16 {
        match self {
            Self::Accepted { .. } => 1,
            Self::PagesRead { .. } => 2,
            Self::ChunksEmbedded { .. } => 3,
            Self::Ready { .. } => 4,
            Self::Failed { .. } => 5,
            Self::Deleted { .. } => 6,
            Self::Fence => 7,
        }
    }

    /// The document that this is about, if it is about one.
    #[must_use]
    pub fn document_id(&self) -> Option<DocumentId> {
        match self {
            Self::Accepted { document } => Some(document.document_id),
            Self::PagesRead { document_id, .. }
            | Self::ChunksEmbedded { document_id, .. }
            | Self::Ready { document_id, .. }
            | Self::Failed { document_id, .. }
            | Self::Deleted { document_id, .. } => Some(*document_id),
            Self::Fence => None,
        }
    }

    /// Bytes of the operation and of the blob that applying it reads; [`u64::MAX`] if it cannot be written.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let own = self.to_wire().map_or(u64::MAX, |wire| wire.body.len() as u64);
        match self {
            Self::Ready { chunks, .. } => own.saturating_add(chunks.size_bytes),
            _ => own,
        }
    }

    /// The operation as it stands in an entry.
    ///
    /// # Errors
    ///
    /// If it takes more than 4 MiB.
    pub fn to_wire(&self) -> Result<WireOp, OpError> {
        let tag = self.tag();
        let body = match self {
            Self::Accepted { document } => bincode::encode_to_vec(document, layout()),
            Self::PagesRead { document_id, revision, pages, page_count, word_count, report_json } => {
                bincode::encode_to_vec(
                    (document_id, revision, pages, page_count, word_count, report_json),
                    layout(),
                )
            }
            Self::ChunksEmbedded { document_id, revision, chunks, chunk_count } => {
                bincode::encode_to_vec((document_id, revision, chunks, chunk_count), layout())
            }
            Self::Ready { document_id, revision, chunks, processed_ms } => {
                bincode::encode_to_vec((document_id, revision, chunks, processed_ms), layout())
            }
            Self::Failed { document_id, revision, reason, processed_ms } => {
                bincode::encode_to_vec((document_id, revision, reason, processed_ms), layout())
            }
            Self::Deleted { document_id, reason } => bincode::encode_to_vec((document_id, reason), layout()),
            Self::Fence => Ok(Vec::new()),
        };
        let body = body.map_err(|source| OpError::Encode { tag, source })?;
        // The codec's limit holds for reading alone: a larger body would be acknowledged and never be read again.
        if body.len() > BODY_BYTES_MAX {
            let source = bincode::error::EncodeError::Other("it takes more than 4 MiB");
            return Err(OpError::Encode { tag, source });
        }
        Ok(WireOp { tag, version: BODY_VERSION, body })
    }

    /// The operation that stands in an entry.
    ///
    /// # Errors
    ///
    /// [`OpError::Newer`] if this version does not know it, [`OpError::Body`] if it is malformed.
    pub fn from_wire(wire: &WireOp) -> Result<Self, OpError> {
        if wire.version != BODY_VERSION || !(1..=7).contains(&wire.tag) {
            return Err(OpError::Newer { tag: wire.tag, version: wire.version });
        }
        Ok(match wire.tag {
            1 => Self::Accepted { document: body(wire)? },
            2 => {
                let (document_id, revision, pages, page_count, word_count, report_json) = body(wire)?;
                Self::PagesRead { document_id, revision, pages, page_count, word_count, report_json }
            }
            3 => {
                let (document_id, revision, chunks, chunk_count) = body(wire)?;
                Self::ChunksEmbedded { document_id, revision, chunks, chunk_count }
            }
            4 => {
                let (document_id, revision, chunks, processed_ms) = body(wire)?;
                Self::Ready { document_id, revision, chunks, processed_ms }
            }
            5 => {
                let (document_id, revision, reason, processed_ms) = body(wire)?;
                Self::Failed { document_id, revision, reason, processed_ms }
            }
            6 => {
                let (document_id, reason) = body(wire)?;
                Self::Deleted { document_id, reason }
            }
            _ => Self::Fence,
        })
    }
}

/// Reads a body. What a newer version added at its end changes no row; what does gets a new version of the body.
fn body<T: Decode<Whole>>(wire: &WireOp) -> Result<T, OpError> {
    let wrong = |source| OpError::Body { tag: wire.tag, source };
    let (value, _): (T, Rest) = decode_whole(&wire.body, layout()).map_err(wrong)?;
    Ok(value)
}
