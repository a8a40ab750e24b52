//! Models of others over HTTP: texts and pictures in, vectors and words out, within a time.
//!
//! A provider is used when the settings name it, and never otherwise: what is sent to one leaves the machine. Deliberately
//! not here: actors, queues, and what is asked.

mod aws;
mod bedrock;
mod call;
mod error;
mod ollama;
#[cfg(test)]
mod tests;
mod textract;

use async_trait::async_trait;
use tokio::time::Instant;

pub use aws::{Account, Clock};
pub use bedrock::Bedrock;
pub use error::ProviderError;
pub use ollama::{Ollama, Settings as OllamaSettings};
pub use textract::Textract;

/// Which model answers, so that vectors and remembered answers of two are never taken for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Provider, model, its version where the provider tells one, and dimensions.
    pub model_id: String,
    /// Values of a vector.
    pub dimensions: usize,
}

/// An answer as a model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// Tokens of the prompt, as the provider counts them.
    pub prompt_tokens: usize,
    /// Tokens of the answer.
    pub answer_tokens: usize,
}

/// Turns texts into vectors.
#[async_trait]
pub trait Embeds: Send + Sync + std::fmt::Debug {
    /// Which model it is; asks the provider.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn identity(&self, until: Instant) -> Result<Identity, ProviderError>;

    /// A vector of unit length for each text, in order.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn embed(&self, texts: &[String], until: Instant) -> Result<Vec<Vec<f32>>, ProviderError>;
}

/// Writes answers.
#[async_trait]
pub trait Writes: Send + Sync + std::fmt::Debug {
    /// Makes sure that the provider has the model; gives its name with its version.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn present(&self, until: Instant) -> Result<String, ProviderError>;

    /// Writes at most `tokens_max` tokens after the instructions `system` and the question `user`.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn write(
        &self,
        system: &str,
        user: &str,
        tokens_max: usize,
        until: Instant,
    ) -> Result<Written, ProviderError>;
}

/// A word in a page's picture.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenWord {
    /// What it says.
    pub text: String,
    /// Left, top, right and bottom as shares of the picture's width and height, 0 to 1.
    pub rect: [f32; 4],
    /// How sure it is, 0 to 1.
    pub confidence: f32,
    /// Its line, counted over the page; the words of one line follow each other.
    pub line: u32,
}

/// Recognises the characters in a page's picture.
#[async_trait]
pub trait Reads: Send + Sync + std::fmt::Debug {
    /// The name of the service.
    fn name(&self) -> &'static str;

    /// The words in `png`, line by line.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn read(&self, png: &[u8], until: Instant) -> Result<Vec<SeenWord>, ProviderError>;
}
