//! The language server: an editor's messages on standard input, one after another, answers on standard output.

mod answer;
mod asked;
mod convert;
mod documents;
mod wire;

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use enabler_rules::diagnostic::Language;
use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::{InitializeParams, InitializeResult, ServerInfo, Url};

use super::super::failure::Failure;
use documents::Documents;

/// Serves one editor until it says `exit`. The exit code is 0 when it said `shutdown` before, else 1.
///
/// # Errors
/// When what comes in cannot be told apart into messages any more, or nobody reads the answers.
pub(crate) fn serve() -> Result<ExitCode, Failure> {
    let mut server = Server::new(std::io::stdin().lock(), std::io::stdout().lock());
    server.run().map_err(|source| Failure::io("serving the editor on standard input and output", source))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Fresh,
    Serving,
    ShutDown,
}

struct Server<R, W> {
    input: wire::Reader<R>,
    output: W,
    phase: Phase,
    language: Language,
    documents: Documents,
}

impl<R: Read, W: Write> Server<R, W> {
    fn new(input: R, output: W) -> Self {
        let input = wire::Reader::new(input);
        Self {
            input,
            output,
            phase: Phase::Fresh,
            language: Language::Portuguese,
            documents: Documents::default(),
        }
    }

    fn run(&mut self) -> std::io::Result<ExitCode> {
        loop {
            // Problems are told when nothing waits, so that fast typing is checked once, not at every letter.
            while !self.input.waits()
                && let Some(uri) = self.documents.next_unchecked()
            {
                self.publish(uri)?;
            }
            match self.input.next()? {
                None => return Ok(ExitCode::FAILURE),
                Some(wire::Read::Garbled(problem)) => {
                    self.log(&format!("a message was skipped: {problem}"))?
                }
                Some(wire::Read::Message(Message::Request(request))) => {
                    let response = self.request(request);
                    self.send(response.into())?;
                }
                Some(wire::Read::Message(Message::Notification(notification))) => {
                    if notification.method == "exit" {
                        let shut_down = self.phase == Phase::ShutDown;
                        return Ok(if shut_down { ExitCode::SUCCESS } else { ExitCode::FAILURE });
                    }
                    self.notification(notification)?;
                }
                // Nothing is asked of the editor, so nothing is answered by it.
                Some(wire::Read::Message(Message::Response(_))) => {}
            }
        }
    }

    fn send(&mut self, message: Message) -> std::io::Result<()> {
        message.write(&mut self.output)
    }

    /// A line in the editor's log.
    fn log(&mut self, text: &str) -> std::io::Result<()> {
        let params = serde_json::json!({ "type": 2, "message": text });
        self.send(Notification { method: "window/logMessage".to_owned(), params }.into())
    }

    fn request(&mut self, request: Request) -> Response {
        let refuse =
            |code: ErrorCode, text: &str| Response::new_err(request.id.clone(), code as i32, text.to_owned());
        match (self.phase, request.method.as_str()) {
            (Phase::Fresh, "initialize") => self.initialize(request),
            (Phase::Fresh, _) => refuse(ErrorCode::ServerNotInitialized, "`initialize` must come first"),
            (_, "initialize") => refuse(ErrorCode::InvalidRequest, "`initialize` was answered already"),
            (Phase::ShutDown, _) => {
                refuse(ErrorCode::InvalidRequest, "after `shutdown` only `exit` may come")
            }
            (Phase::Serving, "shutdown") => {
                self.phase = Phase::ShutDown;
                Response::new_ok(request.id, serde_json::Value::Null)
            }
            (Phase::Serving, _) => {
                let id = request.id.clone();
                // A defect in one answer must not take the editor's other documents with it.
                let answered = catch_unwind(AssertUnwindSafe(|| {
                    answer::answer(&self.documents, self.language, request)
                }));
                answered.unwrap_or_else(|_| {
                    let text =
                        "the language server failed at this request; it goes on with the next".to_owned();
                    Response::new_err(id, ErrorCode::InternalError as i32, text)
                })
            }
        }
    }

    fn initialize(&mut self, request: Request) -> Response {
        let params: InitializeParams = match serde_json::from_value(request.params) {
            Ok(params) => params,
            Err(error) => {
                return Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string());
            }
        };
        // Rules are written in Portuguese; only an editor that speaks English hears English.
        if params.locale.is_some_and(|locale| locale.to_ascii_lowercase().starts_with("en")) {
            self.language = Language::English;
        }
        self.phase = Phase::Serving;
        let version = Some(env!("CARGO_PKG_VERSION").to_owned());
        let server_info = Some(ServerInfo { name: "rag-enabler dkr".to_owned(), version });
        let result = InitializeResult { capabilities: answer::capabilities(), server_info };
        Response::new_ok(request.id, result)
    }

    fn notification(&mut self, notification: Notification) -> std::io::Result<()> {
        if self.phase != Phase::Serving {
            return Ok(());
        }
        let taken = catch_unwind(AssertUnwindSafe(|| take(&mut self.documents, notification)));
        match taken {
            Ok(Ok(Some(closed))) => self.tell(closed, None, Vec::new()),
            Ok(Ok(None)) => Ok(()),
            Ok(Err(problem)) => self.log(&problem),
            Err(_) => self.log("the language server failed at a notification; it goes on with the next"),
        }
    }

    /// Checks a document and tells what is wrong with it.
    fn publish(&mut self, uri: Url) -> std::io::Result<()> {
        let found = catch_unwind(AssertUnwindSafe(|| self.documents.check(&uri, self.language)));
        match found {
            Ok(Some((version, problems))) => self.tell(uri, Some(version), problems),
            Ok(None) => Ok(()),
            Err(_) => self.log(&format!("the language server failed at checking {uri}")),
        }
    }

    fn tell(
        &mut self,
        uri: Url,
        version: Option<i32>,
        problems: Vec<lsp_types::Diagnostic>,
    ) -> std::io::Result<()> {
        let params = lsp_types::PublishDiagnosticsParams { uri, diagnostics: problems, version };
        self.send(Notification::new(PublishDiagnostics::METHOD.to_owned(), params).into())
    }
}

/// Takes in what an editor says of its documents; gives the document that was closed.
fn take(documents: &mut Documents, notification: Notification) -> Result<Option<Url>, String> {
    let method = notification.method.clone();
    let wrong = |error: serde_json::Error| format!("`{method}` was skipped: {error}");
    match notification.method.as_str() {
        DidOpenTextDocument::METHOD => {
            let params: lsp_types::DidOpenTextDocumentParams =
                serde_json::from_value(notification.params).map_err(wrong)?;
            let document = params.text_document;
            documents.open(document.uri, document.version, document.text).map(|()| None)
        }
        DidChangeTextDocument::METHOD => {
            let params: lsp_types::DidChangeTextDocumentParams =
                serde_json::from_value(notification.params).map_err(wrong)?;
            let document = params.text_document;
            documents.change(&document.uri, document.version, params.content_changes).map(|()| None)
        }
        DidCloseTextDocument::METHOD => {
            let params: lsp_types::DidCloseTextDocumentParams =
                serde_json::from_value(notification.params).map_err(wrong)?;
            documents.close(&params.text_document.uri);
            Ok(Some(params.text_document.uri))
        }
        // What the server does not know may be ignored, says the protocol.
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
