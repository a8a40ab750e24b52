//! Checks a shard's folder before it is used. Run it in a child process: LMDB can crash on a damaged page.

use std::fs;
use std::path::Path;

use heed::CompactionOption;

use super::live::Live;
use super::marker::{Marker, boot_id, hash_of, rows_file};
use super::rows::Rows;
use super::{MAP_BYTES, ShardError, during, open_env};
use crate::index::text::TextIndex;

/// Checks everything in `dir`; an absent folder is in order.
///
/// Meant for a child process of the node, which then ends: if it reports an error or dies, [`wipe`] the folder and
/// replay the log. Rows of a folder that was not closed cleanly are also copied, page by page that is in use, because
/// damage to LMDB's list of free pages shows only when a later write takes a page that is not free.
///
/// # Errors
///
/// [`ShardError::Damaged`] names what was found.
pub fn verify_dir(dir: &Path) -> Result<(), ShardError> {
    let Some(marker) = Marker::read(dir) else { return Ok(()) };
    if !marker.is_trusted(&boot_id()) {
        return Err(ShardError::Damaged { what: "it was in use when the machine stopped".to_owned() });
    }
    let file = rows_file(dir);
    if let Some(hash) = &marker.closed
        && *hash != hash_of(&file)?
    {
        return Err(ShardError::Damaged { what: "its rows have changed since it was closed".to_owned() });
    }
    let env = open_env(dir, MAP_BYTES)?;
    let rows = Rows::open(env.clone())?;
    rows.verify()?;
    // Reads every document and vector as a start does.
    drop(Live::load(&rows)?);
    let text = TextIndex::open(&dir.join("words")).map_err(text_damage)?;
    check_text(&text, &rows)?;
    drop((text, rows));
    let copy = file.with_extension("new");
    if marker.closed.is_none() {
        let copied = env.copy_to_path(&copy, CompactionOption::Enabled);
        let copied =
            copied.map_err(|e| ShardError::Damaged { what: format!("its rows cannot be copied: {e}") })?;
        copied.sync_all().map_err(during("making durable", &copy))?;
    }
    env.prepare_for_closing().wait();
    if marker.closed.is_none() {
        fs::rename(&copy, &file).map_err(during("renaming onto", &file))?;
    }
    Ok(())
}

/// Removes the folder's content; the index is then rebuilt by replaying the log.
///
/// # Errors
///
/// If the files cannot be removed.
pub fn wipe(dir: &Path) -> Result<(), ShardError> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(during("removing", dir)(e)),
        _ => Ok(()),
    }
}

/// Checks the keyword files, and that they are not ahead of the rows and hold as many chunks when level.
pub(super) fn check_text(text: &TextIndex, rows: &Rows) -> Result<(), ShardError> {
    let damaged = |what: String| Err(ShardError::Damaged { what });
    if let Some(what) = text.verify().map_err(text_damage)? {
        return damaged(what);
    }
    let txn = rows.read()?;
    let chunks = rows.table(super::rows::Of::Chunks).len(&txn).map_err(rows.failed("counting rows"))?;
    let behind = rows.table(super::rows::Of::Changes).len(&txn).map_err(rows.failed("counting rows"))? > 0;
    let applied = text.applied_seq();
    if applied > rows.meta(&txn)?.position.seq {
        return damaged("the keyword index is ahead of the rows".to_owned());
    }
    if applied > 0 && !behind && text.len() != chunks {
        return damaged(format!("{} chunks in the keyword index where {chunks} are in the rows", text.len()));
    }
    Ok(())
}

fn text_damage(e: tantivy::TantivyError) -> ShardError {
    ShardError::Damaged { what: format!("the keyword index: {e}") }
}
