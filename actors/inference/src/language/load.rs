//! Reads and validates a GGUF language model.

use std::io;
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;

use super::forward::{Layer, Rotation, Weights};
use super::gguf::Gguf;
use super::pack::{self, pack};
use super::tokenizer::Tokenizer;
use super::{LanguageModel, Options};
use crate::kernels::Isa;
use crate::kernels::blocks::{BLOCK, Blocks};
use crate::kernels::split::Workers;

/// Why a language model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("reading the model file `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The file is not a whole GGUF file.
    #[error("`{path}` is damaged or not a GGUF file: {reason}; fetch or import the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A setting is absent, or has a value that this cannot run.
    #[error("`{path}` cannot be run: its setting `{key}` {what}")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// A tensor is absent, or of another shape or format than the settings imply.
    #[error("`{path}` cannot be run: its tensor `{tensor}` {what}")]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        what: String,
    },
    /// The tokenizer could not be built.
    #[error("`{path}` has a tokenizer that does not work: {reason}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        reason: String,
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

pub(super) fn load(path: &Path, options: Options, isa: Isa) -> Result<LanguageModel, LoadError> {
    let workers = Workers::new(options.threads)
        .map_err(|source| LoadError::Threads { threads: options.threads, source })?;
    let mut gguf = Gguf::open(path)?;
    let sizes = Sizes::read(&gguf)?;
    let tokenizer = Tokenizer::from_gguf(&gguf)?;
    let context = gguf.size("context_length", usize::MAX)?.min(options.context_tokens_max.max(1));
    let mut weights = workers.enter(|| Reader { gguf: &mut gguf, workers: &workers }.weights(&sizes))?;
    if tokenizer.vocabulary() > weights.vocabulary {
        let what = format!("has {} tokens, the weights {}", tokenizer.vocabulary(), weights.vocabulary);
        return Err(gguf.wrong("tokenizer.ggml.tokens", &what));
    }
    let hash = gguf.hash();
    weights.model = u64::from_str_radix(&hash, 16).unwrap_or_default();
    let name = path.file_stem().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let model_id = format!("{name}@{hash}");
    Ok(LanguageModel { weights, tokenizer, workers, isa, context_tokens: context, model_id })
}

/// What the metadata says about the shapes.
struct Sizes {
    hidden: usize,
    layers: usize,
    feed_forward: usize,
    heads: usize,
    kv_heads: usize,
    head: usize,
    epsilon: f32,
    rope_base: f32,
    rope_scale: f32,
}

impl Sizes {
    fn read(gguf: &Gguf) -> Result<Self, LoadError> {
        let architecture = gguf.architecture.as_str();
        if !matches!(architecture, "llama" | "qwen2") {
            let what = format!("is `{architecture}`; llama and qwen2 are supported");
            return Err(gguf.wrong("general.architecture", &what));
        }
        let own = |key: &str| format!("{architecture}.{key}");
        let optional = |key: &str| gguf.number(&own(key));
        if optional("expert_count")?.unwrap_or(0) > 0 {
            return Err(
                gguf.wrong(&own("expert_count"), "asks for a mixture of experts, which is not supported")
            );
        }
        let hidden = gguf.size("embedding_length", 1 << 16)?;
        let heads = gguf.size("attention.head_count", 1024)?;
        let kv_heads = optional("attention.head_count_kv")?.unwrap_or(heads);
        let feed_forward = gguf.size("feed_forward_length", 1 << 18)?;
        let divides = kv_heads > 0 && heads.is_multiple_of(kv_heads) && hidden.is_multiple_of(heads);
        if !divides {
            let what = format!("is {heads}, which fits neither {hidden} values nor {kv_heads} key heads");
            return Err(gguf.wrong(&own("attention.head_count"), &what));
        }
        let head = hidden / heads;
        if !head.is_multiple_of(32) || head > 512 {
            let what = format!("makes heads of {head} values; multiples of 32 up to 512 are supported");
            return Err(gguf.wrong(&own("attention.head_count"), &what));
        }
        for key in ["attention.key_length", "attention.value_length", "rope.dimension_count"] {
            if let Some(other) = optional(key)?.filter(|length| *length != head) {
                return Err(gguf.wrong(&own(key), &format!("is {other} where a head has {head} values")));
            }
        }
        for (key, value) in [("embedding_length", hidden), ("feed_forward_length", feed_forward)] {
            if !value.is_multiple_of(BLOCK) {
                return Err(gguf.wrong(&own(key), &format!("is {value}; multiples of {BLOCK} are supported")));
            }
        }
        let rope_scale = match gguf.text(&own("rope.scaling.type")).unwrap_or("none") {
            "none" => 1.0,
            "linear" => gguf.fraction("rope.scaling.factor", None)?,
            other => {
                let what = format!("is `{other}`; none and linear are supported");
                return Err(gguf.wrong(&own("rope.scaling.type"), &what));
            }
        };
        Ok(Self {
            hidden,
            layers: gguf.size("block_count", 512)?,
            feed_forward,
            heads,
            kv_heads,
            head,
            epsilon: gguf.fraction("attention.layer_norm_rms_epsilon", None)?,
            rope_base: gguf.fraction("rope.freq_base", Some(10_000.0))?,
            rope_scale,
        })
    }
}

struct Reader<'a> {
    gguf: &'a mut Gguf,
    workers: &'a Workers,
}

impl Reader<'_> {
    fn weights(&mut self, sizes: &Sizes) -> Result<Weights, LoadError> {
        let is_qwen = self.gguf.architecture == "qwen2";
        let table = self.matrix("token_embd.weight", None, sizes.hidden)?;
        let (vocabulary, embedding) = table;
        let (embedding, output) = if self.gguf.has_tensor("output.weight") {
            let (_, output) = self.matrix("output.weight", Some(vocabulary), sizes.hidden)?;
            (Some(embedding), output)
        } else {
            (None, embedding)
        };
        let layers =
            (0..sizes.layers).map(|index| self.layer(index, sizes, is_qwen)).collect::<Result<_, _>>()?;
        Ok(Weights {
            layers,
            embedding,
            output,
            output_norm: self.vector("output_norm.weight", sizes.hidden)?,
            vocabulary,
            hidden: sizes.hidden,
            heads: sizes.heads,
            kv_heads: sizes.kv_heads,
            head: sizes.head,
            epsilon: sizes.epsilon,
            rotation: self.rotation(sizes, is_qwen)?,
            model: 0,
        })
    }

    fn layer(&mut self, index: usize, sizes: &Sizes, with_biases: bool) -> Result<Layer, LoadError> {
        let (hidden, wide) = (sizes.hidden, sizes.feed_forward);
        let (all, shared) = (sizes.heads * sizes.head, sizes.kv_heads * sizes.head);
        let name = |part: &str| format!("blk.{index}.{part}");
        let mut matrix = |part: &str, outputs: usize, inputs: usize| {
            self.matrix(&name(&format!("{part}.weight")), Some(outputs), inputs).map(|(_, blocks)| blocks)
        };
        let (query, key, value) = (
            matrix("attn_q", all, hidden)?,
            matrix("attn_k", shared, hidden)?,
            matrix("attn_v", shared, hidden)?,
        );
        let output = matrix("attn_output", hidden, all)?;
        let (gate, up, down) = (
            matrix("ffn_gate", wide, hidden)?,
            matrix("ffn_up", wide, hidden)?,
            matrix("ffn_down", hidden, wide)?,
        );
        let mut bias = |part: &str, width: usize| self.vector(&name(&format!("{part}.bias")), width);
        let biases = match with_biases {
            true => Some([bias("attn_q", all)?, bias("attn_k", shared)?, bias("attn_v", shared)?]),
            false => None,
        };
        Ok(Layer {
            attention_norm: self.vector(&name("attn_norm.weight"), hidden)?,
            query,
            key,
            value,
            biases,
            output,
            feed_norm: self.vector(&name("ffn_norm.weight"), hidden)?,
            gate,
            up,
            down,
        })
    }

    /// Llama 3.1 files carry a divisor for each frequency, which stretches the slow ones over the long context.
    fn rotation(&mut self, sizes: &Sizes, halves: bool) -> Result<Rotation, LoadError> {
        const FACTORS: &str = "rope_freqs.weight";
        let pairs = sizes.head / 2;
        let factors = match self.gguf.has_tensor(FACTORS) {
            true => self.vector(FACTORS, pairs)?,
            false => vec![1.0; pairs],
        };
        if let Some(factor) = factors.iter().find(|factor| !(factor.is_finite() && **factor > 0.0)) {
            return Err(self.wrong(FACTORS, format!("holds {factor}, which no frequency can be divided by")));
        }
        let base = f64::from(sizes.rope_base);
        let frequency = |(pair, factor): (usize, &f32)| {
            let frequency = base.powf(-2.0 * pair as f64 / sizes.head as f64);
            (frequency / f64::from(*factor) / f64::from(sizes.rope_scale)) as f32
        };
        Ok(Rotation { frequencies: factors.iter().enumerate().map(frequency).collect(), halves })
    }

    /// A matrix and its number of outputs, which must be `outputs` where that is known.
    fn matrix(
        &mut self,
        name: &str,
        outputs: Option<usize>,
        inputs: usize,
    ) -> Result<(usize, Blocks), LoadError> {
        let (dtype, shape, raw) = self.gguf.tensor(name)?;
        let found = match *shape.as_slice() {
            [rows, columns] if rows > 0 && columns == inputs => {
                outputs.is_none_or(|o| o == rows).then_some(rows)
            }
            _ => None,
        };
        let Some(rows) = found else {
            let rows = outputs.map_or_else(|| "any".to_owned(), |rows| rows.to_string());
            return Err(self.wrong(name, format!("has shape {shape:?}, [{rows}, {inputs}] was expected")));
        };
        if outputs.is_some() && !rows.is_multiple_of(16) && name != "output.weight" {
            return Err(self.wrong(name, format!("has {rows} rows; multiples of 16 are supported")));
        }
        let packed = pack(self.workers, dtype, &raw, rows, inputs);
        let blocks = packed.ok_or_else(|| {
            self.wrong(
                name,
                format!("is stored as {dtype:?} in rows of {inputs}; {} are supported", pack::SUPPORTED),
            )
        })?;
        Ok((rows, blocks))
    }

    fn vector(&mut self, name: &str, width: usize) -> Result<Vec<f32>, LoadError> {
        let (dtype, shape, raw) = self.gguf.tensor(name)?;
        if shape != [width] {
            return Err(self.wrong(name, format!("has shape {shape:?}, [{width}] was expected")));
        }
        match dtype {
            GgmlDType::F32 => {
                Ok(raw.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
            }
            GgmlDType::F16 => {
                Ok(raw.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect())
            }
            other => Err(self.wrong(name, format!("is stored as {other:?}; F32 and F16 are supported"))),
        }
    }

    fn wrong(&self, tensor: &str, what: String) -> LoadError {
        LoadError::Tensor { path: self.gguf.path.clone(), tensor: tensor.to_owned(), what }
    }
}
