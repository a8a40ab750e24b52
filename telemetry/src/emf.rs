//! Metrics as lines of CloudWatch's embedded metric format: what there is now, and what has changed since the lines before.

use std::collections::BTreeMap;

use prometheus::proto::Metric;
use serde_json::{Map, Value, json};

use crate::list::{Listed, Shape, list};
use crate::text::{Seen, samples};

/// Metrics of one line, and values of one metric, that CloudWatch takes.
const METRICS_MAX: usize = 100;
const VALUES_MAX: usize = 100;
/// Characters of a namespace and of a dimension's value that it takes.
const NAMESPACE_CHARS_MAX: usize = 255;
const VALUE_CHARS_MAX: usize = 1_024;
/// Lines at one time: more combinations of labels than this are not told. Each is a metric that is paid for.
const LINES_MAX: usize = 200;

/// How much there is of something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Amount {
    /// Since the process began.
    Counter(f64),
    /// Now.
    Gauge(f64),
    /// Since the process began: for each upper bound, the last one infinite, how many took so long and no less.
    Histogram { buckets: Vec<(f64, u64)>, sum: f64 },
}

/// One metric with its unit, as CloudWatch calls it.
#[derive(Debug, Clone, PartialEq)]
struct Own {
    unit: &'static str,
    amount: Amount,
}

/// Names and values of dimensions.
type Dimensions = Vec<(String, String)>;

/// What a node has to tell to CloudWatch at one time: by dimensions, then by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot(BTreeMap<Dimensions, BTreeMap<String, Own>>);

impl Snapshot {
    /// What a node with these roles has recorded, and what was `seen` now, of the metrics that the list gives to CloudWatch.
    pub fn taken<S: AsRef<str>>(roles: &[S], seen: &Seen) -> Self {
        let mut snapshot = Self::default();
        for listed in list().metrics.iter().filter(|listed| listed.is_of(roles)) {
            let Some(dimensions) = &listed.emf else { continue };
            for sample in samples(listed, seen) {
                let value = |name: &String| {
                    let label = sample.get_label().iter().find(|label| label.name() == name);
                    (name.clone(), label.map_or_else(String::new, |label| label.value().to_owned()))
                };
                let dimensions = dimensions.iter().map(value).collect();
                snapshot.add(&listed.name, unit(listed), dimensions, amount(listed.shape, &sample));
            }
        }
        snapshot
    }

    /// Adds what there is; told twice with the same dimensions, it is the sum.
    fn add(&mut self, name: &str, unit: &'static str, dimensions: Dimensions, amount: Amount) {
        let dimensions = dimensions.into_iter().map(|(name, value)| (name, plain(&value, VALUE_CHARS_MAX)));
        let own = self.0.entry(dimensions.collect()).or_default();
        match own.get_mut(name) {
            Some(own) => own.amount.add(amount),
            None => drop(own.insert(name.to_owned(), Own { unit, amount })),
        }
    }

    /// What has changed since `before`, as lines of JSON: each has one set of dimensions. Pure.
    ///
    /// Of what only grows the difference is told, of what took time the values in steps of the list's bounds with how often
    /// each came, of all else what there is now. `node` stands beside them and is no dimension.
    #[must_use]
    pub fn lines(&self, before: &Self, namespace: &str, node: &str, at_ms: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for (dimensions, all) in &self.0 {
            let before = before.0.get(dimensions);
            let changed: Vec<(&str, &str, Value)> = all
                .iter()
                .filter_map(|(name, own)| {
                    let before = before.and_then(|before| before.get(name)).map(|own| &own.amount);
                    Some((name.as_str(), own.unit, own.amount.since(before)?))
                })
                .collect();
            let parts = changed.chunks(METRICS_MAX);
            lines.extend(parts.map(|part| line(part, dimensions, namespace, node, at_ms)));
        }
        lines.truncate(LINES_MAX);
        lines
    }
}

fn line(
    part: &[(&str, &str, Value)],
    dimensions: &Dimensions,
    namespace: &str,
    node: &str,
    at_ms: u64,
) -> String {
    let metrics: Vec<Value> =
        part.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let names: Vec<&String> = dimensions.iter().map(|(name, _)| name).collect();
    let about = json!({
        "Timestamp": at_ms,
        "CloudWatchMetrics": [{
            "Namespace": space(namespace), "Dimensions": [names], "Metrics": metrics,
        }],
    });
    let mut members = Map::new();
    members.insert("node".to_owned(), node.into());
    members.insert("_aws".to_owned(), about);
    members.extend(dimensions.iter().map(|(name, value)| (name.clone(), value.clone().into())));
    members.extend(part.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())));
    Value::Object(members).to_string()
}

impl Amount {
    fn add(&mut self, more: Amount) {
        match (self, more) {
            (Amount::Counter(own), Amount::Counter(more)) | (Amount::Gauge(own), Amount::Gauge(more)) => {
                *own += more;
            }
            (Amount::Histogram { buckets, sum }, Amount::Histogram { buckets: more, sum: further }) => {
                *sum += further;
                for ((_, own), (_, more)) in buckets.iter_mut().zip(more) {
                    *own += more;
                }
            }
            // The list gives a metric one shape.
            _ => {}
        }
    }

    /// What is told where there was `before`; `None` where there is nothing to tell.
    fn since(&self, before: Option<&Amount>) -> Option<Value> {
        match (self, before) {
            (Amount::Gauge(now), _) => number(*now),
            (Amount::Counter(now), Some(Amount::Counter(before))) if before <= now => number(now - before),
            (Amount::Counter(now), _) => number(*now),
            (Amount::Histogram { buckets, sum }, before) => {
                let (gone, sum_gone) = match before {
                    Some(Amount::Histogram { buckets, sum }) => (buckets.as_slice(), *sum),
                    _ => (&[] as &[_], 0.0),
                };
                let gone = gone.iter().map(|(_, count)| *count).chain(std::iter::repeat(0));
                let fresh = buckets.iter().zip(gone);
                let fresh: Vec<(f64, u64)> =
                    fresh.map(|((bound, count), gone)| (*bound, count.saturating_sub(gone))).collect();
                spread(&fresh, sum - sum_gone)
            }
        }
    }
}

/// Values with how often each came: of a step its upper bound, of what took longer than the last bound that bound.
fn spread(buckets: &[(f64, u64)], sum: f64) -> Option<Value> {
    let last = buckets.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).fold(0.0, f64::max);
    let mut steps: Vec<(f64, u64)> = Vec::new();
    for (bound, count) in buckets.iter().filter(|(_, count)| *count > 0) {
        let value = bound.min(last);
        match steps.last_mut() {
            Some((own, times)) if *own == value => *times += count,
            _ => steps.push((value, *count)),
        }
    }
    let (first, longest) = (steps.first()?.0, steps.last()?.0);
    // Finer steps than CloudWatch takes become one, by its upper bound.
    let joined = steps
        .chunks(steps.len().div_ceil(VALUES_MAX))
        .filter_map(|part| Some((part.last()?.0, part.iter().map(|(_, count)| count).sum::<u64>())));
    let (values, counts): (Vec<f64>, Vec<u64>) = joined.unzip();
    let count: u64 = counts.iter().sum();
    Some(json!({
        "Values": values, "Counts": counts, "Min": first.min(longest), "Max": longest, "Count": count,
        "Sum": number(sum)?,
    }))
}

/// A number as JSON has it, if it has one.
fn number(value: f64) -> Option<Value> {
    value.is_finite().then(|| json!(value))
}

fn amount(shape: Shape, sample: &Metric) -> Amount {
    match shape {
        Shape::Counter => Amount::Counter(sample.get_counter().get_value()),
        Shape::Gauge => Amount::Gauge(sample.get_gauge().get_value()),
        Shape::Histogram => {
            let told = sample.get_histogram();
            let (mut buckets, mut below) = (Vec::new(), 0);
            for bucket in told.get_bucket() {
                buckets.push((bucket.upper_bound(), bucket.cumulative_count().saturating_sub(below)));
                below = bucket.cumulative_count();
            }
            buckets.push((f64::INFINITY, told.get_sample_count().saturating_sub(below)));
            Amount::Histogram { buckets, sum: told.get_sample_sum() }
        }
    }
}

/// The list's unit as CloudWatch calls it.
fn unit(listed: &Listed) -> &'static str {
    match listed.unit.as_str() {
        "seconds" => "Seconds",
        "bytes" => "Bytes",
        "boolean" | "0 to 1" | "seconds since 1970" => "None",
        _ => "Count",
    }
}

/// A dimension's value as CloudWatch takes it: printed characters of ASCII, at least one of them no blank.
fn plain(value: &str, chars_max: usize) -> String {
    let plain: String = value
        .chars()
        .take(chars_max)
        .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '_' })
        .collect();
    // One that begins with a colon is CloudWatch's own.
    match plain.trim() {
        "" => "none".to_owned(),
        text if text.starts_with(':') => text.replacen(':', "_", 1),
        text => text.to_owned(),
    }
}

/// A namespace as CloudWatch takes it; `AWS/` is its own.
fn space(name: &str) -> String {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || ".-_/#".contains(c);
    let name: String =
        name.chars().take(NAMESPACE_CHARS_MAX).map(|c| if is_taken(c) { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with("AWS/") { "RagEnabler".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::metrics;

    fn parsed(lines: &[String]) -> Vec<Value> {
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one line that has these dimensions.
    fn of<'a>(lines: &'a [Value], dimensions: &Value) -> &'a Value {
        let is_own = |line: &&Value| {
            let own = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap();
            own.len() == dimensions.as_object().unwrap().len()
                && dimensions.as_object().unwrap().iter().all(|(name, value)| line[name] == *value)
        };
        lines.iter().find(is_own).unwrap_or_else(|| panic!("no line of {dimensions}: {lines:?}"))
    }

    #[test]
    fn a_line_is_what_the_format_says_and_a_counter_is_told_by_what_came_since() {
        let taken = |asked: f64, depth: f64| {
            let mut seen = Snapshot::default();
            let role = || vec![("role".to_owned(), "ocr".to_owned())];
            seen.add("rag_enabler_queue_refused_total", "Count", role(), Amount::Counter(asked));
            seen.add("rag_enabler_queue_depth", "Count", role(), Amount::Gauge(depth));
            seen
        };
        let lines = taken(7.0, 3.0).lines(&taken(5.0, 9.0), "RagEnabler/dev", "n1", 1_767_323_045_000);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_767_323_045_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "RagEnabler/dev",
                    "Dimensions": [["role"]],
                    "Metrics": [
                        { "Name": "rag_enabler_queue_depth", "Unit": "Count" },
                        { "Name": "rag_enabler_queue_refused_total", "Unit": "Count" },
                    ],
                }],
            },
            "node": "n1", "role": "ocr",
            "rag_enabler_queue_depth": 3.0, "rag_enabler_queue_refused_total": 2.0,
        });
        assert_eq!(parsed(&lines), [expected]);
        assert!(!lines[0].contains('\n'));
    }

    #[test]
    fn what_took_time_is_told_in_steps_with_their_counts_and_is_silent_when_nothing_came() {
        let taken = |counts: [u64; 3], sum: f64| {
            let buckets = [0.5, 1.0, f64::INFINITY].into_iter().zip(counts).collect();
            let mut seen = Snapshot::default();
            seen.add("x_seconds", "Seconds", Vec::new(), Amount::Histogram { buckets, sum });
            seen
        };
        let (before, now) = (taken([4, 0, 0], 1.0), taken([4, 2, 1], 12.5));
        let line = &parsed(&now.lines(&before, "R", "n1", 1))[0];
        let own = json!({ "Values": [1.0], "Counts": [3], "Min": 1.0, "Max": 1.0, "Count": 3, "Sum": 11.5 });
        assert_eq!(line["x_seconds"], own);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
        assert!(now.lines(&now, "R", "n1", 1).is_empty());
    }

    #[test]
    fn the_metrics_of_the_list_come_with_their_own_dimensions_and_no_others() {
        let roles = ["documents", "generation"];
        let before = Snapshot::taken(&roles, &Seen::default());
        metrics::QUESTIONS.one(["emf-template", "emf-tenant", "answered"]);
        metrics::QUESTIONS.one(["emf-template", "another-tenant", "failed"]);
        metrics::GENERATION_SECONDS.took(["emf-model"], Duration::from_millis(1_500));
        let mut seen = Seen::default();
        seen.add("rag_enabler_documents_stalled", &["reading"], 2.0);
        seen.add("rag_enabler_documents_stalled", &["embedding"], 1.0);
        seen.add("rag_enabler_documents", &["ready"], 4.0);
        let text = Snapshot::taken(&roles, &seen).lines(&before, "RagEnabler/dev", "n1", 1);
        let lines = parsed(&text);
        assert_eq!(
            of(&lines, &json!({ "template": "emf-template" }))["rag_enabler_questions_total"],
            json!(2.0)
        );
        let took = &of(&lines, &json!({ "model": "emf-model" }))["rag_enabler_generation_seconds"];
        assert_eq!(
            (&took["Values"], &took["Counts"], &took["Sum"]),
            (&json!([2.5]), &json!([1]), &json!(1.5))
        );
        assert_eq!(of(&lines, &json!({}))["rag_enabler_documents_stalled"], json!(3.0));
        assert!(
            text.iter().all(|line| !line.contains("tenant") && !line.contains("\"rag_enabler_documents\""))
        );
    }

    #[test]
    fn the_list_gives_cloudwatch_labels_that_its_metrics_have() {
        let given: Vec<&Listed> = list().metrics.iter().filter(|listed| listed.emf.is_some()).collect();
        assert!((10..=METRICS_MAX).contains(&given.len()));
        for listed in given {
            let dimensions = listed.emf.as_deref().unwrap_or_default();
            assert!(dimensions.iter().all(|label| listed.labels.contains(label)), "{}", listed.name);
            let tenants = dimensions.iter().any(|label| label == "tenant");
            assert!(!tenants, "{}: each tenant would be a metric that is paid for", listed.name);
        }
    }

    fn amount_of(kind: u8, value: f64, counts: Vec<u32>) -> Amount {
        match kind {
            0 => Amount::Counter(value),
            1 => Amount::Gauge(value),
            _ => {
                let bounds =
                    counts.iter().enumerate().map(|(at, count)| (at as f64 + 0.5, u64::from(*count)));
                let buckets = bounds.chain([(f64::INFINITY, 1)]).collect();
                Amount::Histogram { buckets, sum: value }
            }
        }
    }

    fn snapshots() -> impl Strategy<Value = Snapshot> {
        let one =
            (0_usize..150, ".{0,12}", 0_u8..3, any::<f64>(), prop::collection::vec(any::<u32>(), 0..150));
        prop::collection::vec(one, 0..250).prop_map(|all| {
            let mut snapshot = Snapshot::default();
            for (name, value, kind, amount, counts) in all {
                let dimensions = if name % 3 != 0 { Vec::new() } else { vec![("role".to_owned(), value)] };
                let amount = amount_of(kind, amount, counts);
                snapshot.add(&format!("m{name}_{kind}"), "Count", dimensions, amount);
            }
            snapshot
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whatever_was_measured_keeps_to_the_limits(
            before in snapshots(), now in snapshots(), namespace in ".{0,300}", node in ".{0,20}", at_ms: u64,
        ) {
            let lines = now.lines(&before, &namespace, &node, at_ms);
            prop_assert!(lines.len() <= LINES_MAX);
            for text in lines {
                prop_assert!(!text.contains('\n') && text.len() < 256 << 10, "{} bytes", text.len());
                let line: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&line["_aws"]["Timestamp"], &json!(at_ms));
                let directive = &line["_aws"]["CloudWatchMetrics"][0];
                let space = directive["Namespace"].as_str().unwrap();
                prop_assert!((1..=NAMESPACE_CHARS_MAX).contains(&space.len()) && space.is_ascii());
                let dimensions = directive["Dimensions"][0].as_array().unwrap();
                prop_assert!(dimensions.len() <= 30);
                for name in dimensions {
                    let value = line[name.as_str().unwrap()].as_str().unwrap();
                    let is_plain = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
                    prop_assert!(is_plain && !value.trim().is_empty() && value.len() <= VALUE_CHARS_MAX);
                    prop_assert!(!value.starts_with(':'));
                }
                let metrics = directive["Metrics"].as_array().unwrap();
                prop_assert!((1..=METRICS_MAX).contains(&metrics.len()));
                for metric in metrics {
                    let value = &line[metric["Name"].as_str().unwrap()];
                    let Some(values) = value["Values"].as_array() else {
                        prop_assert!(value.is_number(), "{}", value);
                        continue;
                    };
                    let counts = value["Counts"].as_array().unwrap();
                    prop_assert!((1..=VALUES_MAX).contains(&values.len()) && values.len() == counts.len());
                    let total: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
                    prop_assert_eq!(&value["Count"], &json!(total));
                    let numbers: Vec<f64> = values.iter().map(|value| value.as_f64().unwrap()).collect();
                    prop_assert!(numbers.is_sorted() && value["Max"].as_f64() == numbers.last().copied());
                    prop_assert!(value["Min"].as_f64() <= numbers.first().copied());
                }
            }
        }
    }
}
