//! Parses the `E5S1` image: header, tokenizer pieces and scores, normalisation table, tensor directory, tensors.
//!
//! All integers are little-endian. A matrix is a run of Q4_0 blocks: an f16 scale and 16 bytes of nibbles for 32
//! weights, the low nibbles first; a weight is `scale * (nibble - 8)`. Everything else is f32.

use half::f16;

/// Weights of one Q4_0 block.
const BLOCK: usize = 32;
/// Bytes of one Q4_0 block.
const BLOCK_BYTES: usize = 18;
/// The multilingual vocabulary has 250,037 pieces; twice that is not this format.
const PIECES_MAX: usize = 500_000;
/// The 12-layer model has 197 tensors.
const TENSORS_MAX: usize = 4096;

/// What is wrong with an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The file begins with something else.
    #[error("it does not begin with `E5S1`")]
    Magic,
    /// The file ends inside a field.
    #[error("it ends inside its {0}")]
    Truncated(&'static str),
    /// A header field has a value that no such model has.
    #[error("its {field} is {value}, which no such model has")]
    Header {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// A piece, a name or a normalised form is not text.
    #[error("its {0} holds bytes that are not text")]
    NotText(&'static str),
    /// A tensor is absent.
    #[error("it has no tensor `{0}`")]
    NoTensor(String),
    /// A tensor has another type or size than the header implies.
    #[error("its tensor `{name}` has {count} values of type {dtype}, {expected} were expected")]
    Tensor {
        /// The tensor.
        name: String,
        /// Values that it has.
        count: usize,
        /// 0 for f32, otherwise Q4_0.
        dtype: u8,
        /// Values that the header implies.
        expected: usize,
    },
}

/// Sizes and ids of the header.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Header {
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) feed_forward: usize,
    pub(super) vocabulary: usize,
    pub(super) positions: usize,
    pub(super) token_types: usize,
    pub(super) epsilon: f32,
    pub(super) bos: usize,
    pub(super) eos: usize,
    pub(super) pad: usize,
    pub(super) unknown: usize,
}

/// A parsed image; tensors are read from it on demand.
pub(super) struct Image<'a> {
    bytes: &'a [u8],
    pub(super) header: Header,
    /// Pieces with their log probability, by id.
    pub(super) pieces: Vec<(String, f32)>,
    /// A character and what the model's normalisation makes of it.
    pub(super) normal_forms: Vec<(char, String)>,
    tensors: Vec<Tensor>,
}

struct Tensor {
    name: String,
    dtype: u8,
    count: usize,
    offset: usize,
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(FormatError::Truncated(what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], FormatError> {
        self.take(N, what)?.try_into().map_err(|_| FormatError::Truncated(what))
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, FormatError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, FormatError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// An `i32` that must lie in `1..=max`, or `0..=max` for ids.
    fn size(&mut self, field: &'static str, min: usize, max: usize) -> Result<usize, FormatError> {
        let value = i32::from_le_bytes(self.array(field)?);
        let size = usize::try_from(value).ok().filter(|size| (min..=max).contains(size));
        size.ok_or(FormatError::Header { field, value: value.into() })
    }
}

impl<'a> Image<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut cursor = Cursor { rest: bytes };
        if cursor.take(4, "magic")? != b"E5S1" {
            return Err(FormatError::Magic);
        }
        cursor.u32("version")?;
        let (header, count) = parse_header(&mut cursor)?;
        let pieces = parse_pieces(&mut cursor, count)?;
        let normal_forms = parse_normal_forms(&mut cursor)?;
        let tensors = parse_directory(&mut cursor)?;
        Ok(Self { bytes, header, pieces, normal_forms, tensors })
    }

    /// The f32 tensor `name`, which must have `expected` values.
    pub(super) fn vector(&self, name: &str, expected: usize) -> Result<Vec<f32>, FormatError> {
        let (tensor, tail) = self.tensor(name)?;
        let bytes = tail.get(..tensor.count * 4).ok_or(FormatError::Truncated("tensors"))?;
        if tensor.dtype != 0 || tensor.count != expected {
            return Err(tensor.unexpected(expected));
        }
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// The Q4_0 tensor `name` as f32, which must have `expected` values.
    pub(super) fn matrix(&self, name: &str, expected: usize) -> Result<Vec<f32>, FormatError> {
        let (tensor, tail) = self.tensor(name)?;
        if tensor.dtype == 0 || tensor.count != expected || !expected.is_multiple_of(BLOCK) {
            return Err(tensor.unexpected(expected));
        }
        let bytes = tail.get(..expected / BLOCK * BLOCK_BYTES).ok_or(FormatError::Truncated("tensors"))?;
        let mut values = Vec::with_capacity(expected);
        for block in bytes.chunks_exact(BLOCK_BYTES) {
            let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
            values.extend(block[2..].iter().map(|byte| scale * (f32::from(byte & 15) - 8.0)));
            values.extend(block[2..].iter().map(|byte| scale * (f32::from(byte >> 4) - 8.0)));
        }
        Ok(values)
    }

    fn tensor(&self, name: &str) -> Result<(&Tensor, &'a [u8]), FormatError> {
        let tensor = self
            .tensors
            .iter()
            .find(|tensor| tensor.name == name)
            .ok_or_else(|| FormatError::NoTensor(name.to_owned()))?;
        let tail = self.bytes.get(tensor.offset..).ok_or(FormatError::Truncated("tensors"))?;
        Ok((tensor, tail))
    }
}

impl Tensor {
    fn unexpected(&self, expected: usize) -> FormatError {
        FormatError::Tensor { name: self.name.clone(), count: self.count, dtype: self.dtype, expected }
    }
}

fn parse_header(cursor: &mut Cursor<'_>) -> Result<(Header, usize), FormatError> {
    let hidden = cursor.size("hidden size", 32, 4096)?;
    let layers = cursor.size("layer count", 1, 64)?;
    let heads = cursor.size("head count", 1, 64)?;
    let feed_forward = cursor.size("feed-forward size", 32, 16_384)?;
    let vocabulary = cursor.size("vocabulary size", 1, PIECES_MAX)?;
    let positions = cursor.size("position count", 8, 8192)?;
    let token_types = cursor.size("token type count", 1, 4)?;
    let epsilon = f32::from_le_bytes(cursor.array("epsilon")?);
    let block = cursor.size("block size", 1, 1024)?;
    if block != BLOCK {
        return Err(FormatError::Header { field: "block size", value: block as i64 });
    }
    let count = cursor.size("piece count", 1, PIECES_MAX)?;
    let mut id = |field| cursor.size(field, 0, count.saturating_sub(1));
    let (bos, eos, pad, unknown) = (id("bos id")?, id("eos id")?, id("pad id")?, id("unknown id")?);
    let header = Header {
        hidden,
        layers,
        heads,
        feed_forward,
        vocabulary,
        positions,
        token_types,
        epsilon,
        bos,
        eos,
        pad,
        unknown,
    };
    Ok((header, count))
}

fn parse_pieces(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<(String, f32)>, FormatError> {
    let blob_bytes = usize::try_from(cursor.u64("tokenizer")?).unwrap_or(usize::MAX);
    let offsets = (0..=count).map(|_| cursor.u32("tokenizer")).collect::<Result<Vec<_>, _>>()?;
    let scores = (0..count).map(|_| cursor.u32("tokenizer")).collect::<Result<Vec<_>, _>>()?;
    let blob = cursor.take(blob_bytes, "tokenizer")?;
    let piece = |(span, score): (&[u32], u32)| {
        let bytes =
            blob.get(span[0] as usize..span[1] as usize).ok_or(FormatError::Truncated("tokenizer"))?;
        let text = str::from_utf8(bytes).map_err(|_| FormatError::NotText("tokenizer"))?;
        Ok((text.to_owned(), f32::from_bits(score)))
    };
    offsets.windows(2).zip(scores).map(piece).collect()
}

fn parse_normal_forms(cursor: &mut Cursor<'_>) -> Result<Vec<(char, String)>, FormatError> {
    let count = cursor.size("normalisation table", 0, 0x11_0000)?;
    let bytes = cursor.u32("normalisation table")? as usize;
    let mut table = Cursor { rest: cursor.take(bytes, "normalisation table")? };
    let mut forms = Vec::new();
    for _ in 0..count {
        let from = table.u32("normalisation table")?;
        let [length] = table.array("normalisation table")?;
        let form = (0..length).map(|_| table.u32("normalisation table")).collect::<Result<Vec<_>, _>>()?;
        // The table lists surrogates too; no text contains them.
        let Some(from) = char::from_u32(from) else { continue };
        let form: Option<String> = form.into_iter().map(char::from_u32).collect();
        forms.push((from, form.ok_or(FormatError::NotText("normalisation table"))?));
    }
    Ok(forms)
}

fn parse_directory(cursor: &mut Cursor<'_>) -> Result<Vec<Tensor>, FormatError> {
    let count = cursor.size("tensor count", 1, TENSORS_MAX)?;
    (0..count)
        .map(|_| {
            let length = u16::from_le_bytes(cursor.array("directory")?);
            let name = cursor.take(length.into(), "directory")?;
            let name = str::from_utf8(name).map_err(|_| FormatError::NotText("directory"))?.to_owned();
            let [dtype] = cursor.array("directory")?;
            let count = cursor.u32("directory")? as usize;
            let offset = usize::try_from(cursor.u64("directory")?).unwrap_or(usize::MAX);
            cursor.u64("directory")?;
            Ok(Tensor { name, dtype, count, offset })
        })
        .collect()
}
