use std::collections::BTreeSet;

use warp::http::Method;

use super::*;
use crate::request::ASK_FIELDS;
use crate::route;

const COMMITTED: &str = include_str!("../pages/openapi.json");

/// The path of an operation with a value in each place.
fn sample(path: &str) -> String {
    let page = path.replace("{page}", "7").replace("{model}", "auto");
    let mut parts: Vec<&str> = page.split('/').collect();
    for part in &mut parts {
        if part.starts_with('{') {
            *part = "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11";
        }
    }
    parts.join("/")
}

fn name(route: route::Route) -> String {
    format!("{route:?}").split('(').next().unwrap().to_owned()
}

#[test]
fn the_committed_text_is_what_the_types_say() {
    assert!(
        text() == COMMITTED,
        "pages/openapi.json is not up to date: cargo run -p enabler-http --example openapi > http/src/pages/openapi.json"
    );
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let mut described = BTreeSet::new();
    for operation in operations::all() {
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
        let found = route::find(&method, &sample(operation.path));
        let found = found.unwrap_or_else(|_| panic!("{} {} is no route", operation.method, operation.path));
        let open = document()["paths"][operation.path][operation.method]["security"] == json!([]);
        assert_eq!(open, found.scope().is_none(), "{}: whether it wants a key", operation.path);
        described.insert(name(found));
    }
    let source = include_str!("../route.rs");
    let body = source.split("pub(crate) enum Route {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().map(|line| line.trim().split(['(', ',']).next().unwrap());
    let there: BTreeSet<String> =
        names.filter(|name| name.starts_with(char::is_uppercase)).map(str::to_owned).collect();
    assert_eq!(described, there, "described routes, and routes that there are");
}

#[test]
fn every_problem_that_is_listed_is_one() {
    let rows = problems::rows();
    for operation in operations::all() {
        let listed: usize = operation.codes_by_status().iter().map(|(_, codes)| codes.len()).sum();
        assert!(listed > 0, "{}", operation.path);
        for code in operation.codes() {
            assert!(rows.iter().any(|row| row.code == *code), "{}: {code}", operation.path);
        }
    }
}

#[test]
fn the_fields_that_are_read_are_the_fields_that_are_described() {
    let document = document();
    let fields = document["components"]["schemas"]["AskRequest"]["properties"].as_object().unwrap();
    let described: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    assert_eq!(described, BTreeSet::from(ASK_FIELDS));
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_operation_speaks_portuguese_too() {
    for (path, place) in document()["paths"].as_object().unwrap() {
        for operation in place.as_object().unwrap().values() {
            assert!(operation["x-pt"]["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
            let both = [&operation["description"], &operation["x-pt"]["description"]];
            assert_eq!(both[0].is_string(), both[1].is_string(), "{path}");
        }
    }
}
