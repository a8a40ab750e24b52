//! The large results of an ingest, kept as blobs so that a new owner resumes and a rebuild never embeds again.

use bincode::{Decode, Encode};
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::codec::{Added, CodecError, Kind, Rest, Whole, decode, encode};

/// A word's place: bytes of the page text, and a rectangle on the page.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub struct WordBox {
    /// First byte in the page text.
    pub start: u32,
    /// End in the page text, exclusive.
    pub end: u32,
    /// Left, top, right, bottom in PDF points from the page's top left corner.
    pub rect: [f32; 4],
}

/// The text of one page and where it stands.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct PageRecord {
    /// Counts from 1.
    pub number: u32,
    /// The text in reading order.
    pub text: String,
    /// Width in PDF points.
    pub width_pt: f32,
    /// Height in PDF points.
    pub height_pt: f32,
    /// Whether the text was recognised from an image.
    pub is_ocr: bool,
    /// 0..1 for recognised text, 1 for native text.
    pub confidence: f32,
    /// Every word's place.
    pub words: Vec<WordBox>,
    /// Byte ranges of table rows in the text.
    pub table_rows: Vec<(u32, u32)>,
    /// Byte ranges of headings in the text.
    pub headings: Vec<(u32, u32)>,
}

/// All pages of one revision.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct PagesBlob {
    /// In page order.
    pub pages: Vec<PageRecord>,
}

/// A vector as half-precision numbers, which is what search re-scores with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Vector(Vec<u8>);

impl Vector {
    /// Rounds `values` to half precision.
    #[must_use]
    pub fn from_f32(values: &[f32]) -> Self {
        Self(values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect())
    }

    /// From little-endian half-precision bytes.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Little-endian half-precision bytes, two per dimension.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Number of dimensions.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.0.len() / 2
    }

    /// The values.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        half_to_f32(&self.0)
    }
}

/// The values of little-endian half-precision bytes.
#[must_use]
pub(crate) fn half_to_f32(bytes: &[u8]) -> Vec<f32> {
    let mut values = Vec::new();
    half_into_f32(bytes, &mut values);
    values
}

/// As [`half_to_f32`], in place of what `values` held: a search converts hundreds of rows.
pub(crate) fn half_into_f32(bytes: &[u8], values: &mut Vec<f32>) {
    const AT_ONCE: usize = 64;
    values.resize(bytes.len() / 2, 0.0);
    for (pairs, values) in bytes.chunks(AT_ONCE * 2).zip(values.chunks_mut(AT_ONCE)) {
        let mut halves = [f16::ZERO; AT_ONCE];
        let (pairs, _) = pairs.as_chunks::<2>();
        for (half, pair) in halves.iter_mut().zip(pairs) {
            *half = f16::from_le_bytes(*pair);
        }
        // The slice form uses the processor's own conversion, which one by one does not.
        halves.get(..values.len()).unwrap_or_default().convert_to_f32_slice(values);
    }
}

/// A span of one page's text with its place and its vectors.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct Chunk {
    /// Counts from 0 within the revision, in reading order.
    pub ordinal: u32,
    /// Page number, from 1.
    pub page: u32,
    /// First byte in the page text.
    pub start: u32,
    /// End in the page text, exclusive.
    pub end: u32,
    /// The text as it is cited.
    pub text: String,
    /// What the text is about but does not say (title, heading): indexed with it, never cited. Empty if none.
    pub context: String,
    /// One rectangle per line: left, top, right, bottom in PDF points from the page's top left corner.
    pub boxes: Vec<[f32; 4]>,
    /// Whether the text is rows of a table.
    pub is_table: bool,
    /// The embedding of the whole text, of unit length.
    pub vector: Vector,
    /// The embeddings of its sentences, of unit length; may be empty. Search takes the best of all.
    pub sentence_vectors: Vec<Vector>,
}

/// All chunks of one revision.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
#[bincode(decode_context = "Whole")]
pub struct ChunksBlob {
    /// The embedding model, with its version; vectors of different models are never compared.
    pub model_id: String,
    /// Dimensions of every vector.
    pub dimensions: u32,
    /// In reading order.
    pub chunks: Vec<Chunk>,
    /// How the pages were cut, version and sizes; empty in blobs of before it was said.
    pub chunker: Added<String>,
}

/// How pages were cut before blobs said so: by the first chunker, with the sizes that were its defaults.
const CHUNKER_UNSAID: &str = "1/200/440/40";

/// What the chunks and vectors of a document were made with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Encode, Decode)]
pub struct Make {
    /// The embedding model, with its version.
    pub model_id: String,
    /// How the pages were cut, version and sizes.
    pub chunker: String,
}

impl Make {
    /// What `blob` was made with.
    #[must_use]
    pub fn of(blob: &ChunksBlob) -> Self {
        let chunker = if blob.chunker.0.is_empty() { CHUNKER_UNSAID } else { &blob.chunker.0 };
        Self { model_id: blob.model_id.clone(), chunker: chunker.to_owned() }
    }

    /// Whether chunks that were made with this can stay where `wanted` is what new ones are made with. Without a chunk
    /// there is no vector, and no model that it could be of.
    #[must_use]
    pub fn serves(&self, wanted: &Self, has_chunks: bool) -> bool {
        self.chunker == wanted.chunker && (!has_chunks || self.model_id == wanted.model_id)
    }
}

/// The bytes of the blob.
///
/// # Errors
///
/// If they exceed the codec's limit.
pub fn encode_chunks(chunks: &ChunksBlob) -> Result<Vec<u8>, CodecError> {
    encode(Kind::Chunks, chunks)
}

/// Reads what [`encode_chunks`] wrote.
///
/// # Errors
///
/// If the bytes are damaged or of another kind.
pub fn decode_chunks(bytes: &[u8]) -> Result<ChunksBlob, CodecError> {
    // A blob is never written again, so what a newer version added stays in it.
    let (chunks, _): (_, Rest) = decode(Kind::Chunks, bytes)?;
    Ok(chunks)
}

/// The bytes of the blob.
///
/// # Errors
///
/// If they exceed the codec's limit.
pub fn encode_pages(pages: &PagesBlob) -> Result<Vec<u8>, CodecError> {
    encode(Kind::Pages, pages)
}

/// Reads what [`encode_pages`] wrote.
///
/// # Errors
///
/// If the bytes are damaged or of another kind.
pub fn decode_pages(bytes: &[u8]) -> Result<PagesBlob, CodecError> {
    let (pages, _): (_, Rest) = decode(Kind::Pages, bytes)?;
    Ok(pages)
}
