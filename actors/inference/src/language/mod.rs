//! Runs language models of the Llama and Qwen2 families from GGUF files: many sequences in one step, each with its
//! own memory on top of prefixes that they share.

mod detokenizer;
mod forward;
mod gguf;
mod kv;
mod load;
mod pack;
pub mod sample;
mod spm;
mod template;
mod tokenizer;

use std::path::Path;

use crate::kernels::Isa;
use crate::kernels::split::Workers;

pub use detokenizer::Detokenizer;
pub(crate) use gguf::check_extent;
pub use kv::{PREFIXES_MAX, Prefix, Sequence};
pub use load::LoadError;
pub use template::{Message, Segment, Speaker, Template};
pub use tokenizer::{TokenizeError, Tokenizer};

/// How to load a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Threads of a step, at least 1.
    pub threads: usize,
    /// Most tokens of a sequence; the model's own context is the limit where it is smaller.
    pub context_tokens_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, context_tokens_max: 8192 }
    }
}

/// Tokens of one step over all its work: bounds the memory of a step, and how long a decoding stream waits while
/// another's prompt is read.
pub const STEP_TOKENS_MAX: usize = 512;

/// What a step does for one sequence.
#[derive(Debug)]
pub struct Work<'a> {
    /// The sequence that grows.
    pub sequence: &'a mut Sequence,
    /// The tokens that it grows by: a piece of a prompt, or the one token chosen last.
    pub tokens: &'a [u32],
    /// Whether to compute the logits after the last token; all but the last piece of a prompt go without.
    pub logits: bool,
}

/// Why a step was refused; no sequence has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Too much work for one step.
    #[error("a step takes at most {STEP_TOKENS_MAX} tokens, {tokens} were given")]
    TooManyTokens {
        /// Tokens of all work together.
        tokens: usize,
    },
    /// Work without tokens.
    #[error("work {index} of a step has no tokens")]
    NoTokens {
        /// Position in the step's work.
        index: usize,
    },
    /// A sequence would outgrow its context.
    #[error("work {index} needs {needed} more tokens, its context has room for {left}")]
    ContextFull {
        /// Position in the step's work.
        index: usize,
        /// Tokens to add.
        needed: usize,
        /// Tokens that fit.
        left: usize,
    },
    /// A token that the model does not have.
    #[error("work {index} has token {token}, the model knows {vocabulary} tokens")]
    Token {
        /// Position in the step's work.
        index: usize,
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// A sequence of another model.
    #[error("work {index} is a sequence of another model")]
    Foreign {
        /// Position in the step's work.
        index: usize,
    },
}

/// A loaded language model. Every method takes `&self`; concurrent steps share the model's threads.
pub struct LanguageModel {
    weights: forward::Weights,
    tokenizer: Tokenizer,
    workers: Workers,
    isa: Isa,
    context_tokens: usize,
    model_id: String,
}

impl std::fmt::Debug for LanguageModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LanguageModel").field("model_id", &self.model_id).finish_non_exhaustive()
    }
}

impl LanguageModel {
    /// Loads a GGUF file.
    pub fn load(path: &Path, options: Options) -> Result<Self, LoadError> {
        Self::load_for(path, options, Isa::detect())
    }

    /// As [`LanguageModel::load`], on an instruction set of the caller's choice.
    pub fn load_for(path: &Path, options: Options, isa: Isa) -> Result<Self, LoadError> {
        load::load(path, options, isa)
    }

    /// An empty sequence, or one that begins with `prefix`.
    pub fn sequence(&self, prefix: Option<&Prefix>) -> Sequence {
        match prefix {
            Some(prefix) => Sequence::after(prefix, self.context_tokens),
            None => Sequence::new(self.weights.shape(), self.context_tokens),
        }
    }

    /// Grows every sequence by its tokens in one pass through the weights, and returns for each work the logits
    /// (one for each token of the vocabulary) after its last token, or nothing where none were asked for.
    pub fn step(&self, work: &mut [Work<'_>]) -> Result<Vec<Vec<f32>>, StepError> {
        self.check(work)?;
        Ok(self.workers.enter(|| self.weights.step(self.isa, &self.workers, work)))
    }

    /// Reads a whole prompt in steps of [`STEP_TOKENS_MAX`] and returns the logits after its last token.
    pub fn prefill(&self, sequence: &mut Sequence, tokens: &[u32]) -> Result<Vec<f32>, StepError> {
        if tokens.is_empty() {
            return Err(StepError::NoTokens { index: 0 });
        }
        let (needed, left) = (tokens.len(), sequence.context_left());
        if needed > left {
            return Err(StepError::ContextFull { index: 0, needed, left });
        }
        sequence.reserve(needed);
        let pieces = tokens.chunks(STEP_TOKENS_MAX);
        let last = pieces.len();
        let mut logits = Vec::new();
        for (index, tokens) in pieces.enumerate() {
            let work = Work { sequence: &mut *sequence, tokens, logits: index + 1 == last };
            logits = self.step(&mut [work])?.into_iter().next_back().unwrap_or_default();
        }
        Ok(logits)
    }

    /// Tokens of a conversation, written as this model expects it, up to where the model is to answer.
    pub fn encode_chat(&self, messages: &[Message<'_>]) -> Result<Vec<u32>, TokenizeError> {
        self.tokenizer.encode_segments(&self.tokenizer.template().prompt(messages))
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Most tokens of a sequence, prompt and answer together.
    pub fn context_tokens(&self) -> usize {
        self.context_tokens
    }

    /// Tokens that the model knows: the length of its logits.
    pub fn vocabulary(&self) -> usize {
        self.weights.vocabulary()
    }

    /// Names the model and its exact weights.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    /// Memory that the weights take.
    pub fn bytes(&self) -> usize {
        self.weights.bytes()
    }

    /// Memory that one token of a sequence takes.
    pub fn kv_bytes_per_token(&self) -> usize {
        self.weights.kv_bytes_per_token()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    fn check(&self, work: &[Work<'_>]) -> Result<(), StepError> {
        let tokens = work.iter().map(|work| work.tokens.len()).sum();
        if tokens > STEP_TOKENS_MAX {
            return Err(StepError::TooManyTokens { tokens });
        }
        let vocabulary = self.vocabulary();
        for (index, work) in work.iter().enumerate() {
            let (needed, left) = (work.tokens.len(), work.sequence.context_left());
            if needed == 0 {
                return Err(StepError::NoTokens { index });
            }
            if !work.sequence.belongs_to(self.weights.shape()) {
                return Err(StepError::Foreign { index });
            }
            if needed > left {
                return Err(StepError::ContextFull { index, needed, left });
            }
            if let Some(token) = work.tokens.iter().find(|token| **token as usize >= vocabulary) {
                return Err(StepError::Token { index, token: *token, vocabulary });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tiny_tests;
