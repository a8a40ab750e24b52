//! Rows of the shard's database, each with a checksum over its table, key and value, and one sum over all of them.
//!
//! A flipped bit breaks the row's checksum; a lost, doubled or outdated row breaks the sum.

use bincode::{Decode, Encode};
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, RoTxn, RwTxn, WithoutTls};

use super::ShardError;
use crate::codec::{Whole, decode_whole};
use crate::log::Position;
use crate::record::{Chunk, DocumentId, DocumentRecord};

pub(super) type Table = Database<'static, Bytes, Bytes>;

/// Bytes of a row's checksum.
const SUM_BYTES: usize = 8;

/// The layout of the rows; another number is another layout, and the shard is rebuilt.
const LAYOUT: u32 = 2;

/// Largest row in bytes: a chunk with its sentences' vectors is far below.
const ROW_BYTES_MAX: usize = 16 << 20;

/// The tables. The number goes into the checksum, so that a row cannot move between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Of {
    Documents = 1,
    /// tenant, 0, newest first, id -> nothing
    Listing = 2,
    /// id -> nothing
    Unfinished = 3,
    /// tenant, 0, SHA-256, id -> nothing
    Contents = 4,
    /// tenant, 0, hash of the idempotency key -> id
    Requests = 5,
    /// id, ordinal -> chunk without vectors
    Chunks = 6,
    /// id, ordinal -> its vectors as half-precision numbers, the chunk's own first
    Vectors = 7,
    /// id -> position of the deletion
    Tombstones = 8,
    /// position of the change, id -> nothing: what the keyword index has yet to catch up with
    Changes = 9,
    /// id -> what its chunks and vectors were made with
    Makes = 10,
}

const ALL: [(Of, &str); 10] = [
    (Of::Documents, "documents"),
    (Of::Listing, "listing"),
    (Of::Unfinished, "unfinished"),
    (Of::Contents, "contents"),
    (Of::Requests, "requests"),
    (Of::Chunks, "chunks"),
    (Of::Vectors, "vectors"),
    (Of::Tombstones, "tombstones"),
    (Of::Changes, "changes"),
    (Of::Makes, "makes"),
];

/// What is known about the whole of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Meta {
    layout: u32,
    pub(super) position: Position,
    pub(super) rows: u64,
    /// Exclusive or of all rows' checksums: the order of writing does not matter.
    pub(super) sum: u64,
    /// Of the vectors that came last, for snapshots alone; 0 as long as there were none.
    pub(super) dimensions: u32,
    pub(super) model_id: String,
}

#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) env: Env<WithoutTls>,
    meta: Table,
    tables: [Table; ALL.len()],
}

const META_KEY: &[u8] = b"meta";
const META_TABLE: u8 = 0;

pub(super) fn during(doing: &'static str, map_bytes: usize) -> impl Fn(heed::Error) -> ShardError {
    move |source| match source {
        heed::Error::Mdb(heed::MdbError::MapFull) => ShardError::Full { map_bytes },
        source => ShardError::Database { doing, source },
    }
}

fn sum_of(table: u8, key: &[u8], value: &[u8]) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&[table]).update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    let mut sum = [0; SUM_BYTES];
    hash.finalize_xof().fill(&mut sum);
    u64::from_le_bytes(sum)
}

fn opened<'a>(table: u8, key: &[u8], row: &'a [u8]) -> Result<(u64, &'a [u8]), ShardError> {
    let damaged =
        || ShardError::Damaged { what: format!("a row of table {table} does not have its checksum") };
    let (sum, value) = row.split_first_chunk::<SUM_BYTES>().ok_or_else(damaged)?;
    let sum = u64::from_le_bytes(*sum);
    if sum == sum_of(table, key, value) { Ok((sum, value)) } else { Err(damaged()) }
}

fn layout() -> impl bincode::config::Config {
    bincode::config::legacy().with_limit::<ROW_BYTES_MAX>()
}

pub(super) fn to_bytes<T: Encode>(value: &T) -> Result<Vec<u8>, ShardError> {
    bincode::encode_to_vec(value, layout())
        .map_err(|source| ShardError::Codec { source: crate::codec::CodecError::Encode(source) })
}

pub(super) fn from_bytes<T: Decode<Whole>>(bytes: &[u8]) -> Result<T, ShardError> {
    decode_whole(bytes, layout())
        .map_err(|source| ShardError::Codec { source: crate::codec::CodecError::Decode(source) })
}

impl Rows {
    pub(super) fn open(env: Env<WithoutTls>) -> Result<Self, ShardError> {
        let failed = during("creating tables", env.info().map_size);
        let create = |name: &'static str| {
            let txn = env.write_txn()?;
            env.create_databases_and_commit(txn, |options, txn| {
                options.create_database::<Bytes, Bytes>(txn, Some(name)).map(CommitOrAbort::<_, ()>::Commit)
            })
            .map(CommitOrAbort::unwrap_commit)
        };
        let meta = create("meta").map_err(&failed)?;
        let mut tables = [meta; ALL.len()];
        for (table, (_, name)) in tables.iter_mut().zip(ALL) {
            *table = create(name).map_err(&failed)?;
        }
        Ok(Self { env, meta, tables })
    }

    pub(super) fn table(&self, of: Of) -> &Table {
        let at = ALL.iter().position(|(table, _)| *table == of);
        at.and_then(|at| self.tables.get(at)).unwrap_or(&self.meta)
    }

    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(heed::Error) -> ShardError {
        during(doing, self.env.info().map_size)
    }

    pub(super) fn read(&self) -> Result<RoTxn<'_, WithoutTls>, ShardError> {
        self.env.read_txn().map_err(self.failed("starting to read"))
    }

    pub(super) fn meta(&self, txn: &RoTxn<'_>) -> Result<Meta, ShardError> {
        let Some(row) = self.meta.get(txn, META_KEY).map_err(self.failed("reading the position"))? else {
            return Ok(Meta { layout: LAYOUT, ..Meta::default() });
        };
        let meta: Meta = from_bytes(opened(META_TABLE, META_KEY, row)?.1)?;
        if meta.layout == LAYOUT {
            Ok(meta)
        } else {
            Err(ShardError::Damaged { what: format!("rows of layout {}", meta.layout) })
        }
    }

    pub(super) fn put_meta(&self, txn: &mut RwTxn<'_>, meta: &Meta) -> Result<(), ShardError> {
        let row = sealed(META_TABLE, META_KEY, &to_bytes(meta)?).1;
        self.meta.put(txn, META_KEY, &row).map_err(self.failed("writing the position"))
    }

    /// The value under `key`, verified.
    pub(super) fn get<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        of: Of,
        key: &[u8],
    ) -> Result<Option<&'t [u8]>, ShardError> {
        let row = self.table(of).get(txn, key).map_err(self.failed("reading a row"))?;
        row.map(|row| opened(of as u8, key, row).map(|(_, value)| value)).transpose()
    }

    /// Visits the rows whose key starts with `prefix` and is above `after`, in order, until `visit` says stop.
    pub(super) fn visit<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        of: Of,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&'t [u8], &'t [u8]) -> Result<bool, ShardError>,
    ) -> Result<(), ShardError> {
        let failed = self.failed("walking rows");
        let start = match after {
            Some(after) if after >= prefix => std::ops::Bound::Excluded(after),
            // LMDB takes no empty key.
            _ if prefix.is_empty() => std::ops::Bound::Unbounded,
            _ => std::ops::Bound::Included(prefix),
        };
        let range = (start, std::ops::Bound::Unbounded);
        for row in self
            .table(of)
            .range::<(std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>)>(txn, &range)
            .map_err(&failed)?
        {
            let (key, row) = row.map_err(&failed)?;
            if !key.starts_with(prefix) || !visit(key, opened(of as u8, key, row)?.1)? {
                break;
            }
        }
        Ok(())
    }

    /// Checks every row and their sum.
    pub(super) fn verify(&self) -> Result<(), ShardError> {
        let txn = self.read()?;
        let meta = self.meta(&txn)?;
        let (mut rows, mut sum) = (0_u64, 0_u64);
        let failed = self.failed("walking rows");
        for (of, _) in ALL {
            for row in self.table(of).iter(&txn).map_err(&failed)? {
                let (key, row) = row.map_err(&failed)?;
                sum ^= opened(of as u8, key, row)?.0;
                rows += 1;
            }
        }
        if (rows, sum) == (meta.rows, meta.sum) {
            Ok(())
        } else {
            Err(ShardError::Damaged { what: format!("{rows} rows where {} were written", meta.rows) })
        }
    }
}

fn sealed(table: u8, key: &[u8], value: &[u8]) -> (u64, Vec<u8>) {
    let sum = sum_of(table, key, value);
    let mut row = Vec::with_capacity(SUM_BYTES + value.len());
    row.extend_from_slice(&sum.to_le_bytes());
    row.extend_from_slice(value);
    (sum, row)
}

/// A transaction that keeps count and sum of the rows as it changes them.
pub(super) struct Writing<'e> {
    pub(super) rows: &'e Rows,
    pub(super) txn: RwTxn<'e>,
    pub(super) meta: Meta,
}

impl<'e> Writing<'e> {
    pub(super) fn begin(rows: &'e Rows) -> Result<Self, ShardError> {
        let txn = rows.env.write_txn().map_err(rows.failed("starting to write"))?;
        let meta = rows.meta(&txn)?;
        Ok(Self { rows, txn, meta })
    }

    pub(super) fn get(&self, of: Of, key: &[u8]) -> Result<Option<&[u8]>, ShardError> {
        self.rows.get(&self.txn, of, key)
    }

    pub(super) fn put(&mut self, of: Of, key: &[u8], value: &[u8]) -> Result<(), ShardError> {
        self.forget(of, key)?;
        let (sum, row) = sealed(of as u8, key, value);
        self.rows.table(of).put(&mut self.txn, key, &row).map_err(self.rows.failed("writing a row"))?;
        self.meta.rows += 1;
        self.meta.sum ^= sum;
        Ok(())
    }

    pub(super) fn delete(&mut self, of: Of, key: &[u8]) -> Result<(), ShardError> {
        if self.forget(of, key)? {
            self.rows.table(of).delete(&mut self.txn, key).map_err(self.rows.failed("removing a row"))?;
        }
        Ok(())
    }

    /// Deletes every row whose key starts with `prefix`.
    pub(super) fn delete_all(&mut self, of: Of, prefix: &[u8]) -> Result<(), ShardError> {
        let mut keys = Vec::new();
        self.rows.visit(&self.txn, of, prefix, None, &mut |key, _| {
            keys.push(key.to_vec());
            Ok(true)
        })?;
        keys.iter().try_for_each(|key| self.delete(of, key))
    }

    pub(super) fn commit(mut self) -> Result<(), ShardError> {
        self.rows.put_meta(&mut self.txn, &self.meta)?;
        self.txn.commit().map_err(self.rows.failed("committing"))
    }

    /// Takes the row under `key` out of count and sum.
    fn forget(&mut self, of: Of, key: &[u8]) -> Result<bool, ShardError> {
        let old = self.rows.table(of).get(&self.txn, key).map_err(self.rows.failed("reading a row"))?;
        let Some(old) = old else { return Ok(false) };
        let (sum, _) = opened(of as u8, key, old)?;
        self.meta.rows = self.meta.rows.wrapping_sub(1);
        self.meta.sum ^= sum;
        Ok(true)
    }
}

/// The key of a chunk: chunks of a document lie together, in order.
pub(super) fn chunk_key(id: DocumentId, ordinal: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(&id.0);
    key[16..].copy_from_slice(&ordinal.to_be_bytes());
    key
}

/// The key of a listing: a tenant's documents, newest first.
pub(super) fn listing_key(record: &DocumentRecord) -> Vec<u8> {
    listing_cursor(&record.tenant, record.created_ms, record.document_id)
}

/// The cursor that continues a listing after a document, in this shard and in every other one.
///
/// Listings are ordered by time of acceptance, newest first, then by id.
#[must_use]
pub fn listing_cursor(tenant: &str, created_ms: u64, document_id: DocumentId) -> Vec<u8> {
    let mut key = tenant_key(tenant);
    key.extend_from_slice(&(u64::MAX - created_ms).to_be_bytes());
    key.extend_from_slice(&document_id.0);
    key
}

/// What all keys of a tenant start with. The length goes first, so that no tenant is a prefix of another.
pub(super) fn tenant_key(tenant: &str) -> Vec<u8> {
    let mut end = tenant.len().min(crate::record::TENANT_BYTES_MAX);
    while !tenant.is_char_boundary(end) {
        end -= 1;
    }
    let name = tenant.as_bytes().get(..end).unwrap_or_default();
    let mut key = Vec::with_capacity(name.len() + 64);
    key.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(name);
    key
}

/// Reads a chunk row.
pub(in crate::shard) fn chunk_of(value: &[u8]) -> Result<Chunk, ShardError> {
    from_bytes(value)
}
