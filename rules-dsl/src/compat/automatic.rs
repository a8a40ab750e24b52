//! The two intents that every domain gets with its facts, in the words of the predecessor's first domain, licences.

use super::form::{Expansion, Intent, RuleSet};

struct Automatic {
    level: &'static str,
    intent: &'static str,
    patterns: &'static [&'static str],
    expected: &'static [&'static str],
    expansion: &'static [&'static str],
}

const AUTOMATIC: [Automatic; 2] = [
    Automatic {
        level: "ALTO",
        intent: "criticidade_alta",
        patterns: &[
            "mais crítica",
            "mais perigosa",
            "mais restritiva",
            "maior risco",
            "devo evitar",
            "crítico",
        ],
        expected: &["ALTO", "AGPL"],
        expansion: &["GRAU DE CRITICIDADE", "ALTO"],
    },
    Automatic {
        level: "BAIXO",
        intent: "criticidade_baixa",
        patterns: &["mais segura", "mais permissiva", "recomendada", "posso usar", "baixo risco"],
        expected: &["BAIXO"],
        expansion: &["GRAU DE CRITICIDADE", "BAIXO", "permissiva"],
    },
];

/// Adds the automatic intents last, so that they lose ties; one that the file declares is left as it is.
pub(super) fn add(set: &mut RuleSet) {
    for automatic in &AUTOMATIC {
        let declared = set.intents.iter().any(|intent| intent.name == automatic.intent);
        if declared || set.facts_of(automatic.level).is_empty() {
            continue;
        }
        set.intents.push(Intent {
            name: automatic.intent.to_owned(),
            patterns: owned(automatic.patterns),
            expected_contains: owned(automatic.expected),
        });
        if set.expansion_of(automatic.intent).is_none() {
            set.expansions
                .push(Expansion { intent: automatic.intent.to_owned(), terms: owned(automatic.expansion) });
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
