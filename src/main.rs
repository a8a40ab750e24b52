//! The command line of `rag-enabler`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
