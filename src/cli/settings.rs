//! Loads the settings under the flags that were given, and shows them.

use std::process::ExitCode;

use enabler_config::{Loaded, Request};

use super::arguments::{Arguments, Command, Config, ConfigCommand};
use super::failure::Failure;
use super::out;

/// The settings under the flags of the command line.
pub(crate) fn load(arguments: &Arguments) -> Result<Loaded, Failure> {
    let mut flags = Vec::new();
    let mut flag = |name: &str, setting: &str, text: Option<String>| {
        if let Some(text) = text {
            flags.push((name.to_owned(), setting.to_owned(), text));
        }
    };
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    flag("--data", "data.dir", path(&arguments.common.data));
    match &arguments.command {
        Command::Serve(serve) => {
            flag("--listen", "http.listen", serve.listen.map(|listen| listen.to_string()));
            flag("--models", "models.dir", path(&serve.models));
            flag("--name", "node.name", serve.name.clone());
            flag("--roles", "node.roles", serve.roles.clone());
        }
        Command::Models(models) => flag("--models", "models.dir", path(&models.models)),
        _ => {}
    }
    Ok(enabler_config::load(&Request { file: arguments.common.config.clone(), flags })?)
}

/// Shows every setting with its origin.
pub(crate) fn show(loaded: &Loaded, config: &Config) -> Result<ExitCode, Failure> {
    let ConfigCommand::Show { json } = config.command;
    let shown = enabler_config::show(&loaded.merged);
    if json {
        let text = serde_json::to_string_pretty(&shown);
        out::line(&text.map_err(|error| Failure::Plain(error.to_string()))?);
        return Ok(ExitCode::SUCCESS);
    }
    let width = |of: fn(&enabler_config::Shown) -> &str| {
        shown.iter().map(|one| of(one).chars().count()).max().unwrap_or(0)
    };
    let (name, value) = (width(|one| &one.setting), width(|one| &one.value));
    for one in &shown {
        out::line(&format!("{:name$}  {:value$}  {}", one.setting, one.value, one.origin));
    }
    Ok(ExitCode::SUCCESS)
}
