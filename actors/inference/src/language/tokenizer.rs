//! Builds the tokenizer that a GGUF file describes: byte-level BPE (SmolLM2, Qwen2, Llama 3) or SentencePiece
//! (TinyLlama).
//!
//! Text is always read as text: a special token can be written only by its name, so what a person types can never
//! end a turn.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::quantized::gguf_file::Value;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use super::LoadError;
use super::detokenizer::{Detokenizer, Pieces};
use super::gguf::{Gguf, whole};
use super::spm::Spm;
use super::template::{Segment, Template};

const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Why a text could not be tokenized.
#[derive(Debug, thiserror::Error)]
pub enum TokenizeError {
    /// The tokenizer library failed.
    #[error("tokenizing a prompt: {0}")]
    Library(String),
    /// The template writes a token that the model does not have.
    #[error("the model has no token `{0}`")]
    NoSuchToken(&'static str),
}

/// A model's tokenizer.
#[derive(Debug)]
pub struct Tokenizer {
    text: Text,
    special: HashMap<String, u32>,
    pieces: Pieces,
    begin: Option<u32>,
    stop_tokens: Vec<u32>,
    template: Template,
}

#[derive(Debug)]
enum Text {
    ByteLevel(Box<tokenizers::Tokenizer>),
    SentencePiece { spm: Spm, lead: bool },
}

/// What a token is, as `tokenizer.ggml.token_type` numbers it.
const CONTROL: usize = 3;
const UNKNOWN: usize = 2;
const BYTE: usize = 6;

impl Tokenizer {
    pub(super) fn from_gguf(gguf: &Gguf) -> Result<Self, LoadError> {
        let tokens = texts(gguf, "tokenizer.ggml.tokens")?;
        let types: Vec<usize> = match gguf.get("tokenizer.ggml.token_type") {
            Some(Value::Array(types)) => types.iter().map(|value| whole(value).unwrap_or(1)).collect(),
            _ => vec![1; tokens.len()],
        };
        if types.len() != tokens.len() {
            return Err(gguf.wrong("tokenizer.ggml.token_type", "does not have an entry for each token"));
        }
        let id = |key: &str| -> Result<Option<u32>, LoadError> {
            let id = gguf.number(&format!("tokenizer.ggml.{key}_token_id"))?;
            Ok(id.and_then(|id| u32::try_from(id).ok()).filter(|id| (*id as usize) < tokens.len()))
        };
        let (bos, eos) = (id("bos")?, id("eos")?);
        let mut special: HashMap<String, u32> = HashMap::new();
        for (index, kind) in types.iter().enumerate() {
            if *kind == CONTROL || [bos, eos].contains(&Some(index as u32)) {
                special.insert(tokens[index].clone(), index as u32);
            }
        }
        let kind = gguf.text("tokenizer.ggml.model")?;
        let (text, pieces) = match kind {
            "gpt2" => (byte_level(gguf, &tokens)?, byte_pieces(&tokens, &special)),
            "llama" => (
                sentence_piece(gguf, &tokens, &types, id("unknown")?.unwrap_or(0))?,
                spm_pieces(&tokens, &types, &special),
            ),
            other => {
                let what = format!("is `{other}`; gpt2 and llama are supported");
                return Err(gguf.wrong("tokenizer.ggml.model", &what));
            }
        };
        let template =
            Template::recognise(gguf.text("tokenizer.chat_template").ok(), |name| special.contains_key(name));
        let ends = template.turn_ends().iter().filter_map(|name| special.get(*name).copied());
        let mut stop_tokens: Vec<u32> = ends.chain(eos).chain(id("eot")?).collect();
        stop_tokens.sort_unstable();
        stop_tokens.dedup();
        let adds_begin = match gguf.get("tokenizer.ggml.add_bos_token") {
            Some(value) => value.to_bool().unwrap_or(false),
            // The formats' own defaults: SentencePiece and Llama 3 begin with it, other byte-level models do not.
            None => kind == "llama" || template == Template::Llama3,
        };
        Ok(Self { text, special, pieces, begin: bos.filter(|_| adds_begin), stop_tokens, template })
    }

    /// Tokens of a text, without a begin-of-text; names of special tokens in it are read as text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        self.encode_part(text, true)
    }

    /// Tokens of a written conversation, begin-of-text included where the model wants it.
    pub fn encode_segments(&self, segments: &[Segment]) -> Result<Vec<u32>, TokenizeError> {
        let mut ids: Vec<u32> = self.begin.into_iter().collect();
        for segment in segments {
            match segment {
                Segment::Special(name) => {
                    ids.push(*self.special.get(*name).ok_or(TokenizeError::NoSuchToken(name))?);
                }
                Segment::Text(text) => ids.extend(self.encode_part(text, ids.len() <= 1)?),
            }
        }
        Ok(ids)
    }

    fn encode_part(&self, text: &str, leads: bool) -> Result<Vec<u32>, TokenizeError> {
        match &self.text {
            Text::ByteLevel(tokenizer) => {
                let encoding = tokenizer
                    .encode_fast(text, false)
                    .map_err(|error| TokenizeError::Library(error.to_string()))?;
                Ok(encoding.get_ids().to_vec())
            }
            Text::SentencePiece { spm, lead } => Ok(spm.encode(text, *lead && leads)),
        }
    }

    /// Decodes the tokens of one answer as they come.
    pub fn detokenizer(&self) -> Detokenizer {
        Detokenizer::new(self.pieces.clone(), matches!(self.text, Text::SentencePiece { .. }))
    }

    /// Tokens after which an answer is complete; in increasing order.
    pub fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }

    /// How this model's conversations are written.
    pub fn template(&self) -> Template {
        self.template
    }

    /// Tokens that the tokenizer knows.
    pub fn vocabulary(&self) -> usize {
        self.pieces.len()
    }

    /// The id of the special token of that name.
    pub fn special(&self, name: &str) -> Option<u32> {
        self.special.get(name).copied()
    }
}

fn texts(gguf: &Gguf, key: &str) -> Result<Vec<String>, LoadError> {
    let Some(Value::Array(values)) = gguf.get(key) else { return Err(gguf.wrong(key, "is missing")) };
    let text =
        |value: &Value| value.to_string().cloned().map_err(|_| gguf.wrong(key, "holds other than text"));
    values.iter().map(text).collect()
}

fn byte_level(gguf: &Gguf, tokens: &[String]) -> Result<Text, LoadError> {
    let wrong = |error: tokenizers::Error| LoadError::Tokenizer {
        path: gguf.path.clone(),
        reason: error.to_string(),
    };
    let pre = gguf.text("tokenizer.ggml.pre")?;
    let split = |pattern: &str| -> Result<PreTokenizerWrapper, LoadError> {
        let pattern = SplitPattern::Regex(pattern.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(wrong)?;
        Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, true, false).into()]).into())
    };
    let is_llama3 = matches!(pre, "llama-bpe" | "llama3" | "llama-v3" | "smaug-bpe");
    let words: PreTokenizerWrapper = match pre {
        "smollm" => {
            Sequence::new(vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()]).into()
        }
        "qwen2" | "deepseek-r1-qwen" => split(QWEN2)?,
        "gpt-2" => ByteLevel::new(false, true, true).into(),
        _ if is_llama3 => split(LLAMA3)?,
        other => {
            let what = format!("is `{other}`; smollm, qwen2, llama-bpe and gpt-2 are supported");
            return Err(gguf.wrong("tokenizer.ggml.pre", &what));
        }
    };
    let pair = |merge: String| {
        let (left, right) =
            merge.split_once(' ').ok_or_else(|| gguf.wrong("tokenizer.ggml.merges", "is malformed"))?;
        Ok((left.to_owned(), right.to_owned()))
    };
    let merges: Vec<(String, String)> =
        texts(gguf, "tokenizer.ggml.merges")?.into_iter().map(pair).collect::<Result<_, LoadError>>()?;
    let ids = tokens.iter().enumerate().map(|(id, token)| (token.clone(), id as u32));
    let vocabulary: Vocab = ids.collect();
    // Llama 3 takes a whole word that is in its vocabulary before it looks at merges.
    let bpe = BPE::builder()
        .vocab_and_merges(vocabulary, merges)
        .ignore_merges(is_llama3)
        .build()
        .map_err(wrong)?;
    let mut tokenizer = tokenizers::Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(words));
    if pre == "qwen2" {
        tokenizer.with_normalizer(Some(NFC)).map_err(wrong)?;
    }
    Ok(Text::ByteLevel(Box::new(tokenizer)))
}

fn sentence_piece(gguf: &Gguf, tokens: &[String], types: &[usize], unknown: u32) -> Result<Text, LoadError> {
    const SCORES: &str = "tokenizer.ggml.scores";
    let Some(Value::Array(scores)) = gguf.get(SCORES) else { return Err(gguf.wrong(SCORES, "is missing")) };
    if scores.len() != tokens.len() {
        return Err(gguf.wrong(SCORES, "does not have an entry for each token"));
    }
    let mut bytes = vec![None; 256];
    for (id, token) in tokens.iter().enumerate().filter(|(id, _)| types[*id] == BYTE) {
        if let Some(byte) = byte_of(token) {
            bytes[usize::from(byte)] = Some(id as u32);
        }
    }
    let ordinary = tokens.iter().zip(types).zip(scores).enumerate();
    let ordinary = ordinary.filter(|(_, ((_, kind), _))| ![BYTE, CONTROL, UNKNOWN].contains(*kind));
    let piece = |(id, ((token, _), score)): (usize, ((&String, &usize), &Value))| {
        (Box::from(token.as_str()), id as u32, score.to_f32().unwrap_or(f32::MIN))
    };
    let lead = match gguf.get("tokenizer.ggml.add_space_prefix") {
        Some(value) => value.to_bool().unwrap_or(true),
        None => true,
    };
    Ok(Text::SentencePiece { spm: Spm::new(ordinary.map(piece), bytes, unknown), lead })
}

/// `<0x0A>` names byte 10.
fn byte_of(token: &str) -> Option<u8> {
    u8::from_str_radix(token.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

fn spm_pieces(tokens: &[String], types: &[usize], special: &HashMap<String, u32>) -> Pieces {
    let piece = |(id, token): (usize, &String)| -> Box<[u8]> {
        match (types[id], byte_of(token)) {
            (BYTE, Some(byte)) => [byte].into(),
            _ if special.contains_key(token) || types[id] == UNKNOWN => [].into(),
            _ => token.replace('\u{2581}', " ").into_bytes().into(),
        }
    };
    tokens.iter().enumerate().map(piece).collect::<Arc<[_]>>()
}

/// Byte-level vocabularies write each byte as one printable character.
fn byte_pieces(tokens: &[String], special: &HashMap<String, u32>) -> Pieces {
    let mut bytes = HashMap::new();
    let mut next = 256u32;
    for byte in 0..=255u8 {
        let printable = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let character = if printable {
            u32::from(byte)
        } else {
            next += 1;
            next - 1
        };
        bytes.insert(char::from_u32(character).unwrap_or_default(), byte);
    }
    let piece = |token: &String| -> Box<[u8]> {
        if special.contains_key(token) {
            return [].into();
        }
        token.chars().filter_map(|character| bytes.get(&character).copied()).collect()
    };
    tokens.iter().map(piece).collect::<Arc<[_]>>()
}
