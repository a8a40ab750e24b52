//! Texts to unit vectors, tokenising included; those of the first case are also written for comparison.

use std::path::Path;

use enabler_inference::embedding::{Embedder, Input, InputKind, Options, Precision};
use serde_json::{Value, json};

use crate::Failure;
use crate::report::{best, row};

pub(crate) fn measure(
    model: &str,
    texts: &str,
    threads: &str,
    precision: &str,
    out: &str,
) -> Result<(), Failure> {
    let precision = if precision == "f32" { Precision::F32 } else { Precision::Int8 };
    let embedder = Embedder::load(Path::new(model), Options { precision, threads: threads.parse()? })?;
    let cases: serde_json::Map<String, Value> = serde_json::from_slice(&std::fs::read(texts)?)?;
    for (number, (case, texts)) in cases.iter().enumerate() {
        let texts: Vec<&str> = texts.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // Raw: the texts are given to the peer as they are, too.
        let inputs: Vec<Input<'_>> = texts.iter().map(|text| Input { kind: InputKind::Raw, text }).collect();
        let made = embedder.embed(&inputs)?;
        let tokens: usize = made.iter().map(|made| made.tokens).sum();
        if number == 0 {
            let bytes: Vec<u8> =
                made.iter().flat_map(|made| &made.vector).flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(out, bytes)?;
        }
        let (wall, cpu) = best(3, || embedder.embed(&inputs).map(|_| ()))?;
        let count = inputs.len() as f64;
        row(case, count / wall, "embeddings/s", json!({"per_cpu_second": count / cpu, "tokens": tokens}));
    }
    Ok(())
}
