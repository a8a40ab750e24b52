//! A profile: what to look for in a kind of document, written as a file.

mod choose;
mod compile;
mod model;

use std::sync::{LazyLock, OnceLock};

pub use choose::Choice;
pub(crate) use compile::{Hit, Pattern};
pub(crate) use model::*;

use crate::page::Page;

/// A checked profile: one file of `config/profiles/`.
///
/// It is not copied: its patterns are compiled when they are first asked for, and a copy would do so once more.
#[derive(Debug)]
pub struct Profile {
    name: String,
    pub(crate) model: Model,
    prepared: OnceLock<()>,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not TOML, a key is unknown or of another type, or a pattern is not a regular expression.
    #[error("reading profile `{name}`")]
    Syntax {
        /// The profile's name.
        name: String,
        /// Where and why.
        source: Box<toml::de::Error>,
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
#[derive(Debug)]
pub struct Profiles(Vec<Profile>);

/// The colour of a group of highlights and its name in the legend.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
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
        let model: Model = toml::from_str(text)
            .map_err(|source| ProfileError::Syntax { name: name.to_owned(), source: Box::new(source) })?;
        match model.fault() {
            Some(what) => Err(ProfileError::Meaning { name: name.to_owned(), what }),
            None => Ok(Self { name: name.to_owned(), model, prepared: OnceLock::new() }),
        }
    }

    /// The profile's name: its file's, without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does once what else the first analysis would wait for: analyses `pages`, so that the patterns they need are compiled.
    pub fn prepare(&self, pages: &[Page]) {
        self.prepared.get_or_init(|| drop(crate::analyze(pages, self)));
    }

    /// What the profile is called in Portuguese and in English.
    pub fn title(&self) -> (&str, &str) {
        (&self.model.title_pt, &self.model.title_en)
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
}

/// The profiles of `config/profiles/`, as they were when this was built.
pub fn shipped() -> &'static Profiles {
    static SHIPPED: LazyLock<Profiles> = LazyLock::new(|| {
        let files = [
            ("inventory", include_str!("../../../../config/profiles/inventory.toml")),
            ("meeting_minutes", include_str!("../../../../config/profiles/meeting_minutes.toml")),
        ];
        // A test parses each, so that none is left out here.
        Profiles(files.into_iter().filter_map(|(name, text)| Profile::parse(name, text).ok()).collect())
    });
    &SHIPPED
}

/// The colour and legend of each of the profile's categories, in its order.
pub fn colours(profile: &Profile) -> &[Colour] {
    &profile.model.category
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_is_sound() {
        for (name, text) in [
            ("inventory", include_str!("../../../../config/profiles/inventory.toml")),
            ("meeting_minutes", include_str!("../../../../config/profiles/meeting_minutes.toml")),
        ] {
            if let Err(error) = Profile::parse(name, text) {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                panic!("{error}: {}", source.unwrap_or_default());
            }
        }
        assert_eq!(shipped().names().collect::<Vec<_>>(), ["inventory", "meeting_minutes"]);
    }

    #[test]
    fn a_profile_that_names_what_is_not_there_is_refused() {
        let head = "title_pt = 'x'\ntitle_en = 'x'\n";
        let unknown =
            Profile::parse("x", &format!("{head}[[field]]\nat='/a'\nlabel='a'\ntype='date'\ncategory='z'\n"));
        assert!(
            matches!(unknown, Err(ProfileError::Meaning { ref what, .. }) if what.contains("`z`")),
            "{unknown:?}"
        );
        let shares = |things: &str| {
            let rest = "at='/b'\nsheet='b'\ncategory='c'\nsection=[]\nthing_name='n'\nthing_keys=[]\nthing_value='v'\nmembers=[]\n\
                        each='/a'\neach_words='x'\nno_value='x'\nwhole='x'\nequal='x'\n";
            let colour = "[[category]]\ncategory='c'\nrgb=[1,2,3]\npt='c'\nen='c'\n";
            Profile::parse("x", &format!("{head}{colour}[[shares]]\n{rest}things={things}\n"))
        };
        for things in ["'/a'", "['/a', '/b']"] {
            let refused = shares(things);
            assert!(
                matches!(refused, Err(ProfileError::Meaning { ref what, .. }) if what.contains("`/a`, which is no list")),
                "{refused:?}"
            );
        }
        let words = shares("[]\n[shares.words]\nkinds=['acoes', 'Ação']");
        assert!(
            matches!(words, Err(ProfileError::Syntax { ref source, .. }) if source.message().contains("`acao`")),
            "{words:?}"
        );
        let pattern = Profile::parse("x", &format!("{head}[[section]]\nname='a'\nheading='('\n"));
        assert!(matches!(pattern, Err(ProfileError::Syntax { .. })));
        let case = Profile::parse("x", &format!("{head}[[section]]\nname='a'\nheading='Ação'\n"));
        assert!(matches!(case, Err(ProfileError::Syntax { .. })));
    }
}
