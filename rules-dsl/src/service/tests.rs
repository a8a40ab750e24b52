//! Claims about the language service; `¦` marks the place that is asked about.

use super::*;
use crate::diagnostic::{Code, Language};
use crate::program::{Loaded, NoImports, load};
use proptest::prelude::*;

const PT: Language = Language::Portuguese;

const FILE: &str = "\
DOMÍNIO: Frota
FATOS CONHECIDOS:
O pneu recauchutado tem criticidade ALTO.
  Motivo: estoura com carga plena.
O pneu novo tem criticidade ALTO.
PADRÕES DE INTENÇÃO:
troca_de_óleo:
  - \"troca de óleo\"
revisão:
  - \"revisão\"
EXPANSÃO DE BUSCA:
Para \"troca_de_oleo\", adicionar: \"REVISÃO\"
REGRAS DE VALIDAÇÃO:
REGRA \"prazo\" PRIORIDADE 5
QUANDO intenção \"revisão\"
  E resposta menciona \"20.000\"
  OU \"MIT\" [parte]
ENTÃO corrigir para:
  São 10.000 km. {fatos.criticidade.ALTO[1].nome} {pergunta}
QUANDO usuário pergunta \"troca de óleo\"
  E resposta tem valor maior que R$ 10
ENTÃO manter resposta
TESTES:
TESTE \"a\"
  pergunta: revisão
  resposta: 20.000
  espera regra: prazo
  espera intenção: revisão
";

fn loaded(source: &str) -> Loaded<'_> {
    load(source, &NoImports)
}

/// The offset of the `nth` occurrence of a text.
fn at(source: &str, text: &str, nth: usize) -> u32 {
    source.match_indices(text).nth(nth).unwrap().0 as u32
}

/// What is offered where `¦` stands.
fn offered(marked: &str) -> Vec<String> {
    let place = marked.find('¦').unwrap() as u32;
    let source = marked.replace('¦', "");
    complete(&loaded(&source), place, PT).into_iter().map(|completion| completion.label).collect()
}

fn offers(marked: &str, label: &str) {
    let offered = offered(marked);
    assert!(offered.iter().any(|known| known == label), "{label:?} not in {offered:?}");
}

#[test]
fn the_file_of_these_tests_is_sound() {
    assert_eq!(loaded(FILE).diagnostics, []);
}

#[test]
fn an_intent_is_found_from_everywhere_that_names_it() {
    let file = loaded(FILE);
    let declared = at(FILE, "revisão:", 0);
    let here = |offset| definition(&file, offset);
    let wanted = vec![Target::Here(Span { start: declared, end: declared + 8 })];
    assert_eq!(here(at(FILE, "revisão\"\n  E", 0)), wanted);
    assert_eq!(here(at(FILE, "revisão\n", 1)), wanted);
    let oil = at(FILE, "troca_de_óleo", 0);
    let wanted = vec![Target::Here(Span { start: oil, end: oil + 14 })];
    assert_eq!(here(at(FILE, "troca_de_oleo", 0) + 3), wanted, "without its accent");
    assert_eq!(here(at(FILE, "troca de óleo", 1)), wanted, "by the words of QUANDO");
    assert_eq!(references(&file, oil, true).len(), 3);
    assert_eq!(references(&file, oil, false).len(), 2);
}

#[test]
fn a_variable_leads_to_its_fact_and_a_test_to_its_rule() {
    let file = loaded(FILE);
    let fact = at(FILE, "pneu novo", 0);
    let found = definition(&file, at(FILE, "{fatos", 0) + 1);
    assert_eq!(found, [Target::Here(Span { start: fact, end: fact + 9 })]);
    let rule = at(FILE, "prazo", 0);
    assert_eq!(definition(&file, at(FILE, "prazo", 1)), [Target::Here(Span { start: rule, end: rule + 5 })]);
    assert_eq!(definition(&loaded("IMPORTAR \"base.rules\"\n"), 12), [Target::File("base.rules".to_owned())]);
}

#[test]
fn a_rename_changes_every_place_and_the_file_stays_sound() {
    let file = loaded(FILE);
    let edits = rename(&file, at(FILE, "revisão:", 0), "manutenção").unwrap();
    assert_eq!(edits.len(), 3);
    let text = edited(FILE, &edits);
    assert_eq!(loaded(&text).diagnostics, []);
    assert!(text.contains("QUANDO intenção \"manutenção\"") && text.contains("espera intenção: manutenção"));
    assert!(text.contains("- \"revisão\""), "a pattern is no name");
    let edits = rename(&file, at(FILE, "prazo", 1), "prazo da revisão").unwrap();
    assert!(edited(FILE, &edits).contains("espera regra: prazo da revisão\n"));
}

#[test]
fn a_rename_that_would_change_the_meaning_is_refused() {
    let file = loaded(FILE);
    let intent = at(FILE, "revisão:", 0);
    for (name, offset) in
        [("com espaço", intent), ("", intent), ("TESTES", intent), ("a\"b", at(FILE, "prazo", 0))]
    {
        assert_eq!(rename(&file, offset, name), Err(Renaming::NotAName(name.to_owned())), "{name:?}");
    }
    assert_eq!(rename(&file, intent, "Troca_de_Oleo"), Err(Renaming::Exists("Troca_de_Oleo".to_owned())));
    assert_eq!(rename(&file, at(FILE, "troca_de_óleo", 0), "óleo"), Err(Renaming::Implied(20)));
    assert!(rename(&file, at(FILE, "troca_de_óleo", 0), "troca_de_oleo").is_ok(), "the words still name it");
    assert_eq!(rename(&file, at(FILE, "Motivo", 0), "x"), Err(Renaming::NoName));
    assert_eq!(rename(&file, at(FILE, "QUANDO usuário", 0), "x"), Err(Renaming::Unnamed));
    let twice = FILE.replace("espera regra: prazo", "espera regra: outra");
    assert_eq!(rename(&loaded(&twice), at(&twice, "outra", 0), "x"), Err(Renaming::Elsewhere));
    assert_eq!(rename(&file, at(FILE, "prazo", 0), "rule_19"), Err(Renaming::Exists("rule_19".to_owned())));
}

#[test]
fn hovering_tells_what_a_place_is() {
    let file = loaded(FILE);
    let says = |text: &str, nth: usize, wanted: &str| {
        let told =
            hover(&file, &[], at(FILE, text, nth), PT).unwrap_or_else(|| panic!("nothing at {text:?}"));
        assert!(told.text.contains(wanted), "{:?} lacks {wanted:?}", told.text);
    };
    says("QUANDO", 0, "Quando a regra é olhada");
    says("menciona", 0, "A condição vale quando a resposta diz `20.000` como palavra inteira");
    says("MIT", 0, "em qualquer parte");
    says("troca_de_óleo", 0, "Usada em 2 lugares");
    says("prazo", 1, "2 condições, prioridade 5".replace('2', "1").as_str());
    says("{fatos", 0, "pneu novo");
    says("{pergunta}", 0, "A pergunta do usuário");
    says("pneu recauchutado", 0, "estoura com carga plena");
    let english = hover(&file, &[], at(FILE, "QUANDO", 0), Language::English).unwrap();
    assert!(english.text.contains("When the rule is looked at"));
}

#[test]
fn hovering_over_a_problem_gives_its_code_and_page() {
    let source = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta NOA menciona \"x\"\nENTÃO manter resposta\n";
    let file = loaded(source);
    let problems = diagnostics(&file);
    assert_eq!(problems.first().map(|problem| problem.code), Some(Code::UnknownLine));
    let told = hover(&file, &problems, at(source, "NOA", 0), PT).unwrap();
    assert!(told.text.contains("**D0001** linha não reconhecida"), "{}", told.text);
}

#[test]
fn a_fix_becomes_an_action_that_repairs_the_file() {
    let source = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta mencoina \"x\"\nENTÃO manter resposta\n";
    let problems = diagnostics(&loaded(source));
    let offered =
        actions(&problems, Span { start: at(source, "mencoina", 0), end: at(source, "mencoina", 0) }, PT);
    let action = offered.first().unwrap();
    assert_eq!(action.title, "Escreva `menciona`");
    let repaired = edited(source, std::slice::from_ref(&action.edit));
    assert!(loaded(&repaired).is_sound());
    assert!(actions(&problems, Span { start: 0, end: 1 }, PT).is_empty());
}

#[test]
fn every_section_offers_its_own_words() {
    offers("¦", "REGRAS DE VALIDAÇÃO:");
    offers("FATOS CONHECIDOS:\nA licença X tem criticidade ¦", "ALTO.");
    offers("FATOS CONHECIDOS:\nA licença X tem criticidade b¦", "BAIXO.");
    offers("FATOS CONHECIDOS:\nA licença X tem criticidade ALTO.\n  m¦", "Motivo: ");
    offers("PADRÕES DE INTENÇÃO:\nx:\n  ¦", "- \"");
    offers("PADRÕES DE INTENÇÃO:\nóleo:\n - \"a\"\nEXPANSÃO DE BUSCA:\nPara \"¦", "óleo");
    offers("PADRÕES DE INTENÇÃO:\nóleo:\n - \"a\"\nEXPANSÃO DE BUSCA:\nPara \"óleo\", ¦", "adicionar: \"");
    offers("NORMALIZAR TERMOS:\n\"a\" ¦", "corrigir para: \"");
    offers("NORMALIZAR TERMOS:\n\"a\" corrigir para: \"b\" [¦", "[case-sensitive]");
    offers("SINÔNIMOS:\n\"a\" tam¦", "também pode ser: \"");
    offers("REGRAS DE VALIDAÇÃO:\nqua¦", "QUANDO sempre");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO ¦", "usuário pergunta \"");
    offers("PADRÕES DE INTENÇÃO:\nóleo:\n - \"a\"\nREGRAS DE VALIDAÇÃO:\nQUANDO intencao ¦", "óleo");
    offers("REGRAS DE VALIDAÇÃO:\nREGRA \"a\" ¦", "PRIORIDADE ");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  ent¦", "ENTÃO recusar: ");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E ¦", "contexto ");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta ¦", "NÃO menciona \"");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta tem ¦", "valor ");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta tem valor ma¦", "maior que ");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta tem CPF ¦", "inválido");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta menciona \"a\" [¦", "[palavra]");
    offers("REGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO ¦", "manter resposta");
    offers("TESTES:\nTESTE \"a\"\n  espera veredito: ¦", "não se aplica");
    offers("TESTES:\nTESTE \"a\"\n  ¦", "pergunta: ");
    offers(
        "REGRAS DE VALIDAÇÃO:\nREGRA \"prazo\"\nQUANDO sempre\nENTÃO manter resposta\nTESTES:\nTESTE \"a\"\n  espera regra: ¦",
        "prazo",
    );
}

#[test]
fn only_facts_that_exist_are_offered_as_variables() {
    let head = "FATOS CONHECIDOS:\nO pneu tem criticidade ALTO.\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO corrigir para:\n";
    let names = offered(&format!("{head}  Veja {{¦"));
    assert!(names.contains(&"{fatos.criticidade.ALTO[0].motivo}".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("[1]")));
    assert!(names.contains(&"{página}".to_owned()));
    assert_eq!(
        offered(&format!("{head}  Veja {{fatos.criticidade.ALTO[0].mot¦")),
        ["{fatos.criticidade.ALTO[0].motivo}"]
    );
    assert_eq!(offered(&format!("{head}  Veja {{pergunta}} ¦")), Vec::<String>::new());
}

#[test]
fn what_is_offered_takes_the_place_of_what_was_typed() {
    let source = "REGRAS DE VALIDAÇÃO:\nQUANDO sempre\n  E resposta NAO menc";
    let found = complete(&loaded(source), source.len() as u32, PT);
    let best = found.first().unwrap();
    assert_eq!((best.label.as_str(), best.replaces.of(source)), ("menciona \"", "menc"));
}

#[test]
fn the_outline_holds_every_item_below_its_section() {
    let file = loaded(FILE);
    let outline: Vec<(String, Vec<String>)> = symbols(&file.tree)
        .into_iter()
        .map(|section| (section.name, section.children.into_iter().map(|item| item.name).collect()))
        .collect();
    let rules = outline.iter().find(|(name, _)| name == "REGRAS DE VALIDAÇÃO").unwrap();
    assert_eq!(rules.1, ["prazo", "QUANDO usuário pergunta \"troca de óleo\""]);
    let facts = outline.iter().find(|(name, _)| name == "FATOS CONHECIDOS").unwrap();
    assert_eq!(facts.1, ["pneu recauchutado", "pneu novo"]);
    assert!(
        folds(&file.tree).contains(&Fold { first: 13, last: 18, comment: false }),
        "{:?}",
        folds(&file.tree)
    );
}

#[test]
fn variables_and_words_are_coloured_apart() {
    let file = loaded(FILE);
    let coloured = colours(&file.tree);
    let of = |text: &str| coloured.iter().find(|piece| piece.span.of(FILE) == text).map(|piece| piece.colour);
    assert_eq!(of("{pergunta}"), Some(Colour::Variable));
    assert_eq!(of("{fatos.criticidade.ALTO[1].nome}"), Some(Colour::Variable));
    assert_eq!(of("ENTÃO"), Some(Colour::Keyword));
    assert_eq!(of("[parte]"), Some(Colour::Choice));
    assert_eq!(of("R$ 10"), Some(Colour::Number));
    assert_eq!(of("troca_de_óleo"), Some(Colour::Name));
}

#[test]
fn formatting_is_one_edit_that_covers_only_what_changes() {
    let source = FILE.replace("  E resposta menciona", "      e   resposta menciona");
    let edits = format(&loaded(&source));
    assert_eq!(edited(&source, &edits), crate::format::format(&source));
    assert!(edits.len() == 1 || crate::format::format(&source) == source);
}

/// Pieces of rules files, so that random documents reach deep.
const PIECES: &[&str] = &[
    "REGRAS DE VALIDAÇÃO:\n",
    "FATOS CONHECIDOS:\n",
    "PADRÕES DE INTENÇÃO:\n",
    "EXPANSÃO DE BUSCA:\n",
    "TESTES:\n",
    "QUANDO usuário pergunta ",
    "QUANDO intenção ",
    "\"a b\"",
    "\"",
    "  E resposta menciona ",
    "OU ",
    "ENTÃO corrigir para:\n",
    "  {fatos.criticidade.ALTO[0].nome} ",
    "{pergunta}",
    "{",
    "}",
    "\n",
    "\r\n",
    "\r",
    " ",
    "[parte]",
    "[",
    "😀",
    "é",
    "REGRA \"r\"",
    "O a tem criticidade ALTO.",
    "nome:\n",
    "- \"x\"\n",
    "Para \"nome\", adicionar: ",
    "# x",
    "TESTE \"t\"\n",
    "  espera regra: r\n",
    "  pergunta: ",
    "\u{feff}",
    "\u{301}",
    "IMPORTAR \"b\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_function_answers_at_every_place(parts in proptest::collection::vec(0..PIECES.len(), 0..40), seed: u32) {
        let source: String = parts.iter().map(|at| PIECES[*at]).collect();
        let file = loaded(&source);
        let problems = diagnostics(&file);
        let inside = |span: Span| source.get(span.range()).is_some();
        for problem in &problems {
            prop_assert!(inside(problem.span), "{problem:?}");
            prop_assert!(problem.fix.as_ref().is_none_or(|fix| inside(fix.span)), "{problem:?}");
        }
        let mut end = 0;
        for piece in colours(&file.tree) {
            prop_assert!(inside(piece.span) && piece.span.start >= end && !piece.span.of(&source).contains('\n'), "{piece:?}");
            end = piece.span.end;
        }
        for symbol in symbols(&file.tree) {
            for item in std::iter::once(&symbol).chain(&symbol.children) {
                prop_assert!(inside(item.span) && inside(item.selection), "{item:?}");
                prop_assert!(item.span.holds(item.selection.start) && item.span.holds(item.selection.end), "{item:?}");
            }
        }
        let lines = source.split('\n').count() as u32;
        prop_assert!(folds(&file.tree).iter().all(|fold| fold.first < fold.last && fold.last < lines));
        for place in (0..=source.len() as u32).step_by(3).chain([seed]) {
            prop_assert!(hover(&file, &problems, place, PT).is_none_or(|told| inside(told.span)));
            for offer in complete(&file, place, PT) {
                prop_assert!(inside(offer.replaces) && offer.replaces.end <= source.len() as u32);
            }
            for target in definition(&file, place) {
                prop_assert!(matches!(target, Target::File(_)) || matches!(target, Target::Here(span) if inside(span)));
            }
            prop_assert!(references(&file, place, true).into_iter().all(inside));
            if let Ok(span) = nameable(&file, place) {
                prop_assert!(inside(span));
                if let Ok(edits) = rename(&file, place, "novo") {
                    prop_assert_eq!(loaded(&edited(&source, &edits)).diagnostics.len(), file.diagnostics.len());
                }
            }
            actions(&problems, Span { start: place, end: place }, PT);
        }
        prop_assert_eq!(edited(&source, &format(&file)), crate::format::format(&source));
    }
}
