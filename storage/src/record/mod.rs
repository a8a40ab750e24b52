//! What the product's log says: the typed operations on documents, and the blobs that they refer to.

mod answered;
mod blob;
mod document;
mod id;
mod op;
mod pages;
#[cfg(test)]
mod tests;

pub use answered::{ANSWER_MARK, Answered, Stood, Words, answer_record_key, question_id};
pub use blob::{
    BlobError, BlobRef, BlobStage, blob_key, blob_prefix, delete_blobs, put_blob, put_blob_file, read_blob,
    verify_file,
};
pub use document::{DocumentRecord, Outcome, Reason, Status, TENANT_BYTES_MAX};
pub use id::{DocumentId, InvalidDocumentId};
pub use op::{Op, OpError, WireOp};
pub use pages::{
    Chunk, ChunksBlob, Make, PageRecord, PagesBlob, Vector, WordBox, decode_chunks, decode_pages,
    encode_chunks, encode_pages,
};

pub(crate) use pages::{half_into_f32, half_to_f32};
