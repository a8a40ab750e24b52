//! `run`: applies a file to questions and answers on standard input, as we do or as the predecessor did.

use std::process::ExitCode;

use enabler_rules::compat;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::out;
use super::arguments::Run;
use super::input::{Recorded, each};
use super::source::Source;
use super::voice::Voice;
use super::{code, outcome, show};

pub(super) fn run(run: &Run, voice: Voice) -> Result<ExitCode, Failure> {
    let source = Source::whole(&run.file, voice)?;
    if run.compat {
        let set = compat::RuleSet::read(&source.text);
        return answer(run.jsonl, voice, |recorded| as_before(&set, recorded, voice));
    }
    let loaded = source.load();
    let quarantined = loaded.program.quarantined();
    if !loaded.is_sound() {
        let words = voice.say(
            "tem erros; as regras com erro não são aplicadas. Veja `rag-enabler dkr check`",
            "has errors; rules with an error are not applied. See `rag-enabler dkr check`",
        );
        out::note(&format!("{} {words}", source.name()));
    }
    answer(run.jsonl, voice, |recorded| {
        let outcome = recorded.with_input(|input| loaded.program.apply(input));
        (outcome::object(&outcome, &recorded.question, quarantined), outcome::words(&outcome, voice))
    })
}

fn as_before(set: &compat::RuleSet, recorded: &Recorded, voice: Voice) -> (Value, String) {
    let context: Vec<&str> = recorded.passages.iter().map(|(_, text)| text.as_str()).collect();
    let applied = set.apply(&compat::Input {
        question: &recorded.question,
        raw_answer: &recorded.answer,
        context: &context.join("\n"),
        apply_corrections: recorded.correct,
    });
    match applied {
        Ok(outcome) => (outcome::compat_object(&outcome), outcome::compat_words(&outcome, voice)),
        Err(raised) => (json!({ "raises": raised.0 }), raised.to_string()),
    }
}

/// Answers every line; a wrong one is told in its place.
fn answer(
    jsonl: bool,
    voice: Voice,
    mut one: impl FnMut(&Recorded) -> (Value, String),
) -> Result<ExitCode, Failure> {
    let mut fine = true;
    each(std::io::stdin().lock(), voice, |number, line| {
        match line {
            Ok(recorded) => {
                let (object, words) = one(&recorded);
                let asked = voice.say("pergunta", "question");
                let words = || format!("{asked}: {}\n{words}\n", recorded.question);
                out::line(&if jsonl { object.to_string() } else { show::tame(&words()).into_owned() });
            }
            Err(why) => {
                fine = false;
                if jsonl {
                    out::line(&json!({ "error": why, "line": number }).to_string());
                } else {
                    out::error(&format!("{} {number}: {why}", voice.say("linha", "line")));
                }
            }
        }
        Ok(())
    })?;
    Ok(code(fine))
}
