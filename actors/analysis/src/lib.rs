//! Pure: pages of text with boxes and a profile in, checked values with their place out.

mod accept;
mod analysis;
mod page;
mod profile;
mod read;
mod scan;
mod text;

pub use accept::{Proposal, accept};
pub use analysis::{Analysis, Check, Flag, Table, Value};
pub use page::{Page, Rect, Word};
pub use profile::{Choice, Colour, Profile, ProfileError, Profiles, colours, shipped};

/// Reads `pages` as `profile` says.
///
/// The whole document is read at once. A field that the document does not name is `null` in the result and has no
/// [`Value`]; a value that fails its check is kept and flagged.
pub fn analyze(pages: &[Page], profile: &Profile) -> Analysis {
    read::run(pages, profile)
}
