//! Every message to a caller, in English and Portuguese, in one table.

use crate::document::Stage;
use crate::error::Queue;
use crate::failure::Failure;
use crate::language::Language;

/// A message to a caller, with its facts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    PathUnknown { path: String },
    MethodNotAllowed { method: String, allow: &'static str },
    KeyMissing,
    KeyWrong,
    FieldsWrong { count: usize },
    MediaTypeWrong { wanted: &'static str, got: Option<String> },
    JsonMalformed { line: usize, column: usize, reason: String },
    JsonNotObject,
    JsonMarked,
    JsonNotUtf8 { at: usize },
    JsonDeep { line: usize, column: usize },
    JsonTwice { name: String, line: usize, column: usize },
    JsonFieldUnknown { name: String, nearest: Option<&'static str>, known: String },
    NotAcceptable { offered: String },
    RequestMalformed,
    AddressTooLong,
    HeadersTooLarge,
    BodyTooLarge { limit: u64 },
    BodyBroken,
    BodySlow,
    MultipartMalformed,
    BoundaryMissing,
    BoundaryNotFound,
    FieldMissing,
    FieldTwice,
    NotText,
    FieldUnknown { name: String },
    QuestionLength { chars: usize, min: usize, max: usize },
    NotOneOf { allowed: String, got: String },
    NotWhole { min: u64, max: u64, got: String },
    NotFlag { got: String },
    FileEmpty,
    FileNotPdf,
    FileTooLarge { limit: u64 },
    MetadataNotObject,
    FieldTooLong { limit: usize },
    UploadTooManyFields { limit: usize },
    DocumentUnknown { id: String },
    DocumentIdMalformed { id: String },
    CursorUnknown,
    NotReady { stage: Option<Stage>, done: u32, total: Option<u32> },
    ReadingFailed(Failure),
    ModelMissing { model: String, how_to_get: String },
    Overloaded { queue: Queue, seconds: u64 },
    Unavailable { seconds: u64 },
    Deadline { seconds: u64 },
    Internal { request_id: String },
    NotImplemented { what: &'static str },
}

impl Message {
    /// The message in `language`.
    pub(crate) fn text(&self, language: Language) -> String {
        let (english, portuguese) = self.both(language);
        match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one table of messages is read side by side")]
    fn both(&self, language: Language) -> (String, String) {
        match self {
            Self::PathUnknown { path } => (
                format!("There is nothing at {path}. /docs lists every address of this API."),
                format!("Não há nada em {path}. /docs lista todos os endereços desta API."),
            ),
            Self::MethodNotAllowed { method, allow } => (
                format!("{method} is not possible here. This address takes {allow}."),
                format!("{method} não é possível aqui. Este endereço aceita {allow}."),
            ),
            Self::KeyMissing => (
                "No API key was sent. Send yours in the header X-API-Key.".into(),
                "Nenhuma chave de API foi enviada. Envie a sua no cabeçalho X-API-Key.".into(),
            ),
            Self::KeyWrong => (
                "The API key in X-API-Key is not known here. Check that it was copied whole and belongs to this node."
                    .into(),
                "A chave de API em X-API-Key não é conhecida aqui. Verifique se foi copiada inteira e se é deste nó."
                    .into(),
            ),
            Self::FieldsWrong { count: 1 } => (
                "One field of the request is wrong; `details` says which and what it may be.".into(),
                "Um campo da requisição está errado; `details` diz qual e o que ele pode ser.".into(),
            ),
            Self::FieldsWrong { count } => (
                format!("{count} fields of the request are wrong; `details` says which and what they may be."),
                format!("{count} campos da requisição estão errados; `details` diz quais e o que podem ser."),
            ),
            Self::MediaTypeWrong { wanted, got: Some(got) } => (
                format!("The body is {got}; send it as {wanted}, and say so in Content-Type."),
                format!("O corpo é {got}; envie-o como {wanted} e informe isso em Content-Type."),
            ),
            Self::MediaTypeWrong { wanted, got: None } => (
                format!("The request does not say what its body is; send it as {wanted}, and say so in Content-Type."),
                format!("A requisição não diz o que é o corpo; envie-o como {wanted} e informe isso em Content-Type."),
            ),
            Self::JsonMalformed { line, column, reason } => (
                format!("The body is not valid JSON: {reason} at line {line}, column {column}."),
                format!("O corpo não é JSON válido: erro na linha {line}, coluna {column} ({reason})."),
            ),
            Self::JsonNotObject => (
                "The body must be a JSON object, such as {\"question\": \"...\"}.".into(),
                "O corpo deve ser um objeto JSON, como {\"question\": \"...\"}.".into(),
            ),
            Self::JsonMarked => (
                "The body begins with a byte order mark, which JSON does not allow. Save it as UTF-8 without BOM.".into(),
                "O corpo começa com uma marca de ordem de bytes (BOM), que o JSON não permite. Salve-o em UTF-8 sem BOM.".into(),
            ),
            Self::JsonNotUtf8 { at } => (
                format!("The body is not text in UTF-8: the byte at position {at} belongs to no character."),
                format!("O corpo não é um texto em UTF-8: o byte na posição {at} não pertence a nenhum caractere."),
            ),
            Self::JsonDeep { line, column } => (
                format!("The JSON of the body is nested too deep, at line {line}, column {column}. No request needs more than a few levels."),
                format!("O JSON do corpo tem níveis demais, na linha {line}, coluna {column}. Nenhuma requisição precisa de mais do que alguns."),
            ),
            Self::JsonTwice { name, line, column } => (
                format!("The field `{name}` stands twice in one object, at line {line}, column {column}. Send it once."),
                format!("O campo `{name}` aparece duas vezes no mesmo objeto, na linha {line}, coluna {column}. Envie-o uma vez."),
            ),
            Self::JsonFieldUnknown { name, nearest, known } => match nearest {
                Some(nearest) => (
                    format!("`{name}` is no field of this request; did you mean `{nearest}`?"),
                    format!("`{name}` não é um campo desta requisição; você quis dizer `{nearest}`?"),
                ),
                None => (
                    format!("`{name}` is no field of this request; it takes {known}"),
                    format!("`{name}` não é um campo desta requisição; são aceitos {known}"),
                ),
            },
            Self::NotAcceptable { offered } => (
                format!("The header Accept allows nothing that this address sends. It sends {offered}."),
                format!("O cabeçalho Accept não permite nada do que este endereço envia. Ele envia {offered}."),
            ),
            Self::RequestMalformed => (
                "The request is not valid HTTP: its request line, a header or its length cannot be read.".into(),
                "A requisição não é HTTP válido: a linha inicial, um cabeçalho ou o tamanho não pode ser lido.".into(),
            ),
            Self::AddressTooLong => (
                "The address is longer than any of this API. /docs lists them.".into(),
                "O endereço é mais longo do que qualquer um desta API. /docs lista todos.".into(),
            ),
            Self::HeadersTooLarge => (
                "The headers are too large: at most 100 of them and 64 KiB in all are taken.".into(),
                "Os cabeçalhos são grandes demais: são aceitos no máximo 100, com 64 KiB ao todo.".into(),
            ),
            Self::BodyTooLarge { limit } => (
                format!("The body is larger than the {limit} bytes that are allowed here."),
                format!("O corpo é maior do que os {limit} bytes permitidos aqui."),
            ),
            Self::BodyBroken => (
                "The body ended before it was complete. Send the request again.".into(),
                "O corpo terminou antes de estar completo. Envie a requisição novamente.".into(),
            ),
            Self::BodySlow => (
                "The body did not arrive in time. Send the request again.".into(),
                "O corpo não chegou a tempo. Envie a requisição novamente.".into(),
            ),
            Self::MultipartMalformed => (
                "The body is not a well-formed multipart/form-data. Let your HTTP library build it, for example with curl -F file=@document.pdf.".into(),
                "O corpo não é um multipart/form-data bem formado. Deixe sua biblioteca HTTP montá-lo, por exemplo com curl -F file=@documento.pdf.".into(),
            ),
            Self::BoundaryMissing => (
                "The header Content-Type names no boundary, so the parts of the body cannot be told apart. Let your HTTP library set the header.".into(),
                "O cabeçalho Content-Type não informa o boundary, então não há como separar as partes do corpo. Deixe sua biblioteca HTTP definir o cabeçalho.".into(),
            ),
            Self::BoundaryNotFound => (
                "The boundary that Content-Type names does not occur in the body. Let your HTTP library set both.".into(),
                "O boundary informado em Content-Type não aparece no corpo. Deixe sua biblioteca HTTP definir os dois.".into(),
            ),
            Self::FieldMissing => ("is missing".into(), "não foi enviado".into()),
            Self::FieldTwice => ("was sent twice; send it once".into(), "foi enviado duas vezes; envie-o uma vez".into()),
            Self::NotText => ("must be a text in UTF-8".into(), "deve ser um texto em UTF-8".into()),
            Self::FieldUnknown { name } => (
                format!("{name:?} is no field of an upload; it takes file, template and metadata"),
                format!("{name:?} não é um campo de envio; são aceitos file, template e metadata"),
            ),
            Self::QuestionLength { chars, min, max } => (
                format!("must have {min} to {max} characters, not {chars}"),
                format!("deve ter de {min} a {max} caracteres, não {chars}"),
            ),
            Self::NotOneOf { allowed, got } => (
                format!("must be one of {allowed}, not {got}"),
                format!("deve ser um destes: {allowed}; não {got}"),
            ),
            Self::NotWhole { min, max, got } => (
                format!("must be a whole number from {min} to {max}, not {got}"),
                format!("deve ser um número inteiro de {min} a {max}, não {got}"),
            ),
            Self::NotFlag { got } => (
                format!("must be true or false, not {got}"),
                format!("deve ser true ou false, não {got}"),
            ),
            Self::FileEmpty => (
                "is empty; check that the right file was chosen".into(),
                "está vazio; verifique se o arquivo certo foi escolhido".into(),
            ),
            Self::FileNotPdf => (
                "is not a PDF, whatever its name says: a PDF begins with %PDF-. Export the document as PDF and upload that".into(),
                "não é um PDF, seja qual for o nome: um PDF começa com %PDF-. Exporte o documento como PDF e envie-o".into(),
            ),
            Self::FileTooLarge { limit } => (
                format!("The file is larger than {}. Split the document, or reduce the resolution of its images.", megabytes(*limit)),
                format!("O arquivo é maior do que {}. Divida o documento ou reduza a resolução das imagens.", megabytes(*limit)),
            ),
            Self::MetadataNotObject => (
                "must be a JSON object, such as {\"year\": 2024}".into(),
                "deve ser um objeto JSON, como {\"ano\": 2024}".into(),
            ),
            Self::FieldTooLong { limit } => (
                format!("must have at most {limit} bytes"),
                format!("deve ter no máximo {limit} bytes"),
            ),
            Self::UploadTooManyFields { limit } => (
                format!("the upload has more than {limit} fields"),
                format!("o envio tem mais de {limit} campos"),
            ),
            Self::DocumentUnknown { id } => (
                format!("There is no document {id}. It may have been deleted; GET /v1/documents lists yours."),
                format!("Não existe o documento {id}. Ele pode ter sido excluído; GET /v1/documents lista os seus."),
            ),
            Self::DocumentIdMalformed { id } => (
                format!("There is no document {id:?}: a document's id is a UUID, as the upload answered it."),
                format!("Não existe o documento {id:?}: o id de um documento é um UUID, como o envio respondeu."),
            ),
            Self::CursorUnknown => (
                "is not a cursor of this list; take `next_cursor` from the part before, or leave it out".into(),
                "não é um cursor desta lista; use o `next_cursor` da parte anterior ou omita-o".into(),
            ),
            Self::NotReady { stage, done, total } => (
                format!("The document is not ready: {}. Ask again when its status is ready.", progress(*stage, *done, *total, false)),
                format!("O documento não está pronto: {}. Pergunte novamente quando o status for ready.", progress(*stage, *done, *total, true)),
            ),
            Self::ReadingFailed(failure) => {
                let reason = failure.message(language);
                (
                    format!("The document cannot be asked because it could not be read. {reason}"),
                    format!("O documento não pode ser consultado porque não pôde ser lido. {reason}"),
                )
            }
            Self::ModelMissing { model, how_to_get } => (
                format!("The model {model} is not installed on this node. Ask with the model auto, or let the operator run: {how_to_get}"),
                format!("O modelo {model} não está instalado neste nó. Pergunte com o modelo auto ou peça ao operador que execute: {how_to_get}"),
            ),
            Self::Overloaded { queue, seconds } => {
                let (english, portuguese) = match queue {
                    Queue::Requests => ("requests", "requisições"),
                    Queue::Uploads => ("uploads", "envios"),
                    Queue::Reading => ("documents to be read", "documentos para leitura"),
                    Queue::Questions => ("questions", "perguntas"),
                };
                (
                    format!("Too many {english} are waiting. Try again in {seconds} s."),
                    format!("Há {portuguese} demais na fila. Tente novamente em {seconds} s."),
                )
            }
            Self::Unavailable { seconds } => (
                format!("A part of the service is not available at the moment. Try again in {seconds} s."),
                format!("Uma parte do serviço não está disponível no momento. Tente novamente em {seconds} s."),
            ),
            Self::Deadline { seconds } => (
                format!("The request was not done within {seconds} s and was ended. Try again, or ask for less."),
                format!("A requisição não terminou em {seconds} s e foi encerrada. Tente novamente ou peça menos."),
            ),
            Self::Internal { request_id } => (
                format!("Something failed on our side. Try again; if it fails again, tell the operator the request id {request_id}."),
                format!("Algo falhou do nosso lado. Tente novamente; se falhar outra vez, informe ao operador o id {request_id}."),
            ),
            Self::NotImplemented { what } => (
                format!("This version does not have this yet: {what}."),
                format!("Esta versão ainda não tem: {what}."),
            ),
        }
    }
}

fn megabytes(bytes: u64) -> String {
    if bytes.is_multiple_of(1_000_000) {
        format!("{} MB", bytes / 1_000_000)
    } else {
        format!("{bytes} bytes")
    }
}

fn progress(stage: Option<Stage>, done: u32, total: Option<u32>, portuguese: bool) -> String {
    let (english_stage, portuguese_stage) = match stage {
        None | Some(Stage::Queued) => ("it waits to be read", "aguarda leitura"),
        Some(Stage::Reading) => ("its pages are being read", "as páginas estão sendo lidas"),
        Some(Stage::Embedding) => ("its passages are being embedded", "os trechos estão sendo vetorizados"),
        Some(Stage::Indexing | Stage::Done) => ("it is being indexed", "está sendo indexado"),
    };
    let stage = if portuguese { portuguese_stage } else { english_stage };
    match total {
        Some(total) if portuguese => format!("{stage}, {done} de {total} páginas"),
        Some(total) => format!("{stage}, {done} of {total} pages"),
        None => stage.to_owned(),
    }
}
