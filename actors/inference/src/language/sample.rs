//! Chooses the next token from logits. Pure: chance is handed in.

/// How to choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// 0 takes the likeliest token; 1 samples the model's own distribution.
    pub temperature: f32,
    /// Only the likeliest tokens whose probabilities add up to this are candidates; 1 keeps all.
    pub top_p: f32,
    /// Divides the logits of recent tokens (multiplies negative ones); 1 does nothing.
    pub repetition_penalty: f32,
    /// How many of the last tokens count as recent, at most [`REPETITION_WINDOW_MAX`].
    pub repetition_window: usize,
}

/// A longer memory would punish the words that an answer must repeat.
pub const REPETITION_WINDOW_MAX: usize = 1024;

impl Default for Settings {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, repetition_penalty: 1.0, repetition_window: 64 }
    }
}

/// Chooses the tokens of one answer, remembering the recent ones.
#[derive(Debug, Clone)]
pub struct Sampler {
    settings: Settings,
    recent: std::collections::VecDeque<u32>,
}

impl Sampler {
    /// A sampler with nothing behind it.
    pub fn new(settings: Settings) -> Self {
        Self { settings, recent: std::collections::VecDeque::new() }
    }

    /// Chooses the next token; `random` gives numbers in `0.0..1.0` and is called only when sampling.
    /// The logits are changed in place.
    pub fn next(&mut self, logits: &mut [f32], random: &mut dyn FnMut() -> f32) -> u32 {
        penalise(logits, self.recent.iter().copied(), self.settings.repetition_penalty);
        let token = if self.settings.temperature > 0.0 {
            sample(logits, self.settings.temperature, self.settings.top_p, random())
        } else {
            greedy(logits)
        };
        let window = self.settings.repetition_window.min(REPETITION_WINDOW_MAX);
        self.recent.push_back(token);
        while self.recent.len() > window {
            self.recent.pop_front();
        }
        token
    }
}

/// The likeliest token, the first of equals; 0 when there are none.
pub fn greedy(logits: &[f32]) -> u32 {
    let mut best = 0;
    let mut largest = f32::NEG_INFINITY;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > largest {
            (best, largest) = (token, *logit);
        }
    }
    best as u32
}

/// Makes the tokens `recent` less likely, each once however often it occurs.
fn penalise(logits: &mut [f32], recent: impl Iterator<Item = u32>, penalty: f32) {
    if penalty == 1.0 || penalty <= 0.0 {
        return;
    }
    for token in recent.collect::<std::collections::BTreeSet<u32>>() {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
        }
    }
}

/// The token at `point` (0..1) of the distribution, the likeliest tokens first.
fn sample(logits: &[f32], temperature: f32, top_p: f32, point: f32) -> u32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| ((logit - largest) / temperature).exp();
    let mut candidates: Vec<(u32, f32)> =
        logits.iter().enumerate().map(|(token, logit)| (token as u32, weight(*logit))).collect();
    // What a millionth of the largest weighs is never drawn, and leaving it out saves sorting the vocabulary.
    candidates.retain(|(_, weight)| *weight > 1e-6);
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let total: f32 = candidates.iter().map(|(_, weight)| weight).sum();
    let mut kept = 0.0;
    let nucleus = candidates.iter().take_while(|(_, weight)| {
        let inside = kept < top_p * total;
        kept += weight;
        inside
    });
    let nucleus: Vec<&(u32, f32)> = nucleus.collect();
    let total: f32 = nucleus.iter().map(|(_, weight)| weight).sum();
    let mut left = point * total;
    for (token, weight) in &nucleus {
        if left < *weight {
            return *token;
        }
        left -= weight;
    }
    // Rounding can leave a crumb beyond the last candidate; so can logits that are all not-a-number.
    nucleus.last().map_or_else(|| greedy(logits), |(token, _)| *token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draws(settings: Settings, logits: &[f32], points: &[f32]) -> Vec<u32> {
        points.iter().map(|p| Sampler::new(settings).next(&mut logits.to_vec(), &mut || *p)).collect()
    }

    #[test]
    fn temperature_zero_is_greedy_and_draws_nothing() {
        let mut sampler = Sampler::new(Settings::default());
        let token = sampler.next(&mut [0.1, 2.0, 2.0, -1.0], &mut || panic!("no chance is needed"));
        assert_eq!(token, 1);
    }

    #[test]
    fn a_small_nucleus_keeps_the_likeliest_alone() {
        let settings = Settings { temperature: 1.0, top_p: 0.5, ..Settings::default() };
        assert_eq!(draws(settings, &[1.0, 3.0, 0.0], &[0.0, 0.5, 0.999]), [1, 1, 1]);
    }

    #[test]
    fn a_point_falls_on_tokens_by_their_share() {
        let settings = Settings { temperature: 1.0, ..Settings::default() };
        // Shares 3/4 and 1/4.
        let logits = [1.0f32.ln(), 3.0f32.ln()];
        assert_eq!(draws(settings, &logits, &[0.0, 0.74, 0.76, 0.999]), [1, 1, 0, 0]);
    }

    #[test]
    fn a_repeated_token_becomes_less_likely_until_it_leaves_the_window() {
        let settings = Settings { repetition_penalty: 2.0, repetition_window: 1, ..Settings::default() };
        let mut sampler = Sampler::new(settings);
        let mut next = |logits: [f32; 2]| sampler.next(&mut logits.clone(), &mut || 0.0);
        assert_eq!([next([3.0, 2.0]), next([3.0, 2.0]), next([3.0, 2.0])], [0, 1, 0]);
        assert_eq!(next([-1.0, -1.5]), 1, "a negative logit is pushed down too");
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_in_the_nucleus(
            logits in proptest::collection::vec(-8f32..8.0, 1..40),
            temperature in 0.1f32..3.0, top_p in 0.05f32..1.0, point in 0f32..1.0,
        ) {
            let token = draws(Settings { temperature, top_p, ..Settings::default() }, &logits, &[point])[0];
            let weights: Vec<f32> = logits.iter().map(|l| (l / temperature).exp()).collect();
            let drawn = weights[token as usize];
            let likelier: f32 = weights.iter().filter(|w| **w > drawn).sum();
            prop_assert!(likelier <= top_p * weights.iter().sum::<f32>() * 1.001);
        }

        #[test]
        fn odd_logits_never_panic(logits in proptest::collection::vec(any::<f32>(), 0..20), point in 0f32..1.0) {
            let settings = Settings { temperature: 0.7, top_p: 0.9, repetition_penalty: 1.1, repetition_window: 8 };
            Sampler::new(settings).next(&mut logits.clone(), &mut || point);
        }
    }
}
