//! What a client sent and what it was told, held against what the node says later.

use std::collections::BTreeSet;

use reqwest::StatusCode;

use super::MARK_WORDS;
use crate::node::Node;

/// What the client knows of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was sent; no answer came.
    Sent,
    /// Its upload was acknowledged.
    Accepted,
    /// Its deletion was sent; no answer came.
    Deleting,
    /// Its deletion was acknowledged.
    Deleted,
}

/// One document, as its client sees it.
#[derive(Debug)]
pub(super) struct Paper {
    name: String,
    id: Option<String>,
    known: Known,
}

impl Paper {
    pub(super) fn new(kind: &str, mark: u64) -> Self {
        Self { name: format!("{kind}-{mark:016x}.pdf"), id: None, known: Known::Sent }
    }
}

/// Everything that was sent.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) papers: Vec<Paper>,
    /// Pages that were finished when the node was killed, by document and number.
    pub(super) marked: BTreeSet<(String, u32)>,
}

impl Ledger {
    pub(super) async fn send(&mut self, node: &Node, paper: Paper, bytes: Vec<u8>) {
        let name = paper.name.clone();
        self.papers.push(paper);
        let Some((status, body)) = node.try_upload(&name, bytes).await else { return };
        assert_eq!(status, StatusCode::ACCEPTED, "{name}: {body}");
        assert_eq!(body["duplicate"], false, "{name}: {body}");
        let paper = self.papers.last_mut().unwrap();
        (paper.id, paper.known) = (body["document_id"].as_str().map(str::to_owned), Known::Accepted);
    }

    /// Deletes one of the acknowledged documents.
    pub(super) async fn delete(&mut self, node: &Node, choice: u64) {
        let accepted: Vec<usize> =
            (0..self.papers.len()).filter(|&at| self.papers[at].known == Known::Accepted).collect();
        if accepted.is_empty() {
            return;
        }
        let paper = &mut self.papers[accepted[choice as usize % accepted.len()]];
        paper.known = Known::Deleting;
        let Some(status) = node.try_delete(paper.id.as_ref().unwrap()).await else { return };
        assert_eq!(status, StatusCode::NO_CONTENT, "deleting {}", paper.name);
        paper.known = Known::Deleted;
    }

    /// Holds the list against what was said: nothing lost, nothing twice, nothing back.
    pub(super) async fn check(&mut self, node: &Node, when: &str) {
        let listed = node.documents().await;
        let names: Vec<&str> = listed.iter().map(|document| document["filename"].as_str().unwrap()).collect();
        let ids: BTreeSet<&str> = listed.iter().map(|document| document["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), names.len(), "{when}: an id twice");
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len(), "{when}: a document twice: {names:?}");
        for paper in &mut self.papers {
            let listed = listed.iter().find(|document| document["filename"] == paper.name.as_str());
            match (paper.known, listed) {
                (Known::Accepted, None) => panic!("{when}: {} was acknowledged and is lost", paper.name),
                (Known::Deleted, Some(_)) => panic!("{when}: {} was deleted and is back", paper.name),
                // Whether it was taken or deleted shows now, and must not change any more.
                (Known::Sent, Some(document)) => {
                    paper.id = document["id"].as_str().map(str::to_owned);
                    paper.known = Known::Accepted;
                }
                (Known::Deleting, Some(_)) => paper.known = Known::Accepted,
                (Known::Deleting, None) => paper.known = Known::Deleted,
                (Known::Accepted, Some(document)) => assert_eq!(document["id"].as_str(), paper.id.as_deref()),
                (Known::Sent | Known::Deleted, None) => {}
            }
        }
    }

    /// Waits for every document: files that are good end as ready, and keep the pages that were finished.
    pub(super) async fn settle(&mut self, node: &Node) {
        self.check(node, "at the end").await;
        for paper in &self.papers {
            let Some(id) = &paper.id else { continue };
            if paper.known == Known::Deleted {
                assert_eq!(node.document(id).await.0, StatusCode::NOT_FOUND, "{} is back", paper.name);
                continue;
            }
            let document = node.settled(id).await;
            assert_eq!(document["status"], "ready", "{}: {document}", paper.name);
            let finished = self.marked.iter().filter(|(document, _)| document == id);
            for (_, number) in finished {
                let page = &document["pages"][*number as usize - 1];
                let words = page["words"].as_u64().unwrap() as usize;
                assert!(words > MARK_WORDS, "{}: page {number} was read again: {page}", paper.name);
            }
        }
        self.check(node, "when all is read").await;
    }
}
