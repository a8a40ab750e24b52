//! A rule evaluator: applies one rule set to answers.

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::Reply;
use enabler_rules::{Corrected, RuleSet};

/// What an evaluator is told.
pub enum Message {
    /// Apply the rules to an answer.
    Apply {
        /// The answer's text.
        answer: String,
        /// The text as the rules want it, and what they changed.
        reply: Reply<Corrected>,
    },
}

/// The evaluator of one rule set.
#[derive(Debug, Clone)]
pub struct Evaluator {
    /// The rule set's name.
    pub name: String,
    /// The rules as text.
    pub text: String,
}

impl Behaviour for Evaluator {
    type Message = Message;
    type State = RuleSet;
    const KIND: &'static str = "evaluator";

    fn name(_: &Message) -> &'static str {
        "apply"
    }

    async fn start(&self, context: &Context<Message>) -> Result<RuleSet, Fault> {
        let (rules, problems) = RuleSet::read(&self.text);
        for problem in &problems {
            tracing::warn!(rule_set = %self.name, line = problem.line, what = %problem.what, "quarantined");
        }
        context.seat().note(format!("{} rules, {} quarantined", rules.len(), problems.len()));
        Ok(rules)
    }

    async fn handle(
        &self,
        _: &Context<Message>,
        rules: &mut RuleSet,
        Message::Apply { answer, reply }: Message,
    ) -> Result<(), Fault> {
        reply.send(rules.apply(&answer));
        Ok(())
    }
}
