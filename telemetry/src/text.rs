//! Tells all metrics of a node in the text format of Prometheus, in the list's order.

use std::collections::BTreeMap;

use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use crate::list::{Listed, Shape, list};
use crate::metrics::all;

/// What [`text`] is, for the header of an answer.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What is looked up when somebody asks, rather than kept twice: a metric's name, its labels' values, and its value.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<&'static str, BTreeMap<Vec<String>, f64>>);

impl Seen {
    /// There is so much of it now. Said twice with the same labels, it is the sum.
    pub fn add(&mut self, name: &'static str, labels: &[&str], value: f64) {
        let labels = labels.iter().map(|&value| value.to_owned()).collect();
        *self.0.entry(name).or_default().entry(labels).or_insert(0.0) += value;
    }

    /// The most that was said of it.
    pub fn most(&mut self, name: &'static str, labels: &[&str], value: f64) {
        let labels = labels.iter().map(|&value| value.to_owned()).collect();
        let most = self.0.entry(name).or_default().entry(labels).or_insert(value);
        *most = most.max(value);
    }
}

/// What the node `node` with these roles tells: what was recorded, and what was `seen` now.
///
/// A metric of another role is not told; one of its own is, also before its first sample, by its type and help.
pub fn text<S: AsRef<str>>(node: &str, roles: &[S], seen: &Seen) -> String {
    let mut text = String::new();
    for listed in list().metrics.iter().filter(|listed| listed.is_of(roles)) {
        let mut samples = samples(listed, seen);
        samples.iter_mut().for_each(|sample| name(sample, node));
        write(listed, samples, &mut text);
    }
    text
}

/// Every sample of a metric, without the name of the node.
pub(crate) fn samples(listed: &Listed, seen: &Seen) -> Vec<Metric> {
    match all().into_iter().find(|recorded| recorded.name() == listed.name) {
        Some(recorded) => {
            let families = recorded.collect().into_iter();
            families.flat_map(|family| family.get_metric().to_vec()).collect()
        }
        None => seen.0.get(&*listed.name).map_or_else(Vec::new, |own| read(listed, own)),
    }
}

fn read(listed: &Listed, own: &BTreeMap<Vec<String>, f64>) -> Vec<Metric> {
    let samples = own.iter().map(|(values, value)| {
        let pairs = listed.labels.iter().zip(values).map(|(label, value)| pair(label, value));
        let mut sample = Metric::from_label(pairs.collect());
        if listed.shape == Shape::Counter {
            let mut counter = proto::Counter::default();
            counter.set_value(*value);
            sample.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(*value);
            sample.set_gauge(gauge);
        }
        sample
    });
    samples.collect()
}

fn pair(label: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(label.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// Every sample says whose it is.
fn name(sample: &mut Metric, node: &str) {
    let mut labels = sample.take_label();
    labels.push(pair("node", node));
    sample.set_label(labels);
}

fn write(listed: &Listed, samples: Vec<Metric>, text: &mut String) {
    let shape = match listed.shape {
        Shape::Counter => MetricType::COUNTER,
        Shape::Gauge => MetricType::GAUGE,
        Shape::Histogram => MetricType::HISTOGRAM,
    };
    let mut family = MetricFamily::default();
    family.set_name(listed.name.clone());
    family.set_help(listed.help.clone());
    family.set_field_type(shape);
    let is_empty = samples.is_empty();
    family.set_metric(samples);
    let mut bytes = Vec::new();
    // The encoder takes no metric without a sample, but whoever reads may know its name already.
    if is_empty || TextEncoder::new().encode(&[family], &mut bytes).is_err() {
        let shape = format!("{:?}", listed.shape).to_lowercase();
        text.push_str(&format!("# HELP {0} {1}\n# TYPE {0} {shape}\n", listed.name, listed.help));
    } else {
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics;

    #[test]
    fn what_is_told_is_what_was_counted_with_the_name_of_the_node() {
        metrics::QUESTIONS.one(["inventory", "ana \"x\"\n", "cached"]);
        metrics::QUESTIONS.add(["inventory", "ana \"x\"\n", "cached"], 2);
        metrics::QUESTIONS.one(["inventory", "ana", "unheard of"]);
        metrics::QUESTION_SECONDS.took(["inventory"], Duration::from_millis(30));
        let mut seen = Seen::default();
        seen.add("rag_enabler_shards_unowned", &[], 3.0);
        seen.add("rag_enabler_documents", &["ready"], 1.0);
        seen.add("rag_enabler_documents", &["ready"], 4.0);
        let told = text("n1", &["documents"], &seen);
        for line in [
            "rag_enabler_questions_total{outcome=\"cached\",template=\"inventory\",tenant=\"ana \\\"x\\\"\\n\",node=\"n1\"} 3",
            "rag_enabler_question_seconds_bucket{template=\"inventory\",node=\"n1\",le=\"0.025\"} 0",
            "rag_enabler_question_seconds_bucket{template=\"inventory\",node=\"n1\",le=\"0.05\"} 1",
            "rag_enabler_question_seconds_count{template=\"inventory\",node=\"n1\"} 1",
            "rag_enabler_shards_unowned{node=\"n1\"} 3",
            "rag_enabler_documents{status=\"ready\",node=\"n1\"} 5",
            "# TYPE rag_enabler_dead_letters gauge",
        ] {
            assert!(told.lines().any(|own| own == line), "{line}\n{told}");
        }
        assert!(!told.contains("unheard of"));
    }

    #[test]
    fn a_node_tells_the_metrics_of_its_roles_and_no_other() {
        let told = text("n1", &["ocr"], &Seen::default());
        let named: Vec<&str> =
            told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let wanted: Vec<&str> = list()
            .metrics
            .iter()
            .filter(|listed| listed.is_of(&["ocr"]))
            .map(|listed| listed.name.as_str())
            .collect();
        assert_eq!(named, wanted);
        assert!(!named.contains(&"rag_enabler_questions_total"));
    }
}
