//! The object store contract kept by an S3 bucket.
