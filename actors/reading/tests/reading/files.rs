//! Makes PDFs, good and hostile ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use lopdf::encryption::crypt_filters::{Aes128CryptFilter, Aes256CryptFilter, CryptFilter};
use lopdf::{EncryptionState, EncryptionVersion, Permissions};

/// A PDF in the making.
#[derive(Default)]
pub(crate) struct Pdf {
    objects: Vec<Vec<u8>>,
}

impl Pdf {
    /// Adds an object; gives its number.
    pub(crate) fn add(&mut self, body: impl Into<Vec<u8>>) -> usize {
        self.objects.push(body.into());
        self.objects.len()
    }

    /// Adds a stream with `entries` in its dictionary.
    pub(crate) fn stream(&mut self, entries: &str, data: &[u8]) -> usize {
        let mut body = format!("<< {entries} /Length {} >>\nstream\n", data.len()).into_bytes();
        body.extend_from_slice(data);
        body.extend_from_slice(b"\nendstream");
        self.add(body)
    }

    /// The number that the object added next but `ahead` will have.
    pub(crate) fn next(&self, ahead: usize) -> usize {
        self.objects.len() + 1 + ahead
    }

    /// The file, whose catalog is object `root`.
    pub(crate) fn finish(self, root: usize) -> Vec<u8> {
        self.finish_with(root, "")
    }

    pub(crate) fn finish_with(self, root: usize, trailer: &str) -> Vec<u8> {
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut offsets = Vec::new();
        for (index, body) in self.objects.iter().enumerate() {
            offsets.push(file.len());
            file.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
            file.extend_from_slice(body);
            file.extend_from_slice(b"\nendobj\n");
        }
        let start = file.len();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1);
        for offset in &offsets {
            writeln!(table, "{offset:010} 00000 n ").unwrap();
        }
        write!(
            table,
            "trailer << /Size {} /Root {root} 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n",
            offsets.len() + 1
        )
        .unwrap();
        file.extend_from_slice(table.as_bytes());
        file
    }
}

const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// One page with the given box, resources and content.
pub(crate) fn one_page(media_box: &str, resources: &str, content_entries: &str, content: &[u8]) -> Vec<u8> {
    with_objects(media_box, resources, content_entries, content, |_| {})
}

/// The same, with objects of the caller's own from number 6 on.
pub(crate) fn with_objects(
    media_box: &str,
    resources: &str,
    content_entries: &str,
    content: &[u8],
    more: impl FnOnce(&mut Pdf),
) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    pdf.add(format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox {media_box} /Contents 4 0 R /Resources << /Font << /F 5 0 R >> {resources} >> >>"
    ));
    pdf.stream(content_entries, content);
    pdf.add(FONT);
    more(&mut pdf);
    pdf.finish(1)
}

pub(crate) const A4: &str = "[0 0 595 842]";

/// A page of one sentence.
pub(crate) fn good() -> Vec<u8> {
    one_page(A4, "", "", b"BT /F 12 Tf 72 700 Td (Um documento simples e bom.) Tj ET")
}

/// `pages` empty pages in one flat tree.
pub(crate) fn many_pages(pages: usize) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 3)).collect();
    pdf.add(format!("<< /Type /Pages /MediaBox {A4} /Count {pages} /Kids [{kids}] >>"));
    for _ in 0..pages {
        pdf.add("<< /Type /Page /Parent 2 0 R >>");
    }
    pdf.finish(1)
}

pub(crate) fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// `megabytes` of `pattern`, deflated, without ever holding them.
pub(crate) fn deflated_many(pattern: &[u8], megabytes: usize) -> Vec<u8> {
    let megabyte: Vec<u8> = pattern.iter().copied().cycle().take(1 << 20).collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..megabytes {
        encoder.write_all(&megabyte).unwrap();
    }
    encoder.finish().unwrap()
}

/// A page whose content unpacks to `megabytes`.
pub(crate) fn bomb(pattern: &[u8], megabytes: usize) -> Vec<u8> {
    one_page(A4, "", "/Filter /FlateDecode", &deflated_many(pattern, megabytes))
}

/// The same, packed a second time.
pub(crate) fn bomb_in_bomb(megabytes: usize) -> Vec<u8> {
    let content = deflated(&deflated_many(b" ", megabytes));
    one_page(A4, "", "/Filter [/FlateDecode /FlateDecode]", &content)
}

/// A page that shows an image whose dictionary is `entries`.
pub(crate) fn image(entries: &str, data: &[u8]) -> Vec<u8> {
    with_objects(A4, "/XObject << /I 6 0 R >>", "", b"q 595 0 0 842 0 0 cm /I Do Q", |pdf| {
        pdf.stream(&format!("/Type /XObject /Subtype /Image {entries}"), data);
    })
}

/// A document that is encrypted so that `password` opens it.
pub(crate) fn encrypted(kind: &str, password: &str) -> Vec<u8> {
    let mut document = lopdf::Document::load_mem(&good()).unwrap();
    let id = lopdf::Object::string_literal(b"0123456789abcdef".to_vec());
    document.trailer.set("ID", vec![id.clone(), id]);
    let permissions = Permissions::all();
    let filters = |filter: Arc<dyn CryptFilter>| BTreeMap::from([(b"StdCF".to_vec(), filter)]);
    let (owner_password, user_password) = ("owner", password);
    let (stream_filter, string_filter) = (b"StdCF".to_vec(), b"StdCF".to_vec());
    let version = match kind {
        "rc4" => EncryptionVersion::V2 {
            document: &document,
            owner_password,
            user_password,
            key_length: 128,
            permissions,
        },
        "aes128" => EncryptionVersion::V4 {
            document: &document,
            encrypt_metadata: true,
            crypt_filters: filters(Arc::new(Aes128CryptFilter)),
            stream_filter,
            string_filter,
            owner_password,
            user_password,
            permissions,
        },
        "aes256" => EncryptionVersion::V5 {
            encrypt_metadata: true,
            crypt_filters: filters(Arc::new(Aes256CryptFilter)),
            file_encryption_key: &[7; 32],
            stream_filter,
            string_filter,
            owner_password,
            user_password,
            permissions,
        },
        other => panic!("no encryption {other}"),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}
