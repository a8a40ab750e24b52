//! Who owns what, and how a message gets there: ownership of shards, routing, supervision and its inspection.
