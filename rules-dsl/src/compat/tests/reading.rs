//! From text to compiled form.

use crate::compat::{Action, RuleSet};

fn fact_names(text: &str) -> Vec<(String, String)> {
    let facts = RuleSet::read(text).facts.into_iter().flat_map(|level| level.facts);
    facts.map(|fact| (fact.criticality, fact.name)).collect()
}

fn expansion(line: &str) -> Vec<String> {
    let set = RuleSet::read(&format!("EXPANSÃO DE BUSCA:\n{line}"));
    set.expansion_of("x").map(|expansion| expansion.terms.clone()).unwrap_or_default()
}

#[test]
fn keywords_are_known_in_any_case_and_never_without_their_accents() {
    let known = "fatos conhecidos\na LICENÇA X tEm CRITICIDADE médio\nmotivo: m\nAÇÃO: n";
    let set = RuleSet::read(known);
    let fact = &set.facts_of("MÉDIO")[0];
    assert_eq!((fact.name.as_str(), fact.reason.as_str(), fact.action.as_str()), ("X", "m", "n"));
    assert!(fact_names("FATOS CONHECIDOS\nO X tem criticidade MEDIO").is_empty());
    for heading in ["PADROES DE INTENÇÃO:", "PADRÕES DE INTENCAO:", "PADRO\u{303}ES DE INTENÇÃO:"] {
        assert!(RuleSet::read(&format!("{heading}\na:\n- \"b\"")).intents.is_empty(), "{heading}");
    }
    assert_eq!(RuleSet::read("SINONIMOS:\n\"a\" também pode ser: \"b\"").synonyms.len(), 0);
    assert_eq!(RuleSet::read("SINÔNIMOS\n\"a\" tambem pode ser: \"b\"").synonyms.len(), 0);
    assert_eq!(RuleSet::read("SINÔNIMOS\n'A' TAMBÉM pode ser: b, c").synonyms[0].term, "a");
}

#[test]
fn a_heading_stands_alone_on_its_line_and_its_colon_may_be_missing() {
    for (heading, known) in [
        ("FATOS CONHECIDOS", true),
        ("  FATOS \t CONHECIDOS:  ", true),
        ("FATOS\u{1c}CONHECIDOS", true),
        ("fatoſ conhecİdos", true),
        ("FATOS CONHECıDOS:", true),
        ("FATOS CONHECIDOS: todos", false),
        ("FATOS CONHECIDOS :", false),
        ("FATOSCONHECIDOS:", false),
        ("\u{feff}FATOS CONHECIDOS:", false),
    ] {
        let names = fact_names(&format!("{heading}\nO x tem criticidade ALTO."));
        assert_eq!(!names.is_empty(), known, "{heading:?}");
    }
}

#[test]
fn the_last_domain_wins_and_what_stands_under_it_is_ignored() {
    let set = RuleSet::read(
        "DOMÍNIO: um\nFATOS CONHECIDOS\nO x tem criticidade ALTO\ndomínio:dois \nO y tem criticidade ALTO\nDOMÍNIO:\n",
    );
    assert_eq!(set.domain, "dois");
    assert_eq!(set.facts_of("ALTO").len(), 1);
    assert_eq!(RuleSet::read("\u{feff}DOMÍNIO: x").domain, "unknown");
    assert_eq!(RuleSet::read("DOMI\u{301}NIO: x").domain, "unknown");
}

#[test]
fn a_repeated_heading_lets_lists_grow_and_an_unknown_one_closes_nothing() {
    let text = "FATOS CONHECIDOS\nO a tem criticidade BAIXO\nOUTRA COISA:\nO b tem criticidade ALTO\n\
                SINÔNIMOS\nFATOS CONHECIDOS:\nO c tem criticidade BAIXO";
    let levels = ["BAIXO", "BAIXO", "ALTO"].map(str::to_owned);
    let names = ["a", "c", "b"].map(str::to_owned);
    assert_eq!(fact_names(text), levels.into_iter().zip(names).collect::<Vec<_>>());
}

#[test]
fn a_fact_takes_reasons_and_actions_in_any_order_until_any_other_line() {
    let set = RuleSet::read(
        "FATOS CONHECIDOS\nO a tem criticidade ALTO.\n\n Ação: 1\n\nMotivo: 2\nAção: 3\n# fim\nMotivo: 4\n\
         O b tem criticidade ALTO\n───\nMotivo: 5\nO c tem criticidade ALTO\nPADRÕES DE INTENÇÃO\nMotivo: 6",
    );
    let facts = set.facts_of("ALTO");
    assert_eq!((facts[0].reason.as_str(), facts[0].action.as_str()), ("2", "3"));
    assert_eq!((facts[1].reason.as_str(), facts[2].reason.as_str()), ("", ""));
}

#[test]
fn a_fact_ends_with_its_level_and_at_most_one_full_stop() {
    for (line, name) in [
        ("A licença MIT tem criticidade baixo", Some("MIT")),
        ("O licença MIT tem criticidade BAIXO.", Some("MIT")),
        ("A licença tem criticidade BAIXO", Some("licença")),
        ("A que tem tem criticidade BAIXO", Some("que tem")),
        ("A/O MIT tem criticidade BAIXO", None),
        ("As MIT tem criticidade BAIXO", None),
        ("A MIT tem criticidade BAIXO..", None),
        ("A MIT tem criticidade BAIXO # nota", None),
        ("A MIT tem criticidade BAIXA", None),
    ] {
        let names = fact_names(&format!("FATOS CONHECIDOS\n{line}"));
        assert_eq!(names.first().map(|(_, name)| name.as_str()), name, "{line}");
    }
}

#[test]
fn an_intent_ends_at_a_heading_or_at_a_line_of_one_word() {
    let set = RuleSet::read(
        "PADRÕES DE INTENÇÃO\na:\n# nota\n\n  - \"1\" resto\n•'2'\nduas palavras:\n- \"3\"\n\
         resposta DEVE conter: \"x\" e 'y'\nResposta deve conter: nada\nfim\n- \"4\"\nvazio\nSINÔNIMOS:\n- \"5\"",
    );
    let intents: Vec<_> = set.intents.iter().map(|intent| (intent.name.as_str(), &intent.patterns)).collect();
    assert_eq!(
        intents,
        [("a", &vec!["1".to_owned(), "2".into(), "3".into()]), ("fim", &vec!["4".to_owned()])]
    );
    assert_eq!(set.intents[0].expected_contains, ["x", "y"]);
}

#[test]
fn a_redeclared_intent_keeps_its_place_and_loses_its_patterns() {
    let set = RuleSet::read("PADRÕES DE INTENÇÃO\na\n- \"1\"\nb\n- \"2\"\na\n- \"3\"\nb\n");
    let intents: Vec<_> = set.intents.iter().map(|i| (i.name.as_str(), i.patterns[0].as_str())).collect();
    assert_eq!(intents, [("a", "3"), ("b", "2")]);
}

#[test]
fn a_word_has_marks_of_no_kind_but_letters_digits_and_underscores_of_every_script() {
    for (name, known) in
        [("ação_2:", true), ("重要", true), ("ac\u{327}ão", false), ("a-b", false), ("x²", true)]
    {
        let set = RuleSet::read(&format!("PADRÕES DE INTENÇÃO\n{name}\n- \"1\""));
        assert_eq!(!set.intents.is_empty(), known, "{name:?}");
    }
}

#[test]
fn a_quoted_item_ends_at_the_first_quote_of_either_kind() {
    assert_eq!(expansion("Para x adicionar: \"caixa d'água\""), ["caixa d"]);
    assert_eq!(expansion("Para 'x\", buscar: 'a\" e \"b'"), ["a", "b"]);
    assert_eq!(expansion("PARA x buscar: “a”, b ,, c"), ["“a”", "b", "c"]);
    assert_eq!(expansion("Para x,adicionar: \"a\", b"), ["a"]);
    assert_eq!(expansion("Para x adicionar \"a\""), [""; 0]);
    assert_eq!(expansion("Para x y adicionar: \"a\""), [""; 0]);
}

#[test]
fn the_sides_of_a_normalisation_reach_to_their_anchors_and_nothing_may_follow() {
    for (line, read) in [
        ("\"a' corrigir para: 'b\"", Some(("a", "b", false))),
        ("\"d'água\" CORRIGIR  PARA:\"d'oro\"[Case-Sensitive]", Some(("d'água", "d'oro", true))),
        ("'a' corrigir para: 'b' [não case-sensitive, creio]", Some(("a", "b", true))),
        ("'a' corrigir para: 'b' [x] [y]", Some(("a", "b", false))),
        ("'a' corrigir para: 'b' corrigir para: 'c'", Some(("a", "b' corrigir para: 'c", false))),
        ("'a' corrigir para: 'b'.", None),
        ("'a' corrigir para: 'b' []", None),
        ("'a' corrigir para: ''", None),
        ("'a' corrigir: 'b'", None),
    ] {
        let set = RuleSet::read(&format!("NORMALIZAR TERMOS\n{line}"));
        let entry = set.normalisations.first();
        let entry = entry.map(|n| (n.original.as_str(), n.normalized.as_str(), n.case_sensitive));
        assert_eq!(entry, read, "{line}");
    }
}

#[test]
fn a_rule_drops_what_it_does_not_know_and_ends_with_its_consequence() {
    let set = RuleSet::read(
        "REGRAS DE VALIDAÇÃO\nquando PERGUNTAR 'x y z w!' # nota\n# nota\n\nOU \"1\"\ne RESPOSTA contém \"2\" ou \"3\"\n\
         E resposta não CONTÉM '4'\nE contexto menciona \"5\"\nENTÃO corrigir para: já\nOU \"6\"\n\
         então MANTER resposta, por favor\nOU \"7\"\nENTÃO corrigir para:\nnada",
    );
    let rule = &set.rules[0];
    assert_eq!((set.rules.len(), rule.name.as_str()), (1, "rule_1"));
    assert_eq!(rule.trigger_intent, "x_y_z");
    assert_eq!(rule.contains_any, ["1", "2", "6"]);
    assert_eq!(rule.contains_none, ["4"]);
    assert_eq!((rule.action, rule.template.as_str()), (Action::Keep, ""));
}

#[test]
fn a_template_ends_at_a_blank_line_a_heading_or_a_rule_and_keeps_its_lines_as_they_are() {
    for (end, at_end) in
        [("\n  \t\nresto", ""), ("\nSINÔNIMOS", ""), ("\n quando pergunta 'b'", ""), ("", "  ")]
    {
        let text = format!(
            "REGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nENTÃO corrigir para:\n\n \n   um  \n# dois\n\tE resposta menciona 'c'{at_end}{end}"
        );
        let set = RuleSet::read(&text);
        let template = format!("   um  \n# dois\n\tE resposta menciona 'c'{at_end}");
        assert_eq!((&set.rules[0].template, set.rules[0].contains_any.len()), (&template, 0), "{end:?}");
    }
}

#[test]
fn a_heading_ends_a_rule_and_its_section_begins() {
    let set = RuleSet::read(
        "REGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nFATOS CONHECIDOS\nO x tem criticidade MÉDIO\nOU 'b'\n\
         REGRAS DE VALIDAÇÃO:\nQUANDO usuario pergunta 'b'\nE resposta menciona 'c'\nQUANDO pergunta 'd'",
    );
    assert_eq!(set.facts_of("MÉDIO").len(), 1);
    let rules: Vec<_> = set.rules.iter().map(|rule| (rule.name.as_str(), rule.contains_any.len())).collect();
    assert_eq!(rules, [("rule_1", 0), ("rule_8", 0)]);
}

#[test]
fn the_text_of_a_question_becomes_an_intent_by_its_first_sign_or_its_first_three_words() {
    for (question, intent) in [
        ("É o MAIOR RISCO e a mais segura?", "criticidade_alta"),
        ("a mais segura, ou evitar?", "criticidade_baixa"),
        ("é recomendada", "criticidade_baixa"),
        ("Compatibilidade a evitar", "compatibilidade"),
        ("o que evitar na definição", "evitar"),
        ("O que é isto", "definicao"),
        ("indefinido", "definicao"),
        ("mais critica", "mais_critica"),
        ("  GPL-3.0:  qual\tlicença usar?", "gpl30_qual_licença"),
        ("?!", ""),
    ] {
        assert_eq!(super::super::rule::trigger_intent(question), intent, "{question}");
    }
}

#[test]
fn newlines_are_read_as_python_reads_text() {
    let (lf, crlf) =
        ("A\n\nREGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nENTÃO corrigir para:\n b\n c\n", "\r\n");
    let set = RuleSet::read(lf);
    assert_eq!(RuleSet::read(&lf.replace('\n', crlf)), set);
    assert_eq!(set.rules[0].template, " b\n c");
    assert_eq!(RuleSet::read("A\u{2028}FATOS CONHECIDOS\u{b}\nO x tem criticidade ALTO").facts.len(), 0);
}

#[test]
fn the_automatic_intents_come_last_and_yield_to_declared_ones() {
    let facts = "FATOS CONHECIDOS\nO x tem criticidade ALTO\nO y tem criticidade BAIXO\n";
    let set = RuleSet::read(&format!(
        "{facts}EXPANSÃO DE BUSCA\nPara criticidade_baixa buscar: z\nPADRÕES DE INTENÇÃO\ncriticidade_alta:\n- \"p\""
    ));
    let names: Vec<_> = set.intents.iter().map(|intent| intent.name.as_str()).collect();
    assert_eq!(names, ["criticidade_alta", "criticidade_baixa"]);
    assert_eq!(set.intents[0].patterns, ["p"]);
    assert!(set.expansion_of("criticidade_alta").is_none());
    assert_eq!(set.expansion_of("criticidade_baixa").unwrap().terms, ["z"]);
    assert_eq!(set.expansions.len(), 1);
    assert!(RuleSet::read("FATOS CONHECIDOS\nO x tem criticidade MÉDIO").intents.is_empty());
}

#[test]
fn the_validator_warns_of_repeated_facts_and_of_rules_that_can_say_nothing() {
    let rule =
        "REGRAS DE VALIDAÇÃO\nQUANDO pergunta 'a'\nE resposta menciona 'b'\nDOMÍNIO: d\nFATOS CONHECIDOS\n";
    let verdict =
        RuleSet::read(&format!("{rule}O x tem criticidade MÉDIO\nA x tem criticidade MÉDIO")).validate();
    assert!(verdict.is_valid && verdict.errors.is_empty() && verdict.info.is_empty());
    assert_eq!(verdict.warnings.len(), 2, "{:?}", verdict.warnings);
    for level in ["ALTO", "BAIXO"] {
        let text = format!("{rule}O x tem criticidade {level}\nO x tem criticidade MÉDIO");
        let verdict = RuleSet::read(&text).validate();
        assert_eq!((verdict.warnings.len(), verdict.info.len()), (0, 1), "{verdict:?}");
    }
}
