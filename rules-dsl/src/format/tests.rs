//! The usual form, case by case, and the promises for any text.

use super::*;
use crate::program::{NoImports, load};
use proptest::prelude::*;

#[test]
fn every_kind_of_line_gets_its_usual_form() {
    let source = "\u{feff}dominio:  Frota\r\nfatos conhecidos\na licenca MIT   tem criticidade baixa.\n\
        motivo: curto\n   e mais\n# perto\nO pneu tem criticidade ALTO.\n\n\n\nPADROES DE INTENCAO:\nprazo:\n\
        * “quanto tempo”   [palavra]\nresposta deve conter: 'dias'\nvalor:\n- \"preço\"\n\
        REGRAS DE VALIDACAO:\nregra \"um\" prioridade 3\nquando usuario pergunta \"prazo\"\n\
        e resposta nao menciona \"a\"\nou \"b\"   # nota\nentao corrigir para:\n\n      Um.\n        - dois\n\n\n      Fim # não\n\
        # solto\nquando sempre\n  entao sinalizar: texto\n     mais\ntestes\nteste \"t\"\npergunta: “prazo?”\n\
        resposta:\n        duas\n          linhas\nespera regra: um\n";
    let wanted = "DOMÍNIO: Frota\n\nFATOS CONHECIDOS:\nA licença MIT tem criticidade BAIXO.\n  Motivo: curto\n    e mais\n\n\
        # perto\nO pneu tem criticidade ALTO.\n\nPADRÕES DE INTENÇÃO:\nprazo:\n  - \"quanto tempo\" [palavra]\n  \
        Resposta deve conter: \"dias\"\n\nvalor:\n  - \"preço\"\n\nREGRAS DE VALIDAÇÃO:\nREGRA \"um\" PRIORIDADE 3\n\
        QUANDO usuário pergunta \"prazo\"\n  E resposta NÃO menciona \"a\"\n    OU \"b\" # nota\nENTÃO corrigir para:\n  Um.\n    \
        - dois\n\n\n  Fim # não\n\n# solto\nQUANDO sempre\nENTÃO sinalizar: texto\n   mais\n\nTESTES:\nTESTE \"t\"\n  \
        pergunta: \"prazo?\"\n  resposta:\n    duas\n      linhas\n  espera regra: um\n";
    assert_eq!(format(source), wanted);
}

#[test]
fn a_file_in_its_usual_form_is_left_alone() {
    for text in
        ["", "DOMÍNIO: x\n", "# só isto\n", "REGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO manter resposta\n"]
    {
        assert_eq!(format(text), text);
    }
}

#[test]
fn a_text_that_stands_deeper_keeps_its_shape() {
    let source = "REGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO corrigir para:\n\t\tA\n\t\t  B\n\n\n\t\tC   # não é comentário\n# é\nENTÃO x\n";
    let wanted = "REGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO corrigir para:\n  A\n    B\n\n\n  C   # não é comentário\n# é\nENTÃO x\n";
    assert_eq!(format(source), wanted);
}

#[test]
fn a_line_that_is_not_understood_stays_to_the_letter() {
    let source = "REGRAS DE VALIDAÇÃO:\nQUANDO usuario pergunta \"a\"\n  E  resposta  mencoina   ‘x’\n  e  resposta   menciona “x”   sobra\nENTAO manter  resposta\n";
    let wanted = "REGRAS DE VALIDAÇÃO:\nQUANDO usuário pergunta \"a\"\n  E  resposta  mencoina   ‘x’\n  e  resposta   menciona “x”   sobra\nENTÃO manter resposta\n";
    assert_eq!(format(source), wanted);
}

#[test]
fn quotes_become_straight_unless_the_text_has_straight_ones() {
    let source = "NORMALIZAR TERMOS:\n«a» corrigir para: 'b'\n'diz \"x\"' corrigir para: “diz 'x'”\n\"pé d'água' corrigir para: ´c´\n";
    let wanted = "NORMALIZAR TERMOS:\n\"a\" corrigir para: \"b\"\n'diz \"x\"' corrigir para: \"diz 'x'\"\n\"pé d'água\" corrigir para: ´c´\n";
    assert_eq!(format(source), wanted);
}

#[test]
fn no_line_moves_when_a_test_names_a_rule_by_its_line() {
    let source = "\n\nREGRAS DE VALIDAÇÃO:\n\n\nQUANDO sempre\nENTÃO sinalizar: x\nTESTE \"t\"\npergunta: p\nresposta: r\nespera regra: rule_5\n";
    let formatted = format(source);
    let named =
        |text: &str| load(text, &NoImports).program.rule_names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(named(&formatted), named(source));
    assert!(formatted.contains("\n  espera regra: rule_5\n"), "{formatted}");
}

/// What a file does, without the places in it.
fn does(text: &str) -> String {
    let loaded = load(text, &NoImports);
    let codes: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|problem| problem.severity() == crate::diagnostic::Severity::Error)
        .map(|problem| problem.code.as_str())
        .collect();
    let shown = format!("{:?}", loaded.program);
    let shown = regex::Regex::new(r"Span \{[^}]*\}").unwrap().replace_all(&shown, "").into_owned();
    let shown = regex::Regex::new(r#"name: "rule_\d+""#).unwrap().replace_all(&shown, "").into_owned();
    format!("{codes:?} {shown} {:?}", answers(&loaded.program))
}

/// What comes out for a few questions and answers.
fn answers(program: &crate::program::Program) -> Vec<(String, &'static str, usize)> {
    let mut all = Vec::new();
    for question in ["prazo?", "qual a mais crítica", "valor", ""] {
        for answer in ["São 30 dias, a b x.", "GPLA e R$ 20,00", "", "é o \"x\" de 10% em 01/02/2026"] {
            let input = crate::apply::Input { question, answer, ..Default::default() };
            let outcome = program.apply(&input);
            all.push((outcome.answer, outcome.verdict.as_str(), outcome.triggered.len()));
        }
    }
    all
}

fn promise(source: &str) -> Result<(), TestCaseError> {
    let once = format(source);
    prop_assert_eq!(format(&once), once.clone(), "twice\n{}", source);
    prop_assert_eq!(does(&once), does(source), "{}\n--- became ---\n{}", source, once);
    Ok(())
}

const FRAGMENTS: &[&str] = &[
    "",
    "",
    "",
    "# nota",
    "#",
    "─────",
    "DOMÍNIO: x",
    "dominio:y # z",
    "remark",
    "FATOS CONHECIDOS:",
    "known facts",
    "PADRÕES DE INTENÇÃO:",
    "EXPANSÃO DE BUSCA",
    "normalizar  termos:",
    "REGRAS DE VALIDAÇÃO:",
    "SINÔNIMOS:",
    "testes:",
    "CONCLUSÕES:",
    "IMPORTAR \"outro.rules\"",
    "INTENÇÕES AUTOMÁTICAS: não",
    "A licença MIT tem criticidade ALTO.",
    "o pneu  tem criticidade baixa (desde 2023)",
    "The pump has criticality HIGH",
    "X tem criticidade ALTISSIMO.",
    "Motivo: porque sim",
    "motivo:porque # não",
    "Ação:",
    "acao: fazer",
    "mais texto",
    "prazo:",
    "valor",
    "alto-risco:",
    "- \"prazo\"",
    "* “valor” [parte],",
    "• a b [x]",
    "- 'pé d'água'",
    "-",
    "- \"aberta",
    "Resposta deve conter: \"dias\", b",
    "Para \"prazo\", adicionar: \"A\", b; 'c'",
    "for prazo search: x # y",
    "para \"x",
    "\"GPLA\" corrigir para: \"GPL\"",
    "'x \"y\"'  corrigir para:  “z” [case-sensitive]",
    "a corrigir para b.",
    "\"a' corrigir para: 'b\" sobra",
    "\"a\" também pode ser: \"b\", c",
    "regra \"um\" prioridade 3, vigente de 01/01/2026 até 31/12/2026:",
    "REGRA \"um",
    "PRIORIDADE -2",
    "VIGENTE ATE 2026-12-31",
    "QUANDO usuário pergunta \"prazo\"",
    "when asks 'valor' ou “x”",
    "quando sempre",
    "QUANDO intenção prazo",
    "QUANDO nada",
    "E resposta menciona \"30 dias\" ou \"x\" [palavra]",
    "e resposta NAO contém 'x'",
    "E resposta tem valor maior que R$ 10,00",
    "E página entre 1 e 3",
    "E confiança não menor que 80%",
    "AND answer has CPF invalid",
    "E metadado \"tipo\" igual a \"x\"",
    "E resposta mencoina \"x\"",
    "OU \"b\"",
    "ou 'c' # d",
    "ENTÃO corrigir para:",
    "ENTAO corrigir para: texto # fim",
    "entao corrigir “a” para: 'b'",
    "ENTÃO manter a resposta.",
    "THEN flag:",
    "ENTÃO recusar:  x",
    "ENTÃO fazer algo",
    "Texto da {pergunta} # não é comentário",
    "  deeper {fatos.criticidade.ALTO[0].nome}",
    "{x} {{y}}",
    "TESTE \"t\"",
    "teste 'u' :",
    "TESTE \"aberto",
    "pergunta: “prazo?”",
    "Pergunta: qual o \"prazo\" dele?",
    "resposta:",
    "resposta: São 30.",
    "contexto: c",
    "página: 3",
    "página: x",
    "confiança: 80%",
    "hoje: 01/02/2026",
    "metadado \"a\": b",
    "espera veredito: válida",
    "espera nenhuma regra",
    "espera regra: um",
    "espera regra rule_3",
    "espera resposta contém: x",
    "espera intenção: prazo",
    "espera resposta:",
    "\u{a0}nbsp",
    "a\u{301}cento",
    "tab\there",
    "fim\r",
];

/// A file of any lines of the language, right and wrong.
pub(crate) fn file() -> impl Strategy<Value = String> {
    let indent =
        proptest::sample::select(vec!["", "", "", "  ", "  ", "    ", "\t", " ", "      ", "\u{a0}"]);
    let end = proptest::sample::select(vec!["\n", "\n", "\n", "\n", "\r\n", "  \n", "\n\n", "\n\n\n"]);
    let line = (indent, proptest::sample::select(FRAGMENTS), end).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_mixture_of_lines_keeps_its_meaning_and_is_formatted_once(source in file()) {
        promise(&source)?;
    }

    #[test]
    fn any_text_keeps_its_meaning(source in "(\\PC|[\n\"'#: \\t-]){0,80}") {
        promise(&source)?;
    }
}

#[test]
fn nearly_every_mixture_is_formatted_and_not_only_tidied() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut given_up = 0;
    for _ in 0..300 {
        let source = file().new_tree(&mut runner).unwrap().current();
        let sense = meaning::of(&parse(&source));
        let first = once(&tidied(&source));
        let kept = meaning::of(&parse(&first)) == sense;
        given_up += usize::from(!kept);
        if !kept && std::env::args().any(|a| a == "--show-output") {
            println!("=====\n{source}\n-----\n{first}");
            let (a, b) = (sense, meaning::of(&parse(&first)));
            let at = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
            println!(
                "-- {}\n-- {}",
                a.chars().skip(at.saturating_sub(60)).take(200).collect::<String>(),
                b.chars().skip(at.saturating_sub(60)).take(200).collect::<String>()
            );
        }
    }
    assert!(given_up <= 15, "{given_up} of 300");
}

#[test]
fn real_files_keep_their_meaning_and_are_formatted_and_not_only_tidied() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = 0;
    for folder in [root.join("config/rules"), root.join("../shared/data/dkr/rules")] {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: no {}", folder.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let source = std::fs::read_to_string(&path).unwrap();
            promise(&source).unwrap_or_else(|failed| panic!("{}: {failed}", path.display()));
            let sense = meaning::of(&parse(&source));
            assert_eq!(meaning::of(&parse(&once(&tidied(&source)))), sense, "{}", path.display());
            files += 1;
        }
    }
    println!("{files} files");
}
