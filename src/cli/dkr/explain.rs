//! `explain`: what a code means; or why every rule of a file acted or did not, and what would change that.

use std::path::Path;
use std::process::ExitCode;

use enabler_rules::apply::{Explanation, Passage, State, Why};
use enabler_rules::diagnostic::{Code, Language, line_and_column};
use enabler_rules::program::Loaded;
use enabler_rules::syntax::tree::{Condition, Span, Subject, Term, Test, ValueTest};

use super::super::failure::Failure;
use super::super::out;
use super::arguments::Explain;
use super::source::Source;
use super::voice::Voice;
use super::{outcome, show};

pub(super) fn explain(explain: &Explain, voice: Voice) -> Result<ExitCode, Failure> {
    let (Some(question), Some(answer)) = (&explain.question, &explain.answer) else {
        return page(&explain.subject, voice);
    };
    let source = Source::whole(Path::new(&explain.subject), voice)?;
    let loaded = source.load();
    let passages: Vec<Passage<'_>> =
        explain.context.iter().map(|text| Passage { page: None, text }).collect();
    out::line(&why(&loaded, question, answer, &passages, voice));
    Ok(ExitCode::SUCCESS)
}

/// The page of a code, in one language.
fn page(name: &str, voice: Voice) -> Result<ExitCode, Failure> {
    let Some(code) = Code::named(name) else {
        let words = voice.say(
            "não é um código de D0001 a D0120; para explicar um arquivo, dê também --question e --answer",
            "is no code from D0001 to D0120; to explain a file, give --question and --answer too",
        );
        return Err(Failure::Plain(format!("{name}: {words}")));
    };
    out::line(&format!("{}\n", title(code.page(), voice)));
    out::line(section(code.page(), voice).trim());
    Ok(ExitCode::SUCCESS)
}

/// `D0101: …` of `# D0101: … / …`.
fn title(page: &'static str, voice: Voice) -> String {
    let line = page.lines().next().unwrap_or("").trim_start_matches(['#', ' ']);
    let Some((portuguese, english)) = line.split_once(" / ") else { return line.to_owned() };
    let name = portuguese.split_once(": ").map_or("", |(name, _)| name);
    voice.say(portuguese, &format!("{name}: {english}")).to_owned()
}

fn section(page: &'static str, voice: Voice) -> &'static str {
    let heading = match voice.language {
        Language::Portuguese => "\n## Português\n",
        Language::English => "\n## English\n",
    };
    let Some((_, body)) = page.split_once(heading) else { return page };
    body.split_once("\n## ").map_or(body, |(own, _)| own)
}

/// The outcome, every rule's state, and the rule that came nearest.
pub(super) fn why(
    loaded: &Loaded<'_>,
    question: &str,
    answer: &str,
    passages: &[Passage<'_>],
    voice: Voice,
) -> String {
    let explanation = loaded.program.explain(&enabler_rules::apply::Input {
        question,
        answer,
        passages,
        ..Default::default()
    });
    let mut text = outcome::words(&explanation.outcome, voice);
    text.push_str(&format!(
        "\n\n{}\n",
        voice.say("regras, na ordem em que são consultadas:", "rules, in the order in which they are asked:")
    ));
    for rule in &explanation.rules {
        text.push_str(&format!("  {}\n", state(loaded, &explanation, rule, voice)));
    }
    if explanation.rules.is_empty() {
        text.push_str(&format!("  {}\n", voice.say("(nenhuma)", "(none)")));
    }
    if let Some(near) = explanation.nearest() {
        text.push_str(&nearest(loaded, near, voice));
    }
    show::tame(text.trim_end()).into_owned()
}

fn state(loaded: &Loaded<'_>, all: &Explanation, rule: &Why, voice: Voice) -> String {
    let place = |span: Span| line_and_column(loaded.tree.source, span.start).0;
    let at = if rule.file == 0 {
        format!(" ({} {})", voice.say("linha", "line"), place(rule.span))
    } else {
        String::new()
    };
    let (mark, words) = match rule.state {
        State::Acted => ("✓", voice.say("agiu", "acted").to_owned()),
        State::OtherQuestion => {
            ("·", voice.say("a pergunta não é dela", "the question is not its own").to_owned())
        }
        State::OtherDay => ("·", voice.say("fora da vigência", "not in force").to_owned()),
        State::Decided(by) => {
            let by = all.rules.get(by).map_or("", |by| by.rule.as_str());
            ("·", format!("{} {by}", voice.say("antes dela já decidiu a regra", "decided before it by rule")))
        }
        State::Fails(span) => {
            let (held, count) = rule.holds;
            let condition =
                if rule.file == 0 { span.of(loaded.tree.source).lines().next().unwrap_or("") } else { "" };
            let words = voice.say("falhou", "failed");
            let counted = voice.say("condições valem", "conditions hold");
            ("✗", format!("{words}: {condition} ({held}/{count} {counted})"))
        }
    };
    format!("{mark} {}{at}: {words}", rule.rule)
}

/// What would have made the nearest rule act.
fn nearest(loaded: &Loaded<'_>, near: &Why, voice: Voice) -> String {
    let State::Fails(span) = near.state else { return String::new() };
    let mut text = format!(
        "\n{}: {}\n",
        voice.say("a regra mais próxima de agir", "the rule nearest to acting"),
        near.rule
    );
    if near.file != 0 {
        return text;
    }
    let conditions = loaded.tree.rules.iter().flat_map(|rule| &rule.conditions);
    if let Some(condition) = conditions.into_iter().find(|condition| condition.span == span) {
        let (line, _) = line_and_column(loaded.tree.source, span.start);
        text.push_str(&format!(
            "  {} {line}: {}\n",
            voice.say("linha", "line"),
            change(condition, loaded.tree.source, voice)
        ));
    }
    text
}

/// What would make a failing condition hold.
fn change(condition: &Condition<'_>, source: &str, voice: Voice) -> String {
    let whose = |subject: Subject| match subject {
        Subject::Answer => voice.say("a resposta", "the answer"),
        Subject::Context => voice.say("o contexto", "the context"),
        Subject::Question => voice.say("a pergunta", "the question"),
    };
    let list = |terms: &[Term<'_>], or: &str| {
        let all: Vec<String> = terms.iter().map(|term| format!("\"{}\"", term.text.text)).collect();
        all.join(or)
    };
    match (&condition.test, condition.negated) {
        (Test::Mentions(subject, terms), false) => {
            format!(
                "{} {} {}",
                whose(*subject),
                voice.say("teria de mencionar", "would have to mention"),
                list(terms, voice.say(" ou ", " or "))
            )
        }
        (Test::Mentions(subject, terms), true) => {
            format!(
                "{} {} {}",
                whose(*subject),
                voice.say("não poderia mencionar", "must not mention"),
                list(terms, voice.say(" nem ", " nor "))
            )
        }
        (Test::Has(subject, _, ValueTest::OutsideContext), false) => {
            format!(
                "{} {}",
                whose(*subject),
                voice.say(
                    "teria de ter um valor que o contexto não tem",
                    "would have to have a value that the context has not"
                )
            )
        }
        _ => {
            let words = condition.span.of(source).lines().next().unwrap_or("").trim();
            format!("{}: {words}", voice.say("teria de valer", "this would have to hold"))
        }
    }
}
