//! A client's way to a node, for a test that fails at what must not be answered.

use enabler_sim_live::POLL;
pub(super) use enabler_sim_live::{Door, STUCK_AFTER, Said};
use reqwest::StatusCode;
use serde_json::Value;

/// Requests that must succeed.
pub(crate) trait MustAnswer {
    /// Uploads what must be taken; gives the document's id.
    async fn accepted(&self, name: &str, bytes: Vec<u8>) -> String;
    /// The document once it is ready or failed; refusals that say "later" are waited out.
    async fn settled(&self, id: &str) -> Value;
    /// Every document of the list; refusals that say "later" are waited out.
    async fn documents(&self) -> Vec<Value>;
}

impl MustAnswer for Door {
    async fn accepted(&self, name: &str, bytes: Vec<u8>) -> String {
        let said = self.upload(name, bytes).await.unwrap_or_else(|| panic!("{} does not answer", self.name));
        assert_eq!(said.status, StatusCode::ACCEPTED, "{name} at {}: {}", self.name, said.body);
        said.body["document_id"].as_str().unwrap().to_owned()
    }

    async fn settled(&self, id: &str) -> Value {
        self.until_settled(id).await.unwrap_or_else(|what| panic!("{what}"))
    }

    async fn documents(&self) -> Vec<Value> {
        self.all_documents().await.unwrap_or_else(|what| panic!("{what}"))
    }
}

/// Waits until `met` says so; `what` names it when it never does.
pub(super) async fn until(what: &str, mut met: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !met().await {
            tokio::time::sleep(POLL).await;
        }
    };
    assert!(tokio::time::timeout(STUCK_AFTER, wait).await.is_ok(), "it never came to this: {what}");
}
