//! Pure: which expectations an answer meets, and the share of all that were met.

use enabler_grounding::fold;
use serde::{Deserialize, Serialize};

use super::suite::Expected;

/// What an expectation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// What the answer says.
    Answer,
    /// The document and the page that prove it.
    Source,
    /// That what the documents do not say is declined.
    Refusal,
    /// That the model's own words were borne out.
    Draft,
}

impl Measure {
    /// Every one.
    pub const ALL: [Measure; 4] = [Measure::Answer, Measure::Source, Measure::Refusal, Measure::Draft];

    /// Its name in metrics and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Source => "source",
            Self::Refusal => "refusal",
            Self::Draft => "draft",
        }
    }
}

/// What is looked at of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// Whether the documents say.
    pub(crate) answered: bool,
    /// Whether it is the model's own words.
    pub(crate) drafted: bool,
    /// The page of its first source.
    pub(crate) page: Option<u32>,
    /// The id and the file's name of that source's document.
    pub(crate) document: Option<(&'a str, &'a str)>,
}

/// How one question went: what was expected of it, and what of that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The question's name.
    pub(crate) id: String,
    /// What was expected.
    pub(crate) expected: Vec<Measure>,
    /// What of it did not hold.
    pub(crate) failed: Vec<Measure>,
    /// Why there is no answer, if there is none; never text of a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

impl Mark {
    /// How an answer met what was expected.
    pub(crate) fn of(id: &str, expected: &Expected, seen: &Seen<'_>) -> Self {
        let measures = measures(expected);
        let failed = measures.iter().copied().filter(|measure| !holds(*measure, expected, seen)).collect();
        Mark { id: id.to_owned(), expected: measures, failed, fault: None }
    }

    /// A question that was not answered at all: nothing that was expected holds.
    pub(crate) fn faulty(id: &str, expected: &Expected, fault: String) -> Self {
        let measures = measures(expected);
        Mark { id: id.to_owned(), failed: measures.clone(), expected: measures, fault: Some(fault) }
    }

    /// Whether everything held.
    pub(crate) fn is_right(&self) -> bool {
        self.failed.is_empty()
    }
}

/// What is expected of an answer.
fn measures(expected: &Expected) -> Vec<Measure> {
    let is_expected = |measure: &Measure| match measure {
        Measure::Answer => !expected.contains.is_empty(),
        Measure::Source => expected.page.is_some() || expected.document.is_some(),
        Measure::Refusal => expected.refused,
        Measure::Draft => expected.drafted,
    };
    Measure::ALL.into_iter().filter(is_expected).collect()
}

fn holds(measure: Measure, expected: &Expected, seen: &Seen<'_>) -> bool {
    match measure {
        Measure::Answer => {
            let text = plain(seen.text);
            seen.answered && expected.contains.iter().all(|wanted| text.contains(&plain(wanted)))
        }
        Measure::Source => {
            let page = expected.page.is_none_or(|page| seen.page == Some(page));
            let document = expected.document.as_deref().is_none_or(|wanted| {
                seen.document
                    .is_some_and(|(id, name)| id.eq_ignore_ascii_case(wanted) || plain(name) == plain(wanted))
            });
            seen.answered && page && document
        }
        Measure::Refusal => !seen.answered,
        Measure::Draft => seen.answered && seen.drafted,
    }
}

/// A text by which two writings of one thing are alike: no case, no accents, white space made even.
fn plain(text: &str) -> String {
    fold(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The share of expectations that held, of all and by what they are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Of all.
    pub total: f64,
    /// Of what answers say.
    pub answer: Option<f64>,
    /// Of documents and pages.
    pub source: Option<f64>,
    /// Of what is declined.
    pub refusal: Option<f64>,
    /// Of the model's own words.
    pub draft: Option<f64>,
    /// Questions.
    pub questions: u32,
    /// Questions of which something did not hold.
    pub wrong: u32,
    /// Questions that were not answered at all.
    pub faults: u32,
}

impl Score {
    /// The score of a run.
    pub(crate) fn of(marks: &[Mark]) -> Self {
        let share = |of: &dyn Fn(Measure) -> bool| {
            let count = |list: fn(&Mark) -> &Vec<Measure>| {
                marks.iter().flat_map(list).filter(|measure| of(**measure)).count()
            };
            let (expected, failed) = (count(|mark| &mark.expected), count(|mark| &mark.failed));
            (expected > 0).then(|| expected.saturating_sub(failed) as f64 / expected as f64)
        };
        let of = |wanted: Measure| share(&move |measure| measure == wanted);
        let count = |of: fn(&&Mark) -> bool| marks.iter().filter(of).count() as u32;
        Score {
            total: share(&|_| true).unwrap_or(0.0),
            answer: of(Measure::Answer),
            source: of(Measure::Source),
            refusal: of(Measure::Refusal),
            draft: of(Measure::Draft),
            questions: marks.len() as u32,
            wrong: count(|mark| !mark.is_right()),
            faults: count(|mark| mark.fault.is_some()),
        }
    }

    /// The share of one measure, if anything was expected of it.
    pub fn of_measure(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Answer => self.answer,
            Measure::Source => self.source,
            Measure::Refusal => self.refusal,
            Measure::Draft => self.draft,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: Seen<'static> = Seen {
        text: "O prazo é de\n60  DIAS.",
        answered: true,
        drafted: true,
        page: Some(2),
        document: Some(("0192", "Contrato.pdf")),
    };

    fn expected() -> Expected {
        Expected {
            contains: vec!["60 dias".into(), "o prazo e de".into()],
            page: Some(2),
            document: Some("contrato.PDF".into()),
            drafted: true,
            refused: false,
        }
    }

    #[test]
    fn case_accents_and_white_space_do_not_count_and_everything_else_does() {
        let failed = |seen: Seen<'_>| Mark::of("q", &expected(), &seen).failed;
        assert_eq!(failed(GOOD), []);
        assert_eq!(failed(Seen { text: "O prazo é de 61 dias.", ..GOOD }), [Measure::Answer]);
        assert_eq!(failed(Seen { page: Some(3), ..GOOD }), [Measure::Source]);
        assert_eq!(failed(Seen { document: None, ..GOOD }), [Measure::Source]);
        assert_eq!(failed(Seen { document: Some(("contrato.pdf", "x")), ..GOOD }), []);
        assert_eq!(failed(Seen { drafted: false, ..GOOD }), [Measure::Draft]);
        let all = [Measure::Answer, Measure::Source, Measure::Draft];
        assert_eq!(failed(Seen { answered: false, ..GOOD }), all, "a declined question proves nothing");
        let declined = Expected { refused: true, ..Expected::default() };
        assert_eq!(Mark::of("q", &declined, &GOOD).failed, [Measure::Refusal]);
        assert!(Mark::of("q", &declined, &Seen { answered: false, ..GOOD }).is_right());
    }

    fn mark() -> impl Strategy<Value = Mark> {
        let each = (any::<bool>(), any::<bool>());
        prop::collection::vec(each, 4).prop_map(|of| {
            let pick = |wanted: &dyn Fn(&(bool, bool)) -> bool| {
                Measure::ALL
                    .into_iter()
                    .zip(&of)
                    .filter(|(_, one)| wanted(one))
                    .map(|(measure, _)| measure)
                    .collect::<Vec<_>>()
            };
            let (expected, failed) = (pick(&|one| one.0), pick(&|one| one.0 && one.1));
            Mark { id: "q".into(), expected, failed, fault: None }
        })
    }

    proptest! {
        #[test]
        fn a_score_is_the_share_that_held_whatever_the_order(
            marks in prop::collection::vec(mark(), 0..40), seed in any::<u64>(),
        ) {
            let score = Score::of(&marks);
            let expected: usize = marks.iter().map(|mark| mark.expected.len()).sum();
            let failed: usize = marks.iter().map(|mark| mark.failed.len()).sum();
            let share = if expected == 0 { 0.0 } else { (expected - failed) as f64 / expected as f64 };
            prop_assert!((score.total - share).abs() < 1e-12 && (0.0..=1.0).contains(&score.total));
            for measure in Measure::ALL {
                let is_asked = marks.iter().any(|mark| mark.expected.contains(&measure));
                prop_assert_eq!(score.of_measure(measure).is_some(), is_asked);
                let all_hold = marks.iter().all(|mark| !mark.failed.contains(&measure));
                prop_assert!(!is_asked || all_hold == (score.of_measure(measure) == Some(1.0)));
            }
            let mut turned = marks.clone();
            if !turned.is_empty() {
                let by = seed as usize % turned.len();
                turned.rotate_left(by);
            }
            prop_assert_eq!(Score::of(&turned), score);
        }

        #[test]
        fn an_answer_that_fails_more_never_scores_higher(marks in prop::collection::vec(mark(), 1..40), at in any::<usize>()) {
            let mut worse = marks.clone();
            let at = at % worse.len();
            worse[at].failed = worse[at].expected.clone();
            prop_assert!(Score::of(&worse).total <= Score::of(&marks).total);
        }

        #[test]
        fn a_text_holds_itself_however_it_is_written(text in "[a-zA-ZçãéÀ0-9 ,.]{1,40}") {
            prop_assume!(!text.trim().is_empty());
            let expected = Expected { contains: vec![text.to_uppercase()], ..Expected::default() };
            let written = format!("… {} …", text.split(' ').collect::<Vec<_>>().join("  \n"));
            let mark = Mark::of("q", &expected, &Seen { text: &written, ..GOOD });
            prop_assert!(mark.is_right(), "{text:?}");
        }
    }
}
