//! What every piece of the text is, for colouring it.

use crate::syntax::tree::{Piece, Span, TokenKind, Tree};

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colour {
    /// A word of the language.
    Keyword,
    /// A text that is looked for or written.
    String,
    /// A name of an intent or a fact.
    Name,
    /// An amount, a date, a number.
    Number,
    /// `[palavra]` and the like.
    Choice,
    /// A remark.
    Comment,
    /// `{…}` in a prepared text.
    Variable,
}

/// A coloured piece; it never spans two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coloured {
    /// Where.
    pub span: Span,
    /// What.
    pub colour: Colour,
}

/// Bytes between `{` and `}`: no variable is longer.
const VARIABLE_MAX: usize = 80;

/// All pieces of a file in their order, without overlap.
pub fn colours(tree: &Tree<'_>) -> Vec<Coloured> {
    let templates = tree.rules.iter().filter_map(|rule| rule.action.as_ref()?.template());
    let mut variables: Vec<Span> = Vec::new();
    for template in templates {
        let facts = template.pieces.iter().filter_map(|piece| match piece {
            Piece::Fact(.., span) => Some(*span),
            _ => None,
        });
        variables.extend(facts);
        variables.extend(super::colour::variables(tree.source, template.span).map(|(span, _)| span));
    }
    variables.sort_unstable();
    variables.dedup();
    let mut pieces = Vec::with_capacity(tree.tokens.len());
    for line in &tree.lines {
        for token in tree.tokens_of(line) {
            let colour = match token.kind {
                TokenKind::Keyword(_) => Colour::Keyword,
                TokenKind::Quoted | TokenKind::Bare => Colour::String,
                TokenKind::Name => Colour::Name,
                TokenKind::Literal => Colour::Number,
                TokenKind::Choice => Colour::Choice,
                TokenKind::Comment => Colour::Comment,
                TokenKind::Text => {
                    text(token.span, &variables, &mut pieces);
                    continue;
                }
                TokenKind::Mark => continue,
            };
            pieces.push(Coloured { span: token.span, colour });
        }
    }
    pieces.retain(|piece| piece.span.start < piece.span.end);
    pieces
}

/// A free text, cut where variables stand in it.
fn text(span: Span, variables: &[Span], pieces: &mut Vec<Coloured>) {
    let mut from = span.start;
    let first = variables.partition_point(|variable| variable.start < span.start);
    for variable in variables.iter().skip(first).take_while(|variable| variable.end <= span.end) {
        if variable.start < from {
            continue;
        }
        pieces.push(Coloured { span: Span { start: from, end: variable.start }, colour: Colour::String });
        pieces.push(Coloured { span: *variable, colour: Colour::Variable });
        from = variable.end;
    }
    pieces.push(Coloured { span: Span { start: from, end: span.end }, colour: Colour::String });
}

/// `{pergunta}`, `{intenção}` and `{página}` in a stretch of the source, with what stands between the braces.
pub(super) fn variables(source: &str, within: Span) -> impl Iterator<Item = (Span, &str)> {
    let text = within.of(source);
    text.match_indices('{').filter_map(move |(at, _)| {
        let mut rest = text.get(at + 1..)?;
        if rest.len() > VARIABLE_MAX {
            rest = rest.get(..super::clamp(rest, VARIABLE_MAX as u32) as usize)?;
        }
        // `{{` is a brace, not a variable.
        if text.get(..at)?.ends_with('{') {
            return None;
        }
        let name = rest.split_once('}')?.0;
        let known = ["pergunta", "question", "intencao", "intent", "pagina", "page"];
        let folded = crate::fold::fold(name.trim());
        let start = within.start + at as u32;
        known
            .contains(&folded.as_str())
            .then_some((Span { start, end: start + name.len() as u32 + 2 }, name.trim()))
    })
}
