//! TLS towards a Redis, with the cryptography named.
//!
//! A program may hold two libraries of cryptography, and then the one "of the process" is nobody's: asking for it
//! panics. So nothing here asks.

use std::path::Path;
use std::sync::Arc;

use fred::rustls::crypto::aws_lc_rs;
use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore};

use crate::settings::SettingsError;

/// A client that trusts the certificates in `ca_file`, or those that the system trusts.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<ClientConfig, SettingsError> {
    let roots = match ca_file {
        Some(path) => {
            read_roots(path).map_err(|source| SettingsError::CaFile { path: path.to_owned(), source })?
        }
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|source| SettingsError::Tls { source: source.into() })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn read_roots(path: &Path) -> Result<RootCertStore, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() { Err("it holds no certificate".into()) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, SettingsError> {
    let mut roots = RootCertStore::empty();
    // One certificate that cannot be read does not make the others worthless.
    let (added, _) = roots.add_parsable_certificates(fred::rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err(SettingsError::NoRoots) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client(Some(file.path())).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()));
        assert!(client(Some(Path::new("/nowhere/ca.pem"))).is_err());
    }
}
