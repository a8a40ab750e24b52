//! `diff`: which recorded answers two versions of a file treat differently, and how.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use enabler_rules::apply::Outcome;

use super::super::failure::Failure;
use super::super::out;
use super::arguments::Diff;
use super::input::each;
use super::show::tame;
use super::source::Source;
use super::voice::Voice;

pub(super) fn diff(diff: &Diff, voice: Voice) -> Result<ExitCode, Failure> {
    let (old, new) = (Source::whole(&diff.old, voice)?, Source::whole(&diff.new, voice)?);
    let (before, after) = (old.load(), new.load());
    for (source, loaded) in [(&old, &before), (&new, &after)] {
        if !loaded.is_sound() {
            let words = voice.say(
                "tem erros; as regras com erro não são aplicadas",
                "has errors; rules with an error are not applied",
            );
            out::note(&format!("{} {words}", source.name()));
        }
    }
    let file =
        File::open(&diff.answers).map_err(|error| Failure::io(diff.answers.display().to_string(), error))?;
    let (mut total, mut changed, mut wrong) = (0_usize, 0_usize, 0_usize);
    each(BufReader::new(file), voice, |number, line| {
        let recorded = match line {
            Ok(recorded) => recorded,
            Err(why) => {
                wrong += 1;
                out::error(&format!("{}:{number}: {why}", diff.answers.display()));
                return Ok(());
            }
        };
        total += 1;
        let (one, other) =
            recorded.with_input(|input| (before.program.apply(input), after.program.apply(input)));
        let differences = differences(&one, &other, voice);
        if !differences.is_empty() {
            changed += 1;
            let question = format!("{} {number}: {}", voice.say("linha", "line"), recorded.question);
            out::line(&tame(&question));
            differences.iter().for_each(|difference| out::line(&tame(&format!("  {difference}"))));
        }
        Ok(())
    })?;
    let words = voice.say("respostas mudam", "answers change");
    out::line(&format!("{changed} {} {total} {words}", voice.say("de", "of")));
    Ok(if wrong > 0 || (diff.exit_code && changed > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What differs, each as `name: before → after`.
fn differences(one: &Outcome, other: &Outcome, voice: Voice) -> Vec<String> {
    let mut all = Vec::new();
    let none = || voice.say("(nenhuma)", "(none)").to_owned();
    let mut compare = |pt: &str, en: &str, before: String, after: String| {
        if before != after {
            all.push(format!("{}: {before} → {after}", voice.say(pt, en)));
        }
    };
    let verdict = |outcome: &Outcome| outcome.verdict.shown(voice.language).to_owned();
    compare("veredito", "verdict", verdict(one), verdict(other));
    let intent = |outcome: &Outcome| outcome.intent.clone().unwrap_or_else(none);
    compare("intenção", "intent", intent(one), intent(other));
    let search =
        |outcome: &Outcome| if outcome.expansion.is_empty() { none() } else { outcome.expansion.join(", ") };
    compare("busca também por", "also searches for", search(one), search(other));
    let rules =
        |outcome: &Outcome| if outcome.triggered.is_empty() { none() } else { outcome.triggered.join(", ") };
    compare("regras que agiram", "rules that acted", rules(one), rules(other));
    let said = |outcome: &Outcome| {
        let all: Vec<String> =
            outcome.objections.iter().map(|one| format!("{}: {}", one.rule, one.text)).collect();
        if all.is_empty() { none() } else { all.join("; ") }
    };
    compare("objeções", "objections", said(one), said(other));
    compare("resposta", "answer", one.answer.clone(), other.answer.clone());
    all
}
