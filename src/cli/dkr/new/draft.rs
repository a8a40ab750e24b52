//! A rules file in the making, and the four beginnings that it can have.

use enabler_rules::format::format;
use enabler_rules::program::Loaded;
use std::fmt::Write as _;

/// A beginning.
pub(super) struct Start {
    pub(super) name: &'static str,
    /// The name without accents.
    pub(super) plain: &'static str,
    domain: &'static str,
    /// What stands before a fact's name.
    article: &'static str,
    intents: &'static [(&'static str, &'static [&'static str], &'static [&'static str])],
    spellings: &'static [(&'static str, &'static str)],
}

/// The four beginnings.
pub(super) const STARTS: [Start; 4] = [
    Start {
        name: "licenças",
        plain: "licencas",
        domain: "Licenças de software",
        article: "A licença",
        intents: &[
            ("compatibilidade", &["compatível", "combinar"], &["COMPATIBILIDADE"]),
            ("evitar", &["evitar", "não usar"], &["restrições"]),
        ],
        spellings: &[("APGL", "AGPL"), ("LPGL", "LGPL")],
    },
    Start {
        name: "contratos",
        plain: "contratos",
        domain: "Contratos",
        article: "A/O",
        intents: &[
            ("prazo", &["prazo", "vigência"], &["VIGÊNCIA"]),
            ("multa", &["multa", "penalidade"], &["CLÁUSULA PENAL"]),
            ("foro", &["foro", "comarca"], &["FORO DE ELEIÇÃO"]),
        ],
        spellings: &[("clausula", "cláusula"), ("vigencia", "vigência")],
    },
    Start {
        name: "inventário",
        plain: "inventario",
        domain: "Inventário extrajudicial",
        article: "A/O",
        intents: &[
            (
                "inventariante",
                &["inventariante", "quem administra o espólio"],
                &["NOMEAÇÃO DE INVENTARIANTE"],
            ),
            ("meação", &["meação", "cônjuge sobrevivente"], &["metade ideal"]),
            ("quinhão", &["quinhão", "quanto cabe"], &["PARTILHA"]),
        ],
        spellings: &[("de cujos", "de cujus"), ("meiação", "meação")],
    },
    Start { name: "geral", plain: "geral", domain: "Geral", article: "A/O", intents: &[], spellings: &[] },
];

#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) level: &'static str,
    pub(super) reason: String,
    pub(super) action: String,
}

#[derive(Debug, Clone)]
pub(super) struct Intent {
    pub(super) name: String,
    pub(super) patterns: Vec<String>,
    pub(super) search: Vec<String>,
}

/// A correction, and with it the test that shows it.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) asks: String,
    pub(super) says: String,
    pub(super) lacks: String,
    pub(super) text: String,
}

#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) domain: String,
    article: &'static str,
    pub(super) facts: Vec<Fact>,
    pub(super) intents: Vec<Intent>,
    spellings: &'static [(&'static str, &'static str)],
    pub(super) rules: Vec<Rule>,
}

impl From<&Start> for Draft {
    fn from(start: &Start) -> Self {
        let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
        Self {
            domain: start.domain.to_owned(),
            article: start.article,
            facts: Vec::new(),
            intents: start
                .intents
                .iter()
                .map(|(name, patterns, search)| Intent {
                    name: (*name).to_owned(),
                    patterns: owned(patterns),
                    search: owned(search),
                })
                .collect(),
            spellings: start.spellings,
            rules: Vec::new(),
        }
    }
}

impl Draft {
    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into memory does not fail.
        let _ = self.write(&mut text);
        format(&text)
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "DOMÍNIO: {}", self.domain)?;
        if !self.facts.is_empty() {
            writeln!(out, "FATOS CONHECIDOS:")?;
        }
        for fact in &self.facts {
            writeln!(out, "{} {} tem criticidade {}.", self.article, fact.name, fact.level)?;
            for (name, text) in [("Motivo", &fact.reason), ("Ação", &fact.action)] {
                if !text.is_empty() {
                    writeln!(out, "  {name}: {text}")?;
                }
            }
        }
        if !self.intents.is_empty() {
            writeln!(out, "PADRÕES DE INTENÇÃO:")?;
        }
        for intent in &self.intents {
            writeln!(out, "{}:", intent.name)?;
            for pattern in &intent.patterns {
                writeln!(out, "  - {}", quoted(pattern))?;
            }
        }
        let searched: Vec<&Intent> = self.intents.iter().filter(|intent| !intent.search.is_empty()).collect();
        if !searched.is_empty() {
            writeln!(out, "EXPANSÃO DE BUSCA:")?;
        }
        for intent in searched {
            let terms: Vec<String> = intent.search.iter().map(|term| quoted(term)).collect();
            writeln!(out, "Para {}, adicionar: {}", quoted(&intent.name), terms.join(", "))?;
        }
        if !self.spellings.is_empty() {
            writeln!(out, "NORMALIZAR TERMOS:")?;
        }
        for (from, to) in self.spellings {
            writeln!(out, "{} corrigir para: {}", quoted(from), quoted(to))?;
        }
        if !self.rules.is_empty() {
            writeln!(out, "REGRAS DE VALIDAÇÃO:")?;
        }
        for (number, rule) in (1..).zip(&self.rules) {
            writeln!(
                out,
                "REGRA {}\nQUANDO usuário pergunta {}",
                quoted(&rule.name(number)),
                quoted(&rule.asks)
            )?;
            if !rule.says.is_empty() {
                writeln!(out, "  E resposta menciona {}", quoted(&rule.says))?;
            }
            if !rule.lacks.is_empty() {
                writeln!(out, "  E resposta NÃO menciona {}", quoted(&rule.lacks))?;
            }
            writeln!(out, "ENTÃO corrigir para:\n  {}", rule.text)?;
        }
        if !self.rules.is_empty() {
            writeln!(out, "TESTES:")?;
        }
        for (number, rule) in (1..).zip(&self.rules) {
            let name = rule.name(number);
            let answer = if rule.says.is_empty() { "Não sei." } else { &rule.says };
            writeln!(
                out,
                "TESTE {}\n  pergunta: {}\n  resposta: {}",
                quoted(&name),
                quoted(&rule.asks),
                quoted(answer)
            )?;
            writeln!(out, "  espera regra: {name}\n  espera veredito: corrigida")?;
        }
        Ok(())
    }

    /// Whether everything that was said is in the file as it reads.
    pub(super) fn is_whole(&self, loaded: &Loaded<'_>) -> bool {
        let tree = &loaded.tree;
        let same = |text: &Option<enabler_rules::syntax::tree::Text<'_>>, said: &str| match text {
            Some(text) => text.text == said,
            None => said.is_empty(),
        };
        let facts = tree.facts.iter().zip(&self.facts).all(|(read, said)| {
            read.name.text.ends_with(said.name.as_str())
                && same(&read.reason, &said.reason)
                && same(&read.action, &said.action)
        });
        loaded.program.domain() == Some(&self.domain)
            && tree.facts.len() == self.facts.len()
            && tree.intents.len() == self.intents.len()
            && tree.rules.len() == self.rules.len()
            && tree.checks.len() == self.rules.len()
            && facts
    }
}

impl Rule {
    /// Its question, without what would end a name.
    fn name(&self, number: usize) -> String {
        const CHARACTERS_MAX: usize = 40;
        let kept: String = self.asks.chars().filter(|c| c.is_alphanumeric() || " -_.".contains(*c)).collect();
        let kept: String = kept.trim().chars().take(CHARACTERS_MAX).collect();
        format!("{number} {}", kept.trim())
    }
}

/// In quotes that the text has not.
fn quoted(text: &str) -> String {
    if text.contains('"') {
        format!("“{}”", text.replace(['“', '”'], "\""))
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enabler_rules::program::{NoImports, load};
    use enabler_rules::{lint, testing};

    #[test]
    fn every_beginning_is_a_file_without_problems() {
        for start in &STARTS {
            let text = Draft::from(start).text();
            let loaded = load(&text, &NoImports);
            assert!(loaded.diagnostics.is_empty() && lint::lint(&loaded).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_rule_comes_with_a_test_that_passes() {
        let mut draft = Draft::from(&STARTS[1]);
        let text = |text: &str| text.to_owned();
        draft.rules.push(Rule {
            asks: text("qual o prazo?"),
            says: text("30 dias"),
            lacks: text("45 dias"),
            text: text("O prazo é de 45 dias."),
        });
        draft.facts.push(Fact {
            name: text("multa de 20%"),
            level: "ALTO",
            reason: text("é alta"),
            action: String::new(),
        });
        let text = draft.text();
        let loaded = load(&text, &NoImports);
        assert!(draft.is_whole(&loaded), "{text}");
        let report = testing::run(&loaded);
        assert!(
            report.passed() && report.tests.len() == 1 && report.rules[0].acted == 1,
            "{text}\n{report:?}"
        );
    }
}
