//! Reads a question in the light of the one before it: "and the deposit?" asks about what was just spoken of.

use super::{Question, Role, Term};
use crate::text::{Word, is_document_noun, is_function_word, words};

/// Words that go on with what was said.
const CONNECTIVES: &[&str] = &["e", "mas", "ou", "entao", "and", "but", "or", "so"];

/// Words that point back. `este` and `this` mostly point at the document itself, so they are not here.
const POINTERS: &[&str] = &[
    "ele", "ela", "eles", "elas", "dele", "dela", "deles", "delas", "nele", "nela", "isso", "disso", "nisso",
    "esse", "essa", "esses", "essas", "desse", "dessa", "desses", "dessas", "nesse", "nessa", "seu", "sua",
    "seus", "suas", "it", "its", "he", "him", "his", "she", "her", "they", "them", "their",
];

/// Words that ask.
const ASKING: &[&str] = &[
    "qual", "quais", "quem", "quando", "onde", "aonde", "quanto", "quanta", "quantos", "quantas", "como",
    "porque", "what", "which", "who", "whom", "whose", "when", "where", "why", "how",
];

/// Words that belong to the noun behind them.
const LEADING: &[&str] = &[
    "o", "a", "os", "as", "um", "uma", "de", "da", "do", "das", "dos", "em", "no", "na", "nos", "nas",
    "para", "pela", "pelo", "com", "the", "an", "of", "in", "on", "for", "to", "by", "with",
];

/// Own words from which on a question stands by itself, whatever it begins with.
const OWN_WORDS: usize = 2;

/// The longest question that is put together; a subject that has grown beyond it is none.
const CHARS_MAX: usize = 300;

/// The question that `asked` means after `previous`, in full; `None` when it stands by itself.
///
/// A question follows when it begins with a connective, points back or has no word of its own. What it lacks is taken
/// from `previous`: its subject, or, when another name takes the subject's place (`E do Cumbuca DB?`), what was asked.
pub fn follow_up(previous: &str, asked: &str) -> Option<String> {
    let (question, list) = (Question::read(asked), words(asked));
    let first = list.first()?;
    let connects = list.len() > 1 && CONNECTIVES.contains(&first.folded.as_str());
    let points = list.iter().any(|word| POINTERS.contains(&word.folded.as_str()));
    let has = |role: Role| question.terms.iter().filter(|term| term.role == role).count();
    let (names, own) = (has(Role::Anchor), has(Role::Focus));
    if !(connects || points || (names == 0 && own == 0)) {
        return None;
    }
    let rest = list.get(usize::from(connects)).and_then(|word| asked.get(word.start..)).map(bare)?;
    let asks = list.iter().any(|word| ASKING.contains(&word.folded.as_str()));
    let whole = if names > 0 && !points {
        // With a question of its own and a name it lacks nothing.
        (!asks).then(|| frame(previous))??.to_owned() + " " + rest
    } else if own >= OWN_WORDS && !points {
        return None;
    } else {
        format!("{rest} {}", subject(previous)?)
    };
    (whole.chars().count() <= CHARS_MAX).then(|| format!("{whole}?"))
}

/// A question without its mark.
fn bare(text: &str) -> &str {
    text.trim().trim_end_matches(['?', '.', '!', ' '])
}

/// What `previous` speaks of: from its first word of content on, the small words before it included.
fn subject(previous: &str) -> Option<&str> {
    let (list, terms) = (words(previous), Question::read(previous).terms);
    let is_of =
        |term: &Term| matches!(term.role, Role::Anchor | Role::Focus) || is_document_noun(&term.word.folded);
    let about = |word: &Word| terms.iter().any(|term| term.word.start == word.start && is_of(term));
    let first = list.iter().position(about)?;
    let from = list.get(phrase(&list, first))?;
    previous.get(from.start..).map(bare)
}

/// What `previous` asks, without whom or what it asks it of.
fn frame(previous: &str) -> Option<&str> {
    let (list, terms) = (words(previous), Question::read(previous).terms);
    let of_role = |wanted: Role| {
        let is = |word: &Word| terms.iter().any(|term| term.word.start == word.start && term.role == wanted);
        list.iter().position(is)
    };
    let first = of_role(Role::Anchor).or_else(|| of_role(Role::Focus))?;
    let from = list.get(phrase(&list, first))?;
    previous.get(..from.start).map(str::trim_end).filter(|frame| !frame.is_empty())
}

/// Where the phrase of the word at `at` begins.
fn phrase(list: &[Word], at: usize) -> usize {
    let leads = |word: &Word| is_function_word(&word.folded) && LEADING.contains(&word.folded.as_str());
    (0..at).rev().take_while(|before| list.get(*before).is_some_and(leads)).last().unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_that_goes_on_takes_the_subject_of_the_one_before() {
        for (previous, asked, whole) in [
            (
                "Qual o prazo do contrato da sala 12?",
                "E qual é o valor?",
                "qual é o valor do contrato da sala 12?",
            ),
            ("Quem é o gestor do fundo?", "E quando foi nomeado?", "quando foi nomeado o gestor do fundo?"),
            ("Who is the landlord of unit 5?", "And when?", "when the landlord of unit 5?"),
            ("Qual o prazo da garantia?", "E a multa?", "a multa da garantia?"),
            ("Quem foi eleita síndica?", "Qual é o CPF dela?", "Qual é o CPF dela eleita síndica?"),
        ] {
            assert_eq!(follow_up(previous, asked).as_deref(), Some(whole), "{previous} {asked}");
        }
    }

    #[test]
    fn another_name_takes_the_place_of_the_one_before() {
        assert_eq!(
            follow_up("Qual a versão do Lume PDF?", "E do Cumbuca DB?").as_deref(),
            Some("Qual a versão do Cumbuca DB?")
        );
    }

    #[test]
    fn a_question_that_stands_by_itself_is_left_alone() {
        for asked in [
            "Qual o índice de reajuste do aluguel?",
            "E qual a versão do Cumbuca DB?",
            "E qual o índice de reajuste do aluguel?",
            "Quem assinou o contrato?",
            "",
            "?",
        ] {
            assert_eq!(follow_up("Qual o prazo do contrato da sala 12?", asked), None, "{asked}");
        }
        assert_eq!(follow_up("", "E qual é o valor?"), None);
    }

    #[test]
    fn a_chain_keeps_its_subject() {
        let first = "Qual o prazo do contrato da sala 12?";
        let second = follow_up(first, "E qual é o valor?").unwrap();
        assert_eq!(
            follow_up(&second, "E quem é o fiador?").as_deref(),
            Some("quem é o fiador do contrato da sala 12?")
        );
    }

    proptest! {
        #[test]
        fn any_two_texts_are_read_within_bounds(previous in "\\PC{0,120}", asked in "\\PC{0,120}") {
            if let Some(whole) = follow_up(&previous, &asked) {
                prop_assert!(whole.chars().count() <= CHARS_MAX + 1 && whole.ends_with('?'));
            }
        }
    }
}
