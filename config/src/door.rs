//! The door to the process environment and the settings file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::environment;
use crate::file::FILE_BYTES_MAX;
use crate::merge::{Input, Merged, merge};
use crate::problem::{Origin, Problem, Problems};

/// The settings file that is read when none is named.
const FILE_NAME: &str = "rag-enabler.toml";

/// What the command line says about settings.
#[derive(Debug, Default, Clone)]
pub struct Request {
    /// The settings file that `--config` names.
    pub file: Option<PathBuf>,
    /// Flags, each with its setting and value, such as `("--listen", "http.listen", "0.0.0.0:80")`.
    pub flags: Vec<(String, String, String)>,
}

/// The settings and what else the environment says.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings with their origins.
    pub merged: Merged,
    /// The settings file that was read.
    pub file: Option<PathBuf>,
    /// The node that the client should talk to, from the environment.
    pub url: Option<String>,
}

/// Loads the settings from the defaults, the file, the environment and the flags.
///
/// Without `--config` or `RAG_ENABLER_CONFIG` the file is `rag-enabler.toml` in the working directory, else
/// in the data directory, else none.
///
/// # Errors
///
/// Every problem of every source, all at once; a named file that cannot be read is one.
pub fn load(request: &Request) -> Result<Loaded, Problems> {
    let environment = variables()?;
    let named = environment.iter().find(|(name, text)| name == environment::CONFIG && !text.is_empty());
    let named = request.file.clone().or_else(|| named.map(|(_, text)| PathBuf::from(text)));
    let url = environment.iter().find(|(name, text)| name == environment::URL && !text.is_empty());
    let url = url.map(|(_, url)| url.clone());
    let mut input = Input { file: None, environment, flags: request.flags.clone() };
    let path = match named {
        Some(path) => Some(path),
        None => unnamed(&input),
    };
    if let Some(path) = &path {
        input.file = Some((path.clone(), text_of(path)?));
    }
    let mut merged = merge(&input)?;
    let settings = &mut merged.settings;
    for dir in [&mut settings.data.dir, &mut settings.models.dir] {
        whole(dir);
    }
    Ok(Loaded { merged, file: path, url })
}

/// Makes `dir` one that is found from anywhere: the processes that read documents do not work where the node does.
fn whole(dir: &mut PathBuf) {
    if let Ok(whole) = std::path::absolute(&*dir) {
        *dir = whole;
    }
}

fn unnamed(input: &Input) -> Option<PathBuf> {
    let here = PathBuf::from(FILE_NAME);
    if here.is_file() {
        return Some(here);
    }
    let there = merge(input).ok()?.settings.data.dir.join(FILE_NAME);
    there.is_file().then_some(there)
}

fn text_of(path: &Path) -> Result<String, Problems> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        .map(|_| text)
        .map_err(|error| {
            let origin = Origin::File { path: path.to_owned(), line: 1 };
            Problems(vec![Problem { origin, message: format!("the settings file cannot be read: {error}") }])
        })
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn variables() -> Result<Vec<(String, String)>, Problems> {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    for (name, text) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        if name != environment::HOME && !name.starts_with(environment::PREFIX) {
            continue;
        }
        match text.into_string() {
            Ok(text) => variables.push((name, text)),
            Err(_) => problems
                .push(Problem { origin: Origin::Environment(name), message: "is not valid UTF-8".into() }),
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(Problems(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_directory_is_one_below_the_working_directory() {
        let flag = |name: &str| (format!("--{name}"), format!("{name}.dir"), format!("{name}-here"));
        let flags = vec![flag("data"), flag("models")];
        let settings = load(&Request { file: None, flags }).unwrap().merged.settings;
        for (dir, name) in [(settings.data.dir, "data-here"), (settings.models.dir, "models-here")] {
            assert!(dir.is_absolute() && dir.ends_with(name), "{}", dir.display());
        }
    }
}
