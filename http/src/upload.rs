//! Streams a multipart upload into the product, field by field, never whole in memory.

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use warp::http::{HeaderMap, header};

use crate::api::{Api, UploadSink};
use crate::body::{Body, BodyError, broken, content_length};
use crate::context::Context;
use crate::document::{Accepted, Template, UploadMeta};
use crate::error::{ApiError, Violation};
use crate::message::Message;
use crate::once;
use crate::problem::{Kind, Problem};
use crate::request;

/// What a multipart body may have beside its file: boundaries, part headers and the small fields.
pub(crate) const OVERHEAD_BYTES_MAX: u64 = 64 * 1024;
/// The contract has three fields; more are only counted so that each unknown one is named.
const FIELDS_MAX: usize = 16;
/// The first bytes of a file, in which its header must stand.
pub(crate) const HEAD_BYTES: usize = 1024 + 4;
/// A template's name is far shorter.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 64;
/// Enough for facts about a document; it is kept with each of them.
pub(crate) const METADATA_BYTES_MAX: usize = 16 * 1024;

/// Why an upload was not taken.
pub(crate) enum Refusal {
    /// The client's doing.
    Problem(Problem),
    /// The product's.
    Api(ApiError),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

struct Form {
    file: Option<(String, Option<Box<dyn UploadSink>>)>,
    template: Option<Template>,
    metadata: Option<Map<String, Value>>,
    wrong: Vec<Violation>,
    digest: Option<Sha256>,
}

/// What is done with an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// It is stored.
    Plain,
    /// It is stored, and what it was is told by a hash.
    Hashed,
    /// Only what it is is told: it was stored before.
    OnlyHashed,
}

/// Takes the upload in `body`.
pub(crate) async fn receive(
    api: &dyn Api,
    context: &Context,
    headers: &HeaderMap,
    body: Body,
    file_bytes_max: u64,
    taking: Taking,
) -> Result<(Option<Accepted>, String), Refusal> {
    let boundary = boundary(headers)?;
    if content_length(headers).is_some_and(|length| length > file_bytes_max + OVERHEAD_BYTES_MAX) {
        return Err(too_large(file_bytes_max).into());
    }
    let whole = multer::SizeLimit::new().whole_stream(file_bytes_max + OVERHEAD_BYTES_MAX);
    let limits = multer::Constraints::new().size_limit(whole);
    let mut parts = multer::Multipart::with_constraints(body, boundary, limits);
    let digest = (taking != Taking::Plain).then(Sha256::new);
    let mut form = Form { file: None, template: None, metadata: None, wrong: vec![], digest };
    let mut count = 0;
    loop {
        let field = match parts.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(multer::Error::IncompleteStream) if count == 0 => {
                return Err(Problem::new(Kind::InvalidRequest, Message::BoundaryNotFound).into());
            }
            Err(error) => return Err(malformed(&error, file_bytes_max).into()),
        };
        count += 1;
        if count > FIELDS_MAX {
            let message = Message::UploadTooManyFields { limit: FIELDS_MAX };
            return Err(Problem::field("form", message).into());
        }
        form.take(api, context, field, file_bytes_max, taking).await?;
    }
    form.finish().await
}

impl Form {
    async fn take(
        &mut self,
        api: &dyn Api,
        context: &Context,
        mut field: multer::Field<'_>,
        file_bytes_max: u64,
        taking: Taking,
    ) -> Result<(), Refusal> {
        match field.name().unwrap_or_default() {
            "file" if self.file.is_some() => self.refuse("file", Message::FieldTwice),
            "template" if self.template.is_some() => self.refuse("template", Message::FieldTwice),
            "metadata" if self.metadata.is_some() => self.refuse("metadata", Message::FieldTwice),
            "file" => self.take_file(api, context, field, file_bytes_max, taking).await?,
            "template" => {
                let text = small(&mut field, "template", TEMPLATE_BYTES_MAX, file_bytes_max).await?;
                let template = text.and_then(|text| request::template(&text));
                self.template = Some(self.or_refuse(template));
            }
            "metadata" => {
                let text = small(&mut field, "metadata", METADATA_BYTES_MAX, file_bytes_max).await?;
                let metadata = text.and_then(|text| request::metadata(&text));
                self.metadata = Some(self.or_refuse(metadata));
            }
            other => {
                let name = other.chars().take(40).collect();
                self.refuse("form", Message::FieldUnknown { name });
            }
        }
        Ok(())
    }

    async fn take_file(
        &mut self,
        api: &dyn Api,
        context: &Context,
        mut field: multer::Field<'_>,
        file_bytes_max: u64,
        taking: Taking,
    ) -> Result<(), Refusal> {
        let name = request::filename(field.file_name());
        let mut head = BytesMut::new();
        while head.len() < HEAD_BYTES {
            match chunk(&mut field, file_bytes_max).await? {
                Some(piece) => head.extend_from_slice(&piece),
                None => break,
            }
        }
        if head.is_empty() {
            self.refuse("file", Message::FileEmpty);
        } else if !request::is_pdf(&head) {
            self.refuse("file", Message::FileNotPdf);
        }
        // A request that is already wrong stores nothing; its other fields are still looked at.
        if !self.wrong.is_empty() {
            self.file = Some((name, None));
            return Ok(());
        }
        let mut sink = match taking {
            Taking::OnlyHashed => None,
            Taking::Plain | Taking::Hashed => Some(api.begin_upload(context).await?),
        };
        let mut size = 0_u64;
        let mut next = Some(head.freeze());
        while let Some(piece) = next {
            size += piece.len() as u64;
            if size > file_bytes_max {
                return Err(too_large(file_bytes_max).into());
            }
            if let Some(digest) = &mut self.digest {
                digest.update(&piece);
            }
            if let Some(sink) = &mut sink {
                sink.write(piece).await?;
            }
            next = chunk(&mut field, file_bytes_max).await?;
        }
        self.file = Some((name, sink));
        Ok(())
    }

    async fn finish(mut self) -> Result<(Option<Accepted>, String), Refusal> {
        let file = self.file.take();
        if file.is_none() {
            self.refuse("file", Message::FieldMissing);
        }
        match file {
            Some((filename, sink)) if self.wrong.is_empty() => {
                let template = self.template.unwrap_or_default();
                let metadata = self.metadata.unwrap_or_default();
                let what = self.digest.map(Sha256::finalize).map_or_else(String::new, |digest| {
                    let metadata = Value::Object(metadata.clone()).to_string();
                    once::fingerprint(&[
                        b"upload",
                        &digest,
                        filename.as_bytes(),
                        template.name().as_bytes(),
                        metadata.as_bytes(),
                    ])
                });
                let meta = UploadMeta { filename, template, metadata };
                match sink {
                    Some(sink) => Ok((Some(sink.finish(meta).await?), what)),
                    None => Ok((None, what)),
                }
            }
            _ => Err(Problem::invalid(self.wrong).into()),
        }
    }

    fn refuse(&mut self, field: &'static str, message: Message) {
        self.wrong.push(Violation { field, message });
    }

    fn or_refuse<T: Default>(&mut self, read: Result<T, Violation>) -> T {
        read.unwrap_or_else(|violation| {
            self.wrong.push(violation);
            T::default()
        })
    }
}

pub(crate) async fn chunk(
    field: &mut multer::Field<'_>,
    file_bytes_max: u64,
) -> Result<Option<Bytes>, Problem> {
    field.chunk().await.map_err(|error| malformed(&error, file_bytes_max))
}

/// A small field as text; the inner error is about the field, the outer one about the body.
pub(crate) async fn small(
    field: &mut multer::Field<'_>,
    name: &'static str,
    limit: usize,
    file_bytes_max: u64,
) -> Result<Result<String, Violation>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = chunk(field, file_bytes_max).await? {
        if bytes.len() + piece.len() > limit {
            return Ok(Err(Violation { field: name, message: Message::FieldTooLong { limit } }));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(bytes).map_err(|_| Violation { field: name, message: Message::NotText }))
}

pub(crate) fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let wrong = |got| {
        let message = Message::MediaTypeWrong { wanted: "multipart/form-data", got };
        Problem::new(Kind::UnsupportedMediaType, message)
    };
    let header = headers.get(header::CONTENT_TYPE).ok_or_else(|| wrong(None))?;
    let text = header.to_str().map_err(|_| wrong(None))?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("multipart/form-data") {
        return Err(wrong(Some(essence.chars().take(60).collect())));
    }
    multer::parse_boundary(text).map_err(|_| Problem::new(Kind::InvalidRequest, Message::BoundaryMissing))
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Kind::TooLarge, Message::FileTooLarge { limit })
}

pub(crate) fn malformed(error: &multer::Error, file_bytes_max: u64) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            too_large(file_bytes_max)
        }
        multer::Error::StreamReadFailed(cause) => match cause.downcast_ref::<BodyError>() {
            Some(cause) => broken(cause),
            None => Problem::new(Kind::InvalidRequest, Message::BodyBroken),
        },
        multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders => Problem::new(Kind::InvalidRequest, Message::BodyBroken),
        _ => Problem::new(Kind::InvalidRequest, Message::MultipartMalformed),
    }
}
