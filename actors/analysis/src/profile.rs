//! A profile: what to look for in a kind of document, written as a file.

use std::sync::LazyLock;

use crate::page::Page;

/// A checked profile: one file of `config/profiles/`.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    categories: Vec<Colour>,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not TOML, or a key is unknown or of another type.
    #[error("reading profile `{name}`")]
    Syntax {
        /// The profile's name.
        name: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A pattern is not a regular expression.
    #[error("compiling pattern `{pattern}` of `{field}` in profile `{name}`")]
    Pattern {
        /// The profile's name.
        name: String,
        /// The field that the pattern belongs to.
        field: String,
        /// The pattern as written.
        pattern: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
    /// Something names what is not there.
    #[error("profile `{name}`: {what}")]
    Meaning {
        /// The profile's name.
        name: String,
        /// What does not fit, and what would.
        what: String,
    },
}

/// The profiles that a node offers, by name.
#[derive(Clone, Debug)]
pub struct Profiles(Vec<Profile>);

/// A template chosen for a document, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// The name of a profile, or `generic` where none fits.
    pub template: String,
    /// The document's words that decided, in Portuguese.
    pub reason: String,
}

/// The colour of a group of highlights and its name in the legend.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Colour {
    /// The group, as [`crate::Value::category`] names it.
    pub category: String,
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// The legend in Portuguese.
    pub pt: String,
    /// The legend in English.
    pub en: String,
}

impl Profile {
    /// Reads and checks the text of a profile called `name`.
    pub fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        let _ = text;
        Ok(Self { name: name.to_owned(), categories: Vec::new() })
    }

    /// The profile's name: its file's, without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Profiles {
    /// Those given, in the order in which they are asked when a template is chosen.
    pub fn new(profiles: Vec<Profile>) -> Self {
        Self(profiles)
    }

    /// The profile called `name`.
    pub fn named(&self, name: &str) -> Option<&Profile> {
        self.0.iter().find(|profile| profile.name == name)
    }

    /// Every profile's name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Profile::name)
    }

    /// The template that the document's own words ask for.
    pub fn choose(&self, pages: &[Page]) -> Choice {
        let _ = pages;
        Choice { template: "generic".to_owned(), reason: "nenhum modelo".to_owned() }
    }
}

/// The profiles of `config/profiles/`, as they were when this was built.
pub fn shipped() -> &'static Profiles {
    static SHIPPED: LazyLock<Profiles> = LazyLock::new(|| Profiles(Vec::new()));
    &SHIPPED
}

/// The colour and legend of each of the profile's categories, in its order.
pub fn colours(profile: &Profile) -> &[Colour] {
    &profile.categories
}
