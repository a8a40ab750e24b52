//! Random bytes as bodies, paths and whole connections: never our fault.

use std::sync::LazyLock;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::fake::{KEY, READY, Server, server};

/// One server for all cases: starting one per case would leave no time for cases.
static RUNNING: LazyLock<(Runtime, Server)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(server());
    (runtime, server)
});

fn status(request: impl FnOnce(&Server) -> reqwest::RequestBuilder) -> u16 {
    let (runtime, server) = &*RUNNING;
    runtime.block_on(async { request(server).send().await.unwrap().status().as_u16() })
}

/// Sends bytes that need not be HTTP; gives the first line that comes back, if one does.
fn raw(bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (runtime, server) = &*RUNNING;
    runtime.block_on(async {
        let address = server.url.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut back = Vec::new();
        let _ = stream.read_to_end(&mut back).await;
        String::from_utf8_lossy(&back).lines().next().unwrap_or_default().to_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_as_a_question_are_our_fault(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let code = status(|server| {
            let request = server.post(&format!("/v1/documents/{READY}/ask"));
            request.header("content-type", "application/json").body(body)
        });
        prop_assert!(code < 500, "{code}");
    }

    #[test]
    fn no_bytes_as_an_upload_are_our_fault(
        parts in prop::collection::vec((
            "(file|template|metadata|[a-z]{0,8})", prop::collection::vec(any::<u8>(), 0..200)
        ), 0..5),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut body = Vec::new();
        for (name, bytes) in parts {
            body.extend(format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--x--");
        body.extend(tail);
        let code = status(|server| {
            server.post("/v1/documents").header("content-type", "multipart/form-data; boundary=x").body(body)
        });
        prop_assert!(code < 500, "{code}");
    }

    #[test]
    fn no_path_is_our_fault(path in "(/(v1|documents|[^/?# ]{0,8})){0,5}(\\?[^# ]{0,20})?") {
        let encoded: String = path.chars().filter(|c| c.is_ascii_graphic()).collect();
        let line = raw(format!("GET {} HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\nconnection: close\r\n\r\n",
            if encoded.is_empty() { "/" } else { &encoded }).as_bytes());
        prop_assert!(!line.contains(" 5"), "{path:?}: {line}");
    }

    #[test]
    fn no_bytes_on_the_wire_are_our_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let line = raw(&bytes);
        prop_assert!(!line.contains(" 5"), "{line}");
    }
}
