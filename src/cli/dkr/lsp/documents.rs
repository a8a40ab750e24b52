//! The documents that an editor has open, kept letter by letter as it changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use enabler_rules::diagnostic::Language;
use enabler_rules::program::{Loaded, load};
use enabler_rules::service::{self, Lines};
use lsp_types::{TextDocumentContentChangeEvent, Url};

use super::convert;

/// Documents that are open at once; nobody edits more rules files.
const DOCUMENTS_MAX: usize = 256;
/// Bytes of one document. A rules file is refused beyond 4 MB, and is still followed until it is smaller again.
const TEXT_MAX: usize = 16 << 20;
/// Bytes of an imported file that is read from the disk; the bound of a rules file.
const IMPORT_MAX: u64 = 4 << 20;

/// One open document.
struct Document {
    version: i32,
    /// `None` after it grew too large, until the editor sends all of it again.
    text: Option<String>,
    imports: Vec<String>,
}

/// All open documents.
#[derive(Default)]
pub(super) struct Documents {
    open: BTreeMap<Url, Document>,
    unchecked: BTreeSet<Url>,
}

impl Documents {
    pub(super) fn open(&mut self, uri: Url, version: i32, text: String) -> Result<(), String> {
        if self.open.len() >= DOCUMENTS_MAX && !self.open.contains_key(&uri) {
            return Err(format!("{uri} is not followed: {DOCUMENTS_MAX} documents are open already"));
        }
        let fits = text.len() <= TEXT_MAX;
        let document = Document { version, text: Some(text).filter(|_| fits), imports: Vec::new() };
        self.open.insert(uri.clone(), document);
        self.changed(&uri);
        if fits { Ok(()) } else { Err(too_large(&uri)) }
    }

    /// Applies changes in their order, each to the text that the one before left.
    pub(super) fn change(
        &mut self,
        uri: &Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) -> Result<(), String> {
        let Some(document) = self.open.get_mut(uri) else { return Err(format!("{uri} is not open")) };
        document.version = version;
        let mut fits = true;
        for change in changes {
            let text = match (change.range, document.text.take()) {
                (None, _) => change.text,
                (Some(range), Some(mut text)) => {
                    let span = convert::span(&Lines::new(&text), range);
                    text.replace_range(span.range(), &change.text);
                    text
                }
                // What the change is about is not known any more.
                (Some(_), None) => continue,
            };
            fits = text.len() <= TEXT_MAX;
            document.text = Some(text).filter(|_| fits);
        }
        self.changed(uri);
        if fits { Ok(()) } else { Err(too_large(uri)) }
    }

    pub(super) fn close(&mut self, uri: &Url) {
        self.open.remove(uri);
        self.unchecked.remove(uri);
        self.importers(uri);
    }

    fn changed(&mut self, uri: &Url) {
        self.unchecked.insert(uri.clone());
        self.importers(uri);
    }

    /// Files that import one that changed are checked again.
    fn importers(&mut self, uri: &Url) {
        let Some(name) = uri.path_segments().and_then(Iterator::last) else { return };
        let importers =
            self.open.iter().filter(|(_, document)| document.imports.iter().any(|import| import == name));
        self.unchecked.extend(importers.map(|(uri, _)| uri.clone()));
    }

    /// A document whose problems were not told since it changed.
    pub(super) fn next_unchecked(&mut self) -> Option<Url> {
        self.unchecked.pop_first()
    }

    /// The text of an open document.
    pub(super) fn text(&self, uri: &Url) -> Option<&str> {
        self.open.get(uri)?.text.as_deref()
    }

    /// An open document, read.
    pub(super) fn loaded<'s>(&'s self, uri: &Url) -> Option<Loaded<'s>> {
        let text = self.text(uri)?;
        Some(load(text, &|name: &str| self.import(uri, name)))
    }

    /// What is wrong with a document, and its version.
    pub(super) fn check(
        &mut self,
        uri: &Url,
        language: Language,
    ) -> Option<(i32, Vec<lsp_types::Diagnostic>)> {
        let loaded = self.loaded(uri)?;
        let imports = loaded.tree.imports.iter().map(|import| import.text.clone().into_owned()).collect();
        let lines = Lines::new(loaded.tree.source);
        let problems = service::diagnostics(&loaded);
        let told = problems.iter().map(|problem| convert::problem(&lines, uri, problem, language)).collect();
        let document = self.open.get_mut(uri)?;
        document.imports = imports;
        Some((document.version, told))
    }

    /// The text of an imported file: as it is edited, else as it lies beside the document.
    fn import(&self, uri: &Url, name: &str) -> Option<String> {
        let beside = beside(uri, name)?;
        if let Some(text) = self.text(&beside) {
            return Some(text.to_owned());
        }
        let path = beside.to_file_path().ok()?;
        let about = std::fs::metadata(&path).ok()?;
        (about.is_file() && about.len() <= IMPORT_MAX).then(|| std::fs::read_to_string(&path).ok()).flatten()
    }

    /// Where an imported file is, if it is there.
    pub(super) fn place_of_import(&self, uri: &Url, name: &str) -> Option<Url> {
        let beside = beside(uri, name)?;
        let there = self.open.contains_key(&beside) || beside.to_file_path().is_ok_and(|path| path.is_file());
        there.then_some(beside)
    }
}

/// A file of the same folder; as at run time, an import names no other folder.
fn beside(uri: &Url, name: &str) -> Option<Url> {
    let plain = Path::new(name).file_name().is_some_and(|file| file == name) && !name.starts_with('.');
    if !plain || name.contains(['\\', ':', '?', '#', '%']) {
        return None;
    }
    uri.join(name).ok()
}

fn too_large(uri: &Url) -> String {
    format!("{uri} is not followed while it is larger than {TEXT_MAX} bytes")
}
