//! The bodies of the calls between nodes: small records, read with a limit; fields that a newer node adds are passed over.

use bincode::{Decode, Encode};
use bytes::Bytes;
use enabler_reading::{DocumentInfo, DocumentProblem, Highlights, Marked, Page, PageProblem, Picture};
use enabler_storage::codec::{self, CodecError, Kind};
use enabler_storage::record::{BlobRef, DocumentId, DocumentRecord};

/// The largest body; a frame between nodes carries 4 MiB.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// The log of a shard has grown ([`Noticed`]); nobody waits for an answer.
pub const NOTICED: u16 = 1;
/// Catch up with a shard's log ([`Prepare`] → [`Prepared`]).
pub const PREPARE: u16 = 2;
/// The shard was handed over ([`Grant`] → nothing).
pub const GRANT: u16 = 3;
/// What is known of a document ([`Which`] → [`Found`]).
pub const DOCUMENT: u16 = 10;
/// Take an upload ([`Accept`] → [`TakenWire`]).
pub const ACCEPT: u16 = 11;
/// Erase a document ([`Delete`] → nothing).
pub const DELETE: u16 = 12;
/// Answer a question (JSON of `question::Ask` → JSON of `question::Answer`).
pub const ASK: u16 = 13;
/// List a tenant's documents ([`List`] → [`Listed`]).
pub const LIST: u16 = 14;
/// Which document has these bytes ([`Known`] → [`Knows`]).
pub const KNOWN: u16 = 15;
/// Read a document again that could not be read ([`Which`] → nothing).
pub const RETRY: u16 = 16;
/// Search everything that a tenant has in a shard ([`Search`] → [`Searched`]).
pub const SEARCH: u16 = 17;
/// Make the chunks of a document again ([`Refresh`] → nothing).
pub const REFRESH: u16 = 18;
/// Embed texts ([`Embed`] → [`Embedded`]).
pub const EMBED: u16 = 20;
/// Write a draft ([`Write`] → [`Written`]).
pub const WRITE: u16 = 21;
/// Open an uploaded file ([`Open`] → [`Opened`]).
pub const OPEN: u16 = 22;
/// Read one page ([`ReadPage`] → [`PageRead`]).
pub const PAGE: u16 = 23;
/// The words that rules add to a question ([`Expand`] → [`Expanded`]).
pub const EXPAND: u16 = 24;
/// Apply rules to an answer (JSON of `crew::Case` → JSON of `crew::Ruled`).
pub const JUDGE: u16 = 25;

/// Draw one page ([`Draw`] → [`Drawn`]).
pub const DRAW: u16 = 26;

/// Mark passages in an uploaded file ([`Mark`] → [`MarkedWire`]).
pub const MARK: u16 = 40;
/// Analyse a document (JSON of `analysis::Analyze` → JSON of `analysis::Analysed`).
pub const ANALYZE: u16 = 41;
/// Tell of this node, or act on it, on behalf of an operator (JSON of `operator::Question` → JSON).
pub const OPERATE: u16 = 42;

/// Codes of refused calls.
pub mod refusal {
    /// Another node owns the shard; the text names it, if it is known, as `name/generation/epoch`.
    pub const NOT_OWNER: u16 = 1;
    /// There is no such document for this tenant.
    pub const UNKNOWN_DOCUMENT: u16 = 2;
    /// The document is not ready.
    pub const NOT_READY: u16 = 3;
    /// The model is not there; the text is its name, a line feed, and where it was looked for.
    pub const NO_MODEL: u16 = 4;
    /// Too much waits.
    pub const OVERLOADED: u16 = 5;
    /// A part of the node is not there; the text names it.
    pub const UNAVAILABLE: u16 = 6;
    /// The request ended there.
    pub const ENDED: u16 = 7;
    /// A fault of ours; the text says which.
    pub const INTERNAL: u16 = 8;
    /// The same bytes are arriving at this moment: ask again.
    pub const ARRIVING: u16 = 9;
    /// The change could not be recorded; whether it was is unknown.
    pub const NOT_RECORDED: u16 = 10;
    /// The store cannot be asked whether the reading is current, and other nodes can.
    pub const UNCONFIRMED: u16 = 11;
    /// The body cannot be read.
    pub const MALFORMED: u16 = 12;
    /// The uploaded file is damaged or gone.
    pub const ORIGINAL: u16 = 13;
    /// The document did not fail.
    pub const NOT_FAILED: u16 = 14;
    /// The tenant has the same bytes as another document; the text is its id.
    pub const ALREADY_THERE: u16 = 15;
    /// Only a remembered answer was wanted, and there is none.
    pub const NOT_REMEMBERED: u16 = 16;
    /// No profile is called so, or none fits the document; the text is the profiles' names, each on a line, behind
    /// the name that was asked for or an empty line.
    pub const NO_PROFILE: u16 = 40;
    /// An operator has taken the document out of service.
    pub const QUARANTINED: u16 = 17;
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Encode, Decode)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
        )*
    };
}

bodies! {
    /// A shard whose log has grown.
    Noticed {
        /// The shard.
        shard: u32,
    }
    /// A shard that shall be handed over.
    Prepare {
        /// The shard.
        shard: u32,
    }
    /// The node has caught up.
    Prepared {
        /// What it will write as.
        writer: u128,
    }
    /// A shard that was handed over.
    Grant {
        /// The shard.
        shard: u32,
        /// The epoch of the ownership.
        epoch: u64,
        /// Its writer.
        writer: u128,
    }
    /// A document of a tenant.
    Which {
        /// Whose.
        tenant: String,
        /// Which.
        document_id: DocumentId,
    }
    /// A document, and how far it is if it is under way.
    Found {
        /// What the log says of it, packed.
        record: Vec<u8>,
        /// Its stage and pages, if it is under way there.
        progress: Option<ProgressWire>,
    }
    /// How far a document is.
    ProgressWire {
        /// 0 queued, 1 reading, 2 embedding, 3 indexing.
        stage: u8,
        /// Pages that are read.
        pages_done: u32,
        /// Pages in all.
        pages_total: Option<u32>,
    }
    /// An upload whose bytes are in the store.
    Accept {
        /// The document, packed.
        record: Vec<u8>,
    }
    /// A document that was taken.
    TakenWire {
        /// Which.
        document_id: DocumentId,
        /// Whether its bytes were known before.
        is_duplicate: bool,
    }
    /// A document to erase.
    Delete {
        /// Whose.
        tenant: String,
        /// Which.
        document_id: DocumentId,
        /// Why.
        reason: String,
    }
    /// A document that is ready, whose chunks shall be made with this.
    Refresh {
        /// Whose.
        tenant: String,
        /// Which.
        document_id: DocumentId,
        /// The embedding model, with its version.
        model_id: String,
        /// How pages are cut.
        chunker: String,
    }
    /// A part of a list.
    List {
        /// Whose.
        tenant: String,
        /// The shard.
        shard: u32,
        /// After this document: when it was accepted in Unix milliseconds, and its id.
        after: Option<(u64, DocumentId)>,
        /// How many at most.
        limit: u32,
    }
    /// Documents, newest first.
    Listed {
        /// The documents, each packed.
        records: Vec<Vec<u8>>,
    }
    /// Bytes that may be known.
    Known {
        /// Whose.
        tenant: String,
        /// Their SHA-256.
        sha256: [u8; 32],
    }
    /// The document with the bytes.
    Knows {
        /// Which, if any.
        document_id: Option<DocumentId>,
    }
    /// A question to everything that a tenant has in a shard.
    Search {
        /// The shard.
        shard: u32,
        /// Whose.
        tenant: String,
        /// The words to look for.
        text: String,
        /// The question's embedding, of unit length.
        vector: Vec<f32>,
        /// Facts that a document must have: name and value, as texts.
        filters: Vec<(String, String)>,
        /// How many hits at most.
        top_k: u32,
    }
    /// What a shard has found.
    Searched {
        /// The hits, best first.
        hits: Vec<Hit>,
    }
    /// A passage that was found, with what is told of its document.
    Hit {
        /// The document.
        document_id: DocumentId,
        /// Its revision.
        revision: u32,
        /// The chunk's number within the revision.
        ordinal: u32,
        /// The page, from 1.
        page: u32,
        /// First character in the page's text.
        start: u32,
        /// End in the page's text, in characters, exclusive.
        end: u32,
        /// The passage.
        text: String,
        /// Headings in force, one per line; may be empty.
        context: String,
        /// Left, top, right, bottom of each line, in points from the page's top left corner.
        boxes: Vec<[f32; 4]>,
        /// 0 to 1; comparable between shards.
        score: f32,
        /// The name of the uploaded file.
        filename: String,
        /// The document's template.
        template: String,
        /// The client's metadata, a JSON object.
        metadata_json: String,
    }
    /// Texts to embed.
    Embed {
        /// Whether each is a question, and the text.
        texts: Vec<(bool, String)>,
        /// Whether a person waits.
        urgent: bool,
    }
    /// Texts that were embedded.
    Embedded {
        /// The model.
        model_id: String,
        /// A vector of unit length for each text.
        vectors: Vec<Vec<f32>>,
    }
    /// A prompt.
    Write {
        /// The model.
        model: String,
        /// Instructions and passages.
        system: String,
        /// The question.
        user: String,
        /// Tokens that the answer may have.
        answer_tokens_max: u32,
    }
    /// A draft.
    Written {
        /// The text.
        text: String,
    }
    /// An uploaded file.
    Open {
        /// Where it is.
        blob: BlobRef,
    }
    /// What the file is.
    Opened {
        /// What it is, or why it cannot be read.
        outcome: Result<DocumentInfo, DocumentProblem>,
    }
    /// A page of an uploaded file.
    ReadPage {
        /// The file.
        blob: BlobRef,
        /// The page, from 1.
        number: u32,
    }
    /// A page that was read.
    PageRead {
        /// The page, or why it cannot be read.
        outcome: Result<Page, PageProblem>,
    }
    /// A page of an uploaded file to draw.
    Draw {
        /// The file.
        blob: BlobRef,
        /// How.
        picture: Picture,
    }
    /// A page that was drawn.
    Drawn {
        /// A PNG, or why there is none.
        outcome: Result<Vec<u8>, PageProblem>,
    }
    /// An uploaded file and what is marked in it.
    Mark {
        /// The file.
        blob: BlobRef,
        /// What is marked.
        highlights: Highlights,
    }
    /// A file that was marked.
    MarkedWire {
        /// What stands behind the file's own bytes, or why nothing does.
        outcome: Result<Marked, DocumentProblem>,
    }
    /// A question and the rule set that looks at it.
    Expand {
        /// The rule set, or the document's template.
        template: String,
        /// The question.
        question: String,
    }
    /// What to search for.
    Expanded {
        /// The text.
        text: String,
    }
}

fn layout() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<BODY_BYTES_MAX>()
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the body of a call")]
pub struct Malformed(#[source] bincode::error::DecodeError);

/// The bytes of a body. One that cannot be written is empty, which no reader takes for a body.
pub fn encode<T: Encode>(body: &T) -> Bytes {
    match bincode::encode_to_vec(body, layout()) {
        Ok(bytes) => bytes.into(),
        Err(error) => {
            tracing::error!(%error, "a call's body could not be written");
            Bytes::new()
        }
    }
}

/// Reads a body; what a newer node has added behind it is passed over.
///
/// # Errors
/// If it is none, or larger than [`BODY_BYTES_MAX`].
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, Malformed> {
    bincode::decode_from_slice(bytes, layout()).map(|(body, _)| body).map_err(Malformed)
}

/// A search with the model that its vector is of, which stands behind it: older nodes pass it over.
pub fn encode_search(search: &Search, model_id: &str) -> Bytes {
    encode(&(search, model_id))
}

/// Reads what [`encode_search`] wrote; the model is empty where an older node did not say it.
///
/// # Errors
/// As [`decode`].
pub fn decode_search(bytes: &[u8]) -> Result<(Search, String), Malformed> {
    let (search, used) = bincode::decode_from_slice(bytes, layout()).map_err(Malformed)?;
    let rest = bytes.get(used..).unwrap_or_default();
    let model_id = if rest.is_empty() { String::new() } else { decode(rest)? };
    Ok((search, model_id))
}

/// A grant, and the last entry of the owner that gives it: it writes nothing more.
pub fn encode_grant(grant: &Grant, ended_seq: u64) -> Bytes {
    encode(&(grant, ended_seq))
}

/// Reads what [`encode_grant`] wrote; the entry is absent where an older node did not say it.
///
/// # Errors
/// As [`decode`].
pub fn decode_grant(bytes: &[u8]) -> Result<(Grant, Option<u64>), Malformed> {
    let (grant, used) = bincode::decode_from_slice(bytes, layout()).map_err(Malformed)?;
    let rest = bytes.get(used..).unwrap_or_default();
    let ended_seq = if rest.is_empty() { None } else { Some(decode(rest)?) };
    Ok((grant, ended_seq))
}

/// A document as its shard keeps it, fields of newer versions included.
pub fn pack(record: &DocumentRecord) -> Vec<u8> {
    codec::encode(Kind::Row, record).unwrap_or_else(|error| {
        tracing::error!(%error, document = %record.document_id, "a document could not be written down");
        Vec::new()
    })
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// If the bytes are no document, or a damaged one.
pub fn unpack(bytes: &[u8]) -> Result<DocumentRecord, CodecError> {
    codec::decode(Kind::Row, bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_newer_node_adds_is_passed_over() {
        let grant = Grant { shard: 3, epoch: 9, writer: 7 };
        let mut bytes = encode(&grant).to_vec();
        assert_eq!(decode_grant(&bytes).unwrap(), (grant.clone(), None), "an older node says no more");
        assert_eq!(decode_grant(&encode_grant(&grant, 5)).unwrap(), (grant.clone(), Some(5)));
        assert_eq!(decode::<Grant>(&encode_grant(&grant, 5)).unwrap(), grant);
        bytes.extend_from_slice(b"a field of a later version");
        assert_eq!(decode::<Grant>(&bytes).unwrap(), Grant { shard: 3, epoch: 9, writer: 7 });
    }

    #[test]
    fn an_older_node_reads_a_search_without_its_model_and_its_own_search_says_none() {
        let search = Search {
            shard: 2,
            tenant: "acme".to_owned(),
            text: "foro".to_owned(),
            vector: vec![0.5, 1.0],
            filters: Vec::new(),
            top_k: 7,
        };
        let bytes = encode_search(&search, "model@1");
        assert_eq!(decode_search(&bytes).unwrap(), (search.clone(), "model@1".to_owned()));
        assert_eq!(decode::<Search>(&bytes).unwrap(), search);
        assert_eq!(decode_search(&encode(&search)).unwrap(), (search, String::new()));
        assert!(decode_search(bytes.get(..bytes.len() - 1).unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_body_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode::<Found>(&bytes);
            let _ = decode::<Listed>(&bytes);
            let _ = decode::<Searched>(&bytes);
            let _ = decode::<Embedded>(&bytes);
            let _ = decode::<PageRead>(&bytes);
        }
    }
}
