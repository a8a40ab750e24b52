use super::*;

fn expects(text: &str) -> AnswerType {
    Question::read(text).expects()
}

#[test]
fn the_question_word_and_its_noun_say_what_is_expected() {
    for (text, expected) in [
        ("Quem é o gestor do fundo?", AnswerType::Person),
        ("Quando faleceu a autora da herança?", AnswerType::Date),
        ("Até que data a ÓticaCam precisa ser regularizada?", AnswerType::Date),
        ("Qual o prazo para regularização?", AnswerType::Duration),
        ("Qual o valor da torna?", AnswerType::Money),
        ("Quanto custou o Galpão Taquari?", AnswerType::Money),
        ("Quantos componentes foram liberados?", AnswerType::Quantity),
        ("Quantos meses dura a locação?", AnswerType::Duration),
        ("Qual o CNPJ do interessado?", AnswerType::Cnpj),
        ("Qual a versão do TrilhoDB?", AnswerType::Version),
        ("Qual a licença da ÓticaCam?", AnswerType::Licence),
        ("Há meação?", AnswerType::YesNo),
        ("A inventariante é herdeira?", AnswerType::YesNo),
        ("Qual a diferença entre BSD-2-Clause e BSD-3-Clause?", AnswerType::Explanation),
        ("Qual a profissão de Célia?", AnswerType::Profession),
        ("Qual o estado civil de Otávio?", AnswerType::CivilStatus),
        ("Qual o percentual de presença?", AnswerType::Percentage),
        ("Qual o nome do marido de Célia?", AnswerType::Person),
        ("Qual componente foi vedado?", AnswerType::Named),
        ("Em que cidade fica o imóvel?", AnswerType::Place),
        ("Por que o componente foi vedado?", AnswerType::Explanation),
        ("What is the monthly rent?", AnswerType::Money),
        ("How long is the notice period?", AnswerType::Duration),
        ("Who signed the lease?", AnswerType::Person),
        ("Is subletting allowed?", AnswerType::YesNo),
    ] {
        assert_eq!(expects(text), expected, "{text}");
    }
}

#[test]
fn the_language_is_that_of_its_small_words() {
    assert_eq!(Question::read("Who signed the lease?").language, Language::English);
    assert_eq!(Question::read("Quem assinou o contrato?").language, Language::Portuguese);
    assert_eq!(Question::read("BTG?").language, Language::Portuguese);
}

#[test]
fn names_and_numbers_are_anchors_and_type_words_are_cues() {
    let question = Question::read("Qual o preço unitário da LFT?");
    let roles: Vec<(&str, Role)> =
        question.terms.iter().map(|term| (term.word.folded.as_str(), term.role)).collect();
    assert_eq!(roles, [("preco", Role::Cue), ("unitario", Role::Focus), ("lft", Role::Anchor)]);
}

#[test]
fn a_superlative_is_noticed_and_a_bound_is_not() {
    assert_eq!(Question::read("Qual licença é a mais crítica?").extreme, Some(Extreme::Most));
    assert_eq!(Question::read("Qual ativo tem o menor valor?").extreme, Some(Extreme::Least));
    assert_eq!(Question::read("Há prazo de mais de 60 dias?").extreme, None);
}

proptest::proptest! {
    #[test]
    fn any_text_reads_as_some_question(text in "\\PC{0,80}") {
        proptest::prop_assert!(!Question::read(&text).types.is_empty());
    }
}
