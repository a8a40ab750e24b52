//! One condition: whose text, whether not, and what it says or has.

use super::{shorten, term};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::cursor::Cursor;
use crate::syntax::keyword as k;
use crate::syntax::tree::{
    Comparison, Condition, MetadataTest, Span, Subject, Term, Test, TokenKind, ValueTest,
};
use crate::value::{Kind, Value, literal};

const FORMS: &[&str] = &[
    "E resposta menciona \"…\"",
    "E resposta NÃO menciona \"…\"",
    "E contexto menciona \"…\"",
    "E resposta tem valor maior que R$ …",
    "E página maior que …",
    "E confiança menor que …",
    "E metadado \"…\" igual a \"…\"",
];
const COMPARISONS: &[&str] =
    &["maior que", "menor que", "no mínimo", "no máximo", "igual a", "diferente de", "entre … e …"];

/// Whose text a condition is about, when it is about terms in one.
pub(super) fn subject(condition: &Condition<'_>) -> Option<Subject> {
    match &condition.test {
        Test::Mentions(subject, _) => Some(*subject),
        _ => None,
    }
}

/// The word that names a subject, if one comes next.
pub(super) fn named(cursor: &mut Cursor<'_, '_>) -> Option<Subject> {
    [(k::ANSWER, Subject::Answer), (k::CONTEXT, Subject::Context), (k::QUESTION, Subject::Question)]
        .into_iter()
        .find_map(|(forms, subject)| cursor.word(forms).map(|_| subject))
}

/// The terms that an `OU` may add to.
pub(super) fn terms<'a, 's>(condition: &'a mut Condition<'s>) -> Option<&'a mut Vec<Term<'s>>> {
    match &mut condition.test {
        Test::Mentions(_, terms) | Test::Metadata(_, MetadataTest::Mentions(terms)) => Some(terms),
        _ => None,
    }
}

/// What follows `E`; after an error `None`, and the problem is told.
pub(super) fn read<'s>(
    cursor: &mut Cursor<'s, '_>,
    span: Span,
    found: &mut Vec<Diagnostic>,
) -> Option<Condition<'s>> {
    let (at, tokens) = cursor.mark();
    if let Some((negated, test)) = special(cursor, found) {
        return Some(Condition { span, negated, test: test? });
    }
    cursor.back(at, tokens);
    let subject =
        [(k::ANSWER, Subject::Answer), (k::CONTEXT, Subject::Context), (k::QUESTION, Subject::Question)]
            .into_iter()
            .find_map(|(forms, subject)| cursor.word(forms).map(|_| subject));
    let negated = cursor.word(k::NOT).is_some();
    let whose = subject.unwrap_or(Subject::Answer);
    if subject.is_some() && cursor.word(k::MENTIONS).is_some() {
        cursor.char(&[':']);
        let terms = term::alternatives(cursor, found)?;
        return Some(Condition { span, negated, test: Test::Mentions(whose, terms) });
    }
    let has = cursor.word(k::HAS).is_some();
    let kinds = [
        (k::MONEY, Kind::Money),
        (k::PERCENT, Kind::Percent),
        (k::NUMBER, Kind::Number),
        (k::DATE, Kind::Date),
        (k::CPF, Kind::Cpf),
        (k::CNPJ, Kind::Cnpj),
    ];
    let kind = kinds.into_iter().find_map(|(forms, kind)| cursor.word(forms).map(|_| kind));
    let Some(kind) = kind else {
        let candidates: &[k::Forms] = match (subject, negated || has) {
            (None, _) => &[k::ANSWER, k::CONTEXT, k::QUESTION, k::PAGE, k::CONFIDENCE, k::METADATA],
            (Some(_), false) => &[k::MENTIONS, k::NOT, k::HAS],
            (Some(_), true) => &[k::MENTIONS, k::MONEY, k::PERCENT, k::NUMBER, k::DATE],
        };
        let mut problem = Diagnostic::new(Code::UnknownLine, span).expecting(FORMS);
        if let Some((span, word)) = super::nearest(cursor.rest(), cursor.at() as u32, candidates) {
            problem = problem.fixed(span, word);
        }
        found.push(problem);
        return None;
    };
    let test = value_test(cursor, kind, found)?;
    Some(Condition { span, negated, test: Test::Has(whose, kind, test) })
}

/// Page, confidence and metadata; the outer `None` when it is none of them.
fn special<'s>(cursor: &mut Cursor<'s, '_>, found: &mut Vec<Diagnostic>) -> Option<(bool, Option<Test<'s>>)> {
    if cursor.word(k::PAGE).is_some() {
        let negated = cursor.word(k::NOT).is_some();
        let test = comparison(cursor, &[Kind::Number], found).map(Test::Page);
        return Some((negated, test));
    }
    if cursor.word(k::CONFIDENCE).is_some() {
        let negated = cursor.word(k::NOT).is_some();
        let test = comparison(cursor, &[Kind::Percent, Kind::Number], found)
            .map(|comparison| Test::Confidence(comparison.map(fraction)));
        return Some((negated, test));
    }
    cursor.word(k::METADATA)?;
    let key = match cursor.quoted() {
        Ok(Some(key)) => key,
        Ok(None) => {
            found.push(
                Diagnostic::new(Code::UnknownLine, cursor.rest_span()).expecting(&["metadado \"chave\" …"]),
            );
            return Some((false, None));
        }
        Err(span) => {
            found.push(Diagnostic::new(Code::OpenQuote, span));
            return Some((false, None));
        }
    };
    let negated = cursor.word(k::NOT).is_some();
    if cursor.word(k::MENTIONS).is_some() {
        let terms = term::alternatives(cursor, found);
        return Some((negated, terms.map(|terms| Test::Metadata(key, MetadataTest::Mentions(terms)))));
    }
    let (at, tokens) = cursor.mark();
    if cursor.word(k::EQUAL).is_some()
        && let Ok(Some(text)) = cursor.quoted()
    {
        return Some((negated, Some(Test::Metadata(key, MetadataTest::Is(text)))));
    }
    cursor.back(at, tokens);
    let kinds = [Kind::Date, Kind::Percent, Kind::Number, Kind::Money];
    let test = comparison(cursor, &kinds, found);
    Some((negated, test.map(|test| Test::Metadata(key, MetadataTest::Compares(test)))))
}

/// A share between 0 and 1, whichever way it is written.
pub(super) fn fraction(value: Value) -> Value {
    match value {
        Value::Percent(micros) => Value::Number(micros / 100),
        other => other,
    }
}

fn value_test(cursor: &mut Cursor<'_, '_>, kind: Kind, found: &mut Vec<Diagnostic>) -> Option<ValueTest> {
    if cursor.done() {
        return Some(ValueTest::Any);
    }
    if cursor.word(k::OUTSIDE).is_some() {
        return Some(ValueTest::OutsideContext);
    }
    let (at, tokens) = cursor.mark();
    cursor.word(k::EQUAL);
    if matches!(kind, Kind::Cpf | Kind::Cnpj) {
        if cursor.word(k::VALID).is_some() {
            return Some(ValueTest::Valid);
        }
        if cursor.word(k::INVALID).is_some() {
            return Some(ValueTest::Invalid);
        }
    }
    let compares = [k::AT_LEAST, k::AT_MOST, k::ABOVE, k::BELOW, k::OTHER, k::BETWEEN]
        .iter()
        .any(|forms| cursor.sees(forms));
    // `data é posterior a …`; `data é 01/02/2026` keeps its word.
    if !compares {
        cursor.back(at, tokens);
    }
    comparison(cursor, &[kind], found).map(ValueTest::Compares)
}

fn comparison(
    cursor: &mut Cursor<'_, '_>,
    kinds: &[Kind],
    found: &mut Vec<Diagnostic>,
) -> Option<Comparison> {
    if cursor.word(k::BETWEEN).is_some() {
        let rest = cursor.rest();
        let middle = term::position(rest, k::BETWEEN_AND);
        let Some(middle) = middle else {
            found.push(
                Diagnostic::new(Code::BadValue, cursor.rest_span())
                    .about(shorten(rest))
                    .expecting(&["entre 1 e 2"]),
            );
            return None;
        };
        let low = value(cursor, rest.get(..middle).unwrap_or("").trim_end().len(), kinds, found)?;
        cursor.word(k::BETWEEN_AND)?;
        let high = tail(cursor, kinds, found)?;
        return Some(Comparison::Between(low, high));
    }
    type Shape = fn(Value) -> Comparison;
    let shapes: [(k::Forms, Shape); 6] = [
        (k::AT_LEAST, Comparison::AtLeast),
        (k::AT_MOST, Comparison::AtMost),
        (k::ABOVE, Comparison::Above),
        (k::BELOW, Comparison::Below),
        (k::OTHER, Comparison::Other),
        (k::EQUAL, Comparison::Equal),
    ];
    for (forms, shape) in shapes {
        if cursor.word(forms).is_some() {
            return tail(cursor, kinds, found).map(shape);
        }
    }
    let span = cursor.rest_span();
    let mut problem = Diagnostic::new(Code::UnknownLine, span).expecting(COMPARISONS);
    let all = [k::AT_LEAST, k::AT_MOST, k::ABOVE, k::BELOW, k::OTHER, k::EQUAL, k::BETWEEN];
    if let Some((span, word)) = super::nearest(cursor.rest(), cursor.at() as u32, &all) {
        problem = problem.fixed(span, word);
    }
    found.push(problem);
    None
}

fn tail(cursor: &mut Cursor<'_, '_>, kinds: &[Kind], found: &mut Vec<Diagnostic>) -> Option<Value> {
    let rest = cursor.rest();
    let length = rest.find(" #").unwrap_or(rest.len());
    value(cursor, rest.get(..length).unwrap_or("").trim_end().len(), kinds, found)
}

fn value(
    cursor: &mut Cursor<'_, '_>,
    length: usize,
    kinds: &[Kind],
    found: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let text = cursor.rest().get(..length).unwrap_or("");
    let bare = text.trim_matches(['"', '“', '”', '.']).trim();
    let value = kinds.iter().find_map(|kind| literal(*kind, bare));
    if value.is_none() {
        let span = Span::new(cursor.at(), cursor.at() + length);
        let expected: &'static [&'static str] = match kinds {
            [Kind::Money, ..] => &["R$ 10.000,00"],
            [Kind::Percent, ..] => &["12,5%"],
            [Kind::Date, Kind::Percent, ..] => &["31/12/2026", "12,5%", "10", "R$ 10,00"],
            [Kind::Date, ..] => &["31/12/2026"],
            [Kind::Cpf, ..] => &["000.000.000-00"],
            [Kind::Cnpj, ..] => &["00.000.000/0000-00"],
            _ => &["10"],
        };
        found.push(Diagnostic::new(Code::BadValue, span).about(shorten(text)).expecting(expected));
    }
    cursor.piece(length, TokenKind::Literal);
    value
}

impl Comparison {
    /// The same comparison with other values.
    fn map(self, change: impl Fn(Value) -> Value) -> Comparison {
        match self {
            Comparison::Above(x) => Comparison::Above(change(x)),
            Comparison::AtLeast(x) => Comparison::AtLeast(change(x)),
            Comparison::Below(x) => Comparison::Below(change(x)),
            Comparison::AtMost(x) => Comparison::AtMost(change(x)),
            Comparison::Equal(x) => Comparison::Equal(change(x)),
            Comparison::Other(x) => Comparison::Other(change(x)),
            Comparison::Between(x, y) => Comparison::Between(change(x), change(y)),
        }
    }
}
