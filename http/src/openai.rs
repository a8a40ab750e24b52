//! The routes that clients of OpenAI's API use unchanged: chat, embeddings, models.
//!
//! Source: the API reference of OpenAI, `POST /v1/chat/completions`, `POST /v1/embeddings`, `GET /v1/models`.

mod chat;
mod embeddings;
mod models;
mod name;
mod stream;

pub(crate) use chat::complete;
pub(crate) use embeddings::embed;
pub(crate) use models::{list, show};
pub(crate) use name::ModelName;
