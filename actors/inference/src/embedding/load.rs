//! Reads and validates an embedding model's directory.

use std::io;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};

use super::encoder::{Encoder, Layer};
use super::linear::{Linear, PANEL};
use super::{Embedder, InputKind, Options, Precision};
use crate::kernels::Isa;
use crate::kernels::rows::Norm;
use crate::kernels::split::Workers;

/// The largest encoder that this is for has 0.6 billion parameters; a bigger file would only fail later.
const WEIGHTS_BYTES_MAX: u64 = 4 << 30;

/// Why an embedding model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file could not be read.
    #[error("reading the model file `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// `config.json` is not a BERT configuration.
    #[error("`{path}` is not the configuration of a BERT encoder")]
    Config {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The model is of a kind that this cannot run.
    #[error("`{path}` asks for {field} `{value}`; only {supported} is supported")]
    Unsupported {
        /// The configuration file.
        path: PathBuf,
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        supported: &'static str,
    },
    /// The weights' container is damaged.
    #[error("the weights `{path}` are damaged; fetch or import the model again")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: safetensors::SafeTensorError,
    },
    /// A tensor is absent, or of another shape or type than the configuration implies.
    #[error("the weights `{path}` do not fit the configuration: tensor `{tensor}` {what}")]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// How it differs.
        what: String,
    },
    /// The tokenizer could not be read.
    #[error("`{path}` is not a tokenizer: {reason}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        reason: String,
    },
    /// The tokenizer belongs to another model.
    #[error(
        "`{path}` has token {largest}, but the weights have embeddings for {vocabulary} tokens; it belongs to another model"
    )]
    Vocabulary {
        /// The tokenizer file.
        path: PathBuf,
        /// The tokenizer's largest id.
        largest: u32,
        /// Rows of the embedding matrix.
        vocabulary: usize,
    },
    /// The threads could not be started.
    #[error("starting {threads} threads for the model")]
    Threads {
        /// How many.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}

#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    hidden_act: String,
    #[serde(default)]
    tokenizer_class: Option<String>,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

/// What is put before a text, by its kind.
pub(super) struct Prompts {
    query: String,
    passage: String,
}

impl Prompts {
    pub(super) fn of(&self, kind: InputKind) -> &str {
        match kind {
            InputKind::Query => &self.query,
            InputKind::Passage => &self.passage,
            InputKind::Raw => "",
        }
    }
}

pub(super) fn load(dir: &Path, options: Options, isa: Isa) -> Result<Embedder, LoadError> {
    let config_path = dir.join("config.json");
    let config: Config = serde_json::from_str(&read_text(&config_path)?)
        .map_err(|source| LoadError::Config { path: config_path.clone(), source })?;
    validate(&config, &config_path)?;
    let weights_path = dir.join("model.safetensors");
    let bytes = read_weights(&weights_path)?;
    let hash = blake3::hash(&bytes).to_hex();
    let encoder = Reader::open(&weights_path, &bytes)?.encoder(&config, options.precision)?;
    drop(bytes);
    let (whole, truncating) = tokenizers(dir, &config)?;
    let workers = Workers::new(options.threads)
        .map_err(|source| LoadError::Threads { threads: options.threads, source })?;
    let name = dir.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let precision = match options.precision {
        Precision::Int8 => "int8",
        Precision::F32 => "f32",
    };
    let model_id = format!("{name}@{}/{precision}", hash.get(..16).unwrap_or_default());
    let prompts = prompts(dir, &config)?;
    Ok(Embedder { encoder, truncating, whole, prompts, workers, isa, model_id })
}

fn validate(config: &Config, path: &Path) -> Result<(), LoadError> {
    let unsupported = |field, value: String, supported| {
        Err(LoadError::Unsupported { path: path.to_owned(), field, value, supported })
    };
    if config.model_type != "bert" {
        return unsupported("model_type", config.model_type.clone(), "bert");
    }
    if config.hidden_act != "gelu" {
        return unsupported("hidden_act", config.hidden_act.clone(), "gelu");
    }
    if config.position_embedding_type.as_deref().is_some_and(|kind| kind != "absolute") {
        let value = config.position_embedding_type.clone().unwrap_or_default();
        return unsupported("position_embedding_type", value, "absolute");
    }
    for (field, value) in
        [("hidden_size", config.hidden_size), ("intermediate_size", config.intermediate_size)]
    {
        if value == 0 || !value.is_multiple_of(PANEL) || value > 16_384 {
            return unsupported(field, value.to_string(), "a multiple of 32 up to 16384");
        }
    }
    let heads = config.num_attention_heads;
    let head = config.hidden_size.checked_div(heads).unwrap_or(0);
    if head * heads != config.hidden_size || !head.is_multiple_of(32) || head == 0 || head > 512 {
        return unsupported("num_attention_heads", heads.to_string(), "heads of 32, 64, 96 ... 512 values");
    }
    for (field, value, max) in [
        ("num_hidden_layers", config.num_hidden_layers, 256),
        ("max_position_embeddings", config.max_position_embeddings, 65_536),
        ("vocab_size", config.vocab_size, 4_000_000),
        ("type_vocab_size", config.type_vocab_size, 16),
    ] {
        if value == 0 || value > max {
            return unsupported(field, value.to_string(), "a size that an encoder has");
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, LoadError> {
    std::fs::read_to_string(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })
}

fn read_weights(path: &Path) -> Result<Vec<u8>, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > WEIGHTS_BYTES_MAX {
        let what = format!("{bytes} bytes are more than the {WEIGHTS_BYTES_MAX} of any supported encoder");
        return Err(io(io::Error::other(what)));
    }
    std::fs::read(path).map_err(io)
}

/// Tensors by name, with or without the `bert.` that some exports put before it.
struct Reader<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, LoadError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|source| LoadError::Weights { path: path.to_owned(), source })?;
        Ok(Self { path, tensors })
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let wrong = |what: String| {
            let (path, tensor) = (self.path.to_owned(), name.to_owned());
            Err(LoadError::Tensor { path, tensor, what })
        };
        let found = self.tensors.tensor(name).or_else(|_| self.tensors.tensor(&format!("bert.{name}")));
        let Ok(view) = found else { return wrong("is missing".into()) };
        if view.shape() != shape {
            return wrong(format!("has shape {:?}, {shape:?} was expected", view.shape()));
        }
        let halves = || view.data().chunks_exact(2).map(|b| [b[0], b[1]]);
        match view.dtype() {
            Dtype::F32 => Ok(view
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()),
            Dtype::F16 => Ok(halves().map(|b| half::f16::from_le_bytes(b).to_f32()).collect()),
            Dtype::BF16 => Ok(halves().map(|b| half::bf16::from_le_bytes(b).to_f32()).collect()),
            other => wrong(format!("has type {other:?}; F32, F16 and BF16 are supported")),
        }
    }

    fn norm(&self, name: &str, width: usize, epsilon: f32) -> Result<Norm, LoadError> {
        let weight = self.tensor(&format!("{name}.LayerNorm.weight"), &[width])?;
        let shift = self.tensor(&format!("{name}.LayerNorm.bias"), &[width])?;
        Ok(Norm { weight, shift, epsilon })
    }

    /// Several matrices with equal inputs, stacked into one product.
    fn linear(
        &self,
        names: &[String],
        outputs: usize,
        inputs: usize,
        precision: Precision,
    ) -> Result<Linear, LoadError> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(self.tensor(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(self.tensor(&format!("{name}.bias"), &[outputs])?);
        }
        Ok(Linear::new(&weight, bias, inputs, precision))
    }

    fn encoder(&self, config: &Config, precision: Precision) -> Result<Encoder, LoadError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let layer = |index: usize| {
            let at = format!("encoder.layer.{index}");
            let one = |name: &str| [format!("{at}.{name}.dense")];
            let three = ["query", "key", "value"].map(|name| format!("{at}.attention.self.{name}"));
            Ok(Layer {
                query_key_value: self.linear(&three, hidden, hidden, precision)?,
                output: self.linear(&one("attention.output"), hidden, hidden, precision)?,
                output_norm: self.norm(&format!("{at}.attention.output"), hidden, config.layer_norm_eps)?,
                up: self.linear(&one("intermediate"), wide, hidden, precision)?,
                down: self.linear(&one("output"), hidden, wide, precision)?,
                down_norm: self.norm(&format!("{at}.output"), hidden, config.layer_norm_eps)?,
            })
        };
        let table = |name: &str, rows: usize| {
            self.tensor(&format!("embeddings.{name}_embeddings.weight"), &[rows, hidden])
        };
        let mut token_type = table("token_type", config.type_vocab_size)?;
        // A single text is all of type 0.
        token_type.truncate(hidden);
        Ok(Encoder {
            words: table("word", config.vocab_size)?,
            positions: table("position", config.max_position_embeddings)?,
            token_type,
            norm: self.norm("embeddings", hidden, config.layer_norm_eps)?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, _>>()?,
            hidden,
            heads: config.num_attention_heads,
            feed_forward: wide,
        })
    }
}

/// The tokenizer that reads a text whole, and the one that stops at the model's last position.
fn tokenizers(dir: &Path, config: &Config) -> Result<(Tokenizer, Tokenizer), LoadError> {
    let path = dir.join("tokenizer.json");
    let bytes = std::fs::read(&path).map_err(|source| LoadError::Io { path: path.clone(), source })?;
    let wrong =
        |error: tokenizers::Error| LoadError::Tokenizer { path: path.clone(), reason: error.to_string() };
    let mut whole = Tokenizer::from_bytes(&bytes).map_err(wrong)?;
    let largest = whole.get_vocab(true).into_values().max().unwrap_or(0);
    if largest as usize >= config.vocab_size {
        return Err(LoadError::Vocabulary { path, largest, vocabulary: config.vocab_size });
    }
    // Padding would be embedded as text, and a stored truncation need not be the model's.
    whole.with_padding(None).with_truncation(None).map_err(wrong)?;
    let mut truncating = whole.clone();
    let limit =
        TruncationParams { max_length: config.max_position_embeddings, ..TruncationParams::default() };
    truncating.with_truncation(Some(limit)).map_err(wrong)?;
    Ok((whole, truncating))
}

/// The model's own prompts; e5 models published without them are known by their tokenizer.
fn prompts(dir: &Path, config: &Config) -> Result<Prompts, LoadError> {
    #[derive(Default, Deserialize)]
    struct Stated {
        #[serde(default)]
        prompts: std::collections::BTreeMap<String, String>,
    }
    let path = dir.join("config_sentence_transformers.json");
    let mut stated = if path.is_file() {
        serde_json::from_str::<Stated>(&read_text(&path)?)
            .map_err(|source| LoadError::Config { path: path.clone(), source })?
            .prompts
    } else {
        Default::default()
    };
    // A BERT encoder behind the XLM-RoBERTa tokenizer is multilingual-e5-small, whose vectors are poor without.
    let is_e5 = config.tokenizer_class.as_deref().is_some_and(|class| class.starts_with("XLMRoberta"))
        || dir.file_name().is_some_and(|name| name.to_string_lossy().contains("e5"));
    let mut take = |keys: [&str; 2], e5: &str| {
        let found = keys.iter().find_map(|key| stated.remove(*key));
        found.unwrap_or_else(|| if is_e5 { e5.to_owned() } else { String::new() })
    };
    let query = take(["query", "question"], "query: ");
    let passage = take(["passage", "document"], "passage: ");
    Ok(Prompts { query, passage })
}
