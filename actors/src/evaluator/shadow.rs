//! A version that runs beside the one in force, without effect: how its outcomes differ.

use std::collections::VecDeque;

use enabler_rules::apply::Outcome;
use enabler_rules::verdict::Verdict;

use super::Version;

/// Differences that are kept in full, the newest.
const DIFFERENCES_MAX: usize = 50;
/// Characters of each text that are kept.
const CHARACTERS_MAX: usize = 500;

/// One answer on which the two versions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The question, cut.
    pub question: String,
    /// The answer, the verdict and the rules of the version in force.
    pub current: (String, Verdict, Vec<String>),
    /// The same of the shadow.
    pub shadow: (String, Verdict, Vec<String>),
}

/// How a shadow fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// Its version.
    pub hash: String,
    /// Its errors; a rule with one does not run.
    pub problems: Vec<String>,
    /// Answers that both saw.
    pub compared: u64,
    /// Those on which they differ in answer, verdict or rules.
    pub differing: u64,
    /// The newest of these.
    pub differences: VecDeque<Difference>,
}

impl Shadow {
    pub(super) fn new(version: &Version) -> Shadow {
        Shadow {
            hash: version.short().to_owned(),
            problems: version.problems.clone(),
            compared: 0,
            differing: 0,
            differences: VecDeque::new(),
        }
    }

    pub(super) fn compare(&mut self, question: &str, current: &Outcome, shadow: &Outcome) {
        self.compared += 1;
        if (&current.answer, current.verdict, &current.triggered)
            == (&shadow.answer, shadow.verdict, &shadow.triggered)
        {
            return;
        }
        self.differing += 1;
        if self.differences.len() >= DIFFERENCES_MAX {
            self.differences.pop_front();
        }
        let side = |outcome: &Outcome| (cut(&outcome.answer), outcome.verdict, outcome.triggered.clone());
        let difference = Difference { question: cut(question), current: side(current), shadow: side(shadow) };
        self.differences.push_back(difference);
    }
}

fn cut(text: &str) -> String {
    text.chars().take(CHARACTERS_MAX).collect()
}
