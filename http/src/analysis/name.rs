//! What a file of an analysis is called. Pure.

use warp::http::HeaderValue;

use super::Format;

/// Letters of the document's own name that are kept.
const STEM_CHARS_MAX: usize = 120;

/// `Content-Disposition` of the analysis of the file `filename`.
///
/// The plain name has letters that no header and no file system takes amiss; the other one is the whole name.
///
/// Source: RFC 6266, section 4.3; RFC 8187.
pub(super) fn disposition(filename: &str, format: Format) -> HeaderValue {
    // A point before a slash ends a folder's name and begins no extension.
    let parts = filename.rsplit_once('.').filter(|(_, extension)| !extension.contains(['/', '\\']));
    let stem = parts.map_or(filename, |(stem, _)| stem);
    let stem: String = stem.chars().take(STEM_CHARS_MAX).collect();
    let safe = |c: char| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
        _ => '_',
    };
    let plain: String = stem.chars().map(safe).collect();
    let plain = plain.trim_start_matches('.');
    let plain = if plain.is_empty() { "document" } else { plain };
    let mut whole = String::new();
    for byte in stem.replace(['/', '\\'], "_").bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            whole.push(char::from(byte));
        } else {
            whole.push_str(&format!("%{byte:02X}"));
        }
    }
    let end = format!("analysis.{}", format.extension());
    let text = format!("attachment; filename=\"{plain}.{end}\"; filename*=UTF-8''{whole}.{end}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_of_any_letters_becomes_a_safe_one_and_the_whole_one() {
        let value = disposition("Inventário \"A\"\r\n.pdf", Format::Csv);
        assert_eq!(
            value.to_str().unwrap(),
            "attachment; filename=\"Invent_rio__A___.analysis.csv\"; \
             filename*=UTF-8''Invent%C3%A1rio%20%22A%22%0D%0A.analysis.csv"
        );
        assert!(
            disposition("../../etc/passwd", Format::Pdf).to_str().unwrap().contains("filename=\"_.._etc")
        );
        assert!(disposition(".pdf", Format::Pdf).to_str().unwrap().contains("\"document.analysis.pdf\""));
    }

    proptest! {
        #[test]
        fn no_name_breaks_out_of_the_header(name in ".{0,60}") {
            let value = disposition(&name, Format::Xlsx);
            let text = value.to_str().unwrap();
            prop_assert_eq!(text.matches('"').count(), 2);
            prop_assert!(text.starts_with("attachment; filename=\"") && !text.contains(['/', '\\']));
        }
    }
}
