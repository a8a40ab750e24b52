//! What warp costs by itself: one route that says hello, for `tests/bench/api.py`.

#![expect(clippy::print_stdout, reason = "the benchmark reads the address")]

use warp::Filter as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let hello = warp::path!("hello").and(warp::get()).map(|| "{\"live\":true}");
    warp::serve(hello).incoming(listener).run().await;
    Ok(())
}
