//! Reads a settings file into written values with their lines.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::problem::{Origin, Problem};
use crate::value::Written;

/// One `section.name` of a file, as written.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    pub(crate) written: Written,
}

/// The largest settings file: room for every setting with pages of comment.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads `text`, which was found at `path`.
pub(crate) fn read(path: &Path, text: &str) -> Result<Vec<Entry>, Problem> {
    let at = |offset: usize| Origin::File { path: path.to_owned(), line: line(text, offset) };
    let table = DeTable::parse(text).map_err(|error| Problem {
        origin: at(error.span().map_or(0, |span| span.start)),
        message: format!("is not valid TOML: {}", error.message()),
    })?;
    let mut entries = Vec::new();
    for (section, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Table(settings) => {
                for (name, value) in settings {
                    entries.push(Entry {
                        path: format!("{}.{}", section.get_ref(), name.get_ref()),
                        origin: at(name.span().start),
                        written: written(value.get_ref()),
                    });
                }
            }
            other => entries.push(Entry {
                path: section.get_ref().to_string(),
                origin: at(section.span().start),
                written: written(other),
            }),
        }
    }
    Ok(entries)
}

fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or(Written::Other("a number"), Written::Whole),
        DeValue::Array(items) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map_or(Written::Other("a list with other things than texts"), Written::List),
        DeValue::Float(_) => Written::Other("a number with a fraction"),
        DeValue::Boolean(flag) => Written::Flag(*flag),
        DeValue::Datetime(_) => Written::Other("a date"),
        DeValue::Table(_) => Written::Other("a section"),
    }
}
