//! Reads and writes rules files: bounded, whole or not at all, imports only from the same folder.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use enabler_rules::diagnostic::{Code, Diagnostic};
use enabler_rules::program::{Loaded, load};
use enabler_rules::syntax::SOURCE_MAX;
use enabler_rules::syntax::tree::Span;

use super::super::failure::Failure;
use super::voice::Voice;

/// A rules file as it was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Its text; up to the first byte that is no text.
    pub(super) text: String,
    /// Why it cannot be read as a rules file at all.
    pub(super) unreadable: Option<Diagnostic>,
}

impl Source {
    /// Reads a file of at most [`SOURCE_MAX`] bytes.
    pub(super) fn read(path: &Path, voice: Voice) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| unreadable(path, &error, voice);
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(unreadable(path, &std::io::Error::from(std::io::ErrorKind::IsADirectory), voice));
        }
        let mut bytes = Vec::new();
        file.take(SOURCE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        let mut problem = None;
        if bytes.len() > SOURCE_MAX {
            let limit = format!("{SOURCE_MAX} bytes");
            problem = Some(
                Diagnostic::new(Code::TooLarge, Span::default())
                    .about(path.display().to_string())
                    .about(limit),
            );
            bytes.clear();
        }
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            let at = error.utf8_error().valid_up_to();
            problem = Some(Diagnostic::new(Code::NotText, Span::new(at, at)).about(at.to_string()));
            let mut bytes = error.into_bytes();
            bytes.truncate(at);
            String::from_utf8(bytes).unwrap_or_default()
        });
        Ok(Self { path: path.to_owned(), text, unreadable: problem })
    }

    /// Reads a file that must be text.
    pub(super) fn whole(path: &Path, voice: Voice) -> Result<Self, Failure> {
        let source = Self::read(path, voice)?;
        match &source.unreadable {
            Some(problem) => Err(Failure::Plain(format!("{}: {}", path.display(), headline(problem, voice)))),
            None => Ok(source),
        }
    }

    /// Checks and compiles it, with the files beside it that it imports.
    pub(super) fn load(&self) -> Loaded<'_> {
        let folder = folder(&self.path);
        load(&self.text, &|name: &str| import(&folder, name))
    }

    /// Its name for people.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// The message of a problem; for a file that is no text with the byte.
pub(super) fn headline(problem: &Diagnostic, voice: Voice) -> String {
    let text = problem.headline(voice.language);
    match (problem.code, problem.arguments.first()) {
        (Code::NotText, Some(at)) if !text.contains(at.as_str()) => format!("{text} (byte {at})"),
        _ => text,
    }
}

fn unreadable(path: &Path, error: &std::io::Error, voice: Voice) -> Failure {
    let cause = match error.kind() {
        std::io::ErrorKind::NotFound => {
            voice.say("o arquivo não existe", "the file does not exist").to_owned()
        }
        std::io::ErrorKind::PermissionDenied => {
            voice.say("sem permissão de leitura", "no permission to read it").to_owned()
        }
        std::io::ErrorKind::IsADirectory => voice.say("é uma pasta", "it is a directory").to_owned(),
        _ => error.to_string(),
    };
    Failure::Plain(format!("{}: {cause}", path.display()))
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// An imported file; none that would lie outside the folder of the importing one, also not by way of a link.
fn import(folder: &Path, name: &str) -> Option<String> {
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return None;
    }
    let path = folder.join(relative).canonicalize().ok()?;
    if !path.starts_with(folder.canonicalize().ok()?) || !path.is_file() {
        return None;
    }
    let mut text = String::new();
    let read = File::open(&path).ok()?.take(SOURCE_MAX as u64 + 1).read_to_string(&mut text).ok()?;
    (read <= SOURCE_MAX).then_some(text)
}

/// Replaces a file whole: a crash leaves the old or the new text, never a part.
pub(super) fn write(path: &Path, text: &str, voice: Voice) -> Result<(), Failure> {
    let failed =
        |source| Failure::io(format!("{} {}", voice.say("ao gravar", "writing"), path.display()), source);
    // The file behind a link is replaced, not the link.
    let target = path.canonicalize().map_err(failed)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    let written = File::create_new(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        std::fs::rename(&beside, &target)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

/// Writes a new file; never over one that is there.
pub(super) fn create(path: &Path, text: &str, voice: Voice) -> Result<(), Failure> {
    let failed =
        |source| Failure::io(format!("{} {}", voice.say("ao criar", "creating"), path.display()), source);
    let mut file = File::create_new(path).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _ = std::fs::remove_file(path);
        failed(error)
    })
}
