use super::*;
use crate::evidence::candidates;

const OPINION: &str = "O componente PulsoChat não pode ser distribuído, pois a sua licença exige a abertura do código. \
A equipe informou que existe alternativa comercial, ao preço anual de R$ 12.960,00.\n\n\
O prazo para regularização é de 60 dias, contado da ciência deste parecer.\n\n\
Componente | Versão | Licença | Criticidade\nPulsoChat | 0.14 | AGPL-3.0-or-later | ALTO\nTrilhoDB | 11.2 | Apache-2.0 | BAIXO\n\n\
Florianópolis, 5 de dezembro de 2024.\nIara Fontoura Bittencourt, consultora de propriedade intelectual.";

fn ask_with(question: &str, text: &str, draft: Option<&str>) -> Answer {
    let question = Question::read(question);
    let passages = [Passage { page: 2, text: text.to_owned(), context: String::new(), score: 0.8 }];
    let found = candidates(&question, &passages);
    let cosines = vec![0.86; found.len()];
    decide(&question, &passages, &found, &cosines, draft)
}

fn ask(question: &str) -> Answer {
    ask_with(question, OPINION, None)
}

#[test]
fn a_typed_question_is_answered_by_its_value_with_the_sentence_quoted() {
    let answer = ask("Qual o prazo para regularização?");
    assert!(answer.text.starts_with("60 dias — “O prazo"), "{}", answer.text);
    assert_eq!(answer.support[0].how, How::Value);
    assert!(answer.confidence > 0.5);
}

#[test]
fn a_cell_is_found_by_its_row_and_column() {
    assert!(ask("Qual a versão do TrilhoDB?").text.starts_with("11.2 — "));
    assert!(ask("Qual a licença do PulsoChat?").text.starts_with("AGPL-3.0-or-later — "));
}

#[test]
fn the_extreme_of_a_column_is_found() {
    assert!(ask("Qual licença é a mais crítica?").text.starts_with("AGPL-3.0-or-later — "));
}

#[test]
fn who_signs_is_the_name_behind_the_date() {
    assert!(ask("Quem assina o parecer?").text.starts_with("Iara Fontoura Bittencourt"));
}

#[test]
fn what_is_not_there_is_declined_with_its_reason() {
    for (question, refusal) in [
        ("Qual o CNPJ do interessado?", Refusal::NoSuchValue),
        ("Qual a versão do MongoDB?", Refusal::UnknownName),
        ("Qual o valor da multa por atraso no pagamento?", Refusal::NotSaid),
    ] {
        let answer = ask(question);
        assert_eq!((answer.answered, answer.refusal), (false, Some(refusal)), "{question}: {}", answer.text);
        assert!(answer.confidence <= 0.3 && answer.sources == [0] && answer.support.is_empty());
    }
}

#[test]
fn a_borne_draft_stays_and_an_invented_one_goes() {
    let question = "Qual o prazo para regularização?";
    let kept =
        ask_with(question, OPINION, Some("O prazo para regularização é de 60 dias. O valor é R$ 99,00."));
    assert_eq!(kept.text, "O prazo para regularização é de 60 dias.");
    assert_eq!(kept.support[0].how, How::Draft);
    let replaced = ask_with(question, OPINION, Some("O prazo para regularização é de 90 dias."));
    assert!(replaced.text.starts_with("60 dias — "), "{}", replaced.text);
}

#[test]
fn a_draft_that_drops_a_negation_goes() {
    let answer = ask_with(
        "O PulsoChat pode ser distribuído?",
        OPINION,
        Some("Sim, o PulsoChat pode ser distribuído."),
    );
    assert!(answer.text.starts_with("Não — "), "{}", answer.text);
}

#[test]
fn nothing_to_go_on_is_declined() {
    let answer = decide(&Question::read("Qual o prazo?"), &[], &[], &[], Some("60 dias"));
    assert_eq!(answer.refusal, Some(Refusal::NothingToGoOn));
}

#[test]
fn refusals_speak_the_language_of_the_question() {
    assert!(ask("What is the landlord's CNPJ?").text.starts_with("Th"));
    assert!(ask("Qual o CNPJ?").text.starts_with("Essa informação"));
}

proptest::proptest! {
    #[test]
    fn any_question_text_and_draft_are_decided_alike_twice(question in "\\PC{0,60}", text in "(\\PC|\n| \\| ){0,200}", draft in "\\PC{0,80}") {
        let first = ask_with(&question, &text, Some(&draft));
        proptest::prop_assert_eq!(&first, &ask_with(&question, &text, Some(&draft)));
        proptest::prop_assert!((0.0..=1.0).contains(&first.confidence));
        proptest::prop_assert!(first.answered != first.support.is_empty());
    }

    #[test]
    fn confidence_does_not_fall_when_the_cosine_rises(low in 0.7f32..0.9, more in 0.0f32..0.1) {
        let question = Question::read("Por que o componente não pode ser distribuído?");
        let passages = [Passage { page: 1, text: OPINION.to_owned(), context: String::new(), score: 0.8 }];
        let found = candidates(&question, &passages);
        let with = |cosine: f32| decide(&question, &passages, &found, &vec![cosine; found.len()], None).confidence;
        proptest::prop_assert!(with(low + more) >= with(low));
    }
}

const MINUTES: &str = "2. Obra de recuperação da fachada\n\nForam recebidas três propostas:\n\n\
Empresa\tValor do orçamento\nPrumo Reformas\tR$ 214.900,00\nAndaime Firme\tR$ 187.320,00\nReboco & Cia.\tR$ 176.050,00\n\n\
Após debate, a assembleia escolheu a empresa\nAndaime Firme, por 31 votos contra 7 dados à Prumo Reformas.\n\n\
A taxa mensal passa de R$ 790,00 para R$ 845,00 por unidade.\n\n\
Compareceram ou fizeram-se representar 38 das 52\n\nunidades, o que perfaz 73% das frações.\n\n\
c) Aquisição do Galpão Taquari: aprovada por 79,90% dos votos, pelo valor de\n\nR$ 37,5 milhões.\n\
d) Emissão de quotas: aprovada ao preço unitário de R$ 102,40, perfazendo R$ 51.200.000,00.\n\n\
Os quotistas Cândida Rezende Vilar e Espólio de Hermes Bastos, este representado por Noêmia Bastos Leal, consignaram voto contrário ao item c.";

#[test]
fn who_was_chosen_is_said_where_it_was_decided_not_where_bids_are_listed() {
    let answer = ask_with("Qual empresa foi contratada para a obra da fachada?", MINUTES, None);
    assert!(answer.text.starts_with("Andaime Firme — “Após debate"), "{}", answer.text);
}

#[test]
fn a_price_is_never_a_share_and_goes_on_across_a_blank_line() {
    let answer = ask_with("Quanto custou o Galpão Taquari?", MINUTES, None);
    assert!(answer.text.starts_with("R$ 37,5 milhões — "), "{}", answer.text);
}

#[test]
fn of_a_part_and_its_whole_the_part_is_counted() {
    let answer = ask_with("Quantas unidades estavam presentes ou representadas?", MINUTES, None);
    assert!(answer.text.starts_with("38 — "), "{}", answer.text);
}

#[test]
fn a_vote_on_an_item_is_a_vote_on_its_subject_by_who_casts_it() {
    let answer = ask_with("Quem votou contra a aquisição do galpão?", MINUTES, None);
    assert!(answer.answered && !answer.text.starts_with("Noêmia"), "{}", answer.text);
    assert!(answer.text.contains("consignaram voto contrário"), "{}", answer.text);
}

#[test]
fn what_was_and_what_one_costs_are_not_what_is_asked() {
    for (question, lead) in [
        ("Qual o valor da taxa mensal por unidade?", "R$ 845,00"),
        ("Qual o valor da emissão de quotas?", "R$ 51.200.000,00"),
    ] {
        let answer = ask_with(question, MINUTES, None);
        assert!(answer.text.starts_with(lead), "{}", answer.text);
    }
}

#[test]
fn a_deadline_stands_for_what_must_be_done_by_it() {
    let text = "O componente OticaCam está sob GPL-3.0-only.\nCondiciona-se o uso à obtenção de licença comercial até 28/02/2025.\n\n\
        O prazo para regularização é de 60 dias, contado de 5 de dezembro de 2024.";
    let answer = ask_with("Até que data a ÓticaCam precisa ser regularizada?", text, None);
    assert!(answer.text.starts_with("28/02/2025"), "{}", answer.text);
}

#[test]
fn a_row_of_a_broken_table_keeps_its_name_and_a_detached_column_its_rows() {
    let text = "Componente\tVersão Licença\tDecisão\nFarol\t4.2\tMIT\tLiberado\nConversa com o\nSabiá Chat\tAGPL-3.0\tVedado\nmotorista\nLume\t3.0\tMIT\tLiberado\n\n\
        Custo\n\nR$ 10,00\nR$ 20,00\n";
    assert!(ask_with("Qual componente foi vedado?", text, None).text.starts_with("Sabiá Chat — "));
    assert!(ask_with("Qual a licença do Farol?", text, None).text.starts_with("MIT — "));
    assert!(ask_with("Qual o custo do Lume?", text, None).text.starts_with("R$ 20,00 — "));
}
