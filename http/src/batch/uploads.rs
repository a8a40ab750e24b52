//! Takes the files of a batch one after the other, each as if it had come alone.

use bytes::BytesMut;

use super::BatchItem;
use crate::api::Api;
use crate::body::{Body, content_length};
use crate::context::Context;
use crate::document::UploadMeta;
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::request;
use crate::upload::{
    HEAD_BYTES, METADATA_BYTES_MAX, OVERHEAD_BYTES_MAX, Refusal, TEMPLATE_BYTES_MAX, boundary, chunk,
    malformed, small,
};
use warp::http::HeaderMap;

/// Files of one batch; a client with more sends several.
pub(super) const FILES_MAX: usize = 100;

/// Takes every file in `body`. One that is wrong is told in its item and holds up no other; `template` and `metadata`
/// are for all files that follow them.
pub(super) async fn receive(
    api: &dyn Api,
    context: &Context,
    headers: &HeaderMap,
    body: Body,
    file_bytes_max: u64,
) -> Result<Vec<BatchItem>, Refusal> {
    let boundary = boundary(headers)?;
    let whole_max = (file_bytes_max + OVERHEAD_BYTES_MAX) * FILES_MAX as u64;
    let too_large = || Problem::new(Kind::TooLarge, Message::BodyTooLarge { limit: whole_max });
    if content_length(headers).is_some_and(|length| length > whole_max) {
        return Err(too_large().into());
    }
    let limits = multer::Constraints::new().size_limit(multer::SizeLimit::new().whole_stream(whole_max));
    let mut parts = multer::Multipart::with_constraints(body, boundary, limits);
    let mut meta =
        UploadMeta { filename: String::new(), template: Default::default(), metadata: Default::default() };
    let (mut items, mut fields) = (Vec::new(), 0);
    while let Some(mut field) = parts.next_field().await.map_err(|e| malformed(&e, file_bytes_max))? {
        fields += 1;
        if fields > FILES_MAX * 3 {
            return Err(Problem::field("form", Message::UploadTooManyFields { limit: FILES_MAX * 3 }).into());
        }
        match field.name().unwrap_or_default().to_owned().as_str() {
            "template" => {
                let text = small(&mut field, "template", TEMPLATE_BYTES_MAX, file_bytes_max).await?;
                let read = text.and_then(|text| request::template(&text));
                meta.template = read.map_err(|wrong| Problem::invalid(vec![wrong]))?;
            }
            "metadata" => {
                let text = small(&mut field, "metadata", METADATA_BYTES_MAX, file_bytes_max).await?;
                let read = text.and_then(|text| request::metadata(&text));
                meta.metadata = read.map_err(|wrong| Problem::invalid(vec![wrong]))?;
            }
            "file" | "files" | "files[]" => {
                if items.len() == FILES_MAX {
                    let limit = FILES_MAX;
                    return Err(Problem::field("file", Message::UploadTooManyFields { limit }).into());
                }
                let filename = request::filename(field.file_name());
                let one = UploadMeta { filename: filename.clone(), ..meta.clone() };
                items.push(match file(api, context, &mut field, one, file_bytes_max).await? {
                    Ok(document_id) => BatchItem::Upload { document_id },
                    Err(wrong) => BatchItem::Refused { filename, error: wrong.text(context.language) },
                });
            }
            other => {
                let name = other.chars().take(40).collect();
                return Err(Problem::field("form", Message::FieldUnknown { name }).into());
            }
        }
    }
    if items.is_empty() {
        return Err(Problem::field("file", Message::FieldMissing).into());
    }
    Ok(items)
}

/// Takes one file; the inner error is what is wrong with the file, the outer one ends the batch.
async fn file(
    api: &dyn Api,
    context: &Context,
    field: &mut multer::Field<'_>,
    meta: UploadMeta,
    file_bytes_max: u64,
) -> Result<Result<uuid::Uuid, Message>, Refusal> {
    let mut head = BytesMut::new();
    while head.len() < HEAD_BYTES {
        match chunk(field, file_bytes_max).await? {
            Some(piece) => head.extend_from_slice(&piece),
            None => break,
        }
    }
    let wrong = match head.is_empty() {
        true => Some(Message::FileEmpty),
        false => (!request::is_pdf(&head)).then_some(Message::FileNotPdf),
    };
    if let Some(wrong) = wrong {
        while chunk(field, file_bytes_max).await?.is_some() {}
        return Ok(Err(wrong));
    }
    let mut sink = Some(api.begin_upload(context).await?);
    let (mut size, mut next) = (0_u64, Some(head.freeze()));
    while let Some(piece) = next {
        size += piece.len() as u64;
        if size > file_bytes_max {
            // What was stored of it goes with its sink; the rest is passed over.
            sink = None;
        }
        if let Some(sink) = &mut sink {
            sink.write(piece).await?;
        }
        next = chunk(field, file_bytes_max).await?;
    }
    match sink {
        Some(sink) => Ok(Ok(sink.finish(meta).await?.document_id)),
        None => Ok(Err(Message::FileTooLarge { limit: file_bytes_max })),
    }
}
