//! Which models a provider has, by their names in the settings: `ollama:nomic-embed-text`, `bedrock:anthropic.claude-…`;
//! and who else recognises pages.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use enabler_config::Settings;
use enabler_providers::{
    Account, Bedrock, Embeds, Ollama, OllamaSettings, ProviderError, Reads, Textract, Writes,
};
use enabler_storage::clock::Clock;

/// What begins the name of a model of Ollama.
const OLLAMA: &str = "ollama:";
/// What begins the name of a model of Amazon Bedrock.
const BEDROCK: &str = "bedrock:";

/// Amazon Textract, as the settings call it.
pub(crate) const TEXTRACT: &str = "textract";

/// Whether a provider has the model called `name`.
pub(crate) fn is_named(name: &str) -> bool {
    name.starts_with(OLLAMA) || name.starts_with(BEDROCK)
}

/// Whose model `name` is, as the conventions for generative AI call it.
pub(crate) fn system(name: &str) -> &'static str {
    match name {
        name if name.starts_with(OLLAMA) => "ollama",
        name if name.starts_with(BEDROCK) => "aws.bedrock",
        _ => "rag-enabler",
    }
}

/// The provider's side of the embedding model `name`, if a provider has it, or why the settings do not suffice.
pub(crate) fn embeds(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    name: &str,
) -> Option<Result<Arc<dyn Embeds>, String>> {
    if let Some(model) = name.strip_prefix(OLLAMA) {
        return Some(side(ollama(settings, model)).map(|model| model as Arc<dyn Embeds>));
    }
    let model = name.strip_prefix(BEDROCK)?;
    Some(side(bedrock(settings, clock, model)).map(|model| model as Arc<dyn Embeds>))
}

/// As [`embeds`], of a language model.
pub(crate) fn writes(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    name: &str,
) -> Option<Result<Arc<dyn Writes>, String>> {
    if let Some(model) = name.strip_prefix(OLLAMA) {
        return Some(side(ollama(settings, model)).map(|model| model as Arc<dyn Writes>));
    }
    let model = name.strip_prefix(BEDROCK)?;
    Some(side(bedrock(settings, clock, model)).map(|model| model as Arc<dyn Writes>))
}

fn side<T>(made: Result<T, ProviderError>) -> Result<Arc<T>, String> {
    made.map(Arc::new).map_err(|error| error.to_string())
}

fn ollama(settings: &Settings, model: &str) -> Result<Ollama, ProviderError> {
    Ollama::new(OllamaSettings {
        url: settings.providers.ollama_url.reveal().to_owned(),
        model: model.to_owned(),
    })
}

fn bedrock(settings: &Settings, clock: &Arc<dyn Clock>, model: &str) -> Result<Bedrock, ProviderError> {
    Bedrock::new(&account(settings, clock, &settings.providers.bedrock_endpoint), model.to_owned())
}

/// Who else recognises pages, if the settings name somebody, or why they do not suffice.
pub(crate) fn reads(settings: &Settings, clock: &Arc<dyn Clock>) -> Option<Result<Arc<dyn Reads>, String>> {
    if settings.reading.ocr != TEXTRACT {
        return None;
    }
    let textract = Textract::new(&account(settings, clock, &settings.providers.textract_endpoint));
    Some(side(textract).map(|textract| textract as Arc<dyn Reads>))
}

fn account(settings: &Settings, clock: &Arc<dyn Clock>, endpoint: &str) -> Account {
    let own = &settings.providers;
    let (clock, given) = (clock.clone(), |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty()));
    let secret = Some(own.aws_secret_key.reveal().to_owned()).filter(|secret| !secret.is_empty());
    Account {
        region: own.aws_region.clone(),
        endpoint: given(endpoint),
        keys: given(&own.aws_access_key).zip(secret),
        clock: Arc::new(move || SystemTime::UNIX_EPOCH + Duration::from_millis(clock.now_ms())),
    }
}
