//! Every warning where it belongs, and none where it does not.

use super::*;
use crate::diagnostic::Severity;
use crate::program::{NoImports, load};
use proptest::prelude::*;

/// The codes of a file's warnings with what they name, the missing tests left out.
fn warned(source: &str) -> Vec<String> {
    let found = lint(&load(source, &NoImports));
    let told = found.iter().filter(|problem| problem.code != Code::Untested);
    told.map(|problem| format!("{} {}", problem.code.as_str(), problem.arguments.join(" | "))).collect()
}

fn rules(body: &str) -> Vec<String> {
    warned(&format!("DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\n{body}"))
}

const ASK: &str = "QUANDO usuário pergunta \"x\"\n";

#[test]
fn a_rule_behind_one_that_always_decides_never_acts() {
    let first = "QUANDO sempre\n  E resposta menciona \"azul\"\nENTÃO manter resposta\n";
    assert_eq!(
        rules(&format!("REGRA \"a\"\n{ASK}ENTÃO manter resposta\n{ASK}ENTÃO sinalizar: b\n")),
        ["D0101 a"]
    );
    assert_eq!(
        rules(&format!("{first}{ASK}  E resposta menciona \"azul\"\nENTÃO sinalizar: b\n")),
        ["D0102 rule_2"]
    );
    // Asked first, by its rank.
    assert!(
        rules(&format!("{ASK}ENTÃO manter resposta\nREGRA \"b\" PRIORIDADE 1\n{ASK}ENTÃO sinalizar: b\n"))
            .is_empty()
    );
    // Another question, and a time of its own.
    assert!(
        rules(&format!("{ASK}ENTÃO manter resposta\nQUANDO usuário pergunta \"yy\"\nENTÃO sinalizar: b\n"))
            .is_empty()
    );
    let dated =
        format!("REGRA \"a\" VIGENTE ATÉ 01/01/2026\n{ASK}ENTÃO manter resposta\n{ASK}ENTÃO sinalizar: b\n");
    assert!(rules(&dated).is_empty());
    // The rule between makes the answer another one.
    let between = format!(
        "{ASK}  E resposta menciona \"azul\"\nENTÃO manter resposta\n{ASK}ENTÃO acrescentar: azul\n\
         {ASK}  E resposta menciona \"azul\"\n  E contexto menciona \"z\"\nENTÃO sinalizar: b\n"
    );
    assert!(rules(&between).is_empty(), "{:?}", rules(&between));
}

#[test]
fn conditions_that_exclude_or_repeat_each_other_are_told() {
    let told = |conditions: &str| rules(&format!("{ASK}{conditions}ENTÃO sinalizar: z\n"));
    let a = "  E resposta menciona \"abc\"\n";
    assert_eq!(told(&format!("{a}  E resposta NÃO menciona \"abc\" ou \"d\"\n")).len(), 1);
    assert_eq!(told(&format!("{a}  E resposta NÃO menciona \"d\"\n")), [""; 0]);
    assert_eq!(told("  E página menor que 3\n  E página no mínimo 3\n"), ["D0104 E página no mínimo 3"]);
    assert_eq!(told("  E página menor que 3\n  E página no mínimo 2\n"), [""; 0]);
    assert_eq!(told("  E confiança maior que 100%\n").len(), 1);
    assert_eq!(told("  E resposta tem valor entre R$ 10 e R$ 5\n").len(), 1);
    // Two amounts may satisfy one each.
    assert_eq!(
        told("  E resposta tem valor maior que R$ 10\n  E resposta tem valor menor que R$ 5\n"),
        [""; 0]
    );
    assert_eq!(told(&format!("{a}{a}")), ["D0105 E resposta menciona \"abc\""]);
    assert_eq!(told(&format!("{a}  E resposta menciona \"abc\" ou \"d\"\n")).len(), 1);
    assert_eq!(
        told("  E resposta menciona \"abc\" ou \"ABC\" ou \"ábc\"\n").len(),
        2,
        "case and accents make no other term"
    );
}

#[test]
fn terms_that_say_too_little_or_are_normalised_away_are_told() {
    let told = |term: &str| {
        warned(&format!(
            "DOMÍNIO: x\nNORMALIZAR TERMOS:\n\"GPLA\" corrigir para: \"GPL\"\n\"velho\" corrigir para: \"novo\"\n\
             \"acao\" corrigir para: \"ação\"\n\"mit\" corrigir para: \"MITx\" [case-sensitive]\n\
             REGRAS DE VALIDAÇÃO:\n{ASK}  E resposta menciona {term}\nENTÃO sinalizar: z\n"
        ))
    };
    assert_eq!(told("\"GPLA\""), ["D0103 \"GPLA\" | \"GPL\""]);
    assert_eq!(told("\"velho\" [palavra]").len(), 1);
    for fine in ["\"velho\"", "\"acao\"", "\"mit\"", "\"GPL\"", "\"R\"", "\"dias\""] {
        assert!(told(fine).is_empty(), "{fine}: {:?}", told(fine));
    }
    for wide in ["\"a\"", "\"de\"", "\"x\" [parte]", "\".\""] {
        assert_eq!(told(wide).len(), 1, "{wide}");
    }
    assert_eq!(rules("QUANDO sempre\nENTÃO recusar: não\n"), ["D0112 QUANDO sempre"]);
    assert!(rules("QUANDO sempre\nENTÃO acrescentar: aviso\n").is_empty());
}

#[test]
fn a_text_that_another_rule_of_the_question_disputes_is_told() {
    let pair = |text: &str| {
        rules(&format!(
            "{ASK}  E resposta menciona \"AGPL\"\nENTÃO corrigir para: {text}\nREGRA \"b\"\n{ASK}  E resposta menciona \"MIT\"\n\
             ENTÃO sinalizar: não\n"
        ))
    };
    assert_eq!(pair("Use a MIT."), ["D0117 b"]);
    assert!(pair("Use a Apache.").is_empty());
    assert!(pair("Você perguntou {pergunta}, MIT.").is_empty());
}

#[test]
fn doubles_circles_and_names_without_meaning_are_told() {
    assert_eq!(warned("NORMALIZAR TERMOS:\n\"a\" corrigir para: \"b\"\n"), ["D0115 "]);
    assert!(warned("").is_empty() && warned("# só isto\n").is_empty());
    let norm = |body: &str| warned(&format!("DOMÍNIO: x\nNORMALIZAR TERMOS:\n{body}"));
    assert_eq!(norm("\"a\" corrigir para: \"b\"\n\"A\" corrigir para: \"c\"\n"), ["D0107 A"]);
    assert!(norm("\"a\" corrigir para: \"b\" [case-sensitive]\n\"A\" corrigir para: \"c\"\n").is_empty());
    assert_eq!(
        norm("\"a\" corrigir para: \"b\"\n\"b\" corrigir para: \"c\"\n\"c\" corrigir para: \"a\"\n"),
        ["D0108 a → b → c → a"]
    );
    assert!(norm("\"um\" corrigir para: \"dois\"\n\"dois\" corrigir para: \"três\"\n").is_empty());
    assert_eq!(norm("\"a\" corrigir para: \"a\"\n"), ["D0109 "]);
    assert!(norm("\"mit\" corrigir para: \"MIT\"\n").is_empty());
    assert_eq!(norm("\"a' corrigir para: \"b\"\n"), ["D0120 "]);
}

#[test]
fn a_rule_counts_as_tested_when_a_test_names_it_or_makes_it_act() {
    let file = |tests: &str| {
        format!(
            "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nREGRA \"a\"\n{ASK}  E resposta menciona \"um\"\nENTÃO sinalizar: z\nTESTES:\n{tests}"
        )
    };
    let untested = |tests: &str| {
        let source = file(tests);
        lint(&load(&source, &NoImports)).iter().any(|problem| problem.code == Code::Untested)
    };
    assert!(untested(""));
    assert!(untested("TESTE \"t\"\npergunta: x\nresposta: dois\nespera nenhuma regra\n"));
    assert!(!untested("TESTE \"t\"\npergunta: x\nresposta: um\nespera veredito: contradita\n"));
    assert!(!untested("TESTE \"t\"\npergunta: x\nresposta: dois\nespera regra: a\n"));
}

#[test]
fn fixing_makes_only_changes_that_are_surely_right() {
    let fixed = |source: &str| {
        let loaded = load(source, &NoImports);
        let mut all = loaded.diagnostics.clone();
        all.extend(lint(&loaded));
        fix(source, &all)
    };
    let source = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO usuário pregunta \"x'\n  E resposta mencoina \"abc\"\n  E resposta menciona \"abc\"\n\
        ENTÃO sinalizr: z\n";
    let wanted = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO usuário pergunta \"x\"\n  E resposta menciona \"abc\"\nENTÃO sinalizar: z\n";
    let mut text = source.to_owned();
    for _ in 0..4 {
        text = fixed(&text);
    }
    assert_eq!(text, wanted);
    let kept = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta menciona \"abc\" talvez\nENTÃO manter resposta\n";
    assert_eq!(fixed(kept), kept, "left-over text may be what was meant");
    let either = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta tem valor meior que R$ 10,00\nENTÃO manter resposta\n";
    assert_eq!(fixed(either), either, "it may be `maior` or `menor`");
}

#[test]
fn ten_thousand_rules_of_one_question_are_linted() {
    let mut source = String::from("DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\n");
    for number in 0..10_000 {
        source.push_str(&format!(
            "{ASK}  E resposta menciona \"termo{number}\"\nENTÃO corrigir para: texto {number}\n"
        ));
    }
    let found = lint(&load(&source, &NoImports));
    assert!(found.iter().all(|problem| problem.code == Code::Untested) && !found.is_empty());
}

/// Read one by one: each of these is what the file says.
#[test]
fn real_files_have_only_the_warnings_that_are_true() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let known: &[(&str, &[&str])] = &[
        ("11_expansoes.rules", &["D0106 inexistente"]),
        ("08_intencoes.rules", &["D0113 frete", "D0114 amplo2"]),
        ("07_normalizacoes.rules", &["D0109 "]),
        ("04_condicoes.rules", &["D0112 \"a\"", "D0102 rule_76", "D0112 \"a\""]),
    ];
    for folder in [root.join("config/rules"), root.join("../shared/data/dkr/rules")] {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: no {}", folder.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let wanted = known.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, wanted)| wanted);
            assert_eq!(warned(&std::fs::read_to_string(&path).unwrap()), wanted, "{name}");
        }
    }
}

proptest! {
    #[test]
    fn any_mixture_of_lines_is_linted_and_repaired_without_new_errors(source in crate::format::tests::file()) {
        let errors = |text: &str| {
            load(text, &NoImports).diagnostics.iter().filter(|problem| problem.severity() == Severity::Error).count()
        };
        let loaded = load(&source, &NoImports);
        let mut all = loaded.diagnostics.clone();
        all.extend(lint(&loaded));
        for problem in &all {
            let spans = [Some(problem.span), problem.related, problem.fix.as_ref().map(|fix| fix.span)];
            for span in spans.into_iter().flatten() {
                prop_assert!(source.get(span.range()).is_some(), "{problem:?} in\n{source}");
            }
        }
        let fixed = fix(&source, &all);
        prop_assert!(errors(&fixed) <= errors(&source), "{source}\n--- became ---\n{fixed}");
    }
}
