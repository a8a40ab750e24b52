use super::*;
use proptest::prelude::*;

fn place() -> impl Strategy<Value = Place> {
    ("[a-z0-9][a-z0-9-]{0,62}", any::<u128>()).prop_map(|(name, generation)| Place { name, generation })
}

prop_compose! {
    fn header()(
        (kind, status, flags, hops) in any::<(u16, u8, u8, u8)>(),
        (left_ms, taken) in any::<(u32, u64)>(),
        trace in "[ -~]{0,128}",
        to in prop::option::of(place()),
        origin in prop::option::of(place()),
        (worked_for, span) in any::<(u128, u64)>(),
    ) -> Header {
        let worked_for = Traced(trace::Place::new(worked_for, span % 4));
        Header { kind, status, flags, hops, left_ms, taken, trace, to, origin, worked_for }
    }
}

fn any_what() -> impl Strategy<Value = What> {
    (1u8..=7).prop_filter_map("known", What::from_code)
}

/// The frame with `extra` behind the fields of its header, as a later version would send it.
fn with_later_fields(frame: &[u8], extra: &[u8]) -> Bytes {
    let (_, length) = preamble(frame).unwrap();
    let mut longer = frame[..PREAMBLE_BYTES - 2].to_vec();
    longer.extend_from_slice(&((length + extra.len()) as u16).to_be_bytes());
    longer.extend_from_slice(&frame[PREAMBLE_BYTES..PREAMBLE_BYTES + length]);
    longer.extend_from_slice(extra);
    longer.extend_from_slice(&frame[PREAMBLE_BYTES + length..]);
    longer.into()
}

#[test]
fn a_frame_of_a_node_that_knows_no_spans_is_read() {
    let header = Header { kind: 7, trace: "t".to_owned(), ..Header::default() };
    let frame = encode(What::Call, 1, 2, &header, b"body");
    let (_, length) = preamble(&frame).unwrap();
    let mut shorter = frame[..PREAMBLE_BYTES - 2].to_vec();
    shorter.extend_from_slice(&(length as u16 - 1).to_be_bytes());
    shorter.extend_from_slice(&frame[PREAMBLE_BYTES..PREAMBLE_BYTES + length - 1]);
    shorter.extend_from_slice(b"body");
    let read = decode(&shorter.into()).unwrap();
    assert_eq!((read.header, &read.body[..]), (header, &b"body"[..]));
}

proptest! {
    #[test]
    fn a_frame_is_read_as_it_was_written(
        what in any_what(), token in any::<u128>(), id in any::<u64>(), header in header(),
        body in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let bytes = Bytes::from(encode(what, token, id, &header, &body));
        prop_assert_eq!(decode(&bytes), Ok(Frame { what, token, id, header, body: body.into() }));
    }

    #[test]
    fn header_fields_of_a_later_version_are_skipped(
        header in header(), extra in prop::collection::vec(any::<u8>(), 1..300), body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let frame = encode(What::Call, 1, 2, &header, &body);
        let read = decode(&with_later_fields(&frame, &extra)).unwrap();
        prop_assert_eq!((read.header, &read.body[..]), (header, &body[..]));
    }

    #[test]
    fn random_bytes_are_refused_or_read_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes.clone().into());
        let _ = decode_first::<Hello>(&bytes);
        let _ = decode_first::<Welcome>(&bytes);
    }

    #[test]
    fn a_damaged_frame_never_panics_and_never_yields_a_longer_body(
        header in header(), at in any::<prop::sample::Index>(), flip in 1u8..=255, cut in any::<prop::sample::Index>(),
    ) {
        let mut frame = encode(What::Answer, 3, 4, &header, b"body");
        let at = at.index(frame.len());
        frame[at] ^= flip;
        if let Ok(read) = decode(&frame.clone().into()) {
            prop_assert!(read.body.len() <= frame.len() - PREAMBLE_BYTES);
        }
        frame.truncate(cut.index(frame.len()));
        let _ = decode(&frame.into());
    }
}

#[test]
fn a_version_that_is_not_understood_is_named_with_the_call_it_belongs_to() {
    let mut frame = encode(What::Call, 8, 9, &Header::default(), b"");
    frame[0] = VERSION_MAX + 1;
    let Err(WireError::Version(preamble)) = decode(&frame.into()) else { panic!("it was read") };
    assert_eq!((preamble.token, preamble.id), (8, 9));
}

#[test]
fn a_trace_is_cut_between_characters() {
    let header = Header { trace: "é".repeat(100), ..Header::default() };
    let read = decode(&encode(What::Call, 1, 1, &header, b"").into()).unwrap();
    assert_eq!(read.header.trace, "é".repeat(64));
}

#[test]
fn versions_meet_where_their_ranges_overlap() {
    assert!(versions_meet((VERSION_MIN, VERSION_MAX)) && versions_meet((0, 200)));
    assert!(!versions_meet((VERSION_MAX + 1, 200)));
}
