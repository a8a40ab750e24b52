//! What could be written at a place: the words of the language that are valid there, and names that exist.

mod offers;
mod place;

use super::names::numbers;
use crate::diagnostic::Language;
use crate::fold::fold;
use crate::program::Loaded;
use crate::syntax::cursor::Cursor;
use crate::syntax::keyword::{self as k, Forms};
use crate::syntax::tree::{Level, Span};
use crate::verdict::Verdict;
use offers::Offer;
use place::{Item, Place, Section};

/// Offers in one list; an author types on rather than read more.
const OFFERED_MAX: usize = 300;

/// What an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompletionKind {
    /// A word of the language.
    Keyword,
    /// An intent.
    Intent,
    /// A rule.
    Rule,
    /// A variable of a prepared text.
    Variable,
    /// A value out of a fixed list.
    Value,
}

/// Something that could be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is shown.
    pub label: String,
    /// What is written.
    pub insert: String,
    /// What it takes the place of.
    pub replaces: Span,
    /// What it is.
    pub kind: CompletionKind,
    /// What it does, or what it stands for.
    pub detail: String,
}

/// What may follow.
enum Wanted {
    Offers(&'static [Offer]),
    /// What begins a line, by its place.
    Line,
    /// Names of intents; in quotes unless one is open already.
    Intents,
    Rules,
    Verdicts,
    Variables,
    Nothing,
}

/// What could be written at an offset.
pub fn complete(loaded: &Loaded<'_>, at: u32, language: Language) -> Vec<Completion> {
    let tree = &loaded.tree;
    let at = super::clamp(tree.source, at);
    let place = Place::of(tree, at);
    let mut tokens = Vec::new();
    let mut walk = Walk { cursor: Cursor::new(tree.source, place.start as usize, at as usize, &mut tokens) };
    let wanted = walk.line(&place);
    let mut start = walk.cursor.at().min(at as usize) as u32;
    let quoted = walk.open_quote();
    if let Some(quote) = quoted {
        start += quote;
    }
    let typed = tree.source.get(start as usize..at as usize).unwrap_or("");
    let mut list =
        List { typed: fold(typed), replaces: Span { start, end: at }, language, found: Vec::new() };
    match wanted {
        // Inside quotes only names are known.
        Wanted::Offers(_) | Wanted::Line if quoted.is_some() => {}
        Wanted::Offers(offers) => list.offers(offers),
        Wanted::Line => line_offers(loaded, &place, &mut list),
        Wanted::Intents => {
            let named = loaded.tree.intents.iter().map(|intent| &*intent.name.text);
            let automatic = automatic(loaded);
            for name in named.chain(automatic.iter().copied()) {
                let insert = if quoted.is_some() || place.item == Item::Test {
                    name.to_owned()
                } else {
                    format!("\"{name}\"")
                };
                list.add(name, insert, CompletionKind::Intent, String::new());
            }
        }
        Wanted::Rules => {
            for rule in &tree.rules {
                let name = rule
                    .name
                    .as_ref()
                    .map_or_else(|| format!("rule_{}", rule.when_line), |name| name.text.to_string());
                list.add(&name, name.clone(), CompletionKind::Rule, String::new());
            }
        }
        Wanted::Verdicts => {
            for verdict in VERDICTS {
                let shown = verdict.shown(language);
                list.add(shown, shown.to_owned(), CompletionKind::Value, verdict.as_str().to_owned());
            }
        }
        Wanted::Variables => variables(loaded, &mut list),
        Wanted::Nothing => {}
    }
    list.found
}

const VERDICTS: [Verdict; 6] = [
    Verdict::Valid,
    Verdict::Corrected,
    Verdict::Contradicted,
    Verdict::Unsupported,
    Verdict::NotApplicable,
    Verdict::TooComplex,
];

/// The intents that facts create, where nothing switches them off or declares them.
fn automatic(loaded: &Loaded<'_>) -> Vec<&'static str> {
    let tree = &loaded.tree;
    let of = |level: Level, name: &'static str| {
        let has = tree.facts.iter().any(|fact| fact.level == level);
        let own = tree.intents.iter().any(|intent| intent.name.text == name);
        (has && !own && tree.automatic_intents != Some(false)).then_some(name)
    };
    [of(Level::High, "criticidade_alta"), of(Level::Low, "criticidade_baixa")].into_iter().flatten().collect()
}

struct List {
    typed: String,
    replaces: Span,
    language: Language,
    found: Vec<Completion>,
}

impl List {
    fn add(&mut self, label: &str, insert: String, kind: CompletionKind, detail: String) {
        let fits = self.found.len() < OFFERED_MAX && fold(label).starts_with(self.typed.as_str());
        if fits && !self.found.iter().any(|known| known.label == label) {
            self.found.push(Completion {
                label: label.to_owned(),
                insert,
                replaces: self.replaces,
                kind,
                detail,
            });
        }
    }

    fn offers(&mut self, offers: &[Offer]) {
        for offer in offers {
            let (text, detail) = match self.language {
                Language::Portuguese => (offer.pt, offer.about_pt),
                Language::English => (offer.en, offer.about_en),
            };
            self.add(text, text.to_owned(), CompletionKind::Keyword, detail.to_owned());
        }
    }
}

fn line_offers(loaded: &Loaded<'_>, place: &Place, list: &mut List) {
    match place.item {
        Item::Rule { acted: false } => list.offers(offers::RULE_BODY),
        Item::Test => list.offers(offers::TEST_BODY),
        Item::Intent => list.offers(offers::INTENT_BODY),
        Item::Fact => list.offers(offers::FACT_BODY),
        Item::Rule { acted: true } | Item::None => {}
    }
    match place.section {
        Section::Facts => list.offers(offers::FACT),
        Section::Expansions => {
            let word =
                if list.language == Language::Portuguese { ("Para", "adicionar") } else { ("For", "add") };
            let expanded: std::collections::HashSet<&str> =
                loaded.tree.expansions.iter().map(|expansion| &*expansion.intent.text).collect();
            for intent in loaded.tree.intents.iter().filter(|intent| !expanded.contains(&*intent.name.text)) {
                let line = format!("{} \"{}\", {}: ", word.0, intent.name.text, word.1);
                list.add(line.trim_end(), line.clone(), CompletionKind::Keyword, String::new());
            }
        }
        Section::Normalisations => list.offers(offers::NORMALISATION),
        Section::Synonyms => list.offers(offers::SYNONYM),
        Section::Rules => list.offers(offers::RULE),
        Section::Tests => list.offers(offers::TEST),
        Section::Intents | Section::None => {}
    }
    list.offers(offers::HEADINGS);
}

/// Every variable of a prepared text: the fixed ones, and each fact that exists.
fn variables(loaded: &Loaded<'_>, list: &mut List) {
    let portuguese = list.language == Language::Portuguese;
    let fixed = if portuguese {
        ["{pergunta}", "{intenção}", "{página}"]
    } else {
        ["{question}", "{intent}", "{page}"]
    };
    for name in fixed {
        list.add(name, name.to_owned(), CompletionKind::Variable, String::new());
    }
    for (fact, number) in loaded.tree.facts.iter().zip(numbers(loaded)) {
        if list.found.len() >= OFFERED_MAX {
            return;
        }
        let properties = if portuguese { ["nome", "motivo", "ação"] } else { ["name", "reason", "action"] };
        for property in properties {
            let name = if portuguese {
                format!("{{fatos.criticidade.{}[{number}].{property}}}", fact.level.shown())
            } else {
                let level = match fact.level {
                    Level::High => "HIGH",
                    Level::Medium => "MEDIUM",
                    Level::Low => "LOW",
                };
                format!("{{facts.criticality.{level}[{number}].{property}}}")
            };
            let detail = fact.name.text.chars().take(80).collect();
            list.add(&name, name.clone(), CompletionKind::Variable, detail);
        }
    }
}

/// Goes along a line as far as it is written.
struct Walk<'s, 't> {
    cursor: Cursor<'s, 't>,
}

impl Walk<'_, '_> {
    /// A word that is finished: something follows it.
    fn word(&mut self, forms: Forms) -> bool {
        let (at, tokens) = self.cursor.mark();
        if self.cursor.word(forms).is_none() {
            return false;
        }
        let finished = !self.cursor.rest().is_empty()
            || self
                .cursor
                .source()
                .get(..self.cursor.at())
                .is_some_and(|head| !head.ends_with(char::is_alphanumeric));
        if !finished {
            self.cursor.back(at, tokens);
        }
        finished
    }

    fn colon(&mut self) {
        self.cursor.char(&[':']);
    }

    /// A whole text in quotes.
    fn quoted(&mut self) -> bool {
        matches!(self.cursor.quoted(), Ok(Some(_)))
    }

    /// The width of a quote that is open at the end of the line.
    fn open_quote(&self) -> Option<u32> {
        let quote = self.cursor.rest().chars().next().filter(|_| self.cursor.sees_quote())?;
        Some(quote.len_utf8() as u32)
    }

    fn line(&mut self, place: &Place) -> Wanted {
        if place.text || place.in_template(self.cursor.rest()) {
            return self.variable(place);
        }
        if let Some(wanted) = self.choice(place) {
            return wanted;
        }
        match place.item {
            Item::Rule { acted: false } => {
                if self.word(k::AND) {
                    return self.condition();
                }
                if self.word(k::OR) {
                    return Wanted::Nothing;
                }
                if self.word(k::THEN) {
                    return self.action(place);
                }
                if self.word(k::IN_FORCE) {
                    return Wanted::Offers(offers::PERIOD);
                }
            }
            Item::Test => {
                if self.word(k::EXPECT) {
                    return self.expectation();
                }
                let fields =
                    [k::QUESTION, k::ANSWER, k::CONTEXT, k::PAGE, k::CONFIDENCE, k::METADATA, k::TODAY];
                if fields.into_iter().any(|field| self.word(field)) {
                    return Wanted::Nothing;
                }
            }
            _ => {}
        }
        self.start(place)
    }

    /// What begins an item or a section.
    fn start(&mut self, place: &Place) -> Wanted {
        if self.word(k::WHEN) {
            if self.word(k::INTENT) {
                self.colon();
                return Wanted::Intents;
            }
            let user = self.word(k::USER);
            if self.word(k::ASKS) {
                return Wanted::Nothing;
            }
            return Wanted::Offers(if user { offers::ASKS } else { offers::TRIGGERS });
        }
        if self.word(k::RULE) {
            return if self.quoted() { Wanted::Offers(offers::ATTRIBUTES) } else { Wanted::Nothing };
        }
        if self.word(k::AUTOMATIC) {
            self.colon();
            return Wanted::Offers(offers::SWITCH);
        }
        if self.word(k::DOMAIN) || self.word(k::IMPORT) || self.word(k::TEST) {
            return Wanted::Nothing;
        }
        match place.section {
            Section::Expansions if self.word(k::FOR) => {
                if !self.quoted() {
                    return Wanted::Intents;
                }
                self.cursor.char(&[',']);
                if self.word(k::ADD) { Wanted::Nothing } else { Wanted::Offers(offers::ADD) }
            }
            Section::Normalisations if self.quoted() => Wanted::Offers(offers::CORRECT_TO),
            Section::Synonyms if self.quoted() => Wanted::Offers(offers::ALSO),
            Section::Facts => self.fact(),
            _ => Wanted::Line,
        }
    }

    /// `A licença X tem criticidade …`
    fn fact(&mut self) -> Wanted {
        let rest = self.cursor.rest();
        let folded = fold(rest);
        for (has, _) in k::HAS_LEVEL {
            if let Some(at) = folded.find(has)
                && folded.get(at + has.len()..).is_some_and(|tail| tail.starts_with(' '))
            {
                // The level is the last word that is being written.
                let typed = rest.rsplit(' ').next().map_or(0, str::len);
                self.cursor.piece(rest.len() - typed, crate::syntax::tree::TokenKind::Name);
                return Wanted::Offers(offers::LEVELS);
            }
        }
        if self.word(k::REASON) || self.word(k::ACTION) { Wanted::Nothing } else { Wanted::Line }
    }

    fn condition(&mut self) -> Wanted {
        if self.word(k::PAGE) || self.word(k::CONFIDENCE) {
            return Wanted::Offers(offers::COMPARISONS);
        }
        if self.word(k::METADATA) {
            return if self.quoted() { Wanted::Offers(offers::METADATA) } else { Wanted::Nothing };
        }
        if ![k::ANSWER, k::CONTEXT, k::QUESTION].into_iter().any(|forms| self.word(forms)) {
            return Wanted::Offers(offers::SUBJECTS);
        }
        let negated = self.word(k::NOT);
        if self.word(k::MENTIONS) {
            return Wanted::Nothing;
        }
        if !self.word(k::HAS) {
            return Wanted::Offers(if negated { offers::TESTS_NEGATED } else { offers::TESTS });
        }
        let number = [k::CPF, k::CNPJ].into_iter().any(|forms| self.word(forms));
        if number {
            return Wanted::Offers(offers::DIGITS);
        }
        if [k::MONEY, k::PERCENT, k::NUMBER, k::DATE].into_iter().any(|forms| self.word(forms)) {
            let all = [k::AT_LEAST, k::AT_MOST, k::ABOVE, k::BELOW, k::OTHER, k::EQUAL, k::BETWEEN];
            if all.into_iter().any(|forms| self.word(forms)) {
                return Wanted::Nothing;
            }
            return Wanted::Offers(offers::COMPARISONS);
        }
        Wanted::Offers(offers::KINDS)
    }

    fn action(&mut self, place: &Place) -> Wanted {
        if [k::CORRECT_TO, k::APPEND, k::PREFIX, k::FLAG, k::REFUSE].into_iter().any(|forms| self.word(forms))
        {
            self.colon();
            return self.variable(place);
        }
        if self.word(k::CORRECT) {
            if self.quoted() {
                return Wanted::Offers(offers::TO);
            }
            return Wanted::Offers(offers::CORRECT);
        }
        if self.word(k::KEEP) { Wanted::Nothing } else { Wanted::Offers(offers::ACTIONS) }
    }

    fn expectation(&mut self) -> Wanted {
        if self.word(k::VERDICT) {
            self.colon();
            return Wanted::Verdicts;
        }
        if self.word(k::RULE) {
            self.colon();
            return Wanted::Rules;
        }
        if self.word(k::INTENT) {
            self.colon();
            return Wanted::Intents;
        }
        if self.word(k::ANSWER) { Wanted::Nothing } else { Wanted::Offers(offers::EXPECTATIONS) }
    }

    /// A variable whose brace is open.
    fn variable(&mut self, _: &Place) -> Wanted {
        let rest = self.cursor.rest();
        let Some(at) = rest.rfind('{').filter(|at| rest.get(*at..).is_some_and(|tail| !tail.contains('}')))
        else {
            return Wanted::Nothing;
        };
        self.cursor.piece(at, crate::syntax::tree::TokenKind::Text);
        Wanted::Variables
    }

    /// An option whose bracket is open.
    fn choice(&mut self, place: &Place) -> Option<Wanted> {
        let rest = self.cursor.rest();
        let at = rest.rfind('[')?;
        let tail = rest.get(at + 1..)?;
        if tail.contains([']', '"']) || !rest.get(..at)?.trim_end().ends_with(['"', '\'', '”', '’', '»'])
        {
            return None;
        }
        self.cursor.piece(at, crate::syntax::tree::TokenKind::Text);
        let normalisation = place.section == Section::Normalisations && place.item == Item::None;
        Some(Wanted::Offers(if normalisation { offers::CASE } else { offers::REACH }))
    }
}
