//! Builds the chat messages of a question: instructions and numbered passages first, then the question.

use crate::chunk::Counter;
use crate::evidence::Passage;
use crate::question::{Language, Question};

const PORTUGUESE: &str = include_str!("../../../config/prompts/answer.v1.pt.txt");
const ENGLISH: &str = include_str!("../../../config/prompts/answer.v1.en.txt");

/// The version that ships.
pub const SHIPPED: &str = "v1";

/// A prompt file, parsed: a `[system]` section that holds `{context}` and a `[user]` section that holds `{question}`;
/// lines that start with `#` are comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Names the version in cache keys and records, as `answer.v1.pt`.
    pub name: String,
    /// Of the file's text: another text is another prompt even under an old name.
    pub hash: u64,
    system: String,
    user: String,
}

/// What is wrong with a prompt file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A section is not there.
    #[error("prompt `{name}` has no section [{section}]; begin it with a line `[{section}]`")]
    NoSection {
        /// The prompt's name.
        name: String,
        /// The missing section.
        section: &'static str,
    },
    /// A placeholder is not where it must be, exactly once.
    #[error(
        "prompt `{name}` must hold {placeholder} exactly once in section [{section}], and holds it {count} times"
    )]
    Placeholder {
        /// The prompt's name.
        name: String,
        /// The placeholder with its braces.
        placeholder: &'static str,
        /// Where it belongs.
        section: &'static str,
        /// How often it is there.
        count: usize,
    },
}

/// The messages for a model host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The system message: instructions and passages. Equal for every question on the same passages, so that a model
    /// host can keep it as a shared prefix.
    pub system: String,
    /// The user message: the question.
    pub user: String,
    /// Indexes of the passages that fitted, in the order of their numbers.
    pub used: Vec<usize>,
    /// The template's name.
    pub version: String,
    /// The template's hash.
    pub hash: u64,
}

impl Template {
    /// Parses the prompt file `text`.
    ///
    /// # Errors
    /// When a section or a placeholder is missing or repeated.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let system = section(name, &lines, "system", "{context}")?;
        let user = section(name, &lines, "user", "{question}")?;
        Ok(Self { name: name.to_owned(), hash: fnv(text), system, user })
    }

    /// Parses the text of a version for answers in `language`.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn versioned(version: &str, language: Language, text: &str) -> Result<Self, TemplateError> {
        Self::parse(&format!("answer.{version}.{}", code(language)), text)
    }

    /// The shipped template for answers in `language`.
    #[expect(clippy::expect_used, reason = "the files are compiled in, and a test parses both")]
    pub fn shipped(language: Language) -> Self {
        Self::versioned(SHIPPED, language, shipped_text(language)).expect("a shipped prompt parses")
    }

    /// What the template takes of a prompt without passages and question.
    pub fn size(&self, count: Counter<'_>) -> usize {
        count(&self.system) + count(&self.user)
    }

    /// The messages for `question` over `passages`, best first, within `budget_tokens` of `count`. Passages are taken in
    /// order while they fit; the first is cut at a word when it alone is too long. Those taken are numbered in order of
    /// their index, so that the same set gives the same prefix.
    pub fn fill(
        &self,
        question: &Question,
        passages: &[Passage],
        budget_tokens: usize,
        count: Counter<'_>,
    ) -> Prompt {
        let user = self.user.replacen("{question}", &question.text, 1);
        let mut left = budget_tokens.saturating_sub(count(&self.system) + count(&user));
        let mut blocks = Vec::new();
        for (index, passage) in passages.iter().enumerate() {
            let mut block = block(self, index, passage, &passage.text);
            if blocks.is_empty() {
                block = cut_to(block, left, count);
            }
            let tokens = count(&block) + 1;
            if block.is_empty() || tokens > left {
                break;
            }
            left -= tokens;
            blocks.push(block);
        }
        let used = (0..blocks.len()).collect();
        let system = self.system.replacen("{context}", &blocks.join("\n\n"), 1);
        Prompt { system, user, used, version: self.name.clone(), hash: self.hash }
    }
}

/// The file that ships for answers in `language`.
pub fn shipped_text(language: Language) -> &'static str {
    match language {
        Language::Portuguese => PORTUGUESE,
        Language::English => ENGLISH,
    }
}

fn code(language: Language) -> &'static str {
    match language {
        Language::Portuguese => "pt",
        Language::English => "en",
    }
}

fn block(template: &Template, index: usize, passage: &Passage, text: &str) -> String {
    let page = if template.name.ends_with(".en") { "page" } else { "página" };
    let context = if passage.context.is_empty() { String::new() } else { format!("{}\n", passage.context) };
    format!("[{}] ({page} {})\n{context}{text}", index + 1, passage.page)
}

/// The longest beginning of `block` that fits, cut between words.
fn cut_to(block: String, left: usize, count: Counter<'_>) -> String {
    if count(&block) < left {
        return block;
    }
    let ends: Vec<usize> = block.match_indices(char::is_whitespace).map(|(at, _)| at).collect();
    let fitting = ends.partition_point(|end| count(&block[..*end]) < left);
    fitting.checked_sub(1).and_then(|at| ends.get(at)).map_or(String::new(), |end| block[..*end].to_owned())
}

fn section(
    name: &str,
    lines: &[&str],
    section: &'static str,
    placeholder: &'static str,
) -> Result<String, TemplateError> {
    let title = format!("[{section}]");
    let begin = lines.iter().position(|line| line.trim() == title);
    let begin = begin.ok_or_else(|| TemplateError::NoSection { name: name.to_owned(), section })?;
    let body: Vec<&str> = lines[begin + 1..]
        .iter()
        .take_while(|line| !matches!(line.trim(), "[system]" | "[user]"))
        .copied()
        .collect();
    let body = body.join("\n").trim().to_owned();
    match body.matches(placeholder).count() {
        1 => Ok(body),
        count => Err(TemplateError::Placeholder { name: name.to_owned(), placeholder, section, count }),
    }
}

/// FNV-1a, 64 bits: the hash is written into records, so it must not change with a library.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn passages() -> Vec<Passage> {
        (1..=3)
            .map(|page| Passage {
                page,
                text: format!("texto {page} ").repeat(30),
                context: "II - LISTA".into(),
                score: 0.5,
            })
            .collect()
    }

    #[test]
    fn shipped_prompts_parse_and_differ() {
        let (pt, en) = (Template::shipped(Language::Portuguese), Template::shipped(Language::English));
        assert_ne!(pt.hash, en.hash);
        assert_eq!((&*pt.name, &*en.name), ("answer.v1.pt", "answer.v1.en"));
        assert_eq!(Template::versioned("p2", Language::English, ENGLISH).unwrap().name, "answer.p2.en");
    }

    #[test]
    fn two_questions_on_the_same_passages_share_the_system_message() {
        let template = Template::shipped(Language::Portuguese);
        let fill = |question: &str| template.fill(&Question::read(question), &passages(), 600, &count);
        let (a, b) = (fill("Qual o prazo?"), fill("Quem assina?"));
        assert_eq!(a.system, b.system);
        assert!(a.system.contains("[1] (página 1)\nII - LISTA\ntexto 1") && a.user.contains("Qual o prazo?"));
    }

    #[test]
    fn the_budget_holds_and_the_first_passage_is_cut_rather_than_lost() {
        let template = Template::shipped(Language::English);
        for budget in [90, 120, 150, 400] {
            let prompt = template.fill(&Question::read("What?"), &passages(), budget, &count);
            assert!(count(&prompt.system) + count(&prompt.user) <= budget, "{budget}");
            assert!(
                !prompt.used.is_empty() && prompt.system.contains("[1] (page 1)"),
                "{budget}: {}",
                prompt.system
            );
        }
    }

    #[test]
    fn braces_in_a_question_or_a_passage_are_only_text() {
        let template = Template::shipped(Language::Portuguese);
        let passage =
            Passage { page: 1, text: "{question} {context}".into(), context: String::new(), score: 1.0 };
        let prompt = template.fill(&Question::read("O que é {context}?"), &[passage], 500, &count);
        assert!(prompt.system.contains("{question} {context}") && prompt.user.contains("O que é {context}?"));
    }

    #[test]
    fn a_broken_prompt_says_what_is_missing() {
        let error = Template::parse("x.v1.pt", "[system]\nsem nada\n[user]\n{question}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "prompt `x.v1.pt` must hold {context} exactly once in section [system], and holds it 0 times"
        );
        assert!(matches!(
            Template::parse("x", "{context}"),
            Err(TemplateError::NoSection { section: "system", .. })
        ));
    }
}
