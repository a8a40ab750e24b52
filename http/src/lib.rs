//! The API's face: the Api trait, JSON shapes, routes, keys, limits and problems; warp lives only here.
//!
//! The product implements [`Api`] by sending messages to actors. What a client may send is decided here and
//! nowhere else: an implementation only ever sees a request that is complete, in range and authorised.

mod accept;
mod analysis;
mod answer;
mod api;
mod ask;
mod audit;
mod auth;
mod bare;
mod batch;
mod body;
mod context;
mod document;
mod door;
mod entry;
mod error;
mod etag;
mod exporter;
mod failure;
mod fields;
mod handlers;
mod health;
mod json;
mod keys;
mod knowledge;
mod language;
mod limits;
mod memory;
mod message;
mod once;
mod openai;
mod openapi;
mod operator;
mod pages;
mod picture;
mod problem;
mod rate;
mod reader;
mod request;
mod route;
mod server;
mod service;
mod shapes;
mod silence;
mod stream;
mod upload;
mod workers;

pub use analysis::{
    Analysis, AnalysisApi, AnalysisCheck, AnalysisFlag, AnalysisRules, AnalysisTable, AnalysisValue, Analyze,
};
pub use api::{Api, UploadSink};
pub use ask::{Answer, Ask, Model, Region, Source};
pub use audit::{Audit, Note, STATUS_GONE};
pub use auth::{
    Caller, Door, GRACE_SECONDS_MAX, KEY_SET_BYTES_MAX, KeyError, KeySetSource, KeyStanding, KeyState,
    KeyStore, MadeKey, NewKey, NowMs, OPERATOR_TENANT, Scope, Scopes, StoredKey, TokenRules, Tokens, key_of,
};
pub use batch::{Batch, BatchApi, BatchItem, ItemState};
pub use context::{Cancel, Context, Tenant};
pub use document::{
    Accepted, Document, DocumentList, ListQuery, Method, PageReport, Progress, Stage, Status, Template,
    UploadMeta,
};
pub use error::{ApiError, Queue};
pub use exporter::{Metrics, serve_metrics};
pub use failure::{Failure, FailureCode};
pub use health::{Component, Health, Readiness, Standing, TreeNode};
pub use keys::{KeyHash, KeyRing};
pub use knowledge::{Chat, Embed, Embedded, KnowledgeApi, ModelCard, Query, Search, SearchResult};
pub use language::Language;
pub use limits::Limits;
pub use memory::{Memory, NoteKey};
pub use once::{Begun, Done, LEASE, Ledger, OnceKey, REMEMBERED, Ticket};
pub use openapi::text as openapi_text;
pub use operator::{
    Action, ActionKind, Change, Expected, Gate, Ids, NewPrompt, NewSuite, OperatorApi, SuiteQuestion, Target,
    TreeQuery, Watch,
};
pub use picture::PagePicture;
pub use rate::{Network, Rates, SharedCounters};
pub use route::{RouteRow, routes};
pub use server::{serve, serve_apart};
