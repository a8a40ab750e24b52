//! Prefill, decode, and eight streams over a shared context.

use std::path::Path;

use enabler_inference::language::{LanguageModel, Options, Sequence, Work, sample};
use serde_json::json;

use crate::Failure;
use crate::report::{row, timed};

const STREAMS: usize = 8;
const PREFIX: u32 = 256;
const DECODED: usize = 96;
const STREAMED: usize = 64;

/// Token ids like the peer's: any ids do, speed does not depend on them.
fn prompt(length: u32, salt: u32) -> Vec<u32> {
    (0..length).map(|i| 1000 + (salt * 7919 + i * 104_729) % 20_000).collect()
}

/// One greedy step of every sequence.
fn step(model: &LanguageModel, sequences: &mut [Sequence], next: &mut [u32]) -> Result<(), Failure> {
    let mut work: Vec<Work<'_>> = sequences
        .iter_mut()
        .zip(next.iter())
        .map(|(sequence, token)| Work { sequence, tokens: std::slice::from_ref(token), logits: true })
        .collect();
    let logits = model.step(&mut work)?;
    next.iter_mut().zip(&logits).for_each(|(next, logits)| *next = sample::greedy(logits));
    Ok(())
}

/// Runs `rounds` times and prints the best; the closure gives the wall and CPU seconds of what is measured.
fn report(
    case: &str,
    tokens: usize,
    rounds: u32,
    mut work: impl FnMut(u32) -> Result<(f64, f64), Failure>,
) -> Result<(), Failure> {
    let (mut wall, mut cpu) = (f64::INFINITY, f64::INFINITY);
    for round in 0..rounds {
        let (wall_now, cpu_now) = work(round)?;
        (wall, cpu) = (wall.min(wall_now), cpu.min(cpu_now));
    }
    row(case, tokens as f64 / wall, "tokens/s", json!({"per_cpu_second": tokens as f64 / cpu}));
    Ok(())
}

pub(crate) fn measure(path: &str, threads: &str) -> Result<(), Failure> {
    let options = Options { threads: threads.parse()?, context_tokens_max: 1024 };
    let model = LanguageModel::load(Path::new(path), options)?;
    model.prefill(&mut model.sequence(None), &prompt(32, 1))?;
    for (length, rounds) in [(128, 5), (512, 3)] {
        report(&format!("prefill {length}"), length as usize, rounds, |round| {
            let mut sequence = model.sequence(None);
            let (done, wall, cpu) =
                timed(|| model.prefill(&mut sequence, &prompt(length, 10 * length + round)));
            done?;
            Ok((wall, cpu))
        })?;
    }
    for length in [16, 512] {
        report(&format!("decode at {length}"), DECODED, 3, |_| {
            let mut sequence = model.sequence(None);
            let mut next = [sample::greedy(&model.prefill(&mut sequence, &prompt(length, 77))?)];
            let mut sequences = [sequence];
            let (done, wall, cpu) =
                timed(|| (0..DECODED).try_for_each(|_| step(&model, &mut sequences, &mut next)));
            done?;
            Ok((wall, cpu))
        })?;
    }
    let mut shared = model.sequence(None);
    model.prefill(&mut shared, &prompt(PREFIX, 5))?;
    let prefix = shared.into_prefix().map_err(|_| "the shared context cannot be shared")?;
    report(&format!("{STREAMS} streams at {PREFIX}"), STREAMS * STREAMED, 3, |_| {
        let (done, wall, cpu) = timed(|| -> Result<(), Failure> {
            let mut sequences: Vec<Sequence> = (0..STREAMS).map(|_| model.sequence(Some(&prefix))).collect();
            let mut next = Vec::with_capacity(STREAMS);
            for (stream, sequence) in (100..).zip(&mut sequences) {
                next.push(sample::greedy(&model.prefill(sequence, &prompt(8, stream))?));
            }
            (1..STREAMED).try_for_each(|_| step(&model, &mut sequences, &mut next))
        });
        done?;
        Ok((wall, cpu))
    })
}
