//! What is asked of one document, put to the language service.

use std::collections::HashMap;

use enabler_rules::diagnostic::Language;
use enabler_rules::program::Loaded;
use enabler_rules::service::{self, Colour, CompletionKind, Lines, SymbolKind, Target};
use enabler_rules::syntax::tree::Span;
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CompletionItem, CompletionItemKind,
    CompletionList, CompletionParams, CompletionResponse, CompletionTextEdit, DocumentFormattingParams,
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, FoldingRange, FoldingRangeKind,
    FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, HoverParams,
    Location, MarkupContent, MarkupKind, Position, PrepareRenameResponse, Range, ReferenceParams,
    RenameParams, SemanticToken, SemanticTokenType, SemanticTokens, SemanticTokensParams,
    SemanticTokensResult, TextDocumentPositionParams, TextEdit, Url, WorkspaceEdit,
};

use super::convert;
use super::documents::Documents;

/// What the numbers in coloured pieces mean, in the order of [`token`].
pub(super) const TOKENS: [SemanticTokenType; 7] = [
    SemanticTokenType::KEYWORD,
    SemanticTokenType::STRING,
    SemanticTokenType::TYPE,
    SemanticTokenType::NUMBER,
    SemanticTokenType::DECORATOR,
    SemanticTokenType::COMMENT,
    SemanticTokenType::VARIABLE,
];

fn token(colour: Colour) -> u32 {
    match colour {
        Colour::Keyword => 0,
        Colour::String => 1,
        Colour::Name => 2,
        Colour::Number => 3,
        Colour::Choice => 4,
        Colour::Comment => 5,
        Colour::Variable => 6,
    }
}

/// One request's surroundings.
#[derive(Clone, Copy)]
pub(super) struct Asked<'d> {
    pub(super) documents: &'d Documents,
    pub(super) language: Language,
}

/// A document that was read for one request.
struct Open<'s> {
    uri: Url,
    loaded: Loaded<'s>,
    lines: Lines<'s>,
}

impl Open<'_> {
    fn range(&self, span: Span) -> Range {
        convert::range(&self.lines, span)
    }

    fn edits(&self, edits: Vec<service::Edit>) -> Vec<TextEdit> {
        edits.into_iter().map(|edit| convert::edit(&self.lines, edit)).collect()
    }

    fn changes(&self, edits: Vec<service::Edit>) -> WorkspaceEdit {
        WorkspaceEdit::new(HashMap::from([(self.uri.clone(), self.edits(edits))]))
    }
}

impl<'d> Asked<'d> {
    fn open(&self, uri: Url) -> Option<Open<'d>> {
        let lines = Lines::new(self.documents.text(&uri)?);
        let loaded = self.documents.loaded(&uri)?;
        Some(Open { uri, loaded, lines })
    }

    fn at(&self, place: TextDocumentPositionParams) -> Option<(Open<'d>, u32)> {
        let open = self.open(place.text_document.uri)?;
        let at = convert::offset(&open.lines, place.position);
        Some((open, at))
    }

    pub(super) fn hover(&self, params: HoverParams) -> Option<Hover> {
        let (open, at) = self.at(params.text_document_position_params)?;
        let told = service::hover(&open.loaded, &open.loaded.diagnostics, at, self.language)?;
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: told.text });
        Some(Hover { contents, range: Some(open.range(told.span)) })
    }

    pub(super) fn completion(&self, params: CompletionParams) -> Option<CompletionResponse> {
        let (open, at) = self.at(params.text_document_position)?;
        let offered = service::complete(&open.loaded, at, self.language);
        let items = (0..).zip(offered).map(|(rank, offer): (u32, _)| {
            let typed = offer.replaces.of(open.loaded.tree.source).to_owned();
            CompletionItem {
                kind: Some(match offer.kind {
                    CompletionKind::Keyword => CompletionItemKind::KEYWORD,
                    CompletionKind::Intent => CompletionItemKind::CLASS,
                    CompletionKind::Rule => CompletionItemKind::FUNCTION,
                    CompletionKind::Variable => CompletionItemKind::VARIABLE,
                    CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
                }),
                label: offer.label.trim_end().to_owned(),
                detail: Some(offer.detail).filter(|detail| !detail.is_empty()),
                // The service has chosen already, without accents, which editors do not; what was typed always fits.
                filter_text: Some(typed).filter(|typed| !typed.is_empty()),
                sort_text: Some(format!("{rank:05}")),
                text_edit: Some(CompletionTextEdit::Edit(TextEdit {
                    range: open.range(offer.replaces),
                    new_text: offer.insert,
                })),
                ..CompletionItem::default()
            }
        });
        Some(CompletionResponse::List(CompletionList { is_incomplete: true, items: items.collect() }))
    }

    pub(super) fn definition(&self, params: GotoDefinitionParams) -> Option<GotoDefinitionResponse> {
        let (open, at) = self.at(params.text_document_position_params)?;
        let targets = service::definition(&open.loaded, at).into_iter().filter_map(|target| match target {
            Target::Here(span) => Some(Location { uri: open.uri.clone(), range: open.range(span) }),
            Target::File(name) => {
                let uri = self.documents.place_of_import(&open.uri, &name)?;
                Some(Location { uri, range: Range::default() })
            }
        });
        Some(GotoDefinitionResponse::Array(targets.collect()))
    }

    pub(super) fn references(&self, params: ReferenceParams) -> Option<Vec<Location>> {
        let (open, at) = self.at(params.text_document_position)?;
        let spans = service::references(&open.loaded, at, params.context.include_declaration);
        let places =
            spans.into_iter().map(|span| Location { uri: open.uri.clone(), range: open.range(span) });
        Some(places.collect())
    }

    pub(super) fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>, String> {
        let Some((open, at)) = self.at(params) else { return Ok(None) };
        let span = service::nameable(&open.loaded, at).map_err(|refused| refused.message(self.language))?;
        Ok(Some(PrepareRenameResponse::Range(open.range(span))))
    }

    pub(super) fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>, String> {
        let Some((open, at)) = self.at(params.text_document_position) else { return Ok(None) };
        let edits = service::rename(&open.loaded, at, &params.new_name);
        let edits = edits.map_err(|refused| refused.message(self.language))?;
        Ok(Some(open.changes(edits)))
    }

    pub(super) fn formatting(&self, params: DocumentFormattingParams) -> Option<Vec<TextEdit>> {
        let open = self.open(params.text_document.uri)?;
        Some(open.edits(service::format(&open.loaded)))
    }

    pub(super) fn actions(&self, params: CodeActionParams) -> Option<Vec<CodeActionOrCommand>> {
        let open = self.open(params.text_document.uri)?;
        let wanted =
            |only: &Vec<CodeActionKind>| only.iter().any(|kind| matches!(kind.as_str(), "" | "quickfix"));
        if !params.context.only.as_ref().is_none_or(wanted) {
            return Some(Vec::new());
        }
        let problems = service::diagnostics(&open.loaded);
        let selection = convert::span(&open.lines, params.range);
        let offered = service::actions(&problems, selection, self.language).into_iter().map(|action| {
            let problem = convert::problem(&open.lines, &open.uri, &action.problem, self.language);
            CodeActionOrCommand::CodeAction(CodeAction {
                title: action.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![problem]),
                edit: Some(open.changes(vec![action.edit])),
                is_preferred: Some(true),
                ..CodeAction::default()
            })
        });
        Some(offered.collect())
    }

    pub(super) fn symbols(&self, params: DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
        let open = self.open(params.text_document.uri)?;
        let symbols = service::symbols(&open.loaded.tree);
        Some(DocumentSymbolResponse::Nested(
            symbols.into_iter().map(|symbol| outline(&open, symbol)).collect(),
        ))
    }

    pub(super) fn tokens(&self, params: SemanticTokensParams) -> Option<SemanticTokensResult> {
        let open = self.open(params.text_document.uri)?;
        let mut last = Position::default();
        let pieces = service::colours(&open.loaded.tree).into_iter().filter_map(|piece| {
            let Range { start, end } = open.range(piece.span);
            // A lone carriage return ends a line for editors and not for the language.
            let length = end.character.checked_sub(start.character).filter(|_| start.line == end.line)?;
            let delta_line = start.line - last.line;
            let delta_start =
                if delta_line == 0 { start.character - last.character } else { start.character };
            last = start;
            let token_type = token(piece.colour);
            Some(SemanticToken { delta_line, delta_start, length, token_type, token_modifiers_bitset: 0 })
        });
        Some(SemanticTokensResult::Tokens(SemanticTokens { result_id: None, data: pieces.collect() }))
    }

    pub(super) fn folds(&self, params: FoldingRangeParams) -> Option<Vec<FoldingRange>> {
        let open = self.open(params.text_document.uri)?;
        let tree = &open.loaded.tree;
        let line = |at: u32, end: bool| {
            let span = tree.lines.get(at as usize).map(|line| line.span).unwrap_or_default();
            convert::position(&open.lines, if end { span.end } else { span.start }).line
        };
        let folds = service::folds(tree).into_iter().map(|fold| FoldingRange {
            start_line: line(fold.first, false),
            end_line: line(fold.last, true),
            kind: Some(if fold.comment { FoldingRangeKind::Comment } else { FoldingRangeKind::Region }),
            ..FoldingRange::default()
        });
        Some(folds.collect())
    }
}

#[expect(deprecated, reason = "the protocol's type asks for its deprecated field")]
fn outline(open: &Open<'_>, symbol: service::Symbol) -> DocumentSymbol {
    let children: Vec<_> = symbol.children.into_iter().map(|child| outline(open, child)).collect();
    DocumentSymbol {
        name: symbol.name,
        detail: None,
        kind: match symbol.kind {
            SymbolKind::Section => lsp_types::SymbolKind::NAMESPACE,
            SymbolKind::Fact => lsp_types::SymbolKind::CONSTANT,
            SymbolKind::Intent => lsp_types::SymbolKind::CLASS,
            SymbolKind::Expansion => lsp_types::SymbolKind::PROPERTY,
            SymbolKind::Normalisation | SymbolKind::Synonym => lsp_types::SymbolKind::STRING,
            SymbolKind::Rule => lsp_types::SymbolKind::FUNCTION,
            SymbolKind::Test => lsp_types::SymbolKind::METHOD,
        },
        tags: None,
        deprecated: None,
        range: open.range(symbol.span),
        selection_range: open.range(symbol.selection),
        children: Some(children).filter(|children| !children.is_empty()),
    }
}
