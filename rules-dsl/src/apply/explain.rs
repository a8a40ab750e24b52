//! Why a rule acted or did not: its first failing condition, and what would change that.

use super::evidence::{Answered, Evidence};
use super::{Input, Outcome};
use crate::program::{Action, Program, Rule};
use crate::syntax::tree::Span;

/// What became of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It acted.
    Acted,
    /// The question is not its own.
    OtherQuestion,
    /// It does not hold on this day.
    OtherDay,
    /// This condition fails.
    Fails(Span),
    /// All its conditions hold, but this rule decided before; its number in [`Explanation::rules`].
    Decided(usize),
}

/// One rule and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The rule.
    pub rule: String,
    /// Where it stands; spans of imported rules are in their own file.
    pub span: Span,
    /// 0 for the file itself, else the number of the import.
    pub file: u32,
    /// What became of it.
    pub state: State,
    /// How many of its conditions hold, and how many it has.
    pub holds: (usize, usize),
}

/// Every rule and what became of it, with the outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What came out.
    pub outcome: Outcome,
    /// Every rule, in the order in which they are asked.
    pub rules: Vec<Why>,
}

impl Explanation {
    /// The rule that came nearest to acting: most conditions hold, fewest fail.
    pub fn nearest(&self) -> Option<&Why> {
        self.rules
            .iter()
            .filter(|why| matches!(why.state, State::Fails(_)))
            .min_by_key(|why| (why.holds.1 - why.holds.0, std::cmp::Reverse(why.holds.0)))
    }
}

impl Program {
    /// Applies the rules and tells of every one why it acted or not, on the normalised answer.
    pub fn explain(&self, input: &Input<'_>) -> Explanation {
        let outcome = self.apply(input);
        let asked = self.asked(input.question);
        let evidence = Evidence::new(self, input, &asked);
        let answer = Answered::new(self, outcome.normalised.clone());
        let mut decided = None;
        let mut rules = Vec::with_capacity(self.rules.len());
        for (at, rule) in self.rules.iter().enumerate() {
            let held = rule.conditions.iter().filter(|condition| evidence.holds(condition, &answer)).count();
            let state = self.state(rule, &evidence, &answer, decided, &outcome);
            if state == State::Acted
                && matches!(rule.action, Action::Keep | Action::Replace(_) | Action::Refuse(_))
                && decided.is_none()
            {
                decided = Some(at);
            }
            rules.push(Why {
                rule: rule.name.clone(),
                span: rule.span,
                file: rule.file,
                state,
                holds: (held, rule.conditions.len()),
            });
        }
        Explanation { outcome, rules }
    }

    fn state(
        &self,
        rule: &Rule,
        evidence: &Evidence<'_>,
        answer: &Answered,
        decided: Option<usize>,
        outcome: &Outcome,
    ) -> State {
        if outcome.triggered.contains(&rule.name) {
            return State::Acted;
        }
        if !evidence.triggers(rule) {
            return State::OtherQuestion;
        }
        if !evidence.in_force(rule) {
            return State::OtherDay;
        }
        match (evidence.failing(rule, answer), decided) {
            (Some(at), _) => {
                State::Fails(rule.conditions.get(at).map_or(rule.span, |condition| condition.span))
            }
            (None, Some(by)) => State::Decided(by),
            (None, None) => State::OtherQuestion,
        }
    }
}
