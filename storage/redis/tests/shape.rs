//! Redis as it is run: behind TLS, with a password, as a cluster.

use bytes::Bytes;
use enabler_config::Secret;
use enabler_redis::Settings;
use enabler_sim_servers::{RedisServer, free_port};
use enabler_storage::cache::{Cache, answer_prefix};
use enabler_storage::record::DocumentId;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::{HOUR, connected, contract, eventually, node, start, values};

struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// A certificate for 127.0.0.1 and the one who vouches for it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut issuer = CertificateParams::new(Vec::new()).unwrap();
        issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn serve(&self, tls_port: u16) -> RedisServer {
        let port = tls_port.to_string();
        let (certificate, key, ca) = (self.path("cert.pem"), self.path("key.pem"), self.path("ca.pem"));
        RedisServer::start(&[
            "--tls-port",
            &port,
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &ca,
            "--tls-auth-clients",
            "no",
        ])
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn it_speaks_tls_and_believes_no_stranger() {
    let (certificates, port) = (Certificates::new(), free_port().unwrap());
    let _server = certificates.serve(port).await;
    let url = format!("rediss://127.0.0.1:{port}");
    let settings = Settings { ca_file: Some(certificates.path("ca.pem").into()), ..Settings::new(&url) };
    let cache = start(&settings);
    connected(&cache).await;
    contract::one_node(&cache).await;

    let others = Certificates::new();
    let cache = start(&Settings { ca_file: Some(others.path("ca.pem").into()), ..settings });
    eventually("the reason is told", async || {
        cache.get("dq:1:emb:m:x").await;
        cache.note().contains("TLS failed, check the certificates")
    })
    .await;
    assert!(!cache.is_up().await);
}

#[tokio::test]
async fn a_wrong_password_is_told_and_memory_answers() {
    let server = RedisServer::start(&["--requirepass", "right"]).await.unwrap();
    let key = format!("{}x", answer_prefix("acme", Some(DocumentId([1; 16]))));
    for password in [Some("wrong"), None] {
        let cache = start(&Settings { password: password.map(Secret::new), ..Settings::new(server.url()) });
        eventually("the reason is told", async || {
            cache.get(&key).await;
            cache.note().contains("refused the user or the password")
        })
        .await;
        cache.put(&key, Bytes::from_static(b"from memory"), HOUR).await;
        assert_eq!(cache.get(&key).await.unwrap(), "from memory");
        assert!(!cache.is_up().await && !cache.note().contains("wrong"));
    }
    let cache = start(&Settings { password: Some(Secret::new("right")), ..Settings::new(server.url()) });
    connected(&cache).await;
    contract::one_node(&cache).await;
    let cache = node(&format!("redis://:right@127.0.0.1:{}/3", server.port())).await;
    contract::one_node(&cache).await;
}

async fn until_cluster_is_ok(server: &RedisServer, nodes: usize) {
    let known = format!("cluster_known_nodes:{nodes}");
    eventually("the cluster is ok", async || {
        let info = server.command(&["CLUSTER", "INFO"]).await.unwrap();
        info.contains("cluster_state:ok") && info.contains(&known)
    })
    .await;
}

fn cluster_url(server: &RedisServer) -> String {
    format!("redis-cluster://127.0.0.1:{}", server.port())
}

#[tokio::test]
async fn a_cluster_of_one_keeps_the_promises() {
    let server = RedisServer::start(&["--cluster-enabled", "yes"]).await.unwrap();
    assert_eq!(server.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await.unwrap(), "+OK\r\n");
    until_cluster_is_ok(&server, 1).await;
    contract::a_redis_at(&cluster_url(&server)).await;
}

#[tokio::test]
async fn a_cluster_of_three_keeps_the_promises_while_its_slots_move() {
    let mut servers = Vec::new();
    for range in [["0", "5000"], ["5001", "11000"], ["11001", "16383"]] {
        let server = RedisServer::start(&["--cluster-enabled", "yes"]).await.unwrap();
        assert_eq!(
            server.command(&["CLUSTER", "ADDSLOTSRANGE", range[0], range[1]]).await.unwrap(),
            "+OK\r\n"
        );
        servers.push(server);
    }
    for server in &servers[1..] {
        let (port, bus) = (servers[0].port().to_string(), servers[0].bus_port().to_string());
        assert_eq!(server.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await.unwrap(), "+OK\r\n");
    }
    for server in &servers {
        until_cluster_is_ok(server, 3).await;
    }
    let cache = node(&cluster_url(&servers[1])).await;
    contract::one_node(&cache).await;

    // The slot of a group that nobody has used moves to another node; the client learns it from the refusal.
    let prefix = answer_prefix("moved", None);
    let reply = servers[0].command(&["CLUSTER", "KEYSLOT", &format!("{{{prefix}}}#")]).await.unwrap();
    let slot: u16 = reply.trim_start_matches(':').trim().parse().unwrap();
    let target = &servers[if slot <= 5_000 { 1 } else { 0 }];
    let id = target.command(&["CLUSTER", "MYID"]).await.unwrap().lines().nth(1).unwrap().to_owned();
    for server in &servers {
        let reply = server.command(&["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id]).await.unwrap();
        assert_eq!(reply, "+OK\r\n");
    }
    let key = format!("{prefix}x");
    eventually("the moved slot is used", async || {
        cache.get(&key).await;
        cache.put(&key, Bytes::from_static(b"v"), HOUR).await;
        values(target).await.iter().any(|name| name.contains(&prefix))
    })
    .await;
    assert_eq!(node(&cluster_url(&servers[2])).await.get(&key).await.unwrap(), "v");
    assert_eq!(cache.delete_prefix(&prefix).await.unwrap(), 1);
}
