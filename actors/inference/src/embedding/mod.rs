//! Turns text into unit vectors with a BERT encoder (e5, MiniLM), padding-free: a text's vector is the same to the
//! last bit whatever else is embedded with it.

mod encoder;
mod linear;
mod load;

use std::path::Path;

use tokenizers::Tokenizer;

use crate::kernels::Isa;
use crate::kernels::split::Workers;
use encoder::Encoder;
pub use load::LoadError;

/// How to hold the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 8-bit weights and activations: two to four times as fast, cosine to f32 above .995.
    Int8,
    /// 32-bit floating point.
    F32,
}

/// How to load a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How to hold the weights.
    pub precision: Precision,
    /// Threads of a call, at least 1. Calls from several threads share them.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { precision: Precision::Int8, threads: 1 }
    }
}

/// What a text is for; models like e5 embed a question and its answer's passage differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// A question.
    Query,
    /// A piece of a document.
    Passage,
    /// Neither: no prompt is put before the text.
    Raw,
}

/// A text to embed.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What it is for.
    pub kind: InputKind,
    /// The text; the model's prompt is added here, not by the caller.
    pub text: &'a str,
}

/// An embedded text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Unit length, [`Embedder::dimension`] values.
    pub vector: Vec<f32>,
    /// Tokens that the model read, prompt and special tokens included.
    pub tokens: usize,
    /// Whether the text was longer than [`Embedder::tokens_max`] and its end was not read.
    pub truncated: bool,
}

/// Why a text could not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The tokenizer failed.
    #[error("tokenizing input {index}: {reason}")]
    Tokenize {
        /// Position in the call's inputs.
        index: usize,
        /// What the tokenizer library said.
        reason: String,
    },
    /// The tokenizer produced no token, or one that the weights do not have.
    #[error("input {index} has token {token}, the model knows {vocabulary} tokens")]
    Token {
        /// Position in the call's inputs.
        index: usize,
        /// The token.
        token: u32,
        /// Size of the model's vocabulary.
        vocabulary: usize,
    },
}

/// A loaded embedding model. Cheap to share: every method takes `&self`.
pub struct Embedder {
    encoder: Encoder,
    truncating: Tokenizer,
    whole: Tokenizer,
    prompts: load::Prompts,
    workers: Workers,
    isa: Isa,
    model_id: String,
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").field("model_id", &self.model_id).finish_non_exhaustive()
    }
}

/// Tokens of one pass through the layers; bounds the memory of a call (13 MB at 384 x 1536) and is more than
/// enough to keep every thread busy.
const PASS_TOKENS_MAX: usize = 2048;

impl Embedder {
    /// Loads `model.safetensors`, `config.json` and `tokenizer.json` of `dir`.
    pub fn load(dir: &Path, options: Options) -> Result<Self, LoadError> {
        Self::load_for(dir, options, Isa::detect())
    }

    /// As [`Embedder::load`], on an instruction set of the caller's choice.
    pub fn load_for(dir: &Path, options: Options, isa: Isa) -> Result<Self, LoadError> {
        load::load(dir, options, isa)
    }

    /// Embeds the inputs, in order.
    pub fn embed(&self, inputs: &[Input<'_>]) -> Result<Vec<Embedding>, EmbedError> {
        let tokens = self.tokenize(inputs)?;
        // Passes of whole texts, in order of length so that threads within a pass have even work.
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(tokens[*index].ids.len()));
        let mut embeddings: Vec<Option<Embedding>> = vec![None; inputs.len()];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let mut total = 0;
            let fits = |index: &&usize| {
                total += tokens[**index].ids.len();
                total <= PASS_TOKENS_MAX
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (pass, after) = rest.split_at(count);
            rest = after;
            let texts: Vec<&[u32]> = pass.iter().map(|index| tokens[*index].ids.as_slice()).collect();
            let vectors = self.workers.enter(|| self.encoder.forward(self.isa, &self.workers, &texts));
            for (index, vector) in pass.iter().zip(vectors) {
                let Tokens { ids, truncated } = &tokens[*index];
                embeddings[*index] = Some(Embedding { vector, tokens: ids.len(), truncated: *truncated });
            }
        }
        Ok(embeddings.into_iter().flatten().collect())
    }

    /// Tokens of a text, special tokens included, however long it is; no prompt is added.
    pub fn count_tokens(&self, text: &str) -> Result<usize, EmbedError> {
        let encoding = self
            .whole
            .encode_fast(text, true)
            .map_err(|error| EmbedError::Tokenize { index: 0, reason: error.to_string() })?;
        Ok(encoding.len())
    }

    /// Token ids of one input as the model would read them.
    pub fn token_ids(&self, input: Input<'_>) -> Result<Vec<u32>, EmbedError> {
        Ok(self.tokenize(&[input])?.into_iter().flat_map(|tokens| tokens.ids).collect())
    }

    /// Values of a vector.
    pub fn dimension(&self) -> usize {
        self.encoder.hidden()
    }

    /// Tokens that the model reads of a text, special tokens and prompt included.
    pub fn tokens_max(&self) -> usize {
        self.encoder.positions()
    }

    /// Names the model, its exact weights and its precision: vectors of two models with equal ids are comparable.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    /// Memory that the weights take.
    pub fn bytes(&self) -> usize {
        self.encoder.bytes()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    fn tokenize(&self, inputs: &[Input<'_>]) -> Result<Vec<Tokens>, EmbedError> {
        let vocabulary = self.encoder.vocabulary();
        let one = |(index, input): (usize, &Input<'_>)| {
            let prompt = self.prompts.of(input.kind);
            let text = match prompt {
                "" => std::borrow::Cow::Borrowed(input.text),
                prompt => format!("{prompt}{}", input.text).into(),
            };
            let encoding = self
                .truncating
                .encode_fast(text.as_ref(), true)
                .map_err(|error| EmbedError::Tokenize { index, reason: error.to_string() })?;
            let ids = encoding.get_ids().to_vec();
            match ids.iter().find(|id| **id as usize >= vocabulary) {
                Some(token) => Err(EmbedError::Token { index, token: *token, vocabulary }),
                None => Ok(Tokens { truncated: !encoding.get_overflowing().is_empty(), ids }),
            }
        };
        inputs.iter().enumerate().map(one).collect()
    }
}

struct Tokens {
    ids: Vec<u32>,
    truncated: bool,
}

#[cfg(test)]
mod tests;
