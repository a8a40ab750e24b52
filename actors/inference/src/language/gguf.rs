//! Reads a GGUF file's metadata and tensors with every claim of the file checked against its length.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, Value};

use super::LoadError;

/// An open GGUF file.
pub(super) struct Gguf {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) architecture: String,
    file: File,
    hasher: blake3::Hasher,
}

/// The largest tensor that is read at once: the 8B model's output matrix has 431 MB.
const TENSOR_BYTES_MAX: usize = 4 << 30;

impl Gguf {
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let io = |source| LoadError::Io { path: path.to_owned(), source };
        let damaged = |reason: String| LoadError::Damaged { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let content = Content::read(&mut file).map_err(|error| damaged(error.to_string()))?;
        check_extent(&content, size).map_err(damaged)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&size.to_le_bytes());
        let mut gguf = Self { path: path.to_owned(), content, architecture: String::new(), file, hasher };
        gguf.architecture = gguf.text("general.architecture")?.to_owned();
        Ok(gguf)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.content.metadata.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, LoadError> {
        let value = self.get(key).ok_or_else(|| self.wrong(key, "is missing"))?;
        value.to_string().map(String::as_str).map_err(|_| self.wrong(key, "is not text"))
    }

    /// A whole number, `None` when the key is absent.
    pub(super) fn number(&self, key: &str) -> Result<Option<usize>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        whole(value).map(Some).ok_or_else(|| self.wrong(key, "is not a whole number"))
    }

    /// The architecture's own setting, such as `llama.block_count`, within limits.
    pub(super) fn size(&self, key: &str, max: usize) -> Result<usize, LoadError> {
        let key = format!("{}.{key}", self.architecture);
        let value = self.number(&key)?.ok_or_else(|| self.wrong(&key, "is missing"))?;
        if (1..=max).contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(&key, &format!("is {value}, which is not within 1..={max}")))
    }

    /// The architecture's own fraction, or the default of the format.
    pub(super) fn fraction(&self, key: &str, default: Option<f32>) -> Result<f32, LoadError> {
        let key = format!("{}.{key}", self.architecture);
        match (self.get(&key), default) {
            (Some(Value::F32(value)), _) if value.is_finite() && *value > 0.0 => Ok(*value),
            (Some(_), _) => Err(self.wrong(&key, "is not a positive number")),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.wrong(&key, "is missing")),
        }
    }

    pub(super) fn wrong(&self, key: &str, what: &str) -> LoadError {
        LoadError::Metadata { path: self.path.clone(), key: key.to_owned(), what: what.to_owned() }
    }

    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// Type, shape (outermost first) and bytes of a tensor; the bytes count towards the model's hash.
    pub(super) fn tensor(&mut self, name: &str) -> Result<(GgmlDType, Vec<usize>, Vec<u8>), LoadError> {
        let wrong = |path: &Path, what: &str| LoadError::Tensor {
            path: path.to_owned(),
            tensor: name.to_owned(),
            what: what.to_owned(),
        };
        let Some(info) = self.content.tensor_infos.get(name) else {
            return Err(wrong(&self.path, "is missing"));
        };
        let (dtype, shape) = (info.ggml_dtype, info.shape.dims().to_vec());
        let bytes = tensor_bytes(info).filter(|bytes| *bytes <= TENSOR_BYTES_MAX);
        let Some(bytes) = bytes else {
            return Err(wrong(&self.path, "is larger than any supported model's"));
        };
        let start = self.content.tensor_data_offset + info.offset;
        let mut data = vec![0u8; bytes];
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.file.read_exact(&mut data))
            .map_err(|source| LoadError::Io { path: self.path.clone(), source })?;
        self.hasher.update(name.as_bytes()).update(&data);
        Ok((dtype, shape, data))
    }

    /// A hash of every tensor read so far.
    pub(super) fn hash(&self) -> String {
        self.hasher.finalize().to_hex().chars().take(16).collect()
    }
}

/// A non-negative integer of any width.
pub(super) fn whole(value: &Value) -> Option<usize> {
    match value {
        Value::I32(value) => usize::try_from(*value).ok(),
        Value::I64(value) => usize::try_from(*value).ok(),
        other => other.to_u64().ok().and_then(|value| usize::try_from(value).ok()),
    }
}

fn tensor_bytes(info: &candle_core::quantized::gguf_file::TensorInfo) -> Option<usize> {
    let elements = info.shape.dims().iter().try_fold(1usize, |product, size| product.checked_mul(*size))?;
    let block = info.ggml_dtype.block_size();
    if !elements.is_multiple_of(block) {
        return None;
    }
    (elements / block).checked_mul(info.ggml_dtype.type_size())
}

/// Whether every tensor of a GGUF header lies inside a file of `size` bytes; says which does not.
pub(crate) fn check_extent(content: &Content, size: u64) -> Result<(), String> {
    if content.tensor_infos.is_empty() {
        return Err("it has no tensors".into());
    }
    for (name, info) in &content.tensor_infos {
        let bytes =
            tensor_bytes(info).ok_or_else(|| format!("its tensor `{name}` has an impossible size"))?;
        let end =
            content.tensor_data_offset.checked_add(info.offset).and_then(|end| end.checked_add(bytes as u64));
        if end.is_none_or(|end| end > size) {
            return Err(format!("it ends before its tensor `{name}` does: it has {size} bytes"));
        }
    }
    Ok(())
}
