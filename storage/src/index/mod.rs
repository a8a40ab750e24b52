//! How chunks are found: by meaning ([`vector`]), by words ([`text`]), and by both ([`fuse`]).

pub mod fuse;
pub mod text;
pub mod vector;
