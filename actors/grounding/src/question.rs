//! Reads a question: its language, what kind of answer it expects, and the words an answer must be about.

mod follow;
mod head;

pub use follow::follow_up;

use crate::text::{Word, is_document_noun, is_function_word, is_generic, words};

/// The language a question is asked in, and is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Language {
    /// Portuguese, also when in doubt.
    #[serde(rename = "pt")]
    Portuguese,
    /// English.
    #[serde(rename = "en")]
    English,
}

/// The kind of answer that a question expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerType {
    /// Somebody by name.
    Person,
    /// A company, an office, a fund.
    Organisation,
    /// A day, month or year.
    Date,
    /// A time of day.
    Time,
    /// An amount of money.
    Money,
    /// A share of a hundred.
    Percentage,
    /// A Brazilian taxpayer number of a person.
    Cpf,
    /// A Brazilian taxpayer number of a company.
    Cnpj,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A postal code.
    PostalCode,
    /// How long, or within what time.
    Duration,
    /// How many.
    Quantity,
    /// A software version.
    Version,
    /// A number or code that names something.
    Code,
    /// A place or an address.
    Place,
    /// A software licence.
    Licence,
    /// What somebody does for a living.
    Profession,
    /// Single, married, widowed.
    CivilStatus,
    /// Where somebody is a citizen.
    Nationality,
    /// Yes or no.
    YesNo,
    /// A sentence that explains or defines.
    Explanation,
    /// A thing by its name.
    Named,
}

/// What a word of the question is to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A name, number or code: the answer must be about exactly this.
    Anchor,
    /// Says what is asked about.
    Focus,
    /// Says which type is asked for (`valor`, `prazo`); a value of the type stands for it.
    Cue,
    /// Asks more than it says (`ocorreu`), or names the whole document.
    Weak,
}

#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) word: Word,
    pub(crate) role: Role,
    pub(crate) weight: f32,
}

/// Which end of a scale is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    /// `maior`, `mais crítica`.
    Most,
    /// `menor`, `menos`.
    Least,
}

/// A question, read.
#[derive(Clone, Debug)]
pub struct Question {
    /// As asked, trimmed.
    pub text: String,
    /// Decides the language of lead, refusal and prompt.
    pub language: Language,
    /// What an answer looks like, likeliest first; never empty.
    pub types: Vec<AnswerType>,
    /// More than one thing is asked for (`quais`).
    pub many: bool,
    /// Asks until when (`até que data`).
    pub(crate) deadline: bool,
    /// The end of a scale is asked for.
    pub extreme: Option<Extreme>,
    /// Asks for somebody's or something's name (`nome do fiador`), which nothing but a name answers.
    pub(crate) named: bool,
    pub(crate) terms: Vec<Term>,
    /// The thing asked for after `qual` (`componente`), a column's name in a table.
    pub(crate) head: Option<Word>,
}

impl Question {
    /// Reads `text`. Any text is a question; one without content words is answered by nothing.
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        let list = words(text);
        let language = language(&list);
        let asked = head::read(text, &list, language);
        let shouting = text.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase);
        let terms = list
            .iter()
            .enumerate()
            .filter(|(_, word)| {
                !is_function_word(&word.folded) && (word.folded.len() > 1 || word.digit || word.capital)
            })
            .filter(|(at, _)| !asked.spent.contains(at))
            .map(|(at, word)| term(word, at, asked.cues.contains(&at), shouting))
            .collect();
        Self {
            text: text.to_owned(),
            language,
            named: asked.named,
            types: asked.types,
            many: asked.many,
            deadline: asks_until(&list),
            extreme: asked.extreme,
            terms,
            head: asked.head.and_then(|at| list.get(at).cloned()),
        }
    }

    /// The type that is likeliest.
    pub fn expects(&self) -> AnswerType {
        self.types.first().copied().unwrap_or(AnswerType::Named)
    }
}

/// `Até que data`, `until when`, `data limite`.
fn asks_until(list: &[Word]) -> bool {
    const PAIRS: &[(&str, &[&str])] = &[
        ("ate", &["que", "quando", "qual"]),
        ("data", &["limite", "final"]),
        ("by", &["when", "what", "which"]),
        ("until", &["when", "what", "which"]),
    ];
    list.windows(2).any(|two| match two {
        [a, b] => PAIRS.iter().any(|(first, then)| a.folded == *first && then.contains(&b.folded.as_str())),
        _ => false,
    })
}

/// Weights: a name or number decides what is talked about, a generic verb hardly matters.
fn term(word: &Word, at: usize, cue: bool, shouting: bool) -> Term {
    let named = word.digit || (word.capital && at > 0 && !shouting);
    let (role, weight) = if named && !cue {
        (Role::Anchor, 2.0)
    } else if cue {
        (Role::Cue, 0.7)
    } else if is_generic(&word.folded) {
        (Role::Weak, 0.25)
    } else if is_document_noun(&word.folded) {
        (Role::Weak, 0.4)
    } else {
        (Role::Focus, 1.0)
    };
    Term { word: word.clone(), role, weight }
}

/// The language of any text, as far as its small words tell.
pub fn language_of(text: &str) -> Language {
    language(&words(text))
}

/// English when more of its function words are English; Portuguese when in doubt, because most documents are.
fn language(list: &[Word]) -> Language {
    const ENGLISH: &[&str] = &[
        "the", "of", "is", "are", "was", "were", "what", "who", "when", "where", "which", "how", "why",
        "does", "did", "to", "in", "for", "many", "much", "can", "must", "may", "by", "there", "has", "have",
        "it", "on", "with", "list",
    ];
    const PORTUGUESE: &[&str] = &[
        "o", "a", "os", "as", "de", "da", "do", "das", "dos", "que", "qual", "quais", "quem", "quando",
        "onde", "quanto", "quantos", "quantas", "e", "em", "no", "na", "por", "para", "como", "foi", "ha",
        "um", "uma", "com", "se", "pode", "sao",
    ];
    let count = |known: &[&str]| list.iter().filter(|word| known.contains(&word.folded.as_str())).count();
    if count(ENGLISH) > count(PORTUGUESE) { Language::English } else { Language::Portuguese }
}

#[cfg(test)]
mod tests;
