//! Opens a PDF: what it is, how many pages it has, and what is wrong with it.

use std::sync::Arc;

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use crate::page::DocumentInfo;
use crate::problem::DocumentProblem;
use crate::second;

/// Bytes within which a PDF's mark must stand; readers allow that much before it.
const HEADER_WITHIN: usize = 1024;

/// Bytes within which a whole file's end mark stands.
const TAIL: usize = 2048;

/// Letters kept of a title or another line of metadata; longer ones are mistakes.
const METADATA_CHARS_MAX: usize = 500;

/// Follows the structure of `bytes`.
pub(crate) fn load(bytes: Vec<u8>, pages_max: u32) -> Result<(Pdf, DocumentInfo), DocumentProblem> {
    if bytes.is_empty() {
        return Err(DocumentProblem::EmptyFile);
    }
    let head = bytes.get(..HEADER_WITHIN).unwrap_or(&bytes);
    if !head.windows(5).any(|mark| mark == b"%PDF-") {
        return Err(DocumentProblem::NotPdf);
    }
    let encrypted = says_encrypted(&bytes);
    let whole = bytes.rchunks(TAIL).next().unwrap_or_default().windows(5).any(|mark| mark == b"%%EOF");
    let pdf = open(bytes)?;
    let pages = pdf.pages().len();
    if pages == 0 {
        return Err(if whole { DocumentProblem::NoPages } else { DocumentProblem::Damaged });
    }
    if pages > pages_max as usize {
        return Err(DocumentProblem::TooManyPages { pages: pages as u64, max: pages_max });
    }
    let metadata = pdf.metadata();
    let info = DocumentInfo {
        page_count: pages as u32,
        title: metadata.title.as_deref().and_then(text_string),
        author: metadata.author.as_deref().and_then(text_string),
        producer: metadata.producer.as_deref().and_then(text_string),
        created: metadata
            .creation_date
            .map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)),
        encrypted,
    };
    Ok((pdf, info))
}

/// The file as it is, or as the second opinion wrote it where the first finds nothing in it.
fn open(bytes: Vec<u8>) -> Result<Pdf, DocumentProblem> {
    let bytes = Arc::new(bytes);
    let first = Pdf::new(Arc::clone(&bytes));
    let unsure = match &first {
        Ok(pdf) => pdf.pages().is_empty() || second::needed(&bytes),
        Err(error) => matches!(error, LoadPdfError::Invalid),
    };
    if unsure
        && let Some(anew) = second::opinion(&bytes)
        && let Ok(pdf) = Pdf::new(anew)
        && !pdf.pages().is_empty()
    {
        return Ok(pdf);
    }
    first.map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => DocumentProblem::Encrypted,
        LoadPdfError::Decryption(_) => DocumentProblem::EncryptionUnsupported,
        LoadPdfError::Invalid => DocumentProblem::Damaged,
    })
}

/// Whether a trailer names an encryption dictionary.
fn says_encrypted(bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"/Encrypt";
    bytes.windows(KEY.len() + 1).any(|window| {
        window
            .strip_prefix(KEY)
            .and_then(<[u8]>::first)
            .is_some_and(|next| next.is_ascii_whitespace() || *next == b'<')
    })
}

/// A text string of metadata: UTF-16 or UTF-8 by its mark, else PDFDocEncoding, which is nearly Latin-1.
fn text_string(bytes: &[u8]) -> Option<String> {
    let units = |pair: &[u8]| {
        u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)])
    };
    let text = if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        char::decode_utf16(rest.chunks_exact(2).map(units))
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect::<String>()
    } else if let Some(rest) = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        String::from_utf8_lossy(rest).into_owned()
    } else {
        bytes.iter().copied().map(char::from).collect()
    };
    let clean: String = text.chars().filter(|c| !c.is_control()).take(METADATA_CHARS_MAX).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_in_each_of_its_encodings() {
        assert_eq!(text_string(b"\xfe\xff\x00A\x00\xe7\x00\xe3\x00o"), Some("Ação".to_owned()));
        assert_eq!(text_string(b"A\xe7\xe3o "), Some("Ação".to_owned()));
        assert_eq!(text_string("\u{feff}Ação".as_bytes()), Some("Ação".to_owned()));
        assert_eq!(text_string(b"  "), None);
    }

    #[test]
    fn what_is_no_pdf_is_named_so() {
        assert_eq!(load(Vec::new(), 10).err(), Some(DocumentProblem::EmptyFile));
        assert_eq!(load(b"PK\x03\x04 a spreadsheet".to_vec(), 10).err(), Some(DocumentProblem::NotPdf));
        assert_eq!(load(b"%PDF-1.7\n".to_vec(), 10).err(), Some(DocumentProblem::Damaged));
    }
}
