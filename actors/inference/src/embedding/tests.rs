//! The encoder against candle's, against the vectors of the weights' own engine, and against itself.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

use super::*;
use crate::catalogue::{EMBEDDING_DEFAULT, Location};
use crate::test_models::models_dir;

fn model_dir() -> std::path::PathBuf {
    match crate::catalogue::locate(&models_dir(), EMBEDDING_DEFAULT) {
        Ok(Location::Found { dir, .. }) => dir,
        Ok(Location::Missing { looked_in, how_to_get, .. }) => panic!("{looked_in:?} missing: {how_to_get}"),
        Err(error) => panic!("{error}"),
    }
}

fn embedder(precision: Precision, isa: Isa) -> Embedder {
    Embedder::load_for(&model_dir(), Options { precision, threads: 2 }, isa).unwrap()
}

fn f32_model() -> &'static Embedder {
    static MODEL: OnceLock<Embedder> = OnceLock::new();
    MODEL.get_or_init(|| embedder(Precision::F32, Isa::detect()))
}

fn int8_model() -> &'static Embedder {
    static MODEL: OnceLock<Embedder> = OnceLock::new();
    MODEL.get_or_init(|| embedder(Precision::Int8, Isa::detect()))
}

const TEXTS: [&str; 5] = [
    "Qual é o valor da caução?",
    "O senhorio deve restituir a caução no prazo de trinta dias após a cessação do contrato de arrendamento.",
    "a",
    "The committee adjourned at 17:45 without voting on item 4(b), and will meet again on 12 March.",
    "",
];

fn raw(text: &str) -> Input<'_> {
    Input { kind: InputKind::Raw, text }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Mean of the last hidden states by candle's own BERT, unit length.
fn reference(ids: &[u32]) -> Vec<f32> {
    let dir = model_dir();
    let config: Config =
        serde_json::from_str(&std::fs::read_to_string(dir.join("config.json")).unwrap()).unwrap();
    let bytes = std::fs::read(dir.join("model.safetensors")).unwrap();
    let weights = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu).unwrap();
    let model = BertModel::load(weights, &config).unwrap();
    let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let states = model.forward(&ids, &ids.zeros_like().unwrap(), None).unwrap();
    let mean = states.mean(1).unwrap().squeeze(0).unwrap().to_vec1::<f32>().unwrap();
    let length = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
    mean.iter().map(|v| v / length).collect()
}

#[test]
fn f32_vectors_are_candles() {
    for text in &TEXTS[..2] {
        let expected = reference(&f32_model().token_ids(raw(text)).unwrap());
        let vector = &f32_model().embed(&[raw(text)]).unwrap()[0].vector;
        let difference = vector.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference <= 1e-5, "{text:?} differs by {difference}");
    }
}

#[test]
fn ids_and_vectors_are_those_of_the_weights_own_engine() {
    #[derive(serde::Deserialize)]
    struct Fixture {
        ids: Vec<u32>,
        vector: Vec<f32>,
    }
    let fixtures: Vec<Fixture> =
        serde_json::from_str(include_str!("../../fixtures/e5-small-pt-en.json")).unwrap();
    let inputs = [
        (InputKind::Query, "Qual é o valor da caução do contrato de arrendamento?"),
        (
            InputKind::Passage,
            "O senhorio deve restituir a caução no prazo de trinta dias após a cessação do contrato.",
        ),
        (InputKind::Passage, "The committee adjourned at 17:45 without voting on item 4(b)."),
        (InputKind::Query, "Ligações elétricas № ½ ﬁnais — “aspas”…"),
        (InputKind::Passage, "João não compareceu à reunião; a ação foi adiada para 12/03/2024."),
        (InputKind::Raw, "Raw text, no prompt."),
    ];
    assert_eq!(fixtures.len(), inputs.len());
    for (fixture, (kind, text)) in fixtures.iter().zip(inputs) {
        let input = Input { kind, text };
        assert_eq!(f32_model().token_ids(input).unwrap(), fixture.ids, "{text:?}");
        let vector = &f32_model().embed(&[input]).unwrap()[0].vector;
        // The engine rounds activations to 8 bits in blocks of 32; the rest of the difference is ours.
        let alike = cosine(vector, &fixture.vector);
        assert!(alike > 0.9998, "{text:?}: cosine {alike}");
    }
}

#[test]
fn int8_vectors_point_where_f32_vectors_do() {
    let inputs = TEXTS.map(raw);
    let (exact, fast) = (f32_model().embed(&inputs).unwrap(), int8_model().embed(&inputs).unwrap());
    for (exact, fast) in exact.iter().zip(&fast) {
        let alike = cosine(&exact.vector, &fast.vector);
        assert!(alike >= 0.995, "cosine {alike}");
    }
}

#[test]
fn every_instruction_set_embeds_alike() {
    let inputs = TEXTS.map(raw);
    for precision in [Precision::F32, Precision::Int8] {
        let expected = match precision {
            Precision::F32 => f32_model(),
            Precision::Int8 => int8_model(),
        };
        let expected = expected.embed(&inputs).unwrap();
        for isa in Isa::available().into_iter().skip(1) {
            for (a, b) in expected.iter().zip(embedder(precision, isa).embed(&inputs).unwrap()) {
                let alike = cosine(&a.vector, &b.vector);
                let least = if precision == Precision::F32 { 0.999_99 } else { 0.999 };
                assert!(alike > least, "{} {precision:?}: cosine {alike}", isa.name());
            }
        }
    }
}

#[test]
fn a_vector_does_not_depend_on_its_neighbours() {
    let long = "cláusula resolutiva ".repeat(60);
    for model in [f32_model(), int8_model()] {
        let mut inputs: Vec<Input<'_>> = TEXTS.into_iter().map(raw).collect();
        inputs.insert(2, raw(&long));
        let together = model.embed(&inputs).unwrap();
        for (input, embedding) in inputs.iter().zip(together) {
            assert_eq!(model.embed(&[*input]).unwrap(), [embedding], "{:?}", input.text);
        }
    }
}

#[test]
fn vectors_have_unit_length_and_the_models_dimension() {
    for embedding in int8_model().embed(&TEXTS.map(raw)).unwrap() {
        assert_eq!(embedding.vector.len(), int8_model().dimension());
        assert!((cosine(&embedding.vector, &embedding.vector) - 1.0).abs() < 1e-5);
        let length = embedding.vector.iter().map(|v| v * v).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
    assert!(int8_model().embed(&[]).unwrap().is_empty());
}

#[test]
fn a_long_text_is_cut_at_the_last_position_and_says_so() {
    let text = "palavra ".repeat(2000);
    let model = int8_model();
    let count = model.count_tokens(&text).unwrap();
    assert!(count > model.tokens_max(), "{count}");
    let embedding = &model.embed(&[raw(&text), raw("curto")]).unwrap();
    assert_eq!((embedding[0].tokens, embedding[0].truncated), (model.tokens_max(), true));
    assert_eq!((embedding[1].tokens, embedding[1].truncated), (model.count_tokens("curto").unwrap(), false));
}

#[test]
fn a_question_finds_the_passage_that_answers_it() {
    let passages = [
        "O arrendatário entrega ao senhorio, a título de garantia, a quantia de 1 800 euros.",
        "O prazo do contrato é de cinco anos, com início em 1 de janeiro de 2024.",
        "As obras de conservação ordinária ficam a cargo do inquilino.",
        "O condomínio é administrado pela empresa eleita em assembleia.",
    ];
    let questions = [
        ("Que valor foi dado como garantia?", 0),
        ("Quanto tempo dura o contrato?", 1),
        ("Quem paga as reparações da casa?", 2),
    ];
    let model = int8_model();
    let passages = passages.map(|text| Input { kind: InputKind::Passage, text });
    let vectors = model.embed(&passages).unwrap();
    for (text, answer) in questions {
        let question = &model.embed(&[Input { kind: InputKind::Query, text }]).unwrap()[0].vector;
        let best = (0..vectors.len())
            .max_by(|a, b| {
                cosine(question, &vectors[*a].vector).total_cmp(&cosine(question, &vectors[*b].vector))
            })
            .unwrap();
        assert_eq!(best, answer, "{text}");
    }
}

fn copy_of_model() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(model_dir().join(file), dir.path().join(file)).unwrap();
    }
    dir
}

fn rewrite_config(dir: &Path, from: &str, to: &str) {
    let path = dir.join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_the_reason() {
    let refused = |dir: &Path| Embedder::load(dir, Options::default()).unwrap_err();
    let dir = copy_of_model();
    rewrite_config(dir.path(), "\"intermediate_size\": 1536", "\"intermediate_size\": 1024");
    assert!(
        matches!(refused(dir.path()), LoadError::Tensor { tensor, .. } if tensor.contains("intermediate"))
    );
    rewrite_config(dir.path(), "\"bert\"", "\"roberta\"");
    assert!(matches!(refused(dir.path()), LoadError::Unsupported { field: "model_type", .. }));
    let weights = dir.path().join("model.safetensors");
    std::fs::copy(model_dir().join("config.json"), dir.path().join("config.json")).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&weights).unwrap();
    file.set_len(1_000_000).unwrap();
    assert!(matches!(refused(dir.path()), LoadError::Weights { .. }));
    std::fs::remove_file(&weights).unwrap();
    assert!(matches!(refused(dir.path()), LoadError::Io { path, .. } if path == weights));
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let dir = copy_of_model();
    let path = dir.path().join("tokenizer.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let other = text.replacen("\"vocab\":[", "\"vocab\":[[\"intruder\",-9.0],", 1);
    assert_ne!(text, other);
    std::fs::write(&path, other).unwrap();
    let error = Embedder::load(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(error, LoadError::Vocabulary { .. } | LoadError::Tokenizer { .. }), "{error}");
}
