//! Which models exist, what each consists of, and where on disk it is looked for. Pure data and file checks:
//! downloading belongs to the command line.

mod check;
mod entries;
mod locate;
mod manifest;

pub use check::{CheckError, Checked, check};
pub use entries::{EMBEDDING_DEFAULT, HubFile, Kind, LANGUAGE_DEFAULT, Model, Origin, find, list};
pub use locate::{Location, UnknownModel, choose_auto, locate};
pub use manifest::{MANIFEST_NAME, Manifest, ManifestError, ManifestFile, sha256_of};

#[cfg(test)]
mod tests;
