//! Any text as file, question and answer.

use proptest::prelude::*;

use super::ask;
use crate::compat::RuleSet;

/// Lines that are likely to mean something, cut anywhere.
fn rules() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        r#"(FATOS CONHECIDOS|PADRÕES DE INTENÇÃO|EXPANSÃO DE BUSCA|NORMALIZAR TERMOS|REGRAS DE VALIDAÇÃO|SINÔNIMOS):?"#,
        r#"[AO] (licença )?[a-z]{1,3} tem criticidade (ALTO|MÉDIO|BAIXO)\.?"#,
        r#"[ab]:?"#,
        r#"[-•] ?["'][aÁİ]{1,2}["']"#,
        r#"Para ["']?[ab]["']?,? (adicionar|buscar): ["']?[a-z]["']?"#,
        r#"["'][a-cİſ'\\]{1,3}["'] corrigir para: ["'](\\[0-9a-z<>]{1,4}|[a-c])["']"#,
        r#"QUANDO (usuário )?pergunta "[ab?]""#,
        r#"E resposta (NÃO )?menciona "[a-c]""#,
        "ENTÃO (corrigir para:|manter resposta)",
        r"\{(question|intent|facts\.criticidade\.(ALTO|baixo)\[[0-9]{1,30}\]\.(name|reason|__class__))\}",
        "\\PC{0,20}",
        any::<String>(),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_brings_a_panic(rules in rules(), question in "[abáİ {}a-z]{0,20}", answer in any::<String>()) {
        let set = RuleSet::read(&rules);
        set.validate();
        if let Ok(done) = ask(&rules, &question, &answer) {
            prop_assert!((0.0..=1.0).contains(&done.intent_confidence));
            prop_assert_eq!(done.query_expanded, !done.expansion_terms.is_empty());
            prop_assert!(done.was_corrected || done.corrected_answer == done.answer_after_normalization);
            prop_assert!(done.was_normalized || done.answer_after_normalization == answer);
        }
    }

    #[test]
    fn what_is_under_no_heading_means_nothing(text in "\\PC{0,80}") {
        let set = RuleSet::read(&format!("# {text}"));
        prop_assert!(set.rules.is_empty() && set.facts.is_empty() && set.intents.is_empty());
        prop_assert!(set.normalisations.is_empty() && set.expansions.is_empty() && set.synonyms.is_empty());
    }
}
