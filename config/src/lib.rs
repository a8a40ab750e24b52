//! Settings: defaults, then file, then environment, then flags; each value with its origin, every problem at once.
