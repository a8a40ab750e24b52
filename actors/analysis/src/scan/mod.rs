//! Typed scanners: what in a text is a name, a number of a register, a date, money, a share; each with its value.

mod codes;
mod date;
mod figure;
mod ids;
mod kind;
mod lexicon;
mod money;
mod names;
mod share;
mod spelled;
mod tokens;

pub(crate) use codes::tickers;
pub(crate) use date::dates;
pub(crate) use figure::{figure, numbers};
pub(crate) use ids::{cnpjs, cpfs};
pub(crate) use kind::{Entity, Kind};
pub(crate) use lexicon::{title_case, woman_by_name};
pub(crate) use money::{monies, reais};
pub(crate) use names::{companies, funds, persons};
pub(crate) use share::{fractions, percents};
pub(crate) use spelled::spelled;
pub(crate) use tokens::{Token, tokens};

use regex::Regex;

/// A pattern of ours, compiled.
#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and a test of each scanner compiles them"
)]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern is a regular expression")
}
