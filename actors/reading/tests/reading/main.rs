//! What the reading room promises, tried through its real child process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

// Makes PDFs, good and hostile ones.
mod files;
// Starts readers and finds the shared data.
mod kit;

// Passages marked in a file.
mod highlights;

// Files made to break readers: each ends with its own problem, and the next good file is read.
mod hostile;
// A good file with a few bytes changed: never a hang, never a parent that fails.
mod mutations;
// Real documents: text, boxes, tables, and which pages need OCR.
mod pages;
mod scripts;
