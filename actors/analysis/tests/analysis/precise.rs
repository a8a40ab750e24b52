//! What must not be said: attributes that are no outcomes, sums that are no assets, others' tables; and what of the same
//! documents must be. Each in two wordings that stand in no other document here.

use enabler_analysis::{analyze, shipped};
use serde_json::{Value, json};

use super::paper::pages;
use super::texts::sound;

fn read(profile: &str, text: &str) -> Value {
    let pages = pages(text);
    let analysis = analyze(&pages, shipped().named(profile).unwrap());
    sound(&analysis, &pages);
    analysis.result
}

fn column(list: &Value, key: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|one| one[key].clone()).collect()
}

fn items(text: &str) -> Vec<Value> {
    column(&read("meeting_minutes", text)["informacoes_complementares"]["deliberacoes"], "item")
}

fn assets(text: &str) -> Vec<Value> {
    column(&read("meeting_minutes", text)["clausula_a_ativos"]["ativos"], "nome")
}

fn estate(text: &str) -> Value {
    read("inventory", &format!("ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\n{text}"))
}

#[test]
fn what_was_approved_before_is_no_resolution() {
    assert_eq!(
        items(
            "DELIBERAÇÕES\n\n1. Troca do auditor: aprovada por unanimidade.\n\n\
             As aplicações aprovadas no item 1 somam R$ 10.000,00.\n"
        ),
        [json!("Troca do auditor")]
    );
    assert_eq!(
        items(
            "DELIBERAÇÕES\n\n(a) Nova sede: rejeitada por 60% dos votos.\n\n\
             O pagamento será feito em maio, observado o prazo aprovado.\n\
             As mudanças valem desde já, ficando o gestor autorizado a registrá-las.\n"
        ),
        [json!("Nova sede")]
    );
}

#[test]
fn an_agenda_counted_in_words_names_its_items() {
    let agenda =
        "ORDEM DO DIA\n\nPrimeiro, exame das contas; segundo, troca do custodiante; e terceiro, fusão.\n\n";
    assert_eq!(
        items(&format!(
            "{agenda}DELIBERAÇÕES\n\nQuanto ao segundo item, pediu a palavra o cotista Ivo Sá. Foi aprovado por 70% dos votos.\n"
        )),
        [json!("troca do custodiante")]
    );
    assert_eq!(
        items(&format!(
            "{agenda}DELIBERAÇÕES\n\nSobre o terceiro item, o gestor esclareceu os custos. Rejeitado por unanimidade.\n"
        )),
        [json!("fusão")]
    );
}

const TABLE: &str = "CARTEIRA\n\n\
    Ativo                 Quantidade     PU (R$)      Valor (R$)\n\
    Ações\n\
    PETR4                 100            36,00        3.600,00\n\
    VALE3                 10             60,00        600,00\n\
    Subtotal                                          4.200,00\n\
    Fundos\n\
    HGLG11                2              150,00       300,00\n\
    Total                                             4.500,00\n\n";

#[test]
fn a_portfolio_in_a_table_is_whole() {
    let all = [json!("PETR4"), json!("VALE3"), json!("HGLG11")];
    assert_eq!(
        assets(&format!(
            "{TABLE}DELIBERAÇÕES\n\n1. Compra de 50 debêntures da Usina Solar S.A., ao preço unitário de R$ 10,00: aprovada.\n"
        )),
        all
    );
    assert_eq!(
        assets(&format!(
            "{TABLE}OUTROS\n\nA carteira de ações do Fundo em 30 de junho de 2025 valia R$ 4.500,00 no total.\n"
        )),
        all
    );
    let total = &read("meeting_minutes", TABLE)["clausula_b_quantidades"]["valor_total"];
    assert_eq!(*total, json!(4500));
}

#[test]
fn a_broker_lists_in_its_name_what_it_trades_in() {
    for name in [
        "Aroeira Corretora de Títulos, Valores Mobiliários e Câmbio S.A.",
        "Ipê Distribuidora de Câmbio, Títulos e Valores Mobiliários Ltda.",
    ] {
        let result =
            read("meeting_minutes", &format!("O Fundo é administrado por {name}, com sede em Recife.\n"));
        let found = result["informacoes_gerais"]["administrador"].as_str().unwrap_or("-");
        assert_eq!(found.trim_end_matches('.'), name.trim_end_matches('.'));
    }
}

#[test]
fn a_sum_of_assets_is_none() {
    let names =
        |text: &str| column(&estate(&format!("BENS\n\n{text}"))["clausula_c_bens_btg"]["bens"], "numero");
    assert_eq!(
        names(
            "a) CDB nº 998877-1 do Banco BTG Pactual S.A., no valor de R$ 1.000,00.\n\n\
             As aplicações mantidas nas empresas do grupo BTG Pactual (itens 1 a 3) perfazem R$ 1.000,00.\n"
        ),
        [json!("998877-1")]
    );
    assert_eq!(
        names(
            "Item     Bem                                      Valor (R$)\n\
             1.1      CDB nº 998877-1, Banco BTG Pactual       1.000,00\n\
             1.2      LCA nº 556677-8, Banco BTG Pactual       2.000,00\n\
             \x20        Subtotal - aplicações no BTG            3.000,00\n"
        ),
        [json!("998877-1"), json!("556677-8")]
    );
}

const GOODS: &str = "HERDEIROS\n\na) Rui Lobo Reis, filho, CPF 529.982.247-25;\nb) Eva Lobo Reis, filha, CPF 111.444.777-35.\n\n\
    BENS\n\n2.1) casa em Itu, no valor de R$ 90.000,00;\n\
    2.2) CDB nº 998877-1 do Banco BTG Pactual S.A. Valor atual: R$ 1.000,00;\n\
    2.3) LCA nº 556677-8 do Banco BTG Pactual S.A. Saldo na data: R$ 3.000,00.\n\n";

/// Who gets what percentage and amount of each asset.
fn parts(text: &str) -> Vec<Vec<(Value, Value, Value)>> {
    let result = estate(&format!("{GOODS}PARTILHA\n\n{text}"));
    assert_eq!(column(&result["clausula_c_bens_btg"]["bens"], "valor"), [json!(1000), json!(3000)]);
    let all = result["clausula_d_divisao"]["divisoes"].as_array().unwrap().clone();
    let part = |part: &Value| (part["herdeiro"].clone(), part["percentual"].clone(), part["valor"].clone());
    all.iter().map(|one| one["divisoes"].as_array().unwrap().iter().map(part).collect()).collect()
}

#[test]
fn each_heir_may_have_a_table() {
    let (rui, eva) = (json!("Rui Lobo Reis"), json!("Eva Lobo Reis"));
    let expected = vec![
        vec![(rui.clone(), json!(40), json!(200_000)), (eva.clone(), json!(60), json!(300_000))],
        vec![(rui.clone(), json!(40), json!(400)), (eva.clone(), json!(60), json!(600))],
        vec![(rui, json!(40), json!(1200)), (eva, json!(60), json!(1800))],
    ];
    let table = |share: u32| {
        format!(
            "Bem                       Parte ideal     Valor (R$)\n\
             Casa, item 2.1            {share}%             {}0.000,00\n\
             CDB nº 998877-1           {share}%             {}0,00\n\
             LCA, item 2.3             {share}%             {}0,00\n\n",
            share / 2,
            share,
            share * 3
        )
    };
    let text =
        format!("Quinhão de Rui Lobo Reis:\n\n{}Quinhão de Eva Lobo Reis:\n\n{}", table(40), table(60));
    assert_eq!(parts(&text), expected);
}

#[test]
fn people_may_be_labels_and_assets_marks() {
    let (rui, eva) = (json!("Rui Lobo Reis"), json!("Eva Lobo Reis"));
    let expected = vec![
        vec![(rui.clone(), json!(40), json!(36_000)), (eva.clone(), json!(60), json!(54_000))],
        vec![(rui.clone(), json!(40), json!(400)), (eva.clone(), json!(60), json!(600))],
        vec![(rui, json!(40), json!(1200)), (eva, json!(60), json!(1800))],
    ];
    for (rui, eva) in [("H1", "H2"), ("F-1", "F-2")] {
        let text = format!(
            "Conforme o quadro, para Rui Lobo Reis ({rui}) e Eva Lobo Reis ({eva}), em reais.\n\n\
             It.     Bem              Valor           {rui} 40%          {eva} 60%\n\
             2.1     Casa             90.000,00       36.000,00       54.000,00\n\
             2.2     Aplicação        1.000,00        400,00          600,00\n\
             2.3     Letra            3.000,00        1.200,00        1.800,00\n"
        );
        assert_eq!(parts(&text), expected, "{rui}");
    }
}

#[test]
fn a_part_said_before_a_list_of_names_is_of_all_of_them() {
    let shares = |text: &str| -> Vec<Vec<(Value, Value)>> {
        let result = estate(&format!("{GOODS}PARTILHA\n\n{text}"));
        let all = result["clausula_d_divisao"]["divisoes"].as_array().unwrap().clone();
        let part = |part: &Value| (part["fracao"].clone(), part["valor"].clone());
        all.iter().map(|one| one["divisoes"].as_array().unwrap().iter().map(part).collect()).collect()
    };
    assert_eq!(
        shares(
            "O CDB nº 998877-1 caberá na razão de 1/2 a cada um dos herdeiros Rui Lobo Reis e Eva Lobo Reis, no valor de R$ 500,00 para cada um.\n"
        ),
        [vec![(json!("1/2"), json!(500)); 2]]
    );
    assert_eq!(
        shares(
            "A LCA nº 556677-8 tocará, na fração de 1/2, a Rui Lobo Reis e Eva Lobo Reis, R$ 1.500,00 a cada qual.\n"
        ),
        [vec![(json!("1/2"), json!(1500)); 2]]
    );
}

#[test]
fn the_dead_is_not_the_child_named_after() {
    for text in [
        "Compareceram, como herdeiros, filhos do autor da herança: Rui Lobo Reis, CPF 529.982.247-25. Em 2 de maio de 2025 faleceu Caio Prado Reis.\n",
        "Compareceu a viúva do falecido: Eva Lobo Reis, CPF 111.444.777-35. No dia 2 de maio de 2025 morreu o Sr. Caio Prado Reis.\n",
    ] {
        assert_eq!(estate(text)["informacoes_gerais"]["falecido"], json!("Caio Prado Reis"), "{text}");
    }
}

#[test]
fn the_net_may_be_said_of_the_gross() {
    for (text, net) in [
        ("O total dos bens importa em R$ 500,00, valor bruto que é também o líquido.\n", 500),
        ("O monte-mor bruto é de R$ 800,00 (oitocentos reais) e o líquido, de R$ 700,00.\n", 700),
    ] {
        assert_eq!(estate(text)["informacoes_gerais"]["acervo_liquido"], json!(net), "{text}");
    }
}

#[test]
fn a_manager_is_no_administrator() {
    let roles = |text: &str| {
        let general = read("meeting_minutes", text)["informacoes_gerais"].clone();
        (general["administrador"].clone(), general["gestor"].clone())
    };
    assert_eq!(
        roles(
            "Presentes os representantes da Administradora e da gestora, Ipê Gestão de Recursos Ltda., e os cotistas.\n"
        ),
        (Value::Null, json!("Ipê Gestão de Recursos Ltda."))
    );
    assert_eq!(
        roles(
            "Ordem do dia: substituição da gestora pela Cedro Gestão de Recursos Ltda. e assuntos gerais.\n"
        ),
        (Value::Null, Value::Null),
        "who is proposed is not who is"
    );
}

#[test]
fn dates_and_books_of_other_papers_are_not_the_deeds() {
    let general = |text: &str, key: &str| estate(text)["informacoes_gerais"][key].clone();
    assert_eq!(
        general(
            "Foi apresentada a certidão de óbito de Caio Reis Lobo, expedida em 2 de maio de 2025.\n",
            "data_obito"
        ),
        Value::Null
    );
    let paper = "A herdeira é representada por procuração lavrada no 2º Tabelionato de Notas, livro 45, fls. 12/13.\n";
    assert_eq!((general(paper, "livro"), general(paper, "folhas")), (Value::Null, Value::Null));
    assert_eq!(
        general(
            "BENS\n\na) CDB nº 998877-1 do Banco BTG Pactual S.A., no valor bruto de R$ 500,00.\n",
            "acervo_bruto"
        ),
        Value::Null
    );
}

#[test]
fn the_number_of_a_bank_is_not_that_of_an_asset() {
    let result = estate(
        "BENS\n\na) saldo mantido no Banco BTG Pactual S.A., CNPJ nº 30.306.294/0001-45, no valor de R$ 1.000,00.\n",
    );
    assert_eq!(column(&result["clausula_c_bens_btg"]["bens"], "numero"), [Value::Null]);
}

#[test]
fn who_has_no_half_of_the_estate_is_no_owner_of_one() {
    let spouse = |text: &str| estate(text)["meeira"].clone();
    let text = "Comparece a viúva Eva Lobo Reis, CPF 111.444.777-35, na qualidade de cônjuge supérstite.";
    assert_eq!(spouse(&format!("{text}\n"))["nome"], json!("Eva Lobo Reis"));
    assert_eq!(spouse(&format!("{text} Não há meação, por serem os bens particulares.\n")), Value::Null);
}

#[test]
fn a_rate_and_a_car_are_no_parts_of_an_heir() {
    assert_eq!(
        parts(
            "Ao herdeiro Rui Lobo Reis, em pagamento de seu quinhão, caberão: a) 1/2 do veículo Fiat Palio Fire, \
             no valor de R$ 9.000,00; b) 1/2 do CDB nº 998877-1, no valor de R$ 500,00; somando R$ 9.500,00. \
             À herdeira Eva Lobo Reis, em pagamento de seu quinhão, caberão: a) 1/2 do veículo Fiat Palio Fire, no \
             valor de R$ 9.000,00; b) 1/2 do CDB nº 998877-1, no valor de R$ 500,00; somando R$ 9.500,00. O imposto \
             foi pago à alíquota de 4%.\n"
        ),
        [vec![
            (json!("Rui Lobo Reis"), json!(50), json!(500)),
            (json!("Eva Lobo Reis"), json!(50), json!(500))
        ]]
    );
}

#[test]
fn what_an_item_lists_is_no_item() {
    for (lead, name) in [
        (
            "(ii) Compra de títulos: foi aprovada por 80% dos votos. Fica autorizada a compra dos seguintes papéis:",
            "Compra de títulos",
        ),
        (
            "2) Venda do galpão: aprovada por unanimidade. O preço será pago nas parcelas seguintes:",
            "Venda do galpão",
        ),
    ] {
        let text = format!(
            "DELIBERAÇÕES\n\n{lead}\n\n(a) 20.000 (vinte mil) títulos da Usina Solar S.A.; e\n\n(b) 300 cotas do Fundo Norte.\n"
        );
        assert_eq!(items(&text), [json!(name)], "{lead}");
    }
}
