//! The command line of `rag-enabler`.

mod cli;

/// Requests are served by threads that free what others have allocated; the system's allocator has them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
