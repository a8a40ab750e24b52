//! Shows the settings, each with its origin.

use crate::merge::Merged;

/// One setting as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// Its path, such as `http.listen`.
    pub setting: String,
    /// Its value; a secret is `(hidden)`.
    pub value: String,
    /// Where it was written.
    pub origin: String,
    /// The variable that sets it.
    pub variable: String,
}

/// Every setting in the order of `default.toml`, then the key, hidden.
pub fn show(merged: &Merged) -> Vec<Shown> {
    let mut shown: Vec<Shown> = merged
        .values
        .iter()
        .map(|(path, value, origin)| Shown {
            setting: (*path).to_owned(),
            value: value.to_string(),
            origin: origin.to_string(),
            variable: crate::key::find(path).map(crate::key::Key::variable).unwrap_or_default(),
        })
        .collect();
    if let Some(key) = &merged.key {
        shown.push(Shown {
            setting: "key".into(),
            value: key.to_string(),
            origin: format!("${}", crate::environment::KEY),
            variable: crate::environment::KEY.into(),
        });
    }
    shown
}
