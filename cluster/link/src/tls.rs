//! TLS 1.3 with certificates on both sides; who a peer is comes from its certificate.
//!
//! The authority signs nodes and nothing else, so a dialer does not ask which host it reached but which node: the
//! name that the peer claims must be among the DNS names of its certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{
    Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{
    ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, PeerMisbehaved, RootCertStore, ServerConfig, SignatureScheme,
    version::TLS13,
};

use crate::settings::TlsFiles;

/// Why certificate files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("reading `{path}`: {why}; a PEM file is needed there (`rag-enabler certs new` makes them)")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A certificate or key cannot be used.
    #[error("using `{path}`")]
    Use {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The node's own certificate names another node.
    #[error("the certificate `{path}` does not name the node `{node}` among its DNS names")]
    Name {
        /// The file.
        path: PathBuf,
        /// The node.
        node: String,
    },
    /// The configuration cannot be built.
    #[error("setting up TLS: {0}")]
    Build(String),
}

/// Both sides of TLS for one node.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) accept: tokio_rustls::TlsAcceptor,
    pub(crate) connect: tokio_rustls::TlsConnector,
    provider: Arc<CryptoProvider>,
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |why: String| TlsError::Read { path: path.to_owned(), why };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| read(error.to_string()))?;
    if found.is_empty() { Err(read("it holds no certificate".to_owned())) } else { Ok(found) }
}

impl Tls {
    pub(crate) fn load(files: &TlsFiles, node: &str) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let build = |error: &dyn std::fmt::Display| TlsError::Build(error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.authority)? {
            let used = roots.add(certificate);
            used.map_err(|source| TlsError::Use { path: files.authority.clone(), source })?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(&files.certificate)?;
        if !chain.first().is_some_and(|own| names(own, node)) {
            return Err(TlsError::Name { path: files.certificate.clone(), node: node.to_owned() });
        }
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| TlsError::Read { path: files.key.clone(), why: error.to_string() })?;
        let unusable = |source| TlsError::Use { path: files.key.clone(), source };

        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| build(&error))?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| build(&error))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(unusable)?;
        // Every handshake checks the certificates anew.
        server.send_tls13_tickets = 0;
        let verifier = Arc::new(SignedByAuthority { roots, provider: provider.clone() });
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| build(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(chain, key)
            .map_err(unusable)?;
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        Ok(Tls { accept: Arc::new(server).into(), connect: Arc::new(client).into(), provider })
    }

    /// A number that nobody can guess.
    pub(crate) fn token(&self) -> Result<u128, std::io::Error> {
        let mut bytes = [0; 16];
        self.provider
            .secure_random
            .fill(&mut bytes)
            .map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
        // Zero stands for none.
        Ok(u128::from_be_bytes(bytes).max(1))
    }
}

/// Whether a certificate names a node.
pub(crate) fn names(certificate: &CertificateDer<'_>, node: &str) -> bool {
    let Ok(name) = ServerName::try_from(node) else { return false };
    ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
}

/// Takes a certificate that the cluster's authority signed for a server, whatever host it names.
#[derive(Debug)]
struct SignedByAuthority {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SignedByAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerMisbehaved::SelectedUnofferedKxGroup.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// An acceptor that has no certificate, so that no handshake with it can ever end well.
pub(crate) fn dead_end() -> Result<tokio_rustls::TlsAcceptor, TlsError> {
    #[derive(Debug)]
    struct Nothing;
    impl ResolvesServerCert for Nothing {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            None
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| TlsError::Build(error.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Nothing));
    Ok(Arc::new(config).into())
}
