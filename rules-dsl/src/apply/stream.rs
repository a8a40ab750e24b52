//! Applies a rule set to an answer that arrives piece by piece: a sentence is let go once its rules have spoken.

use super::evidence::{Answered, Evidence};
use super::{ANSWER_MAX, Asked, Input, Outcome, Passage};
use crate::program::{Action, Program, Rule, Test};
use crate::syntax::cursor::composed;
use crate::syntax::tree::Subject;
use crate::value::Date;
use std::ops::Deref;

/// An answer on its way. What it lets go is never taken back: the pieces together are exactly the text of
/// [`Program::apply`] on the whole answer, with the same corrections.
#[derive(Debug)]
pub struct Stream<P> {
    program: P,
    question: String,
    passages: Vec<(Option<u32>, String)>,
    confidence: Option<f64>,
    metadata: Vec<(String, String)>,
    today: Option<Date>,
    correct: bool,
    asked: Asked,
    /// Rules, by number, that may still change what has arrived.
    waiting: Vec<usize>,
    raw: String,
    /// Bytes of `raw` whose text is let go.
    settled: usize,
    /// The text that was let go.
    released: String,
}

impl<P: Deref<Target = Program>> Stream<P> {
    /// Begins an answer; `input.answer` is ignored.
    pub fn new(program: P, input: &Input<'_>) -> Self {
        let asked = program.asked(input.question);
        let mut stream = Stream {
            program,
            question: input.question.to_owned(),
            passages: input.passages.iter().map(|passage| (passage.page, passage.text.to_owned())).collect(),
            confidence: input.confidence,
            metadata: input.metadata.to_vec(),
            today: input.today,
            correct: input.correct,
            asked,
            waiting: Vec::new(),
            raw: String::new(),
            settled: 0,
            released: String::new(),
        };
        if stream.correct {
            stream.waiting = stream.with_input("", |input| {
                let evidence = Evidence::new(&stream.program, input, &stream.asked);
                let rules = stream.program.rules.iter().enumerate();
                let may = rules.filter(|(_, rule)| evidence.applies(rule) && touches(rule));
                may.map(|(at, _)| at).collect()
            });
        }
        stream
    }

    /// Takes in a piece; gives what can be shown, which may be nothing.
    pub fn push(&mut self, piece: &str) -> String {
        if self.raw.len() + piece.len() > ANSWER_MAX {
            // Too large to judge: all is held back until the end, where the verdict says so.
            self.raw.push_str(piece);
            return String::new();
        }
        self.raw.push_str(piece);
        let Some(cut) = self.cut() else { return String::new() };
        self.settle(cut);
        if !self.waiting.is_empty() {
            return String::new();
        }
        let part = composed(self.raw.get(self.settled..cut).unwrap_or("")).into_owned();
        let normalised = self.program.normaliser.apply(&part, self.settled, self.released.len());
        self.settled = cut;
        self.released.push_str(&normalised.text);
        normalised.text
    }

    /// Ends the answer: what was held back, and the outcome of the whole.
    pub fn finish(self) -> (String, Outcome) {
        let outcome = self.with_input(&self.raw, |input| self.program.apply(input));
        let rest = outcome.answer.get(self.released.len()..).unwrap_or("").to_owned();
        (rest, outcome)
    }

    fn with_input<T>(&self, answer: &str, run: impl FnOnce(&Input<'_>) -> T) -> T {
        let passages: Vec<_> =
            self.passages.iter().map(|(page, text)| Passage { page: *page, text }).collect();
        run(&Input {
            question: &self.question,
            answer,
            passages: &passages,
            confidence: self.confidence,
            metadata: &self.metadata,
            today: self.today,
            correct: self.correct,
        })
    }

    /// The end of the last sentence that nothing after it can change any more.
    fn cut(&self) -> Option<usize> {
        let reach = self.program.normaliser.reach();
        let mut safe = self.raw.len().checked_sub(reach)?;
        while !self.raw.is_char_boundary(safe) {
            safe -= 1;
        }
        let tail = self.raw.get(self.settled..safe)?;
        let end = tail.rfind(['.', '!', '?', '\n']).map(|at| self.settled + at + 1)?;
        // A sentence ends before white space, so that no number or abbreviation is cut.
        let ended = self.raw.get(end..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
        if !ended && !self.raw.get(..end).is_some_and(|head| head.ends_with('\n')) {
            return None;
        }
        let window = self.raw.get(self.settled..)?;
        let at = end - self.settled;
        let composed = composed(window);
        // Where composing changes the text, the places do not fit; it waits for the end.
        if matches!(composed, std::borrow::Cow::Owned(_)) {
            return None;
        }
        let crossed = self
            .program
            .normaliser
            .places(window)
            .into_iter()
            .find(|(range, _)| range.start < at && at < range.end);
        match crossed {
            Some((range, _)) => Some(self.settled + range.start).filter(|end| *end > self.settled),
            None => Some(end),
        }
    }

    /// Drops the rules that can no longer act, whatever comes after `cut`.
    fn settle(&mut self, cut: usize) {
        if self.waiting.is_empty() {
            return;
        }
        let head = self.raw.get(..cut).unwrap_or("");
        let normalised = self.program.normaliser.apply(&composed(head), 0, 0);
        let answer = Answered::new(&self.program, normalised.text);
        let waiting = self.with_input("", |input| {
            let evidence = Evidence::new(&self.program, input, &self.asked);
            let may = self.waiting.iter().copied();
            may.filter(|at| self.program.rules.get(*at).is_some_and(|rule| !over(rule, &evidence, &answer)))
                .collect()
        });
        self.waiting = waiting;
    }
}

/// Whether a rule that acts changes text that came before, or keeps others from doing so.
fn touches(rule: &Rule) -> bool {
    !matches!(rule.action, Action::Append(_) | Action::Flag(_))
}

/// Whether a rule can no longer act: a condition fails and more text cannot mend it.
fn over(rule: &Rule, evidence: &Evidence<'_>, answer: &Answered) -> bool {
    rule.conditions.iter().any(|condition| match &condition.test {
        // What was said once stays said.
        Test::Mentions(Subject::Answer, terms) => {
            condition.negated && terms.iter().any(|term| answer.says(*term))
        }
        Test::Has(Subject::Answer, ..) => condition.negated && !evidence.holds(condition, answer),
        _ => !evidence.holds(condition, answer),
    })
}
