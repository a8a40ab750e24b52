//! What operators are told, as lines whose columns stay where they are. Pure.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::shape::{Actor, DeadLetter, Failed, NodePart, Shard, Step};

/// What stands where there is nothing, so that the columns of a line can be counted.
const NOTHING: &str = "-";

/// Lines whose columns are as wide as their widest cell. Spaces within a cell are joined, but for the last one of a line.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &[String], at: usize| {
        let text = row.get(at).map_or("", String::as_str);
        let is_last = at + 1 == row.len();
        match text.trim() {
            "" => NOTHING.to_owned(),
            text if is_last => text.replace(['\n', '\r'], " "),
            text => text.split_whitespace().collect::<Vec<_>>().join("_"),
        }
    };
    let width = |at: usize| rows.iter().map(|row| cell(row, at).chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = widths.iter().enumerate().take(row.len());
        let cells = cells.map(|(at, &width)| format!("{:width$}", cell(row, at)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A node as a line of the tree.
pub(crate) fn node_row(node: &NodePart) -> Vec<String> {
    let status = match (node.answered, node.cordoned) {
        (false, _) => "silent",
        (true, true) => "drained",
        (true, false) => "answers",
    };
    let facts = match (&node.why, node.answered) {
        (Some(why), false) => why.clone(),
        _ => format!("{} actors; {}", node.actors_total, node.roles.join(",")),
    };
    [&node.name, NOTHING, "node", status, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, &facts]
        .map(str::to_owned)
        .to_vec()
}

/// An actor as a line of the tree.
pub(crate) fn actor_row(actor: &Actor) -> Vec<String> {
    vec![
        actor.node.clone(),
        actor.path.clone(),
        actor.kind.clone(),
        status(actor),
        mailbox(actor),
        in_hand(actor),
        actor.handled.to_string(),
        us(actor.p50_us),
        us(actor.p99_us),
        restarts(actor),
        actor.note.clone().unwrap_or_default(),
    ]
}

/// The status with what is waited for.
pub(crate) fn status(actor: &Actor) -> String {
    match (&actor.waiting_on, actor.status.as_str()) {
        (Some(on), "waiting") => format!("waiting:{on}"),
        (_, status) => status.to_owned(),
    }
}

/// Messages that wait, of how many may.
pub(crate) fn mailbox(actor: &Actor) -> String {
    match &actor.mailbox {
        None => NOTHING.to_owned(),
        Some(mailbox) => match mailbox.capacity {
            Some(capacity) => format!("{}/{capacity}", mailbox.depth),
            None => mailbox.depth.to_string(),
        },
    }
}

/// The message in hand and for how long it has been.
pub(crate) fn in_hand(actor: &Actor) -> String {
    actor
        .busy
        .as_ref()
        .map_or(NOTHING.to_owned(), |busy| format!("{} {}", busy.message, lasts_ms(busy.for_ms)))
}

/// Restarts used, of how many are allowed.
pub(crate) fn restarts(actor: &Actor) -> String {
    match &actor.intensity {
        Some(intensity) => format!("{}/{}", intensity.used, intensity.allowed),
        None => actor.restarts.to_string(),
    }
}

/// A shard as a line.
pub(crate) fn shard_row(shard: &Shard) -> Vec<String> {
    let replicas = shard.replicas.iter().map(|replica| match replica.lag {
        Some(lag) => format!("{}:{lag}", replica.node),
        None => replica.node.clone(),
    });
    let number = |value: Option<u64>| value.map_or(NOTHING.to_owned(), |value| value.to_string());
    vec![
        shard.shard.to_string(),
        shard.owner.clone().unwrap_or_default(),
        shard.epoch.to_string(),
        shard.status.clone(),
        number(shard.position),
        number(shard.documents),
        replicas.collect::<Vec<_>>().join(","),
        shard.why.clone().unwrap_or_default(),
    ]
}

/// A failure as a line.
pub(crate) fn failure_row(failure: &Failed) -> Vec<String> {
    vec![
        when(failure.at_ms),
        failure.node.clone(),
        failure.path.clone(),
        failure.message.clone().unwrap_or_default(),
        failure.reason.clone(),
    ]
}

/// A dead letter as a line.
pub(crate) fn letter_row(letter: &DeadLetter) -> Vec<String> {
    vec![
        letter.id.clone(),
        when(letter.at_ms),
        letter.node.clone(),
        letter.path.clone(),
        letter.message.clone(),
        letter.document.clone().unwrap_or_default(),
        letter.attempts.to_string(),
        if letter.can_retry { "can-retry" } else { "lost" }.to_owned(),
        letter.reason.clone(),
    ]
}

/// A stage as a line.
pub(crate) fn step_row(step: &Step) -> Vec<String> {
    let ms = |value: Option<u64>| value.map_or(NOTHING.to_owned(), lasts_ms);
    vec![
        when(step.started_ms),
        step.stage.clone(),
        step.status.clone(),
        step.node.clone().unwrap_or_default(),
        step.actor.clone().unwrap_or_default(),
        format!("queue={}", ms(step.queue_ms)),
        format!("work={}", ms(step.work_ms)),
        step.detail.clone().unwrap_or_default(),
    ]
}

/// A moment that was told in milliseconds since 1970.
pub(crate) fn when(ms: u64) -> String {
    let at = i128::from(ms / 1_000 * 1_000) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(at).ok().filter(|_| ms > 0);
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| NOTHING.to_owned())
}

/// A time that was told in microseconds.
pub(crate) fn us(us: Option<u64>) -> String {
    match us {
        None => NOTHING.to_owned(),
        Some(us) if us < 1_000 => format!("{us}us"),
        Some(us) => lasts_ms(us / 1_000),
    }
}

/// A time, with the unit in which people would say it.
pub(crate) fn lasts_ms(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{}min", ms / 60_000),
        3_600_000..172_800_000 => format!("{}h", ms / 3_600_000),
        _ => format!("{}d", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_every_column() {
        let full = Actor {
            node: "n1".into(),
            path: "ocr/worker-0".into(),
            kind: "ocr_worker".into(),
            status: "waiting".into(),
            waiting_on: Some("pool ocr".into()),
            note: Some("reads page 3".into()),
            ..Actor::default()
        };
        let lines = columns(&[actor_row(&full), actor_row(&Actor::default())]);
        let count = |line: &str| line.split_whitespace().count();
        assert_eq!(count(&lines[1]), 11, "{lines:?}");
        // The last column alone may hold spaces.
        assert_eq!(lines[0].split_whitespace().take(10).last(), Some("0"));
        assert!(lines[0].contains("waiting:pool_ocr") && lines[0].ends_with("reads page 3"));
        let at = |line: &str, column: usize| {
            let word = line.split_whitespace().nth(column).unwrap();
            line.find(word).unwrap()
        };
        assert_eq!(at(&lines[0], 2), lines[1].match_indices('-').nth(2).unwrap().0);
    }

    #[test]
    fn a_reason_of_many_lines_stays_on_one() {
        let failure = Failed { reason: "panicked:\nindex out of bounds".into(), ..Failed::default() };
        assert_eq!(columns(&[failure_row(&failure)]).join("\n").lines().count(), 1);
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = [7, 1_250, 59_999, 61_000, 7_200_000, 400_000_000].map(lasts_ms);
        assert_eq!(said, ["7ms", "1.2s", "59.9s", "1min", "2h", "4d"]);
        assert_eq!((us(Some(12)), us(Some(12_345)), us(None)), ("12us".into(), "12ms".into(), "-".into()));
        assert_eq!(when(1_795_305_600_123), "2026-11-22T00:00:00Z");
        assert_eq!(when(0), "-");
    }
}
