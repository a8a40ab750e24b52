//! The layout of a bundle: written once from front to back, and read the same way.
//!
//! Little-endian. Header: magic (8) | format (4) | length (4) | [`About`] as JSON. Object: `o` | length of the key (2) |
//! bytes (8) | bytes as they stand here (8) | packing (1) | SHA-256 of the bytes (32) | key | the bytes, packed.
//! Index: `i` | objects (8) | length (8) | zstd of one line per object: place (8), bytes (8), SHA-256 (32), length of
//! the key (2), key. End: `e` | BLAKE3 of everything before (32). What the index does not name is not restored.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{About, BundleError};
use crate::objects::{KEY_BYTES_MAX, Key};

const MAGIC: &[u8; 8] = b"RAGBNDL\n";
/// The format that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;
const OBJECT: u8 = b'o';
const INDEX: u8 = b'i';
const END: u8 = b'e';
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// As fast as the disk, and text halves.
const ZSTD_LEVEL: i32 = 3;
/// A header says little; more is another file.
const ABOUT_BYTES_MAX: u64 = 64 << 10;
/// Largest object: the largest upload and the largest record are well below.
const OBJECT_BYTES_MAX: u64 = 1 << 30;
/// Largest index: some ten million objects.
const INDEX_BYTES_MAX: u64 = 4 << 30;
/// The file's buffer.
const BUFFER_BYTES: usize = 1 << 20;

/// One object of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Where its frame begins.
    pub(super) at: u64,
    pub(super) size_bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// The objects of a bundle by their keys.
pub(super) type Index = BTreeMap<Key, Listed>;

/// A bundle that is being written, under a name of its own until it is whole.
#[derive(Debug)]
pub(super) struct Writer {
    file: BufWriter<File>,
    hash: blake3::Hasher,
    at: u64,
    index: Index,
    path: PathBuf,
    part: Part,
}

/// The unfinished file; it goes with whoever was writing it.
#[derive(Debug)]
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // There is nobody left to tell, and the name says what it is.
            let _ = fs::remove_file(path);
        }
    }
}

impl Writer {
    /// Begins the bundle `path`. Blocking.
    pub(super) fn create(path: &Path, about: &About) -> Result<Self, BundleError> {
        if path.exists() {
            return Err(BundleError::Taken(path.to_path_buf()));
        }
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        let part = path.with_file_name(name);
        // It holds every document: nobody else reads it.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = file.map_err(BundleError::io("creating", &part))?;
        let mut writer = Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: blake3::Hasher::new(),
            at: 0,
            index: Index::new(),
            path: path.to_path_buf(),
            part: Part(Some(part)),
        };
        let about = serde_json::to_vec(about).unwrap_or_default();
        writer.write(MAGIC)?;
        writer.write(&FORMAT.to_le_bytes())?;
        writer.write(&(about.len() as u32).to_le_bytes())?;
        writer.write(&about)?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.file.write_all(bytes).map_err(BundleError::io("writing", &self.path))?;
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds an object. Blocking.
    pub(super) fn add(&mut self, key: &Key, bytes: &[u8]) -> Result<(), BundleError> {
        let packed =
            zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(BundleError::io("packing for", &self.path))?;
        let (packing, body) =
            if packed.len() < bytes.len() { (ZSTD, packed.as_slice()) } else { (PLAIN, bytes) };
        let (at, sha256) = (self.at, <[u8; 32]>::from(Sha256::digest(bytes)));
        let name = key.as_str().as_bytes();
        let mut head = vec![OBJECT];
        // A key has 512 bytes at most.
        head.extend_from_slice(&(name.len() as u16).to_le_bytes());
        head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        head.extend_from_slice(&(body.len() as u64).to_le_bytes());
        head.push(packing);
        head.extend_from_slice(&sha256);
        head.extend_from_slice(name);
        self.write(&head)?;
        self.write(body)?;
        self.index.insert(key.clone(), Listed { at, size_bytes: bytes.len() as u64, sha256 });
        Ok(())
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.index.contains_key(key)
    }

    /// Whether there is an object in `folder`.
    pub(super) fn has_under(&self, folder: &str) -> bool {
        let from = Key::new(folder).ok().map(std::ops::Bound::Excluded);
        let next = from.and_then(|from| self.index.range((from, std::ops::Bound::Unbounded)).next());
        next.is_some_and(|(key, _)| {
            key.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Keeps an object that was added from being restored.
    pub(super) fn retract(&mut self, key: &Key) {
        self.index.remove(key);
    }

    /// Ends the bundle and gives it its name; gives its index and its size. Blocking.
    pub(super) fn finish(mut self) -> Result<(Index, u64), BundleError> {
        let mut lines = Vec::new();
        for (key, listed) in &self.index {
            lines.extend_from_slice(&listed.at.to_le_bytes());
            lines.extend_from_slice(&listed.size_bytes.to_le_bytes());
            lines.extend_from_slice(&listed.sha256);
            lines.extend_from_slice(&(key.as_str().len() as u16).to_le_bytes());
            lines.extend_from_slice(key.as_str().as_bytes());
        }
        let packed = zstd::bulk::compress(&lines, ZSTD_LEVEL);
        let packed = packed.map_err(BundleError::io("packing for", &self.path))?;
        let objects = self.index.len() as u64;
        self.write(&[INDEX])?;
        self.write(&objects.to_le_bytes())?;
        self.write(&(packed.len() as u64).to_le_bytes())?;
        self.write(&packed)?;
        self.write(&[END])?;
        let hash = *self.hash.finalize().as_bytes();
        self.write(&hash)?;
        let Self { file, at, index, path, mut part, .. } = self;
        let file =
            file.into_inner().map_err(|error| BundleError::io("writing", &path)(error.into_error()))?;
        file.sync_all().map_err(BundleError::io("making durable", &path))?;
        let Some(from) = part.0.take() else { return Err(BundleError::Stopped) };
        // A name that was taken meanwhile stays what it is.
        let named = fs::hard_link(&from, &path);
        let removed = fs::remove_file(&from);
        named.and(removed).map_err(BundleError::io("naming", &path))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(BundleError::io("making durable", folder))?;
        Ok((index, at))
    }
}

/// A bundle that is read from front to back, and whole objects of it again by their place.
#[derive(Debug)]
pub(super) struct Reader {
    file: BufReader<File>,
    hash: blake3::Hasher,
    at: u64,
    path: PathBuf,
    pub(super) about: About,
}

/// What comes next in a bundle.
#[derive(Debug)]
pub(super) enum Next {
    Object { key: Key, listed: Listed, bytes: Bytes },
    Index(Index),
}

impl Reader {
    /// Opens the bundle `path` and reads its header. Blocking.
    pub(super) fn open(path: &Path) -> Result<Self, BundleError> {
        let file = File::open(path).map_err(BundleError::io("opening", path))?;
        let about = About { product: String::new(), made_ms: 0, shard_count: 0, id: String::new() };
        let mut reader = Self {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            hash: blake3::Hasher::new(),
            at: 0,
            path: path.to_path_buf(),
            about,
        };
        let magic: [u8; 8] = match reader.array() {
            Err(BundleError::CutOff { .. }) => return Err(BundleError::Foreign(path.to_path_buf())),
            read => read?,
        };
        if magic != *MAGIC {
            return Err(BundleError::Foreign(path.to_path_buf()));
        }
        let found = u32::from_le_bytes(reader.array()?);
        if found > FORMAT || found == 0 {
            return Err(BundleError::Newer { found, known: FORMAT });
        }
        let length = u64::from(u32::from_le_bytes(reader.array()?));
        if length > ABOUT_BYTES_MAX {
            return Err(BundleError::damaged("its header is too long"));
        }
        let about = reader.bytes(length)?;
        reader.about =
            serde_json::from_slice(&about).map_err(|_| BundleError::damaged("its header is unreadable"))?;
        Ok(reader)
    }

    /// The next object, or the index behind the last; the end of the file is checked with it. Blocking.
    pub(super) fn next(&mut self) -> Result<Next, BundleError> {
        let at = self.at;
        let [tag] = self.array()?;
        match tag {
            OBJECT => {
                let (key, listed, bytes) = self.object(at)?;
                Ok(Next::Object { key, listed, bytes })
            }
            INDEX => self.index().map(Next::Index),
            other => Err(BundleError::damaged(format!("byte {at} is {other:#04x}, and no object begins so"))),
        }
    }

    /// The object at the place that the index gives. Blocking.
    pub(super) fn fetch(&mut self, key: &Key, listed: &Listed) -> Result<Bytes, BundleError> {
        self.file.seek(SeekFrom::Start(listed.at)).map_err(BundleError::io("reading", &self.path))?;
        self.at = listed.at;
        let [tag] = self.array()?;
        match self.object(listed.at) {
            Ok((found, same, bytes)) if tag == OBJECT && found == *key && same == *listed => Ok(bytes),
            Ok(_) => Err(BundleError::damaged(format!("another object stands in place of `{key}`"))),
            Err(error) => Err(error),
        }
    }

    fn object(&mut self, at: u64) -> Result<(Key, Listed, Bytes), BundleError> {
        let name_bytes = u64::from(u16::from_le_bytes(self.array()?));
        let (size_bytes, stored) = (u64::from_le_bytes(self.array()?), u64::from_le_bytes(self.array()?));
        let [packing] = self.array()?;
        let sha256: [u8; 32] = self.array()?;
        if name_bytes > KEY_BYTES_MAX as u64 || size_bytes.max(stored) > OBJECT_BYTES_MAX {
            return Err(BundleError::damaged(format!("the object at byte {at} is too large")));
        }
        let name = self.bytes(name_bytes)?;
        let key = String::from_utf8(name).ok().and_then(|name| Key::new(name).ok());
        let key = key.ok_or_else(|| BundleError::damaged(format!("the object at byte {at} has no key")))?;
        let body = self.bytes(stored)?;
        let bytes = match packing {
            PLAIN => body,
            ZSTD => unpack(&body, size_bytes).map_err(|_| differs(&key))?,
            _ => return Err(differs(&key)),
        };
        if bytes.len() as u64 != size_bytes || <[u8; 32]>::from(Sha256::digest(&bytes)) != sha256 {
            return Err(differs(&key));
        }
        Ok((key, Listed { at, size_bytes, sha256 }, bytes.into()))
    }

    fn index(&mut self) -> Result<Index, BundleError> {
        let wrong = || BundleError::damaged("its index is unreadable");
        let (objects, length) = (u64::from_le_bytes(self.array()?), u64::from_le_bytes(self.array()?));
        if length > INDEX_BYTES_MAX {
            return Err(wrong());
        }
        let packed = self.bytes(length)?;
        // A line is a key and fifty bytes.
        let limit = objects.saturating_mul(50 + KEY_BYTES_MAX as u64).min(INDEX_BYTES_MAX);
        let lines = unpack(&packed, limit).map_err(|_| wrong())?;
        let index = parsed(&lines).filter(|index| index.len() as u64 == objects).ok_or_else(wrong)?;
        let [tag] = self.array()?;
        let expected = *self.hash.finalize().as_bytes();
        let found: [u8; 32] = self.array()?;
        if tag != END || found != expected {
            return Err(BundleError::damaged("its bytes are not those that were written"));
        }
        let mut more = [0];
        match self.file.read(&mut more).map_err(BundleError::io("reading", &self.path))? {
            0 => Ok(index),
            _ => Err(BundleError::damaged("something stands behind its end")),
        }
    }

    /// Bytes that were read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BundleError> {
        let mut array = [0; N];
        let read = self.file.read_exact(&mut array);
        self.took(read, &array)?;
        Ok(array)
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        // What a damaged length claims is not reserved.
        let read = (&mut self.file).take(length).read_to_end(&mut bytes);
        let short = io::Error::from(io::ErrorKind::UnexpectedEof);
        let read = read.and_then(|read| if read as u64 == length { Ok(()) } else { Err(short) });
        self.took(read, &bytes)?;
        Ok(bytes)
    }

    fn took(&mut self, read: io::Result<()>, bytes: &[u8]) -> Result<(), BundleError> {
        match read {
            Ok(()) => {
                self.hash.update(bytes);
                self.at += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let bytes = self.file.get_ref().metadata().map_or(self.at, |file| file.len());
                Err(BundleError::CutOff { bytes })
            }
            Err(error) => Err(BundleError::io("reading", &self.path)(error)),
        }
    }
}

fn differs(key: &Key) -> BundleError {
    BundleError::damaged(format!("`{key}` is not what was written"))
}

/// Unpacks with a limit, because a few bytes can claim to unpack to gigabytes.
fn unpack(packed: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    zstd::stream::read::Decoder::new(packed)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parsed(mut lines: &[u8]) -> Option<Index> {
    let mut index = Index::new();
    while !lines.is_empty() {
        let (at, rest) = lines.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (sha256, rest) = rest.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        let key = Key::new(std::str::from_utf8(name).ok()?).ok()?;
        let listed =
            Listed { at: u64::from_le_bytes(*at), size_bytes: u64::from_le_bytes(*size), sha256: *sha256 };
        index.insert(key, listed);
        lines = rest;
    }
    Some(index)
}
