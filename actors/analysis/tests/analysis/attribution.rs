//! What stands beside a thing, a person or a number and is not said of it: a reading that takes it invents a value.

use serde_json::{Value, json};

use crate::wordings::{deed, heirs, minutes, shares};

const TWO: &str = "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nMEEIRA\n\nHelga Brandt, viúva, CPF 529.982.247-25.\n\n\
    HERDEIROS\n\na) Ivo Brandt, filho, CPF 111.444.777-35;\nb) Ana Brandt Klein, filha, CPF 390.533.447-05.\n\n\
    BENS\n\n1) Apartamento 31 do Edifício Jade, em Jaú, no valor de R$ 600,00;\n\
    2) Box de garagem 7, em Jaú, no valor de R$ 60,00;\n\
    3) Lote 9 em Bocaina, no valor de R$ 300,00;\n\
    4) CDB nº 443322-1 do Banco BTG Pactual S.A., no valor de R$ 1.000,00.\n\nPARTILHA\n\n";

fn said(partition: &str) -> Vec<Vec<(String, Value, Value)>> {
    shares(&format!("{TWO}{partition}\n"))
}

fn names(found: &[Vec<(String, Value, Value)>]) -> Vec<Vec<&str>> {
    found.iter().map(|parts| parts.iter().map(|(name, ..)| name.as_str()).collect()).collect()
}

#[test]
fn a_thing_that_another_is_tied_to_is_not_given_with_it() {
    let found = said("O box de garagem 7, vinculado ao apartamento 31, caberá a Ivo Brandt.");
    assert_eq!(names(&found), [["Ivo Brandt"]]);
    let found = said(
        "O lote 9, comprado com o produto do CDB nº 443322-1, caberá a Ana Brandt Klein 50% e a Ivo Brandt 50%.",
    );
    assert_eq!(names(&found), [["Ana Brandt Klein", "Ivo Brandt"]]);
}

#[test]
fn things_that_are_named_together_are_given_together() {
    let found =
        said("O apartamento 31 e o box de garagem 7 caberão a Ivo Brandt, 50%, e a Ana Brandt Klein, 50%.");
    assert_eq!(names(&found), [["Ivo Brandt", "Ana Brandt Klein"], ["Ivo Brandt", "Ana Brandt Klein"]]);
}

#[test]
fn each_list_of_things_in_a_sentence_has_its_own_persons() {
    let found =
        said("À viúva Helga Brandt caberá a metade dos bens 1 e 3, e a Ivo Brandt a metade dos bens 2 e 4.");
    assert_eq!(names(&found), [["Helga Brandt"], ["Ivo Brandt"], ["Helga Brandt"], ["Ivo Brandt"]]);
}

#[test]
fn who_shares_a_thing_with_others_has_not_all_of_it() {
    for partition in [
        "O lote 9 fica para Ivo Brandt e sua irmã.",
        "O lote 9 fica para Ivo Brandt e ao espólio de João Brandt.",
        "O lote 9 fica para Ivo Brandt em comum com os sobrinhos.",
    ] {
        let found = said(partition);
        assert!(found.iter().flatten().all(|(_, share, _)| share != &json!(100)), "{partition} {found:?}");
    }
    assert_eq!(
        said("O lote 9 fica para Ivo Brandt."),
        [vec![("Ivo Brandt".to_owned(), json!(100), Value::Null)]]
    );
}

#[test]
fn instalments_are_no_quantity() {
    let result = minutes(
        "ATA DE ASSEMBLEIA\n\nDELIBERAÇÕES\n\n(i) Laudo de avaliação: aprovada por 80% dos votos a contratação por R$ \
         120.000,00, em 12 parcelas de R$ 10.000,00.\n",
    );
    let one = &result["informacoes_complementares"]["deliberacoes"][0];
    assert_eq!((&one["resultado"], &one["quantidade"]), (&json!("aprovada"), &Value::Null), "{one}");
}

#[test]
fn what_the_dead_had_none_of_makes_nobody_a_child() {
    let heir = "HERDEIRA\n\na) Rita Moura Lage, solteira, CPF 111.444.777-35.\n\n";
    let kinship =
        |text: &str| heirs(&format!("ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\n{heir}{text}\n"));
    for text in [
        "Não havendo filhos do falecido, é chamada a acima qualificada.",
        "Foram ouvidos os irmãos do falecido, que nada requerem.",
    ] {
        let found = kinship(text);
        assert!(found.iter().all(|(_, kinship, _)| kinship == "-"), "{text} {found:?}");
        assert_eq!(found.len(), 1, "{text}");
    }
}

#[test]
fn the_total_of_what_another_list_has_is_not_the_gross_estate() {
    let result = deed(
        "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nBENS\n\nAplicações no BTG Pactual:\n\n\
         Descrição                 Número         Valor\n\
         CDB                       443322-1       150.000,00\n\
         LCI                       443323-0       50.000,00\n\
         Total                                    200.000,00\n\n\
         Imóvel: Lote 9 em Bocaina, matrícula 2.345, avaliado em R$ 300.000,00.\n",
    );
    assert_eq!(result["clausula_c_bens_btg"]["bens"][0]["valor"], json!(150_000), "{result}");
    assert_ne!(result["informacoes_gerais"]["acervo_bruto"], json!(200_000), "{result}");
}
