//! The bodies of requests as they are described. Handlers read them field by field, so as to say everything
//! that is wrong at once; tests hold the two to each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ask::Model;

/// A text of at least three characters between white space.
pub(super) const QUESTION: &str = r"[^\s\u0000-\u001f\u007f-\u009f][\s\S]+[^\s\u0000-\u001f\u007f-\u009f]";

/// What kind of document it is; `auto` and `generic` leave it to the document's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum UploadTemplate {
    /// A software licence.
    LicencasSoftware,
    /// An inventory.
    Inventory,
    /// Minutes of a meeting.
    MeetingMinutes,
    /// Whatever its words say.
    #[default]
    Generic,
    /// The same.
    Auto,
}

/// A PDF with what you say about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct UploadForm {
    /// The PDF, at most 50 MB.
    #[schemars(extend("format" = "binary", "contentMediaType" = "application/pdf"))]
    pub(super) file: String,
    /// What kind of document it is.
    #[serde(default)]
    pub(super) template: UploadTemplate,
    /// Your own facts about it: a JSON object, at most 16 KiB as text.
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

/// A question about one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskRequest {
    /// The question; white space at its ends does not count.
    #[schemars(length(min = 3, max = 1000), regex(pattern = QUESTION))]
    pub(super) question: String,
    /// Which language model answers.
    #[schemars(extend("default" = "auto"))]
    pub(super) model: Option<Model>,
    /// Whether the rule set is applied.
    #[schemars(extend("default" = true))]
    pub(super) use_dkr: Option<bool>,
    /// Passages given to the language model.
    #[schemars(range(min = 1, max = 20), extend("default" = 5))]
    pub(super) top_k: Option<u8>,
    /// Whether the answer carries its sources.
    #[schemars(extend("default" = true))]
    pub(super) include_sources: Option<bool>,
    /// Your name of a conversation, whose last turns are remembered for a while.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub(super) session_id: Option<String>,
}

/// What a key may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyScope {
    /// Read documents, ask and search.
    Read,
    /// Upload, delete, retry.
    Write,
    /// Keys; with the operator's key, the supervision tree.
    Operate,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRequest {
    /// What you call it.
    #[schemars(length(min = 1, max = 100), regex(pattern = NAME))]
    pub(super) name: String,
    /// Whose it is; yours unless the operator says otherwise.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    pub(super) tenant: Option<String>,
    /// What it may do; `read` and `write` when not said.
    #[schemars(length(min = 1))]
    pub(super) scopes: Option<Vec<KeyScope>>,
    /// After how many days it ends; never when not said.
    #[schemars(range(min = 1, max = 3650))]
    pub(super) expires_in_days: Option<u16>,
}

/// A text with something beside white space, and without control characters.
const NAME: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// How a key is replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateRequest {
    /// How long the old one still lets in, in seconds.
    #[schemars(range(min = 0, max = 86400), extend("default" = 3600))]
    pub(super) grace_seconds: Option<u32>,
}

/// A key, without the key itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct KeyShown {
    /// Its id.
    pub(super) id: uuid::Uuid,
    /// What you call it.
    pub(super) name: String,
    /// Whose it is.
    pub(super) tenant: String,
    /// What it may do.
    pub(super) scopes: Vec<KeyScope>,
    /// Its last characters.
    pub(super) shown: String,
    /// `active`, `expired` or `revoked`.
    pub(super) status: String,
    /// When it was made.
    #[schemars(extend("format" = "date-time"))]
    pub(super) created_at: String,
    /// The key or subject that made it.
    pub(super) created_by: String,
    /// When it ends.
    #[schemars(extend("format" = "date-time"))]
    pub(super) expires_at: Option<String>,
    /// When it was revoked.
    #[schemars(extend("format" = "date-time"))]
    pub(super) revoked_at: Option<String>,
    /// The key itself, only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// The key that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<Map<String, Value>>,
}

/// Keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct KeyList {
    /// Yours; all of them for the operator.
    pub(super) keys: Vec<KeyShown>,
}
