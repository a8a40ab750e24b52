//! Whoever is not a node of the cluster gets nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::net::Reach;
use enabler_link::{Settings, certs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::node::*;
use crate::processes::Process;

/// Trusts whoever answers: a stranger does not care.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client(identity: Option<(&Path, &str)>) -> tokio_rustls::TlsConnector {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone));
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((dir, node)) => {
            let files = certs::files(dir, node);
            let chain = vec![CertificateDer::from_pem_file(&files.certificate).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&files.key).unwrap()).unwrap()
        }
    };
    Arc::new(config).into()
}

/// Every application byte that the node sends to someone who says `hello` after the TLS handshake.
async fn overheard(address: &str, identity: Option<(&Path, &str)>, hello: &[u8]) -> Vec<u8> {
    let tcp = TcpStream::connect(address).await.unwrap();
    let mut heard = Vec::new();
    if let Ok(mut stream) = client(identity).connect(ServerName::try_from("x").unwrap(), tcp).await {
        let _ = stream.write_all(hello).await;
        let mut buffer = [0; 1024];
        while let Ok(Ok(count @ 1..)) =
            tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await
        {
            heard.extend_from_slice(&buffer[..count]);
        }
    }
    heard
}

fn hello(node: &str, cluster: &str) -> Vec<u8> {
    hello_with(node, cluster, 77, 0)
}

fn hello_with(node: &str, cluster: &str, token: u128, instead_of: u128) -> Vec<u8> {
    enabler_link::wire::encode_first(&enabler_link::wire::Hello {
        cluster: cluster.to_owned(),
        node: enabler_link::wire::Place { name: node.to_owned(), generation: 1 },
        advertise: "127.0.0.1:9".to_owned(),
        gateway: 1,
        large: false,
        token,
        instead_of,
        calls_max: 256,
        bytes_max: 16 << 20,
        frame_max: 4 << 20,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_reads_not_one_byte_and_the_nodes_go_on() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = pair(dir.path()).await;
    certs::write(dir.path(), &["c".to_owned()], &[]).unwrap();
    certs::write(elsewhere.path(), &["c".to_owned()], &[]).unwrap();
    let hello_c = hello("c", "test");
    let no_certificate = overheard(&a.address(), None, &hello_c).await;
    let other_authority = overheard(&a.address(), Some((elsewhere.path(), "c")), &hello_c).await;
    let other_name = overheard(&a.address(), Some((dir.path(), "c")), &hello("b", "test")).await;
    assert_eq!((no_certificate, other_authority, other_name), (vec![], vec![], vec![]));
    // The same certificate with its own name is heard: the silence above is no accident.
    assert!(!overheard(&a.address(), Some((dir.path(), "c")), &hello_c).await.is_empty());
    let other_cluster = overheard(&a.address(), Some((dir.path(), "c")), &hello("c", "other")).await;
    assert!(String::from_utf8_lossy(&other_cluster).contains("another cluster"));
    assert_eq!(a.ask(&b, ECHO, b"x").await.unwrap(), "x");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_speaks_only_later_versions_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let a = Node::start(dir.path(), "a", &[]).await;
    certs::write(dir.path(), &["c".to_owned()], &[]).unwrap();
    let mut later = hello("c", "test");
    (later[4], later[5]) = (9, 12);
    let heard = overheard(&a.address(), Some((dir.path(), "c")), &later).await;
    let heard = String::from_utf8_lossy(&heard).into_owned();
    assert!(heard.contains("one node speaks versions 9 to 12"), "{heard}");
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_lost_its_link_says_so_and_gets_a_new_one() {
    use enabler_link::wire::{FIRST_BYTES, Welcome, decode_first};
    let dir = tempfile::tempdir().unwrap();
    let a = Node::start(dir.path(), "a", &[]).await;
    certs::write(dir.path(), &["c".to_owned()], &[]).unwrap();
    let mut open = Vec::new();
    for (token, instead_of, accepted, existing) in
        [(77, 0, true, 0), (78, 0, false, 77), (78, 66, false, 77), (79, 77, true, 0), (80, 77, false, 79)]
    {
        let tcp = TcpStream::connect(a.address()).await.unwrap();
        let mut stream =
            client(Some((dir.path(), "c"))).connect(ServerName::try_from("x").unwrap(), tcp).await.unwrap();
        stream.write_all(&hello_with("c", "test", token, instead_of)).await.unwrap();
        let mut head = [0; FIRST_BYTES];
        stream.read_exact(&mut head).await.unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[6], head[7]]))];
        stream.read_exact(&mut body).await.unwrap();
        let welcome: Welcome = decode_first(&body).unwrap();
        assert_eq!((welcome.accepted, welcome.existing), (accepted, existing), "{token} {instead_of}");
        open.push(stream);
    }
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_handshakes_are_dropped_and_keep_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path(), "a", 1, &[]);
    settings.limits.handshake_time_max = Duration::from_millis(500);
    settings.limits.handshakes_max = 8;
    let a = Node::with(settings).await;
    let mut stalled = Vec::new();
    for _ in 0..7 {
        stalled.push(TcpStream::connect(a.address()).await.unwrap());
    }
    let b = Node::start(dir.path(), "b", &[a.address()]).await;
    b.sees_as(&a, Reach::Linked).await;
    for mut stream in stalled {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 64])).await;
        assert!(matches!(read.expect("it must be dropped"), Ok(0) | Err(_)));
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_that_the_library_opens_by_itself_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    // A process of its own: the ports of other tests are not its ports.
    let mut node = Process::start(dir.path(), "a", 1, "127.0.0.1:0", &[]).await;
    certs::write(dir.path(), &["c".to_owned()], &[]).unwrap();
    let others: Vec<u16> = listening_ports(node.id())
        .into_iter()
        .filter(|port| !node.address.ends_with(&format!(":{port}")))
        .collect();
    assert_eq!(others.len(), 2, "one such listener for each lane: {others:?}");
    for port in others {
        let address = format!("127.0.0.1:{port}");
        for identity in [None, Some((dir.path(), "c"))] {
            let tcp = TcpStream::connect(&address).await.unwrap();
            let name = ServerName::try_from("x").unwrap();
            let handshake = client(identity).connect(name, tcp);
            let ended = tokio::time::timeout(Duration::from_secs(5), handshake).await;
            assert!(!matches!(ended, Ok(Ok(_))), "a handshake at {address} succeeded");
        }
        // And without TLS: the library's own first message brings nothing back.
        let mut tcp = TcpStream::connect(&address).await.unwrap();
        tcp.write_all(&[0, 0, 0, 0, 0, 0, 0, 6, 10, 4, 10, 2, 10, 0]).await.unwrap();
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(2), tcp.read_to_end(&mut heard)).await;
        // A TLS alert may come back (type 21), no record of application data and nothing else.
        assert!(heard.is_empty() || heard[0] == 21, "{heard:?}");
    }
    assert!(node.ask("view").await.contains("a.1=Linked"), "and it goes on");
}

/// TCP ports on which a process listens.
fn listening_ports(process: u32) -> Vec<u16> {
    let mut own = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten() {
        if let Ok(target) = std::fs::read_link(entry.path()) {
            let inode = target
                .to_string_lossy()
                .strip_prefix("socket:[")
                .map(|rest| rest.trim_end_matches(']').to_owned());
            own.extend(inode);
        }
    }
    let table = std::fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[3] == "0A" && own.contains(row[9]))
        .map(|row| u16::from_str_radix(row[1].rsplit(':').next().unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test]
async fn a_certificate_without_the_nodes_name_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    certs::write(dir.path(), &["c".to_owned()], &[]).unwrap();
    let files = certs::files(dir.path(), "c");
    let settings = Settings::new("d", 1, "127.0.0.1:0".parse().unwrap(), files, "test");
    let tree = enabler_cluster::tree::Tree::new(Arc::new(enabler_storage::clock::SystemClock));
    let policy = enabler_cluster::decide::restart::Policy::default();
    let root = enabler_cluster::supervisor::spawn("node", policy, Vec::new(), &tree, None).await.unwrap();
    let error = enabler_link::Links::start(settings, Arc::new(Desk::default()), &tree, root.cell())
        .await
        .err()
        .unwrap();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("does not name the node `d`"));
}

#[test]
fn keys_are_readable_by_their_owner_alone_and_nothing_is_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    certs::write(dir.path(), &["a".to_owned()], &["localhost".to_owned()]).unwrap();
    for key in ["a.key", "authority.key"] {
        let mode = std::fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    assert!(certs::write(dir.path(), &["a".to_owned()], &[]).is_err());
    assert!(certs::write(dir.path(), &["Not a name".to_owned()], &[]).is_err());
}
