//! Links by which a browser fetches an object from the store itself, for a while and without credentials.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use enabler_storage::objects::{Key, StoreError};

use crate::bucket::Bucket;
use crate::said::{Said, chain};

/// The longest life of a link: what the signature's rules allow.
const EXPIRES_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Longest file name in a link, in characters; file systems take 255 bytes.
const FILENAME_CHARS_MAX: usize = 120;

impl Bucket {
    /// A link that gives the object `key` to anyone who has it, until `expires` (at most 7 days) is over.
    ///
    /// With `filename` a browser saves it under that name. Nothing is sent: whether the object exists shows
    /// when the link is followed. The link is a secret as long as it lives.
    ///
    /// # Errors
    ///
    /// If there are no credentials to sign it with, or it would live longer than a link can.
    pub async fn presigned_get(
        &self,
        key: &Key,
        expires: Duration,
        filename: Option<&str>,
    ) -> Result<String, StoreError> {
        let inner = &*self.inner;
        let doing = "making a link to";
        if expires > EXPIRES_MAX {
            return Err(inner.failure(doing, key, "a link lives at most 7 days"));
        }
        let terms = PresigningConfig::expires_in(expires)
            .map_err(|error| inner.failure(doing, key, &chain(&error)))?;
        let request = inner.clients.read.get_object().bucket(&inner.bucket).key(inner.full(key));
        let request = request.set_response_content_disposition(filename.map(disposition));
        let link = request.presigned(terms).await;
        let link = link.map_err(|error| Said::of(&error).error(doing, key, &inner.bucket))?;
        Ok(link.uri().to_owned())
    }
}

/// The header that names a file to be saved, by RFC 6266: plainly for old programs, and in full for the others.
fn disposition(filename: &str) -> String {
    let name: String = filename.chars().filter(|c| !c.is_control()).take(FILENAME_CHARS_MAX).collect();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_.()".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let full: String = name.bytes().map(escaped).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_name_and_cannot_add_a_header() {
        assert_eq!(
            disposition("Convenção \"2\"\r\n.pdf"),
            "attachment; filename=\"Conven__o _2_.pdf\"; filename*=UTF-8''Conven%C3%A7%C3%A3o%20%222%22.pdf"
        );
        assert!(disposition(&"x".repeat(9_000)).len() < 400);
    }
}
