//! Fetches a model from the Hugging Face hub: resumed where it broke off, checked by hash, named when whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use enabler_inference::catalogue::{HubFile, Manifest, Model, sha256_of};
use futures_util::StreamExt as _;
use indicatif::ProgressBar;
use reqwest::header::{ETAG, HeaderMap, IF_RANGE, LOCATION, RANGE};
use tokio::io::AsyncWriteExt as _;

use super::super::failure::Failure;
use super::super::out;

/// The hub's own address.
const HUB: &str = "https://huggingface.co";
/// How long the hub may take to accept a connection, and between two pieces of a file.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How often a file that broke off is taken up again.
const ATTEMPTS_MAX: u32 = 5;
/// The most redirects from the hub to the store that holds the file.
const REDIRECTS_MAX: usize = 5;

/// Where a file's bytes are, and what they must be.
struct Remote {
    url: reqwest::Url,
    sha256: Option<String>,
    version: String,
}

/// Fetches the files of `model` into `dir`, unless they are there and whole.
pub(super) async fn pull(
    dir: &Path,
    model: &'static Model,
    repository: &str,
    files: &[HubFile],
) -> Result<(), Failure> {
    pull_from(HUB, dir, model, repository, files).await
}

async fn pull_from(
    hub: &str,
    dir: &Path,
    model: &'static Model,
    repository: &str,
    files: &[HubFile],
) -> Result<(), Failure> {
    if super::is_installed(dir, model) {
        out::note(&format!("✓ {} is installed", model.name));
        return Ok(());
    }
    let parts = dir.join(".download").join(model.name);
    let io = |error| Failure::io(format!("preparing {}", parts.display()), error);
    tokio::fs::create_dir_all(&parts).await.map_err(io)?;
    let client = reqwest::Client::builder()
        .connect_timeout(SILENCE_MAX)
        .read_timeout(SILENCE_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("rag-enabler/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::Plain(format!("starting the HTTP client: {error}")))?;
    for file in files {
        let url = format!("{hub}/{repository}/resolve/main/{}", file.path);
        let bar = out::bytes_bar(file.bytes_about, file.path);
        let outcome = fetch(&client, &url, &parts.join(file.path), &bar).await;
        bar.finish_and_clear();
        outcome?;
    }
    let home = dir.join(model.name);
    let origin = format!("{HUB}/{repository}");
    let name = model.name;
    let placed = tokio::task::spawn_blocking(move || -> Result<PathBuf, Failure> {
        Manifest::describe(&parts, name, origin, model.files)
            .and_then(|manifest| manifest.write(&parts))
            .map_err(|error| Failure::Plain(error.to_string()))?;
        if home.exists() {
            std::fs::remove_dir_all(&home)
                .map_err(|error| Failure::io(format!("replacing {}", home.display()), error))?;
        }
        std::fs::rename(&parts, &home)
            .map_err(|error| Failure::io(format!("naming {}", home.display()), error))?;
        Ok(home)
    });
    let home = placed.await.map_err(|error| Failure::Plain(error.to_string()))??;
    out::note(&format!("✓ {name} is installed in {}", home.display()));
    Ok(())
}

/// Fetches one file to `to`, by way of `to` with `.part`.
async fn fetch(client: &reqwest::Client, url: &str, to: &Path, bar: &ProgressBar) -> Result<(), Failure> {
    if to.is_file() {
        return Ok(());
    }
    let part = to.with_file_name(format!("{}.part", name_of(to)));
    let mut attempt = 0;
    let remote = loop {
        attempt += 1;
        let outcome = match find(client, url).await {
            Ok(remote) => take(client, &remote, &part, bar).await.map(|()| remote),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(remote) => break remote,
            Err(Broken::Off(_)) if attempt < ATTEMPTS_MAX => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(Broken::Off(cause)) => {
                return Err(Failure::Plain(format!(
                    "the hub cannot be reached at {url} ({cause}).\n\
                     Check the network and run the same command again: it goes on where it broke off."
                )));
            }
            Err(Broken::Refused(failure)) => return Err(failure),
        }
    };
    let hashed = part.clone();
    let sum = tokio::task::spawn_blocking(move || sha256_of(&hashed)).await;
    let (sha256, _) = sum
        .map_err(|error| Failure::Plain(error.to_string()))?
        .map_err(|error| Failure::io(format!("reading {}", part.display()), error))?;
    if remote.sha256.as_ref().is_some_and(|expected| *expected != sha256) {
        let _ = tokio::fs::remove_file(&part).await;
        return Err(Failure::Plain(format!(
            "{} arrived damaged (its SHA-256 is {sha256}); it was removed. Run the same command again.",
            name_of(to)
        )));
    }
    let _ = tokio::fs::remove_file(version_file(&part)).await;
    tokio::fs::rename(&part, to).await.map_err(|error| Failure::io(format!("naming {}", to.display()), error))
}

/// Why a file did not arrive.
enum Broken {
    /// It may go on later.
    Off(String),
    /// It will not.
    Refused(Failure),
}

/// Asks the hub where a file is; the hub itself names its hash, the store behind it does not.
async fn find(client: &reqwest::Client, url: &str) -> Result<Remote, Broken> {
    let mut url = reqwest::Url::parse(url)
        .map_err(|error| Broken::Refused(Failure::Plain(format!("{url}: {error}"))))?;
    let mut sha256 = None;
    let mut version = None;
    for _ in 0..REDIRECTS_MAX {
        let response =
            client.head(url.clone()).send().await.map_err(|error| Broken::Off(innermost(&error)))?;
        let headers = response.headers();
        sha256 = sha256.or_else(|| tag(headers, "x-linked-etag").filter(|tag| is_sha256(tag)));
        version = version.or_else(|| tag(headers, "x-linked-etag")).or_else(|| tag(headers, ETAG.as_str()));
        let status = response.status();
        if status.is_redirection() {
            let next = headers.get(LOCATION).and_then(|next| url.join(next.to_str().ok()?).ok());
            url = next.ok_or_else(|| Broken::Off("a redirect that leads nowhere".into()))?;
        } else if status.is_success() {
            return Ok(Remote { url, sha256, version: version.unwrap_or_default() });
        } else if status.is_server_error() || status.as_u16() == 429 {
            return Err(Broken::Off(status.to_string()));
        } else {
            return Err(Broken::Refused(Failure::Plain(format!(
                "the hub does not give out {url}: {status}. The model may have moved or need an account."
            ))));
        }
    }
    Err(Broken::Off("too many redirects".into()))
}

/// Takes the bytes that `part` does not have yet.
async fn take(
    client: &reqwest::Client,
    remote: &Remote,
    part: &Path,
    bar: &ProgressBar,
) -> Result<(), Broken> {
    let io = |error| Broken::Refused(Failure::io(format!("writing {}", part.display()), error));
    // A part of another version would be joined to bytes that do not belong to it.
    let kept = tokio::fs::read_to_string(version_file(part)).await.unwrap_or_default();
    if kept != remote.version || remote.version.is_empty() {
        let _ = tokio::fs::remove_file(part).await;
    }
    tokio::fs::write(version_file(part), &remote.version).await.map_err(io)?;
    let have = tokio::fs::metadata(part).await.map_or(0, |metadata| metadata.len());
    let mut request = client.get(remote.url.clone());
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
        if remote.url.as_str().starts_with(HUB) {
            request = request.header(IF_RANGE, format!("\"{}\"", remote.version));
        }
    }
    let response = request.send().await.map_err(|error| Broken::Off(innermost(&error)))?;
    let resumed = match response.status().as_u16() {
        206 => true,
        200 => false,
        // There is nothing after what we have: the part is whole, and its hash will tell.
        416 => return Ok(()),
        _ => return Err(Broken::Off(response.status().to_string())),
    };
    let start = if resumed { have } else { 0 };
    if let Some(length) = response.content_length() {
        bar.set_length(start + length);
    }
    bar.set_position(start);
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).write(true).append(resumed).truncate(!resumed);
    let mut file = options.open(part).await.map_err(io)?;
    let expected = response.content_length();
    let mut pieces = response.bytes_stream();
    let mut taken = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Broken::Off(innermost(&error)))?;
        file.write_all(&piece).await.map_err(io)?;
        taken += piece.len() as u64;
        bar.inc(piece.len() as u64);
    }
    file.sync_all().await.map_err(io)?;
    match expected {
        Some(expected) if expected != taken => Err(Broken::Off("the file broke off".into())),
        _ => Ok(()),
    }
}

fn version_file(part: &Path) -> PathBuf {
    part.with_file_name(format!("{}.version", name_of(part)))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn tag(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim().trim_start_matches("W/").trim_matches('"');
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
