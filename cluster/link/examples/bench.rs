//! Times calls between two processes, idle and beside bulk, against a bare TLS echo: `bench [SECONDS]`.

#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::{Incoming, Member, Net, NodeId, Reach, Refused, Service};
use enabler_cluster::request::Request;
use enabler_cluster::supervisor;
use enabler_cluster::tree::Tree;
use enabler_link::{Links, Settings, certs};
use enabler_storage::clock::SystemClock;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Echo;

#[async_trait]
impl Service for Echo {
    async fn serve(&self, _: &NodeId, call: Incoming) -> Result<Bytes, Refused> {
        Ok(call.body)
    }
}

async fn links(dir: &Path, name: &str, seeds: &[String]) -> Outcome<(Links, supervisor::Handle)> {
    let mut settings = Settings::new(name, 1, "127.0.0.1:0".parse()?, certs::files(dir, name), "bench");
    settings.seeds = seeds.to_vec();
    let tree = Tree::new(Arc::new(SystemClock));
    let root = supervisor::spawn("node", Policy::default(), Vec::new(), &tree, None).await;
    let root = root.map_err(|fault| fault.reason)?;
    Ok((Links::start(settings, Arc::new(Echo), &tree, root.cell()).await?, root))
}

async fn echo_frames(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> std::io::Result<()> {
    let mut body = Vec::new();
    loop {
        let length = stream.read_u32().await?;
        body.resize(4 + length as usize, 0);
        body[..4].copy_from_slice(&length.to_be_bytes());
        stream.read_exact(&mut body[4..]).await?;
        stream.write_all(&body).await?;
        stream.flush().await?;
    }
}

async fn serve(dir: &Path, seed: String) -> Outcome<()> {
    let (_links, _root) = links(dir, "b", &[seed]).await?;
    let files = certs::files(dir, "b");
    let chain = vec![CertificateDer::from_pem_file(&files.certificate)?];
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&files.key)?)?;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let stream = acceptor.accept(tcp).await?;
        tokio::spawn(echo_frames(stream));
    }
}

/// The 50th and 99th hundredth of some times, in microseconds, and how many they were.
fn quantiles(mut times: Vec<Duration>) -> (f64, f64, usize) {
    times.sort();
    let at =
        |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
    (at(0.5).as_secs_f64() * 1e6, at(0.99).as_secs_f64() * 1e6, times.len())
}

fn show(what: &str, times: Vec<Duration>) -> f64 {
    let (p50, p99, count) = quantiles(times);
    println!("{what:<48} p50 {p50:>8.0} us   p99 {p99:>8.0} us   ({count} calls)");
    p50
}

async fn bare(address: &str, dir: &Path, bytes: usize, time: Duration) -> Outcome<Vec<Duration>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certs::files(dir, "b").authority)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from("b")?, tcp).await?;
    let mut frame = vec![7; 4 + bytes];
    frame[..4].copy_from_slice(&(bytes as u32).to_be_bytes());
    let (mut times, begin) = (Vec::new(), Instant::now());
    while begin.elapsed() < time {
        let sent = Instant::now();
        stream.write_all(&frame).await?;
        stream.flush().await?;
        stream.read_exact(&mut frame).await?;
        times.push(sent.elapsed());
    }
    Ok(times)
}

async fn calls(links: &Links, to: &NodeId, bytes: usize, time: Duration) -> Outcome<Vec<Duration>> {
    let (body, mut times, begin) = (Bytes::from(vec![7; bytes]), Vec::new(), Instant::now());
    while begin.elapsed() < time {
        let (request, sent) = (Request::new("bench", Duration::from_secs(10)), Instant::now());
        links.call(to, 1, body.clone(), &request).await?;
        times.push(sent.elapsed());
    }
    Ok(times)
}

async fn beside(links: &Links, to: &NodeId, bulk: usize, callers: usize, time: Duration) -> Outcome<()> {
    let (stop, moved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let bulks: Vec<_> = (0..callers)
        .map(|_| {
            let (links, to, stop, moved) = (links.clone(), to.clone(), stop.clone(), moved.clone());
            tokio::spawn(async move {
                let body = Bytes::from(vec![9; bulk]);
                while !stop.load(Ordering::Relaxed) {
                    let request = Request::new("bulk", Duration::from_secs(10));
                    if links.call(&to, 1, body.clone(), &request).await.is_ok() {
                        moved.fetch_add(bulk as u64, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let times = calls(links, to, 1024, time).await;
    stop.store(true, Ordering::Relaxed);
    for bulk in bulks {
        bulk.await?;
    }
    let rate = moved.load(Ordering::Relaxed) as f64 / time.as_secs_f64() / f64::from(1 << 20);
    show(&format!("1 KiB beside {callers} x {} KiB ({rate:.0} MiB/s each way)", bulk >> 10), times?);
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [word, dir, seed] = arguments.as_slice()
        && word == "serve"
    {
        return serve(Path::new(dir), seed.clone()).await;
    }
    let time = Duration::from_secs_f64(arguments.first().map_or(Ok(2.0), |seconds| seconds.parse())?);
    let dir = tempfile::tempdir()?;
    certs::write(dir.path(), &["a".to_owned(), "b".to_owned()], &[])?;
    let (links, _root) = links(dir.path(), "a", &[]).await?;
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg("serve")
        .arg(dir.path())
        .arg(links.local_address().to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let echo = lines.next_line().await?.ok_or("the other process ended")?;
    let mut view = links.view();
    let linked = |member: &Member| member.id.name == "b" && member.reach == Reach::Linked;
    view.wait_for(|view| view.members.iter().any(linked)).await?;
    let b = NodeId { name: "b".to_owned(), generation: 1 };
    calls(&links, &b, 1024, time / 4).await?;
    for bytes in [1024, 256 << 10, 1 << 20] {
        let floor =
            show(&format!("bare TLS echo, {} KiB", bytes >> 10), bare(&echo, dir.path(), bytes, time).await?);
        let ours = show(&format!("call, {} KiB", bytes >> 10), calls(&links, &b, bytes, time).await?);
        println!("{:<48} {:.1} times the bare echo", "", ours / floor);
    }
    for (bulk, callers) in [(64 << 10, 4), (256 << 10, 4), (1 << 20, 4), (1 << 20, 12)] {
        beside(&links, &b, bulk, callers, time).await?;
    }
    Ok(())
}
