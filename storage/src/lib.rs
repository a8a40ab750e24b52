//! Bytes that last and indexes that can be rebuilt: object store, shard log records, vector and keyword indexes, cache.
