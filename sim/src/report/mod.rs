//! A run as one page that needs no network: lanes, who owned what, what was said and lost, and what led to what.
//!
//! All that is worked out is worked out here; the page's script only draws. Time runs to the right. Every node, client
//! and the store has a lane; a bar is a node that owns a shard, its colour the epoch, so that two bars of one colour in
//! one shard are the bug, at a glance.

mod columns;
mod spans;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::columns::{Columns, SHOWN_MAX};
use self::spans::Spans;
use crate::trace::{Head, Lane, Record, Tier, Violation};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the script draws.
#[derive(Serialize)]
struct Drawing<'a> {
    violation: Option<&'a Violation>,
    lanes: Vec<Named>,
    events: Columns<'a>,
    spans: Spans,
    /// Events of the record that the page does not show.
    left_out: usize,
    /// The end of the time line: the end of the run, or its last event.
    end_ms: u64,
    /// The event that is open at first; 0 for none.
    open_at: u64,
}

/// A lane with the name that people read.
#[derive(Serialize)]
struct Named {
    lane: Lane,
    name: String,
}

/// The page of a run, open at the event `open_at`, else at the broken promise.
///
/// It is one HTML text with everything in it. Of a run of more than 100,000 events it shows those that shape the run,
/// those that led to the broken promise, and the nearest to it of the others, and says how many it leaves out.
///
/// # Errors
///
/// When the record cannot be written as JSON.
pub fn html(record: &Record, open_at: Option<u64>) -> serde_json::Result<String> {
    let Record { head, events, names } = record;
    let broken = head.violation.as_ref().map(|violation| violation.event);
    let lanes = columns::lanes(events, head.nodes);
    let shown = columns::shown(events, broken, SHOWN_MAX);
    let last_ms = events.iter().map(|event| event.at_ms).max().unwrap_or(0);
    let end_ms = head.lasted_ms.max(last_ms);
    let drawing = Drawing {
        violation: head.violation.as_ref(),
        events: columns::columns(&shown, &lanes),
        spans: spans::spans(events, head.nodes, end_ms),
        left_out: events.len() - shown.len(),
        end_ms,
        open_at: open_at.or(broken).unwrap_or(0),
        lanes: lanes.into_iter().map(|lane| Named { lane, name: name(lane, names) }).collect(),
    };
    // In a script element only `<` can end the data, and in JSON it stands only in texts.
    let data = serde_json::to_string(&drawing)?.replace('<', "\\u003c");
    Ok(filled(
        PAGE,
        &[
            ("<!--title-->", &title(head)),
            ("<!--style-->", STYLE),
            ("<!--verdict-->", &verdict(head)),
            ("<!--command-->", &escaped(&head.command)),
            ("<!--facts-->", &facts(head, events.len())),
            ("<!--data-->", &data),
            ("<!--script-->", SCRIPT),
        ],
    ))
}

/// What a lane is called.
fn name(lane: Lane, names: &[(Lane, String)]) -> String {
    let given = names.iter().find(|(of, _)| *of == lane);
    given.map_or_else(|| lane.to_string(), |(_, name)| name.clone())
}

/// The template with each mark replaced once, in their order; what is put in is never searched for marks.
fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut page =
        String::with_capacity(template.len() + parts.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut rest = template;
    for (mark, text) in parts {
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(text);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn title(head: &Head) -> String {
    let verdict = head.violation.as_ref().map_or_else(|| "kept".to_owned(), |broken| escaped(&broken.name));
    format!("{verdict}: {}", escaped(&head.command))
}

fn verdict(head: &Head) -> String {
    let Some(broken) = &head.violation else {
        return "<p class=\"verdict good\"><b>Every promise was kept.</b></p>".to_owned();
    };
    let promise = match broken.promise {
        0 => "A promise".to_owned(),
        number => format!("Promise {number}"),
    };
    format!(
        "<p class=\"verdict bad\"><b>{promise} was broken: {}.</b> <span>{}</span> \
         <a href=\"#{}\" id=\"broken\">event {} at {}</a></p>",
        escaped(&broken.name),
        escaped(&broken.what),
        broken.event,
        broken.event,
        seconds(broken.at_ms),
    )
}

fn facts(head: &Head, events: usize) -> String {
    let (nodes, shards, time, hash) = (head.nodes, head.shards, seconds(head.lasted_ms), head.hash);
    let counted = format!("{nodes} nodes, {shards} shards, {events} events in {time} of");
    match head.tier {
        Tier::Core => format!("{counted} simulated time, hash {hash:016x}"),
        Tier::Node => format!("whole nodes: {counted} simulated time, hash {hash:016x}"),
        Tier::Live => format!("real processes: {counted} real time"),
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

/// Text that may stand in an element or in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}
