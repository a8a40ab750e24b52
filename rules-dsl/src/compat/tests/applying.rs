//! A rule set around one question and answer.

use super::ask;
use crate::compat::{Input, Raised, RuleSet};

const INTENT: &str = "PADRÕES DE INTENÇÃO\na:\n- \"pergunta\"\n";

fn normalised(entry: &str, answer: &str) -> String {
    ask(&format!("NORMALIZAR TERMOS\n{entry}"), "q", answer).unwrap().answer_after_normalization
}

fn replacement(text: &str) -> Result<String, Raised> {
    ask(&format!("NORMALIZAR TERMOS\n'x' corrigir para: '{text}'"), "q", "axb")
        .map(|done| done.corrected_answer)
}

fn corrected(template: &str, question: &str) -> String {
    let facts = "FATOS CONHECIDOS\nO um tem criticidade MÉDIO\nMotivo: por {question}\nO dois tem criticidade MÉDIO\n";
    let rule = "REGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nENTÃO corrigir para:\n";
    ask(&format!("{facts}{INTENT}{rule}{template}"), question, "-").unwrap().corrected_answer
}

#[test]
fn case_is_ignored_as_python_ignores_it_and_accents_count() {
    assert_eq!(normalised("'kiss' corrigir para: '-'", "\u{212a}İſS kıss KISS kíss"), "- - - kíss");
    assert_eq!(normalised("'straße' corrigir para: '-'", "STRAẞE STRASSE"), "- STRASSE");
    assert_eq!(normalised("'σας' corrigir para: '-'", "ΣΑΣ σασ"), "- -");
    assert_eq!(
        normalised("'ação' corrigir para: '-'", "AÇÃO acao ac\u{327}a\u{303}o"),
        "- acao ac\u{327}a\u{303}o"
    );
    assert_eq!(normalised("'Mit' corrigir para: '-' [CASE-sensitive]", "MitMIT"), "-MIT");
    assert_eq!(normalised("'aa' corrigir para: 'b'", "AaAaa"), "bba");
}

#[test]
fn a_replacement_is_read_as_by_python_and_raises_where_python_does() {
    assert_eq!(replacement(r"\n\t\\\g<0>\g<00>$1\.\-\é\0\101\060").unwrap(), "a\n\t\\xx$1\\.\\-\\é\0A0b");
    for (text, message) in [
        (r"C:\dados", r"error: bad escape \d at position 2"),
        (r"é\", "error: bad escape (end of pattern) at position 1"),
        (r"a\1", "error: invalid group reference 1 at position 2"),
        (r"\19", "error: invalid group reference 19 at position 1"),
        (r"\400", r"error: octal escape value \400 outside of range 0-0o377 at position 0"),
        (r"\g", "error: missing < at position 2"),
        (r"\g<>", "error: missing group name at position 3"),
        (r"\g<ab", "error: missing >, unterminated name at position 3"),
        (r"\g<2>", "error: invalid group reference 2 at position 3"),
        (r"\g<a b>", "error: bad character in group name 'a b' at position 3"),
        (r"\g<ab>", "IndexError: unknown group name 'ab'"),
    ] {
        assert_eq!(replacement(text), Err(Raised(message.to_owned())), "{text}");
    }
}

#[test]
fn a_replacement_that_is_not_needed_is_not_read() {
    assert_eq!(normalised(r"'x' corrigir para: '\d'", "nada"), "nada");
}

#[test]
fn an_entry_that_hits_is_told_even_when_it_changes_nothing() {
    let done = ask("NORMALIZAR TERMOS\n'a' corrigir para: 'a'", "q", "a").unwrap();
    assert!(done.was_normalized);
    assert_eq!(done.corrections, ["\"a\" → \"a\""]);
}

#[test]
fn with_corrections_off_terms_are_normalised_and_no_rule_is_evaluated() {
    let rules = format!(
        "{INTENT}NORMALIZAR TERMOS\n'x' corrigir para: 'y'\nREGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nENTÃO corrigir para:\nz"
    );
    let set = RuleSet::read(&rules);
    let mut input = Input { question: "PERGUNTA", raw_answer: "x", context: "", apply_corrections: false };
    let done = set.apply(&input).unwrap();
    assert_eq!((done.corrected_answer.as_str(), done.rules_evaluated, done.was_corrected), ("y", 0, false));
    input.apply_corrections = true;
    let done = set.apply(&input).unwrap();
    assert_eq!((done.corrected_answer.as_str(), done.rules_evaluated, done.was_corrected), ("z", 1, true));
    assert_eq!(done.corrections, ["\"x\" → \"y\"", "Regra 'rule_6': Resposta corrigida"]);
}

#[test]
fn variables_are_filled_in_the_order_facts_question_intent() {
    assert_eq!(corrected("{facts.criticidade.médio[1].name}", "pergunta"), "dois");
    assert_eq!(corrected("{facts.criticidade.MÉDIO[0].reason}", "pergunta {intent}"), "por pergunta a");
    assert_eq!(corrected("{question}", " pergunta "), "pergunta");
    assert_eq!(corrected("{intent}{Intent}{ intent }", "pergunta"), "a{Intent}{ intent }");
    let odd = "{facts.criticidade.MÉDIO[2].name}{facts.criticidade.MÉDIO[99999999999999999999].name}{facts.criticidade.X[0].name}";
    assert_eq!(corrected(odd, "pergunta"), odd);
    assert_eq!(corrected("<{facts.criticidade.MÉDIO[0].outra}>", "pergunta"), "<>");
}

#[test]
fn a_rule_whose_text_comes_out_empty_is_triggered_and_the_next_one_is_tried() {
    let rules = format!(
        "FATOS CONHECIDOS\nO f tem criticidade MÉDIO\n{INTENT}REGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\n\
         ENTÃO corrigir para:\n{{facts.criticidade.MÉDIO[0].action}}\nQUANDO pergunta 'a'\nENTÃO manter resposta\n\
         QUANDO pergunta 'a'\nENTÃO corrigir para:\nfim\nQUANDO pergunta 'a'\n"
    );
    let done = ask(&rules, "pergunta", "-").unwrap();
    assert_eq!(done.rules_triggered, ["rule_6", "rule_9", "rule_11"]);
    assert_eq!((done.rules_evaluated, done.corrected_answer.as_str()), (4, "fim"));
}

#[test]
fn the_built_in_sentences_leave_out_what_a_fact_does_not_say() {
    let rules =
        "FATOS CONHECIDOS\nO f tem criticidade ALTO\nREGRAS DE VALIDAÇÃO\nQUANDO pergunta 'maior risco'";
    let done = ask(rules, "maior risco?", "-").unwrap();
    assert_eq!(
        done.corrected_answer,
        "De acordo com as regras do domínio, a mais crítica é **f** com grau de criticidade **ALTO**.\n\n\
         (Resposta validada pelo sistema de regras de domínio)"
    );
    let without_facts = rules
        .replace("ALTO", "MÉDIO")
        .replace("FATOS", "PADRÕES DE INTENÇÃO\ncriticidade_alta\n- 'maior risco'\nFATOS");
    let done = ask(&without_facts, "maior risco?", "-").unwrap();
    assert_eq!((done.rules_triggered.len(), done.was_corrected), (1, false));
}

#[test]
fn the_first_declared_intent_wins_a_tie_and_confidence_ends_at_one() {
    let done =
        ask("PADRÕES DE INTENÇÃO\na\n- 'X'\n- 'Ç'\nb\n- 'ç'\nc\n- 'q'\n- 'r'\n- 's'", "ç x", "-").unwrap();
    assert_eq!((done.detected_intent.as_deref(), done.intent_confidence), (Some("a"), 1.0));
    let done = ask("PADRÕES DE INTENÇÃO\nc\n- 'q'\n- 'r'\n- 's'", "q", "-").unwrap();
    assert!((done.intent_confidence - (1.0 / 3.0 + 0.5)).abs() < 1e-12);
}

#[test]
fn a_file_that_doubles_the_answer_is_stopped() {
    let doubling = format!("NORMALIZAR TERMOS\n{}", "'a' corrigir para: 'aa'\n".repeat(64));
    assert!(ask(&doubling, "q", "a").unwrap_err().0.starts_with("MemoryError"));
    let long_question = format!("pergunta {}", "q".repeat(10_000));
    let rules = format!(
        "{INTENT}REGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nENTÃO corrigir para:\n{}",
        "{question}".repeat(1000)
    );
    assert!(ask(&rules, &long_question, "-").unwrap_err().0.starts_with("MemoryError"));
}
