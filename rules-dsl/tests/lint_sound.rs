//! A warning is a claim about every question and answer; here it is held against many.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use enabler_rules::apply::{Input, Outcome, Passage};
use enabler_rules::diagnostic::{Code, Diagnostic, Severity};
use enabler_rules::lint::{fix, lint};
use enabler_rules::program::{Loaded, NoImports, load};
use enabler_rules::value::Date;
use proptest::prelude::*;
use proptest::sample::select;

const QUESTIONS: [&str; 3] = ["um", "dois", "quatro"];

fn condition() -> impl Strategy<Value = String> {
    let whose = select(vec!["resposta", "resposta", "resposta", "contexto", "pergunta"]);
    let not = select(vec!["", "", " NÃO"]);
    let term = || select(vec!["\"azul\"", "\"verde\"", "\"rosa\"", "\"azul\" [palavra]", "\"um\""]);
    let terms = proptest::collection::vec(term(), 1..3).prop_map(|terms| terms.join(" ou "));
    let mentions = (whose, not.clone(), terms)
        .prop_map(|(whose, not, terms)| format!("  E {whose}{not} menciona {terms}\n"));
    let compared = select(vec![
        "maior que 1",
        "menor que 2",
        "no mínimo 2",
        "igual a 1",
        "entre 2 e 1",
        "diferente de 2",
    ]);
    let number = (select(vec!["página", "confiança", "resposta tem número"]), not, compared).prop_map(
        |(what, not, compared)| match what.split_once(' ') {
            Some((whose, has)) => format!("  E {whose}{not} {has} {compared}\n"),
            None => format!("  E {what}{not} {compared}\n"),
        },
    );
    prop_oneof![3 => mentions, 1 => number]
}

fn rule() -> impl Strategy<Value = String> {
    let head = select(vec![
        "",
        "",
        "",
        " PRIORIDADE 1",
        " VIGENTE DE 01/01/2026 ATÉ 31/12/2026",
        " VIGENTE ATÉ 31/12/2026",
    ]);
    let when = select(vec![
        "usuário pergunta \"um\"",
        "usuário pergunta \"um\" ou \"dois\"",
        "usuário pergunta \"dois\"",
        "sempre",
        "intenção \"um\"",
    ]);
    let action = select(vec![
        "manter resposta",
        "corrigir para: tudo azul",
        "corrigir para: verde 2",
        "recusar: nada rosa",
        "sinalizar: não",
        "acrescentar: azul",
        "prefixar: rosa 1",
        "corrigir \"azul\" para: \"verde\"",
    ]);
    (head, when, proptest::collection::vec(condition(), 0..3), action).prop_map(
        |(head, when, conditions, action)| {
            format!("{head}\nQUANDO {when}\n{}ENTÃO {action}\n", conditions.concat())
        },
    )
}

fn file() -> impl Strategy<Value = String> {
    let entry = (
        select(vec!["azul", "verde", "AZUL", "rosa"]),
        select(vec!["verde", "azul", "rosa"]),
        select(vec!["", "", " [case-sensitive]"]),
    )
        .prop_map(|(from, to, option)| format!("\"{from}\" corrigir para: \"{to}\"{option}\n"));
    let pattern = select(vec!["  - \"um\"\n", "  - \"dois\"\n", "  - \"um'\n"]);
    let patterns = proptest::collection::vec(pattern, 1..4).prop_map(|patterns| patterns.concat());
    (patterns, proptest::collection::vec(entry, 0..4), proptest::collection::vec(rule(), 1..7)).prop_map(|(patterns, entries, rules)| {
        let rules: Vec<String> = (0..).zip(rules).map(|(at, rule)| format!("REGRA \"r{at}\"{rule}")).collect();
        format!(
            "DOMÍNIO: x\nPADRÕES DE INTENÇÃO:\num:\n{patterns}NORMALIZAR TERMOS:\n{}REGRAS DE VALIDAÇÃO:\n{}",
            entries.concat(),
            rules.concat(),
        )
    })
}

/// What comes out for many questions, answers, passages, pages and days.
fn outcomes(loaded: &Loaded<'_>) -> Vec<Outcome> {
    let mut all = Vec::new();
    let days = [None, Date::new(2025, 6, 1), Date::new(2026, 6, 1), Date::new(2027, 6, 1)];
    for question in QUESTIONS {
        for answer in ["", "azul", "Verde 1", "AZUL e rosa 2", "verdes azulados", "1, 2 e 3 um"] {
            for (context, page, confidence) in
                [("", None, None), ("azul", Some(1), Some(0.9)), ("verde rosa", Some(3), Some(1.0))]
            {
                for today in days {
                    let passages = [Passage { page, text: context }];
                    let input = Input {
                        question,
                        answer,
                        passages: &passages,
                        confidence,
                        today,
                        ..Input::default()
                    };
                    all.push(loaded.program.apply(&input));
                }
            }
        }
    }
    all
}

/// The name of the rule that a warning stands in.
fn rule_at(loaded: &Loaded<'_>, problem: &Diagnostic) -> String {
    let rules = &loaded.tree.rules;
    let rule =
        rules.iter().find(|rule| rule.span.start <= problem.span.start && problem.span.start < rule.span.end);
    rule.unwrap().name.as_ref().unwrap().text.clone().into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_that_is_called_dead_never_acts(source in file()) {
        let loaded = load(&source, &NoImports);
        let outcomes = outcomes(&loaded);
        for problem in lint(&loaded) {
            if matches!(problem.code, Code::Unreachable | Code::Shadowed | Code::Contradiction) {
                let name = rule_at(&loaded, &problem);
                let acted = outcomes.iter().any(|outcome| outcome.triggered.contains(&name));
                prop_assert!(!acted, "{:?} {} in\n{}", problem.code, name, source);
            }
        }
    }

    #[test]
    fn a_text_that_a_rule_disputes_was_told(source in file()) {
        let loaded = load(&source, &NoImports);
        let told: Vec<String> = lint(&loaded)
            .iter()
            .filter(|problem| problem.code == Code::Conflict)
            .map(|problem| rule_at(&loaded, problem))
            .collect();
        // Only what the answer alone decides can be known before.
        let by_answer = |name: &str| {
            let rule = loaded.tree.rules.iter().find(|rule| rule.name.as_ref().unwrap().text == name).unwrap();
            rule.conditions.iter().all(|condition| condition.span.of(&source).starts_with("E resposta"))
        };
        for outcome in outcomes(&loaded) {
            let Some(last) = outcome.corrected_by.last() else { continue };
            let rule = loaded.tree.rules.iter().find(|rule| rule.name.as_ref().unwrap().text == *last).unwrap();
            use enabler_rules::syntax::tree::Action;
            if !matches!(rule.action, Some(Action::Replace(_))) {
                continue;
            }
            // Rules that meet only in some questions may dispute each other in those.
            let same = |name: &str| {
                let other = loaded.tree.rules.iter().find(|rule| rule.name.as_ref().unwrap().text == name).unwrap();
                let words = other.when_span.of(&source);
                words == rule.when_span.of(&source) || words == "QUANDO sempre"
            };
            let disputed = outcome.objections.iter().any(|objection| {
                objection.rule.starts_with('r') && !outcome.triggered.contains(&objection.rule) && by_answer(&objection.rule)
                    && same(&objection.rule)
            });
            prop_assert!(!disputed || told.contains(last), "{last} in\n{source}\n{outcome:?}");
        }
    }

    #[test]
    fn repairing_warnings_changes_no_outcome(source in file()) {
        let loaded = load(&source, &NoImports);
        prop_assert!(loaded.is_sound(), "{source}");
        let warnings = lint(&loaded);
        prop_assert!(warnings.iter().all(|problem| problem.severity() == Severity::Warning));
        let fixed = fix(&source, &warnings);
        let after = load(&fixed, &NoImports);
        prop_assert!(after.is_sound(), "{source}\n--- became ---\n{fixed}");
        prop_assert_eq!(outcomes(&loaded), outcomes(&after), "{}\n--- became ---\n{}", source, fixed);
        prop_assert!(lint(&after).iter().all(|problem| problem.fix.is_none()) || fixed != source);
    }

    #[test]
    fn what_the_normalisation_is_said_to_remove_is_never_found(source in file()) {
        let loaded = load(&source, &NoImports);
        let head = source.split("REGRAS").next().unwrap();
        for problem in lint(&loaded).iter().filter(|problem| problem.code == Code::Normalised) {
            let option = source[problem.span.end as usize + 1..].starts_with(" [palavra]");
            let option = if option { " [palavra]" } else { "" };
            let term = problem.span.of(&source);
            let probe = format!("{head}REGRAS DE VALIDAÇÃO:\nREGRA \"r\"\nQUANDO sempre\n  E resposta menciona \"{term}\"{option}\nENTÃO sinalizar: x\n");
            let probe = load(&probe, &NoImports);
            let acted = outcomes(&probe).iter().any(|outcome| !outcome.triggered.is_empty());
            prop_assert!(!acted, "{term} in\n{source}");
        }
    }
}

#[test]
fn the_random_files_have_each_of_these_warnings() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..400 {
        let source = file().new_tree(&mut runner).unwrap().current();
        seen.extend(lint(&load(&source, &NoImports)).iter().map(|problem| problem.code));
    }
    for code in [
        Code::Unreachable,
        Code::Shadowed,
        Code::Normalised,
        Code::Contradiction,
        Code::Redundant,
        Code::SameNormalisation,
        Code::NormalisationCycle,
        Code::DuplicatePattern,
        Code::Conflict,
        Code::MixedQuotes,
    ] {
        assert!(seen.contains(&code), "{code:?} in {seen:?}");
    }
}
