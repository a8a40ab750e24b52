//! Pure: whether a run is as good as its suite's gate wants, and which questions turned wrong.

use std::collections::BTreeSet;

use super::score::Mark;
use super::suite::Gate;

/// Scores that differ by less are one: shares of whole numbers, added in another order.
const EVEN: f64 = 1e-9;
/// Questions that are named in a sentence.
const NAMED_MAX: usize = 10;
/// The share of questions without any answer beyond which a run says nothing about answers: one in twenty.
const FAULTS_ONE_IN: usize = 20;

/// Whether so few questions went without any answer that a run counts.
pub(crate) fn counts(questions: usize, faults: usize) -> bool {
    faults * FAULTS_ONE_IN <= questions
}

/// Whether a score is as good as the gate wants, beside the last accepted one.
pub(crate) fn passes(gate: &Gate, score: f64, baseline: Option<f64>) -> bool {
    let has_dropped = |baseline: f64| score + EVEN < baseline - gate.max_drop;
    score + EVEN >= gate.min_score && !baseline.is_some_and(has_dropped)
}

/// Whether a run of what is in force is accepted as what later ones are compared with.
pub(crate) fn is_accepted(gate: &Gate, score: f64, baseline: Option<f64>) -> bool {
    // A run that is allowed but lower is not: else many small drops would add up unseen.
    passes(gate, score, baseline) && baseline.is_none_or(|baseline| score + EVEN >= baseline)
}

/// The names of the questions that were right and are no longer.
pub(crate) fn turned_wrong(before: &[Mark], now: &[Mark]) -> Vec<String> {
    let right: BTreeSet<&str> = before.iter().filter(|mark| mark.is_right()).map(|mark| &*mark.id).collect();
    let wrong = now.iter().filter(|mark| !mark.is_right() && right.contains(&*mark.id));
    wrong.map(|mark| mark.id.clone()).collect()
}

/// Why a candidate is refused, in one sentence.
pub(crate) fn refusal(
    suite: &str,
    gate: &Gate,
    score: f64,
    baseline: Option<f64>,
    turned: &[String],
) -> String {
    let before = baseline.map_or_else(String::new, |baseline| format!(", and {baseline:.3} before"));
    let wanted = format!("at least {:.3} and no more than {:.3} lower", gate.min_score, gate.max_drop);
    let named = turned.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let questions = match turned.len() {
        0 => String::new(),
        count if count > NAMED_MAX => format!("; turned wrong: {named} and {} more", count - NAMED_MAX),
        _ => format!("; turned wrong: {named}"),
    };
    format!("suite {suite}: score {score:.3}{before}; its gate wants {wanted}{questions}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::score::Measure;
    use super::*;

    fn mark(id: &str, is_right: bool) -> Mark {
        let failed = if is_right { vec![] } else { vec![Measure::Answer] };
        Mark { id: id.into(), expected: vec![Measure::Answer], failed, fault: None }
    }

    #[test]
    fn a_refusal_names_the_suite_the_scores_and_what_turned_wrong() {
        let gate = Gate { min_score: 0.5, max_drop: 0.1 };
        let before = [mark("q1", true), mark("q2", false), mark("q3", true)];
        let now = [mark("q1", false), mark("q2", false), mark("q3", true), mark("q4", false)];
        let turned = turned_wrong(&before, &now);
        assert_eq!(turned, ["q1"]);
        assert_eq!(
            refusal("contracts", &gate, 0.25, Some(2.0 / 3.0), &turned),
            "suite contracts: score 0.250, and 0.667 before; its gate wants at least 0.500 and no more than 0.100 lower; turned wrong: q1"
        );
        let many: Vec<String> = (0..12).map(|number| format!("q{number}")).collect();
        assert!(refusal("a", &gate, 0.2, None, &many).ends_with("q9 and 2 more"));
    }

    #[test]
    fn a_score_at_the_edge_passes_and_one_below_does_not() {
        let gate = Gate { min_score: 0.8, max_drop: 0.05 };
        assert!(passes(&gate, 0.8, None) && !passes(&gate, 0.79, None));
        assert!(passes(&gate, 0.9, Some(0.95)) && !passes(&gate, 0.89, Some(0.95)));
        assert!(!is_accepted(&gate, 0.9, Some(0.95)), "allowed, but no new measure");
        assert!(counts(20, 1) && !counts(19, 1) && counts(3, 0));
    }

    proptest! {
        #[test]
        fn a_higher_score_never_fails_where_a_lower_one_passes(
            min_score in 0.0..=1.0, max_drop in 0.0..=1.0, low in 0.0..=1.0, more in 0.0..=1.0,
            baseline in prop::option::of(0.0..=1.0),
        ) {
            let gate = Gate { min_score, max_drop };
            prop_assert!(!passes(&gate, low, baseline) || passes(&gate, low + more, baseline));
            prop_assert!(!is_accepted(&gate, low, baseline) || passes(&gate, low, baseline));
        }

        #[test]
        fn what_turned_wrong_was_right_and_is_wrong(of in prop::collection::vec((any::<bool>(), any::<bool>()), 0..30)) {
            let marks = |pick: fn(&(bool, bool)) -> bool| -> Vec<Mark> {
                of.iter().enumerate().map(|(at, one)| mark(&format!("q{at}"), pick(one))).collect()
            };
            let turned = turned_wrong(&marks(|one| one.0), &marks(|one| one.1));
            prop_assert_eq!(turned.len(), of.iter().filter(|one| one.0 && !one.1).count());
        }
    }
}
