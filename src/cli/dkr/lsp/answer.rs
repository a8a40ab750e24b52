//! One answer for every request that the server offers; any other is refused by its name.

use enabler_rules::diagnostic::Language;
use lsp_server::{ErrorCode, Request, Response};
use lsp_types::request::{self as requests, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CompletionOptions,
    FoldingRangeProviderCapability, HoverProviderCapability, OneOf, RenameOptions, SemanticTokensFullOptions,
    SemanticTokensLegend, SemanticTokensOptions, ServerCapabilities, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions,
};
use serde::de::DeserializeOwned;

use super::asked::{Asked, TOKENS};
use super::documents::Documents;

/// What the server can do.
pub(super) fn capabilities() -> ServerCapabilities {
    let legend = SemanticTokensLegend { token_types: TOKENS.to_vec(), token_modifiers: Vec::new() };
    let full = Some(SemanticTokensFullOptions::Bool(true));
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([" ", "\"", "{", "[", ":"].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: Default::default(),
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        document_symbol_provider: Some(OneOf::Left(true)),
        semantic_tokens_provider: Some(
            SemanticTokensOptions { legend, full, ..SemanticTokensOptions::default() }.into(),
        ),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        ..ServerCapabilities::default()
    }
}

/// Answers one request.
pub(super) fn answer(documents: &Documents, language: Language, request: Request) -> Response {
    let asked = Asked { documents, language };
    match request.method.as_str() {
        requests::HoverRequest::METHOD => run(request, |params| Ok(asked.hover(params))),
        requests::Completion::METHOD => run(request, |params| Ok(asked.completion(params))),
        requests::GotoDefinition::METHOD => run(request, |params| Ok(asked.definition(params))),
        requests::References::METHOD => run(request, |params| Ok(asked.references(params))),
        requests::PrepareRenameRequest::METHOD => run(request, |params| asked.prepare_rename(params)),
        requests::Rename::METHOD => run(request, |params| asked.rename(params)),
        requests::Formatting::METHOD => run(request, |params| Ok(asked.formatting(params))),
        requests::CodeActionRequest::METHOD => run(request, |params| Ok(asked.actions(params))),
        requests::DocumentSymbolRequest::METHOD => run(request, |params| Ok(asked.symbols(params))),
        requests::SemanticTokensFullRequest::METHOD => run(request, |params| Ok(asked.tokens(params))),
        requests::FoldingRangeRequest::METHOD => run(request, |params| Ok(asked.folds(params))),
        method => {
            let text = format!("`{method}` is not offered by this server");
            Response::new_err(request.id, ErrorCode::MethodNotFound as i32, text)
        }
    }
}

fn run<P: DeserializeOwned, T: serde::Serialize>(
    request: Request,
    answer: impl FnOnce(P) -> Result<T, String>,
) -> Response {
    match serde_json::from_value(request.params).map(answer) {
        Ok(Ok(result)) => Response::new_ok(request.id, result),
        Ok(Err(refused)) => Response::new_err(request.id, ErrorCode::RequestFailed as i32, refused),
        Err(error) => {
            let text = format!("the parameters of `{}` are wrong: {error}", request.method);
            Response::new_err(request.id, ErrorCode::InvalidParams as i32, text)
        }
    }
}
