//! Recorded questions and answers: one JSON object in each line.

use std::io::{BufRead, Read as _};

use enabler_rules::apply::{Input, Passage};
use serde_json::Value;

use super::super::failure::Failure;
use super::voice::Voice;

/// Bytes of one line: the longest answer and the longest passages that rules look at, escaped.
const LINE_MAX: usize = 64 << 20;

/// One question with its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) question: String,
    pub(super) answer: String,
    /// What was retrieved, each with its page.
    pub(super) passages: Vec<(Option<u32>, String)>,
    /// Whether rules act.
    pub(super) correct: bool,
}

impl Recorded {
    /// Hands it over as the rules take it.
    pub(super) fn with_input<T>(&self, run: impl FnOnce(&Input<'_>) -> T) -> T {
        let passages: Vec<Passage<'_>> =
            self.passages.iter().map(|(page, text)| Passage { page: *page, text }).collect();
        run(&Input {
            question: &self.question,
            answer: &self.answer,
            passages: &passages,
            correct: self.correct,
            ..Input::default()
        })
    }
}

/// Reads every line; `on` hears its number from 1 and what it says, or why it says nothing. Blank lines are left out.
pub(super) fn each(
    mut reader: impl BufRead,
    voice: Voice,
    mut on: impl FnMut(usize, Result<Recorded, String>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = reader.by_ref().take(LINE_MAX as u64 + 1).read_until(b'\n', &mut bytes);
        let read =
            read.map_err(|error| Failure::io(voice.say("ao ler as linhas", "reading the lines"), error))?;
        if read == 0 {
            break;
        }
        if bytes.len() > LINE_MAX {
            let words = voice.say("linha grande demais; o limite é de", "line too long; the limit is");
            on(number, Err(format!("{words} {LINE_MAX} bytes")))?;
            reader
                .skip_until(b'\n')
                .map_err(|error| Failure::io(voice.say("ao ler as linhas", "reading the lines"), error))?;
            continue;
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => on(number, parse(text, voice))?,
            Err(error) => {
                let words = voice.say(
                    "a linha não é texto UTF-8 a partir do byte",
                    "the line is not UTF-8 text from byte",
                );
                on(number, Err(format!("{words} {}", error.valid_up_to() + 1)))?;
            }
        }
    }
    Ok(())
}

fn parse(line: &str, voice: Voice) -> Result<Recorded, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| {
        format!("{}: {error}", voice.say("a linha não é um objeto JSON", "the line is no JSON object"))
    })?;
    let object = value
        .as_object()
        .ok_or_else(|| voice.say("a linha não é um objeto JSON", "the line is no JSON object").to_owned())?;
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("`{name}` {}", voice.say("deve ser um texto", "must be a text"))),
        None => Err(format!("{} `{name}`", voice.say("falta o campo", "missing field"))),
    };
    let correct = match object.get("apply_corrections") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(on)) => *on,
        Some(_) => {
            let words = voice.say(
                "`apply_corrections` deve ser true ou false",
                "`apply_corrections` must be true or false",
            );
            return Err(words.to_owned());
        }
    };
    let passages = match object.get("context") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![(None, text.clone())],
        Some(Value::Array(all)) => all.iter().map(|one| passage(one, voice)).collect::<Result<_, _>>()?,
        Some(_) => return Err(wrong_context(voice)),
    };
    Ok(Recorded { question: text("question")?, answer: text("raw_answer")?, passages, correct })
}

fn passage(value: &Value, voice: Voice) -> Result<(Option<u32>, String), String> {
    if let Value::String(text) = value {
        return Ok((None, text.clone()));
    }
    let text = value.get("text").and_then(Value::as_str).ok_or_else(|| wrong_context(voice))?;
    let page = match value.get("page") {
        None | Some(Value::Null) => None,
        Some(page) => Some(
            page.as_u64().and_then(|page| u32::try_from(page).ok()).ok_or_else(|| wrong_context(voice))?,
        ),
    };
    Ok((page, text.to_owned()))
}

fn wrong_context(voice: Voice) -> String {
    let words = voice.say(
        "`context` deve ser um texto ou uma lista de {\"page\": 3, \"text\": \"…\"}",
        "`context` must be a text or a list of {\"page\": 3, \"text\": \"…\"}",
    );
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Lang;
    use super::*;

    fn read(lines: &[u8]) -> Vec<(usize, Result<Recorded, String>)> {
        let mut all = Vec::new();
        let heard = each(lines, Voice::new(Lang::En), |number, line| {
            all.push((number, line));
            Ok(())
        });
        assert!(heard.is_ok());
        all
    }

    #[test]
    fn a_line_says_a_question_an_answer_and_passages() {
        let line =
            br#"{"question": "q", "raw_answer": "a", "context": [{"page": 3, "text": "t"}, "u"], "id": 1}"#;
        let wanted = Recorded {
            question: "q".to_owned(),
            answer: "a".to_owned(),
            passages: vec![(Some(3), "t".to_owned()), (None, "u".to_owned())],
            correct: true,
        };
        assert_eq!(read(line), [(1, Ok(wanted))]);
    }

    #[test]
    fn a_wrong_line_says_why_and_the_next_one_is_still_read() {
        let lines =
            b"{\"question\": 1}\n\n[]\n\xff\n{\"question\": \"q\", \"raw_answer\": \"a\", \"context\": 7}\n\
            {\"question\": \"q\", \"raw_answer\": \"a\", \"apply_corrections\": false}";
        let all = read(lines);
        assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
        assert!(all[..4].iter().all(|(_, line)| line.is_err()), "{all:?}");
        assert!(all[4].1.as_ref().is_ok_and(|line| !line.correct));
    }
}
