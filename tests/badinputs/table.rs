//! The bad requests: what is sent, and what it is told in English and Portuguese.

use super::wire::Sent;

/// A bad request and its answer.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) sent: Sent,
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) english: &'static str,
    pub(super) portuguese: &'static str,
    /// Whether another case has the same cause, and so the same sentence.
    pub(super) same: bool,
}

/// What goes to `/ask`.
struct Asked {
    name: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    english: &'static str,
    portuguese: &'static str,
}

pub(super) fn cases(id: &str) -> Vec<Case> {
    let mut all = bodies(id);
    all.extend(fields(id));
    all.extend(uploads());
    all.extend(addresses(id));
    all.extend(wire());
    all
}

fn ask(id: &str, asked: Vec<Asked>) -> Vec<Case> {
    let path = format!("/v1/documents/{id}/ask");
    let headers = vec![("content-type", "application/json".to_owned())];
    let case = |one: Asked| Case {
        name: one.name,
        sent: Sent::Request { method: "POST", path: path.clone(), headers: headers.clone(), body: one.body },
        status: one.status,
        code: one.code,
        english: one.english,
        portuguese: one.portuguese,
        same: false,
    };
    asked.into_iter().map(case).collect()
}

/// Bodies that are no JSON, or no JSON of ours.
fn bodies(id: &str) -> Vec<Case> {
    let bad = |name, body: &[u8], english, portuguese| Asked {
        name,
        body: body.to_vec(),
        status: 400,
        code: "malformed_json",
        english,
        portuguese,
    };
    let deep = format!("{{\"question\": {}", "[".repeat(60_000));
    let huge = format!("{{\"question\": \"{}\"}}", "x".repeat(100_000));
    let mut asked = vec![
        bad(
            "a body that is cut",
            b"{\"question\": \"Qual",
            "EOF while parsing a string at line 1",
            "erro na linha 1",
        ),
        bad(
            "no JSON at all",
            b"question=Qual",
            "expected value at line 1, column 1",
            "erro na linha 1, coluna 1",
        ),
        bad("a comma too many", b"{\"question\": \"Qual?\",}", "trailing comma", "trailing comma"),
        bad("two values", b"{\"question\": \"Qual?\"} {}", "trailing characters", "erro na linha 1"),
        bad(
            "NaN",
            b"{\"question\": \"Qual?\", \"top_k\": NaN}",
            "expected value at line 1, column 32",
            "coluna 32",
        ),
        bad("a number beyond all", b"{\"top_k\": 1e999}", "number out of range", "number out of range"),
        bad(
            "a byte order mark",
            b"\xef\xbb\xbf{\"question\": \"Qual?\"}",
            "byte order mark",
            "marca de ordem de bytes",
        ),
        bad("bad UTF-8", b"{\"question\": \"Qual \xff?\"}", "not text in UTF-8", "não é um texto em UTF-8"),
        bad("half a surrogate", b"{\"question\": \"Qual \\ud800?\"}", "line 1, column", "erro na linha 1"),
        bad("a control character", b"{\"question\": \"Qual\x01?\"}", "control character", "erro na linha 1"),
        bad("sixty thousand levels", deep.as_bytes(), "nested too deep", "níveis demais"),
        bad(
            "a field twice",
            b"{\"top_k\": 1, \"top_k\": 2}",
            "`top_k` stands twice",
            "`top_k` aparece duas vezes",
        ),
    ];
    asked.push(Asked {
        name: "a list",
        body: b"[1, 2]".to_vec(),
        status: 400,
        code: "invalid_request",
        english: "must be a JSON object",
        portuguese: "deve ser um objeto JSON",
    });
    asked.push(Asked {
        name: "a huge body",
        body: huge.into_bytes(),
        status: 413,
        code: "too_large",
        english: "larger than the 65536 bytes",
        portuguese: "maior do que os 65536 bytes",
    });
    ask(id, asked)
}

/// JSON whose fields are wrong.
fn fields(id: &str) -> Vec<Case> {
    let bad = |name, body: String, english, portuguese| Asked {
        name,
        body: body.into_bytes(),
        status: 400,
        code: "invalid_request",
        english,
        portuguese,
    };
    let with = |more: &str| format!("{{\"question\": \"Qual o prazo?\", {more}}}");
    let question = |text: &str| format!("{{\"question\": {}}}", serde_json::Value::from(text));
    let mut cases = ask(
        id,
        vec![
            bad("no question", "{}".into(), "question: is missing", "question: não foi enviado"),
            bad(
                "a question that is a number",
                "{\"question\": 7}".into(),
                "question: must be a text",
                "deve ser um texto",
            ),
            bad(
                "two characters",
                question("ab"),
                "3 to 1000 characters, not 2",
                "de 3 a 1000 caracteres, não 2",
            ),
            bad("1001 characters", question(&"é".repeat(1001)), "not 1001", "não 1001"),
            bad("white space", question(" \n\t \u{a0} "), "characters, not 0", "caracteres, não 0"),
            bad(
                "top_k 0",
                with("\"top_k\": 0"),
                "top_k: must be a whole number from 1 to 20, not 0",
                "número inteiro de 1 a 20, não 0",
            ),
            bad("top_k 21", with("\"top_k\": 21"), "from 1 to 20, not 21", "de 1 a 20, não 21"),
            bad("top_k -1", with("\"top_k\": -1"), "from 1 to 20, not -1", "de 1 a 20, não -1"),
            bad("top_k 1.5", with("\"top_k\": 1.5"), "from 1 to 20, not 1.5", "de 1 a 20, não 1.5"),
            bad("top_k \"5\"", with("\"top_k\": \"5\""), "from 1 to 20, not \"5\"", "de 1 a 20, não \"5\""),
            bad(
                "top_k beyond all",
                with("\"top_k\": 99999999999999999999999"),
                "from 1 to 20, not 1e",
                "de 1 a 20, não 1e",
            ),
            bad(
                "an unknown model",
                with("\"model\": \"gpt-9\""),
                "llama3-8b, tinyllama, auto, not \"gpt-9\"",
                "um destes: llama3-8b, tinyllama, auto; não \"gpt-9\"",
            ),
            bad(
                "use_dkr \"yes\"",
                with("\"use_dkr\": \"yes\""),
                "use_dkr: must be true or false",
                "use_dkr: deve ser true ou false",
            ),
            bad(
                "include_sources 1",
                with("\"include_sources\": 1"),
                "include_sources: must be true or false",
                "include_sources: deve ser true ou false",
            ),
            bad("a slip in a name", with("\"topk\": 5"), "did you mean `top_k`?", "você quis dizer `top_k`?"),
            bad(
                "an unknown field",
                with("\"colour\": 5"),
                "`colour` is no field of this request",
                "`colour` não é um campo desta requisição",
            ),
            bad(
                "a question of null",
                "{\"question\": null}".into(),
                "question: is missing",
                "question: não foi enviado",
            ),
        ],
    );
    for case in &mut cases {
        case.same = case.name == "a question of null";
    }
    cases
}

/// A part of a form.
fn part(name: &str, more: &[u8], bytes: &[u8]) -> Vec<u8> {
    let head = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"");
    [head.as_bytes(), more, b"\r\n\r\n", bytes, b"\r\n"].concat()
}

fn uploads() -> Vec<Case> {
    const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";
    const MULTIPART: &str = "multipart/form-data; boundary=frontier";
    let file = |bytes: &[u8]| part("file", b"; filename=\"a.pdf\"", bytes);
    let form = |parts: &[Vec<u8>]| [parts.concat(), b"--frontier--\r\n".to_vec()].concat();
    let sent = |media: &str, body: Vec<u8>| Sent::Request {
        method: "POST",
        path: "/v1/documents".to_owned(),
        headers: if media.is_empty() { vec![] } else { vec![("content-type", media.to_owned())] },
        body,
    };
    let case = |name, sent, status, code, english, portuguese| Case {
        name,
        sent,
        status,
        code,
        english,
        portuguese,
        same: false,
    };
    let bad = |name, parts: &[Vec<u8>], english, portuguese| {
        case(name, sent(MULTIPART, form(parts)), 400, "invalid_request", english, portuguese)
    };
    let field = |name: &str, bytes: &[u8]| part(name, b"", bytes);
    let many: Vec<Vec<u8>> = (0..20).map(|index| field(&format!("x{index}"), b"1")).collect();
    let mut cut = form(&[file(&[PDF, &[b'x'; 5000]].concat())]);
    cut.truncate(3000);
    vec![
        bad("an empty file", &[file(b"")], "file: is empty", "file: está vazio"),
        bad(
            "wrong magic",
            &[file(b"PK\x03\x04 a spreadsheet")],
            "is not a PDF, whatever its name says",
            "não é um PDF, seja qual for o nome",
        ),
        bad("no file", &[field("template", b"generic")], "file: is missing", "file: não foi enviado"),
        bad("two files", &[file(PDF), file(PDF)], "file: was sent twice", "file: foi enviado duas vezes"),
        bad(
            "an unknown part",
            &[file(PDF), field("colour", b"red")],
            "\"colour\" is no field of an upload",
            "\"colour\" não é um campo de envio",
        ),
        bad(
            "an unknown template",
            &[file(PDF), field("template", b"contract")],
            "template: must be one of licencas_software",
            "template: deve ser um destes",
        ),
        bad(
            "a template in bad UTF-8",
            &[file(PDF), field("template", b"gen\xff")],
            "template: must be a text in UTF-8",
            "template: deve ser um texto em UTF-8",
        ),
        bad(
            "metadata that is a list",
            &[file(PDF), field("metadata", b"[1]")],
            "metadata: must be a JSON object",
            "metadata: deve ser um objeto JSON",
        ),
        bad(
            "metadata that is no JSON",
            &[file(PDF), field("metadata", b"ano=2026")],
            "metadata: The body is not valid JSON",
            "metadata: O corpo não é JSON válido",
        ),
        bad(
            "metadata with a field twice",
            &[file(PDF), field("metadata", b"{\"a\": 1, \"a\": 2}")],
            "metadata: The field `a` stands twice",
            "metadata: O campo `a` aparece duas vezes",
        ),
        bad(
            "metadata in bad UTF-8",
            &[file(PDF), field("metadata", b"{\"a\": \"\xc3\"}")],
            "metadata: must be a text in UTF-8",
            "metadata: deve ser um texto em UTF-8",
        ),
        bad(
            "long metadata",
            &[file(PDF), field("metadata", &[b' '; 20_000])],
            "metadata: must have at most 16384 bytes",
            "metadata: deve ter no máximo 16384 bytes",
        ),
        bad(
            "twenty parts",
            &many,
            "form: the upload has more than 16 fields",
            "form: o envio tem mais de 16 campos",
        ),
        bad(
            "a name in bad UTF-8 and no PDF",
            &[part("file", b"; filename=\"\xff\xfe../a.pdf\"", b"text")],
            "file: is not a PDF",
            "file: não é um PDF",
        ),
        case(
            "no boundary",
            sent("multipart/form-data", form(&[file(PDF)])),
            400,
            "invalid_request",
            "names no boundary",
            "não informa o boundary",
        ),
        case(
            "another boundary",
            sent("multipart/form-data; boundary=other", form(&[file(PDF)])),
            400,
            "invalid_request",
            "does not occur in the body",
            "não aparece no corpo",
        ),
        case(
            "a cut form",
            sent(MULTIPART, cut),
            400,
            "invalid_request",
            "ended before it was complete",
            "terminou antes de estar completo",
        ),
        case(
            "no content type",
            sent("", form(&[file(PDF)])),
            415,
            "unsupported_media_type",
            "does not say what its body is",
            "não diz o que é o corpo",
        ),
        case(
            "a PDF without a form",
            sent("application/pdf", PDF.to_vec()),
            415,
            "unsupported_media_type",
            "is application/pdf; send it as multipart/form-data",
            "é application/pdf; envie-o como multipart/form-data",
        ),
        case(
            "51 MB",
            sent(MULTIPART, form(&[file(&[PDF, &vec![b' '; 51_000_000]].concat())])),
            413,
            "too_large",
            "larger than 50 MB",
            "maior do que 50 MB",
        ),
    ]
    .into_iter()
    .map(|case| Case { same: case.name == "a name in bad UTF-8 and no PDF", ..case })
    .collect()
}

/// Addresses, methods, keys and headers that are well-formed and wrong.
fn addresses(id: &str) -> Vec<Case> {
    let request = |method, path: &str, headers: &[(&'static str, &str)], body: &[u8]| Sent::Request {
        method,
        path: path.to_owned(),
        headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        body: body.to_vec(),
    };
    let get = |path: &str| request("GET", path, &[], b"");
    let case = |name, sent, status, code, english, portuguese| Case {
        name,
        sent,
        status,
        code,
        english,
        portuguese,
        same: false,
    };
    let missing = "/v1/documents/4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11";
    let (show, ask) = (format!("/v1/documents/{id}"), format!("/v1/documents/{id}/ask"));
    let question = b"{\"question\": \"Qual o prazo?\"}";
    let json = ("content-type", "application/json");
    let long = format!("/v1/{}", "x".repeat(20_000));
    vec![
        case(
            "a document that is not there",
            get(missing),
            404,
            "document_not_found",
            "There is no document 4f5c0f3c",
            "Não existe o documento 4f5c0f3c",
        ),
        case(
            "an id that is none",
            get("/v1/documents/12"),
            404,
            "document_not_found",
            "\"12\": a document's id is a UUID",
            "\"12\": o id de um documento é um UUID",
        ),
        case(
            "an id that climbs",
            get("/v1/documents/..%2f..%2fetc%2fpasswd"),
            404,
            "document_not_found",
            "\"..%2f..%2fetc%2fpasswd\"",
            "\"..%2f..%2fetc%2fpasswd\"",
        ),
        case(
            "a path that climbs",
            get("/v1/documents/../../etc/passwd"),
            404,
            "unknown_path",
            "nothing at /v1/documents/../../etc/passwd",
            "Não há nada em /v1/documents/../../etc/passwd",
        ),
        case("NUL in a path", get("/v1/documents/%00"), 404, "document_not_found", "\"%00\"", "\"%00\""),
        case(
            "double slashes",
            get("//v1//documents"),
            404,
            "unknown_path",
            "nothing at //v1//documents",
            "Não há nada em //v1//documents",
        ),
        case(
            "another version",
            get("/v2/documents"),
            404,
            "unknown_path",
            "nothing at /v2/documents",
            "Não há nada em /v2/documents",
        ),
        case(
            "a very long path",
            get(&long),
            404,
            "unknown_path",
            "nothing at /v1/xxxxxxxx",
            "Não há nada em /v1/xxxxxxxx",
        ),
        case(
            "page 0",
            get(&format!("{show}/pages/0.png")),
            404,
            "unknown_path",
            "/pages/0.png",
            "/pages/0.png",
        ),
        case(
            "PUT",
            request("PUT", &show, &[], b""),
            405,
            "method_not_allowed",
            "PUT is not possible here. This address takes DELETE, GET, HEAD.",
            "PUT não é possível aqui. Este endereço aceita DELETE, GET, HEAD.",
        ),
        case(
            "TRACE",
            request("TRACE", &show, &[], b""),
            405,
            "method_not_allowed",
            "TRACE is not possible",
            "TRACE não é possível",
        ),
        case(
            "a method of one's own",
            request("BREW", &ask, &[], b""),
            405,
            "method_not_allowed",
            "BREW is not possible here. This address takes POST.",
            "BREW não é possível aqui.",
        ),
        case(
            "no key",
            request("GET", &show, &[("x-api-key", "")], b""),
            401,
            "key_missing",
            "No API key was sent",
            "Nenhuma chave de API foi enviada",
        ),
        case(
            "a wrong key",
            request("GET", &show, &[("x-api-key", "abc")], b""),
            401,
            "key_wrong",
            "is not known here",
            "não é conhecida aqui",
        ),
        case(
            "text that is said to be text",
            request("POST", &ask, &[("content-type", "text/plain")], question),
            415,
            "unsupported_media_type",
            "The body is text/plain; send it as application/json",
            "O corpo é text/plain; envie-o como application/json",
        ),
        case(
            "JSON that is not said to be JSON",
            request("POST", &ask, &[], question),
            415,
            "unsupported_media_type",
            "send it as application/json",
            "envie-o como application/json",
        ),
        case(
            "an image wanted",
            request("POST", &ask, &[json, ("accept", "image/png")], question),
            406,
            "not_acceptable",
            "It sends application/json, text/event-stream.",
            "Ele envia application/json, text/event-stream.",
        ),
        case(
            "HTML wanted",
            request("GET", &show, &[("accept", "text/html")], b""),
            406,
            "not_acceptable",
            "It sends application/json.",
            "Ele envia application/json.",
        ),
        case(
            "a cursor of one's own",
            get("/v1/documents?cursor=abc"),
            400,
            "invalid_request",
            "cursor: is not a cursor of this list",
            "cursor: não é um cursor desta lista",
        ),
        case(
            "a cursor with NUL",
            get("/v1/documents?cursor=%00"),
            400,
            "invalid_request",
            "cursor: is not a cursor",
            "cursor: não é um cursor",
        ),
        case(
            "limit 0",
            get("/v1/documents?limit=0"),
            400,
            "invalid_request",
            "limit: must be a whole number from 1 to 100, not 0",
            "limit: deve ser um número inteiro de 1 a 100, não 0",
        ),
        case(
            "limit ten",
            get("/v1/documents?limit=ten"),
            400,
            "invalid_request",
            "from 1 to 100, not ten",
            "de 1 a 100, não ten",
        ),
    ]
    .into_iter()
    .map(|case| Case { same: case.name == "a cursor with NUL", ..case })
    .collect()
}

/// What is no HTTP, or too much of it: no language can be read out of it, so the answer is in English.
fn wire() -> Vec<Case> {
    let raw = |name, bytes: Vec<u8>, status, code, said| Case {
        name,
        sent: Sent::Raw(bytes),
        status,
        code,
        english: said,
        portuguese: said,
        same: false,
    };
    let get = |more: &str| {
        format!("GET /v1/documents HTTP/1.1\r\nhost: node\r\nconnection: close\r\n{more}\r\n").into_bytes()
    };
    let many: String = (0..200).map(|index| format!("x-h{index}: 1\r\n")).collect();
    let malformed = "is not valid HTTP";
    let mut cases = vec![
        raw("200 headers", get(&many), 431, "headers_too_large", "at most 100 of them and 64 KiB in all"),
        raw(
            "a header of 100 KB",
            get(&format!("x-h: {}\r\n", "x".repeat(100_000))),
            431,
            "headers_too_large",
            "headers are too large",
        ),
        raw(
            "an address of 100 KB",
            format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)).into_bytes(),
            431,
            "headers_too_large",
            "headers are too large",
        ),
        raw("no HTTP", b"HELO node\r\n\r\n".to_vec(), 400, "malformed_request", malformed),
        raw("a length that is none", get("content-length: ten\r\n"), 400, "malformed_request", malformed),
        raw(
            "two lengths",
            get("content-length: 1\r\ncontent-length: 2\r\n"),
            400,
            "malformed_request",
            malformed,
        ),
        raw("NUL in a header", get("x-h: a\0b\r\n"), 400, "malformed_request", malformed),
        raw("an unknown coding", get("transfer-encoding: gzip\r\n"), 400, "malformed_request", malformed),
    ];
    let mut seen = Vec::new();
    for case in &mut cases {
        // Each of the two causes has one sentence.
        case.same = seen.contains(&case.code);
        seen.push(case.code);
    }
    cases
}
