//! Answers as they are remembered: what is asked again and again is read many times and written once.

use bytes::Bytes;

use crate::question::Answer;
use crate::wire;

/// How an answer begins that is packed as [`Answer`] stands here. A change of it, or of anything in it, takes another
/// number: what begins otherwise was remembered by another version, and is as good as forgotten.
const PACKED: u8 = 1;

/// `answer` as it is kept.
pub(crate) fn packed(answer: &Answer) -> Bytes {
    let mut bytes = vec![PACKED];
    bytes.extend_from_slice(&wire::encode(answer));
    bytes.into()
}

/// An answer as it was kept, by this version or as JSON by one before it.
pub(crate) fn unpacked(bytes: &[u8]) -> Option<Answer> {
    let answer: Answer = match bytes.split_first()? {
        (&PACKED, rest) => wire::decode(rest).ok()?,
        _ => serde_json::from_slice(bytes).ok()?,
    };
    Some(Answer { cached: true, ..answer })
}

#[cfg(test)]
mod tests {
    use enabler_storage::record::DocumentId;

    use super::*;
    use crate::question::{Origin, Source};

    fn answer() -> Answer {
        let origin = Origin { document_id: DocumentId([7; 16]), filename: "ata.pdf".into() };
        let source = Source {
            page: 2,
            text: "é de 60 dias".into(),
            score: 0.5,
            start: 3,
            end: 15,
            boxes: vec![[1.0, 2.0, 3.5, 4.0]],
            origin: None,
        };
        Answer {
            text: "60 dias".into(),
            answered: true,
            confidence: 0.75,
            sources: vec![source.clone(), Source { origin: Some(origin), ..source }],
            rules_applied: true,
            corrections: vec!["Regra 'prazo': Resposta corrigida".into()],
            model: "m".into(),
            cached: false,
            prompt: "p1".into(),
            drafted: false,
        }
    }

    #[test]
    fn an_answer_is_remembered_as_it_was_given_also_by_a_version_that_wrote_json() {
        let told = Answer { cached: true, ..answer() };
        assert_eq!(unpacked(&packed(&answer())), Some(told.clone()));
        assert_eq!(unpacked(&serde_json::to_vec(&answer()).unwrap()), Some(told));
    }

    #[test]
    fn what_cannot_be_read_is_forgotten() {
        let bytes = packed(&answer());
        for wrong in [&[][..], &[PACKED], &[PACKED + 1, 0], b"{}", bytes.get(..bytes.len() - 1).unwrap()] {
            assert_eq!(unpacked(wrong), None, "{wrong:?}");
        }
    }

    /// Nodes of two versions share what is remembered: one that packs otherwise has to say so.
    #[test]
    fn a_change_of_what_is_packed_takes_another_number() {
        let hash = blake3::hash(&packed(&answer())).to_hex();
        assert_eq!((PACKED, hash.get(..16)), (1, Some("c7ee5e802678a8f2")));
    }
}
