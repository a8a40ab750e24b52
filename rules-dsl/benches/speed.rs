//! How long loading and applying take, and that applying grows with the text and no faster.
//!
//! `cargo bench -p enabler-rules` prints the best of many rounds, in microseconds.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark measures time, prints it, and may stop"
)]

use enabler_rules::apply::{Input, Passage};
use enabler_rules::compat;
use enabler_rules::program::{NoImports, load};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Each measurement goes on for so long, and for so many rounds at least.
const SPAN: Duration = Duration::from_millis(400);
const ROUNDS_MIN: usize = 5;

fn main() {
    let licences = include_str!("../../config/rules/licencas_software.rules");
    let question = "Qual é a licença mais crítica?";
    let answer = text(1 << 10);
    // With the tests that are in the file, and as the predecessor's files are, without.
    let bare = licences.split("TESTES:").next().unwrap();
    println!("rule set licencas_software; answer of {} bytes", answer.len());
    for (name, source) in [("with its tests", licences), ("without its tests", bare)] {
        let took = best(|| load(black_box(source), &NoImports).program.rules());
        let seven = took * 7168.0 / source.len() as f64;
        println!(
            "load {name:19} {:10.2} µs for {} bytes, {:.2} µs for 7 KB",
            took * 1e6,
            source.len(),
            seven * 1e6
        );
    }
    let loaded = load(licences, &NoImports);
    let apply = |program: &enabler_rules::program::Program, answer: &str| {
        let passages = [Passage { page: Some(1), text: "A licença MIT é permissiva." }];
        let input = Input { question, answer, passages: &passages, ..Input::default() };
        program.apply(black_box(&input)).answer.len()
    };
    row("apply to 1 KB", best(|| apply(&loaded.program, &answer)));
    let old = compat::RuleSet::read(licences);
    let input = compat::Input { question, raw_answer: &answer, context: "", apply_corrections: true };
    row("compat: load", best(|| compat::RuleSet::read(black_box(licences)).rules.len()));
    row(
        "compat: apply to 1 KB",
        best(|| old.apply(black_box(&input)).map_or(0, |o| o.corrected_answer.len())),
    );

    let thousand = many(1_000);
    row("load 1,000 rules", best(|| load(black_box(&thousand), &NoImports).program.rules()));
    let thousand = load(&thousand, &NoImports);
    assert_eq!(thousand.program.rules(), 1_000);
    row("1,000 rules on 1 KB", best(|| apply(&thousand.program, &answer)));

    println!("\nevery construct, by length of the answer (µs, and ns per byte):");
    let constructs = every();
    let constructs = load(&constructs, &NoImports);
    assert!(constructs.is_sound());
    for (name, unit) in [
        ("prose", "O contrato vale R$ 1.234,56 e 12,5% em 12/03/2024; a GPLA não permite. "),
        ("one letter", "a"),
        ("one word", "aaa "),
        ("digits", "1.234.567,89 "),
        ("hits", "GPLA trinta dias nomeada "),
        ("quotes and marks", "\"'{[(%$R$"),
    ] {
        print!("{name:18}");
        for kilobytes in [1, 32, 1024] {
            let answer = unit.repeat((kilobytes << 10) / unit.len());
            let took = best(|| apply(&constructs.program, &answer));
            print!("  {kilobytes:5} KB {:10.1} ({:5.1})", took * 1e6, took * 1e9 / answer.len() as f64);
        }
        println!();
    }
}

fn row(name: &str, seconds: f64) {
    println!("{name:24} {:10.2} µs", seconds * 1e6);
}

/// The shortest of many runs, in seconds.
fn best<T>(mut run: impl FnMut() -> T) -> f64 {
    let (start, mut shortest, mut rounds) = (Instant::now(), f64::INFINITY, 0);
    while rounds < ROUNDS_MIN || start.elapsed() < SPAN {
        let begin = Instant::now();
        black_box(run());
        shortest = shortest.min(begin.elapsed().as_secs_f64());
        rounds += 1;
    }
    shortest
}

fn text(bytes: usize) -> String {
    const SENTENCES: &str = "A licença MIT é permissiva e exige apenas a manutenção do aviso de autoria. \
        A Apache-2.0 concede patentes expressamente, e a GPLv3 exige que o código derivado seja aberto. \
        Recomenda-se a avaliação jurídica antes da distribuição de programas que combinem as duas. ";
    let mut text = SENTENCES.repeat(bytes / SENTENCES.len() + 1);
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn many(count: usize) -> String {
    let mut source = "DOMÍNIO: Muitas\nREGRAS DE VALIDAÇÃO:\n".to_owned();
    for n in 0..count {
        writeln!(
            source,
            "REGRA \"regra {n}\"\nQUANDO usuário pergunta \"licença\"\n  E resposta menciona \"termo {n}\" ou \"cláusula {n}\"\n  E resposta NÃO menciona \"exceção {n}\"\nENTÃO corrigir para: Texto {n}.\n"
        )
        .unwrap();
    }
    source
}

/// Every kind of condition and action, and terms that are hard to look for.
fn every() -> String {
    let hard = "a".repeat(200);
    format!(
        r#"DOMÍNIO: Tudo
NORMALIZAR TERMOS:
"GPLA" corrigir para: "AGPL"
"{hard}" corrigir para: "a"
"aaa aaa aaa aaa b" corrigir para: "b"
REGRAS DE VALIDAÇÃO:
QUANDO sempre
  E resposta menciona "{hard}b" [parte] ou "aaa aaa aaa aaa aaa b"
ENTÃO sinalizar: a
QUANDO sempre
  E resposta tem valor fora do contexto
  E resposta tem percentual maior que 100%
ENTÃO sinalizar: b
QUANDO sempre
  E resposta tem data anterior a 01/01/1990
ENTÃO sinalizar: c
QUANDO sempre
  E resposta tem CPF inválido
ENTÃO sinalizar: d
QUANDO sempre
ENTÃO corrigir "trinta dias" para: "45 dias"
QUANDO sempre
  E resposta menciona "nomead"
ENTÃO acrescentar: Confira.
"#
    )
}
