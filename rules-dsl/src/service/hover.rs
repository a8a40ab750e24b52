//! What stands at a place, in words.

use super::names::{Named, Names, Role, numbers};
use super::words::explain;
use crate::diagnostic::{Diagnostic, Language};
use crate::program::Loaded;
use crate::syntax::tree::{
    Action, Condition, Fact, Level, MetadataTest, Piece, Property, Rule, Span, Subject, Term, Test,
    TokenKind, Tree,
};
use crate::terms::Reach;

/// Things that are listed in one text; a list that does not fit the screen is not read.
const LISTED_MAX: usize = 8;
/// Characters that are repeated from the file.
const QUOTED_MAX: usize = 120;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub span: Span,
    /// The text, in Markdown.
    pub text: String,
}

/// What stands at an offset: a name, a variable, a term, a word of the language; and what is wrong with it.
pub fn hover(loaded: &Loaded<'_>, problems: &[Diagnostic], at: u32, language: Language) -> Option<Hover> {
    let tree = &loaded.tree;
    let at = super::clamp(tree.source, at);
    let told = name(loaded, at, language)
        .or_else(|| variable(loaded, at, language))
        .or_else(|| term(tree, at, language))
        .or_else(|| keyword(tree, at, language));
    let problem =
        problems.iter().find(|problem| problem.span.holds(at) && problem.span.end > problem.span.start);
    let page = problem.map(|problem| {
        let (code, text) = (problem.code, problem.message(language));
        Hover {
            span: problem.span,
            text: format!("**{}** {text}\n\n{}", code.as_str(), page(code.page(), language)),
        }
    });
    match (told, page) {
        (Some(told), Some(page)) => {
            Some(Hover { span: told.span, text: format!("{}\n\n---\n\n{}", told.text, page.text) })
        }
        (told, page) => told.or(page),
    }
}

/// The part of an explanation page in one language.
fn page(page: &str, language: Language) -> &str {
    let (own, other) = match language {
        Language::Portuguese => ("## Português", "## English"),
        Language::English => ("## English", "## Português"),
    };
    let Some((_, part)) = page.split_once(own) else { return "" };
    part.split(other).next().unwrap_or(part).trim()
}

fn name(loaded: &Loaded<'_>, at: u32, language: Language) -> Option<Hover> {
    let names = Names::of(loaded);
    let place = names.at(at)?;
    let declared = names.all(place.named).find(|place| place.role == Role::Declares);
    let tree = &loaded.tree;
    let text = match place.named {
        Named::Intent(_) => {
            let uses = names.all(place.named).filter(|place| place.role != Role::Declares).count();
            intent(tree, place.span, declared.map(|place| place.span), uses, language)
        }
        Named::Rule(_) => {
            let span = declared?.span;
            rule(tree.rules.iter().find(|rule| rule_starts(rule, span))?, language)
        }
        // A variable is told with its property.
        Named::Fact(_) if place.role == Role::Uses => return None,
        Named::Fact(number) => {
            let index = numbers(loaded).nth(number as usize).unwrap_or(0);
            fact(tree.facts.get(number as usize)?, index, language)
        }
        Named::File(_) => match language {
            Language::Portuguese => "As regras deste arquivo valem aqui.".to_owned(),
            Language::English => "The rules of this file hold here.".to_owned(),
        },
    };
    Some(Hover { span: place.span, text })
}

fn rule_starts(rule: &Rule<'_>, declared: Span) -> bool {
    match &rule.name {
        Some(name) => name.span == declared,
        None => rule.when_span.start == declared.start,
    }
}

fn intent(tree: &Tree<'_>, span: Span, declared: Option<Span>, uses: usize, language: Language) -> String {
    let shown = short(span.of(tree.source));
    let intent = declared.and_then(|span| tree.intents.iter().find(|intent| intent.name.span == span));
    let Some(intent) = intent else {
        return match language {
            Language::Portuguese => format!("Intenção `{shown}`, que este arquivo não declara."),
            Language::English => format!("Intent `{shown}`, which this file does not declare."),
        };
    };
    let name = short(&intent.name.text);
    let patterns = terms(&intent.patterns, language);
    match language {
        Language::Portuguese => {
            format!("Intenção `{name}`: a pergunta diz {patterns}. Usada em {uses} lugares.")
        }
        Language::English => format!("Intent `{name}`: the question says {patterns}. Used in {uses} places."),
    }
}

fn rule(rule: &Rule<'_>, language: Language) -> String {
    let name =
        rule.name.as_ref().map_or_else(|| format!("rule_{}", rule.when_line), |name| short(&name.text));
    let action = match (&rule.action, language) {
        (None, Language::Portuguese) => "não faz nada",
        (None, Language::English) => "does nothing",
        (Some(Action::Replace(_)), Language::Portuguese) => "substitui a resposta",
        (Some(Action::Replace(_)), Language::English) => "replaces the answer",
        (Some(Action::Substitute(..)), Language::Portuguese) => "troca um trecho da resposta",
        (Some(Action::Substitute(..)), Language::English) => "replaces a part of the answer",
        (Some(Action::Keep), Language::Portuguese) => "mantém a resposta",
        (Some(Action::Keep), Language::English) => "keeps the answer",
        (Some(Action::Append(_)), Language::Portuguese) => "acrescenta um texto",
        (Some(Action::Append(_)), Language::English) => "appends a text",
        (Some(Action::Prefix(_)), Language::Portuguese) => "prefixa um texto",
        (Some(Action::Prefix(_)), Language::English) => "prefixes a text",
        (Some(Action::Flag(_)), Language::Portuguese) => "sinaliza a resposta",
        (Some(Action::Flag(_)), Language::English) => "flags the answer",
        (Some(Action::Refuse(_)), Language::Portuguese) => "recusa a resposta",
        (Some(Action::Refuse(_)), Language::English) => "refuses the answer",
    };
    let (count, priority) = (rule.conditions.len(), rule.priority);
    let state = match (rule.broken, language) {
        (false, _) => "",
        (true, Language::Portuguese) => " Tem um erro e não é executada.",
        (true, Language::English) => " It has an error and is not run.",
    };
    match language {
        Language::Portuguese => {
            format!("Regra `{name}`: {count} condições, prioridade {priority}, {action}.{state}")
        }
        Language::English => {
            format!("Rule `{name}`: {count} conditions, priority {priority}, {action}.{state}")
        }
    }
}

fn fact(fact: &Fact<'_>, index: u32, language: Language) -> String {
    let mut text = match language {
        Language::Portuguese => {
            format!("Fato `{}[{index}]`: {}.", fact.level.shown(), short(&fact.name.text))
        }
        Language::English => format!("Fact `{}[{index}]`: {}.", fact.level.shown(), short(&fact.name.text)),
    };
    let (reason, action) = match language {
        Language::Portuguese => ("Motivo", "Ação"),
        Language::English => ("Reason", "Action"),
    };
    for (title, part) in [(reason, &fact.reason), (action, &fact.action)] {
        if let Some(part) = part {
            text.push_str(&format!("\n\n{title}: {}", short(&part.text)));
        }
    }
    text
}

fn variable(loaded: &Loaded<'_>, at: u32, language: Language) -> Option<Hover> {
    let rule = rule_at(&loaded.tree, at)?;
    let template = rule.action.as_ref()?.template().filter(|template| template.span.holds(at))?;
    let piece = template.pieces.iter().find_map(|piece| match piece {
        Piece::Fact(level, index, property, span) if span.holds(at) => {
            Some((*level, *index, *property, *span))
        }
        _ => None,
    });
    if let Some((level, index, property, span)) = piece {
        return Some(Hover { span, text: value(loaded, level, index, property, language) });
    }
    let (span, name) =
        super::colour::variables(loaded.tree.source, template.span).find(|(span, _)| span.holds(at))?;
    let text = match (crate::fold::fold(name).as_str(), language) {
        ("question" | "pergunta", Language::Portuguese) => "A pergunta do usuário, como foi feita.",
        ("question" | "pergunta", Language::English) => "The user's question, as it was asked.",
        ("intent" | "intencao", Language::Portuguese) => "O nome da intenção da pergunta.",
        ("intent" | "intencao", Language::English) => "The name of the question's intent.",
        ("page" | "pagina", Language::Portuguese) => "A página do melhor trecho encontrado.",
        ("page" | "pagina", Language::English) => "The page of the best passage found.",
        _ => return None,
    };
    Some(Hover { span, text: text.to_owned() })
}

fn value(loaded: &Loaded<'_>, level: Level, index: u32, property: Property, language: Language) -> String {
    let own = loaded.tree.facts.iter().zip(numbers(loaded));
    let found = own.into_iter().find(|(fact, number)| fact.level == level && *number == index);
    let Some((fact, _)) = found else {
        return match language {
            Language::Portuguese => {
                format!("Fato `{}[{index}]`, que este arquivo não declara.", level.shown())
            }
            Language::English => {
                format!("Fact `{}[{index}]`, which this file does not declare.", level.shown())
            }
        };
    };
    let text = match property {
        Property::Name => Some(&fact.name),
        Property::Reason => fact.reason.as_ref(),
        Property::Action => fact.action.as_ref(),
        Property::Level => return level.shown().to_owned(),
    };
    text.map_or_else(|| "(vazio)".to_owned(), |text| short(&text.text))
}

/// The rule whose lines hold an offset.
fn rule_at<'t, 's>(tree: &'t Tree<'s>, at: u32) -> Option<&'t Rule<'s>> {
    let end = tree.rules.partition_point(|rule| rule.span.start <= at);
    tree.rules.get(..end)?.last().filter(|rule| rule.span.holds(at))
}

/// A term of a condition, with where it may stand.
fn term(tree: &Tree<'_>, at: u32, language: Language) -> Option<Hover> {
    let condition = rule_at(tree, at)?.conditions.iter().find(|condition| condition.span.holds(at))?;
    let (Test::Mentions(_, terms) | Test::Metadata(_, MetadataTest::Mentions(terms))) = &condition.test
    else {
        return None;
    };
    let term = terms.iter().find(|term| term.text.span.holds(at))?;
    let text = format!("{}\n\n{}", reach(term, language), looks_at(condition, language));
    Some(Hover { span: term.text.span, text })
}

fn reach(term: &Term<'_>, language: Language) -> String {
    let shown = short(&term.text.text);
    match (term.reach, language) {
        (Reach::Prefix, Language::Portuguese) => format!("`{shown}` no começo de uma palavra"),
        (Reach::Prefix, Language::English) => format!("`{shown}` at the beginning of a word"),
        (Reach::Word, Language::Portuguese) => format!("`{shown}` como palavra inteira"),
        (Reach::Word, Language::English) => format!("`{shown}` as a whole word"),
        (Reach::Part, Language::Portuguese) => format!("`{shown}` em qualquer parte"),
        (Reach::Part, Language::English) => format!("`{shown}` anywhere"),
    }
}

fn terms(terms: &[Term<'_>], language: Language) -> String {
    let or = if language == Language::Portuguese { " ou " } else { " or " };
    let mut shown: Vec<String> = terms.iter().take(LISTED_MAX).map(|term| reach(term, language)).collect();
    if terms.len() > LISTED_MAX {
        shown.push("…".to_owned());
    }
    shown.join(or)
}

/// What a condition looks at, as a sentence.
fn looks_at(condition: &Condition<'_>, language: Language) -> String {
    let subject = |subject: Subject| match (subject, language) {
        (Subject::Answer, Language::Portuguese) => "a resposta",
        (Subject::Answer, Language::English) => "the answer",
        (Subject::Context, Language::Portuguese) => "o contexto",
        (Subject::Context, Language::English) => "the context",
        (Subject::Question, Language::Portuguese) => "a pergunta",
        (Subject::Question, Language::English) => "the question",
    };
    let what = match (&condition.test, language) {
        (Test::Mentions(whose, list), Language::Portuguese) => {
            format!("{} diz {}", subject(*whose), terms(list, language))
        }
        (Test::Mentions(whose, list), Language::English) => {
            format!("{} says {}", subject(*whose), terms(list, language))
        }
        (Test::Has(whose, ..), Language::Portuguese) => format!("{} tem um valor assim", subject(*whose)),
        (Test::Has(whose, ..), Language::English) => format!("{} has such a value", subject(*whose)),
        (Test::Page(_), Language::Portuguese) => "a página do melhor trecho é assim".to_owned(),
        (Test::Page(_), Language::English) => "the page of the best passage is so".to_owned(),
        (Test::Confidence(_), Language::Portuguese) => "a confiança na resposta é assim".to_owned(),
        (Test::Confidence(_), Language::English) => "the confidence in the answer is so".to_owned(),
        (Test::Metadata(key, _), Language::Portuguese) => {
            format!("o metadado `{}` é assim", short(&key.text))
        }
        (Test::Metadata(key, _), Language::English) => format!("the metadata `{}` is so", short(&key.text)),
    };
    match (condition.negated, language) {
        (false, Language::Portuguese) => format!("A condição vale quando {what}."),
        (true, Language::Portuguese) => format!("A condição vale quando não é verdade que {what}."),
        (false, Language::English) => format!("The condition holds when {what}."),
        (true, Language::English) => format!("The condition holds when it is not true that {what}."),
    }
}

fn keyword(tree: &Tree<'_>, at: u32, language: Language) -> Option<Hover> {
    let line = tree.lines.get(tree.line_at(at))?;
    let (shown, span) = tree.tokens_of(line).iter().find_map(|token| match token.kind {
        TokenKind::Keyword(shown) if token.span.holds(at) => Some((shown, token.span)),
        _ => None,
    })?;
    let mut text = format!("**{shown}**: {}", explain(shown, language)?);
    let condition = rule_at(tree, at).and_then(|rule| rule.conditions.iter().find(|c| c.span.holds(at)));
    if let Some(condition) = condition {
        text.push_str("\n\n");
        text.push_str(&looks_at(condition, language));
    }
    Some(Hover { span, text })
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace(['`', '\n', '\r'], " ")
}
