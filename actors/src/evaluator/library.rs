//! Where the versions of a rule set are: the object store first, the node's folder next, what ships last.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use enabler_rules::syntax::{SOURCE_MAX, parse};
use enabler_storage::objects::{Key, ObjectStore};

use super::version::Origin;

/// Files that one file may take in, those that they take in included.
const IMPORTS_MAX: usize = 32;

/// Where rules files are looked for.
#[derive(Clone)]
pub struct Library {
    /// What ships: name and text.
    pub shipped: Arc<Vec<(String, String)>>,
    /// The node's own folder.
    pub folder: PathBuf,
    /// The store, the same for every node.
    pub store: Arc<dyn ObjectStore>,
}

/// A rules file with all that it imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it came from.
    pub origin: Origin,
    /// Its text.
    pub text: String,
    /// The imported files by name.
    pub imports: BTreeMap<String, String>,
    /// Of all of them.
    pub hash: String,
}

impl Library {
    /// The version that ships; empty for a name that does not.
    pub fn shipped(&self, name: &str) -> Found {
        let text = self.shipped.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
        found(Origin::Shipped, text.unwrap_or_default(), BTreeMap::new())
    }

    /// The version of the first place that has one.
    ///
    /// # Errors
    /// A file that is there and cannot be read, in words.
    pub async fn find(&self, name: &str) -> Result<Found, String> {
        Ok(self.find_only(name).await?.unwrap_or_else(|| self.shipped(name)))
    }

    /// As [`Library::find`], without what ships.
    ///
    /// # Errors
    /// A file that is there and cannot be read, in words.
    pub async fn find_only(&self, name: &str) -> Result<Option<Found>, String> {
        for origin in [Origin::Store, Origin::Folder] {
            if let Some(text) = self.read(origin, &format!("{name}.rules")).await? {
                let imports = self.imports(origin, &text).await?;
                return Ok(Some(found(origin, text, imports)));
            }
        }
        Ok(None)
    }

    /// What a file imports, from the place where it lies itself. A name that is not there is left to the check.
    async fn imports(&self, origin: Origin, text: &str) -> Result<BTreeMap<String, String>, String> {
        let mut known = BTreeMap::new();
        let mut wanted = imported(text);
        while let Some(name) = wanted.pop() {
            if known.contains_key(&name) || known.len() >= IMPORTS_MAX {
                continue;
            }
            if let Some(text) = self.read(origin, &name).await? {
                wanted.extend(imported(&text));
                known.insert(name, text);
            }
        }
        Ok(known)
    }

    async fn read(&self, origin: Origin, file: &str) -> Result<Option<String>, String> {
        if !is_plain(file) {
            return Ok(None);
        }
        let bytes = match origin {
            Origin::Shipped => return Ok(None),
            Origin::Store => {
                let key = Key::new(format!("v1/rules/{file}")).map_err(|error| error.to_string())?;
                let read = self.store.get(&key).await;
                read.map_err(|error| format!("reading {key} from the store: {error}"))?
                    .map(|object| object.bytes.to_vec())
            }
            Origin::Folder => {
                let path = self.folder.join(file);
                match tokio::fs::metadata(&path).await {
                    Ok(about) if about.len() > SOURCE_MAX as u64 => {
                        return Err(format!("{} is larger than {SOURCE_MAX} bytes", path.display()));
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(format!("{}: {error}", path.display())),
                }
                Some(tokio::fs::read(&path).await.map_err(|error| format!("{}: {error}", path.display()))?)
            }
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            format!("{file}: D0026 o arquivo não é texto UTF-8 (byte {at})")
        })?;
        Ok(Some(text))
    }
}

/// A file's name without a folder: nothing outside the library is read.
fn is_plain(file: &str) -> bool {
    !file.starts_with('.')
        && !file.contains("..")
        && file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn imported(text: &str) -> Vec<String> {
    // Cheap for the usual file, which imports nothing.
    if !text.to_lowercase().contains("import") {
        return Vec::new();
    }
    parse(text).imports.iter().map(|import| import.text.clone().into_owned()).collect()
}

fn found(origin: Origin, text: String, imports: BTreeMap<String, String>) -> Found {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(&text).chain(imports.iter().flat_map(|(name, text)| [name, text])) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize().to_hex().to_string();
    Found { origin, text, imports, hash }
}
