//! Merges the sources of settings. Pure: everything comes in as an argument.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::environment;
use crate::file;
use crate::key::{self, KEYS, Key, Kind};
use crate::problem::{Origin, Problem, Problems};
use crate::secret::Secret;
use crate::sections::Settings;
use crate::value::{self, Value, Written};

const DEFAULTS: &str = include_str!("../default.toml");

/// Everything that settings may come from.
#[derive(Debug, Default, Clone)]
pub struct Input {
    /// A settings file and its text.
    pub file: Option<(PathBuf, String)>,
    /// The process environment; only variables of the program and `HOME` are looked at.
    pub environment: Vec<(String, String)>,
    /// Flags, each with its setting and value, such as `("--listen", "http.listen", "0.0.0.0:80")`.
    pub flags: Vec<(String, String, String)>,
}

/// The settings, each with its origin.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The typed settings.
    pub settings: Settings,
    /// Each setting's path, value and origin, in the order of `default.toml`.
    pub values: Vec<(&'static str, Value, Origin)>,
    /// The first API key, if the environment gives one.
    pub key: Option<Secret>,
}

/// The shortest API key that is taken from the environment, because a shorter one is guessed.
const KEY_CHARS_MIN: usize = 16;

/// Merges defaults, file, environment and flags, later ones first.
///
/// # Errors
///
/// Every problem of every source, all at once.
pub fn merge(input: &Input) -> Result<Merged, Problems> {
    let mut merging = Merging::default();
    merging.file(Path::new("default.toml"), DEFAULTS, |_| Origin::Default);
    if let Some((path, text)) = &input.file {
        merging.file(path, text, |origin| origin);
    }
    let key = merging.environment(&input.environment);
    for (flag, path, text) in &input.flags {
        merging.take(path, Origin::Flag(flag.clone()), Written::Text(text.clone()));
    }
    let home = input.environment.iter().find(|(name, _)| name == environment::HOME);
    let home = home.map(|(_, home)| home.as_str()).filter(|home| !home.is_empty()).unwrap_or(".");
    merging.finish(home, key)
}

#[derive(Default)]
struct Merging {
    values: BTreeMap<&'static str, (Value, Origin)>,
    problems: Vec<Problem>,
}

impl Merging {
    fn file(&mut self, path: &Path, text: &str, origin: impl Fn(Origin) -> Origin) {
        match file::read(path, text) {
            Ok(entries) => {
                for entry in entries {
                    self.take(&entry.path, origin(entry.origin), entry.written);
                }
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn environment(&mut self, variables: &[(String, String)]) -> Option<Secret> {
        let known: BTreeMap<String, &'static str> = environment::settings().collect();
        let mut key = None;
        // In the order of names, so that two runs report alike; a setting's long name comes after its short one and wins.
        let mut variables: Vec<_> =
            variables.iter().filter(|(name, _)| name.starts_with(environment::PREFIX)).collect();
        variables.sort();
        for (name, text) in variables {
            let origin = Origin::Environment(name.clone());
            if let Some(path) = known.get(name) {
                self.take(path, origin, Written::Text(text.clone()));
            } else if name == environment::KEY {
                match check_key(text) {
                    Ok(secret) => key = Some(secret),
                    Err(message) => self.problems.push(Problem { origin, message }),
                }
            } else if !environment::OTHERS.iter().any(|(other, _)| other == name) {
                let others = environment::OTHERS.iter().map(|(other, _)| *other);
                let meant = key::nearest(name, known.keys().map(String::as_str).chain(others));
                self.problems.push(Problem { origin, message: unknown("variable", name, meant) });
            }
        }
        key
    }

    fn take(&mut self, path: &str, origin: Origin, written: Written) {
        let Some(key) = key::find(path) else {
            let meant = key::nearest(path, KEYS.iter().map(|key| key.path));
            self.problems.push(Problem { origin, message: unknown("setting", path, meant) });
            return;
        };
        match value::read(key.kind, &written) {
            Ok(value) => drop(self.values.insert(key.path, (value, origin))),
            Err(message) => self.problems.push(Problem { origin, message: format!("`{path}` {message}") }),
        }
    }

    fn finish(mut self, home: &str, key: Option<Secret>) -> Result<Merged, Problems> {
        if !self.problems.is_empty() {
            return Err(Problems(self.problems));
        }
        self.check_overlap();
        let mut values = Vec::with_capacity(KEYS.len());
        for key in KEYS {
            match self.values.remove(key.path) {
                Some((value, origin)) => values.push((key.path, in_home(key, value, home), origin)),
                None => self.problems.push(Problem {
                    origin: Origin::Default,
                    message: format!("`{}` has no default", key.path),
                }),
            }
        }
        if !self.problems.is_empty() {
            return Err(Problems(self.problems));
        }
        let settings = Settings::from_values(&values)
            .map_err(|message| Problems(vec![Problem { origin: Origin::Default, message }]))?;
        Ok(Merged { settings, values, key })
    }

    /// The one rule that joins two settings: a chunk that repeated itself whole would never end.
    fn check_overlap(&mut self) {
        if let (Some((Value::Whole(tokens), _)), Some((Value::Whole(overlap), origin))) =
            (self.values.get("chunking.tokens_max"), self.values.get("chunking.overlap_tokens"))
            && overlap.saturating_mul(2) > *tokens
        {
            self.problems.push(Problem {
                origin: origin.clone(),
                message: format!(
                    "`chunking.overlap_tokens` must be at most half of `chunking.tokens_max` ({tokens}), not {overlap}"
                ),
            });
        }
    }
}

fn unknown(what: &str, name: &str, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("unknown {what} `{name}`; did you mean `{meant}`?"),
        None => format!("unknown {what} `{name}`; `rag-enabler config show` lists every one"),
    }
}

fn check_key(text: &str) -> Result<Secret, String> {
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    if text.len() < KEY_CHARS_MIN || text.len() > 256 || !printable {
        return Err(format!(
            "must be {KEY_CHARS_MIN} to 256 printable ASCII characters without spaces (the value is not shown)"
        ));
    }
    Ok(Secret::new(text))
}

fn in_home(key: &Key, value: Value, home: &str) -> Value {
    match (key.kind, value) {
        (Kind::Path | Kind::FreePath, Value::Text(text)) => match text.strip_prefix('~') {
            Some("") => Value::Text(home.to_owned()),
            Some(rest) if rest.starts_with('/') => {
                Value::Text(format!("{}{rest}", home.trim_end_matches('/')))
            }
            _ => Value::Text(text),
        },
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests;
