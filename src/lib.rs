//! The product: one node built from its parts, and the command line.
