//! A certificate authority for test and single-site clusters, and the node certificates that it signs.
//!
//! What is made here does not expire within a lifetime: whoever has an authority of their own should use that.

use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::settings::{TlsFiles, name_is_good};

/// The authority's name in its certificate; issuing needs the same one again.
const AUTHORITY_NAME: &str = "RAG Enabler cluster authority";

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// The node's name or a host cannot stand in a certificate.
    #[error(
        "`{0}` cannot stand in a certificate: a node is named [a-z0-9][a-z0-9-]{{0,62}}, a host by DNS name or IP"
    )]
    Name(String),
    /// Making or signing failed.
    #[error("making a certificate")]
    Make(#[from] rcgen::Error),
    /// A file could not be written or read.
    #[error("using `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A certificate and its key, both PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: String,
}

fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Makes a new authority.
///
/// # Errors
/// See [`CertError`].
pub fn authority() -> Result<Pair, CertError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params()?.self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Signs a certificate for `node`, for both ends of a link; `hosts` are DNS names or IP addresses for other tools.
///
/// # Errors
/// See [`CertError`].
pub fn issue(authority: &Pair, node: &str, hosts: &[String]) -> Result<Pair, CertError> {
    if !name_is_good(node) {
        return Err(CertError::Name(node.to_owned()));
    }
    let issuer = Issuer::new(authority_params()?, KeyPair::from_pem(&authority.key)?);
    let mut params = CertificateParams::new(vec![node.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, node);
    for host in hosts {
        let name = match host.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => {
                let name = host.as_str().try_into().map_err(|_| CertError::Name(host.clone()))?;
                SanType::DnsName(name)
            }
        };
        params.subject_alt_names.push(name);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// The files of `node` in `dir`: `authority.pem`, `NODE.pem` and `NODE.key`.
pub fn files(dir: &Path, node: &str) -> TlsFiles {
    TlsFiles {
        authority: dir.join("authority.pem"),
        certificate: dir.join(format!("{node}.pem")),
        key: dir.join(format!("{node}.key")),
    }
}

/// Writes certificates for `nodes` into `dir`, signed by the authority there; it is made if there is none.
///
/// Keys are readable by their owner alone; nothing that exists is overwritten.
///
/// # Errors
/// See [`CertError`].
pub fn write(dir: &Path, nodes: &[String], hosts: &[String]) -> Result<(), CertError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| CertError::File { path, source }
    };
    std::fs::create_dir_all(dir).map_err(file(dir))?;
    let (certificate, key) = (dir.join("authority.pem"), dir.join("authority.key"));
    let signer = if key.exists() {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(file(path));
        Pair { certificate: read(&certificate)?, key: read(&key)? }
    } else {
        let made = authority()?;
        put(&key, &made.key, 0o600)?;
        put(&certificate, &made.certificate, 0o644)?;
        made
    };
    for node in nodes {
        let pair = issue(&signer, node, hosts)?;
        let files = files(dir, node);
        put(&files.key, &pair.key, 0o600)?;
        put(&files.certificate, &pair.certificate, 0o644)?;
    }
    Ok(())
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), CertError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| CertError::File { path: path.to_owned(), source })
}
