//! Documents: upload, list, show, follow, retry, erase.

use serde_json::{Value, json};

use super::{conditional, header, idempotent, query};
use crate::openapi::bodies::UploadForm;
use crate::openapi::operation::{Answer, Operation, RequestBody, Tag, of};
use crate::shapes::{DocumentAccepted, DocumentDetail, DocumentPart};

const ONE: &str = "/v1/documents/{document_id}";

pub(super) fn operations() -> Vec<Operation> {
    vec![upload(), list(), show(), delete(), events(), retry(), page()]
}

fn upload() -> Operation {
    let form = RequestBody {
        media: "multipart/form-data",
        shape: of::<UploadForm>,
        example: Value::Null,
        parts: &[("file", "application/pdf"), ("metadata", "application/json")],
    };
    let operation = Operation::new(
        Tag::Documents,
        "post",
        "/v1/documents",
        "uploadDocument",
        ["Upload a PDF", "Envia um PDF"],
    );
    idempotent(operation)
        .says([
            "The fields may come in any order; only `file` is needed. From the answer on, the document ends as \
             `ready` or as `failed` with a reason, whatever fails.",
            "Os campos podem vir em qualquer ordem; só `file` é obrigatório. A partir da resposta, o documento \
             termina como `ready` ou como `failed` com um motivo, aconteça o que acontecer.",
        ])
        .body(form)
        .answers(Answer {
            status: 202,
            text: ["Taken; it is being read", "Recebido; está sendo lido"],
            content: vec![("application/json", Some(of::<DocumentAccepted>))],
            headers: &["Location"],
        })
        .refuses(&["in_progress", "idempotency_mismatch"])
}

fn list() -> Operation {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 });
    let cursor = json!({
        "type": "string",
        "pattern": "^[0-9a-f]{1,12}\\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    });
    let operation = Operation::new(
        Tag::Documents,
        "get",
        "/v1/documents",
        "listDocuments",
        ["List your documents, newest first", "Lista seus documentos, do mais novo ao mais antigo"],
    )
    .takes([
        query("limit", limit, ["The most documents to give.", "O máximo de documentos a dar."]),
        query("cursor", cursor, ["`next_cursor` of the part before.", "`next_cursor` da parte anterior."]),
    ])
    .answers(Answer {
        status: 200,
        text: ["One part of the list", "Uma parte da lista"],
        content: vec![("application/json", Some(of::<DocumentPart>))],
        headers: &["ETag"],
    })
    .refuses(&["invalid_request"]);
    conditional(operation)
}

fn show() -> Operation {
    let summary = [
        "How far a document is, and how each page was read",
        "Em que ponto está um documento e como cada página foi lida",
    ];
    let operation = Operation::new(Tag::Documents, "get", ONE, "getDocument", summary)
        .answers(Answer {
            status: 200,
            text: ["The document", "O documento"],
            content: vec![("application/json", Some(of::<DocumentDetail>))],
            headers: &["ETag"],
        })
        .refuses(&["document_not_found"]);
    conditional(operation)
}

fn delete() -> Operation {
    Operation::new(
        Tag::Documents,
        "delete",
        ONE,
        "deleteDocument",
        ["Erase a document", "Exclui um documento"],
    )
    .says([
        "Its file, text, vectors, cached answers and conversations are gone on every node.",
        "Arquivo, texto, vetores, respostas em cache e conversas somem de todos os nós.",
    ])
    .gives_nothing(204, ["Erased", "Excluído"])
    .refuses(&["document_not_found"])
}

fn events() -> Operation {
    let path = "/v1/documents/{document_id}/events";
    let summary = ["Follow how a document is read", "Acompanha a leitura de um documento"];
    let last = ["The last event that you have.", "O último evento que você tem."];
    Operation::new(Tag::Documents, "get", path, "followDocument", summary)
        .says([
            "Server-sent events until the document is `ready` or `failed`; something is sent at least every 15 s.",
            "Eventos (SSE) até o documento ficar `ready` ou `failed`; algo é enviado ao menos a cada 15 s.",
        ])
        .takes([header("Last-Event-ID", json!({ "type": "string" }), last)])
        .answers(Answer {
            status: 200,
            text: ["The events", "Os eventos"],
            content: vec![("text/event-stream", None)],
            headers: &[],
        })
        .refuses(&["document_not_found"])
}

fn retry() -> Operation {
    let path = "/v1/documents/{document_id}/retry";
    let summary = ["Read a failed document again", "Lê novamente um documento que falhou"];
    Operation::new(Tag::Documents, "post", path, "retryDocument", summary)
        .gives(202, ["It is being read again", "Está sendo lido novamente"], of::<DocumentDetail>)
        .refuses(&["document_not_found", "not_failed"])
}

fn page() -> Operation {
    let path = "/v1/documents/{document_id}/pages/{page}.png";
    let highlight = [
        "Boxes to mark, each as `x,y,width,height` in points, joined by `;`.",
        "Caixas a marcar, cada uma como `x,y,largura,altura` em pontos, separadas por `;`.",
    ];
    let number = "[0-9]{1,5}(\\.[0-9]{1,8})?";
    let one = format!("{number},{number},{number},{number}");
    let boxes = json!({ "type": "string", "pattern": format!("^{one}(;{one}){{0,199}}$") });
    let dpi = json!({ "type": "integer", "minimum": 36, "maximum": 200, "default": 110 });
    let resolution = ["Dots per inch.", "Pontos por polegada."];
    Operation::new(Tag::Documents, "get", path, "getPage", ["A page as an image", "Uma página como imagem"])
        .takes([query("highlight", boxes, highlight), query("dpi", dpi, resolution)])
        .answers(Answer {
            status: 200,
            text: ["The page", "A página"],
            content: vec![("image/png", None)],
            headers: &[],
        })
        .refuses(&[
            "invalid_request",
            "document_not_found",
            "page_not_found",
            "reading_failed",
            "unknown_path",
        ])
}
