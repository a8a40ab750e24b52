//! The command line of `rag-enabler`.

fn main() {}
