//! The command line: reads what was asked for, and hands it to the part that does it.

mod analyze;
mod arguments;
mod ask;
mod bundle;
mod certs;
mod client;
mod dkr;
mod docs;
mod events;
mod export;
mod failure;
mod ingest;
mod key;
mod keys;
mod models;
mod node_file;
mod operator;
mod out;
mod product;
mod search;
mod serve;
mod settings;
mod tour;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use failure::Failure;

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        // Both are single processes with limits of their own: no runtime, no settings.
        Command::ReadingChild => return product::reading_child(),
        Command::VerifyShard { dir } => return product::verify_shard(dir),
        _ => {}
    }
    // Rules and certificates need no node either.
    let outcome = match &arguments.command {
        Command::Dkr(dkr) => dkr::dkr(dkr),
        Command::Certs(certs) => certs::certs(certs),
        _ => run(arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            out::error(&failure.to_string());
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let loaded = settings::load(&arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::io("starting the runtime", source))?;
    let common = &arguments.common;
    let code = runtime.block_on(async {
        match arguments.command {
            Command::Serve(ref serve) => serve::serve(loaded, serve).await,
            Command::Ingest(ref ingest) => ingest::ingest(&client::connect(common, &loaded)?, ingest).await,
            Command::Ask(ref ask) => ask::ask(&client::connect(common, &loaded)?, ask).await,
            Command::Analyze(ref wanted) => {
                analyze::analyze(&client::connect(common, &loaded)?, wanted).await
            }
            Command::Search(ref search) => search::search(&client::connect(common, &loaded)?, search).await,
            Command::Docs(ref docs) => docs::docs(&client::connect(common, &loaded)?, docs).await,
            Command::Keys(ref keys) => keys::keys(&client::connect(common, &loaded)?, keys).await,
            Command::Tree(ref tree) => operator::tree(&client::connect(common, &loaded)?, tree).await,
            Command::Shards(ref shards) => operator::shards(&client::connect(common, &loaded)?, shards).await,
            Command::Failures(ref failures) => {
                operator::failures(&client::connect(common, &loaded)?, failures).await
            }
            Command::DeadLetters(ref letters) => {
                operator::dead_letters(&client::connect(common, &loaded)?, letters).await
            }
            Command::Where(ref asked) => operator::where_is(&client::connect(common, &loaded)?, asked).await,
            Command::Erase(ref erase) => operator::erase(&client::connect(common, &loaded)?, erase).await,
            Command::Recurring(ref recurring) => {
                operator::recurring(&client::connect(common, &loaded)?, recurring).await
            }
            Command::Prompts(ref prompts) => {
                operator::prompts(&client::connect(common, &loaded)?, prompts).await
            }
            Command::Quality(ref quality) => {
                operator::quality(&client::connect(common, &loaded)?, quality).await
            }
            Command::Models(ref models) => models::models(&loaded.merged.settings.models.dir, models).await,
            Command::Backup(ref backup) => bundle::backup(&loaded, backup).await,
            Command::Restore(ref restore) => bundle::restore(&loaded, restore).await,
            Command::Export(ref export) => export::export(&loaded, export).await,
            Command::Config(ref config) => settings::show(&loaded, config),
            Command::Tour(ref tour) => tour::tour(&loaded, common, tour).await,
            Command::Dkr(_) | Command::Certs(_) | Command::ReadingChild | Command::VerifyShard { .. } => {
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // A task that still waits for a stuck file system must not keep the process.
    runtime.shutdown_background();
    code
}
