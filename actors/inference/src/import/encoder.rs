//! Writes an `E5S1` image as the files of a BERT encoder: weights, configuration, prompts, tokenizer.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::{Value, json};

use super::e5s1::{FormatError, Header, Image};
use super::{ImportError, io, tokenizer};

struct Weight {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

pub(super) fn write(model: &'static str, image: &[u8], dir: &Path) -> Result<(), ImportError> {
    let format = |source| ImportError::Format { model, source };
    let image = Image::parse(image).map_err(format)?;
    let weights = weights_of(&image).map_err(format)?;
    let weights_error = |source| ImportError::Weights { model, source };
    let mut views = BTreeMap::new();
    for (name, weight) in &weights {
        let view = TensorView::new(Dtype::F32, weight.shape.clone(), &weight.bytes).map_err(weights_error)?;
        views.insert(name.as_str(), view);
    }
    let metadata = Some([("format".to_owned(), "pt".to_owned())].into());
    serialize_to_file(views, metadata, &dir.join("model.safetensors")).map_err(weights_error)?;
    write_json(&config_of(&image.header), &dir.join("config.json"))?;
    // The file in which sentence-transformers models state their prompts; e5 needs them.
    let prompts = json!({ "prompts": { "query": "query: ", "passage": "passage: " } });
    write_json(&prompts, &dir.join("config_sentence_transformers.json"))?;
    let tokenizer = tokenizer::build(&image).map_err(|reason| ImportError::Tokenizer { model, reason })?;
    let path = dir.join("tokenizer.json");
    std::fs::write(&path, tokenizer).map_err(io("writing", &path))
}

fn write_json(value: &Value, path: &Path) -> Result<(), ImportError> {
    std::fs::write(path, format!("{value:#}\n")).map_err(io("writing", path))
}

fn weights_of(image: &Image<'_>) -> Result<BTreeMap<String, Weight>, FormatError> {
    let Header { hidden, layers, feed_forward, vocabulary, positions, token_types, .. } = image.header;
    let mut weights = BTreeMap::new();
    let mut put = |name: String, shape: &[usize], values: Vec<f32>| {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        weights.insert(name, Weight { shape: shape.to_vec(), bytes });
    };
    let words = image.matrix("emb.word", vocabulary * hidden)?;
    put("embeddings.word_embeddings.weight".into(), &[vocabulary, hidden], words);
    let places = image.vector("emb.pos", positions * hidden)?;
    put("embeddings.position_embeddings.weight".into(), &[positions, hidden], places);
    let types = image.vector("emb.type", token_types * hidden)?;
    put("embeddings.token_type_embeddings.weight".into(), &[token_types, hidden], types);
    put("embeddings.LayerNorm.weight".into(), &[hidden], image.vector("emb.ln.w", hidden)?);
    put("embeddings.LayerNorm.bias".into(), &[hidden], image.vector("emb.ln.b", hidden)?);
    let dense = [
        ("q", "attention.self.query", hidden, hidden),
        ("k", "attention.self.key", hidden, hidden),
        ("v", "attention.self.value", hidden, hidden),
        ("ao", "attention.output.dense", hidden, hidden),
        ("fi", "intermediate.dense", feed_forward, hidden),
        ("fo", "output.dense", hidden, feed_forward),
    ];
    let norms = [("aln", "attention.output.LayerNorm"), ("oln", "output.LayerNorm")];
    for layer in 0..layers {
        for (short, long, rows, columns) in dense {
            let weight = image.matrix(&format!("l{layer}.{short}.w"), rows * columns)?;
            put(format!("encoder.layer.{layer}.{long}.weight"), &[rows, columns], weight);
            let bias = image.vector(&format!("l{layer}.{short}.b"), rows)?;
            put(format!("encoder.layer.{layer}.{long}.bias"), &[rows], bias);
        }
        for (short, long) in norms {
            let weight = image.vector(&format!("l{layer}.{short}.w"), hidden)?;
            put(format!("encoder.layer.{layer}.{long}.weight"), &[hidden], weight);
            let bias = image.vector(&format!("l{layer}.{short}.b"), hidden)?;
            put(format!("encoder.layer.{layer}.{long}.bias"), &[hidden], bias);
        }
    }
    Ok(weights)
}

fn config_of(header: &Header) -> Value {
    json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": header.vocabulary,
        "hidden_size": header.hidden,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.feed_forward,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": header.positions,
        "type_vocab_size": header.token_types,
        "initializer_range": 0.02,
        "layer_norm_eps": f64::from(header.epsilon),
        "pad_token_id": header.pad,
        "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizer",
    })
}
