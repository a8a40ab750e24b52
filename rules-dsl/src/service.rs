//! What an editor asks about a rules file.
