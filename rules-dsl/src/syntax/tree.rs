//! What a rules file says, item by item, with the place of everything.

use crate::diagnostic::Diagnostic;
use crate::terms::Reach;
use crate::value::{Date, Kind, Value};
use std::borrow::Cow;

/// A stretch of the source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// A span of byte offsets; the parser refuses sources that do not fit.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// As a range of bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// From the beginning of this to the end of another.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end.max(self.end) }
    }

    /// Whether a byte offset is inside or at the end.
    pub fn holds(self, at: u32) -> bool {
        self.start <= at && at <= self.end
    }

    /// The text it covers.
    pub fn of(self, source: &str) -> &str {
        source.get(self.range()).unwrap_or("")
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A word of the language, with its usual spelling.
    Keyword(&'static str),
    /// A text in quotes, the quotes included.
    Quoted,
    /// A text without quotes where quotes are usual.
    Bare,
    /// A name: of an intent, of a fact.
    Name,
    /// An amount, a date, a number.
    Literal,
    /// `:`, `,`, `.`, `-` and the like.
    Mark,
    /// `[palavra]` and the like, the brackets included.
    Choice,
    /// Free text to the end of the line.
    Text,
    /// From `#` to the end of the line.
    Comment,
}

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// What a line is to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Nothing but white space.
    Blank,
    /// `# …`
    Comment,
    /// A drawn line.
    Separator,
    /// The heading of a section, or a directive.
    Heading,
    /// The first line of an item.
    Item,
    /// A further line of an item: a reason, a pattern, an expectation.
    Part,
    /// A condition of a rule.
    Condition,
    /// `OU …`
    Alternative,
    /// `ENTÃO …`
    Consequence,
    /// A line of a prepared text.
    Template,
    /// Not understood.
    Unknown,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Without its line break.
    pub span: Span,
    /// Bytes of white space at its beginning.
    pub indent: u32,
    /// What it is.
    pub kind: LineKind,
    /// Its tokens: from this one …
    pub tokens_from: u32,
    /// … to before this one.
    pub tokens_to: u32,
}

/// A text of the file, composed (NFC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'s> {
    /// The text.
    pub text: Cow<'s, str>,
    /// Where it stands, without quotes.
    pub span: Span,
}

/// A term to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term<'s> {
    /// What to look for.
    pub text: Text<'s>,
    /// Where it may stand.
    pub reach: Reach,
}

/// How critical a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `ALTO`
    High,
    /// `MÉDIO`
    Medium,
    /// `BAIXO`
    Low,
}

impl Level {
    /// As the file writes it.
    pub fn shown(self) -> &'static str {
        match self {
            Level::High => "ALTO",
            Level::Medium => "MÉDIO",
            Level::Low => "BAIXO",
        }
    }
}

/// `A licença X tem criticidade ALTO.`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<'s> {
    /// Its first line.
    pub span: Span,
    /// The name, without article and the word "licença".
    pub name: Text<'s>,
    /// How critical.
    pub level: Level,
    /// `Motivo:`
    pub reason: Option<Text<'s>>,
    /// `Ação:`
    pub action: Option<Text<'s>>,
}

/// An intent with its patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent<'s> {
    /// Its first line.
    pub span: Span,
    /// Its name.
    pub name: Text<'s>,
    /// What a question with this intent says.
    pub patterns: Vec<Term<'s>>,
    /// `Resposta deve conter:`
    pub expected: Vec<Term<'s>>,
    /// Has an error and is not run.
    pub broken: bool,
}

/// `Para "x", adicionar: …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion<'s> {
    /// Its line.
    pub span: Span,
    /// The intent.
    pub intent: Text<'s>,
    /// Words that are added to the search.
    pub terms: Vec<Text<'s>>,
}

/// `"a" corrigir para: "b"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalisation<'s> {
    /// Its line.
    pub span: Span,
    /// What is written wrong.
    pub from: Text<'s>,
    /// How it is written right.
    pub to: Text<'s>,
    /// Only in exactly this case.
    pub case_sensitive: bool,
}

/// `"a" também pode ser: …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonym<'s> {
    /// Its line.
    pub span: Span,
    /// The word that the rules use.
    pub word: Text<'s>,
    /// What else people say.
    pub others: Vec<Text<'s>>,
}

/// When a rule is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When<'s> {
    /// The question says one of these.
    Asks(Vec<Term<'s>>),
    /// The question has this intent.
    Intent(Text<'s>),
    /// Every question.
    Always,
}

/// Whose text a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The answer.
    Answer,
    /// The passages that were retrieved.
    Context,
    /// The question.
    Question,
}

/// A comparison with a value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// `maior que`
    Above(Value),
    /// `no mínimo`
    AtLeast(Value),
    /// `menor que`
    Below(Value),
    /// `no máximo`
    AtMost(Value),
    /// `igual a`
    Equal(Value),
    /// `diferente de`
    Other(Value),
    /// `entre a e b`
    Between(Value, Value),
}

impl Comparison {
    /// Whether a value satisfies it; values that cannot be compared do not.
    pub fn holds(&self, value: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let with = |other: &Value| value.compare(other);
        match self {
            Comparison::Above(x) => with(x) == Some(Greater),
            Comparison::AtLeast(x) => matches!(with(x), Some(Greater | Equal)),
            Comparison::Below(x) => with(x) == Some(Less),
            Comparison::AtMost(x) => matches!(with(x), Some(Less | Equal)),
            Comparison::Equal(x) => with(x) == Some(Equal),
            Comparison::Other(x) => matches!(with(x), Some(Less | Greater)),
            Comparison::Between(x, y) => {
                matches!(with(x), Some(Greater | Equal)) && matches!(with(y), Some(Less | Equal))
            }
        }
    }
}

/// What is asked of the values in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueTest {
    /// There is one at all.
    Any,
    /// One compares so.
    Compares(Comparison),
    /// One has right check digits.
    Valid,
    /// One has wrong check digits.
    Invalid,
    /// One does not occur in the retrieved passages.
    OutsideContext,
}

/// What a document's metadata must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataTest<'s> {
    /// It says one of these.
    Mentions(Vec<Term<'s>>),
    /// It is exactly this.
    Is(Text<'s>),
    /// It is a value that compares so.
    Compares(Comparison),
}

/// What a condition asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test<'s> {
    /// A text says one of these.
    Mentions(Subject, Vec<Term<'s>>),
    /// A text has a value.
    Has(Subject, Kind, ValueTest),
    /// The page of the best passage.
    Page(Comparison),
    /// How sure the answer is, 0 to 1 (a percentage is divided by 100).
    Confidence(Comparison),
    /// The document's metadata.
    Metadata(Text<'s>, MetadataTest<'s>),
}

/// One `E …` line with its `OU …` lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<'s> {
    /// Its lines.
    pub span: Span,
    /// Whether the test must fail.
    pub negated: bool,
    /// The test.
    pub test: Test<'s>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'s> {
    /// The answer becomes this text.
    Replace(Template<'s>),
    /// In the answer, one text becomes another.
    Substitute(Text<'s>, Text<'s>),
    /// The answer stays, and later rules are not asked.
    Keep,
    /// The text is added after the answer.
    Append(Template<'s>),
    /// The text is added before the answer.
    Prefix(Template<'s>),
    /// The answer is marked with this remark.
    Flag(Template<'s>),
    /// The answer is withheld and this is said instead.
    Refuse(Template<'s>),
}

impl Action<'_> {
    /// Its prepared text, if it has one.
    pub fn template(&self) -> Option<&Template<'_>> {
        match self {
            Action::Replace(t)
            | Action::Append(t)
            | Action::Prefix(t)
            | Action::Flag(t)
            | Action::Refuse(t) => Some(t),
            Action::Keep | Action::Substitute(..) => None,
        }
    }
}

/// A property of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// Its name.
    Name,
    /// How critical.
    Level,
    /// Its reason.
    Reason,
    /// Its action.
    Action,
}

/// A piece of a prepared text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'s> {
    /// As it is.
    Text(Cow<'s, str>),
    /// A fact's property.
    Fact(Level, u32, Property, Span),
    /// The question.
    Question,
    /// The intent's name.
    Intent,
    /// The page of the best passage.
    Page,
}

/// A prepared text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template<'s> {
    /// Its lines in the file.
    pub span: Span,
    /// What it is made of.
    pub pieces: Vec<Piece<'s>>,
}

/// The days on which a rule holds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
}

impl Validity {
    /// Whether a day is in it.
    pub fn holds(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<'s> {
    /// From its first line to its last.
    pub span: Span,
    /// Its `QUANDO` line, from 0; the name of a rule without one is made of it.
    pub when_line: u32,
    /// Where `QUANDO …` stands.
    pub when_span: Span,
    /// Its name.
    pub name: Option<Text<'s>>,
    /// Higher comes first.
    pub priority: i32,
    /// When it holds.
    pub validity: Validity,
    /// When it is looked at.
    pub when: When<'s>,
    /// All must hold.
    pub conditions: Vec<Condition<'s>>,
    /// What it does; `None` only when it is broken.
    pub action: Option<Action<'s>>,
    /// Has an error and is not run.
    pub broken: bool,
}

/// What a test expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation<'s> {
    /// This verdict.
    Verdict(crate::verdict::Verdict),
    /// Exactly this answer.
    Answer(Text<'s>),
    /// This in the answer.
    Contains(Text<'s>),
    /// This rule acted.
    Rule(Text<'s>),
    /// No rule acted.
    NoRule,
    /// This intent.
    Intent(Text<'s>),
}

/// A `TESTE` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check<'s> {
    /// Its first line.
    pub span: Span,
    /// Its name.
    pub name: Text<'s>,
    /// The question.
    pub question: Option<Text<'s>>,
    /// The answer before the rules.
    pub answer: Option<Text<'s>>,
    /// The passages, each with the page that was set before it.
    pub passages: Vec<(Option<u32>, Text<'s>)>,
    /// How sure the answer is.
    pub confidence: Option<Value>,
    /// The document's metadata.
    pub metadata: Vec<(Text<'s>, Text<'s>)>,
    /// The day on which it is asked.
    pub today: Option<Date>,
    /// What must come out.
    pub expectations: Vec<(Expectation<'s>, Span)>,
    /// Has an error and fails.
    pub broken: bool,
}

/// A rules file.
#[derive(Debug, Clone, Default)]
pub struct Tree<'s> {
    /// The text.
    pub source: &'s str,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Its tokens, line after line.
    pub tokens: Vec<Token>,
    /// `DOMÍNIO:`, the last one.
    pub domain: Option<Text<'s>>,
    /// `INTENÇÕES AUTOMÁTICAS: não` switches them off.
    pub automatic_intents: Option<bool>,
    /// `IMPORTAR "…"`
    pub imports: Vec<Text<'s>>,
    /// In the order of the file.
    pub facts: Vec<Fact<'s>>,
    /// A line among the facts was not understood, so no index of a fact can be trusted.
    pub facts_broken: bool,
    /// In the order of the file.
    pub intents: Vec<Intent<'s>>,
    /// In the order of the file.
    pub expansions: Vec<Expansion<'s>>,
    /// In the order of the file.
    pub normalisations: Vec<Normalisation<'s>>,
    /// In the order of the file.
    pub rules: Vec<Rule<'s>>,
    /// In the order of the file.
    pub synonyms: Vec<Synonym<'s>>,
    /// In the order of the file.
    pub checks: Vec<Check<'s>>,
    /// What the parser found wrong.
    pub diagnostics: Vec<Diagnostic>,
}

impl Tree<'_> {
    /// The tokens of a line.
    pub fn tokens_of(&self, line: &Line) -> &[Token] {
        self.tokens.get(line.tokens_from as usize..line.tokens_to as usize).unwrap_or(&[])
    }

    /// The line (from 0) that holds a byte.
    pub fn line_at(&self, offset: u32) -> usize {
        self.lines.partition_point(|line| line.span.start <= offset).saturating_sub(1)
    }
}
