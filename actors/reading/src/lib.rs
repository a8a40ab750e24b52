//! Turns a file's bytes into pages of text with boxes, in a child process with limits.
