//! Each way of saying something that the profiles know, in wordings that stand in no other document here.

use enabler_analysis::{Analysis, analyze, shipped};
use serde_json::{Value, json};

use super::paper::pages;
use super::texts::sound;

fn read(profile: &str, text: &str) -> Analysis {
    let pages = pages(text);
    let analysis = analyze(&pages, shipped().named(profile).unwrap());
    sound(&analysis, &pages);
    analysis
}

pub(crate) fn deed(text: &str) -> Value {
    read("inventory", text).result
}

pub(crate) fn minutes(text: &str) -> Value {
    read("meeting_minutes", text).result
}

/// The resolutions: what each is about, its outcome, and the votes for it.
fn resolutions(text: &str) -> Vec<[String; 3]> {
    let result = minutes(text);
    let all = result["informacoes_complementares"]["deliberacoes"].as_array().unwrap().clone();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    all.iter().map(|one| [word(&one["item"]), word(&one["resultado"]), word(&one["votos"])]).collect()
}

/// The heirs: name, kinship, and whether under age.
pub(crate) fn heirs(text: &str) -> Vec<(String, String, bool)> {
    let result = deed(text);
    let all = result["clausula_a_herdeiros"]["herdeiros"].as_array().unwrap().clone();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    all.iter()
        .map(|one| (word(&one["nome"]), word(&one["parentesco"]), one["menor"] == json!(true)))
        .collect()
}

/// Who gets what of each asset: name, percentage or fraction, and amount.
pub(crate) fn shares(text: &str) -> Vec<Vec<(String, Value, Value)>> {
    let result = deed(text);
    let all = result["clausula_d_divisao"]["divisoes"].as_array().unwrap().clone();
    let part = |part: &Value| {
        let share = if part["fracao"].is_null() { &part["percentual"] } else { &part["fracao"] };
        (part["herdeiro"].as_str().unwrap_or("-").to_owned(), share.clone(), part["valor"].clone())
    };
    all.iter().map(|one| one["divisoes"].as_array().unwrap().iter().map(part).collect()).collect()
}

fn rows(expected: &[[&str; 3]]) -> Vec<[String; 3]> {
    expected.iter().map(|row| row.map(str::to_owned)).collect()
}

#[test]
fn an_outcome_may_follow_in_a_sentence_of_its_own() {
    assert_eq!(
        resolutions(
            "DECISÕES\n\nI – Mudança do escriturador das cotas. Rejeitada, tendo recebido 12,5% de votos a favor.\n\
             II – Abertura de filial em Natal. Não houve quórum, e o tema volta à pauta da próxima reunião.\n"
        ),
        rows(&[
            ["Mudança do escriturador das cotas", "rejeitada", "12,5%"],
            ["Abertura de filial em Natal", "sem quórum", "-"],
        ])
    );
    assert_eq!(
        resolutions(
            "Resultado da votação\n\nSegunda matéria: troca do auditor. Submetida a votos, foi aprovada por unanimidade.\n\
             Terceira matéria: venda do silo. Sobrestada a pedido da gestora.\n"
        ),
        rows(&[["troca do auditor", "aprovada", "unanimidade"], ["venda do silo", "sobrestada", "-"]])
    );
}

#[test]
fn items_of_a_list_may_have_bullets() {
    assert_eq!(
        resolutions(
            "VOTAÇÃO\n\n• Prorrogação do prazo do fundo — aprovada; 66,1% a favor, 30% contra.\n\
             • Redução do capital — recusada; 10% a favor, 88% contra.\n"
        ),
        rows(&[
            ["Prorrogação do prazo do fundo", "aprovada", "66,1%"],
            ["Redução do capital", "rejeitada", "88%"]
        ])
    );
    assert_eq!(
        resolutions(
            "DELIBERAÇÕES\n\n- Compra do terreno vizinho: retirada de pauta.\n- Seguro predial: aprovada por 90% dos votos.\n"
        ),
        rows(&[
            ["Compra do terreno vizinho", "retirada de pauta", "-"],
            ["Seguro predial", "aprovada", "90%"]
        ])
    );
}

#[test]
fn one_sentence_may_tell_the_outcome_of_many_items() {
    let agenda =
        "ORDEM DO DIA\n\n(a) contas do exercício;\n(b) escolha do auditor;\n(c) novo regulamento.\n\n";
    assert_eq!(
        resolutions(&format!("{agenda}DELIBERAÇÕES\n\nTodas as matérias foram aprovadas por unanimidade.\n")),
        rows(&[
            ["contas do exercício", "aprovada", "unanimidade"],
            ["escolha do auditor", "aprovada", "unanimidade"],
            ["novo regulamento", "aprovada", "unanimidade"],
        ])
    );
    assert_eq!(
        resolutions(&format!(
            "{agenda}DELIBERAÇÕES\n\nOs itens (a) e (c) foram aprovados por 71,3% dos votos.\nItem (b): rejeitado.\n"
        )),
        rows(&[
            ["contas do exercício", "aprovada", "71,3%"],
            ["novo regulamento", "aprovada", "71,3%"],
            ["escolha do auditor", "rejeitada", "-"],
        ])
    );
}

#[test]
fn what_only_confirms_is_no_resolution() {
    assert_eq!(
        resolutions(
            "DELIBERAÇÕES\n\n1. Aprovada, por unanimidade, a cisão da classe.\n\n\
             DISPOSIÇÕES FINAIS\n\nFicam ratificadas as demais cláusulas da escritura.\n"
        ),
        rows(&[["cisão da classe", "aprovada", "unanimidade"]])
    );
    assert_eq!(
        resolutions("ENCERRAMENTO\n\nLida e achada conforme, a ata foi aprovada e assinada.\n"),
        rows(&[])
    );
}

#[test]
fn the_mesa_is_named_by_many_words() {
    let mesa = |text: &str| {
        let general = &minutes(text)["informacoes_gerais"];
        [general["presidente"].clone(), general["secretario"].clone()]
    };
    assert_eq!(
        mesa(
            "Foi escolhida para presidir os trabalhos Dalila Veras Moura, que chamou Ivo Prates Lima para secretariar."
        ),
        [json!("Dalila Veras Moura"), json!("Ivo Prates Lima")]
    );
    assert_eq!(
        mesa(
            "O Sr. Otto Braga Reis foi aclamado presidente da assembleia e Noemi Alves Dutra atuou como secretária."
        ),
        [json!("Otto Braga Reis"), json!("Noemi Alves Dutra")]
    );
}

#[test]
fn quantities_are_counted_in_words_too() {
    let quantity =
        |text: &str| minutes(text)["clausula_b_quantidades"]["detalhamento"][0]["quantidade"].clone();
    let opening = "CARTEIRA\n\na) ";
    assert_eq!(
        quantity(&format!(
            "{opening}20 mil debêntures da Rio Manso Energia S.A. (RMEN14), no valor de R$ 20.400.000,00.\n"
        )),
        json!(20_000)
    );
    assert_eq!(
        quantity(&format!(
            "{opening}duas mil e trezentas ações da Lajeado S.A. (LJDO3), no total de R$ 46.000,00.\n"
        )),
        json!(2_300)
    );
}

#[test]
fn heirs_are_known_by_the_words_before_them() {
    assert_eq!(
        heirs(
            "Compareceram a viúva meeira, Olga Prado Reis, CPF 390.533.447-05, e seus filhos Caio Prado Reis, brasileiro, \
             CPF 111.444.777-35, e Lia Prado Reis, brasileira, CPF 529.982.247-25, e o advogado Rui Sá Braga, OAB/SP 1.234."
        ),
        [
            ("Caio Prado Reis".to_owned(), "filho".to_owned(), false),
            ("Lia Prado Reis".to_owned(), "filha".to_owned(), false)
        ]
    );
    assert_eq!(
        heirs(
            "Comparecem, de uma parte, o cônjuge supérstite Davi Luz Melo, CPF 390.533.447-05, e, de outra, as irmãs de \
             quem faleceu: Ana Luz Costa, CPF 111.444.777-35, e Eva Luz Costa, CPF 529.982.247-25, e a testemunha Ivo Reis Sá, \
             CPF 123.456.789-09."
        ),
        [
            ("Ana Luz Costa".to_owned(), "irmã".to_owned(), false),
            ("Eva Luz Costa".to_owned(), "irmã".to_owned(), false)
        ]
    );
}

#[test]
fn who_is_under_age_follows_from_the_birth() {
    let text = |born: &str| {
        format!(
            "ESCRITURA\n\nLavratura: 10/02/2025\n\nHERDEIROS\n\na) Téo Alves Lima, filho, {born}, CPF 111.444.777-35;\n"
        )
    };
    assert_eq!(
        heirs(&text("nascido em 03/05/2010")),
        [("Téo Alves Lima".to_owned(), "filho".to_owned(), true)]
    );
    assert_eq!(
        heirs(&text("data de nascimento 03/05/2006")),
        [("Téo Alves Lima".to_owned(), "filho".to_owned(), false)]
    );
    assert_eq!(
        heirs(&text("com onze anos de idade")),
        [("Téo Alves Lima".to_owned(), "filho".to_owned(), true)]
    );
}

#[test]
fn one_who_renounces_does_not_inherit() {
    for words in ["renunciante", "que renuncia à herança"] {
        assert_eq!(
            heirs(&format!(
                "HERDEIROS\n\na) Téo Alves Lima, filho, CPF 111.444.777-35;\nb) Ivo Alves Lima, filho, CPF 529.982.247-25, {words}.\n"
            )),
            [("Téo Alves Lima".to_owned(), "filho".to_owned(), false)]
        );
    }
}

#[test]
fn the_administrator_may_be_named_by_what_one_is() {
    let administrator = |text: &str| deed(text)["clausula_b_inventariante"]["nome"].clone();
    assert_eq!(
        administrator(
            "Compareceu a viúva meeira, Olga Prado Reis, CPF 390.533.447-05. Para o cargo de inventariante foi indicada a \
             própria viúva."
        ),
        json!("Olga Prado Reis")
    );
    assert_eq!(
        administrator(
            "HERDEIRA\n\nLia Prado Reis, filha, CPF 529.982.247-25.\n\nA única herdeira exercerá o encargo de inventariante.\n"
        ),
        json!("Lia Prado Reis")
    );
}

#[test]
fn the_day_of_death_may_stand_before_the_name() {
    let day = |text: &str| deed(text)["informacoes_gerais"]["data_obito"].clone();
    assert_eq!(
        day("Disseram que, em 7 de maio de 2023, faleceu Rui Prado Reis, sem testamento."),
        json!("07/05/2023")
    );
    assert_eq!(
        day(
            "AUTOR DA HERANÇA\n\nRui Prado Reis, filho de Ana Reis Sá, esta falecida em 01/02/1990.\nO falecimento verificou-se em 07/05/2023.\n"
        ),
        json!("07/05/2023")
    );
}

const ESTATE: &str = "ESCRITURA PÚBLICA DE INVENTÁRIO\n\nHERDEIROS\n\na) Caio Prado Reis, filho, CPF 111.444.777-35;\n\
    b) Lia Prado Reis, filha, CPF 529.982.247-25.\n\nBENS\n\n1) CDB nº 998877-1 do Banco BTG Pactual S.A., no valor de R$ 1.000,00;\n\
    2) conta corrente nº 4455-6 do Banco BTG Pactual S.A., no valor de R$ 300,00;\n3) casa na Rua do Sol, R$ 500,00.\n\n";

#[test]
fn a_table_may_have_a_column_for_each_heir() {
    assert_eq!(
        shares(&format!(
            "{ESTATE}PARTILHA\n\nBem                 Caio          Lia\nCDB 998877-1        60%           40%\n\
             Conta 4455-6        30,00         270,00\n"
        )),
        [
            vec![
                ("Caio Prado Reis".to_owned(), json!(60), Value::Null),
                ("Lia Prado Reis".to_owned(), json!(40), Value::Null)
            ],
            vec![
                ("Caio Prado Reis".to_owned(), Value::Null, json!(30)),
                ("Lia Prado Reis".to_owned(), Value::Null, json!(270))
            ],
        ]
    );
    assert_eq!(
        shares(&format!(
            "{ESTATE}PARTILHA\n\nHerdeiro                CDB          Conta corrente\nCaio Prado Reis         1/4          100%\n\
             Lia Prado Reis          3/4          -\n"
        )),
        [
            vec![
                ("Caio Prado Reis".to_owned(), json!("1/4"), Value::Null),
                ("Lia Prado Reis".to_owned(), json!("3/4"), Value::Null)
            ],
            vec![("Caio Prado Reis".to_owned(), json!(100), Value::Null)],
        ]
    );
}

#[test]
fn assets_are_called_by_their_marks() {
    assert_eq!(
        shares(&format!(
            "{ESTATE}PARTILHA\n\nItens 1 e 2: metade para Caio Prado Reis e metade para Lia Prado Reis.\n"
        )),
        vec![
            vec![
                ("Caio Prado Reis".to_owned(), json!("1/2"), Value::Null),
                ("Lia Prado Reis".to_owned(), json!("1/2"), Value::Null)
            ];
            2
        ]
    );
    assert_eq!(
        shares(&format!(
            "{ESTATE}PARTILHA\n\nItem 3: 100% para Lia Prado Reis. Item 2: 100% para Caio Prado Reis.\n"
        )),
        ["Caio Prado Reis", "Lia Prado Reis"].map(|name| vec![(name.to_owned(), json!(100), Value::Null)])
    );
}

#[test]
fn an_asset_may_refer_to_the_bank_of_the_one_before() {
    let numbers = |text: &str| -> Vec<Value> {
        let result = deed(&format!("ESCRITURA PÚBLICA DE INVENTÁRIO\n\nBENS\n\n{text}"));
        let all = result["clausula_c_bens_btg"]["bens"].as_array().unwrap().clone();
        all.iter().map(|one| one["numero"].clone()).collect()
    };
    assert_eq!(
        numbers(
            "a) CDB nº 998877-1 do Banco BTG Pactual S.A., no valor de R$ 1.000,00;\n\
             b) LCA nº 112233-4, da mesma instituição, no valor de R$ 200,00;\nc) terreno em Itu, R$ 10,00.\n"
        ),
        [json!("998877-1"), json!("112233-4")]
    );
    assert_eq!(
        numbers(
            "a) conta corrente nº 5566-7 do Banco Safra S.A., com saldo de R$ 1.000,00;\n\
             b) CDB nº 112233-4, do mesmo banco, no valor de R$ 200,00.\n"
        ),
        [Value::Null; 0]
    );
}

#[test]
fn each_of_the_children_is_nobody_else() {
    let estate = ESTATE
        .replace("CPF 529.982.247-25.", "CPF 529.982.247-25;\nc) Zilda Prado Sá, mãe, CPF 390.533.447-05.");
    for words in ["cada um dos filhos", "a cada filho"] {
        let found = shares(&format!("{estate}PARTILHA\n\nO CDB 998877-1 cabe na fração de 1/2 a {words}.\n"));
        let names: Vec<&str> = found.iter().flatten().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["Caio Prado Reis", "Lia Prado Reis"], "{words}");
    }
}

#[test]
fn a_cell_may_span_the_rows_of_one_asset() {
    let text = "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nHERDEIROS\n\nAna Lima Rocha, filha, CPF 529.982.247-25;\n\
        Rui Lima Rocha, filho, CPF 111.444.777-35.\n\nDOS BENS\n\n\
        Linha   Espécie   Identificação                     Valor (R$)\n\
        1       Imóvel    Casa da Rua Alta                  900,00\n\
        2       CDB       Banco BTG Pactual, título AB-1234  400,00\n\
        3       LCI       Banco BTG Pactual, título CD-5678  100,00\n\n\
        DA PARTILHA\n\n\
        Bem                A quem cabe      Fração   Percentual   Valor\n\
        \u{20}                  Ana Lima Rocha   1/4      25%          100,00\n\
        CDB (linha 2)      Rui Lima Rocha   3/4      75%          300,00\n\
        LCI (linha 3)      Rui Lima Rocha   inteiro  100%         100,00\n";
    assert_eq!(
        shares(text),
        [
            vec![
                ("Ana Lima Rocha".to_owned(), json!("1/4"), json!(100)),
                ("Rui Lima Rocha".to_owned(), json!("3/4"), json!(300))
            ],
            vec![("Rui Lima Rocha".to_owned(), json!(100), json!(100))]
        ]
    );
}

#[test]
fn who_takes_all_is_known_by_the_part_played_in_the_deed() {
    let text = "ESCRITURA PÚBLICA DE INVENTÁRIO E ADJUDICAÇÃO\n\nDA OUTORGANTE ADJUDICATÁRIA\n\n\
        ANA LIMA ROCHA, brasileira, solteira, CPF 529.982.247-25.\n\nDA FALECIDA\n\n\
        Faleceu em 2 de maio de 2024 a Sra. Rosa Lima Telles, viúva. A herança cabe à outorgante, sobrinha da falecida.\n\n\
        DO ESPÓLIO\n\nA própria outorgante exercerá a função de inventariante.\n";
    assert_eq!(heirs(text), [("Ana Lima Rocha".to_owned(), "sobrinha".to_owned(), false)]);
    assert_eq!(deed(text)["clausula_b_inventariante"]["nome"], json!("Ana Lima Rocha"));
}

#[test]
fn an_item_is_named_by_the_agenda_and_its_outcome_by_its_mark() {
    let text = "MATÉRIAS SUBMETIDAS\n\nI - contas de 2025;\n\nII - troca do auditor.\n\nVOTAÇÃO\n\n\
        Matéria I. Houve debate. Com 70,00% dos votos, ficou aprovada.\n\n\
        Matéria II. Por proposta do cotista Ivo Sá, acolhida sem oposição, a votação foi adiada.\n";
    let found: Vec<[String; 2]> =
        resolutions(text).into_iter().map(|[item, outcome, _]| [item, outcome]).collect();
    assert_eq!(found, [["contas de 2025", "aprovada"], ["troca do auditor", "adiada"]]);
}

#[test]
fn votes_may_be_counted_first_and_proclaimed_together() {
    let text = "DELIBERAÇÕES\n\na) contas do exercício: 2.480.115 votos a favor e 12.000 contra;\n\n\
        b) criação de taxa de saída: 1.004.300 votos a favor e 1.500.180 contra.\n\n\
        Em consequência, o presidente proclamou: aprovada a matéria A, por maioria; e rejeitada a matéria B.\n";
    assert_eq!(
        resolutions(text),
        rows(&[
            ["contas do exercício", "aprovada", "2.480.115 votos"],
            ["criação de taxa de saída", "rejeitada", "1.004.300 votos"]
        ])
    );
}

#[test]
fn those_who_serve_the_fund_may_be_named_by_what_they_do() {
    let found = minutes(
        "SERRA AZUL FUNDO DE INVESTIMENTO IMOBILIÁRIO\n\nReunidos na sede da Xisto DTVM Ltda., que administra o Fundo. \
         A Pedra Capital Gestora S.A., a quem cabe a gestão da carteira, compareceu.\n",
    );
    let about = &found["informacoes_gerais"];
    assert_eq!(about["administrador"], json!("Xisto DTVM Ltda."));
    assert_eq!(about["gestor"], json!("Pedra Capital Gestora S.A."));
}

#[test]
fn what_adds_up_assets_is_no_asset() {
    let found = deed(
        "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nDOS BENS\n\na) CDB nº 11-2233 do Banco BTG Pactual S.A., no valor de R$ 50,00.\n\n\
         Soma dos ativos no grupo BTG Pactual: R$ 50,00.\n",
    );
    assert_eq!(found["clausula_c_bens_btg"]["bens"].as_array().map(Vec::len), Some(1));
}

const THREE_HEIRS: &str = "ESCRITURA PÚBLICA DE INVENTÁRIO\n\nHERDEIROS\n\na) Caio Prado Reis, filho, CPF 111.444.777-35;\n\
    b) Lia Prado Reis, filha, CPF 529.982.247-25;\nc) Noé Prado Reis, filho, CPF 390.533.447-05.\n\nBENS\n\n3.1. casa na Rua do Sol, R$ 600,00;\n\
    3.2. CDB nº 998877-1 do Banco BTG Pactual S.A., no valor de R$ 900,00;\n\
    3.3. caderneta de poupança nº 5566-7 da Caixa Econômica Federal, R$ 300,00.\n\n";

#[test]
fn a_mark_in_brackets_says_again_what_was_described() {
    let one = |name: &str| {
        format!(
            "Ao herdeiro {name} caberão: a) 1/3 da casa (item 3.1), no valor de R$ 200,00; b) 1/3 do CDB nº 998877-1 \
             (item 3.2), no valor de R$ 300,00; c) 1/3 do saldo da poupança (item 3.3), no valor de R$ 100,00; somando R$ 600,00. "
        )
    };
    let all: String = ["Caio Prado Reis", "Lia Prado Reis", "Noé Prado Reis"].map(one).concat();
    let of = |value: u32| {
        let part = |name: &str| (name.to_owned(), json!("1/3"), json!(value));
        ["Caio Prado Reis", "Lia Prado Reis", "Noé Prado Reis"].map(part).to_vec()
    };
    assert_eq!(shares(&format!("{THREE_HEIRS}PARTILHA\n\n{all}\n")), [200, 300, 100].map(of));
}

#[test]
fn the_document_says_what_a_fraction_is_in_hundredths() {
    let percents = |said: &str| {
        let text = format!(
            "{THREE_HEIRS}PARTILHA\n\nO CDB nº 998877-1 caberá na proporção de 1/3 a Caio Prado Reis, 1/3 a Lia Prado Reis e \
             1/3 a Noé Prado Reis.{said}\n"
        );
        let parts = deed(&text)["clausula_d_divisao"]["divisoes"][0]["divisoes"].clone();
        parts.as_array().unwrap().iter().map(|part| part["percentual"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(percents(" A fração de 1/3 equivale a 33,3333%."), vec![json!(33.3333); 3]);
    assert_eq!(percents(""), vec![Value::Null; 3]);
}

#[test]
fn a_cell_may_say_a_part_and_below_it_what_that_is_worth() {
    assert_eq!(
        shares(&format!(
            "{ESTATE}PARTILHA\n\nBem                 Caio          Lia\n                    1/4           3/4\nCDB 998877-1\n\
             \u{20}                   250,00        750,00\n"
        )),
        [vec![
            ("Caio Prado Reis".to_owned(), json!("1/4"), json!(250)),
            ("Lia Prado Reis".to_owned(), json!("3/4"), json!(750))
        ]]
    );
}

#[test]
fn a_birth_is_no_death() {
    let day = |text: &str| deed(text)["informacoes_gerais"]["data_obito"].clone();
    assert_eq!(
        day(
            "AUTOR DA HERANÇA\n\nRui Prado Reis, nascido em Olinda, deste Estado, aos 3 de abril de 1950, filho de Ana Reis Sá, \
             faleceu nesta cidade de Recife, no dia 7 de maio de 2023.\n"
        ),
        json!("07/05/2023")
    );
    assert_eq!(
        day("AUTOR DA HERANÇA\n\nRui Prado Reis, nascido em Olinda aos 3 de abril de 1950, já faleceu.\n"),
        Value::Null
    );
}

#[test]
fn children_are_counted_where_all_of_them_are_named() {
    let text = |said: &str| {
        format!(
            "HERDEIROS\n\n1. Herdeira: Lia Prado Reis, brasileira, CPF 529.982.247-25.\n\
             2. Herdeiro: Caio Prado Reis, brasileiro, CPF 111.444.777-35.\n\nFALECIMENTO\n\n{said}\n"
        )
    };
    let kinship = |said: &str| heirs(&text(said)).into_iter().map(|one| one.1).collect::<Vec<_>>();
    assert_eq!(kinship("Deixou dois filhos, que são seus únicos herdeiros."), ["filha", "filho"]);
    assert_eq!(kinship("Deixou três filhos, que são seus únicos herdeiros."), ["-", "-"], "one is not named");
}

#[test]
fn the_child_of_others_is_no_child_of_the_dead() {
    let kinship = |text: &str| heirs(text).into_iter().map(|one| one.1).collect::<Vec<_>>();
    assert_eq!(
        kinship(
            "HERDEIROS\n\na) Lia Prado Reis, filha de Otto Prado Sá e de Eva Reis Sá, CPF 529.982.247-25.\n\n\
             SUCESSÃO\n\nSucede a irmã Lia Prado Reis, por direito próprio.\n"
        ),
        ["irmã"]
    );
}

#[test]
fn an_agenda_asks_and_tells_no_outcome() {
    assert_eq!(
        resolutions(
            "ORDEM DO DIA\n\n1. Aprovar a troca do auditor do Fundo.\n2. Aprovar a venda do galpão.\n\n\
             DELIBERAÇÕES\n\nItem 1. A troca do auditor do Fundo foi aprovada por 70% dos votos.\n"
        ),
        rows(&[["troca do auditor do Fundo", "aprovada", "70%"]])
    );
}

#[test]
fn leave_to_carry_out_what_was_resolved_is_no_resolution() {
    let leave = "Os cotistas autorizaram o Administrador a praticar todos os atos necessários à implementação do que \
                 ora se aprova.\n";
    assert_eq!(
        resolutions(&format!(
            "DELIBERAÇÕES\n\n6.1. Venda do galpão: aprovada por 70% dos votos.\n\n6.2. {leave}"
        )),
        rows(&[["Venda do galpão", "aprovada", "70%"]])
    );
}

#[test]
fn a_fund_does_not_administer_itself() {
    let administrator = |text: &str| minutes(text)["informacoes_gerais"]["administrador"].clone();
    assert_eq!(
        administrator(
            "Realizada pelo Banco Jatobá S.A., com sede em Natal, na qualidade de administrador fiduciário (\"Administrador\") do \
             AROEIRA FUNDO DE INVESTIMENTO IMOBILIÁRIO RESPONSABILIDADE LIMITADA (\"Fundo\").\n"
        ),
        json!("Banco Jatobá S.A.")
    );
    assert_eq!(
        administrator(
            "Na qualidade de administradora do AROEIRA FUNDO DE INVESTIMENTO IMOBILIÁRIO RESPONSABILIDADE LIMITADA.\n"
        ),
        Value::Null
    );
}

#[test]
fn votes_may_stand_in_two_lines_beside_each_item() {
    assert_eq!(
        resolutions(
            "DELIBERAÇÕES\n\n1. Venda do galpão: aprovada.\n2. Troca do auditor: rejeitada.\n\n\
             Matéria                  Favoráveis       Contrários\n\n\
             \u{20}                        1.200.300        90.100\nVenda do galpão\n\
             \u{20}                        93,02%           6,98%\n\n\n\
             \u{20}                        300.100          900.200\nTroca do auditor\n\
             \u{20}                        25,00%           75,00%\n"
        ),
        rows(&[["Venda do galpão", "aprovada", "93,02%"], ["Troca do auditor", "rejeitada", "25,00%"]])
    );
}

#[test]
fn a_count_and_its_share_may_have_a_column_each() {
    assert_eq!(
        resolutions(
            "DELIBERAÇÕES\n\n\
             Item     Matéria               A favor      %          Contra       %          Resultado\n\
             1        Venda do galpão       1.200.300    93,02%     90.100       6,98%      Aprovada\n\
             2        Troca do auditor      300.100      25,00%     900.200      75,00%     Rejeitada\n"
        ),
        rows(&[["Venda do galpão", "aprovada", "93,02%"], ["Troca do auditor", "rejeitada", "75,00%"]])
    );
}

#[test]
fn what_the_agenda_says_of_an_item_is_said_of_it() {
    let result = minutes(
        "ORDEM DO DIA\n\n1. Troca do auditor.\n2. Segunda emissão de cotas: 40.000 cotas, ao preço unitário de R$ 10,00, no \
         montante de R$ 400.000,00.\n\nDELIBERAÇÕES\n\nItem 1. A troca do auditor foi aprovada por 70% dos votos.\n\
         Item 2. A segunda emissão de cotas foi rejeitada por 60% dos votos.\n",
    );
    let found = &result["informacoes_complementares"]["deliberacoes"];
    assert_eq!(found[1]["quantidade"], json!(40_000));
    assert_eq!(found[1]["preco_unitario"], json!(10));
    assert_eq!(found[1]["valor_total"], json!(400_000));
    assert_eq!(found[0]["quantidade"], Value::Null);
}

#[test]
fn a_wide_cell_may_stand_below_a_head_in_its_middle() {
    let text = "ESCRITURA PÚBLICA DE INVENTÁRIO\n\nBENS\n\n\
        Item                                Descrição                              Valor\n\
        4.1     Casa na Rua do Sol, com cento e vinte metros de área e quintal     R$ 500,00\n\
        4.2     CDB nº 998877-1, emitido pelo Banco BTG Pactual S.A. em abril      R$ 1.000,00\n\
        4.3     Cotas do BTG Pactual Jade FI RF, no Banco BTG Pactual S.A.         R$ 300,00\n";
    let found = deed(text)["clausula_c_bens_btg"]["bens"].clone();
    let of = |key: &str| found.as_array().unwrap().iter().map(|one| one[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("valor"), [json!(1000), json!(300)]);
    assert_eq!(of("tipo"), [json!("CDB"), json!("Fundo de Investimento")]);
}

#[test]
fn a_part_may_stand_before_the_mark_of_its_asset() {
    let goods = "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\n\
        HERDEIROS\n\na) Iara Brito Melo, filha, CPF 529.982.247-25;\nb) Davi Brito Melo, filho, CPF 111.444.777-35.\n\n\
        BENS\n\n3.1) casa em Jaú, no valor de R$ 80.000,00;\n\
        3.2) CDB nº 443322-1 do Banco BTG Pactual S.A., no valor de R$ 2.000,00.\n\nPARTILHA\n\n";
    let of = |value: u32| {
        ["Iara Brito Melo", "Davi Brito Melo"].map(|name| (name.to_owned(), json!(50), json!(value))).to_vec()
    };
    let expected = [40_000, 1000].map(of);
    for lead in ["do título descrito no item 3.2", "do CDB do item 3.2"] {
        let text = format!(
            "{goods}7.1) HAVERÁ Iara Brito Melo, em pagamento de sua quota: a parte ideal de 50% do imóvel do item 3.1, \
             no valor de R$ 40.000,00; e 50% {lead}, no valor de R$ 1.000,00; somando R$ 41.000,00. 7.2) HAVERÁ Davi \
             Brito Melo, em pagamento de sua quota: a parte ideal de 50% do imóvel do item 3.1, no valor de R$ \
             40.000,00; e 50% {lead}, no valor de R$ 1.000,00; somando R$ 41.000,00.\n"
        );
        assert_eq!(shares(&text), expected, "{lead}");
    }
}

#[test]
fn heirs_may_be_called_by_their_first_names() {
    for text in [
        "Compareceram Iara Brito Melo, brasileira, CPF 529.982.247-25, e Davi Brito Melo, brasileiro, CPF \
         111.444.777-35. A falecida deixou dois filhos, Iara e Davi, já qualificados, seus únicos herdeiros.\n",
        "Como partes: Iara Brito Melo, brasileira, CPF 529.982.247-25; e Davi Brito Melo, brasileiro, CPF \
         111.444.777-35. São seus herdeiros legítimos os filhos maiores Iara e Davi, acima nomeados.\n",
    ] {
        let kin = |name: &str, kin: &str| (name.to_owned(), kin.to_owned(), false);
        let expected = vec![kin("Iara Brito Melo", "filha"), kin("Davi Brito Melo", "filho")];
        assert_eq!(heirs(&format!("ESCRITURA DE INVENTÁRIO\n\n{text}")), expected, "{text}");
    }
}

#[test]
fn quotas_in_a_table_may_be_of_each_asset() {
    let text = "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\n\
        HERDEIROS\n\na) Iara Brito Melo, filha, CPF 529.982.247-25;\nb) Davi Brito Melo, filho, CPF 111.444.777-35.\n\n\
        BENS\n\na) CDB nº 443322-1 do Banco BTG Pactual S.A., no valor de R$ 2.000,00.\n\nPARTILHA\n\n\
        Beneficiário         Quota-parte     Valor (R$)\n\
        Iara Brito Melo      2/5             32.800,00\n\
        Davi Brito Melo      3/5             49.200,00\n\n\
        As quotas incidem sobre cada um dos bens.\n";
    let part = |name: &str, share: &str| (name.to_owned(), json!(share), Value::Null);
    assert_eq!(shares(text), vec![vec![part("Iara Brito Melo", "2/5"), part("Davi Brito Melo", "3/5")]]);
}

#[test]
fn an_administrator_may_be_named_after_the_fund() {
    let name = "Jatobá Serviços S.A. Distribuidora de Títulos e Valores Mobiliários";
    for text in [
        format!(
            "Na qualidade de instituição administradora do LAGO AZUL FII (\"Fundo\"), a {name}, com sede em Recife, apura os votos.\n"
        ),
        format!(
            "Assembleia na sede da {name}, em Recife, na qualidade de instituição administradora do Fundo.\n"
        ),
    ] {
        assert_eq!(minutes(&text)["informacoes_gerais"]["administrador"], json!(name), "{text}");
    }
}

#[test]
fn the_dead_may_be_named_in_the_title_alone() {
    for title in [
        "ESCRITURA DE INVENTÁRIO E PARTILHA DOS BENS DEIXADOS PELO FALECIMENTO DE ALVA DIAS PRATES",
        "ESCRITURA DE INVENTÁRIO DOS BENS FICADOS POR FALECIMENTO DE ALVA DIAS PRATES",
    ] {
        let result = deed(&format!("{title}\n\nSaibam quantos esta virem que compareceram as partes.\n"));
        assert_eq!(result["informacoes_gerais"]["falecido"], json!("Alva Dias Prates"), "{title}");
    }
}

#[test]
fn what_is_said_behind_a_table_of_votes_is_of_its_items() {
    let result = minutes(
        "DELIBERAÇÕES\n\n\
         Item     Matéria                    A favor     Contra     Resultado\n\
         1        Contas de 2024             97,00%      3,00%      Aprovada\n\
         2        Segunda emissão de cotas   90,00%      10,00%     Aprovada\n\n\
         Item 2: autorizada a emissão de 40.000 cotas, a R$ 25,00 por cota, no montante de R$ 1.000.000,00.\n",
    );
    let items = &result["informacoes_complementares"]["deliberacoes"];
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert_eq!((&items[1]["quantidade"], &items[1]["preco_unitario"]), (&json!(40000), &json!(25)));
}

#[test]
fn a_price_is_known_by_what_it_makes() {
    for head in ["soared", "Cot. fech."] {
        let result = minutes(&format!(
            "CARTEIRA\n\n\
             Ativo        Quantidade   {head:12} Valor total (R$)\n\
             HGLG11       100          150,00       15.000,00\n\
             KNCR11       20           101,50       2.030,00\n\
             XPML11       10           99,00        990,00\n"
        ));
        let prices: Vec<Value> = result["clausula_b_quantidades"]["detalhamento"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["preco_unitario"].clone())
            .collect();
        assert_eq!(prices, [json!(150), json!(101.5), json!(99)], "{head}");
    }
}

#[test]
fn the_votes_of_what_was_rejected_are_those_against_it() {
    for (heads, share) in [("Contra      ", "64,00%"), ("Não aprovo  ", "51,50%")] {
        let text = format!(
            "DELIBERAÇÕES\n\n\
             Item  Matéria                 A favor     {heads}Resultado\n\
             1     Contas de 2024          97,00%      3,00%       Aprovada\n\
             2     Venda do galpão         30,00%      {share}      Rejeitada\n"
        );
        let expected =
            rows(&[["Contas de 2024", "aprovada", "97,00%"], ["Venda do galpão", "rejeitada", share]]);
        assert_eq!(resolutions(&text), expected, "{heads}");
    }
}

/// The assets that are not held at BTG: description, kind, number, house and value.
fn others(text: &str) -> Vec<[Value; 5]> {
    let result = deed(text);
    let all = result["outros_bens"]["bens"].as_array().unwrap().clone();
    let keys = ["descricao", "tipo", "numero", "instituicao", "valor"];
    all.iter().map(|one| keys.map(|key| one[key].clone())).collect()
}

const TWO_HEIRS: &str = "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nFALECIDO\n\nOto Brandt, CPF 935.411.347-80, faleceu em \
    02/02/2025.\n\nMEEIRA\n\nHelga Brandt, viúva, CPF 529.982.247-25.\n\nHERDEIROS\n\na) Ivo Brandt, filho, CPF \
    111.444.777-35;\nb) Marlene Brandt Klein, filha, CPF 390.533.447-05.\n\n";

const FARM: &str = "CLÁUSULA 4ª - DOS BENS\n\na) Fração de terras em Linha Nova, matrícula 2.345, avaliada em R$ 400.000,00;\n\
    b) Trator Massey 275, ano 1998, avaliado em R$ 50.000,00;\nc) Depósito na conta corrente 7788-9 do Sicredi, R$ 30.000,00;\n\
    d) CDB nº 445566 do Banco BTG Pactual, R$ 20.000,00.\nMonte-mor: R$ 500.000,00.\n\n";

#[test]
fn goods_of_the_estate_are_read_wherever_they_are_kept() {
    assert_eq!(
        others(&format!("{TWO_HEIRS}{FARM}")),
        [
            [
                json!("Fração de terras em Linha Nova"),
                json!("Imóvel"),
                json!("2.345"),
                Value::Null,
                json!(400_000)
            ],
            [json!("Trator Massey 275"), json!("Máquina"), Value::Null, Value::Null, json!(50_000)],
            [
                json!("Depósito na conta corrente 7788-9 do Sicredi"),
                json!("Conta Corrente"),
                json!("7788-9"),
                json!("Sicredi"),
                json!(30_000)
            ],
        ]
    );
    assert_eq!(
        others(&format!(
            "{TWO_HEIRS}DOS BENS: O espólio é constituído dos seguintes bens:\n\nI - IMÓVEL: Apartamento nº 301, do Edifício Tico, \
             situado na Rua Alta, nº 12, objeto da matrícula nº 12.345. Valor atribuído: R$ 500.000,00.\n\
             II - VEÍCULO: automóvel VW Nivus, placa BEX-1A23. Valor: R$ 100.000,00.\n\
             III - Saldo de R$ 20.000,00 na conta poupança nº 10.222-3, agência 0211 da Caixa Econômica Federal.\n"
        )),
        [
            [json!("Apartamento nº 301"), json!("Imóvel"), json!("12.345"), Value::Null, json!(500_000)],
            [json!("automóvel VW Nivus"), json!("Veículo"), json!("BEX-1A23"), Value::Null, json!(100_000)],
            [
                json!("conta poupança nº 10.222-3"),
                json!("Poupança"),
                json!("10.222-3"),
                json!("Caixa Econômica Federal"),
                json!(20_000)
            ],
        ]
    );
}

#[test]
fn debts_sums_and_payments_are_no_goods() {
    let text = format!(
        "{TWO_HEIRS}BENS\n\n1. Casa na Rua Alta, matrícula 77, R$ 90.000,00;\n2. Saldo devedor do cartão, R$ 800,00;\n\
         3. Dívida do IPTU da casa, R$ 300,00.\nO monte-mor importa em R$ 90.000,00.\nO seguro de vida, de R$ 9.000,00, não \
         integra o acervo.\n\nPARTILHA\n\nIvo Brandt recebe a casa, no valor de R$ 90.000,00.\n"
    );
    let all = others(&text);
    assert_eq!(all.iter().map(|one| &one[4]).collect::<Vec<_>>(), [&json!(90_000)], "{all:?}");
}

#[test]
fn a_good_may_name_who_bought_it_and_not_who_gets_it() {
    let text = format!(
        "{TWO_HEIRS}BENS\n\n1. Casa na Rua Alta, havida por Oto Brandt e sua mulher Helga Brandt, matrícula 77, R$ 90.000,00;\n\
         2. Conta corrente 11.222-3, no Sicredi, R$ 4.000,00;\n3. Conta corrente 99.888-7: Ivo Brandt, R$ 2.000,00;\n\
         4. Sítio: Ivo Brandt e Marlene Brandt Klein, R$ 1.000,00.\n"
    );
    let all = others(&text);
    assert_eq!(all.iter().map(|one| &one[4]).collect::<Vec<_>>(), [&json!(90_000), &json!(4_000)], "{all:?}");
}

#[test]
fn the_goods_add_up_to_the_estate() {
    let held = |text: &str| {
        let analysis = read("inventory", text);
        analysis.checks.iter().find(|check| check.code == "estate_total").map(|check| check.ok)
    };
    assert_eq!(held(&format!("{TWO_HEIRS}{FARM}")), Some(true));
    assert_eq!(held(&format!("{TWO_HEIRS}{}", FARM.replace("500.000", "510.000"))), Some(false));
}

#[test]
fn goods_are_shared_one_by_one_wherever_they_are_kept() {
    let part = |name: &str, share: Value| (name.to_owned(), share, Value::Null);
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{FARM}PARTILHA\n\nLetra \"a\": 1/2 para a meeira e 1/4 para cada herdeiro.\n\
             Letra \"b\": integralmente para o herdeiro Ivo Brandt.\nA letra \"c\" fica com a meeira.\n"
        )),
        [
            vec![
                part("Helga Brandt", json!("1/2")),
                part("Ivo Brandt", json!("1/4")),
                part("Marlene Brandt Klein", json!("1/4"))
            ],
            vec![part("Ivo Brandt", json!(100))],
            vec![part("Helga Brandt", json!(100))],
        ]
    );
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{FARM}PARTILHA\n\nO trator e a conta corrente ficam, por inteiro, com Ivo Brandt. A lancha caberá a \
             ambos, 30% para Ivo Brandt e 70% para Marlene Brandt Klein.\n"
        )),
        [vec![part("Ivo Brandt", json!(100))], vec![part("Ivo Brandt", json!(100))]]
    );
}

#[test]
fn what_is_divided_only_in_bulk_is_told_of_assets_at_btg_alone() {
    let part = |name: &str, share: &str| (name.to_owned(), json!(share), Value::Null);
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{FARM}PARTILHA\n\nTodos os bens são partilhados na proporção de 1/2 à meeira e de 1/4 a cada herdeiro.\n"
        )),
        [vec![part("Helga Brandt", "1/2"), part("Ivo Brandt", "1/4"), part("Marlene Brandt Klein", "1/4")]]
    );
}

#[test]
fn less_than_a_thing_is_worth_is_not_all_of_it() {
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{FARM}PARTILHA\n\nAo herdeiro Ivo Brandt caberá a totalidade do trator, no valor de R$ 50.000,00, e, da \
             conta corrente, a importância de R$ 10.000,00;\n"
        )),
        [
            vec![("Ivo Brandt".to_owned(), json!(100), json!(50_000))],
            vec![("Ivo Brandt".to_owned(), Value::Null, json!(10_000))]
        ]
    );
}

#[test]
fn what_an_issue_raises_is_its_price_times_its_quantity_and_not_its_votes() {
    let result = minutes(
        "ATA DE ASSEMBLEIA\n\nDELIBERAÇÕES\n\n(i) 2ª emissão de cotas: foi aprovada (votos favoráveis: 3.611 cotas (89,55% dos \
         presentes)). Serão emitidas 2.500 novas cotas, ao preço de emissão de R$ 100,00 por cota, sem considerar a taxa de \
         distribuição primária de R$ 3,04, e o valor da oferta é de R$ 250.000,00.\n",
    );
    let one = &result["informacoes_complementares"]["deliberacoes"][0];
    assert_eq!(
        ["quantidade", "preco_unitario", "valor_total"].map(|key| one[key].clone()),
        [json!(2500), json!(100), json!(250_000)]
    );
    assert_ne!(one["valor"], json!(3.04), "what a fee is");
}

#[test]
fn an_outcome_may_have_a_line_of_its_own() {
    assert_eq!(
        resolutions(
            "CONSULTA FORMAL\n\nMatéria 1: Compra de galpões em Betim.\nResultado: APROVADA, com 91,2% de votos favoráveis.\n\n\
             Matéria 2: Mudança da taxa de performance.\nResultado: REPROVADA, com 40% de votos favoráveis e 58,3% de votos \
             contrários.\n"
        ),
        rows(&[
            ["Compra de galpões em Betim", "aprovada", "91,2%"],
            ["Mudança da taxa de performance", "reprovada", "58,3%"]
        ])
    );
}

#[test]
fn persons_may_be_called_sa() {
    for name in ["CAMILA PONTES DE SÁ", "CAMILA PONTES DE SÁ LEITE", "CAMILA SÁ"] {
        let found = heirs(&format!(
            "ESCRITURA PÚBLICA DE INVENTÁRIO\n\nHERDEIROS: {name}, brasileira, filha, CPF 390.533.447-05.\n"
        ));
        assert_eq!(found.len(), 1, "{name}");
    }
}

#[test]
fn a_row_whose_number_was_not_read_is_known_by_those_around_it() {
    let result = minutes(
        "ATA DE ASSEMBLEIA\n\nResultado da votação\n\n\
         Item   Matéria                     A favor    Contra    Resultado\n\
         1      Contas do exercício         97,41%     2,59%     Aprovada\n\
         \x20      Quarta emissão de cotas     83,90%     16,10%    Aprovada\n\
         3      Troca do auditor            70,00%     30,00%    Aprovada\n\n\
         Item 2: autorizada a emissão de 750 cotas, a R$ 100,00 por cota, no montante de R$ 75.000,00.\n",
    );
    let all = result["informacoes_complementares"]["deliberacoes"].as_array().unwrap().clone();
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(all[1]["valor_total"], json!(75_000));
}

#[test]
fn an_item_that_speaks_of_others_tells_its_own_outcome() {
    assert_eq!(
        resolutions(
            "ORDEM DO DIA: Deliberar sobre:\n(i) nova emissão de cotas;\n(ii) compra de galpões; e\n(iii) autorização para a \
             prática de todos os atos necessários à efetivação das matérias aprovadas.\n\nDELIBERAÇÕES\n\n\
             (i) Nova emissão de cotas: foi aprovada por 80% dos presentes.\n(ii) Compra de galpões: foi rejeitada por 70% dos \
             presentes.\n(iii) Autorização para a prática de atos: foi aprovada, por unanimidade, podendo a Administradora firmar \
             todos os documentos necessários à implementação das deliberações dos itens (i) e (ii).\n"
        ),
        rows(&[
            ["Nova emissão de cotas", "aprovada", "80%"],
            ["Compra de galpões", "rejeitada", "70%"],
            ["Autorização para a prática de atos", "aprovada", "unanimidade"]
        ])
    );
}

#[test]
fn each_of_several_persons_may_be_given_things_whole() {
    let goods = "DOS BENS\n\na) Apartamento 101 do Edifício Alto, matrícula 9.191, no valor de R$ 350,00;\nb) Apartamento 202 do \
        Edifício Baixo, matrícula 9.292, no valor de R$ 350,00;\nc) joias avaliadas em R$ 30,00.\n\n";
    let whole = |name: &str| vec![(name.to_owned(), json!(100), Value::Null)];
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{goods}DA PARTILHA\n\nÀ herdeira Marlene Brandt Klein caberá o Apartamento 101 e as joias, totalizando \
             R$ 380,00, e ao herdeiro Ivo Brandt caberá o Apartamento 202, totalizando R$ 350,00. Para igualar os quinhões, \
             Marlene pagará a Ivo torna de R$ 15,00.\n"
        )),
        [whole("Marlene Brandt Klein"), whole("Ivo Brandt"), whole("Marlene Brandt Klein")]
    );
}

#[test]
fn a_plural_behind_the_names_says_what_all_of_them_are() {
    assert_eq!(
        heirs(
            "ESCRITURA PÚBLICA DE INVENTÁRIO\n\nHERDEIROS: Iara Brito Melo, CPF 529.982.247-25, e Davi Brito Melo, CPF \
             111.444.777-35, filhos do falecido.\n"
        ),
        [
            ("Iara Brito Melo".to_owned(), "filha".to_owned(), false),
            ("Davi Brito Melo".to_owned(), "filho".to_owned(), false)
        ]
    );
}

#[test]
fn assets_may_be_counted_as_goods_and_called_together() {
    let goods = "BENS:\nBem 1 - Apartamento nº 12 do Edifício Ilha, matrícula 1.001, no valor de R$ 300,00.\nBem 2 - Box de \
        garagem nº 12, matrícula 1.002, no valor de R$ 30,00.\nBem 3 - CDB 112233-4 do Banco BTG Pactual, no valor de R$ \
        90,00.\n\nPARTILHA:\n";
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{goods}Bem 1: Ivo Brandt 40% (R$ 120,00), Marlene Brandt Klein 60% (R$ 180,00).\n\
             Bem 2: Ivo Brandt 100% (R$ 30,00).\nBem 3: em partes iguais entre os dois herdeiros.\n"
        )),
        [
            vec![
                ("Ivo Brandt".to_owned(), json!(40), json!(120)),
                ("Marlene Brandt Klein".to_owned(), json!(60), json!(180))
            ],
            vec![("Ivo Brandt".to_owned(), json!(100), json!(30))],
            vec![
                ("Ivo Brandt".to_owned(), json!("1/2"), Value::Null),
                ("Marlene Brandt Klein".to_owned(), json!("1/2"), Value::Null)
            ]
        ]
    );
    let part = |name: &str, share: &str| (name.to_owned(), json!(share), Value::Null);
    assert_eq!(
        shares(&format!(
            "{TWO_HEIRS}{goods}À viúva meeira caberá 1/2 (metade) de cada um dos bens 1 e 3.\n\
             A cada um dos herdeiros caberá 1/4 (um quarto) de cada um dos bens 1 e 3.\n"
        )),
        vec![
            vec![part("Helga Brandt", "1/2"), part("Ivo Brandt", "1/4"), part("Marlene Brandt Klein", "1/4")];
            2
        ]
    );
}

/// A house, an account and an asset at BTG of a mother's two children and her widower.
const FAMILY: &str = "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nMEEIRO\n\nOtto Brito Melo, viúvo, CPF 935.411.347-80.\n\n\
    HERDEIROS\n\na) Iara Brito Melo, filha, CPF 529.982.247-25;\nb) Davi Brito Melo, filho, CPF 111.444.777-35.\n\n\
    BENS\n\n1.1) Apartamento 31 do Edifício Jade, em Jaú, no valor de R$ 600,00;\n\
    1.2) Lote 9 em Bocaina, no valor de R$ 300,00;\n\
    1.3) CDB nº 443322-1 do Banco BTG Pactual S.A., no valor de R$ 1.000,00.\n\n";

#[test]
fn what_each_gets_of_what_all_share_is_theirs_alone() {
    let part = |name: &str, share: f64, value: f64| (name.to_owned(), json!(share), json!(value));
    assert_eq!(
        shares(&format!(
            "{FAMILY}PARTILHA\n\nO CDB nº 443322-1 será repartido entre os herdeiros, recebendo Iara Brito Melo a quantia de \
             R$ 612,50 (61,25%) e Davi Brito Melo a quantia de R$ 387,50 (38,75%).\n"
        )),
        [vec![part("Iara Brito Melo", 61.25, 612.5), part("Davi Brito Melo", 38.75, 387.5)]]
    );
    assert_eq!(
        shares(&format!(
            "{FAMILY}PARTILHA\n\n1. O apartamento 31 caberá a Otto Brito Melo, 50%, R$ 300,00; a Iara Brito Melo, 25%, R$ \
             150,00; e a Davi Brito Melo, 25%, R$ 150,00. 2. O lote 9 caberá a Iara Brito Melo, 50%, e a Davi Brito Melo, \
             50%, no valor de R$ 150,00 para cada herdeiro.\n"
        ))
        .iter()
        .map(Vec::len)
        .collect::<Vec<_>>(),
        [3, 2]
    );
}

#[test]
fn a_fraction_said_of_each_is_that_of_those_who_are_named() {
    let fractions = shares(&format!(
        "{FAMILY}PARTILHA\n\nO lote 9 caberá aos herdeiros na proporção de 1/2 (metade) para cada um, a saber: Iara Brito Melo, \
         50%, R$ 150,00; e Davi Brito Melo, 50%, R$ 150,00.\n"
    ));
    let part = |name: &str| (name.to_owned(), json!("1/2"), json!(150));
    assert_eq!(fractions, [vec![part("Iara Brito Melo"), part("Davi Brito Melo")]]);
}

#[test]
fn what_a_person_gets_in_all_is_no_part_of_one_asset() {
    let found = shares(&format!(
        "{FAMILY}PARTILHA\n\nO lote 9 fica para Iara Brito Melo, que assim recebe em tudo R$ 950,00.\n"
    ));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found.iter().flatten().all(|(_, _, value)| value != &json!(950)), "{found:?}");
}

#[test]
fn a_heading_may_speak_of_the_half_and_of_the_partition() {
    let part = |name: &str, share: &str, value: u32| (name.to_owned(), json!(share), json!(value));
    for heading in ["Cláusula quinta - Da meação e da partilha", "DO PAGAMENTO E PARTILHA"] {
        assert_eq!(
            shares(&format!(
                "{FAMILY}{heading}\n\nI - CDB nº 443322-1: Otto Brito Melo, 1/2, R$ 500,00; Iara Brito Melo, 1/4, R$ 250,00; \
                 Davi Brito Melo, 1/4, R$ 250,00.\n"
            )),
            [vec![
                part("Otto Brito Melo", "1/2", 500),
                part("Iara Brito Melo", "1/4", 250),
                part("Davi Brito Melo", "1/4", 250)
            ]],
            "{heading}"
        );
    }
}

#[test]
fn the_gross_estate_may_be_said_to_be_the_net_one() {
    for said in [
        "O monte-mor é de R$ 1.900,00, sendo este também o valor líquido partilhável, do qual R$ 950,00 são do viúvo.",
        "O monte-mor soma R$ 1.900,00 (mil e novecentos reais), que é o mesmo o líquido, de que R$ 950,00 tocam ao viúvo.",
    ] {
        let result = deed(&format!("{FAMILY}{said}\n"));
        assert_eq!(result["informacoes_gerais"]["acervo_liquido"], json!(1900), "{said}");
    }
}

#[test]
fn the_kind_of_an_asset_may_be_a_unit_of_a_company() {
    for text in [
        "150 units SANB11, custodiadas no Banco BTG Pactual S.A.",
        "40 BDRs AAPL34, no Banco BTG Pactual S.A.",
    ] {
        let result = deed(&format!("ESCRITURA DE INVENTÁRIO\n\nBENS\n\na) {text}, no valor de R$ 900,00.\n"));
        assert_eq!(result["clausula_c_bens_btg"]["bens"][0]["tipo"], json!("Ações"), "{text}");
    }
}

#[test]
fn a_row_of_a_partition_does_not_tell_what_the_whole_is_worth() {
    let result = deed(
        "ESCRITURA PÚBLICA DE INVENTÁRIO E PARTILHA\n\nHERDEIROS\n\na) Iara Brito Melo, filha, CPF 529.982.247-25;\n\
         b) Davi Brito Melo, filho, CPF 111.444.777-35.\n\nPARTILHA\n\n\
         Bem                          Herdeiro             Percentual     Valor\n\
         CDB nº 443322-1 (BTG)        Iara Brito Melo      50%            R$ 500,00\n\
         CDB nº 443322-1 (BTG)        Davi Brito Melo      50%            R$ 500,00\n",
    );
    let found = result["clausula_c_bens_btg"]["bens"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!([&found[0]["numero"], &found[0]["valor"]], [&json!("443322-1"), &Value::Null]);
}

#[test]
fn an_asset_may_be_named_without_a_company_and_priced_by_the_share() {
    let result = minutes(
        "CARTEIRA\n\na) 75 debêntures Vale do Ipê 4ª emissão, ao preço unitário de R$ 10,00, no total de R$ 750,00;\n\
         b) 20 ações ordinárias de emissão da Moinho Azul S.A., avaliadas em R$ 3,00 por ação, totalizando R$ 60,00.\n",
    );
    let found = &result["clausula_b_quantidades"]["detalhamento"];
    assert_eq!(result["clausula_a_ativos"]["ativos"][0]["tipo"], json!("debênture"));
    assert_eq!([&found[0]["quantidade"], &found[0]["valor_total"]], [&json!(75), &json!(750)]);
    assert_eq!([&found[1]["preco_unitario"], &found[1]["valor_total"]], [&json!(3), &json!(60)]);
}

#[test]
fn a_table_of_votes_may_call_items_by_their_marks_alone() {
    assert_eq!(
        resolutions(
            "DELIBERAÇÕES\n\n(i) Foi aprovada, por 80% dos votos dos presentes, a troca do auditor do Fundo.\n\
             (ii) Foi aprovada, por 70% dos votos dos presentes, a mudança de sede do Fundo.\n\n\
             Item     Aprovar     Reprovar     Resultado\n\
             (i)      80%         20%          Aprovado\n\
             (ii)     70%         30%          Aprovado\n"
        ),
        rows(&[
            ["troca do auditor do Fundo", "aprovada", "80%"],
            ["mudança de sede do Fundo", "aprovada", "70%"]
        ])
    );
}
