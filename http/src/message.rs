//! Every message to a caller, in English and Portuguese, in one table.

use crate::auth::Said;
use crate::document::Stage;
use crate::error::Queue;
use crate::failure::Failure;
use crate::language::Language;

/// A message to a caller, with its facts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    PathUnknown { path: String },
    MethodNotAllowed { method: String, allow: &'static str },
    Access(Said),
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
    ModelUnknown { model: String, known: String },
    NotNumber { min: i32, max: i32, got: String },
    NotUuid { got: String },
    NotSessionId { chars_max: usize, got: String },
    NotFilters { facts_max: usize, chars_max: usize },
    NotTexts { texts_max: usize, chars_max: usize },
    NotMessages { messages_max: usize },
    NoQuestion,
    NotSupported,
    NotProfile { chars_max: usize, got: String },
    NoProfile { known: String },
    NotQuestions { max: usize },
    InItem { at: usize, field: &'static str, message: Box<Message> },
    BatchUnknown { id: String },
    NotAnswered,
    NotImplemented { what: &'static str },
    OnceKeyMalformed { max: usize },
    OnceRunning,
    PageUnknown { page: u32, pages: u32 },
    MarksMalformed,
    Quarantined { id: String },
    ActionsDisabled,
    NothingKnown,
    NotReasoned { min: usize, max: usize },
    NotTarget { wanted: &'static str },
    NotFailed { id: String },
    AlreadyThere { id: String },
    OnceKeyReused,
    StreamUnknown { stream: String },
    EventIdMalformed { got: String },
    Cancelled,
    UpgradeRequired,
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
            Self::Access(said) => (said.text(Language::English), said.text(Language::Portuguese)),
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
            Self::ModelUnknown { model, known } => (
                format!("There is no model {model:?} here. GET /v1/models lists them: {known}."),
                format!("Não existe o modelo {model:?} aqui. GET /v1/models lista os modelos: {known}."),
            ),
            Self::NotNumber { min, max, got } => (
                format!("must be a number from {min} to {max}, not {got}"),
                format!("deve ser um número de {min} a {max}, não {got}"),
            ),
            Self::NotUuid { got } => (
                format!("must be a document's id, a UUID as the upload answered it, not {got}"),
                format!("deve ser o id de um documento, um UUID como o envio respondeu, não {got}"),
            ),
            Self::NotSessionId { chars_max, got } => (
                format!("must be a name of 1 to {chars_max} letters, digits, - and _, not {got}"),
                format!("deve ser um nome de 1 a {chars_max} letras, dígitos, - e _, não {got}"),
            ),
            Self::NotFilters { facts_max, chars_max } => (
                format!("must be a JSON object of at most {facts_max} facts, each a text of at most {chars_max} characters, such as {{\"document_type\": \"generic\"}}"),
                format!("deve ser um objeto JSON de no máximo {facts_max} fatos, cada um um texto de no máximo {chars_max} caracteres, como {{\"document_type\": \"generic\"}}"),
            ),
            Self::NotTexts { texts_max, chars_max } => (
                format!("must be a text, or a list of 1 to {texts_max} texts, none of them empty or longer than {chars_max} characters"),
                format!("deve ser um texto ou uma lista de 1 a {texts_max} textos, nenhum vazio ou com mais de {chars_max} caracteres"),
            ),
            Self::NotMessages { messages_max } => (
                format!("must be a list of 1 to {messages_max} messages, each with a role (system, developer, user or assistant) and a content of text"),
                format!("deve ser uma lista de 1 a {messages_max} mensagens, cada uma com um role (system, developer, user ou assistant) e um content de texto"),
            ),
            Self::NoQuestion => (
                "must end with a message of the user: the question".into(),
                "deve terminar com uma mensagem do usuário: a pergunta".into(),
            ),
            Self::NotSupported => (
                "is not supported here: answers come from the documents, as text; leave it out".into(),
                "não é aceito aqui: as respostas vêm dos documentos, como texto; omita este campo".into(),
            ),
            Self::NotProfile { chars_max, got } => (
                format!("must be a profile's name of 1 to {chars_max} letters, digits, - and _, not {got}"),
                format!("deve ser o nome de um perfil, com 1 a {chars_max} letras, dígitos, - e _, não {got}"),
            ),
            Self::NoProfile { known } => (
                format!("No profile fits what the document says. Name the one that it shall be read by: {known}."),
                format!("Nenhum perfil serve ao que o documento diz. Informe por qual ele deve ser lido: {known}."),
            ),
            Self::NotQuestions { max } => (
                format!("must be a list of 1 to {max} questions, such as [{{\"document_id\": \"...\", \"question\": \"...\"}}]"),
                format!("deve ser uma lista de 1 a {max} perguntas, como [{{\"document_id\": \"...\", \"question\": \"...\"}}]"),
            ),
            Self::InItem { at, field, message } => (
                format!("item {at}, {field}: {}", message.text(Language::English)),
                format!("item {at}, {field}: {}", message.text(Language::Portuguese)),
            ),
            Self::BatchUnknown { id } => (
                format!("There is no batch {id}, or it is too old: a batch is kept for 7 days. Its documents stay in GET /v1/documents."),
                format!("Não existe o lote {id}, ou ele é antigo demais: um lote é mantido por 7 dias. Os documentos continuam em GET /v1/documents."),
            ),
            Self::NotAnswered => (
                "The question was not answered in its time, or its answer is no longer remembered. Ask it again.".into(),
                "A pergunta não foi respondida a tempo, ou a resposta não está mais guardada. Pergunte novamente.".into(),
            ),
            Self::OnceKeyMalformed { max } => (
                format!("must be given once, with 1 to {max} visible characters, such as a UUID"),
                format!("deve ser informado uma vez, com 1 a {max} caracteres visíveis, como um UUID"),
            ),
            Self::PageUnknown { page, pages } => (
                format!("The document has {pages} pages; there is no page {page}."),
                format!("O documento tem {pages} páginas; não há página {page}."),
            ),
            Self::MarksMalformed => (
                "must be rectangles x,y,width,height in points, with ; between them, 200 at most".to_owned(),
                "deve conter retângulos x,y,largura,altura em pontos, separados por ;, 200 no máximo".to_owned(),
            ),
            Self::Quarantined { id } => (
                format!("An operator has taken document {id} out of service. Ask again when it was released, or ask the operator."),
                format!("Um operador tirou o documento {id} de serviço. Pergunte novamente quando ele for liberado, ou consulte o operador."),
            ),
            Self::ActionsDisabled => (
                "This node may be looked at only. To let operators act, set operator.actions = true (RAG_ENABLER_OPERATOR_ACTIONS=true) and start it again.".to_owned(),
                "Este nó só pode ser observado. Para permitir ações, defina operator.actions = true (RAG_ENABLER_OPERATOR_ACTIONS=true) e reinicie-o.".to_owned(),
            ),
            Self::NothingKnown => (
                "No node that answers knows it. What an actor or request left is kept for a while only; a document's id is a UUID.".to_owned(),
                "Nenhum nó que responde o conhece. O que um ator ou uma requisição deixou é guardado só por algum tempo; o id de um documento é um UUID.".to_owned(),
            ),
            Self::NotReasoned { min, max } => (
                format!("must say in {min} to {max} characters why it is done; it goes into the audit log"),
                format!("deve dizer em {min} a {max} caracteres por que é feito; isso vai para o log de auditoria"),
            ),
            Self::NotTarget { wanted } => (
                format!("must be {wanted}"),
                format!("deve ser {wanted}"),
            ),
            Self::NotFailed { id } => (
                format!("Document {id} was read well; only a document that failed is read again."),
                format!("O documento {id} foi lido corretamente; só um documento que falhou é lido novamente."),
            ),
            Self::AlreadyThere { id } => (
                format!("The same file was uploaded again and is document {id}. Use that one, or delete it first."),
                format!("O mesmo arquivo foi enviado novamente e é o documento {id}. Use-o, ou exclua-o antes."),
            ),
            Self::OnceRunning => (
                "A request with this Idempotency-Key is still in work. Repeat it in a moment to hear its answer.".to_owned(),
                "Uma requisição com este Idempotency-Key ainda está em andamento. Repita-a em instantes para ouvir a resposta."
                    .to_owned(),
            ),
            Self::OnceKeyReused => (
                "This Idempotency-Key was used for another request within the last day. Use a new key for a new request."
                    .to_owned(),
                "Este Idempotency-Key foi usado em outra requisição no último dia. Use uma chave nova para uma requisição nova."
                    .to_owned(),
            ),
            Self::StreamUnknown { stream } => (
                format!("There is no stream {stream}, or it ended more than five minutes ago. Ask again."),
                format!("Não há fluxo {stream}, ou ele terminou há mais de cinco minutos. Pergunte novamente."),
            ),
            Self::EventIdMalformed { got } => (
                format!("must be the id of an event of this stream, as it was received, not {got:?}"),
                format!("deve ser o id de um evento deste fluxo, como foi recebido, não {got:?}"),
            ),
            Self::Cancelled => (
                "The answer was cancelled, or nobody listened to it for ten seconds.".to_owned(),
                "A resposta foi cancelada, ou ninguém a ouviu durante dez segundos.".to_owned(),
            ),
            Self::UpgradeRequired => (
                "This address speaks WebSocket. Connect with a WebSocket client, or ask with Accept: text/event-stream."
                    .to_owned(),
                "Este endereço fala WebSocket. Conecte com um cliente WebSocket, ou pergunte com Accept: text/event-stream."
                    .to_owned(),
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
