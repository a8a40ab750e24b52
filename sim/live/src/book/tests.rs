use serde_json::json;

use super::*;

fn shown(status: &str, processed_at: &str) -> Value {
    json!({ "id": "7", "filename": "nota.pdf", "status": status, "processed_at": processed_at })
}

fn book() -> (Book, Door) {
    let mut book = Book::default();
    let number = book.send("nota.pdf".to_owned(), "linha".to_owned());
    let body = json!({ "document_id": "7" });
    book.accept(number, &Said { status: StatusCode::ACCEPTED, body, retry_after: None });
    (book, Door::new("n1"))
}

#[test]
fn a_second_result_and_a_way_back_are_seen() {
    for (later, is_wrong) in [
        (shown("ready", "10:00"), false),
        (shown("ready", "10:01"), true),
        (shown("processing", "null"), true),
        (shown("failed", "10:00"), true),
    ] {
        let (mut book, door) = book();
        book.shown(0, &shown("processing", "null"), &door);
        book.shown(0, &shown("ready", "10:00"), &door);
        assert_eq!(book.violations_count(), 0);
        book.shown(0, &later, &door);
        assert_eq!(book.violations_count(), usize::from(is_wrong), "{later}");
    }
}

#[test]
fn what_is_lost_twice_or_back_in_a_list_is_seen() {
    let there = shown("ready", "10:00");
    for (known, listed, is_wrong) in [
        (Known::Accepted, vec![there.clone()], false),
        (Known::Accepted, vec![], true),
        (Known::Accepted, vec![there.clone(), there.clone()], true),
        (Known::Deleted, vec![there.clone()], true),
        (Known::Deleted, vec![], false),
    ] {
        let (mut book, door) = book();
        book.papers[0].known = known;
        book.check_list(&door, &listed);
        assert_eq!(book.violations_count(), usize::from(is_wrong), "{known:?} {listed:?}");
    }
}
