//! The list of metrics: what stands in `deploy/telemetry/metrics.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

const TEXT: &str = include_str!("../../deploy/telemetry/metrics.toml");

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts how often something took how long.
    Histogram,
}

/// One metric of the list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub shape: Shape,
    /// The labels of its samples, beside the node's name.
    pub labels: Vec<String>,
    /// The values that a label has, for labels with few.
    #[serde(default)]
    pub values: BTreeMap<String, Vec<String>>,
    /// What it says.
    pub help: String,
    /// What it is counted in.
    pub(crate) unit: String,
    /// The labels that are dimensions in CloudWatch; none for a metric that does not go there.
    pub(crate) emf: Option<Vec<String>>,
    /// Which bounds a histogram has, by their name among those of the exporter.
    #[serde(default)]
    buckets: String,
    /// The roles whose nodes tell it; `all` for every node.
    roles: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Exporter {
    tenants_max: usize,
    buckets_wait: Vec<f64>,
    buckets_ingest: Vec<f64>,
    buckets_short: Vec<f64>,
}

/// Every metric.
#[derive(Debug, Default, Deserialize)]
pub struct List {
    exporter: Exporter,
    /// The metrics, in the list's order.
    #[serde(rename = "metric")]
    pub metrics: Vec<Listed>,
}

impl List {
    /// The metric of this name.
    pub fn find(&self, name: &str) -> Option<&Listed> {
        self.metrics.iter().find(|listed| listed.name == name)
    }

    /// How many tenants are named.
    pub(crate) fn tenants_max(&self) -> usize {
        self.exporter.tenants_max
    }

    /// The upper bounds of a histogram, in seconds.
    pub(crate) fn buckets(&self, listed: &Listed) -> Vec<f64> {
        match listed.buckets.as_str() {
            "buckets_ingest" => self.exporter.buckets_ingest.clone(),
            "buckets_short" => self.exporter.buckets_short.clone(),
            _ => self.exporter.buckets_wait.clone(),
        }
    }
}

impl Listed {
    /// Whether a node with these roles tells it.
    pub fn is_of<S: AsRef<str>>(&self, roles: &[S]) -> bool {
        self.roles.iter().any(|role| role == "all" || roles.iter().any(|own| own.as_ref() == role))
    }
}

/// The list. It is part of the program, and a test holds it to what can be read.
pub fn list() -> &'static List {
    static LIST: LazyLock<List> = LazyLock::new(|| toml::from_str(TEXT).unwrap_or_default());
    &LIST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read() {
        let list: List = toml::from_str(TEXT).unwrap();
        assert!(list.metrics.len() >= 60);
        for listed in &list.metrics {
            assert!(!listed.help.is_empty() && !listed.roles.is_empty(), "{}", listed.name);
            assert_eq!(listed.buckets.is_empty(), listed.shape != Shape::Histogram, "{}", listed.name);
        }
        assert!(list.find("rag_enabler_ready").unwrap().is_of(&["ocr"]));
        assert!(!list.find("rag_enabler_questions_total").unwrap().is_of(&["ocr"]));
    }
}
