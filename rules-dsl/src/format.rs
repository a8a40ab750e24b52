//! Writes a rules file in its usual form.
