//! From a name to what it names, to all places that say it, and to another name.

use super::names::{Named, Names, Role};
use crate::diagnostic::Language;
use crate::fold::{fold, in_word};
use crate::program::{Loaded, NoImports, load};
use crate::syntax::tree::Span;

/// Characters of a name; a longer one is a sentence.
const NAME_MAX: usize = 200;

/// A change of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A place in this file.
    Here(Span),
    /// Another file, as the import names it.
    File(String),
}

/// Why a name cannot become another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Renaming {
    /// Nothing with a name of its own stands here.
    #[error("nothing here can be renamed; only intents and rules with a name can")]
    NoName,
    /// It is declared in another file, or comes by itself.
    #[error("it is not declared in this file")]
    Elsewhere,
    /// The rule is known by its line only.
    #[error("the rule has no name; write `REGRA \"name\"` above its `QUANDO`")]
    Unnamed,
    /// The new name could not stand in the file.
    #[error("`{0}` is not a name that can stand here")]
    NotAName(String),
    /// The new name is taken.
    #[error("there is already one named `{0}`")]
    Exists(String),
    /// A rule belongs to the intent by the words of its `QUANDO`, which a new name would cut.
    #[error(
        "the rule on line {0} belongs to the intent by the words of its QUANDO; write `QUANDO intenção \"…\"` first"
    )]
    Implied(u32),
}

impl Renaming {
    /// The reason, for the author of the file.
    pub fn message(&self, language: Language) -> String {
        if language == Language::English {
            return self.to_string();
        }
        match self {
            Renaming::NoName => "nada aqui pode ser renomeado; só intenções e regras com nome".to_owned(),
            Renaming::Elsewhere => "não é declarada neste arquivo".to_owned(),
            Renaming::Unnamed => {
                "a regra não tem nome; escreva `REGRA \"nome\"` acima do seu QUANDO".to_owned()
            }
            Renaming::NotAName(name) => format!("`{name}` não é um nome que possa estar aqui"),
            Renaming::Exists(name) => format!("já existe uma de nome `{name}`"),
            Renaming::Implied(line) => format!(
                "a regra da linha {line} pertence à intenção pelas palavras do seu QUANDO; escreva antes `QUANDO intenção \"…\"`"
            ),
        }
    }
}

/// Where what stands at an offset is declared.
pub fn definition(loaded: &Loaded<'_>, at: u32) -> Vec<Target> {
    let names = Names::of(loaded);
    let Some(place) = names.at(at) else { return Vec::new() };
    if let Named::File(import) = place.named {
        let import = loaded.tree.imports.get(import as usize);
        return import.map(|import| Target::File(import.text.clone().into_owned())).into_iter().collect();
    }
    let declares = names.all(place.named).filter(|place| place.role == Role::Declares);
    declares.map(|place| Target::Here(place.span)).collect()
}

/// Every place that says what stands at an offset, in the order of the file.
pub fn references(loaded: &Loaded<'_>, at: u32, with_declaration: bool) -> Vec<Span> {
    let names = Names::of(loaded);
    let Some(place) = names.at(at) else { return Vec::new() };
    let all = names.all(place.named).filter(|place| with_declaration || place.role != Role::Declares);
    all.map(|place| place.span).collect()
}

/// The name at an offset that can be changed.
///
/// # Errors
/// When nothing there has a name of this file.
pub fn nameable(loaded: &Loaded<'_>, at: u32) -> Result<Span, Renaming> {
    checked(loaded, &Names::of(loaded), at).map(|(_, span)| span)
}

/// The edits that give what stands at an offset another name, in the order of the file.
///
/// # Errors
/// When it cannot have that name without changing what the file means.
pub fn rename(loaded: &Loaded<'_>, at: u32, name: &str) -> Result<Vec<Edit>, Renaming> {
    let names = Names::of(loaded);
    let (named, span) = checked(loaded, &names, at)?;
    let source = loaded.tree.source;
    let old = span.of(source);
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Renaming::NotAName(name.to_owned()));
    }
    let alike = fold(name) == fold(old);
    match named {
        Named::Intent(_) => {
            if !name.starts_with(in_word) || !name.chars().all(|c| in_word(c) || c == '-') {
                return Err(Renaming::NotAName(name.to_owned()));
            }
            if !alike && names.knows_intent(name) {
                return Err(Renaming::Exists(name.to_owned()));
            }
            let implied = names.all(named).find(|place| place.role == Role::Implies && !alike);
            if let Some(place) = implied {
                return Err(Renaming::Implied(loaded.tree.line_at(place.span.start) as u32 + 1));
            }
        }
        _ if name != old && names.knows_rule(name) => return Err(Renaming::Exists(name.to_owned())),
        _ => {}
    }
    let edits: Vec<Edit> = names
        .all(named)
        .filter(|place| place.role != Role::Implies)
        .map(|place| Edit { span: place.span, text: name.to_owned() })
        .collect();
    // Quotes, remarks and keywords can turn a name into something else; the file itself is asked.
    let text = super::edited(source, &edits);
    let again = load(&text, &NoImports);
    let before = load(source, &NoImports);
    let codes = |loaded: &Loaded<'_>| loaded.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>();
    let roles =
        |names: &Names| names.places.iter().map(|place| (place.role, place.named)).collect::<Vec<_>>();
    if codes(&before) != codes(&again) || roles(&Names::of(&before)) != roles(&Names::of(&again)) {
        return Err(Renaming::NotAName(name.to_owned()));
    }
    Ok(edits)
}

fn checked(loaded: &Loaded<'_>, names: &Names, at: u32) -> Result<(Named, Span), Renaming> {
    let place = names.at(at).ok_or(Renaming::NoName)?;
    if place.role == Role::Implies || matches!(place.named, Named::Fact(_) | Named::File(_)) {
        return Err(Renaming::NoName);
    }
    let mut declared = names.all(place.named).filter(|place| place.role == Role::Declares).peekable();
    declared.peek().ok_or(Renaming::Elsewhere)?;
    if let Named::Rule(_) = place.named {
        let unnamed = |span: Span| {
            loaded.tree.rules.iter().any(|rule| rule.name.is_none() && rule.when_span.start == span.start)
        };
        if declared.any(|place| unnamed(place.span)) {
            return Err(Renaming::Unnamed);
        }
    }
    Ok((place.named, place.span))
}
