//! Measures the imported models: `models_bench <models directory> <threads> [repetitions [embedding|language]]`.
//!
//! Every figure is the best of the repetitions: items per second of wall-clock time, and items per second of
//! processor time, which busy neighbours disturb less. Prompts are made of arbitrary tokens, because speed does
//! not depend on them.

use std::path::Path;
use std::time::Instant;

use enabler_inference::catalogue::{EMBEDDING_DEFAULT, LANGUAGE_DEFAULT, Location, locate};
use enabler_inference::embedding::{self, Embedder, Input, InputKind, Precision};
use enabler_inference::language::sample::greedy;
use enabler_inference::language::{self, LanguageModel, STEP_TOKENS_MAX, Sequence, Work};

type Failure = Box<dyn std::error::Error>;

/// Seconds of wall-clock and of processor time, each the best of the repetitions.
#[derive(Clone, Copy)]
struct Spent {
    wall: f64,
    processor: f64,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the time that passes")]
fn best(repetitions: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Spent, Failure> {
    let mut best = Spent { wall: f64::INFINITY, processor: f64::INFINITY };
    for _ in 0..repetitions {
        let (start, processor) = (Instant::now(), processor_seconds());
        work()?;
        best.wall = best.wall.min(start.elapsed().as_secs_f64());
        best.processor = best.processor.min(processor_seconds() - processor);
    }
    Ok(best)
}

/// Processor time of all threads so far, from the kernel's count; not a number where there is none.
fn processor_seconds() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
    let nanoseconds = |thread: std::fs::DirEntry| -> Option<f64> {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    threads.flatten().filter_map(nanoseconds).sum::<f64>() * 1e-9
}

#[expect(clippy::print_stdout, reason = "a command-line example talks to its terminal")]
fn report(name: &str, count: usize, unit: &str, spent: Spent) {
    let (wall, processor) = (count as f64 / spent.wall, count as f64 / spent.processor);
    println!("{name:<34} {wall:>10.1} {unit}/s {processor:>10.1} {unit}/cpu-s {:>9.2} ms", spent.wall * 1e3);
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [models_dir, threads, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: models_bench <models directory> <threads> [repetitions [embedding|language]]".into()
        );
    };
    let (models_dir, threads) = (Path::new(models_dir), threads.parse()?);
    let repetitions = rest.first().map_or(Ok(5), |text| text.parse())?;
    let wanted = |kind: &str| rest.get(1).is_none_or(|only| only == kind);
    for precision in [Precision::Int8, Precision::F32].into_iter().filter(|_| wanted("embedding")) {
        let (dir, _) = found(models_dir, EMBEDDING_DEFAULT)?;
        let embedder = Embedder::load(&dir, embedding::Options { precision, threads })?;
        embeddings(&embedder, repetitions)?;
    }
    if wanted("language") {
        let (_, weights) = found(models_dir, LANGUAGE_DEFAULT)?;
        let options = language::Options { threads, ..language::Options::default() };
        decoding(&LanguageModel::load(&weights, options)?, repetitions)?;
    }
    Ok(())
}

fn found(models_dir: &Path, name: &str) -> Result<(std::path::PathBuf, std::path::PathBuf), Failure> {
    match locate(models_dir, name)? {
        Location::Found { dir, weights, .. } => Ok((dir, weights)),
        Location::Missing { how_to_get, .. } => Err(how_to_get.into()),
    }
}

/// A text of exactly `tokens` tokens, special ones included: each of its words is one token.
fn text(embedder: &Embedder, tokens: usize) -> Result<String, Failure> {
    let mut text = String::new();
    for word in ["o", "contrato", "de", "casa", "para", "a", "empresa", "foi"].iter().cycle().take(tokens) {
        let longer = format!("{text} {word}");
        if embedder.count_tokens(&longer)? > tokens {
            break;
        }
        text = longer;
    }
    Ok(text)
}

fn embeddings(embedder: &Embedder, repetitions: usize) -> Result<(), Failure> {
    let mixed: Vec<usize> = (0..32).map(|i| 16 + i * 240 / 31).collect();
    let batches = [
        ("1x20", vec![20; 1]),
        ("8x20", vec![20; 8]),
        ("32x20", vec![20; 32]),
        ("8x256", vec![256; 8]),
        ("32 mixed 16-256", mixed),
    ];
    for (name, lengths) in batches {
        let texts = lengths.iter().map(|tokens| text(embedder, *tokens)).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<Input<'_>> = texts.iter().map(|text| Input { kind: InputKind::Raw, text }).collect();
        let tokens: usize = embedder.embed(&inputs)?.iter().map(|embedding| embedding.tokens).sum();
        let spent = best(repetitions, || {
            embedder.embed(&inputs)?;
            Ok(())
        })?;
        let kind = embedder.model_id().rsplit('/').next().unwrap_or_default().to_owned();
        report(&format!("embedding {kind} {name} texts"), inputs.len(), "text", spent);
        report(&format!("embedding {kind} {name} tokens"), tokens, "token", spent);
    }
    Ok(())
}

fn prompt(count: usize, seed: usize) -> Vec<u32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 40_000 + 100) as u32).collect()
}

fn decoding(model: &LanguageModel, repetitions: usize) -> Result<(), Failure> {
    for count in [128, 512] {
        let tokens = prompt(count, 1);
        let spent = best(repetitions, || {
            model.prefill(&mut model.sequence(None), &tokens)?;
            Ok(())
        })?;
        report(&format!("prefill {count}"), count, "token", spent);
    }
    for context in [16, 512] {
        let mut sequence = model.sequence(None);
        model.prefill(&mut sequence, &prompt(context, 1))?;
        let prefix = sequence.into_prefix().map_err(|_| "too many prefixes")?;
        let spent = best(repetitions, || decode(model, &mut [model.sequence(Some(&prefix))], 32))?;
        report(&format!("decode after {context}"), 32, "token", spent);
    }
    let mut sequence = model.sequence(None);
    model.prefill(&mut sequence, &prompt(STEP_TOKENS_MAX / 2, 1))?;
    let prefix = sequence.into_prefix().map_err(|_| "too many prefixes")?;
    let spent = best(repetitions, || {
        let mut sequences: Vec<Sequence> = (0..8).map(|_| model.sequence(Some(&prefix))).collect();
        decode(model, &mut sequences, 16)
    })?;
    report("8 streams, 256 shared", 8 * 16, "token", spent);
    Ok(())
}

/// Decodes `count` tokens in each sequence, all of them in every step.
fn decode(model: &LanguageModel, sequences: &mut [Sequence], count: usize) -> Result<(), Failure> {
    let mut tokens: Vec<u32> = (0..sequences.len() as u32).map(|i| i * 31 + 500).collect();
    for _ in 0..count {
        let pairs = sequences.iter_mut().zip(tokens.chunks(1));
        let mut work: Vec<Work<'_>> =
            pairs.map(|(sequence, tokens)| Work { sequence, tokens, logits: true }).collect();
        let logits = model.step(&mut work)?;
        tokens = logits.iter().map(|logits| greedy(logits)).collect();
    }
    Ok(())
}
