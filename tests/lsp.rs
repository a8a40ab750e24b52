//! An editor talks to the language server: a real session with the program, over its standard input and output.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::node::Home;

/// How long an answer is waited for before the server is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);
const URI: &str = "untitled:frota.rules";

/// Two mistakes: `NOA`, and a heading that does not exist. The emoji makes columns differ from bytes and characters.
const BROKEN: &str = "\
# 🚚 da frota
DOMÍNIO: Frota
PADRÕES DE INTENÇÃO:
revisão:
  - \"revisão\"
REGRAS DE VALIDAÇAO GERAL:
QUANDO intenção \"revisão\"
  E resposta mencoina \"🚚 20.000\"
ENTÃO corrigir para:
  São 10.000 km.
TESTES:
TESTE \"prazo\"
  pergunta: Quando é a revisão?
  resposta: A cada 🚚 20.000 km.
  espera veredito: corrigida
  espera intenção: revisão
";

/// A small editor.
struct Editor {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What the server said without being asked, in order.
    told: Vec<Value>,
    next_id: u64,
}

impl Editor {
    fn start() -> Self {
        let mut command = Home::new().command();
        // The home is gone at once; the language server needs none.
        command.arg("dkr").arg("lsp").current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, told: Vec::new(), next_id: 1 }
    }

    /// A session that has begun.
    async fn ready() -> Self {
        let mut editor = Self::start();
        let result = editor.ask("initialize", json!({ "capabilities": {}, "locale": "pt-BR" })).await;
        assert_eq!(result["capabilities"]["textDocumentSync"]["change"], 2, "{result}");
        editor.tell("initialized", json!({})).await;
        editor
    }

    async fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let framed = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        self.input.write_all(framed.as_bytes()).await.unwrap();
        self.input.flush().await.unwrap();
    }

    async fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// The next message.
    async fn receive(&mut self) -> Value {
        let read = async {
            let mut length = None;
            loop {
                let mut line = String::new();
                assert_ne!(self.output.read_line(&mut line).await.unwrap(), 0, "the server ended");
                match line.trim_end().split_once(": ") {
                    Some(("Content-Length", value)) => length = Some(value.parse().unwrap()),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut bytes = vec![0; length.expect("a length")];
            self.output.read_exact(&mut bytes).await.unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        tokio::time::timeout(STUCK_AFTER, read).await.expect("a message in time")
    }

    /// The whole answer to a request.
    async fn answer(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        loop {
            let message = self.receive().await;
            if message["id"] == id {
                return message;
            }
            self.told.push(message);
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    async fn open(&mut self, text: &str) {
        let document = json!({ "uri": URI, "languageId": "dkr", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document })).await;
    }

    async fn change(&mut self, version: i32, changes: Value) {
        let document = json!({ "uri": URI, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.tell("textDocument/didChange", params).await;
    }

    /// The problems of this version of the document.
    async fn problems(&mut self, version: i32) -> Vec<Value> {
        loop {
            let found = self.told.iter().position(|told| {
                told["method"] == "textDocument/publishDiagnostics" && told["params"]["version"] == version
            });
            if let Some(at) = found {
                return self.told.remove(at)["params"]["diagnostics"].as_array().unwrap().clone();
            }
            let message = self.receive().await;
            self.told.push(message);
        }
    }

    async fn end(mut self) -> Option<i32> {
        assert_eq!(self.ask("shutdown", Value::Null).await, Value::Null);
        self.tell("exit", Value::Null).await;
        let ended = tokio::time::timeout(STUCK_AFTER, self.child.wait()).await;
        ended.expect("the server ends").unwrap().code()
    }
}

fn document() -> Value {
    json!({ "uri": URI })
}

/// The place of a text, as editors count: UTF-16.
fn place(text: &str, part: &str, nth: usize) -> Value {
    let (at, _) = text.match_indices(part).nth(nth).unwrap();
    let head = &text[..at];
    let line = head.matches('\n').count();
    let column = head.rsplit('\n').next().unwrap().encode_utf16().count();
    json!({ "line": line, "character": column })
}

fn here(text: &str, part: &str, nth: usize) -> Value {
    json!({ "textDocument": document(), "position": place(text, part, nth) })
}

fn range(text: &str, part: &str, nth: usize) -> Value {
    let start = place(text, part, nth);
    let end = start["character"].as_u64().unwrap() + part.encode_utf16().count() as u64;
    json!({ "start": start, "end": { "line": start["line"], "character": end } })
}

/// A text after edits of an answer, applied as an editor does.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |place: &Value| {
        let line = place["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut units = place["character"].as_u64().unwrap() as usize;
        let mut at = start;
        for c in text[start..].chars() {
            if units == 0 {
                break;
            }
            units -= c.len_utf16();
            at += c.len_utf8();
        }
        at
    };
    let mut edits: Vec<_> = edits.as_array().unwrap().iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(offset(&edit["range"]["start"])));
    let mut text = text.to_owned();
    for edit in edits {
        let range = offset(&edit["range"]["start"])..offset(&edit["range"]["end"]);
        text.replace_range(range, edit["newText"].as_str().unwrap());
    }
    text
}

fn codes(problems: &[Value]) -> Vec<&str> {
    problems
        .iter()
        .filter(|problem| problem["severity"] == 1)
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_editor_sees_mistakes_repairs_them_and_finds_its_way() {
    let mut editor = Editor::ready().await;

    // Every mistake comes with its code and place.
    editor.open(BROKEN).await;
    let problems = editor.problems(1).await;
    assert_eq!(codes(&problems), ["D0003", "D0001"], "{problems:?}");
    let heading = problems.iter().find(|problem| problem["code"] == "D0003").unwrap();
    assert_eq!(heading["range"], range(BROKEN, "REGRAS DE VALIDAÇAO GERAL:", 0));
    assert!(heading["message"].as_str().unwrap().starts_with("título de seção desconhecido"), "{heading}");

    // A repair is offered, and takes the place of the mistake alone.
    let params = json!({ "textDocument": document(), "range": range(BROKEN, "mencoina", 0), "context": { "diagnostics": [] } });
    let offered = editor.ask("textDocument/codeAction", params).await;
    assert_eq!(offered[0]["title"], "Escreva `menciona`", "{offered}");
    let text = edited(BROKEN, &offered[0]["edit"]["changes"][URI]);
    assert!(text.contains("  E resposta menciona \"🚚 20.000\"\n"), "{text}");

    // Two changes in one message, the second counted on the text after the first.
    let changes = json!([
        { "range": range(BROKEN, "mencoina", 0), "text": "menciona" },
        { "range": range(BROKEN, "REGRAS DE VALIDAÇAO GERAL:", 0), "text": "REGRAS DE VALIDAÇÃO:" },
    ]);
    editor.change(2, changes).await;
    let text = text.replace("REGRAS DE VALIDAÇAO GERAL:", "REGRAS DE VALIDAÇÃO:");
    let problems = editor.problems(2).await;
    assert!(codes(&problems).is_empty(), "{problems:?}");

    // Behind the emoji the columns still fit.
    let told = editor.ask("textDocument/hover", here(&text, "20.000", 0)).await;
    assert!(told["contents"]["value"].as_str().unwrap().contains("palavra inteira"), "{told}");
    assert_eq!(told["range"], range(&text, "🚚 20.000", 0));

    let declared = json!([{ "uri": URI, "range": range(&text, "revisão", 0) }]);
    assert_eq!(editor.ask("textDocument/definition", here(&text, "revisão\"\n  E", 0)).await, declared);
    let mut params = here(&text, "revisão", 0);
    params["context"] = json!({ "includeDeclaration": true });
    assert_eq!(editor.ask("textDocument/references", params).await.as_array().unwrap().len(), 3);

    // A new name reaches every place that means the intent, and no other.
    let span = editor.ask("textDocument/prepareRename", here(&text, "revisão", 0)).await;
    assert_eq!(span, range(&text, "revisão", 0));
    let mut params = here(&text, "revisão", 0);
    params["newName"] = json!("manutenção");
    let edit = editor.ask("textDocument/rename", params.clone()).await;
    let renamed = edited(&text, &edit["changes"][URI]);
    let wanted = [
        "manutenção:\n  - \"revisão\"",
        "QUANDO intenção \"manutenção\"",
        "a revisão?",
        "espera intenção: manutenção",
    ];
    assert!(wanted.iter().all(|part| renamed.contains(part)), "{renamed}");
    params["newName"] = json!("duas palavras");
    let refused = editor.answer("textDocument/rename", params).await;
    assert_eq!(refused["error"]["message"], "`duas palavras` não é um nome que possa estar aqui");

    // All of it again as one text, badly laid out.
    let untidy =
        renamed.replace("  E resposta menciona", "e   resposta MENCIONA").replace("QUANDO", "quando");
    editor.change(3, json!([{ "text": untidy }])).await;
    assert!(codes(&editor.problems(3).await).is_empty());
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    let params = json!({ "textDocument": document(), "options": options });
    let edits = editor.ask("textDocument/formatting", params.clone()).await;
    let tidy = edited(&untidy, &edits);
    assert!(
        tidy.contains("\nQUANDO intenção \"manutenção\"\n  E resposta menciona \"🚚 20.000\"\n"),
        "{tidy}"
    );
    editor.change(4, json!([{ "text": tidy }])).await;
    assert_eq!(editor.ask("textDocument/formatting", params).await, json!([]), "formatted once is formatted");

    assert_eq!(editor.end().await, Some(0));
}

#[tokio::test]
async fn what_can_be_written_is_offered_where_it_can() {
    let mut editor = Editor::ready().await;
    let text =
        "PADRÕES DE INTENÇÃO:\nóleo:\n  - \"óleo\"\nREGRAS DE VALIDAÇÃO:\nQUANDO intencao \"\n  E resp\n";
    editor.open(text).await;
    let at = |line: u32, character: u32| json!({ "textDocument": document(), "position": { "line": line, "character": character } });
    let offered = editor.ask("textDocument/completion", at(4, 17)).await;
    assert_eq!(offered["items"][0]["label"], "óleo", "{offered}");
    let offered = editor.ask("textDocument/completion", at(5, 8)).await;
    assert_eq!(offered["items"][0]["textEdit"]["newText"], "resposta ", "{offered}");
    let range = json!({ "start": { "line": 5, "character": 4 }, "end": { "line": 5, "character": 8 } });
    assert_eq!(offered["items"][0]["textEdit"]["range"], range);
    assert_eq!(editor.end().await, Some(0));
}

#[tokio::test]
async fn the_outline_the_colours_and_the_folds_cover_the_file() {
    let mut editor = Editor::ready().await;
    editor.open(BROKEN).await;
    let params = json!({ "textDocument": document() });
    let outline = editor.ask("textDocument/documentSymbol", params.clone()).await;
    let names: Vec<_> =
        outline.as_array().unwrap().iter().map(|symbol| symbol["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"TESTES") && names.contains(&"PADRÕES DE INTENÇÃO"), "{names:?}");
    let colours = editor.ask("textDocument/semanticTokens/full", params.clone()).await;
    let numbers = colours["data"].as_array().unwrap();
    assert!(numbers.len() > 50 && numbers.len().is_multiple_of(5));
    // The first piece is the remark with the emoji, whose length counts twice.
    assert_eq!(numbers[..5], [json!(0), json!(0), json!(13), json!(5), json!(0)]);
    let folds = editor.ask("textDocument/foldingRange", params).await;
    assert!(
        folds.as_array().unwrap().iter().any(|fold| fold["startLine"] == 11 && fold["endLine"] == 15),
        "{folds}"
    );
    assert_eq!(editor.end().await, Some(0));
}

#[tokio::test]
async fn what_the_server_does_not_understand_does_not_end_it() {
    let mut editor = Editor::ready().await;
    let answer = editor.answer("textDocument/doesNotExist", json!({})).await;
    assert_eq!(answer["error"]["code"], -32601);
    let answer = editor.answer("textDocument/hover", json!({ "position": "here" })).await;
    assert_eq!(answer["error"]["code"], -32602);
    editor.input.write_all(b"Content-Length: 9\r\n\r\nnot json!").await.unwrap();
    let top = json!({ "textDocument": document(), "position": { "line": 0, "character": 0 } });
    assert_eq!(editor.ask("textDocument/hover", top.clone()).await, Value::Null);
    editor.open(BROKEN).await;
    assert!(!editor.problems(1).await.is_empty());
    // Far outside of the document.
    let beyond =
        json!({ "textDocument": document(), "position": { "line": u32::MAX, "character": u32::MAX } });
    editor.ask("textDocument/completion", beyond.clone()).await;
    assert_eq!(editor.ask("textDocument/hover", beyond).await, Value::Null);
    // A closed document has no problems left.
    editor.tell("textDocument/didClose", json!({ "textDocument": document() })).await;
    editor.ask("shutdown", Value::Null).await;
    let last = editor.told.iter().rfind(|told| told["method"] == "textDocument/publishDiagnostics").unwrap();
    assert_eq!(last["params"]["diagnostics"], json!([]));
    assert_eq!(editor.answer("textDocument/hover", top).await["error"]["code"], -32600);
    editor.tell("exit", Value::Null).await;
    assert_eq!(editor.child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn an_end_without_farewell_is_a_failure() {
    let mut editor = Editor::ready().await;
    editor.tell("exit", Value::Null).await;
    assert_eq!(editor.child.wait().await.unwrap().code(), Some(1));
    let Editor { mut child, input, .. } = Editor::ready().await;
    drop(input);
    assert_eq!(child.wait().await.unwrap().code(), Some(1));
}
