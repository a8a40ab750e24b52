//! Asks why before anything is done, and shows first what it would touch. Pure.

use crossterm::event::KeyCode;

use crate::cli::operator::questions::Action;
use crate::cli::operator::shape::Outcome;

/// The longest reason that a node keeps.
const REASON_CHARACTERS_MAX: usize = 300;
/// The shortest.
const REASON_CHARACTERS_MIN: usize = 3;

/// How far it is.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// The reason is being typed.
    Reason,
    /// The node is asked, whether what it would touch or to do it.
    Waits,
    /// What it would touch is shown.
    Tried(Outcome),
}

/// An action that somebody is about to take.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    pub(crate) action: Action,
    pub(crate) reason: String,
    pub(crate) stage: Stage,
    /// Why it was not done.
    pub(crate) refused: Option<String>,
}

/// What is to be done about a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    /// Leave it.
    Leave,
    /// Ask what it would touch.
    Try,
    /// Do it.
    Do,
}

impl Prompt {
    pub(crate) fn new(action: Action) -> Self {
        Self { action, reason: String::new(), stage: Stage::Reason, refused: None }
    }

    /// Takes a key: the first Enter tries, the second does.
    pub(crate) fn take(&mut self, key: KeyCode) -> Step {
        match (&self.stage, key) {
            (_, KeyCode::Esc) => Step::Leave,
            (Stage::Reason, KeyCode::Char(letter)) if self.reason.chars().count() < REASON_CHARACTERS_MAX => {
                self.reason.push(letter);
                Step::Nothing
            }
            (Stage::Reason, KeyCode::Backspace) => {
                self.reason.pop();
                Step::Nothing
            }
            (Stage::Reason, KeyCode::Enter)
                if self.reason.trim().chars().count() >= REASON_CHARACTERS_MIN =>
            {
                self.wait();
                Step::Try
            }
            (Stage::Tried(_), KeyCode::Enter) => {
                self.wait();
                Step::Do
            }
            _ => Step::Nothing,
        }
    }

    fn wait(&mut self) {
        self.stage = Stage::Waits;
        self.refused = None;
    }

    /// Takes what it would touch, or why it would not be done.
    pub(crate) fn tried(&mut self, outcome: Outcome) {
        if outcome.outcome == "refused" {
            self.refuse(outcome.detail)
        } else {
            self.stage = Stage::Tried(outcome)
        }
    }

    /// Takes why it was not done; the reason stays as it was typed.
    pub(crate) fn refuse(&mut self, why: String) {
        self.stage = Stage::Reason;
        self.refused = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(prompt: &mut Prompt, text: &str) {
        for letter in text.chars() {
            assert_eq!(prompt.take(KeyCode::Char(letter)), Step::Nothing);
        }
    }

    #[test]
    fn nothing_is_done_without_a_reason_and_a_dry_run() {
        let mut prompt = Prompt::new(Action::new("restart", serde_json::json!({})));
        assert_eq!(prompt.take(KeyCode::Enter), Step::Nothing);
        typed(&mut prompt, "hang");
        assert_eq!(prompt.take(KeyCode::Enter), Step::Try);
        assert_eq!(prompt.take(KeyCode::Enter), Step::Nothing, "the node has not answered");
        prompt.tried(Outcome { outcome: "would_do".into(), ..Outcome::default() });
        assert_eq!(prompt.take(KeyCode::Enter), Step::Do);
    }

    #[test]
    fn a_refusal_is_shown_and_the_reason_stays() {
        let mut prompt = Prompt::new(Action::new("restart", serde_json::json!({})));
        typed(&mut prompt, "hangs");
        prompt.take(KeyCode::Enter);
        prompt.tried(Outcome { outcome: "refused".into(), detail: "not now".into(), ..Outcome::default() });
        assert_eq!((prompt.refused.as_deref(), prompt.reason.as_str()), (Some("not now"), "hangs"));
        assert_eq!(prompt.take(KeyCode::Enter), Step::Try, "it is tried anew before it is done");
    }

    proptest! {
        #[test]
        fn whatever_is_pressed_a_deed_follows_a_dry_run(keys in proptest::collection::vec(0_u8..5, 0..60)) {
            let mut prompt = Prompt::new(Action::new("restart", serde_json::json!({})));
            let mut tried = false;
            for key in keys {
                let key = match key {
                    0 => KeyCode::Enter,
                    1 => KeyCode::Backspace,
                    2 => KeyCode::Char('x'),
                    3 => {
                        if matches!(prompt.stage, Stage::Waits) {
                            prompt.tried(Outcome::default());
                            tried = true;
                        }
                        continue;
                    }
                    _ => {
                        prompt.refuse("no".into());
                        tried = false;
                        continue;
                    }
                };
                if prompt.take(key) == Step::Do {
                    prop_assert!(tried && prompt.reason.len() >= REASON_CHARACTERS_MIN);
                    tried = false;
                }
                prop_assert!(prompt.reason.chars().count() <= REASON_CHARACTERS_MAX);
            }
        }
    }
}
