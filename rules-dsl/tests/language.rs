//! What the language means, construct by construct, on small files.

use enabler_rules::apply::{Input, Passage, Stream};
use enabler_rules::diagnostic::{Code, Language};
use enabler_rules::program::{NoImports, load};
use enabler_rules::testing;
use enabler_rules::verdict::Verdict;

/// Loads a file that must be without errors and whose tests must pass.
fn passes(source: &str) {
    let loaded = load(source, &NoImports);
    let problems: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|problem| (problem.code.as_str(), problem.message(Language::English)))
        .collect();
    assert!(loaded.is_sound(), "{problems:?}");
    let report = testing::run(&loaded);
    assert!(!report.tests.is_empty(), "no test was read");
    for test in &report.tests {
        assert!(test.passed(), "{}: {:?}", test.name, test.mismatches);
    }
}

fn codes(source: &str) -> Vec<&'static str> {
    load(source, &NoImports).diagnostics.iter().map(|problem| problem.code.as_str()).collect()
}

#[test]
fn names_priorities_and_periods_order_and_limit_the_rules() {
    passes(
        r#"DOMÍNIO: Contratos
REGRAS DE VALIDAÇÃO:
REGRA "geral"
QUANDO usuário pergunta "prazo"
  E resposta menciona "30 dias"
ENTÃO corrigir para:
  O prazo é de 45 dias.

REGRA "aditivo" PRIORIDADE 10 VIGENTE DE 01/01/2026 ATÉ 31/12/2026
QUANDO usuário pergunta "prazo"
  E resposta menciona "30 dias"
ENTÃO corrigir para: Em 2026 o prazo é de 60 dias.

TESTES:
TESTE "no ano do aditivo vale o aditivo"
  pergunta: Qual o prazo?
  resposta: São 30 dias.
  hoje: 15/06/2026
  espera regra: aditivo
  espera resposta: Em 2026 o prazo é de 60 dias.
  espera veredito: corrigida
TESTE "fora dele vale a regra geral"
  pergunta: "Qual o prazo?"
  resposta: "São 30 dias."
  hoje: 01/01/2027
  espera regra: geral
"#,
    );
}

#[test]
fn values_are_compared_and_looked_for_in_the_passages() {
    passes(
        r#"DOMÍNIO: Contas
REGRAS DE VALIDAÇÃO:
REGRA "valor alto"
QUANDO sempre
  E valor maior que R$ 10.000,00
ENTÃO acrescentar:
  Confira com a diretoria.

REGRA "valor sem fonte"
QUANDO sempre
  E resposta tem valor fora do contexto
ENTÃO sinalizar: o valor não está nos trechos encontrados

REGRA "quórum"
QUANDO usuário pergunta "quórum"
  E resposta tem percentual maior que 100%
ENTÃO recusar: Um percentual acima de 100% não existe.

REGRA "cpf"
QUANDO sempre
  E resposta tem CPF inválido
ENTÃO sinalizar: CPF com dígito errado

TESTE "valor alto e com fonte"
  pergunta: Quanto custou?
  resposta: Custou R$ 12.500,00.
  contexto: O preço foi de R$ 12.500,00 à vista.
  espera resposta:
    Custou R$ 12.500,00.

    Confira com a diretoria.
  espera veredito: corrigida
TESTE "valor sem fonte"
  pergunta: Quanto custou?
  resposta: Custou R$ 900,00.
  contexto: O preço foi de R$ 800,00.
  espera veredito: sem suporte
TESTE "quórum impossível"
  pergunta: Qual foi o quórum?
  resposta: Foi de 120%.
  espera veredito: contradita
  espera resposta: Um percentual acima de 100% não existe.
TESTE "CPF errado"
  pergunta: Qual o CPF?
  resposta: É 529.982.247-26.
  espera regra: cpf
TESTE "CPF certo"
  pergunta: Qual o CPF?
  resposta: É 529.982.247-25.
  espera nenhuma regra
"#,
    );
}

#[test]
fn context_page_confidence_and_metadata_are_conditions() {
    passes(
        r#"DOMÍNIO: Atas
REGRAS DE VALIDAÇÃO:
REGRA "minuta"
QUANDO sempre
  E metadado "tipo" igual a "minuta"
ENTÃO prefixar: Segundo uma minuta ainda não assinada:

REGRA "anexo"
QUANDO usuário pergunta "diretor"
  E contexto menciona "anexo"
  E contexto NÃO menciona "revogado"
  E página entre 3 e 9
ENTÃO acrescentar: Ver o anexo, página {página}.

REGRA "incerta"
QUANDO sempre
  E confiança menor que 50%
ENTÃO sinalizar: resposta pouco segura

TESTE "todas"
  pergunta: Quem é o diretor?
  resposta: É Ana.
  página: 4
  contexto: Conforme o anexo II, Ana foi eleita.
  confiança: 0,4
  metadado "tipo": Minuta
  espera resposta contém: Segundo uma minuta
  espera resposta contém: Ver o anexo, página 4.
  espera regra: incerta
  espera veredito: contradita
TESTE "nenhuma"
  pergunta: Quem é o diretor?
  resposta: É Ana.
  página: 2
  contexto: Conforme o anexo II, Ana foi eleita.
  confiança: 90%
  espera veredito: válida
"#,
    );
}

#[test]
fn a_part_of_the_answer_is_corrected_in_place_and_to_a_fixpoint() {
    passes(
        r#"DOMÍNIO: Prazos
REGRAS DE VALIDAÇÃO:
REGRA "antigo"
QUANDO usuário pergunta "prazo"
ENTÃO corrigir "trinta dias" para: "45 dias"
REGRA "moderno"
QUANDO usuário pergunta "prazo"
  E resposta menciona "45 dias"
  E resposta NÃO menciona "corridos"
ENTÃO acrescentar: São dias corridos.
TESTE "as duas"
  pergunta: Qual o prazo?
  resposta: São TRINTA dias; sim, trinta dias.
  espera resposta:
    São 45 dias; sim, 45 dias.

    São dias corridos.
  espera veredito: corrigida
"#,
    );
}

#[test]
fn rules_that_undo_each_other_end_and_are_told() {
    let source = r#"DOMÍNIO: x
REGRAS DE VALIDAÇÃO:
REGRA "a"
QUANDO sempre
ENTÃO corrigir "branco" para: "preto"
REGRA "b"
QUANDO sempre
ENTÃO corrigir "preto" para: "branco"
"#;
    let loaded = load(source, &NoImports);
    let outcome = loaded.program.apply(&Input { answer: "É branco.", ..Input::default() });
    assert_eq!(outcome.verdict, Verdict::Contradicted);
}

#[test]
fn a_prepared_text_that_another_rule_disputes_is_told_and_not_touched() {
    let source = r#"DOMÍNIO: x
REGRAS DE VALIDAÇÃO:
REGRA "a"
QUANDO usuário pergunta "cor"
  E resposta menciona "azul"
ENTÃO corrigir para: É verde.
REGRA "b"
QUANDO usuário pergunta "cor"
  E resposta menciona "verde"
ENTÃO corrigir para: É azul.
"#;
    let loaded = load(source, &NoImports);
    let input = Input { question: "Qual a cor?", answer: "É azul.", ..Input::default() };
    let outcome = loaded.program.apply(&input);
    assert_eq!((outcome.answer.as_str(), outcome.verdict), ("É verde.", Verdict::Contradicted));
    assert_eq!(outcome.triggered, ["a"]);
    assert_eq!(outcome.objections.first().map(|objection| objection.rule.as_str()), Some("b"));
}

#[test]
fn english_keywords_make_the_same_rules() {
    passes(
        r#"DOMAIN: Licences
KNOWN FACTS:
The licence AGPL-3.0 has criticality HIGH.
  Reason: network use counts.
INTENT PATTERNS:
risk:
  - "riskiest"
SEARCH EXPANSION:
For "risk", add: "criticality"
NORMALIZE TERMS:
"GPLA" correct to: "AGPL"
VALIDATION RULES:
RULE "risk" PRIORITY 2
WHEN user asks "riskiest"
  AND answer mentions "MIT"
  OR "Apache"
  AND answer does not mention "AGPL"
THEN correct to:
  {facts.criticidade.HIGH[0].name}: {facts.criticality.alto[0].reason}
SYNONYMS:
"riskiest" may also be: "most dangerous"
TESTS:
TEST "riskiest"
  question: Which is the most dangerous?
  answer: Apache.
  expect intent: risk
  expect rule: risk
  expect answer: AGPL-3.0: network use counts.
  expect verdict: corrected
"#,
    );
}

#[test]
fn every_error_is_reported_at_once_and_only_the_broken_rule_is_left_out() {
    let source = r#"DOMÍNIO: x
REGRAS DE VALIDAÇÃO:
QUANDO usuário pergunta "a"
  E resposta mencoina "b"
ENTÃO corrigir para:
  c
QUANDO usuário pergunta "d"
ENTAO corigir para:
  e
QUANDO usuário pergunta "boa"
ENTÃO corrigir para:
  resposta boa
FATOS CONHECIDOS:
A licença X tem criticidade ALTISSIMO.
"#;
    assert_eq!(codes(source), ["D0001", "D0012", "D0011"]);
    let loaded = load(source, &NoImports);
    assert_eq!((loaded.program.rules(), loaded.program.quarantined()), (1, 2));
    let fix = loaded.diagnostics.first().and_then(|problem| problem.fix.clone()).unwrap();
    assert_eq!((fix.span.of(source), fix.text.as_str()), ("mencoina", "menciona"));
}

#[test]
fn an_unknown_variable_or_fact_never_reaches_an_answer() {
    let source = "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO corrigir para: {fatos.criticidade.ALTO[0].nome} {x.y}\n";
    assert_eq!(codes(source), ["D0014"]);
    let source = source.replace(" {x.y}", "");
    assert_eq!(codes(&source), ["D0015"]);
    let literal =
        "DOMÍNIO: x\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO corrigir para: {{pergunta}} { \"a\": 1 }\n";
    let loaded = load(literal, &NoImports);
    assert_eq!(loaded.program.apply(&Input::default()).answer, "{pergunta} { \"a\": 1 }");
}

#[test]
fn imported_files_come_first_and_circles_are_errors() {
    let files = |name: &str| {
        match name {
        "comum.rules" => Some("DOMÍNIO: Comum\nNORMALIZAR TERMOS:\n\"cnpj\" corrigir para: \"CNPJ\"\nREGRAS DE VALIDAÇÃO:\nREGRA \"base\"\nQUANDO sempre\nE resposta menciona \"zzz\"\nENTÃO recusar: não\n".to_owned()),
        "eu.rules" => Some("IMPORTAR \"eu.rules\"\n".to_owned()),
        _ => None,
    }
    };
    let loaded = load("IMPORTAR \"comum.rules\"\nDOMÍNIO: Meu\n", &files);
    assert!(loaded.is_sound());
    assert_eq!(loaded.program.domain(), Some("Meu"));
    let outcome = loaded.program.apply(&Input { answer: "o cnpj zzz", ..Input::default() });
    assert_eq!(
        (outcome.normalised.as_str(), outcome.triggered.first().map(String::as_str)),
        ("o CNPJ zzz", Some("comum:base"))
    );
    let code = |source: &str| load(source, &files).diagnostics.first().map(|problem| problem.code);
    assert_eq!(code("IMPORTAR \"eu.rules\"\n"), Some(Code::ImportCycle));
    assert_eq!(code("IMPORTAR \"nada.rules\"\n"), Some(Code::ImportMissing));
}

#[test]
fn a_streamed_answer_is_the_same_text_as_an_unstreamed_one() {
    let source = r#"DOMÍNIO: x
NORMALIZAR TERMOS:
"Av" corrigir para: "Avenida"
"s. a" corrigir para: "S/A"
REGRAS DE VALIDAÇÃO:
QUANDO usuário pergunta "prazo"
  E resposta NÃO menciona "45 dias"
  E contexto menciona "aditivo"
ENTÃO corrigir para: O prazo é de 45 dias.
QUANDO sempre
  E resposta menciona "fim"
ENTÃO acrescentar: Acabou.
"#;
    let loaded = load(source, &NoImports);
    let passages = [Passage { page: Some(1), text: "o aditivo" }];
    let text = "Na Av Paulista, s. a. Há 45 dias de prazo! Depois, muita conversa sobre o resto do contrato. E mais uma frase longa para o fim. Fim";
    for question in ["Qual o prazo?", "Onde fica?"] {
        for step in [1, 7, 1000] {
            let input = Input { question, answer: text, passages: &passages, ..Input::default() };
            let whole = loaded.program.apply(&input);
            let mut stream = Stream::new(&loaded.program, &input);
            let (mut shown, mut early) = (String::new(), 0);
            let characters: Vec<char> = text.chars().collect();
            for piece in characters.chunks(step) {
                shown.push_str(&stream.push(&piece.iter().collect::<String>()));
                early = early.max(shown.len());
            }
            let (rest, outcome) = stream.finish();
            shown.push_str(&rest);
            assert_eq!(shown, whole.answer);
            assert_eq!(outcome, whole);
            // Once `45 dias` was said, nothing holds the sentences back any more.
            assert!(step == 1000 || early > 20, "{question}: {early}");
        }
    }
}

#[test]
fn what_people_naturally_write_is_understood() {
    passes(
        r#"DOMÍNIO: Natural
Observações livres sobre este arquivo podem ficar aqui.
REGRAS DE VALIDAÇÃO:
REGRA "prazo"
QUANDO usuário perguntar sobre "prazo"
  E resposta menciona "30 dias".
  OU resposta menciona "trinta dias"
  E resposta tem data é posterior a 01/01/2020
ENTÃO sinalizar: confira
TESTE "prazo"
  pergunta: Qual o prazo?
  resposta: Trinta dias desde 02/03/2024.
  espera regra: prazo
  espera veredicto: contradita
"#,
    );
}

#[test]
fn what_looks_like_an_item_is_never_taken_for_a_remark_on_the_domain() {
    assert_eq!(codes("DOMÍNIO: D\nFATOS:\n"), ["D0003"]);
    assert_eq!(codes("DOMÍNIO: D\n\"a\" corrigir para: \"b\"\n"), ["D0001"]);
    assert_eq!(codes("DOMÍNIO: D\n- \"padrão\"\n"), ["D0001"]);
    assert_eq!(codes("DOMÍNIO: D\nA licença X tem criticidade ALTO.\n"), ["D0001"]);
    assert_eq!(codes("DOMÍNIO: D\nTexto livre: escrito por Ana, para todos.\n"), [""; 0]);
}
