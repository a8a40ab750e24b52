//! Families without a small public file: tiny models with arbitrary weights, written as GGUF and run both here and
//! by candle.

use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use candle_transformers::models::{quantized_llama, quantized_qwen2};

use super::*;

const HIDDEN: usize = 64;
const HEADS: usize = 2;
const FEED: usize = 96;
const VOCABULARY: usize = 320;
const LAYERS: usize = 2;

/// A GGUF file in memory, to be changed before it is written.
struct Tiny {
    architecture: &'static str,
    metadata: Vec<(String, Value)>,
    tensors: Vec<(String, Tensor)>,
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Value {
    Value::Array(values.into_iter().map(|text| Value::String(text.to_owned())).collect())
}

impl Tiny {
    fn new(architecture: &'static str) -> Self {
        let mut tiny = Self { architecture, metadata: Vec::new(), tensors: Vec::new() };
        tiny.set("general.architecture", Value::String(architecture.into()));
        for (key, value) in [
            ("embedding_length", HIDDEN),
            ("block_count", LAYERS),
            ("feed_forward_length", FEED),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", 1),
            ("context_length", 128),
            ("rope.dimension_count", HIDDEN / HEADS),
        ] {
            tiny.own(key, Value::U32(value as u32));
        }
        tiny.own("attention.layer_norm_rms_epsilon", Value::F32(1e-5));
        tiny.own("rope.freq_base", Value::F32(10_000.0));
        let (head, wide) = (HIDDEN / HEADS, HIDDEN);
        tiny.random("token_embd.weight", &[VOCABULARY, HIDDEN]);
        tiny.random("output.weight", &[VOCABULARY, HIDDEN]);
        tiny.random("output_norm.weight", &[HIDDEN]);
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}");
            for (part, rows, columns) in [
                ("attn_q", wide, HIDDEN),
                ("attn_k", head, HIDDEN),
                ("attn_v", head, HIDDEN),
                ("attn_output", HIDDEN, wide),
                ("ffn_gate", FEED, HIDDEN),
                ("ffn_up", FEED, HIDDEN),
                ("ffn_down", HIDDEN, FEED),
            ] {
                tiny.random(&name(&format!("{part}.weight")), &[rows, columns]);
                if architecture == "qwen2" && part.len() == 6 {
                    tiny.random(&name(&format!("{part}.bias")), &[rows]);
                }
            }
            tiny.random(&name("attn_norm.weight"), &[HIDDEN]);
            tiny.random(&name("ffn_norm.weight"), &[HIDDEN]);
        }
        tiny.byte_level()
    }

    fn set(&mut self, key: &str, value: Value) {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.to_owned(), value));
    }

    fn own(&mut self, key: &str, value: Value) {
        self.set(&format!("{}.{key}", self.architecture), value);
    }

    fn random(&mut self, name: &str, shape: &[usize]) {
        let count: usize = shape.iter().product();
        let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let value = |i: usize| {
            let mixed = (seed ^ i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            (mixed as f32 / (1u64 << 23) as f32 - 1.0) * if shape.len() == 1 { 0.9 } else { 0.3 }
        };
        let values: Vec<f32> = (0..count).map(value).collect();
        self.tensors.push((name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap()));
    }

    /// A vocabulary of bytes: 256 single characters and fillers, of which the last is the end.
    fn byte_level(mut self) -> Self {
        let tokens: Vec<String> =
            (0..VOCABULARY as u32).map(|i| format!("{}", char::from_u32(0x100 + i).unwrap())).collect();
        self.set("tokenizer.ggml.model", Value::String("gpt2".into()));
        self.set("tokenizer.ggml.pre", Value::String("gpt-2".into()));
        self.set("tokenizer.ggml.tokens", texts(tokens.iter().map(String::as_str)));
        self.set("tokenizer.ggml.merges", texts([]));
        self.set("tokenizer.ggml.eos_token_id", Value::U32(VOCABULARY as u32 - 1));
        self
    }

    fn write(&self) -> Vec<u8> {
        let quantised = |tensor: &Tensor| QTensor::quantize(tensor, GgmlDType::F32).unwrap();
        let tensors: Vec<(&str, QTensor)> =
            self.tensors.iter().map(|(name, tensor)| (name.as_str(), quantised(tensor))).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let metadata: Vec<(&str, &Value)> =
            self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let mut bytes = std::io::Cursor::new(Vec::new());
        gguf_file::write(&mut bytes, &metadata, &tensors).unwrap();
        bytes.into_inner()
    }

    fn load(&self) -> Result<LanguageModel, LoadError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tiny.gguf");
        std::fs::write(&path, self.write()).unwrap();
        LanguageModel::load(&path, Options::default())
    }

    fn logits(&self, tokens: &[u32]) -> Vec<f32> {
        let model = self.load().unwrap();
        model.prefill(&mut model.sequence(None), tokens).unwrap()
    }

    fn candle(&self, tokens: &[u32]) -> Vec<f32> {
        let mut bytes = std::io::Cursor::new(self.write());
        let content = Content::read(&mut bytes).unwrap();
        let input = Tensor::new(tokens, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let logits = match self.architecture {
            "qwen2" => quantized_qwen2::ModelWeights::from_gguf(content, &mut bytes, &Device::Cpu)
                .unwrap()
                .forward(&input, 0),
            _ => quantized_llama::ModelWeights::from_gguf(content, &mut bytes, &Device::Cpu)
                .unwrap()
                .forward(&input, 0),
        };
        logits.unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }
}

const TOKENS: [u32; 9] = [3, 250, 17, 99, 4, 180, 33, 7, 301];

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn both_families_compute_what_candle_computes() {
    for architecture in ["llama", "qwen2"] {
        let tiny = Tiny::new(architecture);
        let alike = cosine(&tiny.logits(&TOKENS), &tiny.candle(&TOKENS));
        assert!(alike > 0.9985, "{architecture}: cosine {alike}");
    }
    let (llama, qwen) = (Tiny::new("llama"), Tiny::new("qwen2"));
    assert!(
        cosine(&llama.logits(&TOKENS), &qwen.logits(&TOKENS)) < 0.99,
        "they differ, so the test can fail"
    );
}

#[test]
fn frequency_factors_stretch_the_rotation() {
    let plain = Tiny::new("llama").logits(&TOKENS);
    let with = |factor: f32| {
        let mut tiny = Tiny::new("llama");
        let factors = Tensor::new(&[factor; HIDDEN / HEADS / 2], &Device::Cpu).unwrap();
        tiny.tensors.push(("rope_freqs.weight".into(), factors));
        tiny
    };
    assert_eq!(with(1.0).logits(&TOKENS), plain);
    let stretched = with(8.0).logits(&TOKENS);
    assert!(cosine(&stretched, &plain) < 0.9999);
    // Dividing every frequency is the same as scaling linearly.
    let mut linear = Tiny::new("llama");
    linear.own("rope.scaling.type", Value::String("linear".into()));
    linear.own("rope.scaling.factor", Value::F32(8.0));
    assert_eq!(linear.logits(&TOKENS), stretched);
    assert!(matches!(with(0.0).load(), Err(LoadError::Tensor { .. })));
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Tiny)| {
        let mut tiny = Tiny::new("llama");
        change(&mut tiny);
        tiny.load().unwrap_err().to_string()
    };
    let says = |error: String, words: &[&str]| {
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    says(
        refused(&|t| t.set("general.architecture", Value::String("gemma3".into()))),
        &["gemma3", "llama and qwen2"],
    );
    says(refused(&|t| t.own("attention.head_count", Value::U32(3))), &["head_count", "3"]);
    says(refused(&|t| t.own("attention.head_count", Value::U32(4))), &["heads of 16 values"]);
    says(refused(&|t| t.own("expert_count", Value::U32(8))), &["mixture of experts"]);
    says(refused(&|t| t.own("rope.scaling.type", Value::String("yarn".into()))), &["yarn", "linear"]);
    says(refused(&|t| t.own("context_length", Value::U32(0))), &["context_length"]);
    says(
        refused(&|t| t.tensors.retain(|(name, _)| name != "blk.1.ffn_up.weight")),
        &["blk.1.ffn_up.weight", "missing"],
    );
    says(
        refused(&|t| {
            t.tensors.retain(|(name, _)| name != "blk.0.attn_k.weight");
            t.random("blk.0.attn_k.weight", &[64, 64]);
        }),
        &["blk.0.attn_k.weight", "[64, 64]", "[32, 64]"],
    );
    says(refused(&|t| t.set("tokenizer.ggml.pre", Value::String("tekken".into()))), &["tekken", "smollm"]);
    says(
        refused(&|t| t.set("tokenizer.ggml.model", Value::String("rwkv".into()))),
        &["rwkv", "gpt2 and llama"],
    );
}

#[test]
fn a_sequence_of_another_model_is_refused() {
    let (one, mut other) = (Tiny::new("llama"), Tiny::new("llama"));
    other.tensors.retain(|(name, _)| name != "output.weight");
    let (one, other) = (one.load().unwrap(), other.load().unwrap());
    assert_ne!(one.model_id(), other.model_id());
    let error = one.prefill(&mut other.sequence(None), &[1]).unwrap_err();
    assert_eq!(error, StepError::Foreign { index: 0 });
}

/// TinyLlama's kind of vocabulary: control tokens, bytes, then pieces with scores.
fn sentence_piece() -> Tiny {
    let mut tiny = Tiny::new("llama");
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(String::from).into();
    tokens.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
    let pieces = ["\u{2581}", "a", "o", "l", "á", "\u{2581}o", "lá", "\u{2581}olá", "ol", "ab", "<", "|"];
    tokens.extend(pieces.map(String::from));
    let kinds = (0..tokens.len())
        .map(|id| Value::I32([2, 3, 3].get(id).copied().unwrap_or(if id < 259 { 6 } else { 1 })));
    let scores = (0..tokens.len()).map(|id| Value::F32(-(id as f32)));
    tiny.set("tokenizer.ggml.token_type", Value::Array(kinds.collect()));
    tiny.set("tokenizer.ggml.scores", Value::Array(scores.collect()));
    tiny.set("tokenizer.ggml.model", Value::String("llama".into()));
    tiny.set("tokenizer.ggml.tokens", texts(tokens.iter().map(String::as_str)));
    tiny.set("tokenizer.ggml.bos_token_id", Value::U32(1));
    tiny.set("tokenizer.ggml.eos_token_id", Value::U32(2));
    let template = "{{ '<|user|>\\n' + message['content'] + eos_token }}";
    tiny.set("tokenizer.chat_template", Value::String(template.into()));
    tiny
}

#[test]
fn a_sentence_piece_model_reads_and_writes_text() {
    let model = sentence_piece().load().unwrap();
    let tokenizer = model.tokenizer();
    assert_eq!(tokenizer.template(), Template::Zephyr);
    assert_eq!(tokenizer.stop_tokens(), [2]);
    // The best scores are those of the first pieces: `▁o` is merged before `ol`, then `lá`, then the word.
    assert_eq!(tokenizer.encode("olá").unwrap(), [266]);
    for text in ["olá ab", "não há", "😀", " </s> <s>"] {
        let mut stream = tokenizer.detokenizer();
        let ids = tokenizer.encode(text).unwrap();
        assert!(!ids.contains(&2), "text never ends a turn");
        assert_eq!(ids.iter().map(|id| stream.push(*id)).collect::<String>(), text);
    }
    let chat = model.encode_chat(&[Message { speaker: Speaker::User, text: "olá" }]).unwrap();
    assert_eq!((chat[0], chat.iter().filter(|id| **id == 2).count()), (1, 1), "one begin, one end of turn");
}
