//! Ollama: a server of open models, on this machine or another one.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::call::{Asked, Verdict, first_line, unit};
use crate::error::ProviderError;
use crate::{Embeds, Identity, Writes, Written};

const NAME: &str = "ollama";
/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where a model is.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Such as `http://127.0.0.1:11434`.
    pub url: String,
    /// The model's name there, such as `nomic-embed-text` or `llama3.2:3b`.
    pub model: String,
}

/// One model of an Ollama server.
#[derive(Clone)]
pub struct Ollama {
    http: Client,
    asked: Asked,
    url: String,
    model: String,
}

// An address may hold a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("model", &self.model).finish_non_exhaustive()
    }
}

impl fmt::Debug for Ollama {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ollama").field("model", &self.model).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct EmbedBody<'a> {
    model: &'a str,
    input: &'a [String],
    truncate: bool,
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Vec<f32>>,
}

#[derive(Serialize)]
struct ChatBody<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    stream: bool,
    options: Options,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Options {
    num_predict: usize,
    temperature: f32,
}

#[derive(Deserialize)]
struct Chatted {
    message: Said,
    done: bool,
    #[serde(default)]
    prompt_eval_count: usize,
    #[serde(default)]
    eval_count: usize,
}

#[derive(Deserialize)]
struct Said {
    content: String,
}

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    digest: String,
}

#[derive(Deserialize)]
struct Problem {
    error: String,
}

impl Ollama {
    /// The model that `settings` name; nothing is asked yet.
    ///
    /// # Errors
    /// If the address is none, or no client can be made.
    pub fn new(settings: Settings) -> Result<Self, ProviderError> {
        let wrong = |why: String| ProviderError::Settings(format!("`providers.ollama_url` {why}"));
        let address = match reqwest::Url::parse(&settings.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => {
                // Without a password that may stand in it.
                let port = url.port_or_known_default().unwrap_or_default();
                format!("{}:{port}", url.host_str().unwrap_or_default())
            }
            _ if settings.url.is_empty() => {
                return Err(wrong("is not set: name the server, such as http://127.0.0.1:11434".to_owned()));
            }
            _ => return Err(wrong("is no address such as http://127.0.0.1:11434".to_owned())),
        };
        let http = Client::builder().no_proxy().connect_timeout(CONNECT_TIME_MAX).build();
        let http = http.map_err(|error| wrong(format!("cannot be used: {}", error.without_url())))?;
        let url = settings.url.trim_end_matches('/').to_owned();
        Ok(Self { http, asked: Asked { provider: NAME, address }, url, model: settings.model })
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        until: Instant,
    ) -> Result<T, ProviderError> {
        let make = || Ok(self.http.post(format!("{}{path}", self.url)).json(body));
        let bytes = self.asked.send(until, make, judge).await?;
        self.parsed(&bytes)
    }

    fn parsed<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ProviderError> {
        // The position says enough; the words of the answer stay out of logs.
        serde_json::from_slice(bytes).map_err(|error| {
            self.asked.strange(format!("no such JSON at line {} column {}", error.line(), error.column()))
        })
    }

    /// The model's name with the beginning of its digest: another pull of one name is another model.
    async fn version(&self, until: Instant) -> Result<String, ProviderError> {
        let make = || Ok(self.http.get(format!("{}/api/tags", self.url)));
        let tags: Tags = self.parsed(&self.asked.send(until, make, judge).await?)?;
        let latest = format!("{}:latest", self.model);
        let mine = tags.models.iter().find(|tag| tag.name == self.model || tag.name == latest);
        let Some(mine) = mine else {
            let why = format!("it has no model `{}`; run `ollama pull {}` there", self.model, self.model);
            return Err(ProviderError::Refused { provider: NAME, why });
        };
        let digest = mine.digest.trim_start_matches("sha256:");
        Ok(format!("{NAME}:{}@{}", self.model, digest.get(..12).unwrap_or(digest)))
    }
}

fn judge(status: u16, body: &[u8]) -> Verdict {
    match status {
        200 => Verdict::Good,
        // 503 is "server busy, maximum pending requests exceeded".
        429 | 500 | 502..=504 => Verdict::Later,
        status => {
            let said =
                serde_json::from_slice::<Problem>(body).map(|problem| problem.error).unwrap_or_default();
            Verdict::No(format!("{} (status {status})", first_line(&said)))
        }
    }
}

#[async_trait]
impl Embeds for Ollama {
    async fn identity(&self, until: Instant) -> Result<Identity, ProviderError> {
        let version = self.version(until).await?;
        let probe = self.embed(&["dimensions".to_owned()], until).await?;
        let dimensions = probe.first().map_or(0, Vec::len);
        Ok(Identity { model_id: format!("{version}/{dimensions}"), dimensions })
    }

    async fn embed(&self, texts: &[String], until: Instant) -> Result<Vec<Vec<f32>>, ProviderError> {
        let body = EmbedBody { model: &self.model, input: texts, truncate: true };
        let embedded: Embedded = self.post("/api/embed", &body, until).await?;
        unit(embedded.embeddings, texts.len()).map_err(|what| self.asked.strange(what))
    }
}

#[async_trait]
impl Writes for Ollama {
    async fn present(&self, until: Instant) -> Result<String, ProviderError> {
        self.version(until).await
    }

    async fn write(
        &self,
        system: &str,
        user: &str,
        tokens_max: usize,
        until: Instant,
    ) -> Result<Written, ProviderError> {
        let body = ChatBody {
            model: &self.model,
            messages: [Message { role: "system", content: system }, Message { role: "user", content: user }],
            stream: false,
            options: Options { num_predict: tokens_max, temperature: 0.0 },
        };
        let chatted: Chatted = self.post("/api/chat", &body, until).await?;
        if !chatted.done {
            return Err(self.asked.strange("an answer that is not over"));
        }
        Ok(Written {
            text: chatted.message.content.trim().to_owned(),
            prompt_tokens: chatted.prompt_eval_count,
            answer_tokens: chatted.eval_count,
        })
    }
}
