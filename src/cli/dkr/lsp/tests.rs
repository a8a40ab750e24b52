//! Claims about the server that need no process: order of messages, and what a bad one does.

use super::*;
use serde_json::{Value, json};

/// Runs a server over messages; its exit code as text, and what it sent.
fn session(messages: &[Value]) -> (String, Vec<Value>) {
    let framed: Vec<u8> = messages.iter().flat_map(|message| frame(&message.to_string())).collect();
    bytes(&framed)
}

fn frame(text: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

fn bytes(input: &[u8]) -> (String, Vec<Value>) {
    let mut server = Server::new(input, Vec::new());
    let code = server.run().map_or_else(|error| error.to_string(), |code| format!("{code:?}"));
    let mut reader = wire::Reader::new(server.output.as_slice());
    let mut sent = Vec::new();
    while let Ok(Some(wire::Read::Message(message))) = reader.next() {
        sent.push(serde_json::to_value(message).unwrap());
    }
    (code, sent)
}

fn initialize() -> Value {
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "capabilities": {} } })
}

fn open(text: &str) -> Value {
    let document = json!({ "uri": "untitled:a.rules", "languageId": "dkr", "version": 1, "text": text });
    json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": { "textDocument": document } })
}

#[test]
fn exit_without_shutdown_is_a_failure_and_with_it_is_not() {
    let exit = json!({ "jsonrpc": "2.0", "method": "exit" });
    let shutdown = json!({ "jsonrpc": "2.0", "id": 1, "method": "shutdown" });
    let success = format!("{:?}", ExitCode::SUCCESS);
    assert_eq!(session(&[initialize(), shutdown, exit.clone()]).0, success);
    assert_ne!(session(&[initialize(), exit]).0, success);
    assert_ne!(session(&[initialize()]).0, success, "the input ended");
}

#[test]
fn requests_out_of_turn_unknown_or_wrong_are_refused_by_their_kind() {
    let ask = |id: u32, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": {} });
    let messages = [
        ask(1, "textDocument/hover"),
        initialize(),
        ask(2, "initialize"),
        ask(3, "a/b"),
        ask(4, "textDocument/hover"),
    ];
    let (_, sent) = session(&messages);
    let codes: Vec<_> = sent.iter().filter_map(|sent| sent["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [-32002, -32600, -32601, -32602]);
}

#[test]
fn a_message_that_is_no_json_is_skipped_and_the_next_is_answered() {
    let mut input = frame(&initialize().to_string());
    input.extend(frame("{ no json"));
    input.extend(frame(&open("QUANDO\n").to_string()));
    let (_, sent) = bytes(&input);
    assert_eq!(sent[1]["method"], "window/logMessage");
    assert_eq!(sent[2]["method"], "textDocument/publishDiagnostics");
}

#[test]
fn bytes_that_are_no_messages_end_with_a_clear_error() {
    assert!(bytes(b"hello\n").0.contains("no header of a message"));
    assert!(bytes(b"Content-Length: 99999999999\r\n\r\n").0.contains("at most"));
    assert!(bytes(b"Content-Length: 10\r\n\r\n{}").0.contains("2 of 10 bytes"));
    assert!(bytes(b"Content-Length: x\r\n\r\n").0.contains("no length"));
    assert!(bytes(&[b'a'; 5000]).0.contains("no header"));
}

#[test]
fn changes_count_in_utf_16_and_many_are_checked_once() {
    let change = |line: u32, from: u32, to: u32, text: &str| {
        let range =
            json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } });
        json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
            "textDocument": { "uri": "untitled:a.rules", "version": 2 },
            "contentChanges": [{ "range": range, "text": text }] } })
    };
    // The emoji has two units, so the letter behind it is the third.
    let text = "DOMÍNIO: 😀x\r\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\nENTÃO mantre resposta\n";
    let messages = [
        initialize(),
        open(text),
        change(0, 11, 12, "y"),
        change(3, 6, 12, "manter"),
        json!({ "jsonrpc": "2.0", "id": 9, "method": "textDocument/hover", "params": {
            "textDocument": { "uri": "untitled:a.rules" }, "position": { "line": 3, "character": 8 } } }),
    ];
    let (_, sent) = session(&messages);
    let checked: Vec<_> =
        sent.iter().filter(|sent| sent["method"] == "textDocument/publishDiagnostics").collect();
    assert_eq!(checked.len(), 1, "{checked:?}");
    let codes: Vec<_> =
        checked[0]["params"]["diagnostics"].as_array().unwrap().iter().map(|d| &d["code"]).collect();
    assert!(!codes.iter().any(|code| code.as_str().unwrap() < "D0100"), "{codes:?}");
    let hover = sent.iter().find(|sent| sent["id"] == 9).unwrap();
    assert!(hover["result"]["contents"]["value"].as_str().unwrap().contains("manter resposta"));
}
