//! A second opinion, by lopdf, on files that the first reader cannot open or cannot unpack: read, and written anew.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Document, LoadOptions, Object, Stream};

/// Bytes of a file that is worth the attempt; all of a file's objects are held in memory at once.
const FILE_BYTES_MAX: usize = 64 << 20;

/// Bytes that one stream may unpack to. The largest of real documents' own, a page of maps, has 40 MiB.
const STREAM_BYTES_MAX: usize = 64 << 20;

/// The compression that lopdf knows and the first reader does not: newer than PDF 2.0.
const BROTLI: &[u8] = b"BrotliDecode";

/// Whether only lopdf can unpack what is in the file.
pub(crate) fn needed(bytes: &[u8]) -> bool {
    bytes.windows(BROTLI.len()).any(|name| name == BROTLI)
}

/// The file written anew with what lopdf found in it, if that is any page.
pub(crate) fn opinion(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > FILE_BYTES_MAX {
        return None;
    }
    // Where it fails the file stays what it was: damaged.
    catch_unwind(AssertUnwindSafe(|| rewritten(bytes))).ok().flatten()
}

fn rewritten(bytes: &[u8]) -> Option<Vec<u8>> {
    let options = LoadOptions { max_decompressed_size: Some(STREAM_BYTES_MAX), ..LoadOptions::default() };
    let mut document = Document::load_mem_with_options(bytes, options).ok()?;
    document.page_iter().next().filter(|_| !document.is_encrypted())?;
    for object in document.objects.values_mut() {
        if let Object::Stream(stream) = object
            && has_brotli(stream)
        {
            stream.decompress_with_limit(STREAM_BYTES_MAX).ok()?;
        }
    }
    let mut anew = Vec::with_capacity(bytes.len());
    document.save_to(&mut anew).ok()?;
    Some(anew)
}

fn has_brotli(stream: &Stream) -> bool {
    stream.filters().is_ok_and(|filters| filters.contains(&BROTLI))
}
