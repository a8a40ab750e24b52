//! Decides what one step of a model computes: a token for every stream, and a piece of the waiting prompts.

/// What a stream needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// So many tokens of its prompt are not computed yet.
    Prompt(usize),
    /// One more token after the one that was chosen.
    Token,
}

/// Tokens of prompts in one step while others decode: large enough to compute well, small enough that a
/// running answer does not stutter.
const PROMPT_TOKENS_BESIDE: usize = 128;

/// Tokens for each stream in the next step, at most `step_tokens_max` in all; zero sits the step out.
///
/// Decoding streams always get theirs; prompts share what is left, the oldest first.
pub fn plan(needs: &[Need], step_tokens_max: usize) -> Vec<usize> {
    let decoding = needs.iter().filter(|need| **need == Need::Token).count();
    let mut left = step_tokens_max.saturating_sub(decoding);
    if decoding > 0 {
        left = left.min(PROMPT_TOKENS_BESIDE);
    }
    let share = |need: &Need| match need {
        Need::Token => 1,
        Need::Prompt(waiting) => {
            let take = (*waiting).min(left);
            left -= take;
            take
        }
    };
    needs.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_under_way_gets_its_token_beside_a_long_prompt() {
        assert_eq!(plan(&[Need::Prompt(900), Need::Token], 512), [128, 1]);
        assert_eq!(plan(&[Need::Prompt(900)], 512), [512]);
    }

    proptest! {
        #[test]
        fn a_step_stays_within_its_bound_and_always_moves(
            needs in prop::collection::vec(prop_oneof![Just(Need::Token), (1usize..2000).prop_map(Need::Prompt)], 1..16),
        ) {
            let plan = plan(&needs, 512);
            prop_assert!(plan.iter().sum::<usize>() <= 512);
            prop_assert!(plan.iter().any(|tokens| *tokens > 0));
            for (need, tokens) in needs.iter().zip(&plan) {
                match need {
                    Need::Token => prop_assert_eq!(*tokens, 1),
                    Need::Prompt(waiting) => prop_assert!(tokens <= waiting),
                }
            }
        }
    }
}
