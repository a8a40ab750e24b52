use proptest::prelude::*;

use super::*;

#[derive(Debug, PartialEq, Encode, Decode)]
struct Sample {
    name: String,
    numbers: Vec<u32>,
    flag: Option<bool>,
}

fn sample() -> Sample {
    Sample { name: "Cláusula".to_owned(), numbers: vec![1, 70_000], flag: Some(true) }
}

#[test]
fn the_bytes_of_version_one_never_change() {
    let bytes = encode(Kind::Entry, &sample()).unwrap();
    let golden = "44514c3101010001230000004468df8c\
                  0900000000000000436cc3a17573756c61\
                  0200000000000000010000007011010001\
                  01";
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, golden.replace(' ', ""));
}

#[test]
fn every_single_flipped_bit_is_detected() {
    let long = Sample { name: "texto de contrato ".repeat(60), numbers: (0..200).collect(), flag: None };
    for value in [sample(), long] {
        let good = encode(Kind::Entry, &value).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode::<Sample>(Kind::Entry, &bad).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_torn_record_is_never_read() {
    let good = encode(Kind::Entry, &sample()).unwrap();
    for end in 0..good.len() {
        assert!(decode::<Sample>(Kind::Entry, &good[..end]).is_err(), "cut at {end}");
    }
    let mut long = good;
    long.push(0);
    assert!(matches!(decode::<Sample>(Kind::Entry, &long), Err(CodecError::Trailing { extra: 1 })));
}

#[test]
fn one_kind_is_never_read_as_another() {
    let bytes = encode(Kind::Manifest, &sample()).unwrap();
    assert!(matches!(decode::<Sample>(Kind::Entry, &bytes), Err(CodecError::Kind { found: 2, .. })));
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let mut bytes = encode(Kind::Entry, &sample()).unwrap();
    bytes[4] = 2;
    let error = decode::<Sample>(Kind::Entry, &bytes).unwrap_err();
    assert!(error.to_string().contains("upgrade this node"), "{error}");
}

#[test]
fn a_length_that_lies_allocates_nothing() {
    // A vector that claims 2^60 numbers, in an envelope whose checksum is right.
    let bytes = encode(Kind::Entry, &(0_u64, 1_u64 << 60)).unwrap();
    assert!(matches!(decode::<Sample>(Kind::Entry, &bytes), Err(CodecError::Decode(_))));
}

proptest! {
    #[test]
    fn what_was_written_is_read(name in ".{0,2000}", numbers: Vec<u32>, flag: Option<bool>) {
        let value = Sample { name, numbers, flag };
        let bytes = encode(Kind::Chunks, &value).unwrap();
        prop_assert_eq!(decode::<Sample>(Kind::Chunks, &bytes).unwrap(), value);
    }

    #[test]
    fn any_bytes_give_an_error_and_no_panic(bytes: Vec<u8>) {
        prop_assert!(decode::<Sample>(Kind::Entry, &bytes).is_err());
    }
}
