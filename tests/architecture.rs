//! ARCHITECTURE.md is true: its rooms and their dependencies are those of the code, and so are its rules.

// The page's tables and the packages' dependencies, read.
mod rooms;
// The text of every file, by the rules for text.
mod text;
