//! The API's face: the Api trait, JSON shapes, routes, keys, limits and problems; warp lives only here.
//!
//! The product implements [`Api`] by sending messages to actors. What a client may send is decided here and
//! nowhere else: an implementation only ever sees a request that is complete, in range and authorised.

mod answer;
mod api;
mod ask;
mod batch;
mod body;
mod context;
mod document;
mod door;
mod error;
mod failure;
mod fields;
mod handlers;
mod health;
mod keys;
mod knowledge;
mod language;
mod limits;
mod message;
mod openai;
mod pages;
mod problem;
mod request;
mod route;
mod server;
mod service;
mod upload;

pub use api::{Api, UploadSink};
pub use ask::{Answer, Ask, Model, Region, Source};
pub use batch::{Batch, BatchApi, BatchItem, ItemState};
pub use context::{Context, Tenant};
pub use document::{
    Accepted, Document, DocumentList, ListQuery, Method, PageReport, Progress, Stage, Status, Template,
    UploadMeta,
};
pub use error::{ApiError, Queue};
pub use failure::{Failure, FailureCode};
pub use health::{Component, Health, Readiness, Standing, TreeNode};
pub use keys::{KeyHash, KeyRing};
pub use knowledge::{Chat, Embed, Embedded, KnowledgeApi, ModelCard, Query, Search, SearchResult};
pub use language::Language;
pub use limits::Limits;
pub use server::serve;
