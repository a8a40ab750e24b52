//! The cache contract kept by a Redis, with the memory of the node behind it.
