//! Amazon Bedrock: Titan's embeddings through `InvokeModel`, and models that converse, such as Claude, through `Converse`.

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::aws::{Account, Service};
use crate::call::unit;
use crate::error::ProviderError;
use crate::{Embeds, Identity, Writes, Written};

const NAME: &str = "bedrock";
/// Texts that are embedded at one time: Titan takes one in a request.
const TEXTS_AT_ONCE: usize = 8;
/// Values of Titan's vectors: of 1024, 512 and 256 the one that finds best.
const DIMENSIONS: usize = 1024;
/// What begins the names of models that embed as Titan's second version does.
const TITAN: &str = "amazon.titan-embed-text-v2";

const JSON: [(&str, &str); 2] = [("content-type", "application/json"), ("accept", "application/json")];

/// One model of Bedrock.
#[derive(Debug, Clone)]
pub struct Bedrock {
    service: Service,
    model: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EmbedBody<'a> {
    input_text: &'a str,
    dimensions: usize,
    normalize: bool,
}

#[derive(Deserialize)]
struct Embedded {
    embedding: Vec<f32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConverseBody<'a> {
    messages: [Message<'a>; 1],
    system: [Block<'a>; 1],
    inference_config: Inference,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: [Block<'a>; 1],
}

#[derive(Serialize)]
struct Block<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inference {
    max_tokens: usize,
    temperature: f32,
}

#[derive(Deserialize)]
struct Conversed {
    output: Output,
    usage: Usage,
}

#[derive(Deserialize)]
struct Output {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Vec<Part>,
}

/// Parts of other kinds, such as the use of a tool, have no text.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    input_tokens: usize,
    output_tokens: usize,
}

impl Bedrock {
    /// The model called `model` there, such as `amazon.titan-embed-text-v2:0`; nothing is asked yet.
    ///
    /// # Errors
    /// If the account's settings are wrong.
    pub fn new(account: &Account, model: String) -> Result<Self, ProviderError> {
        Ok(Self { service: Service::new(account, NAME, "bedrock-runtime", "bedrock")?, model })
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        action: &str,
        body: &B,
        until: Instant,
    ) -> Result<T, ProviderError> {
        let path = format!("/model/{}/{action}", escaped(&self.model));
        let body = serde_json::to_vec(body).unwrap_or_default();
        let bytes = self.service.post(&path, &JSON, body, until).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.service.strange(format!("no such JSON at line {line} column {column}"))
        })
    }

    async fn one(&self, text: &str, until: Instant) -> Result<Vec<f32>, ProviderError> {
        let body = EmbedBody { input_text: text, dimensions: DIMENSIONS, normalize: true };
        let embedded: Embedded = self.post("invoke", &body, until).await?;
        Ok(embedded.embedding)
    }
}

/// A name as part of a path: that of an inference profile has `:` and `/`.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[async_trait]
impl Embeds for Bedrock {
    async fn identity(&self, until: Instant) -> Result<Identity, ProviderError> {
        if !self.model.starts_with(TITAN) {
            let why =
                format!("`models.embedding` is bedrock:{}, and only {TITAN}:0 is known to embed", self.model);
            return Err(ProviderError::Settings(why));
        }
        let probe = self.embed(&["dimensions".to_owned()], until).await?;
        let dimensions = probe.first().map_or(0, Vec::len);
        Ok(Identity { model_id: format!("{NAME}:{}/{dimensions}", self.model), dimensions })
    }

    async fn embed(&self, texts: &[String], until: Instant) -> Result<Vec<Vec<f32>>, ProviderError> {
        let calls: Vec<_> = texts.iter().map(|text| self.one(text, until)).collect();
        let vectors: Vec<Vec<f32>> = stream::iter(calls).buffered(TEXTS_AT_ONCE).try_collect().await?;
        unit(vectors, texts.len()).map_err(|what| self.service.strange(what))
    }
}

#[async_trait]
impl Writes for Bedrock {
    /// Whether the model may be used shows with the first answer; asking costs one.
    async fn present(&self, _: Instant) -> Result<String, ProviderError> {
        Ok(format!("{NAME}:{}", self.model))
    }

    async fn write(
        &self,
        system: &str,
        user: &str,
        tokens_max: usize,
        until: Instant,
    ) -> Result<Written, ProviderError> {
        let body = ConverseBody {
            messages: [Message { role: "user", content: [Block { text: user }] }],
            system: [Block { text: system }],
            inference_config: Inference { max_tokens: tokens_max, temperature: 0.0 },
        };
        let conversed: Conversed = self.post("converse", &body, until).await?;
        let text: String = conversed.output.message.content.into_iter().map(|part| part.text).collect();
        Ok(Written {
            text: text.trim().to_owned(),
            prompt_tokens: conversed.usage.input_tokens,
            answer_tokens: conversed.usage.output_tokens,
        })
    }
}
