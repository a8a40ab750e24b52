//! Static checks of a rules file.
