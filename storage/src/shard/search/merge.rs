//! Joins hits that touch on the same page, so that an answer cites one span and not its halves. Pure.

use super::Hit;

/// Hits of the same page with consecutive numbers become one, at the place of the best of them.
pub(super) fn neighbours(hits: Vec<Hit>) -> Vec<Hit> {
    let mut merged: Vec<(Hit, std::ops::RangeInclusive<u32>)> = Vec::new();
    for hit in hits {
        let at = hit.chunk.ordinal;
        let beside = merged.iter_mut().find(|(held, range)| {
            let same_page = (held.document_id, held.chunk.page) == (hit.document_id, hit.chunk.page);
            same_page && (at.checked_add(1) == Some(*range.start()) || range.end().checked_add(1) == Some(at))
        });
        match beside {
            Some((held, range)) if at < *range.start() => {
                *range = at..=*range.end();
                *held = joined(hit, held.clone());
            }
            Some((held, range)) => {
                *range = *range.start()..=at;
                *held = joined(held.clone(), hit);
            }
            None => merged.push((hit, at..=at)),
        }
    }
    merged.into_iter().map(|(hit, _)| hit).collect()
}

/// `second` follows `first` on the page. What both have (an overlap) is kept once.
fn joined(first: Hit, second: Hit) -> Hit {
    let overlap = first.chunk.end.saturating_sub(second.chunk.start);
    let rest = usize::try_from(overlap).ok().and_then(|overlap| second.chunk.text.get(overlap..));
    let mut hit = first;
    match rest {
        Some(rest) if overlap > 0 => hit.chunk.text.push_str(rest),
        _ if second.chunk.start == hit.chunk.end => hit.chunk.text.push_str(&second.chunk.text),
        _ => {
            hit.chunk.text.push('\n');
            hit.chunk.text.push_str(&second.chunk.text);
        }
    }
    hit.chunk.end = hit.chunk.end.max(second.chunk.end);
    for line in second.chunk.boxes {
        if !hit.chunk.boxes.contains(&line) {
            hit.chunk.boxes.push(line);
        }
    }
    hit.chunk.is_table &= second.chunk.is_table;
    hit.score = hit.score.max(second.score);
    hit.words = hit.words.max(second.words);
    hit.cosine = hit.cosine.into_iter().chain(second.cosine).reduce(f32::max);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Chunk, DocumentId};

    fn hit(ordinal: u32, page: u32, start: u32, text: &str, score: f32) -> Hit {
        let end = start + text.len() as u32;
        let chunk = Chunk { ordinal, page, start, end, text: text.to_owned(), ..Chunk::default() };
        Hit { document_id: DocumentId([1; 16]), revision: 1, chunk, score, cosine: Some(score), words: 0.0 }
    }

    #[test]
    fn neighbours_become_one_span_without_their_overlap() {
        let hits = vec![
            hit(4, 1, 8, "três quatro", 0.9),
            hit(9, 1, 90, "x", 0.5),
            hit(3, 1, 0, "um dois três", 0.4),
        ];
        let merged = neighbours(hits);
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].chunk.text, "um dois três quatro");
        assert_eq!((merged[0].chunk.start, merged[0].chunk.ordinal), (0, 3));
        assert!((merged[0].score - 0.9).abs() < f32::EPSILON);
    }

    #[test]
    fn another_page_stays_apart() {
        assert_eq!(neighbours(vec![hit(0, 1, 0, "a", 0.9), hit(1, 2, 0, "b", 0.8)]).len(), 2);
    }
}
