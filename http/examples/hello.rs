//! What warp costs by itself, for `tests/bench/api.py`: one route that says hello, and one that says it with the headers
//! that every answer of the API has.

#![expect(clippy::print_stdout, reason = "the benchmark reads the address")]

use warp::http::HeaderValue;
use warp::{Filter as _, Reply as _};

const BODY: &str = "{\"live\":true}";
const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("x-request-id", "00000000000000000000000000000000"),
    ("traceparent", "00-00000000000000000000000000000000-0000000000000000-01"),
    ("content-language", "en"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let hello = warp::path!("hello").and(warp::get()).map(|| BODY);
    let headed = warp::path!("headed").and(warp::get()).map(|| {
        let mut response = BODY.into_response();
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    });
    warp::serve(hello.or(headed)).incoming(listener).run().await;
    Ok(())
}
