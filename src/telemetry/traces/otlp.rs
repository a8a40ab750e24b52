//! Spans as the messages of OTLP.

use enabler_telemetry::trace::{Ended, Kind, Value};
use prost::Message as _;

pub(super) use super::proto::Resource;
use super::proto::{Any, AnyValue, Export, KeyValue, ResourceSpans, Scope, ScopeSpans, Span, Status};

/// The code of a span that failed.
const ERROR: i32 = 2;

/// The flag of a trace that is recorded (W3C Trace Context, section 3.2.2.5).
const SAMPLED: u32 = 1;

/// What all spans of this process have in common.
///
/// Source: OpenTelemetry semantic conventions, "Service".
pub(super) fn resource(node: &str) -> Resource {
    let attributes = vec![
        pair("service.name", Value::Text("rag-enabler")),
        pair("service.version", Value::Text(env!("CARGO_PKG_VERSION"))),
        pair("service.instance.id", Value::Text(node)),
    ];
    Resource { attributes }
}

/// One message with all of `spans`.
pub(super) fn message(resource: &Resource, spans: &[Ended]) -> Vec<u8> {
    let scope = Scope { name: "rag-enabler".to_owned() };
    let spans = spans.iter().map(told).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
    let all = ResourceSpans { resource: Some(resource.clone()), scope_spans };
    Export { resource_spans: vec![all] }.encode_to_vec()
}

fn told(span: &Ended) -> Span {
    let kind = match span.kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    };
    let parent = Some(span.parent).filter(|parent| *parent != 0);
    let failed = || Status { code: ERROR };
    Span {
        trace_id: span.place.trace().to_be_bytes().to_vec(),
        span_id: span.place.span().to_be_bytes().to_vec(),
        parent_span_id: parent.map(|parent| parent.to_be_bytes().to_vec()).unwrap_or_default(),
        flags: SAMPLED,
        name: span.name.to_string(),
        kind,
        start_time_unix_nano: span.began_ns,
        end_time_unix_nano: span.began_ns.saturating_add(span.took_ns),
        attributes: span.attributes.iter().map(|one| pair(one.key(), one.value())).collect(),
        status: span.has_failed.then(failed),
    }
}

fn pair(key: &str, value: Value<'_>) -> KeyValue {
    let value = match value {
        Value::Text(text) => Any::Text(text.to_owned()),
        Value::Whole(number) => Any::Whole(i64::try_from(number).unwrap_or(i64::MAX)),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

#[cfg(test)]
mod tests {
    use enabler_telemetry::trace::{Attribute, Name, Place, Word};

    use super::*;

    #[test]
    fn a_span_is_told_with_its_ids_its_times_and_its_attributes() {
        let span = Ended {
            place: Place::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7).unwrap(),
            parent: 1,
            name: Name("evaluator", "apply"),
            kind: Kind::Client,
            began_ns: 1_000,
            took_ns: 234,
            attributes: vec![Attribute::Peer(Word::of("n2")), Attribute::Texts(7)],
            has_failed: true,
        };
        let message = message(&resource("n1"), std::slice::from_ref(&span));
        let read = Export::decode(&*message).unwrap();
        let [all] = &read.resource_spans[..] else { panic!("{read:?}") };
        let node = &all.resource.as_ref().unwrap().attributes[2];
        assert_eq!(*node, pair("service.instance.id", Value::Text("n1")));
        let told = &all.scope_spans[0].spans[0];
        assert_eq!(told.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
        assert_eq!((told.span_id.len(), &told.parent_span_id[..]), (8, &[0, 0, 0, 0, 0, 0, 0, 1][..]));
        assert_eq!((told.start_time_unix_nano, told.end_time_unix_nano), (1_000, 1_234));
        assert_eq!((told.name.as_str(), told.kind), ("evaluator apply", 3));
        let attributes =
            [pair("rag_enabler.peer", Value::Text("n2")), pair("rag_enabler.texts", Value::Whole(7))];
        assert_eq!(told.attributes, attributes);
        assert_eq!(told.status.as_ref().unwrap().code, ERROR);
    }

    #[test]
    fn the_first_span_of_a_trace_has_no_parent() {
        let first = Ended {
            place: Place::new(1, 2).unwrap(),
            parent: 0,
            name: "request".into(),
            kind: Kind::Server,
            began_ns: 0,
            took_ns: 0,
            attributes: Vec::new(),
            has_failed: false,
        };
        assert!(told(&first).parent_span_id.is_empty() && told(&first).status.is_none());
    }
}
